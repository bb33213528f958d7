# SPDX-License-Identifier: Apache-2.0

find_package(GTest REQUIRED)
include(GoogleTest)

# parley_test(<room> SOURCES <file>... [LIBS <target>...] [LABELS <label>...])
#   One program <room>_test; CTest shows <room>.<Suite>.<Test>.
function(parley_test room)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  list(PREPEND arg_LABELS ${room})
  add_executable(${room}_test ${arg_SOURCES})
  set_target_properties(${room}_test PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${room}_test
    PRIVATE parley_${room} ${arg_LIBS} GTest::gmock GTest::gtest_main)
  target_include_directories(${room}_test PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  gtest_discover_tests(${room}_test
    TEST_PREFIX "${room}."
    NO_PRETTY_VALUES  # parameters have names; without this their bytes are shown
    DISCOVERY_TIMEOUT 60
  )

  # Not by PROPERTIES of gtest_discover_tests, which takes a list of two labels apart. CTest reads
  # this file after the discovered tests, which are in the variable <program>_TESTS.
  set(labels "${CMAKE_CURRENT_BINARY_DIR}/${room}_test_labels.cmake")
  file(CONFIGURE OUTPUT "${labels}" @ONLY CONTENT
    [[set_tests_properties(${@room@_test_TESTS} PROPERTIES LABELS "@arg_LABELS@")]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${labels}")
endfunction()

option(PARLEY_FUZZ "Link the fuzzers with libFuzzer (clang); else they replay their corpus" OFF)

# parley_fuzzer(<room> <name> [LIBS <target>...]): tests/<room>/fuzz/<name>_fuzz.cpp, with
# LLVMFuzzerTestOneInput, becomes bin/fuzz_<room>_<name>. Its corpus lies in
# tests/<room>/fuzz/<name>/; a test replays it in every build.
function(parley_fuzzer room name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  set(program fuzz_${room}_${name})
  set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}")
  add_executable(${program} fuzz/${name}_fuzz.cpp)
  set_target_properties(${program} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${program} PRIVATE parley_${room} ${arg_LIBS})
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  if(PARLEY_FUZZ)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${room}.Fuzz.${name} COMMAND ${program} -runs=0 "${corpus}")
  else()
    target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay.cpp")
    add_test(NAME ${room}.Fuzz.${name} COMMAND ${program} "${corpus}")
  endif()
  set_tests_properties(${room}.Fuzz.${name} PROPERTIES LABELS "${room};fuzz")
endfunction()
