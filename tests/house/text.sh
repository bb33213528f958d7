#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Text files: plain ASCII, no tab, no blank at the end of a line, a newline at the end. Code also:
# the licence tag first, at most 100 columns. Test data (.tsv, .json and the corpora of the fuzzers)
# and pictures may hold what they like.
source "$(dirname "$0")/common.sh"

mapfile -t texts < <(files \
  -not -name '*.tsv' -not -name '*.svg' -not -name '*.png' -not -path './LICENSE' \
  -not -path './tests/*.json' -not -path './bench/data/*' -not -path './tests/*/fuzz/*/*')
examined=${#texts[@]}

licence='SPDX-License-Identifier: Apache-2.0'
for file in "${texts[@]}"; do
  tag=''
  columns=100
  case $file in
    *.hpp | *.cpp | *.hpp.in | *.js | *.mjs) tag="// $licence" ;;
    *CMakeLists.txt | *.cmake | *.cmake.in | *.pc.in | *.sh | *.py | .ci/*) tag="# $licence" ;;
    *) columns=0 ;;
  esac
  case $file in *.generated.*) columns=0 ;; esac
  offend_lines < <(awk -v file="$file" -v tag="$tag" -v columns="$columns" '
    NR == 1 && /^#!/ { shebang = 1 }
    NR == 1 + shebang && tag != "" && $0 != tag { print file ":" NR ": the licence tag is missing" }
    /[^\t\r -~]/ { print file ":" NR ": not ASCII" }
    /\t/ { print file ":" NR ": a tab" }
    /[ \r]$/ { print file ":" NR ": a blank at the end of the line" }
    columns > 0 && length($0) > columns { print file ":" NR ": " length($0) " columns" }
    ' "$file")
  if [[ -s $file && -n $(tail -c 1 "$file") ]]; then
    offend "$file: no newline at the end"
  fi
done
verdict
