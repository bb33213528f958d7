#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# guide.sh <root> <cmake> <compiler>: does what docs/guide/packaging.md says, block after block, and
# has a folder of its own for /opt/parley. The program is built in each way, and run.
root=${1:?the root of the tree}
program=${2:?cmake}
export CXX=${3:?the compiler}
source "$(dirname "${BASH_SOURCE[0]}")/../docs/common.sh"
if ! command -v pkg-config >/dev/null; then
  echo "SKIPPED: no pkg-config"
  exit 77
fi

# The tree with nothing but what is built, so that its build folder is ours.
tree=$folder/tree
mkdir "$tree"
for each in CMakeLists.txt cmake include lib LICENSE NOTICE; do
  ln -s "$root/$each" "$tree/$each"
done
cat >"$folder/main.cpp" <<'END'
#include "parley/e164/number.hpp"
#include "parley/errors/catalogue.hpp"

int main() {
  const bool is_busy = parley::errors::find_code("busy") == parley::errors::code::busy;
  return is_busy && parley::e164::parse("+14155550123") ? 0 : 1;
}
END

quietly() {
  "$@" >"$folder/log" 2>&1 || {
    cat "$folder/log"
    return 1
  }
}
cmake() {
  quietly command "$program" "$@"
}
c++() {
  quietly "$CXX" "$@"
}

# in_project <block>: it stands in a CMake project of the reader's.
in_project() {
  local project=$folder/project.$1
  mkdir -p "$project/third_party"
  ln -s "$tree" "$project/third_party/parley"
  cp "$folder/main.cpp" "$project"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(project LANGUAGES CXX)\n'
    printf 'add_executable(my_service main.cpp)\n'
    cat "$2"
  } >"$project/CMakeLists.txt"
  cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$folder/opt/parley" &&
    cmake --build "$project/build" && "$project/build/my_service"
}

installed=0
built=0
while read -r place language block; do
  sed -i "s,/opt/parley,$folder/opt/parley,g" "$block"
  case $language in
    cmake)
      in_project "$built" "$block" || complain "$place builds no program that works"
      built=$((built + 1))
      ;;
    sh)
      if grep -q '^cmake -S' "$block"; then
        (cd "$tree" && set -e && eval "$(<"$block")") ||
          complain "$place does not install"
        installed=$((installed + 1))
      else
        (cd "$folder" && set -e && eval "$(<"$block")" && ./my_service) ||
          complain "$place builds no program that works"
        built=$((built + 1))
      fi
      ;;
  esac
done < <(blocks_of package.Guide)
echo "$installed installations, $built programs"
((installed == 1 && built == 3)) || complain "the page has one installation and three programs"
exit "$failed"
