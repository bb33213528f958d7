#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# idempotency_tool.sh <example_idempotency_tool>: records of every state on a server of its own,
# written byte by byte as lib/idempotency_redis/record.hpp lays them out. Times are hours, so that
# what is printed of them stands still.
set -uo pipefail
tool=$1
folder=$(mktemp -d)
# shellcheck source=tests/e2e/redis.sh
source "$(dirname "$0")/redis.sh"
trap 'stop_redis; rm -r "$folder"' EXIT
umask 077
start_redis || exit 1

failed=0
# check <status> <stdout, a pattern> <part of stderr> <arguments...>
check() {
  local status=$1 wanted=$2 part=$3 printed told got
  shift 3
  printed=$("$tool" "$@" 2>"$folder/stderr" <"$folder/stdin")
  got=$?
  told=$(<"$folder/stderr")
  printf '%s\n%s\n' "$printed" "$told" >>"$folder/all"
  # shellcheck disable=SC2053
  if [[ $got != "$status" || $printed != $wanted || $told != *"$part"* ]] ||
    [[ -z $part && -n $told ]]; then
    printf '%s\nwanted %s, %s and %s, got %s:\n%s\n%s\n' "$*" "$status" "$wanted" "$part" "$got" \
      "$printed" "$told"
    failed=1
  fi
}
: >"$folder/stdin"

