#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [build folder]: docs/reference/errors.openapi.json is what a validator of OpenAPI takes for
# OpenAPI 3.1. Needs npm and node; the validator is kept in the build folder (default: build/dev).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
folder=${1:-$root/build/dev}/errors_oracle
for tool in npm node; do
  command -v "$tool" >/dev/null || { printf 'run.sh: %s is missing\n' "$tool" >&2; exit 1; }
done
if [[ ! -f $folder/node_modules/@seriousme/openapi-schema-validator/package.json ]]; then
  mkdir -p "$folder"
  printf '{"private": true}\n' >"$folder/package.json"
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" \
    @seriousme/openapi-schema-validator@2.11.0
fi
node "$root/tests/errors/oracle/validate.mjs" "$folder" \
  "$root/docs/reference/errors.openapi.json"
