// SPDX-License-Identifier: Apache-2.0
//
// Which server is the master that Redis Sentinel watches under a name. No I/O and no clock: it says
// what to do next and is told what happened.
//
//   switch (const sentinel_action next = follower.poll(now); next.step) {
//     case sentinel_step::ask:    // ask sentinel next.sentinel: SENTINEL get-master-addr-by-name
//     case sentinel_step::check:  // connect to *follower.candidate() and ask whether it is one
//     case sentinel_step::wait:   // poll again at follower.next_poll()
//   }
//
// A sentinel may be wrong: cut off from the others, it goes on naming a master that was replaced.
// Nobody's word alone makes a master: a server is taken only once it has said itself that it is
// one, and an event is no more than a reason to ask. The master that is in use stays so until
// another is taken or its connection ends, also when no sentinel can be reached. A lost one is not
// gone back to unless a sentinel names it: it may have been replaced.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "idempotency_redis/node_address.hpp"
#include "idempotency_redis/sentinel_reply.hpp"

namespace parley::idempotency_redis {

struct sentinel_options {
  std::string master;  ///< the name that the sentinels know it by
  std::chrono::milliseconds ask_timeout{500};
  std::chrono::milliseconds check_timeout{1'000};
  /// Between two searches; after one that failed, doubling.
  std::chrono::milliseconds search_min{50};
  std::chrono::milliseconds search_max{2'000};
};

enum class sentinel_step : std::uint8_t { wait = 1, ask, check };

struct sentinel_action {
  sentinel_step step = sentinel_step::wait;
  std::size_t sentinel = 0;  ///< of those that were given, by its place
};

class sentinel_follower {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// `sentinels`: how many there are, 1 at least. `seed`: of the jitter.
  sentinel_follower(sentinel_options options, std::size_t sentinels, std::uint32_t seed);

  /// Says each thing to do once.
  sentinel_action poll(time now) noexcept;
  /// time::max(): not before something else has happened.
  time next_poll() const noexcept;

  /// Of the one that was to be asked, what it says; none: it does not know the name, its reply
  /// makes no sense, or it was not reached. What comes from another is not looked at.
  void on_answer(std::size_t sentinel, std::optional<master_address> said, time now);
  /// Of the candidate; false: it says otherwise, or was not reached. What comes of another, too
  /// late, is not looked at.
  void on_role(const node_address& from, bool is_master, time now) noexcept;
  /// A +switch-master that a sentinel's subscription told.
  void on_switch(std::size_t sentinel, const switch_event& event, time now) noexcept;
  /// The connection to the master has ended, or it takes no writes any more.
  void on_lost(time now) noexcept;

  /// To be used. Null: there is none now.
  const node_address* master() const noexcept { return is_up_ ? &master_.where : nullptr; }
  /// To be connected to and asked. Null: there is none.
  const node_address* candidate() const noexcept {
    return state_ == state::checking ? &candidate_.where : nullptr;
  }

 private:
  enum class state : std::uint8_t { idle, asking, checking };

  void begin_search(time now) noexcept;
  void fail_search(time now) noexcept;
  void ask_next(time now) noexcept;
  void move(std::size_t from, std::size_t to) noexcept;
  time soonest(time now) const noexcept;

  const sentinel_options options_;
  std::minstd_rand random_;
  std::vector<std::size_t> order_;  // in which they are asked
  state state_ = state::idle;
  bool is_said_ = true;     // poll() has told what to do in this state
  time due_ = time::min();  // of the next search, while idle
  time until_{};            // of the answer that is waited for
  time searched_last_ = time::min();
  std::size_t asked_ = 0;  // into order_
  unsigned failures_ = 0;
  bool searches_again_ = false;  // something happened during the search
  master_address candidate_;
  master_address master_;
  bool is_up_ = false;
  std::uint64_t epoch_ = 0;  // the highest of the masters taken
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_SENTINEL_HPP
