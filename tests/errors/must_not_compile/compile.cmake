# SPDX-License-Identifier: Apache-2.0
#
# cmake -DCOMPILER= -DSOURCE= -DINCLUDES= -DQUIET= -DCASE= -DRULE= -DROW= -P compile.cmake: the case
# does not compile, and the compiler says the rule and shows the name of the row. No rule: it
# compiles.
cmake_minimum_required(VERSION 3.25)
list(TRANSFORM INCLUDES PREPEND "-I")
execute_process(
  COMMAND "${COMPILER}" -std=c++20 -fsyntax-only ${QUIET} -DPARLEY_CASE=${CASE} ${INCLUDES}
    "${SOURCE}"
  RESULT_VARIABLE result
  OUTPUT_VARIABLE said
  ERROR_VARIABLE said
)
if(RULE STREQUAL "")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "does not compile:\n${said}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "compiles")
endif()
string(FIND "${said}" "${RULE}" has_rule)
string(FIND "${said}" "\"${ROW}\"" has_row)
if(has_rule EQUAL -1 OR (NOT ROW STREQUAL "" AND has_row EQUAL -1))
  message(FATAL_ERROR "not said: ${RULE}: \"${ROW}\"\n${said}")
endif()
