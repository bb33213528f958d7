#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The guard of a public header is its include path in capitals; of any other header, PARLEY_ and its
# path in the tree. It is the first directive, and the last line names it again.
source "$(dirname "$0")/common.sh"

mapfile -t headers < <(files -name '*.hpp' -o -name '*.hpp.in')
examined=${#headers[@]}
for file in "${headers[@]}"; do
  case $file in
    include/*) path=${file#include/} ;;
    lib/*.hpp.in) path=parley/${file#lib/} ;; # generated into the public folder of its room
    cmake/export.hpp.in) path=parley/@upper@/export.hpp ;;
    *) path=parley/$file ;;
  esac
  guard=$(tr 'a-z/.-' 'A-Z___' <<<"${path%.in}")
  guard=${guard//@UPPER@/@upper@}
  offend_lines < <(awk -v guard="$guard" -v file="$file" '
    /^[ \t]*#/ {
      ++directives
      if (directives == 1 && $0 != "#ifndef " guard) {
        print file ":" NR ": the first directive is not #ifndef " guard
      }
      if (directives == 2 && $0 != "#define " guard) {
        print file ":" NR ": the second directive is not #define " guard
      }
    }
    { last = $0 }
    END {
      if (directives == 0) print file ":1: no guard " guard
      else if (last != "#endif  // " guard) {
        print file ":" NR ": the last line is not #endif  // " guard
      }
    }' "$file")
done
verdict
