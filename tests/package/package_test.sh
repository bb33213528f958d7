#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# package_test.sh <case>: one test of the package, run by CTest, which sets the PARLEY_* variables.
# Exit status 0 passed, 1 failed, 77 skipped. The cases Install* stage what the others use.
set -euo pipefail

: "${PARLEY_SOURCE:?}" "${PARLEY_BUILD:?}" "${PARLEY_WORK:?}" "${PARLEY_VERSION:?}"
: "${PARLEY_CMAKE:?}" "${PARLEY_SHARED:?}" "${CXX:?}"
export CXX
here=$PARLEY_SOURCE/tests/package
case_name=${1:?which case}
work=$PARLEY_WORK/$case_name
rm -rf "$work"
mkdir -p "$work"

fail() {
  printf 'FAILED: %s\n' "$*"
  exit 1
}

# run <command>...: prints its output only when it fails.
run() {
  local log=$work/run.log
  if ! "$@" >"$log" 2>&1; then
    cat "$log"
    fail "$*"
  fi
}

# expect <text> <command>...: it succeeds, and prints the text; $output is all that it printed.
expect() {
  local text=$1
  shift
  output=$("$@" 2>&1) || { printf '%s\n' "$output"; fail "$*"; }
  [[ $(tr -s ' \n' '  ' <<<"$output") == *"$text"* ]] ||
    { printf '%s\n' "$output"; fail "not said: $text"; }
}

# refused <text> <command>...: it fails, and says why. CMake breaks lines where it likes.
refused() {
  local text=$1
  shift
  if output=$("$@" 2>&1); then
    printf '%s\n' "$output"
    fail "not refused: $*"
  fi
  [[ $(tr -s ' \n' '  ' <<<"$output") == *"$text"* ]] ||
    { printf '%s\n' "$output"; fail "refused without saying: $text"; }
}

# names_folder <prefix> <folder>: an installed text file does. What stands before the folder keeps
# /parley from being found in include/parley.
names_folder() {
  grep -rF --include='*.cmake' --include='*.pc' --include='*.hpp' \
    -e "\"$2" -e ";$2" -e "=$2" -e " $2" -e "-I$2" -e "-L$2" "$1"
}

# install_e164 <shared ON|OFF> <prefix>: without Boost in sight, one component after the other.
install_e164() {
  run "$PARLEY_CMAKE" -S "$PARLEY_SOURCE" -B "$work/build" -DBUILD_SHARED_LIBS="$1" \
    -DPARLEY_MODULES=e164 -DPARLEY_BUILD_TESTS=OFF -DPARLEY_BUILD_EXAMPLES=OFF \
    -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON -DCMAKE_INSTALL_LIBDIR=lib
  run "$PARLEY_CMAKE" --build "$work/build"
  run "$PARLEY_CMAKE" --install "$work/build" --prefix "$2" --component core
  run "$PARLEY_CMAKE" --install "$work/build" --prefix "$2" --component e164
  local file
  for file in share/doc/parley/LICENSE share/doc/parley/NOTICE include/parley/core/version.hpp \
    include/parley/e164/export.hpp lib/pkgconfig/parley_e164.pc; do
    [[ -s $2/$file ]] || fail "not installed: $file"
  done
  names_folder "$2" "$PARLEY_SOURCE" || names_folder "$2" "$PARLEY_BUILD" ||
    names_folder "$2" "$2" || return 0
  fail "an installed file names a folder of this build"
}

# find_build <prefix> <rooms with ;> <source> [cmake argument]...: configures and builds find/.
find_build() {
  local prefix=$1 rooms=$2 source=$3
  shift 3
  run "$PARLEY_CMAKE" -S "$here/find" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCOMPONENTS="$rooms" -DSOURCE="$source" "$@"
  run "$PARLEY_CMAKE" --build "$work/build"
}

# probe <prefix> <arguments of find_package with ;> [cmake argument]...
probe() {
  local prefix=$1 arguments=$2
  shift 2
  rm -rf "$work/probe"
  "$PARLEY_CMAKE" -S "$here/probe" -B "$work/probe" -DCMAKE_PREFIX_PATH="$prefix" \
    -DARGUMENTS="$arguments" "$@"
}

# The libraries that the files ask for, other than ours and those of the language.
third_parties() {
  local ours='libparley_.*|libstdc\+\+|libc\+\+.*|libgcc_s|libm|libc|libpthread|ld-.*'
  readelf -d "$@" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u |
    grep -vE "^($ours)\.so" || true
}

no_third_parties() {
  command -v readelf >/dev/null || { echo "SKIPPED: no readelf"; exit 77; }
  local found
  found=$(third_parties "$@")
  [[ -z $found ]] || fail "third parties: $found"
}

