#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# client_over_curl.sh <example_client_over_curl> <root> <parley-sandbox>: calls and a list, with
# what is kept in files between runs.
set -uo pipefail
source "$(dirname "$0")/serve.sh"
program=$1
sandbox=$3
folder=$(mktemp -d)
serve "$sandbox" --port 0
trap 'kill -KILL "$server" 2>/dev/null; rm -r "$folder"' EXIT

failed=0
complain() {
  printf '%s\n' "$*"
  failed=1
}
# run <status> <text in what is printed> <argument...>
run() {
  local status=$1 text=$2 got
  shift 2
  output=$("$program" "$@" 2>&1)
  got=$?
  [[ $got == "$status" && $output == *"$text"* ]] ||
    complain "$*: wanted $status and '$text', got $got and '$output'"
}
key() { grep -aoE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$folder/call"; }
dial() { run "$1" "$2" dial "$url" "$folder/call" +14155551234 "$3"; }

dial 0 '"call_id":"call_' +14155556789
[[ -e $folder/call ]] && complain 'a call that is done is kept'
dial 1 'answered (not_done) after 1 attempts: {"error":{"code":"dnc_suppressed"' +12025550106
[[ -e $folder/call ]] && complain 'a call that is refused is kept'

# 502 room_creation_failed: not known. It is sent again as it was saved, whatever else is asked for.
dial 75 'attempts_used_up (unknown) after 3 attempts' +12025550122
saved=$(key)
dial 75 'attempts_used_up (unknown) after 3 attempts: {"error":{"code":"room_creation_failed"' \
  +14155556789
[[ -n $saved && $(key) == "$saved" ]] || complain 'another key'
echo damaged >"$folder/call"
dial 1 "$folder/call: damaged" +14155556789
rm "$folder/call"

list() {
  run 0 '' list "$url" "$folder/place"
  [[ $(grep -c '"id":"call_' <<<"$output") == "$1" ]] || complain "wanted $1 calls, got $output"
}
dial 0 call_ +14155556781
dial 0 call_ +14155556782
list 3
list 0
dial 0 call_ +14155556783
dial 0 call_ +14155556784
list 2
run 2 'usage: ' list "$url"

stop
dial 1 'attempts_used_up (not_done) after 3 attempts: ' +14155556789
run 75 'attempts_used_up' list "$url" "$folder/place"
rm -r "$folder"
((failed == 0))
