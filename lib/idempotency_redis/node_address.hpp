// SPDX-License-Identifier: Apache-2.0
//
// Where a server can be reached, as other servers tell it.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_NODE_ADDRESS_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_NODE_ADDRESS_HPP

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::idempotency_redis {

/// RFC 1035 2.3.4 allows a name 255 bytes; addresses are shorter.
inline constexpr std::size_t host_bytes_max = 255;

struct node_address {
  std::string host;  ///< a name or an address without brackets
  std::uint16_t port = 0;
  friend bool operator==(const node_address&, const node_address&) = default;
  friend auto operator<=>(const node_address&, const node_address&) = default;
};

/// 1 to host_bytes_max bytes of letters, digits and what names, IPv6 addresses and their zones have
/// beside.
bool is_host(std::string_view text) noexcept;

/// Decimal digits alone, 1 to 65535.
std::optional<std::uint16_t> read_port(std::string_view text) noexcept;

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_NODE_ADDRESS_HPP
