# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the scripts that build or run something: one line for each step, and the packages that
# a step needs. A need is judged by what works, not by the name of a package, so that a compiler or
# a Boost from elsewhere will do. Only on Debian 12 are missing packages installed.
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
    absl)
      compiles '#if !__has_include(<absl/container/flat_hash_map.h>)' '#error' '#endif'
      ;;
    nlohmann_json) compiles '#if !__has_include(<nlohmann/json.hpp>)' '#error' '#endif' ;;
    rapidjson) compiles '#if !__has_include(<rapidjson/document.h>)' '#error' '#endif' ;;
    re2) compiles '#if !__has_include(<re2/re2.h>)' '#error' '#endif' ;;
    simdjson) compiles '#if !__has_include(<simdjson.h>)' '#error' '#endif' ;;
    libcurl)
      compiles '#include <curl/curlver.h>' '#if LIBCURL_VERSION_NUM < 0x075500' '#error' '#endif'
      ;;
    httplib) pkg-config --exists 'cpp-httplib >= 0.11' 'cpp-httplib < 0.12' 2>/dev/null ;;
    grpc)
      pkg-config --exists grpc++ protobuf 2>/dev/null && command -v protoc >/dev/null &&
        command -v grpc_cpp_plugin >/dev/null
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
    absl) echo "Abseil" ;;
    nlohmann_json) echo "nlohmann::json" ;;
    rapidjson) echo "RapidJSON" ;;
    re2) echo "RE2" ;;
    httplib) echo "cpp-httplib 0.11" ;;
    grpc) echo "gRPC, and protoc with its plugin grpc_cpp_plugin" ;;
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
    absl) echo libabsl-dev ;;
    nlohmann_json) echo nlohmann-json3-dev ;;
    rapidjson) echo rapidjson-dev ;;
    re2) echo libre2-dev ;;
    simdjson) echo libsimdjson-dev ;;
    httplib) echo libcpp-httplib-dev ;;
    grpc) echo libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc ;;
    ip) echo iproute2 ;;
    dpkg-source) echo dpkg-dev ;;
    *) echo "$1" ;;
  esac
}

# unmet <need>...: sets `missing` to those that are not there.
unmet() {
  local each
  compiler=${CXX:-c++}
  for each in "$@"; do
    if [[ $each == clang ]]; then compiler=clang++-19; fi
  done
  missing=()
  for each in "$@"; do
    met "$each" || missing+=("$each")
  done
}

is_debian_12() {
  local id='' release=''
  if [[ -r /etc/os-release ]]; then
    # shellcheck disable=SC1091
    id=$(. /etc/os-release && echo "${ID:-}")
    # shellcheck disable=SC1091
    release=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  [[ $id == debian && $release == 12* ]]
}

# may_install: whether packages may be installed, by `as_root`; if not, `why` says so.
may_install() {
  as_root=()
  why=
  if [[ $(id -u) != 0 ]]; then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
  fi
  if ((!install)); then
    why="and nothing may be installed"
  elif ((${#as_root[@]} > 0)) && ! { command -v sudo >/dev/null && "${as_root[@]}" true; }; then
    why="and this is neither root nor may it use sudo"
  fi
  [[ -z $why ]]
}

apt_install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends)

update_packages() {
  mkdir -p "$root/build"
  "${as_root[@]}" apt-get update >"$root/build/packages.log" 2>&1 ||
    step "packages: apt-get update failed; going on with the lists that are there"
}

# need <need>...: installs what is missing, or says what it is and ends.
need() {
  local each missing packages=() as_root why
  unmet "$@"
  if ((${#missing[@]} == 0)); then
    step "packages: nothing is missing"
    return
  fi
  for each in "${missing[@]}"; do
    # shellcheck disable=SC2207  # package names are words
    packages+=($(package "$each"))
  done

  if ! is_debian_12; then
    {
      echo "$script: packages are installed on Debian 12 only. What is missing here:"
      for each in "${missing[@]}"; do
        echo "  $(called "$each")"
      done
    } >&2
    exit 1
  fi
  if ! may_install; then
    fail "missing: ${packages[*]}
$why. As root:
  apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
  fi

  step "packages: installing ${packages[*]}"
  update_packages
  quietly "$root/build/packages.log" "${as_root[@]}" "${apt_install[@]}" "${packages[@]}"
  hash -r
  for each in "${missing[@]}"; do
    met "$each" || fail "$(called "$each") is still missing after installing $(package "$each")"
  done
}

# want <need>...: installs what is missing, one after the other and removing nothing for it; what
# cannot be had is named and done without.
want() {
  local each missing as_root why can_install=0
  unmet "$@"
  ((${#missing[@]} > 0)) || return 0
  if is_debian_12 && may_install; then
    can_install=1
    update_packages
  fi
  for each in "${missing[@]}"; do
    if ((can_install)); then
      step "packages: installing $(package "$each")"
      # shellcheck disable=SC2046  # package names are words
      "${as_root[@]}" "${apt_install[@]}" --no-remove $(package "$each") \
        >>"$root/build/packages.log" 2>&1 || true
      hash -r
      ! met "$each" || continue
    fi
    step "packages: going without $(called "$each") ($(package "$each"))"
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

# configure_and_build <preset> <jobs> <target>...: with `configure_options` for CMake.
configure_options=()
configure_and_build() {
  local preset=$1 jobs=$2 each targets=()
  shift 2
  if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER+set} ]] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  step "configure: preset $preset, in build/$preset"
  quietly "$root/build/configure-$preset.log" cmake --preset "$preset" "${configure_options[@]}"
  step "build: $* with $jobs jobs"
  for each in "$@"; do
    targets+=(--target "$each")
  done
  cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}" || fail "the build failed"
}
