#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# docs.sh [<folder>]: builds the reference of the public headers with Doxygen, into build/docs/html
# or the folder given. A warning is a failure. Exit status 0 built, 1 not, 77 no Doxygen.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$0")/.." && pwd)
if (($# > 1)) || [[ ${1-} == -* ]]; then
  echo "Usage: bash cmake/docs.sh [<folder>]
Builds the reference of the public headers into <folder>/html (build/docs/html)."
  [[ $# == 1 && $1 == --help ]] && exit 0 || exit 1
fi
out=${1:-$root/build/docs}
if ! command -v doxygen >/dev/null; then
  echo "SKIPPED: doxygen is not installed (on Debian: apt-get install doxygen)"
  exit 77
fi
rm -rf "${out:?}/html" "$out/include"
mkdir -p "$out/include"
out=$(cd "$out" && pwd)
cp -R "$root/include/parley" "$out/include"
version=$(sed -n 's/^  VERSION \([0-9.]*\)$/\1/p' "$root/CMakeLists.txt")
IFS=. read -r major minor patch <<<"$version"
sed -e "s/@PROJECT_VERSION@/$version/g" -e "s/@PROJECT_VERSION_MAJOR@/$major/g" \
  -e "s/@PROJECT_VERSION_MINOR@/$minor/g" -e "s/@PROJECT_VERSION_PATCH@/$patch/g" \
  "$root/lib/core/version.hpp.in" >"$out/include/parley/core/version.hpp"

# What stands at the top of a header is its description, and what is indented there is code; the
# lines keep their numbers. The macros of visibility say nothing to a reader.
cat >"$out/filter.awk" <<'END'
{ line[NR] = $0 }
END {
  for (top = 1; line[top + 1] ~ /^\/\//; ++top) {}
  for (i = 2; i <= top; ++i) {
    text[i] = substr(line[i], 3)
    if (text[i] ~ /^ ? ?[^ ]/ && text[i] !~ /`/) gsub(/</, "\\<", text[i])
    if (text[i] ~ /^   /) {
      if (!code) text[i - 1] = text[i - 1] " \\code"
      code = i
    } else if (code && text[i] != "") {
      text[code + 1] = " \\endcode" text[code + 1]
      code = 0
    }
  }
  if (code) text[code + 1] = " \\endcode"
  text[1] = " \\file" text[1]
  for (i = 1; i <= NR; ++i) {
    # A specialisation in std is none of ours to describe.
    if (line[i] == "template <>" && line[i + 1] ~ /^inline constexpr .*std::/) {
      line[i] = line[i + 1] = ""
    }
    if (i <= top || text[i] != "") line[i] = "///" text[i]
    gsub(/PARLEY_[A-Z0-9_]*_(NO_)?EXPORT /, "", line[i])
    print line[i]
  }
}
END

namespace() {
  if [[ $1 == core ]]; then echo parley; else echo "parley::$1"; fi
}

# A room is a namespace; what it is stands in its guide, up to the first empty line.
{
  printf '/** \\mainpage Parley %s\n' "$version"
  echo "The rooms, each a namespace, a folder of headers and a library:"
  rooms=()
  for folder in "$root"/include/parley/*/; do
    room=$(basename "$folder")
    rooms+=("$room")
    echo "- \\ref $(namespace "$room") \"$room\""
  done
  printf '\n%s */\n' "How they are used is in the guide, docs/guide/."
  for room in "${rooms[@]}"; do
    printf '/** \\namespace %s\n' "$(namespace "$room")"
    # As one line: a link may go over two.
    awk 'NR > 2 && /^$/ { exit } NR > 2' "$root/docs/guide/$room.md" | tr '\n' ' ' |
      sed -E 's/\[([^]]*)\]\([^)]*\)/\1/g'
    printf '\n*/\n'
  done
} >"$out/include/rooms.dox"

cd "$root"
{
  cat docs/Doxyfile
  printf 'PROJECT_NUMBER = %s\n' "$version"
  printf 'OUTPUT_DIRECTORY = "%s"\n' "$out"
  printf 'GENERATE_TAGFILE = "%s/parley.tag"\n' "$out"
  printf 'INPUT = "%s/include"\n' "$out"
  printf 'STRIP_FROM_PATH = "%s/include"\n' "$out"
  printf 'STRIP_FROM_INC_PATH = "%s/include"\n' "$out"
  printf 'FILTER_PATTERNS = "*.hpp=awk -f %s/filter.awk"\n' "$out"
} >"$out/Doxyfile"
doxygen "$out/Doxyfile" 2>&1 | sed "s,^$out/,," >&2

# A header of which the reference has nothing is one that Doxygen did not understand.
awk -F '[<>]' '
  /<compound/ { name = path = ""; has = 0; is_file = /kind="file"/ }
  $2 == "name" && name == "" { name = $3 }
  $2 == "path" { path = $3; sub(/^.*\/include\//, "", path) }
  $2 ~ /^(class|namespace|member)/ { has = 1 }
  /<\/compound/ && has && is_file { print path name }' "$out/parley.tag" | sort -u >"$out/described"
missing=0
while read -r header; do
  grep -qxF "$header" "$out/described" || {
    echo "include/$header: the reference has nothing of it"
    missing=1
  }
done < <(cd include && find parley -name '*.hpp' -not -path '*/detail/*' | sort)
((missing == 0))
echo "built: $out/html/index.html"
