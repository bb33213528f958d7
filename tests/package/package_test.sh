#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# package_test.sh <case> [<argument>...]: one test of the package, run by CTest, which sets the
# PARLEY_* variables. Exit status 0 passed, 1 failed, 77 skipped. The cases Install* stage what the
# others use.
set -euo pipefail

: "${PARLEY_SOURCE:?}" "${PARLEY_BUILD:?}" "${PARLEY_WORK:?}" "${PARLEY_VERSION:?}"
: "${PARLEY_CMAKE:?}" "${PARLEY_SHARED:?}" "${CXX:?}"
export CXX
here=$PARLEY_SOURCE/tests/package
case_name=${1:?which case}
shift
rest=("$@")
work=$PARLEY_WORK/$case_name${1:+.$1}
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

# private_tree [room]...: a tree with core, crypto and these rooms, each of which uses crypto.
private_tree() {
  local tree=$work/tree room
  mkdir -p "$tree/lib" "$tree/include/parley"
  cp -R "$PARLEY_SOURCE"/{CMakeLists.txt,cmake,LICENSE,NOTICE} "$tree"
  cp -R "$PARLEY_SOURCE"/lib/{core,crypto} "$tree/lib"
  cp -R "$PARLEY_SOURCE/include/parley/core" "$tree/include/parley"
  # A room's lines go up to the closing bracket.
  sed -i '/^parley_room(core)/!{/^parley_room(/,/)$/d}' "$tree/cmake/ParleyGraph.cmake"
  for room in "$@"; do
    sed -i "/^parley_private_room(crypto/a parley_room($room USES core crypto)" \
      "$tree/cmake/ParleyGraph.cmake"
    mkdir "$tree/lib/$room" "$tree/include/parley/$room"
    printf '%s\n' "parley_module($room HEADERS $room.hpp SOURCES $room.cpp)" \
      >"$tree/lib/$room/CMakeLists.txt"
    printf '%s\n' "#include \"parley/$room/export.hpp\"" \
      "namespace parley::$room { PARLEY_${room^^}_EXPORT bool works(); }" \
      >"$tree/include/parley/$room/$room.hpp"
    printf '%s\n' "#include \"parley/$room/$room.hpp\"" '#include "crypto/sha256.hpp"' \
      "bool parley::$room::works() {" \
      '  const auto made = crypto::hmac_sha256(crypto::hmac_key({}), crypto::bytes_view());' \
      '  return made[0] == std::byte{0xB6} && crypto::random_bytes({}).has_value();' '}' \
      >"$tree/lib/$room/$room.cpp"
  done
}

# private_configure [cmake argument]...: all rooms of that tree, without its tests.
private_configure() {
  "$PARLEY_CMAKE" -S "$work/tree" -B "$work/private" -DPARLEY_BUILD_TESTS=OFF \
    -DPARLEY_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_LIBDIR=lib "$@"
}

