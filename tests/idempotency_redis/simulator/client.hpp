// SPDX-License-Identifier: Apache-2.0
//
// A store's client in the simulated network: the store's own dispatcher, and for its I/O
// connections that exist only in here. At the seam between the two it is looked at where commands
// go, and mistakes are planted.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/channel.hpp"
#include "idempotency_redis/dispatcher.hpp"
#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/pending.hpp"
#include "idempotency_redis/reply_tree.hpp"
#include "idempotency_redis/scripts.hpp"
#include "idempotency_redis/simulator/fleet.hpp"
#include "idempotency_redis/simulator/network.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::testing_support::simulator {

/// Mistakes that a client might have, planted so that it is shown that they are found.
enum class planted : std::uint8_t {
  none,
  new_nonce_when_sent_again,
  ask_updates_the_map,
  deadline_from_the_last_send,
};

class client final : idempotency_redis::connector, idempotency_redis::dispatcher_host {
 public:
  /// `options`: but for the URL.
  client(events& time, network& ways, fleet& servers, random_stream random,
         idempotency_redis::redis_store_options options, planted mistake,
         const idempotency_redis::script_names& scripts, int process);
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Calls done() later, from an event of this process. `sent_last`: written at each send, where a
  /// mistake is planted.
  void start(idempotency_redis::operation_kind kind, idempotency::op_base& op,
             idempotency::nonce& nonce, sim_time& sent_last);
  void cancel(const idempotency::op_base& op);
  int process() const { return process_; }
  /// What the client did against the map that it was told of; empty: nothing.
  const std::string& misrouted() const { return misrouted_; }
  /// Operations that have not ended, or that the dispatcher still looks at.
  std::size_t kept() const { return pending_.size() - free_.size(); }
  idempotency_redis::redis_store_stats stats() const { return sends_.stats(); }

 private:
  class line;
  // An operation that has not ended, where a mistake is planted.
  struct watched {
    const idempotency::op_base* op;
    idempotency::nonce* nonce;
    sim_time* sent_last;
    std::vector<std::string> written;  // commands
  };
  // Who may have a slot, by what was said of it, and since when nobody else.
  struct owners {
    std::vector<int> processes;
    std::uint64_t since = 0;
  };

  std::unique_ptr<idempotency_redis::channel> connect(
      const idempotency_redis::node_address& where, idempotency_redis::channel_user& user) override;
  void ended(idempotency_redis::pending& of) noexcept override;
  void unused(idempotency_redis::pending& of) noexcept override { free_.push_back(&of); }

  idempotency_redis::dispatcher::time steady() const;
  template <class What>
  void run(What what);
  void arm();
  void look_at_written(std::string& bytes, int to, std::uint64_t decided_from);
  void look_at_route(const std::vector<std::string_view>& words, int to,
                     std::uint64_t decided_from);
  void plant(std::string& bytes, std::size_t begin, const std::vector<std::string_view>& words);
  void learn(const idempotency_redis::reply& error, int from);
  void learn(const idempotency_redis::reply_tree& layout, bool is_late);

  events& time_;
  network& ways_;
  fleet& servers_;
  random_stream random_;
  const idempotency_redis::redis_store_options options_;
  const idempotency_redis::script_names& scripts_;
  const planted mistake_;
  const bool is_cluster_;
  const int process_;

  std::deque<idempotency_redis::pending> pending_;
  std::vector<idempotency_redis::pending*> free_;
  std::uint64_t event_ = 0;
  sim_time armed_for_ = never;

  std::map<std::uint16_t, owners> learned_;  // by slot
  std::string misrouted_;
  std::vector<watched> watched_;
  std::uint64_t nonces_ = 0;

  idempotency_redis::dispatcher sends_;  // the first to go: its channels are of this
};

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_CLIENT_HPP
