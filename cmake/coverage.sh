#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export LC_ALL=C

usage() {
  cat <<'END'
Usage: bash cmake/coverage.sh [options]
Builds the rooms and their tests for gcov (preset coverage), runs the tests but for those of Redis
in faults, which take long, and prints, for each room, how much of its lines and branches in lib/
and include/ they ran. The exit status is 1 where a room is below its floor in
cmake/coverage-floor.txt, or where a test failed. The branches that only an exception takes are not
counted.

  --html D        write a page for each file into the folder D, too
  --update        write the floors anew, a little below what was measured
  --no-install    install nothing; say what is missing instead
  --jobs N        compilers and tests at a time (default: as processors and memory allow)
  --help          print this
END
}

html=
update=0
jobs=
while (($# > 0)); do
  case $1 in
    --html | --jobs)
      (($# >= 2)) || fail "$1 needs a value"
      if [[ $1 == --html ]]; then html=$2; else jobs=$2; fi
      [[ $1 != --html || -n $html ]] || fail "--html needs a folder"
      shift
      ;;
    --html=*)
      html=${1#*=}
      [[ -n $html ]] || fail "--html needs a folder"
      ;;
    --jobs=*) jobs=${1#*=} ;;
    --update) update=1 ;;
    --no-install) install=0 ;;
    --help)
      usage
      exit 0
      ;;
    *) fail "what is '$1'? Try --help" ;;
  esac
  shift
done
[[ -z $jobs || $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs needs a number, not '$jobs'"
[[ -z $html ]] || {
  mkdir -p "$html"
  html=$(cd "$html" && pwd)
}

cd "$root"
need g++ cmake ninja boost boost_json openssl hiredis gtest redis-server ip gcovr
jobs=${jobs:-$(default_jobs)}

# The programs of the tests of rooms: those in tests/<room>/CMakeLists.txt itself. What stands in
# further folders, the fuzzers and the tests of programs and documents have nothing to add that
# would be worth their build.
rooms=()
programs=()
for folder in lib/*/; do
  room=$(basename "$folder")
  rooms+=("$room")
  programs+=("${room}_test")
done
programs+=(idempotency_redis_pure_test)
# Counts of an earlier run are none of this one, nor are those of the build, which runs each program
# for the list of its tests.
forget_counts() {
  [[ ! -d build/coverage ]] || find build/coverage -name '*.gcda' -delete
}
forget_counts
configure_and_build coverage "$jobs" "${programs[@]}"

forget_counts
# A program at once, and not each test by CTest: a process reads and writes all of its counts.
step "test: ${#programs[@]} programs"
# Those that kill, cut off and delay a Redis take minutes.
printf '%s\n' "${programs[@]}" | xargs -P "$jobs" -I '{}' bash -c '
  filter="*"
  [[ {} != idempotency_redis_test ]] || filter="-Fault*:Mistake*:Cut*"
  build/coverage/bin/{} --gtest_brief=1 --gtest_filter="$filter" \
    >build/coverage/{}.log 2>&1 || { cat build/coverage/{}.log; exit 1; }' ||
  fail "a test failed"

step "count: gcovr"
# Objects of lib/, in whichever program: tests have what is private in their own. A file that no
# test ran counts too.
mapfile -t folders < <(
  echo build/coverage/lib
  find build/coverage/tests -type d -path '*/__/__/lib'
)
pages=()
[[ -z $html ]] || pages=(--html-details "$html/index.html")
list=$root/build/coverage/gcovr.json
quietly "$root/build/coverage/gcovr.log" gcovr --root "$root" -j "$jobs" \
  --filter 'lib/' --filter 'include/parley/' --exclude '.*/gen/' --exclude '.*[.]generated[.]cpp' \
  --exclude-throw-branches --exclude-unreachable-branches \
  --json-summary-pretty --json-summary "$list" "${pages[@]}" "${folders[@]}"

# <room> <lines in percent> <branches in percent> <lines> <branches>, of all files of a room.
measured=$root/build/coverage/rooms.txt
awk -F '[:," ]+' '
  function flush() {
    if (file == "") return
    n = split(file, part, "/")
    room = part[1] == "lib" ? part[2] : part[3]
    lines[room] += lt; hit[room] += lc; branches[room] += bt; taken[room] += bc
    file = ""
  }
  $2 == "filename" { file = $3 }
  $2 == "line_total" { lt = $3 }
  $2 == "line_covered" { lc = $3 }
  $2 == "branch_total" { bt = $3 }
  $2 == "branch_covered" { bc = $3 }
  /^ *}/ { flush() }
  END {
    for (room in lines) {
      printf "%s %.1f %.1f %d %d\n", room, 100 * hit[room] / lines[room],
        branches[room] ? 100 * taken[room] / branches[room] : 100, lines[room], branches[room]
    }
  }' "$list" | sort >"$measured"
[[ -s $measured ]] || fail "gcovr counted nothing"

floors=cmake/coverage-floor.txt
if ((update)); then
  {
    sed '/^[^#]/d' "$floors"
    awk '{ print $1, int($2) - 1, int($3) - 1 }' "$measured"
  } >"$floors.new"
  mv "$floors.new" "$floors"
fi
below=0
awk '
  BEGIN { form = "%-22s %7s %7s %7s %9s %9s %7s\n"
    printf form, "room", "lines", "in %", "floor", "branches", "in %", "floor" }
  /^#/ || NF == 0 { next }
  FNR == NR { lines_floor[$1] = $2; branches_floor[$1] = $3; next }
  { was = ($1 in lines_floor); seen[$1] = 1
    printf form, $1, $4, $2, was ? lines_floor[$1] : "none",
      $5, $3, was ? branches_floor[$1] : "none"
    if (!was) { wrong[$1] = "has no floor" }
    else if ($2 < lines_floor[$1] || $3 < branches_floor[$1]) { wrong[$1] = "is below its floor" } }
  END {
    for (room in lines_floor) if (!(room in seen)) wrong[room] = "was not measured"
    for (room in wrong) { print "FAILED: " room " " wrong[room]; bad = 1 }
    exit bad }' "$floors" "$measured" || below=1
((!below)) || fail "see cmake/coverage-floor.txt"
