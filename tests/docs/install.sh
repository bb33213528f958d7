#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install.sh <root> <cmake> <compiler>: builds and installs as the README says, two rooms of all and
# into a prefix of its own, and builds a program with its lines of CMake against that.
root=${1:?the root of the tree}
program=${2:?cmake}
export CXX=${3:?the compiler}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The tree with nothing but what is built, so that `-B build/install` is a folder of ours.
mkdir "$folder/tree"
for each in CMakeLists.txt cmake include lib docs LICENSE NOTICE; do
  ln -s "$root/$each" "$folder/tree/$each"
done

# cmake of the blocks: the same, for two rooms, and not into /usr/local.
cmake() {
  local more=()
  [[ $1 != -S ]] || more=(-DPARLEY_MODULES="e164;errors" -DPARLEY_BUILD_EXAMPLES=OFF
    -DCMAKE_INSTALL_PREFIX="$folder/prefix")
  command "$program" "$@" "${more[@]}" >"$folder/log" 2>&1 || {
    cat "$folder/log"
    return 1
  }
}

installs=0
consumers=0
while read -r place language block; do
  if [[ $language == sh ]]; then
    installs=$((installs + 1))
    (cd "$folder/tree" && set -e && eval "$(<"$block")") || complain "$place does not install"
    continue
  fi
  consumers=$((consumers + 1))
  mkdir -p "$folder/consumer"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(consumer LANGUAGES CXX)\n'
    printf 'add_executable(my_service main.cpp)\n'
    cat "$block"
  } >"$folder/consumer/CMakeLists.txt"
  {
    printf '#include "parley/e164/number.hpp"\n#include "parley/errors/catalogue.hpp"\n'
    printf 'int main() { return parley::e164::parse("+14155550123") &&\n'
    printf '  parley::errors::find_code("busy") == parley::errors::code::busy ? 0 : 1; }\n'
  } >"$folder/consumer/main.cpp"
  echo "$place" >>"$folder/consumers"
done < <(blocks_of docs.Install)

# README.md names what it installs behind how to use it.
if ((consumers > 0)); then
  cmake -S "$folder/consumer" -B "$folder/consumer/build" -DCMAKE_PREFIX_PATH="$folder/prefix" &&
    cmake --build "$folder/consumer/build" && "$folder/consumer/build/my_service" ||
    complain "$(<"$folder/consumers") does not build a program that works"
fi
echo "$installs installations, $consumers consumers"
((installs == 1 && consumers == 1)) || complain "README.md has one of each"
exit "$failed"
