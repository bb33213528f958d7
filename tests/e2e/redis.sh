# SPDX-License-Identifier: Apache-2.0
#
# Sourced, after `folder` is set: start_redis [arguments...] starts a redis-server of the test's own
# on the socket $folder/redis, without a TCP port unless the arguments give one; redis <command...>
# asks it; stop_redis ends it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # folder

redis_pid=

# Fails where the server does not come up, as where its port is taken.
start_redis() {
  local output line
  exec {output}< <(exec redis-server --port 0 --unixsocket "$folder/redis" --dir "$folder" \
    --save '' "$@" 2>&1)
  redis_pid=$!
  while read -r line <&"$output"; do
    if [[ $line == *"eady to accept connections"* ]]; then return 0; fi
  done
  exec {output}<&-
  redis_pid=
  return 1
}

redis() {
  redis-cli -s "$folder/redis" "$@"
}

stop_redis() {
  [[ -n $redis_pid ]] || return 0
  kill -KILL "$redis_pid" 2>/dev/null
  wait "$redis_pid" 2>/dev/null
  redis_pid=
}
