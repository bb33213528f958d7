# SPDX-License-Identifier: Apache-2.0
#
# The graph of rooms: the only place where an edge between two rooms, or from a room to a third
# party, is written down. A room's own CMake file cannot add one. Rooms stand below what they use,
# so the graph has no cycle by construction (parley_room refuses a name not yet seen).

set(PARLEY_ROOMS "")          # all of them
set(PARLEY_PRIVATE_ROOMS "")  # those of parley_private_room

# parley_room(<room> [USES <room>...] [PUBLIC <package>...] [PRIVATE <package>...])
#   PUBLIC packages appear in the room's installed headers; PRIVATE ones in its sources alone, so a
#   consumer of a shared build does not need them.
macro(parley_room room)
  cmake_parse_arguments(parley_arg "" "" "USES;PUBLIC;PRIVATE" ${ARGN})
  foreach(parley_used IN LISTS parley_arg_USES)
    if(NOT parley_used IN_LIST PARLEY_ROOMS)
      message(FATAL_ERROR "parley: room '${room}' uses '${parley_used}', which is not above it")
    endif()
    if(parley_used IN_LIST PARLEY_PRIVATE_ROOMS AND "${room}" IN_LIST PARLEY_PRIVATE_ROOMS)
      message(FATAL_ERROR "parley: '${room}' uses '${parley_used}', and both are private")
    endif()
  endforeach()
  list(APPEND PARLEY_ROOMS ${room})
  set(PARLEY_${room}_USES ${parley_arg_USES})
  set(PARLEY_${room}_PUBLIC_PACKAGES ${parley_arg_PUBLIC})
  set(PARLEY_${room}_PRIVATE_PACKAGES ${parley_arg_PRIVATE})
endmacro()

# parley_private_room(<room> [USES <room>...] [PRIVATE <package>...])
#   Installs no header, has no .pc file and is no component: a static library inside the rooms that
#   use it. Only those may include its headers; what uses them in turn may not. It is built where a
#   room that is built uses it, or for its own tests.
macro(parley_private_room room)
  list(APPEND PARLEY_PRIVATE_ROOMS ${room})
  parley_room(${room} ${ARGN})
endmacro()

parley_room(core)
parley_private_room(crypto USES core            PRIVATE openssl_crypto)
parley_room(errors   USES core)
parley_room(envelope USES errors                PRIVATE boost_json)
parley_room(envelope_json USES envelope         PUBLIC boost_json)
parley_room(e164     USES core)
parley_room(cursor   USES core crypto)
parley_room(webhook  USES core crypto)
parley_room(idempotency USES core crypto        PRIVATE threads)
parley_room(idempotency_testing USES idempotency PUBLIC gtest)
parley_room(idempotency_asio USES idempotency PUBLIC boost PRIVATE threads)
parley_room(idempotency_redis USES idempotency PUBLIC boost
                     PRIVATE hiredis openssl_ssl threads)
parley_room(client   USES core crypto errors envelope
                     PRIVATE boost_json)
parley_room(http     USES crypto errors envelope e164 cursor idempotency)
parley_room(beast    USES http client           PUBLIC boost PRIVATE openssl_ssl threads)
parley_room(sandbox  USES e164 cursor idempotency idempotency_redis http client webhook beast
                     PRIVATE boost_json threads)

