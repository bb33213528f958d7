// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/node_address.hpp"
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

/// The URL of one server. The error has no part of the URL in it.
result<endpoint, std::string> parse_url(std::string_view url);

enum class topology : std::uint8_t { single = 1, sentinel, cluster };

inline constexpr std::size_t url_hosts_max = 64;

/// Where records are kept, as redis_store_options::url says it.
struct deployment {
  topology how = topology::single;
  endpoint server;                  ///< of several: without host and port
  std::vector<node_address> hosts;  ///< the sentinels, or nodes of the cluster; of a single: one
  std::string master;               ///< the name that the sentinels know it by
};

/// As parse_url(), of any topology.
result<deployment, std::string> parse_deployment(std::string_view url);

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_URL_HPP
