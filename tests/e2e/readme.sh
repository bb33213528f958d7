#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# readme.sh <parley-sandbox> <root>: runs each block of README.md that calls curl against a sandbox,
# and compares what it prints with the block that follows it. Ids and times may differ.
set -uo pipefail
source "$(dirname "$0")/serve.sh"
serve "$1" --port 0

plain() {
  sed -E -e 's/call_[0-9a-f]{16}/CALL/g' -e 's/[0-9]{4}-[0-9-]{5}T[0-9:.]+Z/TIME/g'
}

# One line a block: its language, a blank, and its text in base64.
blocks() {
  awk '
    /^```/ {
      if (!inside) { inside = 1; language = substr($0, 4); text = ""; next }
      inside = 0
      command = "base64 -w 0"
      printf "%s ", language
      fflush()
      printf "%s", text | command
      close(command)
      printf "\n"
      fflush()
      next
    }
    inside { text = text $0 "\n" }' "$1"
}

failed=0
ran=0
actual=
while read -r language text; do
  text=$(base64 -d <<<"$text")
  case $language in
    sh)
      # A call, not a word about curl beside a command that builds or installs something.
      grep -qE '^([a-z]+=\$\(| *)curl -' <<<"$text" || continue
      actual=$(eval "${text//http:\/\/127.0.0.1:8080/$url}" 2>&1 | plain)
      ran=$((ran + 1))
      ;;
    json | text)
      expected=$(plain <<<"$text")
      if [[ $actual != "$expected" ]]; then
        printf 'README says:\n%s\nbut it gives:\n%s\n' "$expected" "$actual"
        failed=1
      fi
      ;;
  esac
done < <(blocks "$2/README.md")

stop
echo "$ran blocks of curl lines"
((ran >= 4 && failed == 0))
