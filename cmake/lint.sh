#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export LC_ALL=C

usage() {
  cat <<'END'
Usage: bash cmake/lint.sh [options]
Runs clang-tidy 19 by .clang-tidy, and cppcheck, over the sources of lib/ and the headers that they
include. Nothing is built. The exit status is 1 if either has something to say.

  --room R        only the sources of this room
  --tool T        only this one: clang-tidy or cppcheck
  --no-install    install nothing; say what is missing instead
  --jobs N        sources at a time (default: as processors and memory allow)
  --help          print this
END
}

cd "$root"
mapfile -t rooms < <(printf '%s\n' lib/*/ | cut -d/ -f2)

tools=(cppcheck clang-tidy)
jobs=
while (($# > 0)); do
  case $1 in
    --room | --tool | --jobs)
      (($# >= 2)) || fail "$1 needs a value"
      case $1 in
        --room) room=$2 ;;
        --tool) tools=("$2") ;;
        --jobs) jobs=$2 ;;
      esac
      shift
      ;;
    --room=*) room=${1#*=} ;;
    --tool=*) tools=("${1#*=}") ;;
    --jobs=*) jobs=${1#*=} ;;
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
case ${tools[0]} in
  clang-tidy | cppcheck) ;;
  *) fail "there is no tool '${tools[0]}': clang-tidy or cppcheck" ;;
esac
if [[ -n ${room+set} ]]; then
  [[ -n $room && $room != *' '* && " ${rooms[*]} " == *" $room "* ]] ||
    fail "there is no room '$room'. Rooms: ${rooms[*]}"
  rooms=("$room")
fi

needs=()
for tool in "${tools[@]}"; do
  case $tool in
    # It reads the commands of a build, and what configuring makes.
    clang-tidy) needs+=(clang clang-tidy-19 cmake ninja boost boost_json openssl hiredis gtest) ;;
    cppcheck) needs+=(cppcheck) ;;
  esac
done
need "${needs[@]}"
jobs=${jobs:-$(default_jobs)}

sources=()
for each in "${rooms[@]}"; do
  mapfile -t -O "${#sources[@]}" sources < <(
    # Tables that a program wrote are not read: they would take minutes.
    find "lib/$each" -name '*.cpp' -not -name '*.generated.cpp' -not -name shipped_tables.cpp | sort
  )
done

# Of cppcheck 2.10. What another program says better is left to that:
#   accessMoved           it goes on behind co_return, and into each branch of if constexpr;
#                         clang-tidy's bugprone-use-after-move does not
#   missingReturn         it knows no coroutine; the compilers' -Wreturn-type
#   passedByValue         it takes a view for a large thing, and a parameter whose parts are moved
#                         from for one that is only read; performance-unnecessary-value-param
#   returnStdMoveLocal    it takes a part of a local for the local; -Wpessimizing-move
# What C++20 defines, and it does not know: shifts of negative numbers (shiftTooManyBitsSigned).
# What it cannot read: the templates of own_catalogue.hpp, which the compiler itself runs.
run_cppcheck() {
  cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --std=c++20 --language=c++ -j "$jobs" -I include -I lib \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    --suppress=accessMoved --suppress=missingReturn --suppress=passedByValue \
    --suppress=returnStdMoveLocal --suppress=shiftTooManyBitsSigned \
    --suppress=internalAstError:include/parley/errors/own_catalogue.hpp \
    "${sources[@]}"
}

# A finding is of our sources, or they do not compile: what clang-tidy says of a path that ends in
# other people's headers can neither be mended nor suppressed there.
tidy() {
  local said status=0
  said=$(clang-tidy-19 --quiet -p build/clang "$1" 2>/dev/null) || status=$?
  if ((status > 1)); then
    echo "$1: clang-tidy ended with $status"
    return 1
  fi
  awk -v "ours=$root/" '
    /^[^ ]+:[0-9]+:[0-9]+: (error|warning): / {
      is_finding = index($0, ours) == 1 || /clang-diagnostic-error/
      if (is_finding) found = 1
    }
    is_finding
    END { exit found }' <<<"$said"
}

run_clang_tidy() {
  step "configure: preset clang, in build/clang"
  quietly "$root/build/configure-clang.log" cmake --preset clang
  step "clang-tidy: ${#sources[@]} sources, $jobs at a time"
  export root
  export -f tidy
  printf '%s\0' "${sources[@]}" | xargs -0 -I '{}' -P "$jobs" bash -c 'tidy "$1"' - '{}'
}

failed=0
for tool in "${tools[@]}"; do
  case $tool in
    cppcheck)
      step "cppcheck: ${#sources[@]} sources, $jobs at a time"
      run_cppcheck || failed=1
      ;;
    clang-tidy) run_clang_tidy || failed=1 ;;
  esac
done
((!failed)) || fail "there is something to mend, or to suppress in place with the reason"
step "clean"
