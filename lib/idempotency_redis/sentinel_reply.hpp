// SPDX-License-Identifier: Apache-2.0
//
// What sentinels say of a master, read. None: it is not whole, not what was asked for, or names no
// server.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_REPLY_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_REPLY_HPP

#include <cstdint>
#include <optional>
#include <string_view>

#include "idempotency_redis/node_address.hpp"
#include "idempotency_redis/reply_tree.hpp"

namespace parley::idempotency_redis {

struct master_address {
  node_address where;
  /// The configuration's, that rises with every failover. SENTINEL MASTER tells it alone.
  std::optional<std::uint64_t> epoch;
};

/// The reply to SENTINEL get-master-addr-by-name.
std::optional<master_address> read_master_address(const reply_tree& from);
/// The reply to SENTINEL MASTER.
std::optional<master_address> read_master(const reply_tree& from);

/// A +switch-master, as a subscription tells it. The views live as long as the tree.
struct switch_event {
  std::string_view master;
  std::string_view host;
  std::uint16_t port = 0;
};
std::optional<switch_event> read_switch(const reply_tree& from);

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_REPLY_HPP
