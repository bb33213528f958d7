#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# blocks.sh <root>: every block of code in README.md and docs/ is held by a test: compiled, run, or
# compared with what a program prints. A new page is found by itself. What is to be done about a
# block that nobody holds:
#   cpp        put it into tests/docs/snippets/<page>.cpp, which is compiled and run; or into a
#              program of docs/examples
#   sh         curl lines to port 8080 are run against the sandbox. Other lines stand, just so, in a
#              script of tests/, or a script takes them from the page: see runners.txt
#   json text  what such lines print, right behind them; else a text that a snippet or an e2e test
#              compares with what it got
# The few that nothing can hold are in exceptions.txt, each with its reason.
root=${1:?the root of the tree}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

: >"$folder/held"
count=0
while read -r page; do
  before=
  while read -r line language behind block; do
    if [[ $language == '!' ]]; then
      case $behind in
        indented) complain "$page:$line: an indented block: give it a fence and a language" ;;
        *) complain "$page:$line: a fence that nothing ends" ;;
      esac
      continue
    fi
    count=$((count + 1))
    before=$(holder "$page" "$language" "$behind" "$block" "$before") || before=
    case $language in
      cpp | sh | cmake | json | text)
        [[ -n $before ]] || complain "$page:$line: no test holds this $language block"
        ;;
      -) complain "$page:$line: a block without a language" ;;
      *) complain "$page:$line: nobody checks blocks of the language '$language'" ;;
    esac
    echo "$language ${before%% *}" >>"$folder/held"
  done < <(blocks "$page")
done < <(pages)

# What is not listed is not compiled, and what is hidden from the compiler is not either.
snippets=0
while read -r source; do
  snippets=$((snippets + 1))
  name=$(basename "$source" .cpp)
  grep -qE "^parley_snippet\(${name}[ )]" "$root/tests/docs/CMakeLists.txt" ||
    complain "$source: not listed in tests/docs/CMakeLists.txt"
  # The one condition that there may be is around a warning of g++ 12.
  if grep -nE '^ *# *(if|elif|else)|/\*' "$root/$source" |
    grep -vF '#if defined(__GNUC__) && !defined(__clang__)'; then
    complain "$source: parts of it are hidden from the compiler"
  fi
done < <(cd "$root" && find tests/docs/snippets -name '*.cpp' 2>/dev/null | sort)

# An exception for a block that is gone is one that nobody looked at.
while IFS= read -r exception; do
  page=${exception%% | *}
  first=${exception#* | }
  first=${first%% | *}
  [[ -f $root/$page ]] && grep -qF -- "$first" "$root/$page" ||
    complain "tests/docs/exceptions.txt: $page has no block '$first'"
done < <(grep -v '^#' "$root/tests/docs/exceptions.txt" || true)

sed -E 's,(docs/examples|tests/docs/snippets)/.*,\1,' "$folder/held" | sort | uniq -c
echo "$count blocks, $snippets snippets"
((count > 0)) || complain "there is nothing to check"
exit "$failed"
