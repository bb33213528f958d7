# SPDX-License-Identifier: Apache-2.0
#
# Sourced by refresh.sh and by the differential test: packages of npm, unpacked and not installed.
# shellcheck shell=bash

# unpack <package@version> <folder>: nothing of the package is run.
unpack() {
  local package=$1 folder=$2 archive
  [[ ! -f $folder/package.json ]] || return 0
  mkdir -p "$folder"
  archive=$(cd "$folder" && npm pack --silent "$package" | tail -n 1)
  if [[ ! -s $folder/$archive ]]; then
    printf '%s: npm has not given %s\n' "$(basename "$0")" "$package" >&2
    return 1
  fi
  tar -xzf "$folder/$archive" -C "$folder" --strip-components=1
  rm "$folder/$archive"
}
