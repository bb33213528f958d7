# SPDX-License-Identifier: Apache-2.0
#
# Sourced: serve <program> [arguments...] starts a server and sets `url` to where it listens.

serve() {
  local folder
  folder=$(mktemp -d)
  mkfifo "$folder/ready"
  "$@" >"$folder/ready" &
  server=$!
  trap 'kill -KILL "$server" 2>/dev/null' EXIT
  local line
  read -r line <"$folder/ready"
  rm -r "$folder"
  url=${line#listening on }
  [[ $line == "listening on http://127.0.0.1:"* ]] || {
    echo "the server said: $line"
    exit 1
  }
}

# The server drains and exits with 0.
stop() {
  kill -TERM "$server"
  trap - EXIT
  wait "$server" || {
    echo "the server exited with $?"
    exit 1
  }
}
