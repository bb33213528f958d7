#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# redis_lines.sh <root> <example_idempotency_tool>: the users that the documents make are made on a
# Redis server, and the lines of the tool work with the rights of one of them.
root=${1:?the root of the tree}
tool=${2:?the tool}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/tests/e2e/redis.sh"
trap 'stop_redis || true; rm -rf "$folder"' EXIT
umask 077
start_redis

users=0
tools=0
while read -r place language block; do
  [[ $language == text ]] || continue
  while read -r -a words; do
    users=$((users + 1))
    said=$(redis "${words[@]}")
    [[ $said == OK ]] || complain "$place: ${words[*]}: $said"
  done <"$block"
  # What the tests of the room run with is what the page gives a store.
  grep -qE '^ACL SETUSER records +on ' "$block" || continue
  while read -r right; do
    grep -qE "^ACL SETUSER records .* [+]${right#+}( |\$)" "$block" ||
      complain "$place: the tests of idempotency_redis need $right"
  done < <(sed -n '/std::string least_privilege(/,/^}/p' \
    "$root/tests/idempotency_redis/support/least_privilege.hpp" | grep -oE '[+][a-z]+')
done < <(blocks_of docs.RedisLines)

# What the lines name: files of the folder that they are run in, and a record that was marked an
# hour after its lease, laid out as lib/idempotency_redis/record.hpp says.
mkdir "$folder/here"
cd "$folder/here"
echo password >password
head -c 32 /dev/zero >digest-key
key=key-1
scope=credential-1
abandoned() {
  local hex
  hex=$(printf '02%032x01%016x%08x%08x%032x%02x%04x' 161 1700000000001 30000 86400000 7 5 4)
  hex+=$(printf 'req_1note' | od -An -v -tx1 | tr -d ' \n')
  # shellcheck disable=SC2059
  printf "$(fold -w 2 <<<"$hex" | sed 's/^/\\x/' | tr -d '\n')" | redis -x SET "parley:$1"
  redis PEXPIRE "parley:$1" 82800000
}
example_idempotency_tool() { "$tool" "$@"; }

while read -r place language block; do
  [[ $language == sh ]] || continue
  tools=$((tools + 1))
  digest=$(grep -m 1 -oE -- '--digest [0-9a-f]{32}' "$block" | cut -d ' ' -f 2)
  abandoned "$digest" >/dev/null
  lines=$(<"$block")
  lines=${lines//rediss:\/\/redis:6379/unix:\/\/$folder\/redis}
  said=$(set +e +u +o pipefail && eval "$lines" 2>&1) || true
  for part in "$digest"*marked*over*req_1 'there is no record' released; do
    # shellcheck disable=SC2053
    [[ $said == *$part* ]] || complain "$place: not said: $part, but:" "$said"
  done
done < <(blocks_of docs.RedisLines)

echo "$users lines of users, $tools blocks of the tool"
((users > 0 && tools > 0)) || complain "there is nothing to check"
exit "$failed"
