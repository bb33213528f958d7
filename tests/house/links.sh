#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Links of Markdown files that stay in this tree lead to a file, and to a heading in it.
source "$(dirname "$0")/common.sh"

# The anchors of a file: those of its headings as the usual renderers make them (lower case, marks
# dropped, blanks to hyphens, -1 and so on for a repeated one), and ids of its own.
anchors() {
  awk '
    /^[ ]*(```|~~~)/ { fenced = !fenced; next }
    fenced { next }
    /^#+[ ]/ {
      text = $0
      sub(/^#+[ ]+/, "", text)
      sub(/[ ]+#*[ ]*$/, "", text)
      while (match(text, /\]\([^)]*\)/)) {
        text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
      }
      text = tolower(text)
      gsub(/[^a-z0-9_ -]/, "", text)
      gsub(/ /, "-", text)
      print text (seen[text]++ ? "-" seen[text] - 1 : "")
    }
    {
      rest = $0
      while (match(rest, /(id|name)="[^"]*"/)) {
        id = substr(rest, RSTART, RLENGTH)
        sub(/^[a-z]*="/, "", id)
        sub(/"$/, "", id)
        print id
        rest = substr(rest, RSTART + RLENGTH)
      }
    }' "$1"
}

# The links of a file, as `line target`: [text](target), [name]: target. Code is left out.
links() {
  awk '
    /^[ ]*(```|~~~)/ { fenced = !fenced; next }
    fenced { next }
    {
      rest = $0
      gsub(/`[^`]*`/, "`", rest)
      if (match(rest, /^[ ]*\[[^]]+\]:[ ]+/)) {
        target = substr(rest, RLENGTH + 1)
        sub(/[ ].*$/, "", target)
        print NR " " target
        next
      }
      while (match(rest, /\]\([^)]*\)/)) {
        target = substr(rest, RSTART + 2, RLENGTH - 3)
        sub(/[ ].*$/, "", target)
        print NR " " target
        rest = substr(rest, RSTART + RLENGTH)
      }
    }' "$1"
}

mapfile -t pages < <(files -name '*.md')
examined=${#pages[@]}
for page in "${pages[@]}"; do
  while read -r number target; do
    case $target in
      http://* | https://* | mailto:*) continue ;;
      '')
        offend "$page:$number: a link to nothing"
        continue
        ;;
      /*)
        offend "$page:$number: $target: not relative"
        continue
        ;;
    esac
    path=${target%%#*}
    if [[ -z $path ]]; then file=$page; else file=$(dirname "$page")/$path; fi
    if [[ ! -e $file ]]; then
      offend "$page:$number: $target: there is no such file"
    elif [[ $target == *'#'* && $file == *.md ]] &&
      ! anchors "$file" | grep -qxF -e "${target#*#}"; then
      offend "$page:$number: $target: there is no such heading"
    fi
  done < <(links "$page")
done
verdict
