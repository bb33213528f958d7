#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# selftest.sh <root of the tree> <work folder>: every check passes on a small good tree, and fails
# on the same tree with one fault planted in it, naming the file at fault. A library of a few lines
# stands for a build, with and without a wrong export.
set -euo pipefail
export LC_ALL=C

root=${1:?the root of the tree}
work=${2:?a folder to work in}
house=$root/tests/house
rm -rf "$work"
mkdir -p "$work"

checked=0
failed=0
wrong() {
  printf 'FAILED: %s\n' "$*"
  failed=$((failed + 1))
}

# A tree in which every check has something to look at and nothing to say.
good_tree() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree"
  cd "$work/tree"
  mkdir -p cmake include/parley/low include/parley/high lib/low lib/high tests/low/fuzz/text \
    tests/high docs/guide docs/examples
  cp "$root/.clang-format" .
  {
    printf '# %s\n' "$licence"
    sed -n '/^set(PARLEY_ROOMS/,/^parley_room(/{/^parley_room(/!p}' "$root/cmake/ParleyGraph.cmake"
    echo 'parley_room(low)'
    echo 'parley_private_room(cellar USES low PRIVATE openssl_crypto)'
    echo 'parley_room(high USES low PUBLIC boost PRIVATE hiredis)'
    echo 'parley_room(side USES low cellar)'
    echo 'parley_room(roof USES side)'
    sed -n '/^function(parley_split/,/^endfunction/p' "$root/cmake/ParleyGraph.cmake"
    sed -n '/^function(parley_closure/,/^endfunction/p' "$root/cmake/ParleyGraph.cmake"
  } >cmake/ParleyGraph.cmake
  printf '# %s\n' "$licence" >CMakeLists.txt
  local room
  for room in low high side roof; do
    mkdir -p "include/parley/$room" "lib/$room" "tests/$room"
    header "include/parley/$room/a.hpp" "PARLEY_${room^^}_A_HPP"
    printf '// %s\n#include "parley/%s/a.hpp"\n' "$licence" "$room" >"lib/$room/a.cpp"
    printf '// %s\n' "$licence" >"tests/$room/a_test.cpp"
    printf '# %s\nparley_module(%s\n  HEADERS a.hpp\n  SOURCES a.cpp\n)\n' "$licence" "$room" \
      >"lib/$room/CMakeLists.txt"
    printf '# %s\nparley_test(%s SOURCES a_test.cpp)\n' "$licence" "$room" \
      >"tests/$room/CMakeLists.txt"
    # shellcheck disable=SC2016  # backticks of Markdown
    printf '# Room %s\n\n## One `word`: here\n' "$room" >"docs/guide/$room.md"
  done
  mkdir -p lib/cellar tests/cellar
  printf '# %s\nparley_private_module(cellar SOURCES a.cpp)\n' "$licence" >lib/cellar/CMakeLists.txt
  header lib/cellar/a.hpp PARLEY_LIB_CELLAR_A_HPP
  printf '// %s\n#include "cellar/a.hpp"\n\n#include <openssl/evp.h>\n' "$licence" >lib/cellar/a.cpp
  cp tests/low/a_test.cpp tests/cellar
  printf '# %s\nparley_test(cellar SOURCES a_test.cpp)\n' "$licence" >tests/cellar/CMakeLists.txt
  printf '\n#include "cellar/a.hpp"\n' >>lib/side/a.cpp
  printf 'parley_fuzzer(low text)\n' >>tests/low/CMakeLists.txt
  printf '// %s\n' "$licence" >tests/low/fuzz/text_fuzz.cpp
  printf '\377\t \n' >tests/low/fuzz/text/seed
  header lib/low/private.hpp PARLEY_LIB_LOW_PRIVATE_HPP
  {
    printf '\n#include <boost/any.hpp>\n\n#include <hiredis/hiredis.h>\n'
    printf '\n#include "low/private.hpp"\n'
  } >>lib/high/a.cpp
  cat >README.md <<'END'
| room | what |
|---|---|
| [`low`](docs/guide/low.md#one-word-here) | `[not](a-link)` |
| `high` | |
| `parley::side` | |
| `roof` | |
END
}

licence='SPDX-License-Identifier: Apache-2.0'

# header <path> <guard> [line in the middle]
header() {
  printf '// %s\n\n#ifndef %s\n#define %s\n\n%s\n\n#endif  // %s\n' "$licence" "$2" "$2" \
    "${3:-#include <string>}" "$2" >"$1"
}

run_check() {
  status=0
  output=$(bash "$house/$1.sh" "$work/tree" 2>&1) || status=$?
}

# bad <check> <text that is printed>: run with the fault in place; then the tree is good again.
bad() {
  local check=$1 text=$2
  checked=$((checked + 1))
  run_check "$check"
  if ((status == 77)); then
    printf '%s: %s\n' "$check" "$output"
  elif ((status != 1)) || [[ $output != *"$text"* ]]; then
    wrong "$check: '$text' was expected and a status of 1; the status is $status, the output:"
    printf '%s\n' "$output"
  fi
  good_tree
}

