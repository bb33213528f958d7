#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh <parley-sandbox> <script> <package> [build folder]: runs one of the scripts here, with the
# npm package that it needs, against a sandbox:
#   validate.mjs @seriousme/openapi-schema-validator@2.11.0
#     What GET /openapi.json gives is what a validator of OpenAPI takes for OpenAPI 3.1, its
#     examples fit, and so do the responses and the webhooks of the running sandbox.
#   webhooks.mjs standardwebhooks@1.1.1
#     What a sandbox sends to a webhook is what the library of Standard Webhooks verifies.
# Needs npm and node; the package is kept in the build folder (default: build/dev).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
script=$2
package=$3
folder=$(realpath -m "${4:-$root/build/dev}/sandbox_oracle/${script%.mjs}")
for tool in npm node; do
  command -v "$tool" >/dev/null || { printf 'run.sh: %s is missing\n' "$tool" >&2; exit 1; }
done
if [[ ! -f $folder/node_modules/${package%@*}/package.json ]]; then
  mkdir -p "$folder"
  printf '{"private": true}\n' >"$folder/package.json"
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" "$package"
fi
# shellcheck source=tests/e2e/serve.sh
source "$root/tests/e2e/serve.sh"
serve "$1" --port 0
status=0
node "$root/tests/sandbox/oracle/$script" "$folder" "$url" || status=$?
stop
exit "$status"
