#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scripts.sh <root of the tree>: cmake/fuzz.sh tells its options, and refuses what it does not know
# before it installs, builds or runs anything.
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

refuses fuzz.sh "what is '--fast'? Try --help" --fast
refuses fuzz.sh "what is 'errors'? Try --help" errors
refuses fuzz.sh '--jobs needs a value' --jobs
refuses fuzz.sh "--jobs needs a number, not '0'" --jobs 0
refuses fuzz.sh "--jobs needs a number, not 'two'" --jobs=two
tells fuzz.sh --seconds --room --merge
refuses fuzz.sh '--seconds needs a value' --seconds
refuses fuzz.sh "--seconds needs a number, not '0'" --seconds 0
refuses fuzz.sh "--seconds needs a number, not '1.5'" --seconds=1.5
refuses fuzz.sh "no room 'core' has fuzzers. Rooms: beast client" --room core
refuses fuzz.sh "no room 'beast client' has fuzzers" --room 'beast client'
refuses fuzz.sh "no room '' has fuzzers" --room=

((failed == 0))
