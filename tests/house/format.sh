#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# C++ files are as clang-format leaves them. Another release formats otherwise, so it is not asked.
source "$(dirname "$0")/common.sh"

program=${CLANG_FORMAT:-clang-format}
if ! command -v "$program" >/dev/null; then
  echo "SKIPPED: $program is not installed"
  exit 77
fi
release=$("$program" --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
if [[ $release != 14 ]]; then
  echo "SKIPPED: the format is that of clang-format 14, and $program is $release"
  exit 77
fi

mapfile -t sources < <(files \( -name '*.cpp' -o -name '*.hpp' \) -not -name '*.generated.*')
examined=${#sources[@]}
if ((examined > 0)); then
  offend_lines < <("$program" --style=file --dry-run "${sources[@]}" 2>&1 |
    sed -n 's/^\([^ :]*:[0-9]*\):[0-9]*: .*-Wclang-format-violations.*/\1: not formatted/p' |
    sort -u -V)
fi
verdict
