#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# rotation.sh <root> <example_cursor_tool>: the rotation of docs/guide/operations.md. No cursor that
# is given out in one step is refused in the next one, and those of a retired key are.
root=${1:?the root of the tree}
tool=${2:?the tool}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
command -v openssl >/dev/null || {
  echo "SKIPPED: openssl is not installed"
  exit 77
}
mkdir "$folder/here"
cd "$folder/here"

list=(--key-file keys --scope route=/v1/calls --scope tenant=t-1)
issue() { "$tool" issue "${list[@]}" --key timestamp:1767225600000000 --id i64:7; }
# verify <status> <cursor> <what it is>
verify() {
  local status=0
  "$tool" verify "$2" "${list[@]}" --schema timestamp,i64 >"$folder/said" 2>&1 || status=$?
  ((status == $1)) || complain "$3: $status and not $1: $(<"$folder/said")"
}

(umask 077 && echo "1 active $(openssl rand -base64 32)" >keys)

first=$(issue)
verify 0 "$first" 'a cursor of the first key'

echo "2 verify_only $(openssl rand -base64 32)" >>keys

verify 0 "$first" 'the same beside a key that verifies'
cp keys processes_that_are_behind
second=$(issue)
verify 0 "$second" 'another of the first key'

sed -i -e 's/^1 active /1 verify_only /' -e 's/^2 verify_only /2 active /' keys

verify 0 "$first" 'a cursor of the first key that only verifies'
verify 0 "$second" 'another one'
third=$(issue)
verify 0 "$third" 'a cursor of the second key'
list[1]=processes_that_are_behind
verify 0 "$third" 'the same where the second key only verifies yet'
list[1]=keys

sed -i 's/^1 verify_only .*/1 retired/' keys

verify 0 "$third" 'a cursor of the second key beside a retired one'
verify 1 "$first" 'a cursor of a retired key'
grep -q retired_key "$folder/said" || complain "not said why: $(<"$folder/said")"
exit "$failed"