# install_private <component>...
install_private() {
  local component
  run "$PARLEY_CMAKE" --build "$work/private"
  for component in "$@"; do
    run "$PARLEY_CMAKE" --install "$work/private" --prefix "$work/prefix" --component "$component"
  done
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

# all_headers_of <prefix> <room> <file>: a source file that includes all that is installed of the
# room, and each twice, for the guards.
all_headers_of() {
  local found
  found=$(cd "$1/include" && find "parley/$2" -name '*.hpp' | sort)
  [[ $found == *"parley/$2/export.hpp"* ]] || fail "no headers of '$2' in $1"
  sed 's/.*/#include <&>/' <<<"$found"$'\n'"$found" >"$3"
}

# pkg_config_build <source> <rooms with blanks> [pkg-config option]...
pkg_config_build() {
  local source=$1 rooms=$2 flags
  shift 2
  # shellcheck disable=SC2086  # the rooms are words
  {
    run pkg-config --validate $rooms
    flags=$(pkg-config --cflags --libs "$@" $rooms)
  }
  # shellcheck disable=SC2086  # the flags are words
  run "$CXX" -std=c++20 -o "$work/outsider" "$here/find/$source" $flags
}

# need_debian <command>...: those commands, and a checkout whose HEAD can be packaged.
need_debian() {
  local each
  for each in git dpkg-source dpkg-parsechangelog "$@"; do
    command -v "$each" >/dev/null || { echo "SKIPPED: no $each"; exit 77; }
  done
  [[ $(git -C "$PARLEY_SOURCE" rev-parse --show-toplevel 2>/dev/null) -ef $PARLEY_SOURCE ]] ||
    { echo "SKIPPED: the tree is no git checkout of this user's"; exit 77; }
}

debian() {
  run bash "$PARLEY_SOURCE/cmake/packaging/debian.sh" "$@"
}

# The part of the version that is in each SONAME, and in the name of the library package.
so_version() {
  if ((major > 0)); then echo "$major"; else echo "$major.$minor"; fi
}

shared=$PARLEY_WORK/prefix-shared
static=$PARLEY_WORK/prefix-static
all=$PARLEY_WORK/prefix-all
IFS=. read -r major minor patch <<<"$PARLEY_VERSION"

case $case_name in
  InstallShared)
    rm -rf "$shared"
    install_e164 ON "$shared"
    soname=$(so_version)
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
  Alone) # <room> <it and what it uses>...: those components, and a program that uses the room
    room=${rest[0]:?which room}
    [[ -f $here/find/$room.cpp ]] || fail "find/$room.cpp: an outsider's program is missing"
    for each in "${rest[@]:1}"; do
      run "$PARLEY_CMAKE" --install "$PARLEY_BUILD" --prefix "$work/prefix" --component "$each"
    done
    all_headers_of "$work/prefix" "$room" "$work/headers.cpp"
    find_build "$work/prefix" "$room" "$room.cpp" -DMORE="$work/headers.cpp"
    run "$work/build/outsider"
    libdir=$(dirname "$(find "$work/prefix" -type d -name pkgconfig)")
    if [[ $PARLEY_SHARED == 1 ]]; then
      only_ours_from "$libdir" "$work/build/outsider"
    elif ldd "$work/build/outsider" | grep libparley_; then
      fail "a room is shared"
    fi
    need_pkg_config "$work/prefix"
    options=()
    [[ $PARLEY_SHARED == 1 ]] || options=(--static)
    pkg_config_build "$room.cpp" "parley_$room" "${options[@]}"
    run env LD_LIBRARY_PATH="$libdir" "$work/outsider"
    rm -rf "$work" # it has a copy of each library
    ;;
  FindAll)
    rooms=$(cd "$all" && find include/parley -mindepth 1 -maxdepth 1 -printf '%f\n' | paste -sd ';')
    find_build "$all" "" nothing.cpp -DEXPECTED="$rooms"
    ;;
  EnvelopeJsonWithoutBoost) # a public dependency: its consumers need it as well
    refused "component 'envelope_json' needs the package 'Boost" \
      probe "$all" "REQUIRED;COMPONENTS;envelope_json" -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON
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
  PkgConfigAll) # in one program
    need_pkg_config "$all"
    options=()
    [[ $PARLEY_SHARED == 1 ]] || options=(--static)
    rooms=$(cd "$PKG_CONFIG_LIBDIR" && echo parley_*.pc)
    pkg_config_build nothing.cpp "${rooms//.pc/}" "${options[@]}"
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

  # A private room is inside the rooms that use it, and nothing of it is seen.
  PrivateShared)
    private_tree one two
    run private_configure -DBUILD_SHARED_LIBS=ON
    install_private core one two
    installed=$(cd "$work/prefix" && find . -name '*crypto*')
    [[ -z $installed ]] || fail "installed: $installed"
    for library in "$work/prefix"/lib/libparley_{one,two}.so; do
      if nm -D --defined-only -C "$library" | grep crypto; then fail "exported by $library"; fi
    done
    find_build "$work/prefix" "one;two" private.cpp -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
    run "$work/build/outsider"
    no_third_parties "$work/build/outsider"
    need_pkg_config "$work/prefix"
    pkg_config_build private.cpp "parley_one parley_two"
    run env LD_LIBRARY_PATH="$work/prefix/lib" "$work/outsider"
    flags=$(pkg-config --libs --static parley_one)
    [[ $flags != *-lcrypto* && $flags != *-lparley_crypto* ]] || fail "asked of consumers: $flags"
    ;;
  PrivateStatic) # its archive is linked with them, and is installed for that alone
    private_tree one two
    run private_configure -DBUILD_SHARED_LIBS=OFF
    install_private core one two
    installed=$(cd "$work/prefix" && find . -name '*crypto*' | sort | paste -sd ' ')
    [[ $installed == "./lib/cmake/parley/parley-crypto-noconfig.cmake\
 ./lib/cmake/parley/parley-crypto.cmake ./lib/libparley_crypto.a" ]] ||
      fail "installed: $installed"
    find_build "$work/prefix" "one;two" private.cpp
    run "$work/build/outsider"
    need_pkg_config "$work/prefix"
    pkg_config_build private.cpp "parley_one parley_two" --static
    run "$work/outsider"
    refused "component 'one' needs 'crypto': component 'crypto' needs the package 'OpenSSL 3.0" \
      probe "$work/prefix" "REQUIRED;COMPONENTS;one" -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
    refused "there is no component 'crypto'; the components are core, " \
      probe "$work/prefix" "REQUIRED;COMPONENTS;crypto"
    ;;
  PrivateUnused) # by no room: it is neither built nor installed, and its package is not looked for
    private_tree
    for kind in ON OFF; do
      run private_configure -DBUILD_SHARED_LIBS=$kind -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
      install_private core
    done
    built=$(find "$work/private" "$work/prefix" -name '*crypto*')
    [[ -z $built ]] || fail "built or installed: $built"
    refused "CMAKE_DISABLE_FIND_PACKAGE_OpenSSL" \
      private_configure -DPARLEY_BUILD_TESTS=ON -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
    ;;

  UnknownComponent)
    refused "component 'nonsense'; the components are core, errors, envelope, envelope_json" \
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
  DebianSource) # of HEAD, twice: the same bytes, the whole commit, and names that fit the version
    need_debian
    debian --output "$work/one"
    debian --output "$work/two"
    made=$(cd "$work/one" && find . -maxdepth 1 -name 'parley_*' | sort | paste -sd ' ')
    each=./parley_$PARLEY_VERSION
    [[ $made =~ ^$each-[0-9]+.debian.tar.xz\ $each-[0-9]+.dsc\ $each.orig.tar.gz$ ]] ||
      fail "made: $made"
    for each in $made; do
      cmp "$work/one/$each" "$work/two/$each" || fail "$each differs from one run to the next"
    done
    run dpkg-source --extract "$work"/one/parley_*.dsc "$work/tree"
    git -C "$PARLEY_SOURCE" -c core.quotePath=off ls-tree -r --name-only HEAD | sort >"$work/wanted"
    (cd "$work/tree" &&
      find . \( -path ./debian -o -path ./.pc \) -prune -o -type f -printf '%P\n') |
      sort >"$work/found"
    run diff "$work/wanted" "$work/found"
    run diff -r "$work/tree/cmake/packaging/debian" "$work/tree/debian"
    for each in rules tests/build tests/sandbox; do
      [[ -x $work/tree/debian/$each ]] || fail "debian/$each cannot be run"
    done
    binaries=$(sed -n 's/^Binary: //p' "$work"/one/parley_*.dsc)
    [[ $binaries == "libparley$(so_version), libparley-dev, parley-sandbox" ]] ||
      fail "binary packages: $binaries"
    refused "there is no such commit" \
      bash "$PARLEY_SOURCE/cmake/packaging/debian.sh" --output "$work/none" --commit nonsense
    ;;
  Debian) # built with its tests; then its own tests, on the packages unpacked into a folder
    need_debian dpkg-buildpackage dh dpkg-deb readelf
    debian --output "$work/made"
    tree=$work/made/parley-$PARLEY_VERSION
    unmet=$(cd "$tree" && dpkg-checkbuilddeps 2>&1) || { echo "SKIPPED: $unmet"; exit 77; }
    debian --build --output "$work/made"
    grep -E '^[0-9]+% tests passed, 0 tests failed out of [1-9]' "$work/made/build.log" ||
      [[ " ${DEB_BUILD_OPTIONS:-} " == *" nocheck "* ]] || fail "no tests were run"

    root=$work/root
    for each in "libparley$(so_version)" libparley-dev parley-sandbox; do
      run dpkg-deb --extract "$work/made/${each}_$PARLEY_VERSION"-*.deb "$root"
    done
    libdir=$(dirname "$(find "$root" -type d -name pkgconfig)")
    for folder in "$PARLEY_SOURCE"/include/parley/*; do
      room=$(basename "$folder")
      for each in "$libdir/libparley_$room.so" "$libdir/libparley_$room.so.$(so_version)" \
        "$libdir/pkgconfig/parley_$room.pc" "$root/usr/include/parley/$room/export.hpp"; do
        [[ -s $each ]] || fail "not in a package: ${each#"$root"}"
      done
    done
    if readelf -d "$libdir"/libparley_*.so "$root/usr/bin/parley-sandbox" |
      grep -E 'R(UN)?PATH'; then
      fail "a search path of its own, in a package of the system"
    fi
    ! names_folder "$root" "$work" || fail "a packaged file names a folder of its build"
    for each in build sandbox; do
      mkdir "$work/$each"
      run env AUTOPKGTEST_TMP="$work/$each" PATH="$root/usr/bin:$PATH" LD_LIBRARY_PATH="$libdir" \
        PKG_CONFIG_PATH="$libdir/pkgconfig" CMAKE_PREFIX_PATH="$root/usr" \
        "$tree/debian/tests/$each"
    done
    rm -rf "$work" # a whole build, with debug information
    ;;
  *)
    fail "there is no case '$case_name'"
    ;;
esac
