# SPDX-License-Identifier: Apache-2.0
#
# cmake -DPROGRAM=<example> -DEXPECTED=<file> -P example.cmake: the example prints just this.
file(READ "${EXPECTED}" expected)
execute_process(COMMAND "${PROGRAM}"
  OUTPUT_VARIABLE printed ERROR_VARIABLE printed RESULT_VARIABLE status)
if(NOT status STREQUAL "0" OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "status ${status}, printed:\n${printed}\nexpected:\n${expected}")
endif()
