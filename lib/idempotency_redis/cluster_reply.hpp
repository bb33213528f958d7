// SPDX-License-Identifier: Apache-2.0
//
// What the nodes of a Redis Cluster say of it, read. Nothing of it is believed before it is whole
// and in order; what is not gives none.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_REPLY_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_REPLY_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/node_address.hpp"
#include "idempotency_redis/reply_tree.hpp"

namespace parley::idempotency_redis {

/// A node of a cluster by its place in a list; no_node: none.
using node_id = std::uint16_t;
inline constexpr node_id no_node = 0xffff;
/// Masters and replicas. The specification aims at clusters of up to 1,000 nodes.
inline constexpr std::size_t nodes_max = 2'048;

/// Who has which slot, as one node sees it.
struct slot_layout {
  std::vector<node_address> nodes;  ///< an empty host: that of the node that was asked
  std::vector<node_id> owners;      ///< slot_count of them, by slot; into `nodes`
};

/// The reply to CLUSTER SLOTS. Replicas are among the nodes and own nothing. None: it is no such
/// reply, a slot is out of range or there twice, or there are more than nodes_max nodes.
std::optional<slot_layout> read_slots(const reply_tree& from);

/// MOVED or ASK.
struct redirect {
  bool is_ask = false;
  std::uint16_t slot = 0;
  std::string_view host;   ///< into the text; empty: that of the node that was asked
  std::uint16_t port = 0;  ///< 0: it does not say where
};

/// `text`: an error reply, as "MOVED 3999 127.0.0.1:6381". An IPv6 address has no brackets: the
/// last colon is the port's. None: it is neither, or malformed.
std::optional<redirect> read_redirect(std::string_view text) noexcept;

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_REPLY_HPP
