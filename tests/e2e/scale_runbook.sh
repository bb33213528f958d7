#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scale_runbook.sh <scale_client> <root>: runs the blocks of docs/guide/scale.md that call
# redis-cli, in their order, on servers of its own. Stores that live through it find every record
# after each.
set -uo pipefail
program=$1
guide=$2/docs/guide/scale.md
folder=$(mktemp -d)
servers=()
clients=()
finish() {
  ((${#clients[@]} == 0)) || kill -KILL "${clients[@]}" 2>/dev/null
  ((${#servers[@]} == 0)) || kill -KILL "${servers[@]}" 2>/dev/null
  { wait; } 2>/dev/null
  rm -r "$folder"
}
trap finish EXIT
umask 077

die() {
  printf '%s\n' "$@"
  exit 1
}

# A port below those that the system gives to connections, whose bus port is free, too: another
# process may take one meanwhile, so the start is tried again.
# start_server <name> [arguments...]: sets `address`. A name that was started before keeps its port.
declare -A ports=() pids=()
start_server() {
  local name=$1 output line tries port
  shift
  mkdir -p "$folder/$name"
  for ((tries = 0; tries < 20; ++tries)); do
    port=${ports[$name]:-$((10000 + RANDOM % 10000))}
    exec {output}< <(exec redis-server --bind 127.0.0.1 --port "$port" --dir "$folder/$name" \
      --save '' --appendonly yes --appendfsync always --cluster-port $((port + 10000)) "$@" 2>&1)
    pids[$name]=$!
    servers+=("${pids[$name]}")
    while read -r line <&"$output"; do
      if [[ $line == *"eady to accept connections"* ]]; then
        cat <&"$output" >/dev/null &
        ports[$name]=$port
        address=127.0.0.1:$port
        return
      fi
    done
    exec {output}<&-
  done
  die "$name does not start"
}

# ask <address> <command...>
ask() { redis-cli -u "redis://$1" "${@:2}"; }

# block <heading> <n>: runs its n-th block of the guide, with what the test has in its variables.
first='' second='' third='' replica='' nodes='' gone='' node=''
new_password_file='' old_password_file=''
block() {
  export first second third replica nodes gone node new_password_file old_password_file
  local text
  text=$(awk -v heading="$1" -v number="$2" '
    /^#+ / { sub(/^#+ /, ""); under = $0 == heading; next }
    /^```sh/ && under { inside = ++seen == number; next }
    /^```/ { inside = 0; next }
    inside { print }' "$guide")
  [[ -n $text ]] || die "the guide has no block $2 under '$1'"
  bash -eu -o pipefail -c "$text" >"$folder/printed" 2>&1 ||
    die "$1, block $2:" "$text" "$(<"$folder/printed")"
}

# start_client <url>: sets `client`.
start_client() {
  local name=$folder/client${#clients[@]} input output
  client=${#clients[@]}
  mkfifo "$name.in" "$name.out"
  "$program" "$1" <"$name.in" >"$name.out" &
  clients+=($!)
  exec {input}>"$name.in" {output}<"$name.out"
  to[client]=$input from[client]=$output
}
to=() from=()
# tell <client> <place or replayed> <name> <after what>
tell() {
  local said=
  echo "$2 $3 100" >&"${to[$1]}"
  read -r said <&"${from[$1]}"
  [[ $said == ok ]] || die "after $4: $2 $3: $said"
}
# all_replayed <after what>: by each client that follows the cluster.
all_replayed() {
  local name
  for name in "${placed[@]}"; do tell "$live" replayed "$name" "$1"; done
}

start_server first
first=$address
start_client "redis://$first/0"
old=$client
tell "$old" place before nothing
placed=(before)

heading='From one server to a cluster'
ask "$first" SHUTDOWN NOSAVE >/dev/null 2>&1
wait "${pids[first]}"
start_server first --cluster-enabled yes
block "$heading" 1
tell "$old" replayed before 'the restart as a cluster of one'
start_client "redis+cluster://$first"
live=$client
all_replayed 'the change of the URL'

start_server second --cluster-enabled yes
second=$address
start_server third --cluster-enabled yes
third=$address
nodes=3
block "$heading" 2
block "$heading" 3
block "$heading" 4
all_replayed 'the rebalance'
for each in "$first" "$second" "$third"; do
  (($(ask "$each" DBSIZE) > 0)) || die "$each has no record"
done
tell "$live" place after 'the rebalance'
placed+=(after)

start_server replica --cluster-enabled yes
replica=$address
nodes=4
block "$heading" 5
block "$heading" 3
until ask "$replica" INFO replication | grep -q '^master_link_status:up'; do :; done

block 'Upgrade without a pause' 1
until ask "$replica" ROLE | head -n 1 | grep -qx master; do :; done
until ask "$second" INFO replication | grep -q '^master_link_status:up'; do :; done
block "$heading" 3
all_replayed 'the failover by hand'

gone=$third
block 'Take a node out' 1
all_replayed 'the node was emptied'
block 'Take a node out' 2
kill -KILL "${pids[third]}"
all_replayed 'the node was taken out'
tell "$live" place last 'the node was taken out'

for each in "$first" "$second" "$replica"; do
  ask "$each" ACL SETUSER records on '>old' '~parley:*' +get +ping >/dev/null
done
node=$first
printf new >"$folder/new"
printf old >"$folder/old"
new_password_file=$folder/new
old_password_file=$folder/old
says() { redis-cli --no-auth-warning -u "redis://records:$1@$node" PING 2>&1; }
block 'Rotate a password' 1
[[ $(says old) == PONG && $(says new) == PONG ]] || die "both passwords: $(says old) $(says new)"
block 'Rotate a password' 2
[[ $(says old) != PONG && $(says new) == PONG ]] || die "the new one: $(says old) $(says new)"
echo 'every block ran'
