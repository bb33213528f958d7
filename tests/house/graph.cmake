# SPDX-License-Identifier: Apache-2.0
#
# cmake -DGRAPH=<ParleyGraph.cmake> -P graph.cmake: a line for each room, as common.sh says.
cmake_minimum_required(VERSION 3.25)
include("${GRAPH}")
foreach(room IN LISTS PARLEY_ROOMS)
  parley_closure(closed ${room})
  set(line ${room})
  foreach(list IN ITEMS closed PARLEY_${room}_PRIVATE_PACKAGES PARLEY_${room}_PUBLIC_PACKAGES)
    list(JOIN ${list} "," words)
    string(APPEND line ":${words}")
  endforeach()
  execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "${line}")
endforeach()
