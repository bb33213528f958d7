#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# options.sh <root of the tree>: cmake/bench.sh names its rooms, and refuses what it does not know
# before it installs, builds or runs anything.
set -euo pipefail
export LC_ALL=C

script=${1:?the root of the tree}/cmake/bench.sh
failed=0
wrong() {
  printf 'FAILED: %s\n' "$*"
  failed=$((failed + 1))
}

help=$(bash "$script" --help)
for word in --room --quick --out --no-install errors beast; do
  [[ $help == *"$word"* ]] || wrong "--help has no $word"
done

# refuses <what it says> <option>...
refuses() {
  local says=$1 said
  shift
  if said=$(bash "$script" --no-install "$@" 2>&1); then wrong "accepted: $*"; fi
  [[ $said == "bench.sh: $says"* ]] || wrong "not '$says', but '$said': $*"
}
refuses "no room 'kitchen' is measured. Rooms: errors envelope" --room kitchen
refuses "no room 'kitchen' is measured. Rooms: errors envelope" --room=kitchen
refuses "no room 'errors envelope' is measured" --room 'errors envelope'
refuses "no room '' is measured" --room ''
refuses '--room needs a value' --room
refuses '--out needs a value' --out
refuses '--out needs a folder' --out ''
refuses "what is '--fast'? Try --help" --fast
refuses "what is 'errors'? Try --help" errors

((failed == 0))
