// SPDX-License-Identifier: Apache-2.0
//
// Error replies of a cluster: what is read of MOVED and ASK is within its limits, and an operation
// that gets nothing else comes to an end, with every node of the map in its place.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "idempotency_redis/cluster.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace redis = parley::idempotency_redis;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_redirect(std::string_view text) {
  const auto found = redis::read_redirect(text);
  if (!found) return;
  require(text.starts_with(found->is_ask ? "ASK " : "MOVED "));
  require(found->slot < redis::slot_count);
  require(found->host.empty() || redis::is_host(found->host));
  require(found->port != 0 || found->host.empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using redis::route_step;
  // One error a line; they are answered in turn.
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  redis::cluster::time now{std::chrono::hours(1)};
  redis::cluster map({}, {{"a", 1}}, 1);
  require(map.poll(now).has_value());
  redis::slot_layout layout;
  layout.nodes = {{"a", 1}, {"b", 2}};
  for (std::size_t slot = 0; slot < redis::slot_count; ++slot)
    layout.owners.push_back(static_cast<redis::node_id>(slot % 2));
  map.on_layout(0, layout, now);

  const redis::node_id neighbour = map.owner(3'998);
  redis::routing way;
  redis::route next = map.begin(way, 3'999, now);
  std::string_view rest;
  for (std::size_t steps = 0;; ++steps) {
    require(steps < 1'000);
    if (next.step == route_step::fail) break;
    if (next.step == route_step::wait) {
      require(next.after > std::chrono::microseconds(0));
      now += next.after;
      next = map.again(way, now);
      continue;
    }
    require(next.to < map.nodes_end() && map.address(next.to).port != 0);
    if (rest.empty()) rest = all;
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
    check_redirect(line);
    const redis::node_id owner = map.owner(3'999);
    const auto again = map.on_error(way, next.to, line, now);
    if (line.starts_with("ASK")) require(map.owner(3'999) == owner);
    if (!again) break;
    next = *again;
  }
  require(map.owner(3'998) == neighbour);
  return 0;
}
