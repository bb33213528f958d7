# SPDX-License-Identifier: Apache-2.0
#
# find_package(parley COMPONENTS ...) and a .pc file for every room that is built.

include(CMakePackageConfigHelpers)

# What the installed config has to know about the graph: for every room of this version what it
# uses, and what a consumer of this build must find.
set(PARLEY_CONFIG_GRAPH "")
set(PARLEY_CONFIG_ROOMS ${PARLEY_ROOMS})
parley_split(PARLEY_CONFIG_COMPONENTS private ${PARLEY_ROOMS})
if(BUILD_SHARED_LIBS)
  set(PARLEY_CONFIG_ROOMS ${PARLEY_CONFIG_COMPONENTS})
endif()
foreach(room IN LISTS PARLEY_CONFIG_ROOMS)
  parley_consumer_rooms(uses ${room})
  string(APPEND PARLEY_CONFIG_GRAPH "set(_parley_${room}_uses ${uses})\n")
  parley_consumer_packages(packages ${room})
  set(finds "")
  foreach(package IN LISTS packages)
    list(JOIN PARLEY_PACKAGE_${package} " " words)
    list(APPEND finds "\"${words}\"")
  endforeach()
  list(JOIN finds " " finds)
  string(APPEND PARLEY_CONFIG_GRAPH "set(_parley_${room}_packages ${finds})\n")
endforeach()
configure_file("${CMAKE_CURRENT_LIST_DIR}/parley-config.cmake.in"
  "${PROJECT_BINARY_DIR}/parley-config.cmake" @ONLY)

# Before 1.0 a minor release may break: 0.1.x answers a request for 0.1 only.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/parley-config-version.cmake"
  COMPATIBILITY ${compatibility})

install(FILES
  "${PROJECT_BINARY_DIR}/parley-config.cmake"
  "${PROJECT_BINARY_DIR}/parley-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/Findhiredis.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/parley"
  COMPONENT core
)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/NOTICE"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  COMPONENT core
)

# The prefix is found from where the .pc file lies, so that an installed tree can be moved; not so
# where the packager asked for a folder outside the prefix.
set(PARLEY_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
set(PARLEY_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(PARLEY_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  set(PARLEY_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(PARLEY_PC_PREFIX "\${pcfiledir}/${up}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(PARLEY_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
parley_split(public private ${PARLEY_ROOMS_BUILT})
foreach(PARLEY_PC_ROOM IN LISTS public)
  # A private room has no file of its own: what it needs, the rooms that use it say.
  parley_consumer_rooms(uses ${PARLEY_PC_ROOM})
  parley_split(requires private ${uses})
  set(libs "")
  set(packages "")
  foreach(room IN LISTS private)
    list(APPEND requires ${PARLEY_${room}_USES})
    list(APPEND libs "-lparley_${room}")
    parley_consumer_packages(more ${room})
    list(APPEND packages ${more})
  endforeach()
  list(REMOVE_DUPLICATES requires)
  list(TRANSFORM requires PREPEND "parley_")
  list(TRANSFORM requires APPEND " = ${PROJECT_VERSION}")
  list(JOIN requires ", " PARLEY_PC_REQUIRES)
  parley_consumer_packages(own ${PARLEY_PC_ROOM})
  list(APPEND packages ${own})
  list(REMOVE_DUPLICATES packages)
  # What the room's headers name, a consumer's own code links, whatever the build.
  set(shown "")
  foreach(package IN LISTS packages)
    if(package IN_LIST PARLEY_${PARLEY_PC_ROOM}_PUBLIC_PACKAGES)
      list(APPEND shown ${PARLEY_PC_${package}})
    else()
      list(APPEND libs ${PARLEY_PC_${package}})
    endif()
  endforeach()
  list(PREPEND shown "-lparley_${PARLEY_PC_ROOM}")
  list(JOIN shown " " PARLEY_PC_LIBS)
  list(JOIN libs " " PARLEY_PC_LIBS_PRIVATE)
  set(PARLEY_PC_CFLAGS "")
  if(NOT BUILD_SHARED_LIBS)
    string(TOUPPER ${PARLEY_PC_ROOM} upper)
    set(PARLEY_PC_CFLAGS " -DPARLEY_${upper}_STATIC_DEFINE")
  endif()
  configure_file("${CMAKE_CURRENT_LIST_DIR}/room.pc.in"
    "${PROJECT_BINARY_DIR}/pkgconfig/parley_${PARLEY_PC_ROOM}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/pkgconfig/parley_${PARLEY_PC_ROOM}.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT ${PARLEY_PC_ROOM}
  )
endforeach()
