# SPDX-License-Identifier: Apache-2.0

find_package(benchmark REQUIRED)

# parley_bench(<room> SOURCES <file>... [LIBS <target>...])
#   One program <room>_bench; benchmark names are <room>/operation/case.
function(parley_bench room)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${room}_bench ${arg_SOURCES})
  set_target_properties(${room}_bench PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${room}_bench PRIVATE parley_${room} ${arg_LIBS} benchmark::benchmark_main)
  target_include_directories(${room}_bench PRIVATE "${PROJECT_SOURCE_DIR}/bench")
endfunction()
