#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

program=$root/build/sandbox/bin/parley-sandbox

usage() {
  cat <<'END'
Usage: bash cmake/sandbox.sh [--no-install] [options of the program...]
Builds the sandbox, starts it on port 8080 and prints curl lines to paste. On Debian 12 it first
installs, with apt, what is missing (as root, or by sudo). Ctrl-C stops it.

  --no-install      install nothing; say what is missing instead
  --help            print this

END
  if [[ -x $program ]]; then
    "$program" --help
  else
    cat <<'END'
Options of the program (once it is built, its own --help stands here):
  --host ADDRESS    address to listen on (127.0.0.1)
  --port N          port to listen on; 0: any that is free (8080)
  --threads N       threads that serve requests
  --store WHERE     idempotency records: memory, or the URL of a Redis server
END
  fi
}

arguments=()
port=(--port 8080)
for each in "$@"; do
  case $each in
    --help)
      usage
      exit 0
      ;;
    --no-install)
      install=0
      continue
      ;;
    --port | --port=*) port=() ;;
  esac
  arguments+=("$each")
done
arguments=("${port[@]}" "${arguments[@]}")

cd "$root"
need g++ cmake ninja boost boost_json openssl hiredis curl
configure_and_build sandbox "$(default_jobs)" all

# In a process group of its own, so that Ctrl-C reaches the server once: by way of this script.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkfifo "$folder/ready"
step "start: build/sandbox/bin/parley-sandbox ${arguments[*]}"
set -m
"$program" "${arguments[@]}" </dev/null >"$folder/ready" &
server=$!
set +m
signalled=0
trap 'signalled=1; kill -TERM "$server" 2>/dev/null || true' INT TERM HUP
exec 3<"$folder/ready"

# No line: it did not start, and has said why.
url=
while ((!signalled)) && read -r line <&3; do
  echo "$line"
  if [[ $line =~ ^listening\ on\ (http://.*)$ ]]; then
    url=${BASH_REMATCH[1]}
    break
  fi
done

if [[ -n $url ]]; then
  cat <<END

Paste into another terminal:

# Place a call, then look at it.
call=\$(curl -s $url/v1/calls/dial -H 'Authorization: Bearer test_valid' \\
  -H 'Content-Type: application/json' \\
  -d '{"from_number": "+14155550100", "to_number": "+14155550123"}' | tee /dev/stderr |
  sed 's/.*"call_id" *: *"\([^"]*\)".*/\1/')
curl -s $url/v1/calls/\$call -H 'Authorization: Bearer test_valid'; echo

# A magic number: this call ends busy.
call=\$(curl -s $url/v1/calls/dial -H 'Authorization: Bearer test_valid' \\
  -H 'Content-Type: application/json' \\
  -d '{"from_number": "+14155550100", "to_number": "+12025550116"}' | tee /dev/stderr |
  sed 's/.*"call_id" *: *"\([^"]*\)".*/\1/')
sleep 1; curl -s $url/v1/calls/\$call -H 'Authorization: Bearer test_valid'; echo

# Not a number: an error.
curl -s -i $url/v1/calls/dial -H 'Authorization: Bearer test_valid' \\
  -H 'Content-Type: application/json' \\
  -d '{"from_number": "+14155550100", "to_number": "555-0123"}'; echo

# All magic numbers.
curl -s $url/sandbox/magic; echo

Ctrl-C stops the sandbox.
END
fi

# A signal interrupts the wait; the server then drains, and its own status is waited for.
while :; do
  signalled=0
  status=0
  wait "$server" || status=$?
  ((signalled)) || break
done
exit "$status"
