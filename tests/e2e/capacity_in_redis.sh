#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# capacity_in_redis.sh <example_capacity>: records on a server of its own take the memory that the
# program says. It says the most: a server that is no node of a cluster takes 16 bytes less, one
# whose tables have not just doubled up to 16, and one with the finer classes of the jemalloc that
# Redis brings along another 16.
set -uo pipefail
program=$1
folder=$(mktemp -d)
# shellcheck source=tests/e2e/redis.sh
source "$(dirname "$0")/redis.sh"
trap 'stop_redis; rm -r "$folder"' EXIT
# shellcheck disable=SC2119
start_redis || exit 1

info() { redis INFO everything | tr -d '\r' | sed -n "s/^$1://p"; }
if [[ $(info mem_allocator) != jemalloc-5* ]]; then
  echo "skipped: the server's allocator is $(info mem_allocator)"
  exit 0
fi

# What the server does itself, so that the numbers below are of records and not of connections.
fill='for i = 1, tonumber(ARGV[1]) do
  redis.call("SET", "parley:" .. string.format("%032x", i), string.rep("r", tonumber(ARGV[2])),
    "PX", 86400000)
end'
failed=0
# check <bytes of the response> <records, not quite a power of two>
check() {
  local before after printed
  redis FLUSHALL >/dev/null
  redis EVAL "$fill" 0 1 "$1" >/dev/null
  before=$(info used_memory)
  redis EVAL "$fill" 0 "$2" $((53 + 36 + $1)) >/dev/null
  after=$(info used_memory)
  printed=$("$program" --mutations 1 --response-bytes "$1" | sed -n 's/^memory of a record *//p')
  if ! awk -v bytes="$(((after - before) / $2))" -v printed="$printed" 'BEGIN {
    split(printed, part, " ")
    says = part[1] * (part[2] == "KiB" ? 1024 : 1)
    exit !(bytes <= says * 1.01 && bytes >= says * 0.99 - 48)
  }'; then
    echo "$1 bytes: a record takes $(((after - before) / $2)) bytes, and the program says $printed"
    failed=1
  fi
}
check 0 60000
check 200 60000
check 1024 60000
check 4096 15000
check 65536 1000
((failed == 0))
