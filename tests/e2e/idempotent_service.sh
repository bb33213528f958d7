#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# idempotent_service.sh <example_idempotent_service>: what its head comment says.
set -uo pipefail
source "$(dirname "$0")/serve.sh"
serve "$1" 0

failed=0
# post <key> <body>: the response's head and body, without the lines that differ each time.
post() {
  curl -si "$url/v1/calls" -H 'Authorization: Bearer s3cret' -H "Idempotency-Key: $1" -d "$2" |
    tr -d '\r' | grep -vE '^(Date|X-Request-Id):'
}
# expect <what it is> <part> <got>
expect() {
  [[ $3 == *"$2"* ]] && return
  printf '%s: wanted %s, got:\n%s\n' "$1" "$2" "$3"
  failed=1
}
expect 'no number' '"code":"destination_invalid"' "$(post k-1 4155550123)"
first=$(post k-1 +14155550123)
expect 'the same key, a better number' '{"data":{"call":1}}' "$first"
again=$(post k-1 +14155550123)
expect 'again' 'Idempotency-Replay: true' "$again"
expect 'again' '{"data":{"call":1}}' "$again"
expect 'another number' '"conflicts_with":"req_' "$(post k-1 +14155550124)"
expect 'another key' '{"data":{"call":2}}' "$(post k-2 +14155550124)"

stop
((failed == 0))
