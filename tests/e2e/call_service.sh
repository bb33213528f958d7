#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# call_service.sh <example_call_service>: what its head comment says, and what it refuses.
set -uo pipefail
source "$(dirname "$0")/serve.sh"
serve "$1" 0

failed=0
# expect <status> <part of the body> <curl arguments...>
expect() {
  local status=$1 part=$2 got
  shift 2
  got=$(curl -s -w '\n%{http_code}' "$@")
  if [[ ${got##*$'\n'} != "$status" || $got != *"$part"* ]]; then
    printf 'curl %s\nwanted %s with %s, got:\n%s\n' "$*" "$status" "$part" "$got"
    failed=1
  fi
}
key=(-H 'Authorization: Bearer s3cret')
expect 404 '"code":"not_found"' "$url/v1/forwarding" "${key[@]}"
expect 400 '"fields":{"body":"Wrong at byte 8"}' -X PUT "$url/v1/forwarding" "${key[@]}" \
  -d +1415555x123
expect 204 '' -X PUT "$url/v1/forwarding" "${key[@]}" -d +14155550123
expect 200 '{"data":{"destination":"+14155550123"}}' "$url/v1/forwarding" "${key[@]}"
expect 401 '"code":"unauthorized"' "$url/v1/forwarding"
expect 405 '"code":"validation_error"' -X POST "$url/v1/forwarding" "${key[@]}"

stop
((failed == 0))
