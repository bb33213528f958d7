#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# openapi_walk.sh <parley-sandbox> <root> <interpreter> <script>: a client in another language walks
# the whole API of a sandbox by its OpenAPI document.
set -uo pipefail
# shellcheck source=tests/e2e/serve.sh
source "$2/tests/e2e/serve.sh"
serve "$1" --port 0
status=0
"$3" "$4" "$url" || status=$?
stop
exit "$status"
