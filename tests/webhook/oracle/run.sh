#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [build folder [count]]: deliveries at random, signed by the one and verified by the other,
# there and back, between this room and the JavaScript library of Standard Webhooks (1.1.1). Needs
# npm and node; the library is kept in the build folder (default: build/dev).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
build=$(cd "${1:-$root/build/dev}" && pwd)
count=${2:-20000}
folder=$build/webhook_oracle
oracle=$root/tests/webhook/oracle/oracle.mjs
for tool in npm node; do
  command -v "$tool" >/dev/null || { printf 'run.sh: %s is missing\n' "$tool" >&2; exit 1; }
done
if [[ ! -f $folder/node_modules/standardwebhooks/package.json ]]; then
  mkdir -p "$folder"
  printf '{"private": true}\n' >"$folder/package.json"
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" \
    standardwebhooks@1.1.1
fi
node "$oracle" make "$folder" "$count" >"$folder/deliveries.txt"
"$build/bin/webhook_exchange" <"$folder/deliveries.txt" >"$folder/answers.txt"
node "$oracle" check "$folder" "$folder/deliveries.txt" "$folder/answers.txt"
