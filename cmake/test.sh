#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
  cat <<'END'
Usage: bash cmake/test.sh [options] [-- arguments of ctest...]
Builds everything and runs every test. On Debian 12 it first installs, with apt, what is missing
(as root, or by sudo). The exit status is that of ctest.

  --preset P      a preset of CMakePresets.json: dev (default), clang, release, asan, tsan, fuzz
  --no-install    install nothing; say what is missing instead
  --jobs N        compilers and tests at a time (default: as processors and memory allow)
  --help          print this
END
}

preset=dev
jobs=
while (($# > 0)); do
  case $1 in
    --preset | --jobs)
      (($# >= 2)) || fail "$1 needs a value"
      if [[ $1 == --preset ]]; then preset=$2; else jobs=$2; fi
      shift
      ;;
    --preset=*) preset=${1#*=} ;;
    --jobs=*) jobs=${1#*=} ;;
    --no-install) install=0 ;;
    --help)
      usage
      exit 0
      ;;
    --)
      shift
      break
      ;;
    *) fail "what is '$1'? Try --help" ;;
  esac
  shift
done
[[ -z $jobs || $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs needs a number, not '$jobs'"

cd "$root"
needs=(cmake ninja boost boost_json openssl hiredis gtest sqlite redis-server)
needs+=(pkg-config clang-format curl libcurl doxygen httplib grpc ip dpkg-source git valgrind)
case $preset in
  dev | asan | tsan) needs+=(g++) ;;
  clang | fuzz) needs+=(clang) ;;
  release) needs+=(g++ benchmark) ;;
  *) fail "there is no preset '$preset'. Try --help" ;;
esac
need "${needs[@]}"
jobs=${jobs:-$(default_jobs)}
configure_and_build "$preset" "$jobs" all all_verify_interface_header_sets
step "test: ctest --preset $preset $*"
exec ctest --preset "$preset" --parallel "$jobs" "$@"
