#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# webhook_receiver.sh <example_webhook_receiver>: what OpenSSL's program signed is taken, once, and
# nothing else is: not what is wrong, old, of the future, or lacks a header or has one twice.
set -uo pipefail
command -v openssl >/dev/null || {
  echo "skipped: no openssl"
  exit 0
}
source "$(dirname "$0")/serve.sh"
program=$1
folder=$(mktemp -d)
export log=$folder/log
umask 077

secret() { printf 'whsec_%s\n' "$(head -c "$1" /dev/zero | tr '\0' "$2" | openssl base64 -A)"; }
hex() { head -c "$1" /dev/zero | tr '\0' "$2" | od -An -v -tx1 | tr -d ' \n'; }
{ secret 32 k && secret 24 n; } >"$folder/secrets"
serve bash -c 'exec "$@" 2>"$log"' bash "$program" 0 "$folder/secrets"
trap 'kill -KILL "$server" 2>/dev/null; rm -r "$folder"' EXIT

failed=0
complain() {
  printf '%s\n' "$*"
  failed=1
}
# sign <hex of a secret> <id> <timestamp> <body>
sign() {
  printf 'v1,%s' "$(printf '%s.%s.%s' "$2" "$3" "$4" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary | openssl base64 -A)"
}
# deliver <status> <last line of the log> <id> <timestamp> <signature> <body> [curl argument...]
deliver() {
  local status=$1 told=$2 id=$3 time=$4 signature=$5 body=$6 got
  shift 6
  got=$(curl -s -o /dev/null -w '%{http_code}' "$url/webhooks" -H "webhook-id: $id" \
    -H "Webhook-Timestamp: $time" -H "webhook-signature: $signature" --data-binary "$body" "$@")
  [[ $got == "$status" && $(tail -n 1 "$log") == "$told" ]] ||
    complain "$id: wanted $status and '$told', got $got and '$(tail -n 1 "$log")'"
}

now=$(date +%s)
body='{"type":"phone_call.ended"}'
first=$(sign "$(hex 32 k)" msg_1 "$now" "$body")
deliver 204 'event msg_1 of 27 bytes' msg_1 "$now" "$first" "$body"
deliver 204 'event msg_1 once more' msg_1 "$now" "$first" "$body"
deliver 204 'event msg_2 of 27 bytes' msg_2 "$now" \
  "$(sign "$(hex 32 x)" msg_2 "$now" "$body") $(sign "$(hex 24 n)" msg_2 "$now" "$body")" "$body"
deliver 401 'refused: mismatch' msg_3 "$now" "$first" "$body"
deliver 401 'refused: mismatch' msg_1 "$now" "$first" "$body "
deliver 401 'refused: no_v1_signature' msg_1 "$now" "v1a${first#v1}" "$body"
for twice in "Webhook-Signature: $first" 'Webhook-Id: msg_1' "Webhook-Timestamp: $now"; do
  deliver 401 'refused: repeated_header' msg_1 "$now" "$first" "$body" -H "$twice"
done
# An hour: more than any time that this script takes.
old=$((now - 3600))
deliver 401 'refused: too_old' msg_4 $old "$(sign "$(hex 32 k)" msg_4 $old "$body")" "$body"
new=$((now + 3600))
deliver 401 'refused: too_new' msg_5 $new "$(sign "$(hex 32 k)" msg_5 $new "$body")" "$body"
deliver 401 'refused: mismatch' msg_6 "$now" "$(sign "$(hex 32 x)" msg_6 "$now" "$body")" "$body"
# curl leaves out a header without a value, and sends an empty one where a semicolon follows.
fresh=$(sign "$(hex 32 k)" msg_7 "$now" "$body")
deliver 401 'refused: missing_header' '' "$now" "$fresh" "$body"
deliver 401 'refused: missing_header' msg_7 '' "$fresh" "$body"
deliver 401 'refused: missing_header' msg_7 "$now" '' "$body"
deliver 401 'refused: missing_header' msg_7 "$now" '' "$body" -H 'Webhook-Signature;'
[[ $(curl -s -w '%{http_code}' "$url/webhooks" -d "$body") == \
  '{"error":{"code":"unauthorized","message":"The webhook is not signed."}}401' ]] ||
  complain 'wrong envelope'
# Nothing of what was refused was handled, and none of its ids is taken for seen.
deliver 204 'event msg_7 of 27 bytes' msg_7 "$now" "$fresh" "$body"
[[ $(grep -c '^event ' "$log") == 4 ]] || complain "handled: $(grep '^event ' "$log")"

stop
for line in whsec_AAAA "$(secret 24 n) "; do
  { secret 32 k && echo "$line"; } >"$folder/secrets"
  "$program" 0 "$folder/secrets" 2>"$log" && complain "taken: '$line'"
  grep -qE ':2: (too_short|not_base64)$' "$log" || complain "$(<"$log")"
done
: >"$folder/secrets"
"$program" 0 "$folder/secrets" 2>"$log" && complain 'taken: no secret'
grep -q ': no_secret$' "$log" || complain "$(<"$log")"
rm -r "$folder"
((failed == 0))
