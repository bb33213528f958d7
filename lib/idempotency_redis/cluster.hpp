// SPDX-License-Identifier: Apache-2.0
//
// Where in a Redis Cluster an operation is sent, and when the map of slots is asked for anew. No
// I/O and no clock: it says what to do next and is told what happened.
//
//   routing way;
//   route next = map.begin(way, slots[op.key], now);
//   ... next.what is send: write the operation's command to next.to; ask: ASKING right before it
//   ... an error reply: if (const auto again = map.on_error(way, from, text, now)) next = *again;
//   ... next.what is wait: map.again(way, now) after next.after
//
//   if (const auto node = map.poll(now)) ask it for CLUSTER SLOTS; tell on_layout() or
//   on_refresh_failed(); and poll again at next_poll().
//
// Routing allocates nothing, and neither does a redirect to a node that is known.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "idempotency_redis/cluster_reply.hpp"
#include "idempotency_redis/node_address.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::idempotency_redis {

struct cluster_options {
  /// Between two requests for the map; and after all nodes have failed to give it, at first.
  std::chrono::milliseconds refresh_min{100};
  std::chrono::milliseconds refresh_max{2'000};
  /// A node that has not answered by then is passed over.
  std::chrono::milliseconds refresh_timeout{1'000};
  /// Before an operation is sent again to a node that cannot take it yet: doubling.
  std::chrono::milliseconds retry_min{5};
  std::chrono::milliseconds retry_max{100};
  /// MOVED and ASK that an operation follows at once, then it waits.
  std::uint8_t redirects_max = 5;
  /// Times that it waits, then it fails. Its deadline is the caller's, and expected to be sooner.
  std::uint8_t waits_max = 32;
};

/// How far an operation has come.
struct routing {
  std::uint16_t slot = 0;
  std::uint8_t redirects = 0;  ///< since it waited
  std::uint8_t waits = 0;
};

enum class route_step : std::uint8_t {
  send = 1,  ///< to `to`
  ask,       ///< to `to`, with ASKING right before this one command
  wait,      ///< for `after`, or until a layout has come; then again()
  fail,      ///< with `failure`; of an operation that was sent before by operation::refuse()
};

struct route {
  route_step step = route_step::wait;
  node_id to = no_node;
  std::chrono::microseconds after{0};
  idempotency::store_failure failure;
};

class cluster {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// `seeds`: nodes of which one at least is expected to be there, 1 to nodes_max. `seed`: of the
  /// jitter.
  cluster(cluster_options options, std::vector<node_address> seeds, std::uint32_t seed);

  // ---- Operations

  route begin(routing& way, std::uint16_t slot, time now) noexcept;
  /// After a wait, and after the connection was lost that it was sent on.
  route again(routing& way, time now) noexcept;
  /// What an error reply of `from` to the operation's command means for its way. None: it is not
  /// about the cluster, and operation::on_reply() judges it. Each of these errors says that the
  /// command was not carried out.
  std::optional<route> on_error(routing& way, node_id from, std::string_view text, time now);

  // ---- Nodes

  const node_address& address(node_id of) const noexcept { return nodes_[of].where; }
  node_id owner(std::uint16_t slot) const noexcept { return owners_[slot]; }
  /// A layout has come.
  bool has_layout() const noexcept { return has_layout_; }
  bool owns_slots(node_id node) const noexcept { return nodes_[node].slots > 0; }
  /// It is connected, or worth an attempt again.
  void on_connected(node_id node) noexcept { nodes_[node].is_down = false; }
  /// Its connection has ended or could not be made: operations wait, and the map is asked for.
  void on_lost(node_id node, time now) noexcept;
  /// It is in no layout any more. Once nothing is sent to it, forget() it; its id may then be given
  /// to another.
  bool is_retired(node_id node) const noexcept { return nodes_[node].state == presence::retired; }
  void forget(node_id node) noexcept;
  /// Above every id in use.
  std::size_t nodes_end() const noexcept { return nodes_.size(); }

  // ---- The map

  /// The node to ask for its layout, if it is time; one is asked at a time.
  std::optional<node_id> poll(time now) noexcept;
  /// time::max(): not before something else has happened.
  time next_poll() const noexcept { return asked_ ? asked_->until : due_; }
  /// Of the node that poll() named; what comes of another, too late, is not looked at. A layout in
  /// which nobody has a slot is a failure: it is what a node says that was reset. False: the map is
  /// what it was.
  bool on_layout(node_id from, const slot_layout& layout, time now);
  void on_refresh_failed(node_id from, time now) noexcept;

 private:
  enum class presence : std::uint8_t { none, known, retired };
  struct entry {
    node_address where;
    presence state = presence::none;
    bool is_seed = false;
    bool is_down = false;
    std::uint16_t slots = 0;  // that it owns
  };
  struct asked {
    node_id whom;
    time until;
  };

  route find(routing& way, time now) noexcept;
  route wait(routing& way) noexcept;
  void assign(std::uint16_t slot, node_id owner) noexcept;
  node_id intern(std::string_view host, std::uint16_t port);
  void want_layout(time now) noexcept;
  void fail_refresh(time now) noexcept;
  std::size_t candidates() const noexcept;

  const cluster_options options_;
  std::minstd_rand random_;
  std::vector<entry> nodes_;
  std::array<node_id, slot_count> owners_;
  bool has_layout_ = false;

  std::optional<asked> asked_;
  bool wants_another_ = false;  // something happened while one was on its way
  time due_ = time::min();      // of the next request
  time asked_last_ = time::min();
  std::size_t next_ = 0;  // whose turn it is to be asked
  unsigned failures_ = 0;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_CLUSTER_HPP
