#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scripts.sh <root of the tree>: cmake/fuzz.sh, coverage.sh and lint.sh tell their options, and
# refuse what they do not know before they install, build or run anything. Each floor of coverage is
# that of a room.
set -euo pipefail
export LC_ALL=C

root=${1:?the root of the tree}
failed=0
wrong() {
  printf 'FAILED: %s\n' "$*"
  failed=$((failed + 1))
}

# tells <script> <word>...
tells() {
  local script=$1 help word
  shift
  help=$(bash "$root/cmake/$script" --help)
  for word in --jobs --no-install "$@"; do
    [[ $help == *"$word"* ]] || wrong "$script --help has no $word"
  done
}
# refuses <script> <what it says> <option>...
refuses() {
  local script=$1 says=$2 said
  shift 2
  if said=$(bash "$root/cmake/$script" --no-install "$@" 2>&1); then
    wrong "accepted: $script $*"
  fi
  [[ $said == "$script: $says"* ]] || wrong "not '$says', but '$said': $script $*"
}

for script in fuzz.sh coverage.sh lint.sh; do
  refuses "$script" "what is '--fast'? Try --help" --fast
  refuses "$script" "what is 'errors'? Try --help" errors
  refuses "$script" '--jobs needs a value' --jobs
  refuses "$script" "--jobs needs a number, not '0'" --jobs 0
  refuses "$script" "--jobs needs a number, not 'two'" --jobs=two
done

tells fuzz.sh --seconds --room --merge
refuses fuzz.sh '--seconds needs a value' --seconds
refuses fuzz.sh "--seconds needs a number, not '0'" --seconds 0
refuses fuzz.sh "--seconds needs a number, not '1.5'" --seconds=1.5
refuses fuzz.sh "no room 'core' has fuzzers. Rooms: beast client" --room core
refuses fuzz.sh "no room 'beast client' has fuzzers" --room 'beast client'
refuses fuzz.sh "no room '' has fuzzers" --room=

tells coverage.sh --html --update
refuses coverage.sh '--html needs a value' --html
refuses coverage.sh '--html needs a folder' --html ''

tells lint.sh --room --tool clang-tidy cppcheck
refuses lint.sh "there is no room 'kitchen'. Rooms: beast client" --room kitchen
refuses lint.sh "there is no room ''" --room=
refuses lint.sh "there is no tool 'lint': clang-tidy or cppcheck" --tool lint

while read -r room _; do
  [[ -d $root/lib/$room ]] || wrong "cmake/coverage-floor.txt: there is no room '$room'"
done < <(grep -v '^#' "$root/cmake/coverage-floor.txt")

((failed == 0))
