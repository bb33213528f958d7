# SPDX-License-Identifier: Apache-2.0
#
# parley_module and parley_private_module: make a room of the graph from lists of files.

if(PARLEY_INSTALL)  # else its CMAKE_INSTALL_* cache entries would appear in a parent project
  include(GNUInstallDirs)
endif()

# Finds what the rooms need; a macro, so that the imported targets are seen by the whole project.
macro(parley_find_packages)
  foreach(parley_room IN ITEMS ${ARGN})
    foreach(parley_package IN LISTS PARLEY_${parley_room}_PUBLIC_PACKAGES
                                    PARLEY_${parley_room}_PRIVATE_PACKAGES)
      find_package(${PARLEY_PACKAGE_${parley_package}} REQUIRED)
    endforeach()
  endforeach()
endmacro()

# parley_install_rpath(<target> <folder>): installed there, the target finds the rooms in the same
# prefix, wherever that is moved to. A user's CMAKE_INSTALL_RPATH wins.
function(parley_install_rpath target folder)
  if(DEFINED CMAKE_INSTALL_RPATH)
    return()
  endif()
  file(RELATIVE_PATH way "/${folder}" "/${CMAKE_INSTALL_LIBDIR}")
  if(APPLE)
    set(rpath "@loader_path/${way}")
  else()
    set(rpath "$ORIGIN/${way}")
  endif()
  string(REGEX REPLACE "/$" "" rpath "${rpath}")
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${rpath}")
endfunction()

# parley_link_packages(<target> <package>...): the PRIVATE packages of its room.
function(parley_link_packages target)
  foreach(package IN ITEMS ${ARGN})
    if(package IN_LIST PARLEY_HEADER_ONLY)
      target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${PARLEY_TARGET_${package}}>)
    else()
      target_link_libraries(${target} PRIVATE ${PARLEY_TARGET_${package}})
    endif()
  endforeach()
endfunction()

# parley_module(<room> HEADERS <file>... SOURCES <file>... [GENERATED_HEADERS <file>...])
#   Headers are named below include/parley/<room>/, sources below lib/<room>/. GENERATED_HEADERS
#   stand below the same folder of the build tree. Edges come from ParleyGraph.cmake.
function(parley_module room)
  cmake_parse_arguments(arg "" "" "HEADERS;SOURCES;GENERATED_HEADERS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "parley_module(${room}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  set(target parley_${room})
  set(generated "${PROJECT_BINARY_DIR}/include")
  list(TRANSFORM arg_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/parley/${room}/")
  list(TRANSFORM arg_GENERATED_HEADERS PREPEND "${generated}/parley/${room}/")

  add_library(${target} ${arg_SOURCES})
  add_library(parley::${room} ALIAS ${target})
  target_compile_features(${target} PUBLIC cxx_std_20)
  string(TOUPPER ${room} upper)
  if(PROJECT_VERSION_MAJOR EQUAL 0)  # no stable ABI yet: every minor release is a new one
    set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  else()
    set(soversion ${PROJECT_VERSION_MAJOR})
  endif()
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${room}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${soversion}
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
  )
  configure_file("${PROJECT_SOURCE_DIR}/cmake/export.hpp.in"
    "${generated}/parley/${room}/export.hpp" @ONLY)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    target_compile_definitions(${target} PUBLIC PARLEY_${upper}_STATIC_DEFINE)
  endif()
  target_sources(${target} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/include" "${generated}"
    FILES ${arg_HEADERS} ${arg_GENERATED_HEADERS} "${generated}/parley/${room}/export.hpp"
  )
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/lib")

  parley_split(public private ${PARLEY_${room}_USES})
  foreach(used IN LISTS public)
    target_link_libraries(${target} PUBLIC parley_${used})
  endforeach()
  foreach(used IN LISTS private)
    target_link_libraries(${target} PRIVATE parley_${used})
  endforeach()
  foreach(package IN LISTS PARLEY_${room}_PUBLIC_PACKAGES)
    target_link_libraries(${target} PUBLIC ${PARLEY_TARGET_${package}})
  endforeach()
  parley_link_packages(${target} ${PARLEY_${room}_PRIVATE_PACKAGES})

  if(PARLEY_INSTALL)
    parley_install_rpath(${target} "${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS ${target}
      EXPORT parley-${room}
      RUNTIME COMPONENT ${room}
      LIBRARY COMPONENT ${room}
      ARCHIVE COMPONENT ${room}
      FILE_SET HEADERS COMPONENT ${room}
    )
    install(EXPORT parley-${room}
      NAMESPACE parley::
      DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/parley"
      COMPONENT ${room}
    )
  endif()
endfunction()

# parley_private_module(<room> SOURCES <file>...): a private room; its headers lie with its sources.
function(parley_private_module room)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "parley_private_module(${room}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  set(target parley_${room})
  add_library(${target} STATIC ${arg_SOURCES})
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${room}
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
  )
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/lib>)
  foreach(used IN LISTS PARLEY_${room}_USES)
    target_link_libraries(${target} PUBLIC parley_${used})
  endforeach()
  parley_link_packages(${target} ${PARLEY_${room}_PRIVATE_PACKAGES})

  # A static room is linked together with it. It goes with `core`, which every room needs, since two
  # components cannot install one export.
  set(used "")
  foreach(built IN LISTS PARLEY_ROOMS_BUILT)
    list(APPEND used ${PARLEY_${built}_USES})
  endforeach()
  if(PARLEY_INSTALL AND NOT BUILD_SHARED_LIBS AND room IN_LIST used)
    install(TARGETS ${target} EXPORT parley-${room} ARCHIVE COMPONENT core)
    install(EXPORT parley-${room}
      NAMESPACE parley::
      DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/parley"
      COMPONENT core
    )
  endif()
endfunction()

# parley_program(<room> <name> <source>...): a program that is installed with its room.
function(parley_program room name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${name} PRIVATE parley_${room})
  if(PARLEY_INSTALL)
    parley_install_rpath(${name} "${CMAKE_INSTALL_BINDIR}")
    install(TARGETS ${name} RUNTIME COMPONENT ${room})
  endif()
endfunction()
