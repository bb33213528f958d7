#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# two_sandboxes.sh <parley-sandbox> <example_idempotency_tool>: two sandboxes on one Redis server.
# 200 requests at once with one key, half of them to each, place one call.
set -uo pipefail
sandbox=$1
tool=$2
folder=$(mktemp -d)
# shellcheck source=tests/e2e/redis.sh
source "$(dirname "$0")/redis.sh"
sandboxes=()
finish() {
  ((${#sandboxes[@]} == 0)) || kill -KILL "${sandboxes[@]}" 2>/dev/null
  stop_redis
  rm -r "$folder"
}
trap finish EXIT
umask 077
start_redis || exit 1

failed=0
fail() {
  echo "$*"
  failed=1
}

head -c 32 /dev/urandom >"$folder/digest-key"
store="unix://$folder/redis"
# start <arguments...>: sets `url`; its process is the last of `sandboxes`.
start() {
  local output line=
  exec {output}< <(exec "$sandbox" --port 0 --store "$store" "$@")
  sandboxes+=($!)
  read -r line <&"$output"
  url=${line#listening on }
  [[ $line == "listening on http://127.0.0.1:"* ]] || {
    echo "the sandbox said: $line"
    exit 1
  }
}
start --digest-key-file "$folder/digest-key"
first=$url
start --digest-key-file "$folder/digest-key"
second=$url

body='{"from_number":"+14155551234","to_number":"+14155556789"}'
# dial <url> <key> [curl arguments...]
dial() {
  local to=$1 key=$2
  shift 2
  curl -s "$to/v1/calls/dial" -H 'Authorization: Bearer test_valid' \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $key" -d "$body" "$@"
}
# number <url> <member>: of the journal.
number() {
  curl -s "$1/sandbox/requests" | grep -oE "\"$2\":[0-9]+" | tail -n 1 | grep -oE '[0-9]+$'
}
runs() { echo $(($(number "$1" handler_runs) + $(number "$2" handler_runs))); }

# 200 requests at once, to the two in turn.
for ((i = 0; i < 200; ++i)); do
  to=$first
  ((i % 2 == 0)) || to=$second
  printf 'url = "%s/v1/calls/dial"\noutput = "%s/answer.%d"\n' "$to" "$folder" "$i"
done >"$folder/requests"
curl --no-progress-meter --parallel --parallel-immediate --parallel-max 200 \
  --config "$folder/requests" -H 'Authorization: Bearer test_valid' \
  -H 'Content-Type: application/json' -H 'Idempotency-Key: one key' -d "$body" \
  -w '%{http_code}\n' >"$folder/statuses" ||
  fail "curl exited with $?"
[[ $(sort "$folder/statuses" | uniq -c | tr -s ' ') == ' 200 202' ]] ||
  fail "statuses: $(sort "$folder/statuses" | uniq -c)"
[[ $(find "$folder" -name 'answer.*' | wc -l) == 200 ]] || fail "not 200 answers"
[[ $(cat "$folder"/answer.* | sed 's/}}/}}\n/g' | sort -u | wc -l) == 1 ]] ||
  fail "answers: $(cat "$folder"/answer.*)"
[[ $(<"$folder/answer.0") == '{"data":{"call_id":"call_'* ]] || fail "$(<"$folder/answer.0")"
[[ $(runs "$first" "$second") == 1 ]] || fail "$(runs "$first" "$second") runs of the handler"

# Both have seen their half.
for each in "$first" "$second"; do
  [[ $(number "$each" total_results) == 100 ]] || fail "$each: not 100 requests"
  dial "$each" 'one key' -i | grep -qi '^Idempotency-Replay: true' || fail "$each: no replay"
done
body=${body/6789/6780}
[[ $(dial "$second" 'one key' -w '%{http_code}') == *'"conflicts_with"'*409 ]] ||
  fail 'another request under the key is no conflict'

# The tool finds the record by the key, and a sandbox that knows no digest key does not.
printf 'one key\ntest_valid\n' >"$folder/key"
show() {
  "$tool" show --store "$store" --prefix parley-sandbox: --key-file "$folder/key" \
    --digest-key-file "$folder/digest-key" --body
}
[[ $(show) == *$'\nstate completed\n'*call_* ]] || fail "the tool shows: $(show 2>&1)"
start
third=$url
dial "$third" 'one key' -i | grep -qi '^Idempotency-Replay' &&
  fail 'a replay under another digest key'
[[ $(number "$third" handler_runs) == 1 ]] || fail 'no run under another digest key'
start
dial "$url" 'one key' -i | grep -qi '^Idempotency-Replay: true' ||
  fail 'no replay under the digest key that everybody knows'

# The clock of a sandbox does not move what is in Redis.
curl -s -X POST "$first/sandbox/clock/advance" -d '{"seconds":864000}' >/dev/null
body=${body/6780/6789}
dial "$first" 'one key' -i | grep -qi '^Idempotency-Replay: true' || fail 'the clock moved a record'

# A reset clears the records of sandboxes, and no others.
redis SET 'parley:0123456789abcdef0123456789abcdef' other >/dev/null
redis SET 'parley-sandbox:other' other >/dev/null
[[ $(curl -s -X POST -w '%{http_code}' "$second/sandbox/reset") == 204 ]] || fail 'no reset'
[[ $(redis DBSIZE) == 2 ]] || fail "left after a reset: $(redis KEYS '*')"
dial "$first" 'one key' -i | grep -qi '^Idempotency-Replay' && fail 'a replay after a reset'

# Without the server a keyed request fails and nothing runs; a reset says so.
before=$(runs "$first" "$second")
stop_redis
[[ $(dial "$first" 'key 2' -w '%{http_code}') == *'"internal_error"'*500 ]] ||
  fail 'no error without Redis'
[[ $(curl -s -X POST -w '%{http_code}' "$third/sandbox/reset") == *'"internal_error"'*500 ]] ||
  fail 'a reset without Redis'
[[ $(runs "$first" "$second") == "$before" ]] || fail 'a run without a claim'

# With it again, a reset gets there although its connection is the old one.
start_redis || exit 1
redis SET "parley-sandbox:0123456789abcdef0123456789abcdef" record >/dev/null
[[ $(curl -s -X POST -w '%{http_code}' "$second/sandbox/reset") == 204 ]] || fail 'no second reset'
[[ $(redis DBSIZE) == 0 ]] || fail "left after the second reset: $(redis KEYS '*')"

# A store that is none, and a digest key that is too short.
refuse() {
  local part=$1 told status
  shift
  told=$("$sandbox" --port 0 "$@" 2>&1)
  status=$?
  [[ $status != 0 && $told == *"$part"* ]] || fail "$*: $status, $told"
}
refuse 'cannot keep idempotency records: url: ' --store redis.example
refuse 'less than 32 bytes' --digest-key-file <(printf '%031d' 0)
refuse 'not a file with a digest key' --digest-key-file "$folder/none"

for each in "${sandboxes[@]}"; do
  kill -TERM "$each"
  wait "$each" || fail "a sandbox exited with $?"
done
sandboxes=()
((failed == 0))
