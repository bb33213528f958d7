#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cursor_tool.sh <example_cursor_tool>: cursors there and back, and each way in which one is
# refused.
set -uo pipefail
tool=$1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
umask 077

failed=0
# check <status> <stdout, or * for any> <part of stderr> <arguments...>
check() {
  local status=$1 wanted=$2 part=$3 printed told got
  shift 3
  printed=$("$tool" "$@" 2>"$folder/stderr")
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

k=a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s= # 32 times the letter k
n=bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=
echo "7 active $k" >"$folder/keys"
list=(--key-file "$folder/keys" --scope route=/v1/calls --scope tenant=t-1)
filters=(--scope status=ended --scope from=+1)
time=(--now 1700000000)
id=6ba7b810-9dad-11d1-80b4-00c04fd430c8

# Computed by the description of the format, with Python's hmac and hashlib.
check 0 AQcANGVT8QAABgokGCAiQGunuBCdrRHRgLQAwE_UMMjE73megazd_o8k3m8kxLxs '' \
  issue "${list[@]}" "${filters[@]}" "${time[@]}" --key timestamp:1700000000123456 --id uuid:$id
check 0 AQcDZWVT8QAFYSBiL8PmyKotynejqfzX5PqY1KC0 '' \
  issue "${list[@]}" "${filters[@]}" "${time[@]}" --key null --id $'text:a b/\xc3' --order asc \
  --direction backward

cursor=AQcANGVT8QAABgokGCAiQGunuBCdrRHRgLQAwE_UMMjE73megazd_o8k3m8kxLxs
types=(--schema timestamp,uuid)
read -r -d '' shown <<END
order desc
direction forward
key timestamp:1700000000123456
id uuid:$id
END
shown=${shown%$'\n'}
same=(verify $cursor "${types[@]}" "${list[@]}" "${filters[@]}")
check 0 "$shown" '' "${same[@]}" "${time[@]}"
check 0 "$shown" '' verify $cursor "${types[@]}" "${list[@]}" --scope from=+1 --scope status=ended \
  --order desc "${time[@]}"
check 0 $'order asc\ndirection backward\nkey null\nid text:a b/\\\\xc3' '' \
  verify AQcDZWVT8QAFYSBiL8PmyKotynejqfzX5PqY1KC0 --schema uuid?,text --order asc "${list[@]}" \
  "${filters[@]}" "${time[@]}"

# Each type beside each, at the ends of their ranges.
keys=(null i64:-9223372036854775808 u64:18446744073709551615 timestamp:-1 uuid:$id text:)
for key in "${keys[@]}"; do
  for each in i64:9223372036854775807 u64:0 timestamp:9223372036854775807 uuid:$id text:$id; do
    text=$("$tool" issue "${list[@]}" --key "$key" --id "$each")
    wanted=$(printf 'order desc\ndirection forward\nkey %s\nid %s' "$key" "$each")
    check 0 "$wanted" '' verify "$text" "${list[@]}" --schema "${key%%:*},${each%%:*}"
    nullable=${key%%:*}
    if [[ $key == null ]]; then nullable=text; fi
    check 0 "$wanted" '' verify "$text" "${list[@]}" --schema "$nullable?,${each%%:*}"
    if [[ $key == null ]]; then continue; fi
    other=i64
    if [[ $key == i64:* ]]; then other=u64; fi
    check 1 '' wrong_schema verify "$text" "${list[@]}" --schema "$other?,${each%%:*}"
  done
done

# Refused: another list, time and order.
check 1 '' forged verify $cursor "${types[@]}" "${list[@]}" "${time[@]}"
check 1 '' forged "${same[@]}" "${time[@]}" --scope to=+2
check 1 '' forged verify $cursor "${types[@]}" --key-file "$folder/keys" --scope route=/v1/calls \
  --scope tenant=t-2 "${filters[@]}" "${time[@]}"
check 0 "$shown" '' "${same[@]}" --now 1700086399
check 1 '' expired "${same[@]}" --now 1700086400
check 1 '' expired "${same[@]}"
check 0 "$shown" '' "${same[@]}" --now 1699999700
check 1 '' issued_later "${same[@]}" --now 1699999699
check 1 '' wrong_order "${same[@]}" "${time[@]}" --order asc

# Refused: other bytes.
forge() { check 1 '' "$1" verify "$2" "${types[@]}" "${list[@]}" "${filters[@]}" "${time[@]}"; }
forge forged "${cursor/nuBC/nuBD}"
forge forged "${cursor%s}A"
forge not_base64url "$cursor="
forge not_base64url "${cursor%s}"
forge wrong_schema "${cursor%xLxs}"
forge wrong_schema ''
forge unknown_version "Ag${cursor#AQ}"
forge unknown_key "AQg${cursor#AQc}"
forge too_long "$(printf 'A%.0s' {1..257})"
check 1 '' wrong_schema verify $cursor --schema timestamp,i64 "${list[@]}" "${filters[@]}" \
  "${time[@]}"

# Keys that rotate: verify_only still does, retired does not, and another secret under the id is
# another key.
printf '# the next one\n8 active %s\n7 verify_only %s\n' $n $k >"$folder/keys"
check 0 "$shown" '' "${same[@]}" "${time[@]}"
check 0 'AQg*' '' issue "${list[@]}" --key i64:1 --id i64:1
printf '8 active %s\n7 retired\n' $n >"$folder/keys"
check 1 '' retired_key "${same[@]}" "${time[@]}"
echo "8 active $n" >"$folder/keys"
check 1 '' unknown_key "${same[@]}" "${time[@]}"
echo "7 active $n" >"$folder/keys"
check 1 '' forged "${same[@]}" "${time[@]}"

# Key files that are none.
refuse_keys() { check 2 '' "$1" "${same[@]}" "${time[@]}"; }
printf '7 active %s\n8 verify_only %s\n' $k "${k%2s=}" >"$folder/keys"
refuse_keys 'line 2: the secret is not base64'
echo "7 active a2tra2s=" >"$folder/keys"
refuse_keys 'line 1: the secret has 5 bytes, not 32 to 1024'
echo "7 verify_only $k" >"$folder/keys"
refuse_keys '0 keys are active'
echo "7 active $k" >"$folder/keys"
for mode in 640 604 620 602 610 601; do
  chmod $mode "$folder/keys"
  refuse_keys 'chmod 600'
done
chmod 400 "$folder/keys"
check 0 "$shown" '' "${same[@]}" "${time[@]}"
mv "$folder/keys" "$folder/moved"
refuse_keys "$folder/keys: No such file or directory"
mkdir "$folder/keys"
refuse_keys 'not a regular file'
rmdir "$folder/keys"
mv "$folder/moved" "$folder/keys"

# Used in a wrong way.
misuse() {
  local part=$1
  shift
  check 2 '' "$part" "$@"
  check 2 '' usage: "$@"
}
made=(issue "${list[@]}" --key i64:1 --id i64:1)
misuse 'no command'
misuse 'command: neither issue nor verify' forge
misuse '--key-file is missing' issue --key i64:1 --id i64:1
misuse '--key or --id is missing' issue "${list[@]}" --key i64:1
misuse '--key or --id is missing' issue "${list[@]}" --id i64:1
misuse 'the cursor or --schema is missing' verify $cursor "${list[@]}"
misuse 'the cursor or --schema is missing' verify "${list[@]}" "${types[@]}"
misuse 'an argument too many' "${made[@]}" $cursor
misuse 'an argument too many' "${same[@]}" $cursor
misuse 'nothing behind it' "${made[@]}" --now
misuse '--now is given twice' "${made[@]}" --now 1 --now 1
misuse 'given twice' "${made[@]}" --scope tenant=
misuse 'not a name and a value' "${made[@]}" --scope status
misuse 'not a name and a value' "${made[@]}" --scope =ended
misuse 'neither asc nor desc' "${made[@]}" --order ASC
misuse 'neither forward nor backward' "${made[@]}" --direction back
misuse 'no option of this command' "${made[@]}" "${types[@]}"
misuse 'no option of this command' "${same[@]}" --key i64:1
misuse 'no option of this command' "${same[@]}" --direction forward
check 0 '*' '' "${made[@]}" --now 4294967295
for now in 4294967296 -1 '' 1.5; do misuse '--now: not seconds' "${made[@]}" --now "$now"; done
for value in '' null 1 i64 i64: i64:1x i64:9223372036854775808 u64:-1 u64:18446744073709551616 \
  timestamp:now uuid:${id%8} null:1 "text:$(printf 'a%.0s' {1..65})"; do
  misuse 'a value cannot be read' issue "${list[@]}" --key i64:1 --id "$value"
  if [[ $value != null ]]; then
    misuse 'a value cannot be read' issue "${list[@]}" --key "$value" --id i64:1
  fi
done
for schema in timestamp timestamp, ,uuid timestamp,uuid,uuid timestamp,uuid? timestamp,null \
  null?,uuid Timestamp,uuid; do
  misuse '--schema: not the types' verify $cursor --schema "$schema" "${list[@]}"
done

if grep -qFe $k -e $n -e kkkkkkkk -e nnnnnnnn "$folder/all"; then
  echo "a secret was printed"
  failed=1
fi
((failed == 0))
