#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# named_tests.sh <root> <ctest> <build folder>: each test that docs/threat-model.md names is there.
# Of a room whose tests are not built, its sources are asked. A room that is not among those that
# this build has is left out.
root=${1:?the root of the tree}
ctest=${2:?ctest}
build=${3:?the build folder}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
page=docs/threat-model.md

# The names without parameters: of beast.Good/CheckHead.TellsTheBody/Nothing, and of a typed test,
# what stands before the last slash or the angle bracket.
"$ctest" --test-dir "$build" -N -C deep >"$folder/listed"
sed -n 's/^ *Test *#[0-9]*: //p' "$folder/listed" >"$folder/all"
sed -E -e 's/<.*//' -e 's,^([^.]*\.[^.]*\.[^/]*)/.*,\1,' "$folder/all" | sort -u >"$folder/tests"

named=0
left_out=0
while read -r name; do
  named=$((named + 1))
  ! grep -qxF "$name" "$folder/tests" || continue
  IFS=. read -r room suite test <<<"$name"
  if grep -qE "(^|_)${room}_test.*_NOT_BUILT|^$room.*_NOT_BUILT" "$folder/all"; then
    suite=${suite##*/}
    grep -rqE "^(TYPED_)?TEST(_[FP])?\($suite, *$test\)" "$root/tests/$room" && continue
    # The cases of the kit are not written as tests.
    if [[ $suite == Conformance ]]; then
      ! grep -rqF "\"$test\"" "$root/lib/idempotency_testing" || continue
    fi
  elif ! grep -q "^$room\." "$folder/all"; then
    left_out=$((left_out + 1))
    continue
  fi
  complain "$page names $name, and there is no such test"
done < <(grep -oE '`[a-z0-9_]+\.[A-Z][A-Za-z0-9_]*([./][A-Za-z0-9_]+)*`' "$root/$page" |
  tr -d '`' | sort -u)

# Each threat has its tests, or says that it has none.
awk '
  /^##/ { if (is_threat && !held) print "a threat that nothing holds: " title }
  /^## / { in_threats = /^## Threats$/ }
  /^##/ { is_threat = in_threats && /^### /; title = $0; held = 0 }
  /^\| held by \|$/ { held = 1 }' "$root/$page" >"$folder/bare"
[[ ! -s $folder/bare ]] || complain "$(<"$folder/bare")"

echo "$named tests are named, $left_out of rooms that are not built"
((named > 100)) || complain "that is less than the page has"
exit "$failed"