good_tree
for check in format guards layers layout links text words; do
  checked=$((checked + 1))
  run_check "$check"
  ((status == 0 || status == 77)) || wrong "$check on the good tree: $output"
done

printf 'int  x;\n' >>lib/low/a.cpp
bad format "lib/low/a.cpp:3: not formatted"

header include/parley/low/a.hpp PARLEY_LOW_B_HPP
bad guards "include/parley/low/a.hpp:3: the first directive is not #ifndef PARLEY_LOW_A_HPP"
header lib/low/private.hpp LOW_PRIVATE_HPP
bad guards "lib/low/private.hpp:3: the first directive is not #ifndef PARLEY_LIB_LOW_PRIVATE_HPP"
sed -i 's|^#endif.*|#endif  // PARLEY_OTHER_HPP|' include/parley/low/a.hpp
bad guards "include/parley/low/a.hpp:8: the last line"
printf '// nothing\n' >include/parley/low/a.hpp
bad guards "include/parley/low/a.hpp:1: no guard"

sed -i 1d lib/low/a.cpp
bad text "lib/low/a.cpp:1: the licence tag is missing"
sed -i 1d lib/low/CMakeLists.txt
bad text "lib/low/CMakeLists.txt:1: the licence tag is missing"
printf '// caf\303\251\n' >>lib/low/a.cpp
bad text "lib/low/a.cpp:3: not ASCII"
printf 'A dash \342\200\224\n' >>docs/guide/low.md
bad text "docs/guide/low.md:4: not ASCII"
printf '// %0100d\n' 0 >>lib/low/a.cpp
bad text "lib/low/a.cpp:3: 103 columns"
printf '\tx\n' >>README.md
bad text "README.md:7: a tab"
printf 'x \n' >>README.md
bad text "README.md:7: a blank at the end"
printf 'x\r\n' >>README.md
bad text "README.md:7: "
printf 'x' >>README.md
bad text "README.md: no newline at the end"

header include/parley/low/a.hpp PARLEY_LOW_A_HPP '#include <boost/any.hpp>'
bad layers "include/parley/low/a.hpp:6: <boost/any.hpp> is not of a package"
header include/parley/high/a.hpp PARLEY_HIGH_A_HPP '#include <hiredis/hiredis.h>'
bad layers "include/parley/high/a.hpp:6: <hiredis/hiredis.h> is not of a package"
header include/parley/side/a.hpp PARLEY_SIDE_A_HPP '#  include <openssl/evp.h>'
bad layers "include/parley/side/a.hpp:6: <openssl/evp.h> is not of a package"
header include/parley/side/asio.hpp PARLEY_SIDE_ASIO_HPP '#include <absl/hash/hash.h>'
bad layers "include/parley/side/asio.hpp:6: <absl/hash/hash.h> is not of a package"
header include/parley/low/a.hpp PARLEY_LOW_A_HPP '#include <unistd.h>'
bad layers "include/parley/low/a.hpp:6: <unistd.h> is not a header of std"
header include/parley/low/a.hpp PARLEY_LOW_A_HPP '#include "low/private.hpp"'
bad layers 'include/parley/low/a.hpp:6: "low/private.hpp" is not installed'
header include/parley/low/a.hpp PARLEY_LOW_A_HPP '#include <parley/low/b.hpp>'
bad layers "include/parley/low/a.hpp:6: our own <parley/low/b.hpp>"
printf '#include <boost/any.hpp>\n' >>lib/side/a.cpp
bad layers "lib/side/a.cpp:5: <boost/any.hpp> is not of a package"
printf '#include "parley/high/a.hpp"\n' >>lib/low/a.cpp
bad layers "lib/low/a.cpp:3: room 'low' does not use 'high'"
printf '#include "high/private.hpp"\n' >>lib/side/a.cpp
bad layers "lib/side/a.cpp:5: room 'side' does not use 'high'"
printf '#include "private.hpp"\n' >>lib/low/a.cpp
bad layers 'lib/low/a.cpp:3: "private.hpp" does not name its room'
sed -i 's/USES low PUBLIC/USES side PUBLIC/' cmake/ParleyGraph.cmake
bad layers "room 'high' uses 'side', which is not above it"
header include/parley/side/a.hpp PARLEY_SIDE_A_HPP '#include "cellar/a.hpp"'
bad layers 'include/parley/side/a.hpp:6: "cellar/a.hpp" is not installed'
printf '#include <openssl/evp.h>\n' >>lib/side/a.cpp
bad layers "lib/side/a.cpp:5: <openssl/evp.h> is not of a package"
printf '#include "cellar/a.hpp"\n' >>lib/roof/a.cpp
bad layers "lib/roof/a.cpp:3: room 'roof' does not use 'cellar'"
sed -i 's/^parley_room(high/parley_private_room(attic USES cellar)\n&/' cmake/ParleyGraph.cmake
bad layers "'attic' uses 'cellar', and both are private"

