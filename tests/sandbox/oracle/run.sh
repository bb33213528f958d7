#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh <parley-sandbox> [build folder]: what GET /openapi.json gives is what a validator of
# OpenAPI takes for OpenAPI 3.1, its examples fit, and so do the responses of the running sandbox.
# Needs npm and node; the validator is kept in the build folder (default: build/dev).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
folder=$(realpath -m "${2:-$root/build/dev}/sandbox_oracle")
for tool in npm node; do
  command -v "$tool" >/dev/null || { printf 'run.sh: %s is missing\n' "$tool" >&2; exit 1; }
done
if [[ ! -f $folder/node_modules/@seriousme/openapi-schema-validator/package.json ]]; then
  mkdir -p "$folder"
  printf '{"private": true}\n' >"$folder/package.json"
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" \
    @seriousme/openapi-schema-validator@2.11.0
fi
# shellcheck source=tests/e2e/serve.sh
source "$root/tests/e2e/serve.sh"
serve "$1" --port 0
status=0
node "$root/tests/sandbox/oracle/validate.mjs" "$folder" "$url" || status=$?
stop
exit "$status"