hour=3600000
# plant <name> <hours left> <state> <owner, a byte> <fence> <hours of lease> <hours of retention>
#   <id> <note> <response> [version]: ids, notes and responses are ASCII.
plant() {
  local name=$1 left=$2 owner hex
  owner=$(printf "$4%.0s" {1..16})
  hex=$(printf '%02x%s%02x%016x%08x%08x%032x%02x%04x' "$3" "$owner" "${11:-1}" "$5" \
    $(($6 * hour)) $(($7 * hour)) 7 ${#8} ${#9})
  hex+=$(printf '%s%s%s' "$8" "$9" "${10}" | od -An -v -tx1 | tr -d ' \n')
  # shellcheck disable=SC2059
  printf "$(fold -w 2 <<<"$hex" | sed 's/^/\\x/' | tr -d '\n')" |
    redis -x SET "parley:$name" >/dev/null
  if ((left > 0)); then redis PEXPIRE "parley:$name" $((left * hour)) >/dev/null; fi
}
value() { redis --no-raw GET "parley:$1"; }

digest() { printf "$1%.0s" {1..32}; }
a=$(digest a) b=$(digest b) c=$(digest c) d=$(digest d) e=$(digest e) f=$(digest f)
one=$(digest 1) two=$(digest 2) three=$(digest 3) four=$(digest 4)
plant "$a" 19 1 a1 1700000000001 9 24 req_a '' ''
plant "$b" 19 1 b1 1700000000002 2 24 req_b '' ''
plant "$c" 19 2 c1 1700000000003 2 24 req_c $'dialling\e[2J' ''
plant "$d" 19 3 d1 1700000000004 0 24 req_d '' $'HTTP\n{}'
plant "$e" 19 4 e1 1700000000005 0 24 '' '' ''
plant "$f" 19 1 f1 6 9 24 req_f '' '' 2
plant "$one" 0 1 11 7 9 24 req_1 '' ''
plant "$two" 19 5 21 8 9 24 req_2 '' ''
redis RPUSH "parley:$three" no record >/dev/null
redis SET "parley:$four" 'no record' >/dev/null
# Not names of records.
redis SET "parley:${a%a}g" x >/dev/null
redis SET "other:$a" x >/dev/null

store=(--store "unix://$folder/redis")
lines() { printf '%s\n' "$@"; }
check 0 "$(lines "digest $a" 'state running' 'age 5 h 0 min' 'time_left 18 h 59 min' \
  'lease_left 3 h 59 min' 'fence 1700000000001' 'request_id req_a' 'note -' \
  "owner $(digest a1 | head -c 32)" 'response_bytes 0')" '' show "${store[@]}" --digest "$a"
check 0 $'*\nstate running\nage 5 h 0 min\n*\nlease_left over\n*' '' \
  show "${store[@]}" --digest "$b"
check 0 $'*\nstate marked\n*\nlease_left over\n*\nnote dialling\\\\x1b\\[2J\n*' '' \
  show "${store[@]}" --digest "$c"
check 0 $'*\nstate completed\nage 5 h 0 min\n*\nlease_left -\n*\nresponse_bytes 7' '' \
  show "${store[@]}" --digest "$d"
check 0 $'*\nresponse_bytes 7\nresponse HTTP\\\\x0a{}' '' \
  show "${store[@]}" --digest "${d^^}" --body
check 0 $'*\nstate released\n*\nlease_left -\n*\nrequest_id -\n*' '' \
  show "${store[@]}" --digest "$e"
for bad in "$f" "$one" "$two" "$three" "$four"; do
  check 4 '' 'no record' show "${store[@]}" --digest "$bad"
done
check 1 '' 'there is no record' show "${store[@]}" --digest "$(digest 9)"
check 1 '' 'there is no record' show "${store[@]}" --prefix other --digest "$a"
check 4 '' 'no record' show "${store[@]}" --prefix other: --digest "$a"

# The table: what runs and what is marked.
listed() { "$tool" running "${store[@]}" "$@" 2>"$folder/stderr" | sed 1d | sort; }
wanted=$(sed -E 's/ +/ /g' <<END
$a running 5 h 0 min 3 h 59 min 1700000000001 req_a -
$b running 5 h 0 min over 1700000000002 req_b -
$c marked 5 h 0 min over 1700000000003 req_c dialling\x1b[2J
END
)
got=$(listed | sed -E 's/ +/ /g')
if [[ $got != "$wanted" ]]; then
  printf 'running:\n%s\nwanted:\n%s\n' "$got" "$wanted"
  failed=1
fi
check 0 'DIGEST*' '3 listed of 5 records; 5 keys hold no record' running "${store[@]}"
check 0 'DIGEST*' '3 listed of 5 records' running "${store[@]}" --limit 3
for limit in 1 2; do
  check 0 'DIGEST*' "$limit listed of" running "${store[@]}" --limit $limit
  check 0 'DIGEST*' 'there are more' running "${store[@]}" --limit $limit
  [[ $(listed --limit $limit | wc -l) == "$limit" ]] || failed=1
done
check 0 'DIGEST*' '0 listed of 0 records' running "${store[@]}" --prefix 'p*'

# Release.
refused() {
  local before
  before=$(value "$3")
  check "$1" '*' "$2" release "${store[@]}" --digest "$3"
  if [[ $(value "$3") != "$before" ]]; then
    echo "$3 was changed"
    failed=1
  fi
}
refused 1 'its lease holds for 3 h 59 min' "$a"
refused 1 'it is completed' "$d"
refused 1 'there is no record' "$(digest 9)"
for bad in "$f" "$one" "$two" "$three" "$four"; do refused 4 'no record' "$bad"; done
check 0 $'*\nreleased before: nothing was done' '' release "${store[@]}" --digest "$e"
check 0 $'*\nstate marked\n*\nreleased: the key may run again' '' \
  release "${store[@]}" --digest "$c"
check 0 $'*\nstate running\n*\nreleased: the key may run again' '' \
  release "${store[@]}" --digest "$a" --even-if-running
# As the store would release it: the owner and the fence stay, ten minutes are left.
check 0 "$(lines "digest $a" 'state released' 'age *' 'time_left 9 min *' 'lease_left -' \
  'fence 1700000000001' 'request_id -' 'note -' "owner $(digest a1 | head -c 32)" \
  'response_bytes 0')" '' show "${store[@]}" --digest "$a"
check 0 $'*\nreleased before: nothing was done' '' release "${store[@]}" --digest "$a"

# Keys from files and from standard input: what the tool asks for shows their digest. That it is a
# service's, too, the test of two sandboxes shows.
head -c 32 </dev/zero | tr '\0' k >"$folder/digest-key"
printf 'key-1\ntenant\ncredential\n' >"$folder/key"
named=(--key-file "$folder/key" --digest-key-file "$folder/digest-key")
check 1 '' 'there is no record' show "${store[@]}" "${named[@]}"
redis CONFIG RESETSTAT >/dev/null
redis CONFIG SET slowlog-log-slower-than 0 >/dev/null
check 1 '' 'there is no record' show "${store[@]}" "${named[@]}"
redis CONFIG SET slowlog-log-slower-than -1 >/dev/null
name=$(redis --json SLOWLOG GET | grep -oE 'parley:[0-9a-f]{32}' | head -n 1)
name=${name#parley:}
plant "$name" 19 1 a1 9 2 24 req_named '' ''
check 0 $'*\nrequest_id req_named\n*' '' show "${store[@]}" "${named[@]}"
printf '"key-1"\r\ntenant\r\ncredential' >"$folder/stdin"
check 0 $'*\nrequest_id req_named\n*' '' show "${store[@]}" --key-file - "${named[@]:2}"
for other in 'key-2\ntenant\ncredential' 'key-1\ntenantc\nredential' 'key-1\ntenant' \
  'key-1\ntenant\ncredential\nmore\nand more'; do
  # shellcheck disable=SC2059
  printf "$other" >"$folder/stdin"
  check 1 '' 'there is no record' show "${store[@]}" --key-file - "${named[@]:2}"
done
refuse_input() {
  # shellcheck disable=SC2059
  printf "$1" >"$folder/stdin"
  check 2 '' "standard input: $2" show "${store[@]}" --key-file - "${named[@]:2}"
}
refuse_input '' 'not a line'
refuse_input 'key-1\n' 'not a line'
refuse_input 'k\na\nb\nc\nd\ne\n' 'not a line'
refuse_input 'k\n\na\n' 'an empty line'
refuse_input 'a,b\nscope\n' 'line 1: list'
refuse_input "$(printf 'k%.0s' {1..256})\nscope\n" 'line 1: too_long'
check 2 '' "$folder/none: cannot be opened" show "${store[@]}" --key-file "$folder/none" \
  "${named[@]:2}"
head -c 65537 /dev/zero >"$folder/stdin"
check 2 '' 'standard input: above 64 KiB' show "${store[@]}" --key-file - "${named[@]:2}"
: >"$folder/stdin"
check 0 '*' '' release "${store[@]}" "${named[@]}"
for mode in 640 604 620 602; do
  chmod $mode "$folder/digest-key"
  check 2 '' 'chmod 600' show "${store[@]}" "${named[@]}"
done
chmod 600 "$folder/digest-key"
head -c 31 </dev/zero >"$folder/digest-key"
check 2 '' 'at least 32 bytes' show "${store[@]}" "${named[@]}"

# The least that a user may need, and a password that nothing prints.
password='pass word:s3cret'
redis ACL SETUSER operator on ">$password" '~parley:*' resetchannels -@all +eval +getrange +exists \
  +strlen +pttl +scan +set +select >/dev/null
redis ACL SETUSER default off >/dev/null
check 3 '' 'the server refuses EVAL: NOAUTH' show "${store[@]}" --digest "$b"
check 3 'DIGEST*' 'the server refuses SCAN: NOAUTH' running "${store[@]}"
echo "$password" >"$folder/password"
user=(--user operator --password-file "$folder/password")
check 0 $'*\nstate running\n*' '' show "${store[@]}" "${user[@]}" --digest "$b"
check 0 'DIGEST*' '1 listed of ' running "${store[@]}" "${user[@]}"
check 0 $'*\nreleased: *' '' release "${store[@]}" "${user[@]}" --digest "$b"
check 3 '' 'the server refuses EVAL: NOPERM' show "${store[@]}" "${user[@]}" --prefix no: \
  --digest "$b"
check 0 '*' '' show --store "unix://operator:pass%20word%3As3cret@$folder/redis" --digest "$b"
check 3 '' 'the server refuses the login: WRONGPASS' show --store \
  "unix://operator:s3cret@$folder/redis" --digest "$b"
check 3 '' 'the server refuses the login: ERR' show --store "unix://$folder/redis?db=16" \
  "${user[@]}" --digest "$b"
chmod 640 "$folder/password"
check 2 '' 'chmod 600' show "${store[@]}" "${user[@]}" --digest "$b"
chmod 600 "$folder/password"
: >"$folder/password"
check 2 '' 'there is no password' show "${store[@]}" "${user[@]}" --digest "$b"
stop_redis
check 3 '' "no connection to $folder/redis: " show "${store[@]}" --digest "$b"

# A server that is there and says nothing.
start_redis || exit 1
redis CLIENT PAUSE 600000 ALL >/dev/null
check 3 '' 'the server does not answer in time' show "${store[@]}" --digest "$b"
stop_redis

# TLS, on a port that happens to be free.
if command -v openssl >/dev/null; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=redis \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$folder/tls.key" -out "$folder/tls.pem" 2>/dev/null
  for ((tries = 0; tries < 20; ++tries)); do
    port=$((20000 + RANDOM % 40000))
    start_redis --tls-port $port --tls-cert-file "$folder/tls.pem" --tls-key-file \
      "$folder/tls.key" --tls-auth-clients no && break
  done
  plant "$b" 19 1 b1 10 2 24 req_tls '' ''
  check 0 $'*\nrequest_id req_tls\n*' '' show --store "rediss://127.0.0.1:$port/0" \
    --tls-authorities "$folder/tls.pem" --digest "$b"
  check 3 '' "no TLS with 127.0.0.1:$port: " show --store "rediss://127.0.0.1:$port" --digest "$b"
  check 3 '' "no TLS with localhost:$port: " show --store "rediss://localhost:$port" \
    --tls-authorities "$folder/tls.pem" --digest "$b"
  check 2 '' "tls: cannot use the file $folder/none" show --store "rediss://127.0.0.1:$port" \
    --tls-authorities "$folder/none" --digest "$b"
  stop_redis
fi

# Used in a wrong way.
misuse() {
  local part=$1
  shift
  check 2 '' "$part" "$@"
  check 2 '' usage: "$@"
}
misuse 'no command'
misuse 'none of show, running and release' delete
misuse '--store is missing' running
misuse '--digest is missing' show "${store[@]}"
misuse '--digest is missing' release "${store[@]}" --key-file -
misuse '--digest is missing' show "${store[@]}" --digest-key-file "$folder/digest-key"
misuse 'is instead of' show "${store[@]}" --digest "$a" "${named[@]}"
misuse 'an argument too many' show "${store[@]}" "$a"
misuse 'nothing behind it' show "${store[@]}" --digest
misuse '--digest is given twice' show "${store[@]}" --digest "$a" --digest "$b"
misuse 'no option of this command' running "${store[@]}" --digest "$a"
misuse 'no option of this command' release "${store[@]}" --digest "$a" --limit 3
misuse '--body: no option of this command' release "${store[@]}" --digest "$a" --body x
misuse 'no option of this command' show "${store[@]}" --digest "$a" --even-if-running x
misuse 'no option of this command' show "${store[@]}" --key secret
for text in '' a "${a}a" "${a%a}g" "${a%aa}"; do
  misuse '--digest' show "${store[@]}" --digest "$text"
done
for limit in 0 -1 1000001 x 1x; do
  misuse '--limit: not 1' running "${store[@]}" --limit $limit
done
check 2 '' 'url: does not begin with' running --store 127.0.0.1:6379
check 2 '' 'a user without a password' running "${store[@]}" --user operator
check 0 'usage: *' '' show --help

if grep -qFe s3cret -e kkkkkkkk "$folder/all"; then
  echo "a secret was printed"
  failed=1
fi
((failed == 0))
