#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# reference.sh <root> <folder>: the reference is built without a warning, has something of every
# public header, and fails where a comment names what is not there.
root=${1:?the root of the tree}
out=${2:?a folder for the reference}
command -v doxygen >/dev/null || {
  echo "SKIPPED: doxygen is not installed"
  exit 77
}
bash "$root/cmake/docs.sh" "$out" || exit 1
grep -q 'Makes a handler idempotent' "$out/html/guard_8hpp.html" || {
  echo "the head of a header is not in the reference"
  exit 1
}

planted=$out/planted
mkdir -p "$planted"
cp -R "$root"/{CMakeLists.txt,cmake,docs,include,lib} "$planted"
sed -i 's,^/// One run of a handler,/// \\ref no_such_thing\n&,' \
  "$planted/include/parley/http/guard.hpp"
if said=$(bash "$planted/cmake/docs.sh" "$planted/out" 2>&1); then
  echo "a comment that names nothing is let through"
  exit 1
fi
[[ $said == *guard.hpp*no_such_thing* ]] || {
  echo "not said: $said"
  exit 1
}
rm -rf "$planted"
