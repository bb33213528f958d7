// SPDX-License-Identifier: Apache-2.0
//
// A store's client in the simulated network. What it decides, the library's own parts decide:
// operation, cluster, sentinel_follower and the readers of replies; the queue, the connections and
// the deadlines around them are as those of the store.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/cluster.hpp"
#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/sentinel.hpp"
#include "idempotency_redis/simulator/fleet.hpp"
#include "idempotency_redis/simulator/network.hpp"

namespace parley::testing_support::simulator {

/// Mistakes that a client might have, planted so that it is shown that they are found.
enum class planted : std::uint8_t {
  none,
  new_nonce_when_rerouted,
  ask_updates_the_map,
  deadline_from_the_last_send,
};

struct client_options {
  std::chrono::milliseconds operation_timeout{120};
  std::chrono::milliseconds offline_timeout{60};
  std::chrono::milliseconds connect_timeout{50};
  std::chrono::milliseconds reconnect_min{2};
  std::chrono::milliseconds reconnect_max{20};
  unsigned wait_replicas = 0;
  std::chrono::milliseconds wait_timeout{60};
  planted mistake = planted::none;
};

class client {
 public:
  client(events& time, network& ways, fleet& servers, random_stream random, client_options options,
         const idempotency_redis::operation_context& context, topology shape, int process);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Calls done() later, from an event of this process. `sent_last`: written at each send.
  void start(idempotency_redis::operation_kind kind, idempotency::op_base& op,
             const idempotency::digest& key, idempotency::nonce& nonce, sim_time& sent_last);
  int process() const { return process_; }
  /// A sentinel's subscription.
  void on_switch(int sentinel, const std::string& payload);
  /// What the client did against the map that it was told of; empty: nothing.
  const std::string& misrouted() const { return misrouted_; }
  std::uint64_t reroutes() const { return reroutes_; }

 private:
  struct slot;
  struct link;
  using slot_ref = std::shared_ptr<slot>;

  idempotency_redis::cluster::time steady() const;
  template <class What>
  void in(std::chrono::microseconds after, What what);
  void settle();

  void dispatch(const slot_ref& of);
  void act(const slot_ref& of, const idempotency_redis::route& next);
  void put(const slot_ref& of, link& on, bool is_asking);
  void write(const slot_ref& of, link& on, bool is_asking);
  void take_back(const slot_ref& of);
  void plant_new_nonce(slot& of);
  void end(const slot_ref& of);
  void fail(const slot_ref& of, idempotency::store_errc why);

  link& link_to(int process);
  void connect(link& to);
  void on_connected(link& of, connection_ref made);
  void on_ready(link& of);
  void drop(link& of, bool is_lost);
  void on_reply(link& from, const idempotency_redis::reply& r);
  void on_answer(link& from, const slot_ref& of, const idempotency_redis::reply& r);
  void on_replicated(link& from, const idempotency_redis::reply& r);
  void on_tree(link& from);
  void flush(link& of);

  void look_at_map();
  void look_at_sentinels();
  void ask_sentinel(std::size_t sentinel);
  void poll_at(idempotency_redis::cluster::time next, sim_time& armed_for);

  events& time_;
  network& ways_;
  fleet& servers_;
  random_stream random_;
  const client_options options_;
  idempotency_redis::operation_context context_;
  const idempotency_redis::key_slots slots_;
  const topology shape_;
  const int process_;

  std::optional<idempotency_redis::cluster> map_;
  std::optional<idempotency_redis::sentinel_follower> follower_;
  sim_time map_poll_at_ = never;
  sim_time sentinels_poll_at_ = never;
  std::map<std::uint16_t, int> learned_;  // from MOVED and layouts, beside the map
  std::string misrouted_;
  std::uint64_t reroutes_ = 0;
  std::uint64_t nonces_ = 0;

  std::map<int, std::unique_ptr<link>> links_;  // by process
  std::vector<std::unique_ptr<link>> old_links_;
  int master_ = -1;                // of sentinels' choice: the process
  std::vector<slot_ref> waiting_;  // for a connection, where there is one server
};

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP
