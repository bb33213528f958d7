#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# capacity.sh <example_capacity> <root>: how it refuses what it cannot use, and that the guide's
# blocks print what stands under them. The arithmetic is held by capacity_test.cpp.
set -uo pipefail
program=$1
guide=$2/docs/guide/scale.md
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

failed=0
complain() {
  printf '%s\n' "$@"
  failed=1
}

# refused <first line of stderr> <arguments...>
refused() {
  local wanted=$1 status told
  shift
  "$program" "$@" >"$folder/printed" 2>"$folder/told"
  status=$?
  told=$(head -n 1 "$folder/told")
  if ((status != 2)) || [[ $told != "$wanted" || -s $folder/printed ]] ||
    ! grep -q '^usage: example_capacity' "$folder/told"; then
    complain "$*: status $status, and on stderr: $told, wanted: $wanted"
  fi
}
refused 'mutations: no option' mutations 5
refused ': no option' ''
refused '--mutation: no option' --mutation 5
refused '--mutations: there is nothing behind it' --mutations
refused '--replicas: there is nothing behind it' --mutations 5 --replicas
refused '--replicas is given twice' --replicas 1 --replicas 1
refused '--mutations is given twice' --mutations 1 --mutations 1
for text in '' x 5x ' 5' +5 0x5 5,5; do
  refused '--response-bytes: not a number' --response-bytes "$text"
done
refused '--response-bytes: not a whole number, 0 to 536870912' --response-bytes 0.5
refused '--response-bytes: not a whole number, 0 to 536870912' --response-bytes -1
refused '--response-bytes: not a whole number, 0 to 536870912' --response-bytes 536870913
refused '--utilization-percent: not 1 to 100' --utilization-percent nan
refused '--retention-hours: not 0.01 to 1193' --retention-hours inf
refused '--retention-hours: not a number' --retention-hours 1e999
refused '--wait-replicas: more than --replicas' --replicas 0
refused '--wait-replicas: more than --replicas' --replicas 1 --wait-replicas 2
for rates in '' ',' '5,' ',5' '5, 6' '5,x'; do
  refused '--mutations: not a number' --mutations "$rates"
done
refused '--mutations: not 1 to 1000000000' --mutations 5,0
refused '--mutations: not 1 to 1000000000' --mutations 1000000001
refused '--mutations: more than five rates' --mutations 1,2,3,4,5,6

# printed <pattern> <arguments...>
printed() {
  local wanted=$1 got status
  shift
  got=$("$program" "$@" 2>"$folder/told")
  status=$?
  # shellcheck disable=SC2053
  if ((status != 0)) || [[ $got != $wanted || -s $folder/told ]]; then
    complain "$*: status $status, wanted $wanted, got:" "$got" "$(<"$folder/told")"
  fi
}
printed 'usage: example_capacity*' --help
printed 'usage: example_capacity*' --mutations x --help
printed 'mutations a second * 1 *2 *3 *4 *1,000,000,000
*' --mutations 1,2,3,4,1e9
printed '*
clusters * 1
masters of each * 1
nodes in all, with replicas * 2
*' --mutations 5
printed '*! no replica: *' --replicas 0 --wait-replicas 0
printed '*! fewer waited for than there are: *' --wait-replicas 0
if "$program" --mutations 5 | grep '^!'; then complain 'it warns of five mutations a second'; fi
printed '*by memory *above 16,384
*! 1,000,000,000 a second: *' --mutations 1e9 --response-bytes 536870912

"$program" >/dev/full 2>"$folder/told"
status=$?
if ((status != 1)) || [[ $(<"$folder/told") != 'example_capacity: cannot write' ]]; then
  complain "to /dev/full: status $status, and on stderr: $(<"$folder/told")"
fi

# Each block of the guide that runs the program, and the block behind it.
blocks=$(awk '
  /^```/ {
    inside = !inside
    if (inside) {
      language = substr($0, 4)
      is_output = language == "text" && ran
      ran = 0
    }
    next
  }
  inside && language == "sh" && /^example_capacity/ { print "$ " $0; ran = 1 }
  inside && is_output { print }' "$guide")
ran=0
wanted=
while IFS= read -r line; do
  if [[ $line == '$ '* ]]; then
    ran=$((ran + 1))
    read -r -a words <<<"${line#'$ '}"
    wanted+="$line"$'\n'$("$program" "${words[@]:1}" 2>&1)$'\n'
  fi
done <<<"$blocks"
if [[ $blocks$'\n' != "$wanted" ]]; then
  complain 'the guide says (<), and it prints (>):' \
    "$(diff <(echo "$blocks") <(printf '%s' "$wanted"))"
fi
((ran >= 2)) || complain "the guide has $ran blocks that run it"
((failed == 0))
