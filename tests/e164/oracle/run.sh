#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'END'
Usage: bash tests/e164/oracle/run.sh [options]
Compares the automaton with Google's JavaScript library on millions of numbers. Both have metadata
9.0.40: google-libphonenumber 3.2.47 and tables made from libphonenumber-js 1.13.14. Needs npm and
node. The exit status is 0 if they agree on every number.

  --build DIR      the build tree (default: build/dev)
  --count N        random and broken numbers, beside those that cover the automaton
                   (default: 2000000)
  --sample FILE    also write the checked-in sample: rows that the shipped tables agree on
  --help           print this
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
source "$root/lib/e164/gen/npm.sh"

build=$root/build/dev
count=2000000
sample=
while (($# > 0)); do
  case $1 in
    --build | --count | --sample)
      (($# >= 2)) || { printf 'run.sh: %s needs a value\n' "$1" >&2; exit 2; }
      case $1 in
        --build) build=$2 ;;
        --count) count=$2 ;;
        *) sample=$2 ;;
      esac
      shift
      ;;
    --help)
      usage
      exit 0
      ;;
    *)
      printf "run.sh: what is '%s'? Try --help\n" "$1" >&2
      exit 2
      ;;
  esac
  shift
done
for tool in npm node; do
  command -v "$tool" >/dev/null || { printf 'run.sh: %s is missing\n' "$tool" >&2; exit 1; }
done

folder=$build/e164_oracle  # what npm gave is kept there
oracle=$folder/google-libphonenumber-3.2.47
plans=$folder/libphonenumber-js-1.13.14
unpack google-libphonenumber@3.2.47 "$oracle"
unpack libphonenumber-js@1.13.14 "$plans"

node "$root/lib/e164/gen/extract.mjs" "$plans" "$oracle" >"$folder/plan.txt"
differential=$build/bin/e164_differential
"$differential" numbers "$folder/plan.txt" "$count" >"$folder/numbers.txt"
rm -f "$folder"/part.* "$folder"/answers.*
split --number="l/$(nproc)" "$folder/numbers.txt" "$folder/part."
jobs=()
for part in "$folder"/part.*; do
  node "$root/tests/e164/oracle/oracle.mjs" "$oracle" <"$part" >"$folder/answers.${part##*.}" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
cat "$folder"/answers.* >"$folder/answers.txt"
"$differential" check "$folder/plan.txt" "$folder/answers.txt" "$(wc -l <"$folder/numbers.txt")" \
  ${sample:+"$sample"}
