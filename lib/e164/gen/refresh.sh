#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'END'
Usage: bash lib/e164/gen/refresh.sh [options]
Takes the numbering plans and short numbers of libphonenumber from npm, writes plan.txt and
shipped_tables.cpp, and prints the numbers that changed. Needs npm, node and a configured build.

  --build DIR          the build tree that makes the tables (default: build/dev)
  --plans V            the version of libphonenumber-js (default: latest)
  --short-numbers V    the version of google-libphonenumber (default: latest)
  --help               print this
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
gen=$root/lib/e164/gen
source "$gen/npm.sh"

build=$root/build/dev
plans=latest
short=latest
while (($# > 0)); do
  case $1 in
    --build | --plans | --short-numbers)
      (($# >= 2)) || { printf 'refresh.sh: %s needs a value\n' "$1" >&2; exit 2; }
      case $1 in
        --build) build=$2 ;;
        --plans) plans=$2 ;;
        *) short=$2 ;;
      esac
      shift
      ;;
    --help)
      usage
      exit 0
      ;;
    *)
      printf "refresh.sh: what is '%s'? Try --help\n" "$1" >&2
      exit 2
      ;;
  esac
  shift
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

unpack "libphonenumber-js@$plans" "$folder/plans"
unpack "google-libphonenumber@$short" "$folder/short"
node "$gen/extract.mjs" "$folder/plans" "$folder/short" >"$folder/plan.txt"
cmake --build "$build" --target e164_tables >"$folder/build.log" || {
  cat "$folder/build.log" >&2
  exit 1
}
"$build/bin/e164_tables" changes "$gen/plan.txt" "$folder/plan.txt"
"$build/bin/e164_tables" write "$folder/plan.txt" >"$folder/shipped_tables.cpp"
mv "$folder/plan.txt" "$gen/plan.txt"
mv "$folder/shipped_tables.cpp" "$root/lib/e164/shipped_tables.cpp"
cat <<'END'
Now build and test. Where numbers changed that are rows of tests/e164/data/sample.tsv, make it anew:
  bash tests/e164/oracle/run.sh --sample tests/e164/data/sample.tsv
and name the new versions in NOTICE.
END
