#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# prometheus.sh <root> <example_prometheus_metrics> <parley-sandbox>: what is counted, and that the
# text is of the exposition format 0.0.4: families with HELP and TYPE before their samples, and no
# sample twice.
root=${1:?the root of the tree}
program=${2:?the example}
sandbox=${3:?the sandbox}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/tests/e2e/serve.sh"

# serve() knows one server: the sandbox is started first and kept by its process.
serve "$sandbox" --port 0
call_api=$url
call_api_server=$server
serve "$program" 0 "$call_api" test_valid
trap 'kill -KILL "$server" "$call_api_server" 2>/dev/null || true; rm -rf "$folder"' EXIT

api() { curl -s -o /dev/null "$url$1" -H 'Authorization: Bearer s3cret' "${@:2}"; }
dial() {
  api /v1/calls -H "Idempotency-Key: $1" \
    -d "{\"from_number\":\"+14155551234\",\"to_number\":\"$2\"}"
}
scrape() { curl -s -D "$folder/head" "$url/metrics" >"$folder/text"; }
# has <line>
has() { grep -qxF -- "$1" "$folder/text" || complain "not there: $1"; }

# All that is known from the start is there with 0.
scrape
grep -qi '^content-type: text/plain; version=0.0.4' "$folder/head" || complain "$(<"$folder/head")"
has 'parley_idempotency_events_total{event="outcome_lost"} 0'
has 'parley_cursor_refused_total{reason="forged"} 0'
has 'parley_redis_disconnections_total{reason="auth"} 0'
has 'parley_client_failures_total{reason="timed_out"} 0'
has 'parley_client_budget_tokens 500'

dial key-1 +14155556789
dial key-1 +14155556789                 # a replay
dial key-1 +14155556780                 # a conflict
dial key-2 +12025550106                 # refused by the call API: dnc_suppressed
dial key-3 +12025550146                 # it fails twice, then succeeds
api /v1/calls -X POST                   # no key
api /v1/none                            # no route
api '/v1/calls?limit=1'
api '/v1/calls?limit=1&cursor=AQEA'
curl -s -o /dev/null "$url/v1/calls"    # nobody
cursor=$(curl -s "$url/v1/calls?limit=1" -H 'Authorization: Bearer s3cret' |
  sed -n 's/.*"cursor":"\([^"]*\)".*/\1/p')
api "/v1/calls?limit=1&cursor=$cursor"
scrape
has 'parley_http_responses_total{route="/v1/calls",status="202",code=""} 3'
has 'parley_http_responses_total{route="/v1/calls",status="409",code="idempotency_conflict"} 1'
has 'parley_http_responses_total{route="/v1/calls",status="403",code="dnc_suppressed"} 1'
has 'parley_http_responses_total{route="/v1/calls",status="401",code="unauthorized"} 1'
has 'parley_http_responses_total{route="",status="404",code="not_found"} 1'
has 'parley_http_unprotected_total 0'
has 'parley_idempotency_events_total{event="claimed"} 3'
has 'parley_idempotency_events_total{event="replayed"} 1'
has 'parley_idempotency_events_total{event="conflict"} 1'
has 'parley_idempotency_events_total{event="stored"} 2'
has 'parley_idempotency_events_total{event="released"} 1'
has 'parley_cursor_issued_total{key="1"} 2'
has 'parley_cursor_taken_total{key="1"} 1'
has 'parley_client_responses_total{status="2xx"} 2'
has 'parley_client_responses_total{status="4xx"} 1'
has 'parley_client_responses_total{status="5xx"} 2'
has 'parley_client_retries_total 2'
[[ $(grep -c '^parley_cursor_refused_total{.*} 1$' "$folder/text") == 1 ]] ||
  complain "$(grep '^parley_cursor_refused_total' "$folder/text")"

awk '
  /^# HELP / { help[$3] = 1; next }
  /^# TYPE / { if (!help[$3]) print "no HELP before: " $0; type[$3] = $4; next }
  !/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9]+$/ { print "no sample: " $0 }
  {
    name = $1
    sub(/\{.*/, "", name)
    if (!type[name]) print "no TYPE before: " $0
    if (name != last && done[name]) print "apart from its family: " $0
    if (last != "" && name != last) done[last] = 1
    last = name
    series = $0
    sub(/ [0-9]+$/, "", series)
    if (seen[series]++) print "twice: " $0
    if (type[name] == "counter" && name !~ /_total$/) print "a counter without _total: " $0
  }' "$folder/text" >"$folder/wrong"
[[ ! -s $folder/wrong ]] || complain "$(<"$folder/wrong")"

for each in "$server" "$call_api_server"; do
  kill -TERM "$each"
  wait "$each" || complain "a server exited with $?"
done

# With a store in Redis that is not there, its state is shown, and the call is not placed.
serve "$sandbox" --port 0
call_api=$url
call_api_server=$server
serve "$program" 0 "$call_api" test_valid "unix://$folder/none"
trap 'kill -KILL "$server" "$call_api_server" 2>/dev/null || true; rm -rf "$folder"' EXIT
dial key-4 +14155556789
scrape
has 'parley_redis_ready 0'
has 'parley_http_responses_total{route="/v1/calls",status="500",code="internal_error"} 1'
has 'parley_idempotency_events_total{event="refused"} 1'
has 'parley_client_responses_total{status="2xx"} 0'
grep -qE '^parley_redis_disconnections_total\{reason="connect"\} [1-9]' "$folder/text" ||
  complain "$(grep '^parley_redis' "$folder/text")"
for each in "$server" "$call_api_server"; do
  kill -TERM "$each"
  wait "$each" || complain "a server exited with $?"
done

# What the operations guide says to look at is there.
page=docs/guide/operations.md
named=0
while read -r series; do
  named=$((named + 1))
  grep -qF -- "$series" "$folder/text" || complain "$page names $series, which is not exported"
done < <(grep -oE \
  'parley_[a-z_]+(\{[a-z]+="[a-z_]+"\})?|(event|reason)="[a-z_]+"' \
  "$root/$page" | sort -u)
((named > 20)) || complain "$page names only $named series"
exit "$failed"
