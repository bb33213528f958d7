#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# classify_numbers.sh <example_classify_numbers>: what it prints, byte for byte.
set -uo pipefail
program=$1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

failed=0
# check <what it is>: runs the program on $folder/in, and compares what it prints with $folder/out.
check() {
  "$program" <"$folder/in" >"$folder/printed" 2>"$folder/told"
  local status=$?
  if ((status != 0)) || [[ -s $folder/told ]]; then
    printf '%s: status %s, and on stderr:\n' "$1" $status
    head -c 1000 "$folder/told"
    failed=1
  fi
  cmp "$folder/out" "$folder/printed" || {
    printf '%s: wanted and got:\n' "$1"
    head -c 1000 "$folder/out" | od -c | head -20
    head -c 1000 "$folder/printed" | od -c | head -20
    failed=1
  }
}
# lines <what it is> <input, as printf takes it> <output, likewise>
lines() {
  # shellcheck disable=SC2059
  printf "$2" >"$folder/in"
  # shellcheck disable=SC2059
  printf "$3" >"$folder/out"
  check "$1"
}

us='+14155550123\tok\t1\tUS\tFIXED_LINE_OR_MOBILE\t1\n'
lines 'three numbers' '+14155550123\n+442079460958\n+1911\n' \
  "$us"'+442079460958\tok\t44\tGB\tFIXED_LINE\t1\n+1911\tblocked\t1\t-\t-\t0\n'
lines 'nothing' '' ''
lines 'an empty line' '\n' '\tnot_e164\t-\t-\t-\t0\n'
lines 'empty lines' '\n+14155550123\n\n' "\tnot_e164\t-\t-\t-\t0\n$us\tnot_e164\t-\t-\t-\t0\n"
lines 'a carriage return' '+14155550123\r\n' '+14155550123\r\tnot_e164\t-\t-\t-\t0\n'
lines 'a tab' '+1415\t5550123\n' '+1415\t5550123\tnot_e164\t-\t-\t-\t0\n'
lines 'a NUL' '+1415\0005550123\n\000\n' \
  '+1415\0005550123\tnot_e164\t-\t-\t-\t0\n\000\tnot_e164\t-\t-\t-\t0\n'
lines 'high bytes' '+\331\241\331\242\n\377\n' \
  '+\331\241\331\242\tnot_e164\t-\t-\t-\t0\n\377\tnot_e164\t-\t-\t-\t0\n'
lines 'no line feed' '+14155550123' "$us"
lines 'no line feed behind another line' 'x\n+14155550123' "x\tnot_e164\t-\t-\t-\t0\n$us"
lines 'every status' '+12345678901234567\n+2101234567\n+1415555\n+15551234567\n' \
  '+12345678901234567\ttoo_long\t-\t-\t-\t0\n+2101234567\tunknown_calling_code\t-\t-\t-\t0\n'\
'+1415555\tinvalid_length\t1\t-\t-\t0\n+15551234567\tinvalid\t1\t-\t-\t1\n'
lines 'valid, but not possible' '+13106789\n+80012345678\n' \
  '+13106789\tok\t1\tCA\tUAN\t0\n+80012345678\tok\t800\t001\tTOLL_FREE\t1\n'

# Lines longer than any buffer, between others.
ten_million=$((10 * 1000 * 1000))
for head in '+:too_long' 'x:not_e164'; do
  {
    printf '%s' "${head%%:*}"
    head -c $ten_million /dev/zero | tr '\0' 1
  } >"$folder/long"
  { cat "$folder/long" && printf '\n+14155550123\n' && cat "$folder/long"; } >"$folder/in"
  said="\t${head#*:}\t-\t-\t-\t0\n"
  # shellcheck disable=SC2059
  { cat "$folder/long" && printf "$said$us" && cat "$folder/long" && printf "$said"; } \
    >"$folder/out"
  check "a line of 10 MB, ${head#*:}"
done

# Numbers that stand across the ends of its buffers, one byte further each time.
for ((i = 0; i < 5041; ++i)); do printf '+14155550123\n'; done >"$folder/many"
for ((i = 0; i < 5041; ++i)); do printf '%b' "$us"; done >"$folder/many_out"
for shift in '' a ab abc abcd abcde abcdef abcdefg abcdefgh abcdefghi abcdefghij abcdefghijk; do
  { printf '%s\n' "$shift" && cat "$folder/many"; } >"$folder/in"
  { printf '%s\tnot_e164\t-\t-\t-\t0\n' "$shift" && cat "$folder/many_out"; } >"$folder/out"
  check "numbers behind $shift"
done

# Where it cannot write it says so, of one line as of many.
printf '+14155550123\n' >"$folder/one"
for input in one many; do
  "$program" <"$folder/$input" >/dev/full 2>"$folder/told"
  status=$?
  if ((status != 1)) || [[ $(<"$folder/told") != 'classify_numbers: cannot write: '* ]]; then
    printf '%s to /dev/full: status %s, and on stderr: %s\n' $input $status "$(<"$folder/told")"
    failed=1
  fi
done
# Nor can a folder be read.
"$program" <"$folder" >"$folder/printed" 2>"$folder/told"
status=$?
if ((status != 1)) || [[ $(<"$folder/told") != 'classify_numbers: cannot read: '* ]]; then
  printf 'from a folder: status %s, and on stderr: %s\n' $status "$(<"$folder/told")"
  failed=1
fi
((failed == 0))