# only_ours_from <folder of the rooms> <program>
only_ours_from() {
  local line file
  while read -r line; do
    file=${line#*=> }
    file=${file% (*}
    [[ $(realpath "$(dirname "$file")") == $(realpath "$1") ]] || fail "not from $1: $line"
  done < <(ldd "$2" | grep libparley_ || echo "$2 uses no shared room")
}

need_pkg_config() {
  command -v pkg-config >/dev/null || { echo "SKIPPED: no pkg-config"; exit 77; }
  PKG_CONFIG_LIBDIR=$(find "$1" -type d -name pkgconfig)
  export PKG_CONFIG_LIBDIR
}

# pkg_config_build <source> <room> [pkg-config option]...
pkg_config_build() {
  local source=$1 room=$2 flags
  shift 2
  run pkg-config --validate "$room"
  flags=$(pkg-config --cflags --libs "$@" "$room")
  # shellcheck disable=SC2086  # the flags are words
  run "$CXX" -std=c++20 -o "$work/outsider" "$here/find/$source" $flags
}

shared=$PARLEY_WORK/prefix-shared
static=$PARLEY_WORK/prefix-static
all=$PARLEY_WORK/prefix-all
IFS=. read -r major minor patch <<<"$PARLEY_VERSION"

case $case_name in
  InstallShared)
    rm -rf "$shared"
    install_e164 ON "$shared"
    soname=$major
    ((major > 0)) || soname=$major.$minor
    for room in core e164; do
      [[ -L $shared/lib/libparley_$room.so ]] || fail "no link libparley_$room.so"
      dynamic=$(readelf -d "$shared/lib/libparley_$room.so")
      [[ $dynamic == *"soname: [libparley_$room.so.$soname]"* ]] || fail "SONAME: $dynamic"
      # shellcheck disable=SC2016  # the loader's word, not the shell's
      [[ $dynamic == *'path: [$ORIGIN]'* ]] || fail "does not look beside itself: $dynamic"
    done
    ;;
  InstallStatic)
    rm -rf "$static"
    install_e164 OFF "$static"
    [[ -s $static/lib/libparley_e164.a ]] || fail "no libparley_e164.a"
    ;;
  InstallAll)
    rm -rf "$all"
    run "$PARLEY_CMAKE" --install "$PARLEY_BUILD" --prefix "$all"
    ;;

  FindShared)
    find_build "$shared" e164 e164.cpp -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON \
      -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON
    run "$work/build/outsider"
    only_ours_from "$shared/lib" "$work/build/outsider"
    no_third_parties "$work/build/outsider" "$shared"/lib/*.so
    ;;
  FindStatic)
    find_build "$static" e164 e164.cpp -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON \
      -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON
    run "$work/build/outsider"
    if ldd "$work/build/outsider" | grep libparley_; then fail "a room is shared"; fi
    no_third_parties "$work/build/outsider"
    ;;
  FindAll)
    rooms=$(cd "$all" && find include/parley -mindepth 1 -maxdepth 1 -printf '%f\n' | paste -sd ';')
    find_build "$all" "" nothing.cpp -DEXPECTED="$rooms"
    ;;
  FindEnvelope)
    find_build "$all" envelope envelope.cpp
    run "$work/build/outsider"
    ;;
  EnvelopeWithoutBoost) # a private dependency: a shared room does not ask its consumers for it
    if [[ $PARLEY_SHARED == 1 ]]; then
      find_build "$all" envelope envelope.cpp -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
      run "$work/build/outsider"
    else
      refused "component 'envelope' needs the package 'Boost" \
        probe "$all" "REQUIRED;COMPONENTS;envelope" -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
    fi
    ;;
  BeastWithoutBoost) # a public dependency, of every build
    refused "needs the package 'Boost 1.81 CONFIG" \
      probe "$all" "REQUIRED;COMPONENTS;beast" -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
    expect "found parley $PARLEY_VERSION" probe "$all" \
      "REQUIRED;COMPONENTS;e164;OPTIONAL_COMPONENTS;beast" -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
    [[ $output == *"found e164"* && $output != *"found beast"* ]] || fail "what was found: $output"
    ;;
  Program) # finds its rooms in a prefix that was moved
    cp -R "$all" "$work/moved"
    expect "$PARLEY_VERSION" "$work/moved/bin/parley-sandbox" --version
    if [[ $PARLEY_SHARED == 1 ]]; then
      libdir=$(dirname "$(find "$work/moved" -name 'libparley_core.so')")
      only_ours_from "$libdir" "$work/moved/bin/parley-sandbox"
    fi
    ;;

  PkgConfigShared)
    need_pkg_config "$shared"
    pkg_config_build e164.cpp parley_e164
    run env LD_LIBRARY_PATH="$(pkg-config --variable=libdir parley_e164)" "$work/outsider"
    expect "$PARLEY_VERSION" pkg-config --modversion parley_e164
    expect "parley_core = $PARLEY_VERSION" pkg-config --print-requires parley_e164
    ;;
  PkgConfigStatic)
    need_pkg_config "$static"
    pkg_config_build e164.cpp parley_e164 --static
    run "$work/outsider"
    for room in CORE E164; do
      expect "-DPARLEY_${room}_STATIC_DEFINE" pkg-config --cflags parley_e164
    done
    ;;
  PkgConfigAll)
    need_pkg_config "$all"
    options=()
    [[ $PARLEY_SHARED == 1 ]] || options=(--static)
    for file in "$PKG_CONFIG_LIBDIR"/parley_*.pc; do
      pkg_config_build nothing.cpp "$(basename "$file" .pc)" "${options[@]}"
    done
    if [[ -e $PKG_CONFIG_LIBDIR/parley_envelope.pc ]]; then
      pkg_config_build envelope.cpp parley_envelope "${options[@]}"
      run env LD_LIBRARY_PATH="$(pkg-config --variable=libdir parley_envelope)" "$work/outsider"
    fi
    ;;

  MovedShared | MovedStatic)
    moved="$work/a moved prefix"
    if [[ $case_name == MovedShared ]]; then from=$shared; else from=$static; fi
    cp -R "$from" "$moved"
    find_build "$moved" e164 e164.cpp
    run "$work/build/outsider"
    if [[ $case_name == MovedShared ]]; then only_ours_from "$moved/lib" "$work/build/outsider"; fi
    # pkg-config writes words, so here the prefix has no blank.
    mv "$moved" "$work/moved"
    need_pkg_config "$work/moved"
    pkg_config_build e164.cpp parley_e164 --static
    run env LD_LIBRARY_PATH="$work/moved/lib" "$work/outsider"
    ;;

  UnknownComponent)
    refused "there is no component 'nonsense'; the components are core, errors, envelope, e164" \
      probe "$shared" "REQUIRED;COMPONENTS;e164;nonsense"
    ;;
  ComponentNotInstalled)
    refused "component 'errors' is not installed beside it" \
      probe "$shared" "REQUIRED;COMPONENTS;errors"
    ;;
  ComponentWithoutItsNeed)
    cp -R "$shared" "$work/prefix"
    rm "$work/prefix/lib/cmake/parley"/parley-core*.cmake
    refused "component 'e164' needs 'core': component 'core' is not installed beside it" \
      probe "$work/prefix" "REQUIRED;COMPONENTS;e164"
    ;;
  OptionalComponents)
    expect "found core -- found e164 -- found parley" \
      probe "$shared" "REQUIRED;COMPONENTS;e164;OPTIONAL_COMPONENTS;errors;nonsense"
    expect "not found: parley: there is no component 'nonsense'" \
      probe "$shared" "QUIET;COMPONENTS;nonsense"
    ;;
  Version)
    for wanted in "$major.$minor" "$PARLEY_VERSION"; do
      expect "found parley $PARLEY_VERSION" probe "$shared" "$wanted;REQUIRED;COMPONENTS;e164"
    done
    refused=("$((major + 1))" "$major.$((minor + 1))" "$major.$minor.$((patch + 1))")
    ((major > 0 || minor == 0)) || refused+=("$major.$((minor - 1))")
    for wanted in "${refused[@]}"; do
      refused "compatible with requested version \"$wanted\"" \
        probe "$shared" "$wanted;REQUIRED;COMPONENTS;e164"
    done
    ;;

  Subdirectory)
    run "$PARLEY_CMAKE" -S "$here/subdirectory" -B "$work/build" -DPARLEY_SOURCE="$PARLEY_SOURCE" \
      -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
    run "$PARLEY_CMAKE" --build "$work/build"
    run "$work/build/outsider"
    run "$PARLEY_CMAKE" --install "$work/build" --prefix "$work/prefix"
    installed=$(cd "$work/prefix" && find . -type f)
    [[ $installed == ./bin/outsider ]] || fail "the parent installs: $installed"
    ;;
  UnknownRoom)
    for rooms in nonsense "e164;nonsense"; do
      refused "there is no room 'nonsense'. Rooms: all, core, errors," \
        "$PARLEY_CMAKE" -S "$PARLEY_SOURCE" -B "$work/build" -DPARLEY_MODULES="$rooms"
    done
    refused "PARLEY_MODULES names no room." \
      "$PARLEY_CMAKE" -S "$PARLEY_SOURCE" -B "$work/build" -DPARLEY_MODULES=
    ;;
  *)
    fail "there is no case '$case_name'"
    ;;
esac
