#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Includes follow cmake/ParleyGraph.cmake. A room includes itself and what it uses. A public header
# includes public headers, std, and third parties only where its room has them as PUBLIC packages or
# its name says so. A source file includes third parties only from the room's packages, or from the
# PUBLIC ones of a room that it uses. All third parties share /usr/include: a leak compiles.
source "$(dirname "$0")/common.sh"

if ! rooms=$(graph); then
  offend "cmake/ParleyGraph.cmake: $rooms"
  verdict
fi
declare -A closed private public
while IFS=: read -r room _ used own shown; do
  closed[$room]=,$used,
  private[$room]=,$own,$shown,
  public[$room]=,$shown,
done <<<"$rooms"

# has_package <list> <first part of an include path>: boost is of the packages boost and boost_json.
has_package() {
  [[ $1 == *",$2,"* || $1 == *",$2_"* ]]
}

mapfile -t sources < <(files \( -path './include/*' -o -path './lib/*' \) \
  \( -name '*.hpp' -o -name '*.cpp' -o -name '*.hpp.in' \))
examined=${#sources[@]}
include_line='^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*([<"])([^>"]*)[>"]'

for file in "${sources[@]}"; do
  IFS=/ read -r -a parts <<<"$file"
  if [[ ${parts[0]} == include ]]; then room=${parts[2]}; else room=${parts[1]}; fi
  if [[ -z ${closed[$room]:-} ]]; then
    offend "$file: '$room' is not a room of the graph"
    continue
  fi
  if [[ ${parts[0]} == include || $file == *.hpp.in ]]; then is_public=1; else is_public=0; fi

  # Third parties that this file may include.
  if ((is_public)); then
    packages=${public[$room]}
    case $(basename "$file") in asio.hpp | boost_json.hpp) packages+=,boost, ;; esac
  else
    packages=${private[$room]}
    IFS=, read -r -a used <<<"${closed[$room]}"
    for each in "${used[@]}"; do
      packages+=${each:+${public[$each]}}
    done
  fi

  while IFS=: read -r number line; do
    [[ $line =~ $include_line ]] || continue
    form=${BASH_REMATCH[1]}
    path=${BASH_REMATCH[2]}
    if [[ $form == '<' ]]; then
      case $path in
        parley/*) offend "$file:$number: our own <$path> is included as a third party" ;;
        sys/*)  # POSIX
          if ((is_public)); then offend "$file:$number: <$path> is not a header of std"; fi
          ;;
        */*)
          has_package "$packages" "${path%%/*}" ||
            offend "$file:$number: <$path> is not of a package that this file may include"
          ;;
        *.*)
          if ((is_public)); then offend "$file:$number: <$path> is not a header of std"; fi
          ;;
      esac
      continue
    fi
    case $path in
      parley/*/*)
        other=${path#parley/}
        other=${other%%/*}
        ;;
      */*)
        other=${path%%/*}
        if ((is_public)); then
          offend "$file:$number: \"$path\" is not installed"
          continue
        fi
        ;;
      *)
        offend "$file:$number: \"$path\" does not name its room"
        continue
        ;;
    esac
    [[ ${closed[$room]} == *",$other,"* ]] ||
      offend "$file:$number: room '$room' does not use '$other'"
  done < <(grep -nE '^[[:blank:]]*#[[:blank:]]*include' "$file" || true)
done
verdict
