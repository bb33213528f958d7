#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# call_api.sh <example_call_api> <root> <parley-sandbox>: the typed client against the sandbox, each
# step a process of its own. What one process could not finish the next one does, once.
set -uo pipefail
example=$1
# shellcheck source=tests/e2e/serve.sh
source "$2/tests/e2e/serve.sh"
serve "$3" --port 0
folder=$(mktemp -d)
trap 'kill -KILL "$server" 2>/dev/null; rm -rf "$folder"' EXIT

failed=0
fail() {
  echo "$*"
  failed=1
}
api() { "$example" "$url" "$@"; }
# exits <status> <words...>: what it prints is in `said`.
exits() {
  local expected=$1
  shift
  said=$(api "$@" 2>"$folder/errors")
  local status=$?
  ((status == expected)) || fail "$*: exit $status and not $expected; $said $(<"$folder/errors")"
}
control() { curl -s "$url/sandbox/$1" -d "$2" >/dev/null; }

from=+14155551234

# A call, and how it ends.
exits 0 dial $from +12025550116
id=$said
[[ $id == call_* ]] || fail "no id: $id"
exits 0 wait "$id"
[[ $said == "$id busy busy" ]] || fail "wait: $said"
exits 0 get "$id"
[[ $said == "$id busy busy" ]] || fail "get: $said"
exits 0 dial $from +14155556789
id=$said
exits 0 cancel "$id"
[[ $said == "$id "c* ]] || fail "cancel: $said"  # canceled, or completed before
exits 1 get call_none
exits 1 dial $from +12025550106
grep -q "status 403, code 'dnc_suppressed', 1 attempts, answered: not_done" "$folder/errors" ||
  fail "$(<"$folder/errors")"

# The response is lost: nobody knows, until the next process sends the same again.
control reset ''
control faults '{"route": "POST /v1/calls/dial", "fault": "response_lost", "times": 1}'
CALL_API_ATTEMPTS=1 exits 3 dial $from +14155556789 "$folder/saved"
exits 0 send "$folder/saved"
id=$said
exits 0 send "$folder/saved"
[[ $said == "$id" ]] || fail "another call: $said and $id"
exits 0 list
[[ $said == "$id" ]] || fail "not one call: $said"

# A damaged copy is no call.
printf x >>"$folder/saved"
exits 2 send "$folder/saved"

# The outcome by webhook, with one that comes late and twice.
control reset ''
control faults '{"route": "webhook", "fault": "webhook_duplicate"}'
exits 0 outcome $from +12025550121
[[ $said == call_*' completed voicemail_reached' ]] || fail "outcome: $said"

# A list that is walked by several processes: each item once.
control reset ''
for ((i = 0; i < 45; i++)); do api dial $from +14155556789 >>"$folder/all" 2>&1; done
: >"$folder/place"
for ((i = 0; i < 7; i++)); do api list "$folder/place" 7 >>"$folder/seen" 2>&1; done
cmp -s "$folder/all" "$folder/seen" || {
  fail "the walk:"
  diff "$folder/all" "$folder/seen" | head -n 5
}

rm -r "$folder"
stop
exit $failed
