# SPDX-License-Identifier: Apache-2.0
#
# What the house checks share. A check is run as `bash <check>.sh <root of the tree>`, looks at
# files only (no git, so that a tarball can be checked), prints a line for each offender and ends
# with `verdict`. Exit status 0 clean, 1 offenders, 77 skipped.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C

house=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${1:?the root of the tree to check}"

offenders=0
examined=0

offend() {
  printf '%s\n' "$*"
  offenders=$((offenders + 1))
}

# files <expression of find>...: files of the tree, without what git or a build keeps in it.
files() {
  find . \( -path ./build -o -path ./.git -o -path ./.cache \) -prune -o \
    -type f \( "$@" \) -print | sed 's|^\./||' | sort
}

# Each line on standard input is an offender.
offend_lines() {
  local line
  while IFS= read -r line; do
    offend "$line"
  done
}

# The rooms of the graph, a line each: name, public or private, itself and all that it uses and may
# include, its PRIVATE packages, its PUBLIC packages; colons between the five, commas within.
graph() {
  "${PARLEY_CMAKE:-cmake}" -DGRAPH="$PWD/cmake/ParleyGraph.cmake" -P "$house/graph.cmake" 2>&1
}

# A check that looked at nothing must not pass.
verdict() {
  if ((examined == 0)); then
    offend "there is nothing to check"
  fi
  printf '%d examined, %d offenders\n' "$examined" "$offenders"
  ((offenders == 0))
  exit
}
