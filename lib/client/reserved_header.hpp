// SPDX-License-Identifier: Apache-2.0
//
// Headers that are neither an operation's nor those of all requests: the library and the transport
// write them.

#ifndef PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP
#define PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP

#include <string_view>

#include "core/http_text.hpp"

namespace parley::client {

inline bool is_reserved_header(std::string_view name) noexcept {
  return http_text::is_of_connection(name) ||
         http_text::equal_ignoring_case(name, "Idempotency-Key");
}

}  // namespace parley::client

#endif  // PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP
