#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# grpc_service.sh <example_grpc_service>: it listens, and on SIGTERM it drains and exits with 0.
# What it answers is tested in grpc_test.cpp.
set -uo pipefail

coproc server { exec "$1"; }
pid=$server_PID
read -r line <&"${server[0]}"
[[ $line =~ ^'listening on port '[1-9][0-9]*$ ]] || {
  echo "the server said: $line"
  kill -KILL "$pid"
  exit 1
}
kill -TERM "$pid"
wait "$pid"
