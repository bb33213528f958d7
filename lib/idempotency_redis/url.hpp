// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"

namespace parley::idempotency_redis {

struct endpoint {
  bool is_unix = false;
  bool is_tls = false;
  std::string host;  ///< a name or an address without brackets; of a unix socket its path
  std::uint16_t port = 6379;
  std::string user;
  std::string password;
  std::uint32_t database = 0;
};

/// Reads the URL of redis_store_options. The error has no part of the URL in it.
result<endpoint, std::string> parse_url(std::string_view url);

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP
