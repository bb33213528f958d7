#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# libphonenumber.sh <folder>: unpacks Debian 12's libphonenumber, and what it needs, into a folder.
# Installed it cannot be: libphonenumber-dev wants another Boost than the one of the rooms.
set -euo pipefail
folder=$1
if [[ -e $folder/complete ]]; then exit; fi
mkdir -p "$folder"
cd "$folder"

packages=(libphonenumber-dev libphonenumber8 libprotobuf-dev libprotobuf32)
for each in libabsl-dev libabsl20220623 libicu72; do
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "$each" 2>/dev/null) != installed ]]; then
    packages+=("$each")
  fi
done
apt-get -qq download "${packages[@]}"
for archive in *.deb; do dpkg -x "$archive" .; done
rm -- *.deb
touch complete