# What each package name above means: the arguments of find_package, the target to link, and what a
# static link adds to a command line.
set(PARLEY_PACKAGE_boost      Boost 1.81 CONFIG)
set(PARLEY_TARGET_boost       Boost::headers)
set(PARLEY_PACKAGE_boost_json Boost 1.81 CONFIG COMPONENTS json)
set(PARLEY_TARGET_boost_json  Boost::json)
set(PARLEY_PC_boost_json      -lboost_json)
set(PARLEY_PACKAGE_gtest      GTest)
set(PARLEY_TARGET_gtest       GTest::gtest)
set(PARLEY_PC_gtest           -lgtest)
set(PARLEY_PACKAGE_openssl_crypto OpenSSL 3.0 COMPONENTS Crypto)
set(PARLEY_TARGET_openssl_crypto  OpenSSL::Crypto)
set(PARLEY_PC_openssl_crypto      -lcrypto)
set(PARLEY_PACKAGE_openssl_ssl    OpenSSL 3.0 COMPONENTS SSL Crypto)
set(PARLEY_TARGET_openssl_ssl     OpenSSL::SSL)
set(PARLEY_PC_openssl_ssl         -lssl -lcrypto)
set(PARLEY_PACKAGE_hiredis    hiredis MODULE)
set(PARLEY_TARGET_hiredis     hiredis::hiredis)
set(PARLEY_PC_hiredis         -lhiredis)
set(PARLEY_PACKAGE_threads    Threads)
set(PARLEY_TARGET_threads     Threads::Threads)
set(PARLEY_PC_threads         -pthread)

# Packages that have nothing to link: as a PRIVATE one, no consumer of any build needs them.
set(PARLEY_HEADER_ONLY boost)

# parley_split(<public> <private> <room>...): the public and the private ones of these rooms.
function(parley_split public private)
  set(of_public "")
  set(of_private "")
  foreach(room IN ITEMS ${ARGN})
    if(room IN_LIST PARLEY_PRIVATE_ROOMS)
      list(APPEND of_private ${room})
    else()
      list(APPEND of_public ${room})
    endif()
  endforeach()
  set(${public} ${of_public} PARENT_SCOPE)
  set(${private} ${of_private} PARENT_SCOPE)
endfunction()

# parley_consumer_rooms(<out> <room>): what a consumer of this build of the room has to have beside
# it. A shared library holds its private rooms; a static one is linked together with them.
function(parley_consumer_rooms out room)
  set(rooms ${PARLEY_${room}_USES})
  if(BUILD_SHARED_LIBS)
    parley_split(rooms private ${rooms})
  endif()
  set(${out} ${rooms} PARENT_SCOPE)
endfunction()

# parley_consumer_packages(<out> <room>): what a consumer of this build of the room has to find.
function(parley_consumer_packages out room)
  set(packages ${PARLEY_${room}_PUBLIC_PACKAGES})
  if(NOT BUILD_SHARED_LIBS)
    foreach(package IN LISTS PARLEY_${room}_PRIVATE_PACKAGES)
      if(NOT package IN_LIST PARLEY_HEADER_ONLY)
        list(APPEND packages ${package})
      endif()
    endforeach()
  endif()
  list(REMOVE_DUPLICATES packages)
  set(${out} ${packages} PARENT_SCOPE)
endfunction()

# parley_closure(<out> <room>...|all): the named rooms and all that they use, in the order of the
# graph. All is every room that can be used: a private room that no other uses is there for its
# tests alone.
function(parley_closure out)
  set(wanted ${ARGN})
  parley_split(public private ${PARLEY_ROOMS})
  if("all" IN_LIST wanted)
    set(wanted ${public})
    if(PARLEY_BUILD_TESTS)
      list(APPEND wanted ${private})
    endif()
  endif()
  list(JOIN public ", " known)
  if(NOT wanted)
    message(FATAL_ERROR "parley: PARLEY_MODULES names no room. Rooms: all, ${known}")
  endif()
  foreach(room IN LISTS wanted)
    if(NOT room IN_LIST PARLEY_ROOMS)
      message(FATAL_ERROR "parley: there is no room '${room}'. Rooms: all, ${known}")
    endif()
  endforeach()
  set(reversed ${PARLEY_ROOMS})
  list(REVERSE reversed)
  foreach(room IN LISTS reversed)
    if(room IN_LIST wanted)
      list(APPEND wanted ${PARLEY_${room}_USES})
    endif()
  endforeach()
  set(closed "")
  foreach(room IN LISTS PARLEY_ROOMS)
    if(room IN_LIST wanted)
      list(APPEND closed ${room})
    endif()
  endforeach()
  set(${out} ${closed} PARENT_SCOPE)
endfunction()
