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

find_program(PARLEY_VALGRIND valgrind)
find_path(PARLEY_VALGRIND_INCLUDE valgrind/memcheck.h)
mark_as_advanced(PARLEY_VALGRIND PARLEY_VALGRIND_INCLUDE)

# parley_constant_time_test(<room> SOURCES <file>...)
#   A program <room>_constant_time_test that hides secrets (tests/support/memcheck.hpp); valgrind
#   runs it, as the test <room>.ConstantTime.
function(parley_constant_time_test room)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
  set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
  set(why "")
  if(flags MATCHES "-fsanitize")
    set(why "valgrind cannot run what is built with a sanitizer")
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND flags MATCHES "-g" AND
      NOT flags MATCHES "-gdwarf-4")
    set(why "valgrind 3.19 cannot read what clang writes for debuggers without -gdwarf-4")
  elseif(NOT PARLEY_VALGRIND OR NOT PARLEY_VALGRIND_INCLUDE)
    set(why "no valgrind, or none of its headers")
  endif()
  if(why)
    add_test(NAME ${room}.ConstantTime COMMAND "${CMAKE_COMMAND}" -E echo "skipped: ${why}")
    set_tests_properties(${room}.ConstantTime PROPERTIES
      LABELS "${room};valgrind" SKIP_REGULAR_EXPRESSION "^skipped")
    return()
  endif()
  set(program ${room}_constant_time_test)
  add_executable(${program} ${arg_SOURCES})
  set_target_properties(${program} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${program} PRIVATE parley_${room} GTest::gtest_main)
  target_include_directories(${program} SYSTEM PRIVATE "${PARLEY_VALGRIND_INCLUDE}")
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  # The program counts what memcheck finds, and some of it is meant: no limit, and no exit code.
  add_test(NAME ${room}.ConstantTime
    COMMAND "${PARLEY_VALGRIND}" --tool=memcheck --quiet --error-limit=no --num-callers=5
      $<TARGET_FILE:${program}>)
  set_tests_properties(${room}.ConstantTime PROPERTIES LABELS "${room};valgrind")
endfunction()
