#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# program.sh <bench_report> <data> <work folder>: the report of the runs in data is the one that
# stands beside them, and of each wrong input the program says what is wrong and with which status.
set -euo pipefail
export LC_ALL=C

program=${1:?the program}
data=${2:?the folder of runs}
work=${3:?a folder to work in}
rm -rf "$work"
mkdir -p "$work"

failed=0
wrong() {
  printf 'FAILED: %s\n' "$*"
  failed=$((failed + 1))
}

report() {
  "$program" --cases "$data/cases.tsv" --runs "$data" --facts "$data/facts.tsv" "$@"
}

# refuses <status> <part of what it says> <command>...
refuses() {
  local status=$1 says=$2 got=0
  shift 2
  "$@" >"$work/said" 2>&1 || got=$?
  [[ $got == "$status" ]] || wrong "status $got instead of $status: $*"
  grep -qF -- "$says" "$work/said" || wrong "not '$says', but '$(cat "$work/said")': $*"
}

# All rooms.
said=$(report --out "$work/all/of/them")
expected='Bars that hold: 3 of 4. Not judged, as a peer is not built: 1. Missed: fast: serve'
[[ $said == "$expected, beside raw." ]] || wrong "said: $said"
diff -u "$data/report.json" "$work/all/of/them/report.json" || wrong "report.json is another one"
files=$(cd "$work/all/of/them" && echo *)
[[ $files == 'fast.svg report.json report.md' ]] || wrong "written: $files"
page=$work/all/of/them/report.md
for line in '## fast' '## small' '| processor | An example |' '| repetitions | 3 |' \
  '| look up | 2 ns (1.9 to 2.1) | std::map | 12 ns (11 to 14) | 6 | at least 5 | yes |'; do
  grep -qxF -- "$line" "$page" || wrong "report.md has no line: $line"
done
if command -v xmllint >/dev/null; then
  xmllint --noout "$work/all/of/them/fast.svg" || wrong "fast.svg is not well-formed"
fi

# One of them.
said=$(report --room small --out "$work/one")
[[ $said == 'Bars that hold: 1 of 1.' ]] || wrong "said of one room: $said"
[[ $(grep -c '"room"' "$work/one/report.json") == 1 ]] || wrong "rows of more than one room"

# What the script asks.
rooms=$("$program" --cases "$data/cases.tsv" --rooms | tr '\n' ' ')
[[ $rooms == 'fast small ' ]] || wrong "rooms: $rooms"
filter=$("$program" --cases "$data/cases.tsv" --filter small)
[[ $filter == '^(small/fill/iterations:1)$' ]] || wrong "filter: $filter"

# Arguments.
for arguments in '' '--cases' '--bad' '--cases a' '--rooms' '--cases a --rooms --filter b' \
  '--cases a --runs b --out c' '--cases a --runs b --facts c --out d --rooms' \
  '--cases a --filter b extra'; do
  # shellcheck disable=SC2086  # words
  refuses 2 'Usage: bench_report' "$program" $arguments
done

# Inputs.
refuses 1 "cannot read $work/none" "$program" --cases "$work/none" --rooms
refuses 1 'no case of room other' report --room other --out "$work/out"
refuses 1 'no case of room other' "$program" --cases "$data/cases.tsv" --filter other
refuses 1 "cannot read $work/none/fast.json" report --runs "$work/none" --out "$work/out"
refuses 1 "cannot read $work/none" report --facts "$work/none" --out "$work/out"
touch "$work/file"
refuses 1 "cannot write $work/file/" report --out "$work/file"

# changed <file> <sed script>: the data with one file changed.
changed() {
  rm -rf "$work/changed"
  cp -R "$data" "$work/changed"
  sed -i "$2" "$work/changed/$1"
  ! cmp -s "$data/$1" "$work/changed/$1" || wrong "nothing changed: $2"
}
of_changed() {
  "$program" --cases "$work/changed/cases.tsv" --runs "$work/changed" \
    --facts "$work/changed/facts.tsv" --out "$work/out"
}
changed cases.tsv 's|\tfast/find\tstd|\tfast/fnid\tstd|'
refuses 1 "fast: 'fast/fnid' was not measured" of_changed
changed cases.tsv 's|\tfast/find/map\t|\tfast/find/mop\t|'
refuses 1 "fast: 'fast/find/mop' was not measured" of_changed
changed cases.tsv 's|\t160$||'
refuses 1 "changed/cases.tsv: line 7: 7 columns instead of 8" of_changed
changed fast.json '/^}/d'
refuses 1 'changed/fast.json: this is not JSON' of_changed
changed small.json 's/"benchmarks"/"runs"/'
refuses 1 'changed/small.json: there is no list of benchmarks' of_changed
changed small.json 's/bytes_record/bytes/'
refuses 1 "small: 'small/fill/iterations:1' has no counter bytes_record" of_changed
changed facts.tsv 's/\t/ /'
refuses 1 'changed/facts.tsv: line 1: not a name, a tab and a text' of_changed
[[ ! -e $work/out ]] || wrong "something was written"

((failed == 0))
