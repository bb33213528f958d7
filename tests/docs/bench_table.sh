#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench_table.sh <root of the tree> [--update]: the figures in README.md under "What it costs" are
# those of docs/bench/report.md, without their ranges; --update writes them there.
#
# A row names its figures by room, case and what stands beside it:
#   | `errors` | name to code | 2.94 ns | std::unordered_map | 18.1 ns | 6.15 |
set -euo pipefail
export LC_ALL=C

root=$1
report=$root/docs/bench/report.md
made=$(mktemp)
trap 'rm -f "$made"' EXIT

status=0
awk -v report="$report" '
  function without_range(figure) { sub(/ \([^()]* to [^()]*\)/, "", figure); return figure }
  BEGIN {
    while ((getline line < report) > 0) {
      if (line ~ /^## /) room = substr(line, 4)
      n = split(line, part, " [|] ")
      if (n < 6) continue
      sub(/^[|] /, "", part[1])
      figures[room, part[1], part[3]] = without_range(part[2]) SUBSEP without_range(part[4]) \
        SUBSEP part[5]
    }
  }
  /^## / { is_table = $0 == "## What it costs" }
  is_table && /^[|] `/ {
    n = split($0, part, " [|] ")
    room = part[1]; gsub(/[|` ]/, "", room)
    if (!((room, part[2], part[4]) in figures)) {
      print "README.md: the report has no row for this: " $0 >"/dev/stderr"
      bad = 1
    } else {
      split(figures[room, part[2], part[4]], f, SUBSEP)
      $0 = part[1] " | " part[2] " | " f[1] " | " part[4] " | " f[2] " | " f[3] " |"
    }
    ++rows
  }
  { print }
  END {
    if (rows == 0) { print "README.md: no rows under What it costs" >"/dev/stderr"; bad = 1 }
    exit bad
  }' "$root/README.md" >"$made" || status=1

if [[ ${2-} == --update ]]; then
  ((status)) || cat "$made" >"$root/README.md"
elif ! diff "$root/README.md" "$made"; then
  echo "README.md has other figures than the report; bash tests/docs/bench_table.sh . --update"
  status=1
fi
exit "$status"
