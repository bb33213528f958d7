# SPDX-License-Identifier: Apache-2.0
#
# Sourced by test.sh and sandbox.sh: one line for each step, and the packages that a step needs.
# A need is judged by what works, not by the name of a package, so that a compiler or a Boost from
# elsewhere will do. Only on Debian 12 are missing packages installed.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$(basename "$0")
install=1

step() {
  printf '==> %s\n' "$*"
}

fail() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

# quietly <log file> <command>...: shows what the command printed only when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    fail "this failed: $*"
  fi
}

has_compiler() {
  "$1" -std=c++20 -fsyntax-only -x c++ - >/dev/null 2>&1 <<<'#include <version>
#if !defined(__cpp_lib_span) || __cplusplus < 202002L
#error not C++20
#endif'
}

# compiles <line>...: the compiler accepts a source file of these lines.
compiles() {
  printf '%s\n' "$@" | "$compiler" -std=c++20 -fsyntax-only -x c++ - >/dev/null 2>&1
}

has_cmake() {
  local version
  version=$(cmake --version 2>/dev/null | sed -n 's/^cmake version \([0-9.]*\).*/\1/p')
  [[ -n $version && $(printf '3.25\n%s\n' "$version" | sort -V | head -n 1) == 3.25 ]]
}

# What can be needed: whether it is there, what it is called, and its packages on Debian 12.
met() {
  case $1 in
    g++) has_compiler "$compiler" ;;
    clang) has_compiler "$compiler" ;;
    cmake) has_cmake ;;
    ninja) command -v ninja >/dev/null ;;
    boost) compiles '#include <boost/version.hpp>' '#if BOOST_VERSION < 108100' '#error' '#endif' ;;
    boost_json)
      compiles '#include <boost/version.hpp>' '#if BOOST_VERSION < 108100' '#error' '#endif' \
        '#if !__has_include(<boost/json.hpp>)' '#error' '#endif'
      ;;
    openssl)
      compiles '#include <openssl/opensslv.h>' '#if OPENSSL_VERSION_MAJOR < 3' '#error' '#endif'
      ;;
    hiredis) compiles '#if !__has_include(<hiredis/hiredis.h>)' '#error' '#endif' ;;
    gtest) compiles '#if !__has_include(<gmock/gmock.h>)' '#error' '#endif' ;;
    benchmark) compiles '#if !__has_include(<benchmark/benchmark.h>)' '#error' '#endif' ;;
    sqlite) compiles '#if !__has_include(<sqlite3.h>)' '#error' '#endif' ;;
    libcurl)
      compiles '#include <curl/curlver.h>' '#if LIBCURL_VERSION_NUM < 0x075500' '#error' '#endif'
      ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

called() {
  case $1 in
    g++) echo "a C++20 compiler (g++ 12 or later)" ;;
    clang) echo "clang 19" ;;
    cmake) echo "CMake 3.25 or later" ;;
    ninja) echo "Ninja" ;;
    boost) echo "Boost 1.81 or later" ;;
    boost_json) echo "Boost.JSON 1.81 or later" ;;
    redis-server) echo "Redis 7.0 or later, and redis-cli" ;;
    openssl) echo "OpenSSL 3.0 or later" ;;
    hiredis) echo "hiredis" ;;
    gtest) echo "GoogleTest with GoogleMock" ;;
    benchmark) echo "Google Benchmark" ;;
    sqlite) echo "SQLite 3" ;;
    libcurl) echo "libcurl 7.85 or later" ;;
    ip) echo "iproute2" ;;
    *) echo "$1" ;;
  esac
}

package() {
  case $1 in
    clang) echo clang-19 libclang-rt-19-dev ;;
    ninja) echo ninja-build ;;
    boost) echo libboost1.81-dev ;;
    boost_json) echo libboost-json1.81-dev ;;
    openssl) echo libssl-dev ;;
    hiredis) echo libhiredis-dev ;;
    gtest) echo libgtest-dev libgmock-dev ;;
    benchmark) echo libbenchmark-dev ;;
    sqlite) echo libsqlite3-dev ;;
    libcurl) echo libcurl4-openssl-dev ;;
    ip) echo iproute2 ;;
    *) echo "$1" ;;
  esac
}

# need <need>...: installs what is missing, or says what it is and ends.
need() {
  local each missing=() packages=()
  compiler=${CXX:-c++}
  for each in "$@"; do
    if [[ $each == clang ]]; then compiler=clang++-19; fi
  done
  for each in "$@"; do
    met "$each" || missing+=("$each")
  done
  if ((${#missing[@]} == 0)); then
    step "packages: nothing is missing"
    return
  fi
  for each in "${missing[@]}"; do
    # shellcheck disable=SC2207  # package names are words
    packages+=($(package "$each"))
  done

  local id='' release=''
  if [[ -r /etc/os-release ]]; then
    # shellcheck disable=SC1091
    id=$(. /etc/os-release && echo "${ID:-}")
    # shellcheck disable=SC1091
    release=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  if [[ $id != debian || $release != 12* ]]; then
    {
      echo "$script: packages are installed on Debian 12 only. What is missing here:"
      for each in "${missing[@]}"; do
        echo "  $(called "$each")"
      done
    } >&2
    exit 1
  fi

  local as_root=()
  if [[ $(id -u) != 0 ]]; then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
  fi
  local why=''
  if ((!install)); then
    why="and nothing may be installed"
  elif ((${#as_root[@]} > 0)) && ! { command -v sudo >/dev/null && "${as_root[@]}" true; }; then
    why="and this is neither root nor may it use sudo"
  fi
  if [[ -n $why ]]; then
    fail "missing: ${packages[*]}
$why. As root:
  apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
  fi

  step "packages: installing ${packages[*]}"
  local log=$root/build/packages.log
  mkdir -p "$root/build"
  "${as_root[@]}" apt-get update >"$log" 2>&1 ||
    step "packages: apt-get update failed; going on with the lists that are there"
  quietly "$log" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${packages[@]}"
  hash -r
  for each in "${missing[@]}"; do
    met "$each" || fail "$(called "$each") is still missing after installing $(package "$each")"
  done
}

# As many jobs as there are processors, and no more than memory allows: the largest source takes
# about 1.5 GB to compile.
default_jobs() {
  local processors kilobytes fit
  processors=$(nproc 2>/dev/null || echo 2)
  kilobytes=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null || true)
  fit=$((${kilobytes:-3000000} / 1500000))
  ((fit >= 1)) || fit=1
  echo $((processors < fit ? processors : fit))
}

# configure_and_build <preset> <jobs> <target>...
configure_and_build() {
  local preset=$1 jobs=$2 each targets=()
  shift 2
  if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER+set} ]] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  step "configure: preset $preset, in build/$preset"
  quietly "$root/build/configure-$preset.log" cmake --preset "$preset"
  step "build: $* with $jobs jobs"
  for each in "$@"; do
    targets+=(--target "$each")
  done
  cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}" || fail "the build failed"
}
