#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sandbox_faults.sh <parley-sandbox>: a client that has nothing but curl and an Idempotency-Key gets
# its call placed once, whatever happens to the connection.
set -uo pipefail
# shellcheck source=tests/e2e/serve.sh
source "$(dirname "$0")/serve.sh"
serve "$1" --port 0

failed=0
fail() {
  echo "$*"
  failed=1
}
# dial <destination> <key> [curl arguments...]
dial() {
  local to=$1 key=$2
  shift 2
  curl -s "$url/v1/calls/dial" -H 'Authorization: Bearer test_valid' \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $key" \
    -d "{\"from_number\":\"+14155551234\",\"to_number\":\"$to\"}" "$@"
}

# What curl says of each: 18 cut short, 28 no answer in time, 52 ended, 56 reset.
expect_exit() {
  local wanted=$1
  shift
  dial "$@" >/dev/null
  local status=$?
  [[ $status == "$wanted" ]] || fail "curl exited with $status for $1, not $wanted"
}
expect_exit 28 +12025550141 hang -m 0.2
expect_exit 56 +12025550142 reset
expect_exit 18 +12025550143 cut
expect_exit 52 +12025550147 lost
for key in cut lost; do
  number=+12025550143
  [[ $key == cut ]] || number=+12025550147
  [[ $(dial "$number" "$key" -i) == *$'\nIdempotency-Replay: true\r'* ]] || fail "$key: no replay"
done

# Retries until there is an answer.
until_done() {
  local tries=0
  while ((tries++ < 50)); do
    status=$(dial "$1" "$2" -o /dev/null -w '%{http_code}')
    [[ $status != 202 ]] || break
  done
  echo "$tries"
}
[[ $(until_done +12025550146 twice) == 3 ]] || fail 'not twice a failure, then a success'

# Half of all responses are lost, in the same way each time, and ten calls are placed.
curl -s -X POST "$url/sandbox/reset"
rule='{"route":"POST /v1/calls/dial","fault":"response_lost","probability":0.5,"seed":3}'
run() {
  [[ $(curl -s "$url/sandbox/faults" -d "$rule") == *'"rule":1,'* ]] || fail 'no rule'
  for ((i = 0; i < 10; ++i)); do until_done +14155556789 "key $i"; done
}
first=$(run)
[[ $(curl -s "$url/sandbox/requests" | grep -o '"handler_runs":1[,}]' | wc -l) == 10 ]] ||
  fail 'not ten runs of the handler'
[[ $(curl -s "$url/v1/calls" -H 'Authorization: Bearer test_valid') == *'"total_results":10,'* ]] ||
  fail 'not ten calls'
[[ $first == *[2-9]* ]] || fail "nothing was lost: $first"
curl -s -X POST "$url/sandbox/reset"
[[ $(run) == "$first" ]] || fail 'other requests were hit the second time'

# The pages for people and for programs.
[[ $(curl -s "$url/") == *'<td class="code">response_lost</td>'* ]] || fail 'no rule on the page'
[[ $(curl -s "$url/openapi.json") == *'"openapi":"3.1.0"'* ]] || fail 'no OpenAPI document'
[[ $(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$url/sandbox/faults") == 204 ]] ||
  fail 'the rules cannot be forgotten'
[[ $(curl -s "$url/sandbox/faults") == '{"data":[]}' ]] || fail 'rules are left'

stop
((failed == 0))
