# SPDX-License-Identifier: Apache-2.0
#
# Sourced: which pages have code, their blocks, and who holds each of them to what the library does.
# `root` is the tree; `folder` is a new folder, gone at the end.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C

docs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

failed=0
complain() {
  printf '%s\n' "$*"
  failed=1
}

pages() {
  (cd "$root" && find README.md docs -name '*.md' -not -path 'docs/reference/*' | sort)
}

# blocks <page>: a line for each fenced block, `<line> <language> <whether it stands right behind
# another> <file>`; its text is in the file, without what the fence is indented by. `-` is no
# language. An indented block, and a fence that nothing ends, are a line `<line> ! <what> -`.
blocks() {
  local into
  into=$folder/blocks/${1//\//_}
  mkdir -p "$into"
  awk -v into="$into" '
    function end_block() { close(file); inside = 0; behind = 1 }
    !inside && match($0, /^ *(```+|~~~+)/) {
      fence = substr($0, 1, RLENGTH)
      language = substr($0, RLENGTH + 1)
      indent = match(fence, /[`~]/) - 1
      fence = substr(fence, indent + 1)
      gsub(/[ ].*$/, "", language)
      if (language == "") language = "-"
      inside = 1
      began = NR
      file = into "/" NR
      printf "" > file
      print NR, language, behind + 0, file
      next
    }
    inside && index($0, fence) == indent + 1 && $0 ~ /^ *(```+|~~~+) *$/ { end_block(); next }
    inside { print substr($0, match($0, /[^ ]/) > indent ? indent + 1 : 1) > file; next }
    /^ *$/ { blank = 1; next }
    # Four blanks behind an empty line are code (CommonMark, 4.4), but not in an item of a list.
    /^    / && blank && !list { print NR, "!", "indented", "-"; list = 1 }
    { blank = 0; behind = 0 }
    /^[^ ]/ { list = /^([-*+]|[0-9]+\.) / }
    END { if (inside) print began, "!", "open", "-" }' "$root/$1"
}

# found_in <block> <file>...: the first of the files that has every paragraph of the block, in that
# order. Blanks and the ends of lines do not count: the sources are formatted, a page is laid out.
found_in() {
  awk '
    function plain(text) {
      gsub(/[ \n]+/, " ", text)
      sub(/^ /, "", text)
      sub(/ $/, "", text)
      return text
    }
    function holds(text, i, at) {
      text = plain(text)
      for (i = 1; i <= count; ++i) {
        at = index(text, wanted[i])
        if (at == 0) return 0
        text = substr(text, at + length(wanted[i]))
      }
      return count > 0
    }
    function end_file() {
      if (seen == 1) {
        count = 0
        parts = split(text, all, /\n\n+/)
        for (i = 1; i <= parts; ++i) if (plain(all[i]) != "") wanted[++count] = plain(all[i])
      } else if (holds(text)) {
        print name
        is_found = 1
        exit
      }
    }
    FNR == 1 { if (seen) end_file(); ++seen; text = ""; name = FILENAME }
    { text = text $0 "\n" }
    END { if (!is_found && seen) end_file(); exit !is_found }' "$@"
}

# Sources that are compiled, those of the page first, and what tests expect programs to print.
compiled() {
  local own
  own=tests/docs/snippets/$(basename "$1" .md).cpp
  (
    cd "$root"
    [[ ! -f $own ]] || echo "$own"
    find docs/examples tests/docs/snippets -name '*.[ch]pp' 2>/dev/null | grep -vxF "$own" | sort
  )
}
expected() {
  compiled "$1"
  (cd "$root" && find tests/e2e/expected -name '*.txt' 2>/dev/null | sort)
}
# Of scripts that are run, that is, of all but the one that plants blocks which nobody holds.
scripts() {
  (cd "$root" && find tests -name '*.sh' -not -path 'tests/docs/selftest.sh' | sort)
}

# matches <language> <pattern> <block>: a line of the block does; of text, every line.
matches() {
  if [[ $1 == text ]]; then
    ! grep -qvE -- "$2" "$3"
  else
    grep -qE -- "$2" "$3"
  fi
}

# runner <page> <language> <block>: the test in runners.txt that runs this block. Its script is
# there, and where it is for one page it names that.
runner() {
  local line name page language pattern script
  while IFS= read -r line; do
    name=${line%% | *} line=${line#* | }
    page=${line%% | *} line=${line#* | }
    language=${line%% | *} line=${line#* | }
    script=${line##* | } pattern=${line% | *}
    [[ $page == '*' || $page == "$1" ]] || continue
    [[ $language == "$2" ]] && matches "$2" "$pattern" "$3" || continue
    [[ -f $root/$script ]] || return 1
    [[ $page == '*' ]] || grep -qF -- "$page" "$root/$script" || return 1
    echo "$name"
    return
  done < <(grep -v '^#' "$root/tests/docs/runners.txt")
  return 1
}

# holder <page> <language> <behind> <block> <holder of the block before>: the test that holds this
# block. Fails where there is none. The tests ask it for the blocks that are theirs.
holder() {
  local page=$1 language=$2 behind=$3 block=$4 before=$5 sources reason
  if reason=$(excepted "$page" "$block"); then
    echo "exception ($reason)"
    return
  fi
  cd "$root"
  [[ -s $block ]] || return 1
  if runner "$page" "$language" "$block"; then
    return
  fi
  case $language in
    cpp)
      mapfile -t sources < <(compiled "$page")
      found_in "$block" "${sources[@]}"
      ;;
    sh)
      mapfile -t sources < <(scripts)
      found_in "$block" "${sources[@]}"
      ;;
    json | text)
      if [[ $behind == 1 && $before =~ ^(docs|e2e)\. ]]; then
        echo "$before"
      else
        mapfile -t sources < <(expected "$page")
        found_in "$block" "${sources[@]}"
      fi
      ;;
    *) return 1 ;;
  esac
}

# excepted <page> <block>: the reason in exceptions.txt, whose lines are `<page> | <first line of
# the block> | <reason>`.
excepted() {
  local first
  first=$(grep -m 1 . "$2") || return 1
  awk -F ' [|] ' -v page="$1" -v first="$first" '
    /^#/ { next }
    $1 == page && index(first, $2) == 1 { print $3; is_found = 1; exit }
    END { exit !is_found }' "$root/tests/docs/exceptions.txt"
}

# blocks_of <holder>: `<page>:<line> <language> <file>` of each block that this test holds.
blocks_of() {
  local page line language behind block before held
  while read -r page; do
    before=
    while read -r line language behind block; do
      held=
      if [[ $language != '!' ]]; then
        held=$(holder "$page" "$language" "$behind" "$block" "$before") || held=
      fi
      before=$held
      [[ $held != "$1" ]] || echo "$page:$line $language $block"
    done < <(blocks "$page")
  done < <(pages)
}
