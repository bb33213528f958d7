// SPDX-License-Identifier: Apache-2.0
//
// Headers that are neither an operation's nor those of all requests: the library and the transport
// write them.

#ifndef PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP
#define PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP

#include <algorithm>
#include <array>
#include <string_view>

#include "core/http_text.hpp"

namespace parley::client {

inline bool is_reserved_header(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 5> reserved = {
      "Idempotency-Key", "Host", "Content-Length", "Connection", "Transfer-Encoding"};
  return std::ranges::any_of(reserved, [name](std::string_view each) {
    return http_text::equal_ignoring_case(each, name);
  });
}

}  // namespace parley::client

#endif  // PARLEY_LIB_CLIENT_RESERVED_HEADER_HPP
