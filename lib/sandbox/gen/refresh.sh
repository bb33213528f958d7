#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# refresh.sh [build folder]: writes lib/sandbox/openapi.generated.cpp anew, after a change of
# openapi.json beside this file or of docs/reference/errors.openapi.json. The build folder (default:
# build/dev) is configured with tests.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
build=${1:-$root/build/dev}
cmake --build "$build" --target sandbox_openapi
"$build/bin/sandbox_openapi" "$root/lib/sandbox/gen/openapi.json" \
  "$root/docs/reference/errors.openapi.json" "$root/lib/sandbox/openapi.generated.cpp"
