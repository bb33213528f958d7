#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What must not be left lying about: folders of the machine that something was written on, and notes
# to oneself in what is built. (The patterns are written so that they do not match themselves.)
source "$(dirname "$0")/common.sh"

mapfile -t all < <(files -not -path './tests/*/fuzz/*/*' -not -path './bench/data/*')
examined=${#all[@]}
if ((examined > 0)); then
  before='(^|[^A-Za-z0-9_.})/-])'
  offend_lines < <(grep -nHIE "$before/(([w]ork|[r]oot)(/|\$|[^a-z])|[h]ome/[a-z])" \
    "${all[@]}" | sed 's/^\([^:]*:[0-9]*\):.*/\1: a folder of one machine/')
fi

mapfile -t built < <(files -path './lib/*' -o -path './include/*' -o -path './cmake/*')
if ((${#built[@]} > 0)); then
  offend_lines < <(grep -nHIwE '[T]ODO|[F]IXME|[X]XX' "${built[@]}" |
    sed 's/^\([^:]*:[0-9]*\):.*/\1: a note to oneself/')
fi
verdict
