#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# symbols.sh <build folder> [--update] [--lists <folder>]
#
# Compares what each shared room exports with its list, cmake/symbols/<room>.symbols, or rewrites
# the lists. The build is one of g++ with shared libraries. A list holds the demangled strong
# symbols, and the vtables and typeinfo of our classes, which may be weak. Other weak symbols are
# inline functions and instantiations, which come and go with optimisation and promise nothing. A
# strong symbol that is not ours, or is a member of a class `impl`, is an error, whatever is listed.
# Exit status 0 same, 1 different.
set -euo pipefail
export LC_ALL=C

build=${1:?usage: symbols.sh <build folder> [--update] [--lists <folder>]}
shift
lists=$(cd "$(dirname "$0")" && pwd)/symbols
update=0
while (($# > 0)); do
  case $1 in
    --update) update=1 ;;
    --lists)
      lists=${2:?--lists needs a folder}
      shift
      ;;
    *)
      echo "symbols.sh: what is '$1'?" >&2
      exit 1
      ;;
  esac
  shift
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t libraries < <(find "$build/lib" -name 'libparley_*.so' | sort)
if ((${#libraries[@]} == 0)); then
  echo "no shared room in $build/lib"
  exit 1
fi

status=0
for library in "${libraries[@]}"; do
  room=$(basename "$library" .so)
  room=${room#libparley_}
  list=$lists/$room.symbols

  # nm prints `address type name`; of an undefined or absolute symbol there is none here.
  nm -D --defined-only -C "$library" | sed 's/^[0-9a-f]* //' >"$work/all"
  table='(vtable|typeinfo|typeinfo name|VTT) for parley::'
  {
    grep -E '^[A-TX-Z] ' "$work/all" || true
    grep -E "^[VWu] $table" "$work/all" || true
  } | cut -c 3- | sort -u >"$work/exported"

  ours="^(parley::|$table|guard variable for parley::)"
  private='^[^(]*::impl::'
  if grep -vE "$ours" "$work/exported" | sed "s/^/$room exports what is not ours: /" |
    grep .; then
    status=1
  fi
  if grep -E "$private" "$work/exported" |
    sed "s/^/$room exports what is private (mark the class NO_EXPORT): /" | grep .; then
    status=1
  fi
  grep -E "$ours" "$work/exported" | grep -vE "$private" >"$work/symbols" || true
  if ((update)); then
    mkdir -p "$lists"
    cp "$work/symbols" "$list"
    echo "$room: $(wc -l <"$work/symbols") symbols"
  elif [[ ! -f $list ]]; then
    echo "$room has no list; make one: cmake/symbols.sh <build folder> --update"
    status=1
  elif ! diff --label "listed" --label "exported" -U 0 "$list" "$work/symbols" >"$work/diff"; then
    grep -E '^[-+]' "$work/diff" | grep -vE '^(---|\+\+\+) ' |
      sed -e "s/^-/$room no longer exports: /" -e "s/^+/$room exports and does not list: /"
    status=1
  fi
done
if ((status && !update)); then
  echo "If this is meant: cmake/symbols.sh <build folder> --update, and look at the change."
fi
exit "$status"
