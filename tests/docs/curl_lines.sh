#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# curl_lines.sh <root> <parley-sandbox>: runs each block of curl lines against a sandbox, which is
# reset between two pages, and compares what it prints with the block right behind it. Ids and times
# may differ. Lines whose answer is not shown are not answered with an error.
root=${1:?the root of the tree}
program=${2:?the sandbox}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/tests/e2e/serve.sh"
serve "$program" --port 0
trap 'kill -KILL "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

plain() {
  sed -E -e 's/call_[0-9a-f]{16}/CALL/g' -e 's/[0-9]{4}-[0-9-]{5}T[0-9:.]+Z/TIME/g'
}

ran=0
at=
actual=
is_shown=1
end_block() {
  if ((!is_shown)) && [[ -z $actual || $actual == *'"error"'* ]]; then
    complain "$at: the answer is not shown, and is: $actual"
  fi
}
last_page=
while read -r place language block; do
  if [[ $language != sh ]]; then
    is_shown=1
    [[ $actual == "$(plain <"$block")" ]] ||
      complain "$place says:" "$(plain <"$block")" "but it gives:" "$actual"
    continue
  fi
  end_block
  [[ ${place%:*} == "$last_page" ]] || curl -s -X POST "$url/sandbox/reset"
  last_page=${place%:*}
  at=$place
  lines=$(<"$block")
  # The lines end as they would in a shell that is typed at: without `set -e`.
  actual=$(set +e +u +o pipefail && eval "${lines//http:\/\/127.0.0.1:8080/$url}" 2>&1 | plain)
  is_shown=0
  ran=$((ran + 1))
done < <(blocks_of docs.CurlLines)
end_block

kill -TERM "$server"
wait "$server" || complain "the sandbox exited with $?"
echo "$ran blocks of curl lines"
((ran >= 4)) || complain "README.md alone has more"
exit "$failed"
