#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# guides.sh <root>: the guide of each room says what problem it solves, shows it in a few lines that
# compile, and tells limits, errors, faults and cost. docs/README.md leads to every page.
root=${1:?the root of the tree}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

checked=0
for headers in "$root"/include/parley/*/; do
  room=$(basename "$headers")
  page=$root/docs/guide/$room.md
  checked=$((checked + 1))
  [[ -f $page ]] || {
    complain "docs/guide/$room.md: there is none"
    continue
  }
  for wanted in 'problem' 'in five lines' 'limits' 'errors' 'faults|what happens when' 'cost'; do
    grep -qiE "^##+ (.* )?($wanted)([ ,].*)?\$" "$page" ||
      complain "docs/guide/$room.md: no heading says '${wanted%%|*}'"
  done
  awk '
    /^##+ / { is_there = tolower($0) ~ /in five lines/; next }
    is_there && /^```/ { found = /^```cpp/; exit }
    END { exit !found }' "$page" ||
    complain "docs/guide/$room.md: the first block of 'In five lines' is no C++"
done

while read -r page; do
  name=${page#docs/}
  [[ $page == docs/*.md && $name != README.md && $name != guide/* ]] || continue
  grep -qF "]($name)" "$root/docs/README.md" || complain "docs/README.md: no link to $name"
done < <(pages)

echo "$checked guides"
((checked > 0)) || complain "there is nothing to check"
exit "$failed"
