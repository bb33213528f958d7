// SPDX-License-Identifier: Apache-2.0
//
// All that a store does but I/O: which server an operation is sent to, what its reply means, what
// is sent again and what has come to its end. Neither I/O, nor a clock, nor threads: whoever holds
// it does the I/O, says what time it is, and calls settle() when something has happened.
//
//   sends.set_now(clock::now());
//   sends.add(operation);                 // or what a channel tells its user
//   sends.settle();
//   ... wait until sends.next(), or until something happens
//
// One thread at a time, but for what its comment says otherwise of.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_DISPATCHER_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_DISPATCHER_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/channel.hpp"
#include "idempotency_redis/cluster.hpp"
#include "idempotency_redis/inquiry.hpp"
#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/link.hpp"
#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/pending.hpp"
#include "idempotency_redis/sentinel.hpp"
#include "idempotency_redis/server.hpp"
#include "idempotency_redis/url.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// Whose operations they are.
class dispatcher_host {
 public:
  /// Its answer is in the op, which is to be told. With `in_flight` the operation is still looked
  /// at, until unused().
  virtual void ended(pending& of) noexcept = 0;
  virtual void unused(pending& of) noexcept = 0;

 protected:
  ~dispatcher_host() = default;
};

class dispatcher final : private link_owner {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// All of them outlive it. `where`: options.url, read. Throws std::bad_alloc.
  dispatcher(const redis_store_options& options, deployment where, dispatcher_host& host,
             connector& connects, std::uint32_t seed);
  dispatcher(const dispatcher&) = delete;
  dispatcher& operator=(const dispatcher&) = delete;
  ~dispatcher() = default;

  // ---- What happens. settle() follows, once for any number of these and of what channels tell.

  void set_now(time now) noexcept { now_ = now; }
  /// `added.what` has begun, and `added.started` is set, in the order of these times.
  void add(pending& added) noexcept;
  /// Ends those of which it is true.
  template <class Which>
  void cancel(Which is_canceled) noexcept {
    for (pending* each = live_; each != nullptr;) {
      pending* const next = each->after;
      if (is_canceled(*each)) fail(*each, idempotency::store_errc::canceled, false);
      each = next;
    }
  }
  /// Ends all, and every connection. Nothing is added any more.
  void end_all() noexcept;

  void settle() noexcept;
  /// When settle() is to be called though nothing has happened. time::max(): never.
  time next() const noexcept;

  // ---- From any thread.

  bool is_ready() const noexcept { return is_ready_.load(std::memory_order_acquire); }
  /// But for `pending`.
  redis_store_stats stats() const noexcept;

 private:
  // A server that operations are sent to. Of one server the only one; of a master that sentinels
  // watch `master_node`, beside the one that is looked at before it is taken; of a cluster by
  // node_id.
  struct node {
    node_address where;
    std::unique_ptr<link> connection;  // null: none now
    time reconnect_at = time::max();
    unsigned failures = 0;
    bool was_ready = false;
  };
  static constexpr node_id master_node = 0;
  static constexpr node_id candidate_node = 1;

  // A sentinel's subscription.
  struct subscription {
    std::unique_ptr<inquiry> on;
    time look_at = time::min();  // to begin anew, or to ask whether it is there
    unsigned failures = 0;
    bool awaits_pong = false;
  };

  // link_owner
  void on_greeting(link& from, const reply& info) noexcept override;
  void on_answer(link& from, pending& of, const reply& r) noexcept override;
  void on_replicated(pending& of, bool is_enough) noexcept override;
  void on_unused(pending& of) noexcept override { host_.unused(of); }

  // Operations
  void place(pending& of) noexcept;
  void act(pending& of, const route& next) noexcept;
  void send(pending& of, link& to, bool is_asking) noexcept;
  void wait(pending& of, time again_at) noexcept;
  void take_back(pending& of) noexcept;
  void end(pending& of) noexcept;
  void fail(pending& of, idempotency::store_errc why, bool is_retryable) noexcept;
  void expire() noexcept;
  void look_at_waiting() noexcept;

  // Servers
  void open(node_id id) noexcept;
  void need(node_id id) noexcept;
  bool grow() noexcept;
  void drop_failed() noexcept;
  void drop(node_id id) noexcept;
  void discard(node& of) noexcept;
  void promote(const server_info& said) noexcept;
  void on_ready(node_id id) noexcept;
  std::chrono::microseconds pause(node& of) noexcept;
  node_id id_of(const link& of) const noexcept;
  void look_at_nodes() noexcept;
  void update_ready() noexcept;

  // Who is where
  void ask(const node_address& whom, std::string_view user, std::string_view password,
           std::string_view commands, std::size_t answers);
  void look_at_question() noexcept;
  void tell_lookup_failed(std::string_view what) noexcept;
  void lose_question() noexcept;
  bool take_layout();
  bool take_master();
  void look_at_cluster();
  void look_at_sentinels();
  void look_at_subscriptions();

  void count(std::atomic<std::uint64_t>& what) noexcept {
    what.fetch_add(1, std::memory_order_relaxed);
  }

  const redis_store_options& options_;
  const deployment where_;
  dispatcher_host& host_;
  connector& connects_;
  link_settings settings_;
  operation_context context_;
  const key_slots slots_;
  std::minstd_rand random_;
  time now_{};
  bool has_ended_ = false;

  pending* live_ = nullptr;  // in the order of their start
  pending* live_last_ = nullptr;
  std::size_t waiting_ = 0;
  time waiting_due_ = time::max();
  bool wakes_waiting_ = false;

  std::vector<node> nodes_;
  bool was_whole_ = false;  // every master was connected once

  std::optional<cluster> cluster_;
  std::optional<sentinel_follower> follower_;
  std::string sentinel_commands_;
  std::vector<subscription> subscriptions_;  // by sentinel
  // What is being asked now, and by it: a node of the cluster or a sentinel.
  std::unique_ptr<inquiry> question_;
  std::size_t asked_ = 0;
  std::size_t answers_due_ = 0;

  std::atomic<bool> is_ready_ = false;
  std::atomic<std::uint64_t> connections_ = 0;
  std::atomic<std::uint64_t> disconnections_ = 0;
  std::atomic<std::uint64_t> resent_ = 0;
  std::atomic<std::uint64_t> redirected_ = 0;
  std::atomic<std::uint64_t> unknown_ = 0;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_DISPATCHER_HPP
