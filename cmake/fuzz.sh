#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export LC_ALL=C

usage() {
  cat <<'END'
Usage: bash cmake/fuzz.sh [options]
Builds the fuzzers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (preset fuzz) and
runs each for a time, beginning with its corpus in tests/<room>/fuzz/<name>/. Prints what each ran
and found. The exit status is 1 if there is a finding; its input is then named, and
build/fuzz/bin/fuzz_<room>_<name> <file> repeats it.

  --seconds N     for each fuzzer (default: 60)
  --room R        only the fuzzers of this room
  --merge         add to the corpora, in this tree, what reached code that they did not
  --no-install    install nothing; say what is missing instead
  --jobs N        compilers and fuzzers at a time (default: as processors and memory allow)
  --help          print this
END
}

cd "$root"
mapfile -t rooms < <(printf '%s\n' tests/*/fuzz/*_fuzz.cpp | cut -d/ -f2 | sort -u)

seconds=60
room='*'
merge=0
jobs=
while (($# > 0)); do
  case $1 in
    --seconds | --room | --jobs)
      (($# >= 2)) || fail "$1 needs a value"
      case $1 in
        --seconds) seconds=$2 ;;
        --room) room=$2 ;;
        --jobs) jobs=$2 ;;
      esac
      shift
      ;;
    --seconds=*) seconds=${1#*=} ;;
    --room=*) room=${1#*=} ;;
    --jobs=*) jobs=${1#*=} ;;
    --merge) merge=1 ;;
    --no-install) install=0 ;;
    --help)
      usage
      exit 0
      ;;
    *) fail "what is '$1'? Try --help" ;;
  esac
  shift
done
# Not 0, which libFuzzer takes for no end.
[[ $seconds =~ ^[1-9][0-9]{0,6}$ ]] || fail "--seconds needs a number, not '$seconds'"
[[ -z $jobs || $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs needs a number, not '$jobs'"
[[ $room == '*' || " ${rooms[*]} " == *" $room "* && $room != *' '* && -n $room ]] ||
  fail "no room '$room' has fuzzers. Rooms: ${rooms[*]}"

need clang cmake ninja boost boost_json openssl hiredis gtest
jobs=${jobs:-$(default_jobs)}

# fuzz_<room>_<name> <corpus>, a line each.
fuzzers=()
programs=()
for source in tests/$room/fuzz/*_fuzz.cpp; do
  corpus=${source%_fuzz.cpp}
  of=${source#tests/}
  program=fuzz_${of%%/*}_$(basename "$corpus")
  programs+=("$program")
  fuzzers+=("$program $corpus")
done
configure_and_build fuzz "$jobs" "${programs[@]}"

runs=$root/build/fuzz/runs
count() {
  find "$1" -type f | wc -l
}

# run_one <program> <corpus>: leaves its line of the table, and the inputs that it failed on.
run_one() {
  local program=$1 corpus=$2 folder=$runs/$1 status=0 before executed rate new findings
  rm -rf "$folder"
  mkdir -p "$folder/found"
  cp -R "$corpus" "$folder/corpus"
  before=$(count "$folder/corpus")
  # The bounds of one input. The slowest of a corpus takes a few milliseconds.
  "build/fuzz/bin/$program" "$folder/corpus" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$folder/found/" \
    >"$folder/log" 2>&1 || status=$?
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$folder/log")
  new=$(($(count "$folder/corpus") - before))
  find "$folder/found" -type f -not -name 'slow-unit-*' | sort >"$folder/findings"
  # One that ended badly without an input to show for it has its log.
  ((status == 0)) || [[ -s $folder/findings ]] || echo "$folder/log" >"$folder/findings"
  findings=$(wc -l <"$folder/findings")
  echo "$program ${executed:-0} ${rate:-0} $new $findings" >"$folder/line"
  if ((merge && status == 0)); then
    "build/fuzz/bin/$program" -merge=1 "$corpus" "$folder/corpus" >>"$folder/log" 2>&1 ||
      echo "$folder/log" >>"$folder/findings"
  fi
}
export -f run_one count
export runs seconds merge

step "fuzz: ${#programs[@]} fuzzers, $seconds seconds each, $jobs at a time"
printf '%s\n' "${fuzzers[@]}" |
  UBSAN_OPTIONS=print_stacktrace=1 xargs -P "$jobs" -L 1 \
    bash -euo pipefail -c 'run_one "$@"' run_one

lines() {
  local each
  for each in "${programs[@]}"; do
    cat "$runs/$each/line"
  done
}
lines | awk '
  BEGIN {
    form = "%-36s %12s %9s %9s %9s\n"
    printf form, "fuzzer", "inputs", "a second", "new", "findings"
  }
  { printf form, $1, $2, $3, $4, $5; inputs += $2; new += $4; findings += $5 }
  END { printf form, "total of " NR, inputs, "", new, findings }'

found=0
for each in "${programs[@]}"; do
  while IFS= read -r file; do
    found=1
    printf 'FOUND: %s: %s\n' "$each" "$file"
  done <"$runs/$each/findings"
done
exit "$found"
