#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# refresh.sh [build folder]: writes docs/reference/errors.* anew from the catalogue, after a change
# of its rows. The build folder (default: build/dev) is configured with tests.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
build=${1:-$root/build/dev}
cmake --build "$build" --target errors_reference
"$build/bin/errors_reference" "$root/docs/reference"