printf '[a](docs/none.md)\n' >>README.md
bad links "README.md:7: docs/none.md: there is no such file"
printf '[a](docs/guide/low.md#none)\n' >>README.md
bad links "README.md:7: docs/guide/low.md#none: there is no such heading"
printf '[a]: /docs/guide/low.md\n' >>README.md
bad links "README.md:7: /docs/guide/low.md: not relative"
find . -name '*.md' -delete
bad links "there is nothing to check"

printf '// see /%s/main\n' work >>lib/low/a.cpp
bad words "lib/low/a.cpp:3: a folder of one machine"
printf 'cd /%s/me\n' home >>README.md
bad words "README.md:7: a folder of one machine"
printf '// %s: later\n' "TO""DO" >>include/parley/low/a.hpp
bad words "include/parley/low/a.hpp:9: a note to oneself"

touch notes.txt
bad layout "notes.txt: not a name of the top level"
touch 'docs/a name.md'
bad layout "docs/a name.md: a name with more than"
rm docs/guide/low.md
bad layout "docs/guide/low.md: room 'low' has none"
rm -r tests/side
bad layout "tests/side: room 'side' has nothing there"
printf '# Room\n' >docs/guide/cellar.md
bad layout "docs/guide/cellar.md: room 'cellar' is private"
mkdir include/parley/cellar && touch include/parley/cellar/a.hpp
bad layout "include/parley/cellar: room 'cellar' is private"
# shellcheck disable=SC2016  # backticks of Markdown
printf '| `cellar` | |\n' >>README.md
bad layout "README.md: a line of a table for room 'cellar', which is private"
rm -r tests/cellar
bad layout "tests/cellar: room 'cellar' has nothing there"
mkdir lib/attic && cp lib/low/a.cpp lib/attic/
bad layout "lib/attic: there is no room 'attic'"
sed -i '/high/d' README.md
bad layout "README.md: no line of a table for room 'high'"
cp lib/low/a.cpp lib/low/b.cpp
bad layout "lib/low/b.cpp: not listed in lib/low/CMakeLists.txt"
cp include/parley/low/a.hpp include/parley/low/aa.hpp
bad layout "include/parley/low/aa.hpp: not listed in lib/low/CMakeLists.txt"
cp tests/low/a_test.cpp tests/low/b_test.cpp
bad layout "tests/low/b_test.cpp: not listed in tests/low/CMakeLists.txt"
rm tests/low/fuzz/text/seed
bad layout "tests/low/fuzz/text_fuzz.cpp: no corpus in tests/low/fuzz/text"
cp lib/low/a.cpp docs/examples/one.cpp
bad layout "docs/examples/one.cpp: not listed in docs/examples/CMakeLists.txt"

# library <C++ text>: the only room of a build.
library() {
  mkdir -p "$work/build/lib/low"
  printf '%s\n' "$1" >"$work/low.cpp"
  "${CXX:-c++}" -std=c++20 -shared -fPIC -o "$work/build/lib/low/libparley_low.so" "$work/low.cpp"
}

# symbols <wanted status> <text that is printed> [option]
symbols() {
  local wanted=$1 text=$2
  shift 2
  checked=$((checked + 1))
  status=0
  output=$(bash "$root/cmake/symbols.sh" "$work/build" --lists "$work/lists" "$@" 2>&1) || status=$?
  if ((status != wanted)) || [[ $output != *"$text"* ]]; then
    wrong "symbols: '$text' was expected and a status of $wanted; status $status and:"
    printf '%s\n' "$output"
  fi
}

mkdir -p "$work/build/lib"
symbols 1 "no shared room in"
library 'namespace parley::low { void f(int) {} inline void weak() {} auto keep = &weak; }'
symbols 1 "low has no list"
symbols 0 "low: 2 symbols" --update
symbols 0 ""
library 'namespace parley::low { void f(int) {} inline void other() {} auto keep = &other; }'
symbols 0 ""
library 'namespace parley::low { void f(long) {} int keep = 0; }'
symbols 1 "low no longer exports: parley::low::f(int)"
symbols 1 "low exports and does not list: parley::low::f(long)"
library 'namespace parley::low { void f(int) {} int keep = 0; } void helper() {}'
symbols 1 "low exports what is not ours: helper()"
library 'namespace parley::low { struct f { struct impl { void go(); }; }; void f::impl::go() {} }'
symbols 1 "low exports what is private (mark the class NO_EXPORT): parley::low::f::impl::go()"

printf '%d checked, %d failed\n' "$checked" "$failed"
((failed == 0))
