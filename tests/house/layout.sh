#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The house has its rooms and nothing else. At the top level lie only the names below. Each room of
# the graph has sources, tests and a page of the guide, and no folder is without its room. A private
# room has no public header and is not told of to users. Headers, sources and tests are listed in a
# CMake file, for what is not listed is not built or installed.
source "$(dirname "$0")/common.sh"

while IFS= read -r name; do
  examined=$((examined + 1))
  case $name in
    CMakeLists.txt | CMakePresets.json | include | lib | tests | bench | docs | cmake) ;;
    README.md | LICENSE | NOTICE | CHANGELOG.md | .* | build) ;;
    *) offend "$name: not a name of the top level" ;;
  esac
done < <(find . -mindepth 1 -maxdepth 1 | sed 's|^\./||' | sort)

while IFS= read -r file; do
  offend "$file: a name with more than letters, digits, dot, hyphen and underscore"
done < <(files -name '*[!A-Za-z0-9._-]*')

if ! lines=$(graph); then
  offend "cmake/ParleyGraph.cmake: $lines"
  verdict
fi
mapfile -t rooms < <(cut -d: -f1 <<<"$lines")
mapfile -t private_rooms < <(grep -E '^[^:]*:private:' <<<"$lines" | cut -d: -f1)
is_one_of() {
  local name=$1 each
  shift
  for each in "$@"; do
    [[ $each != "$name" ]] || return 0
  done
  return 1
}

has_files() {
  [[ -n $(find "$1" -type f -print -quit 2>/dev/null) ]]
}

in_readme() {
  grep -qE "^\|.*\`(parley::)?$1\`" README.md
}

for room in "${rooms[@]}"; do
  needs_files=("lib/$room/CMakeLists.txt" "tests/$room/CMakeLists.txt")
  needs_folders=("lib/$room" "tests/$room")
  if is_one_of "$room" "${private_rooms[@]}"; then
    ! has_files "include/parley/$room" || offend "include/parley/$room: room '$room' is private"
    [[ ! -f docs/guide/$room.md ]] || offend "docs/guide/$room.md: room '$room' is private"
    if [[ -f README.md ]] && in_readme "$room"; then
      offend "README.md: a line of a table for room '$room', which is private"
    fi
  else
    needs_files+=("docs/guide/$room.md")
    needs_folders+=("include/parley/$room")
    if [[ -f README.md ]] && ! in_readme "$room"; then
      offend "README.md: no line of a table for room '$room'"
    fi
  fi
  for needed in "${needs_files[@]}"; do
    [[ -f $needed ]] || offend "$needed: room '$room' has none"
  done
  for folder in "${needs_folders[@]}"; do
    has_files "$folder" || offend "$folder: room '$room' has nothing there"
  done
done

# Folders that are not of a room. Empty ones are not in a checkout, so they do not count.
while IFS= read -r folder; do
  name=$(basename "$folder")
  case $folder in
    tests/bench_report | tests/docs | tests/e2e | tests/house | tests/package) continue ;;
    tests/support) continue ;;
    bench/support | bench/data | bench/report) continue ;;
  esac
  is_one_of "$name" "${rooms[@]}" || offend "$folder: there is no room '$name'"
done < <(files -path './include/parley/*/*' -o -path './lib/*/*' -o -path './tests/*/*' \
  -o -path './bench/*/*' | sed -E 's,^(include/parley|lib|tests|bench)/([^/]*)/.*,\1/\2,' | sort -u)

# listed <file> <name> <CMake file>...
listed() {
  local file=$1 name=$2 lists=()
  shift 2
  local list
  for list in "$@"; do
    [[ ! -f $list ]] || lists+=("$list")
  done
  if ((${#lists[@]} == 0)) || ! grep -qE "(^|[ (/])${name//./\\.}([ )]|\$)" "${lists[@]}"; then
    offend "$file: not listed in $*"
  fi
}

while IFS= read -r file; do
  examined=$((examined + 1))
  case $file in
    include/parley/*/*)
      inside=${file#include/parley/}
      listed "$file" "${inside#*/}" "lib/${inside%%/*}/CMakeLists.txt"
      ;;
    lib/*/gen/*) ;;
    lib/*/*.cpp)
      inside=${file#lib/}
      listed "$file" "${inside#*/}" "lib/${inside%%/*}/CMakeLists.txt"
      ;;
    tests/*/fuzz/*_fuzz.cpp)
      folder=${file%/fuzz/*}
      name=$(basename "$file" _fuzz.cpp)
      listed "$file" "$name" "$folder/CMakeLists.txt"
      has_files "$folder/fuzz/$name" || offend "$file: no corpus in $folder/fuzz/$name"
      ;;
    tests/*/*_test.cpp | bench/*/*_bench.cpp)
      listed "$file" "$(basename "$file")" "$(dirname "$file")/CMakeLists.txt"
      ;;
    docs/examples/*.cpp)
      listed "$file" "$(basename "$file" .cpp)" docs/examples/CMakeLists.txt
      ;;
  esac
done < <(files -name '*.cpp' -o -name '*.hpp')
verdict
