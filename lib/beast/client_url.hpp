// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_BEAST_CLIENT_URL_HPP
#define PARLEY_LIB_BEAST_CLIENT_URL_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"

namespace parley::beast {

/// Where a client connects to.
struct origin {
  bool is_tls = false;
  bool is_address = false;  ///< `host` is one, no name
  std::string host;         ///< in lower case; an address without brackets
  std::uint16_t port = 0;
  std::string authority;  ///< what Host says: with brackets, and without the scheme's own port
};

/// Reads the URL of transport_options. The error has no part of the URL in it.
result<origin, std::string> parse_base_url(std::string_view url);

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_URL_HPP
