#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

cases=$root/bench/report/cases.tsv
mapfile -t known < <(awk -F '\t' '
  /^#/ || NF == 0 { next }
  columns++ && !seen[$1]++ { print $1 }' "$cases")

usage() {
  cat <<END
Usage: bash cmake/bench.sh [options]
Builds the benchmarks of the preset release, runs ours and their peers by turns, and writes
report.json, report.md and a picture of each room. On Debian 12 it first installs, with apt, what is
missing (as root, or by sudo); a peer that cannot be had is left out. It wants a quiet machine.

  --room R        only this room; may be given more than once. Rooms:
                  ${known[*]:0:7}
                  ${known[*]:7}
  --quick         short runs and 3 repetitions: minutes instead of half an hour
  --out DIR       where the report goes (default: build/bench)
  --no-install    install nothing; say what is missing instead
  --help          print this
END
}

rooms=()
out=$root/build/bench
repetitions=11
seconds=0.25
while (($# > 0)); do
  case $1 in
    --room | --out)
      (($# >= 2)) || fail "$1 needs a value"
      if [[ $1 == --room ]]; then rooms+=("$2"); else out=$2; fi
      shift
      ;;
    --room=*) rooms+=("${1#*=}") ;;
    --out=*) out=${1#*=} ;;
    --quick)
      repetitions=3
      seconds=0.02
      ;;
    --no-install) install=0 ;;
    --help)
      usage
      exit 0
      ;;
    *) fail "what is '$1'? Try --help" ;;
  esac
  shift
done
[[ -n $out ]] || fail "--out needs a folder"
for room in "${rooms[@]}"; do
  printf '%s\n' "${known[@]}" | grep -qxF -- "$room" ||
    fail "no room '$room' is measured. Rooms: ${known[*]}"
done
((${#rooms[@]} > 0)) || rooms=("${known[@]}")

# A room that is named twice is run once.
mapfile -t rooms < <(printf '%s\n' "${rooms[@]}" | awk '!seen[$0]++')
[[ $out == /* ]] || out=$PWD/$out
cd "$root"

# What stands here before the build is what the report is about.
load() {
  cut -d ' ' -f 1-3 /proc/loadavg
}
began=$(date -u '+%Y-%m-%d %H:%M UTC')
load_before=$(load)
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo 'not known: this is no git checkout')
if [[ -n $(git status --porcelain 2>/dev/null) ]]; then
  commit+=', and changes that are not committed'
fi

# The whole tree is configured, so that all of its packages are asked for.
need g++ cmake ninja boost boost_json openssl hiredis gtest benchmark redis-server
peers=()
targets=(bench_report)
for room in "${rooms[@]}"; do
  targets+=("${room}_bench")
  case $room in
    errors) peers+=(absl gperf) ;;
    envelope) peers+=(nlohmann_json rapidjson simdjson) ;;
    e164) peers+=(re2) ;;  # its CMake file unpacks libphonenumber
    idempotency) peers+=(absl) ;;
    beast) peers+=(httplib libcurl) ;;
  esac
done
want "${peers[@]}"
configure_options=(-DPARLEY_BENCH_PEERS=ON)
configure_and_build release "$(default_jobs)" "${targets[@]}"
sed -n 's/^-- parley: \(.* goes without a peer.*\)/==> \1/p' build/configure-release.log

report=build/release/bin/bench_report
runs=build/bench/runs
facts=build/bench/facts.tsv
mkdir -p "$runs"
# In beast a client and a server wake each other up. Between two cores that can take longer than the
# request itself, depending on where the scheduler puts them; on one core the work is measured.
one_core=()
first_core=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
if command -v taskset >/dev/null; then one_core=(taskset -c "$first_core"); fi

arguments=()
for room in "${rooms[@]}"; do
  on=()
  [[ $room != beast ]] || on=("${one_core[@]}")
  filter=$("$report" --cases "$cases" --filter "$room")
  step "run: $room, $repetitions repetitions"
  rm -f "$runs/$room.json"
  quietly "$runs/$room.log" "${on[@]}" "build/release/bin/${room}_bench" \
    --benchmark_filter="$filter" \
    --benchmark_out="$runs/$room.json" --benchmark_out_format=json \
    --benchmark_repetitions="$repetitions" --benchmark_min_time="$seconds" \
    --benchmark_enable_random_interleaving=true
  arguments+=(--room "$room")
done

cached() {
  sed -n "s/^$1:[A-Z]*=//p" build/release/CMakeCache.txt
}
model=$(sed -n '/^model name/{s/^[^:]*: *//p;q}' /proc/cpuinfo 2>/dev/null || true)
{
  printf 'processor\t%s\n' "${model:-$(uname -m)}"
  printf 'processors\t%s\n' "$(nproc)"
  printf 'kernel\t%s\n' "$(uname -srm)"
  printf 'compiler\t%s\n' "$("$(cached CMAKE_CXX_COMPILER)" --version | sed -n 1p)"
  printf 'flags\t%s %s\n' "$(cached CMAKE_CXX_FLAGS)" "$(cached CMAKE_CXX_FLAGS_RELEASE)"
  printf 'commit\t%s\n' "$commit"
  printf 'begun\t%s\n' "$began"
  printf 'load average\t%s before the build, %s after the runs\n' "$load_before" "$(load)"
  printf 'least time of a repetition\t%s s\n' "$seconds"
} >"$facts"
step "report: $out"
"$report" --cases "$cases" --runs "$runs" --facts "$facts" --out "$out" "${arguments[@]}"
