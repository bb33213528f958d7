// SPDX-License-Identifier: Apache-2.0
//
// Whatever a node or a sentinel sends: a map, a master or an event that is read is within its
// limits, and nothing is read of a reply that is not whole.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "idempotency_redis/cluster_reply.hpp"
#include "idempotency_redis/sentinel_reply.hpp"
#include "idempotency_redis/support/reply_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace redis = parley::idempotency_redis;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const redis::slot_layout& of) {
  require(of.owners.size() == redis::slot_count && of.nodes.size() <= redis::nodes_max);
  for (const redis::node_id owner : of.owners) {
    require(owner == redis::no_node || owner < of.nodes.size());
  }
  for (const redis::node_address& each : of.nodes) {
    require(each.port != 0 && (each.host.empty() || redis::is_host(each.host)));
  }
  auto sorted = of.nodes;
  std::ranges::sort(sorted);
  require(std::ranges::adjacent_find(sorted) == sorted.end());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const redis::reply_tree tree = parley::testing_support::tree_of(text);
  const auto slots = redis::read_slots(tree);
  if (slots) check(*slots);
  const auto address = redis::read_master_address(tree);
  const auto master = redis::read_master(tree);
  for (const auto* each : {&address, &master}) {
    if (*each) require((*each)->where.port != 0 && redis::is_host((*each)->where.host));
  }
  const auto event = redis::read_switch(tree);
  if (event) require(event->port != 0 && redis::is_host(event->host) && !event->master.empty());
  if (!tree.is_whole()) require(!slots && !address && !master && !event);
  return 0;
}
