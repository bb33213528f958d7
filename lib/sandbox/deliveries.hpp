// SPDX-License-Identifier: Apache-2.0
//
// The webhooks that are still to be delivered: when, how often, in which order. No I/O; the times
// are those of the sandbox's clock, so that a clock that is moved ahead makes retries due.

#ifndef PARLEY_LIB_SANDBOX_DELIVERIES_HPP
#define PARLEY_LIB_SANDBOX_DELIVERIES_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/sandbox/sandbox.hpp"

namespace parley::sandbox {

/// The pause behind an attempt without success; doubled with each, up to the second.
inline constexpr std::chrono::milliseconds delivery_pause_first{500};
inline constexpr std::chrono::milliseconds delivery_pause_max{60'000};
/// An event that nobody took for so long, from its first attempt on, is given up.
inline constexpr std::chrono::hours delivery_window{24};
/// How long an event that is to come late waits for another one of its scope.
inline constexpr std::chrono::seconds delivery_held_max{5};
/// Kept at most; beyond that the event that is due first goes.
inline constexpr std::size_t deliveries_max = 10'000;

/// What happens to one event on its way.
struct delivery_fault {
  std::chrono::milliseconds delay{0};
  bool is_duplicated = false;  ///< delivered once more after it was taken
  bool is_held = false;        ///< comes after the next attempt of another of its scope
};

struct delivery_counts {
  std::size_t pending = 0;
  std::uint64_t attempts = 0;
  std::uint64_t delivered = 0;  ///< duplicates too
  std::uint64_t given_up = 0;
};

/// Not thread-safe.
class delivery_queue {
 public:
  /// `id` names the event, and no other.
  void add(std::string id, std::string scope, std::string call_id, time_point ended_at,
           const delivery_fault& fault = {});
  /// The call has ended sooner; what `fault` does to the event stays. Does nothing for an event
  /// whose attempts have begun.
  void hasten(std::string_view call_id, time_point ended_at);
  /// No event of the scope is wanted any more.
  void forget(std::string_view scope);
  void clear();

  /// When to call take_due; std::nullopt: when something was added.
  std::optional<time_point> next_due() const;

  struct attempt {
    std::string id;
    std::string scope;
    std::string call_id;
    unsigned number = 0;       ///< from 1 on
    std::uint64_t ticket = 0;  ///< of no other attempt, also where clear() came between
  };
  /// What to send now, in this order. Each is then on its way until attempted().
  std::vector<attempt> take_due(time_point now);
  /// `is_taken`: the receiver answered 2xx. Nothing where the event was forgotten meanwhile.
  void attempted(const attempt& of, bool is_taken, time_point now);
  /// In place of attempted(): there is nothing to tell any more.
  void give_up(const attempt& of);

  const delivery_counts& counts() const noexcept { return counts_; }

 private:
  struct event {
    std::string scope;
    std::string call_id;
    time_point due;
    time_point first_sent = {};
    time_point::duration lateness;  // behind the end of the call, by way of a fault
    unsigned attempts = 0;
    std::uint64_t ticket = 0;  // of the attempt that is on its way; 0: none
    bool is_duplicated = false;
    bool is_held = false;
  };
  using events = std::map<std::string, event, std::less<>>;

  void schedule(events::iterator of, time_point due);
  void unschedule(events::iterator of);
  void erase(events::iterator of);
  events::iterator find(const attempt& of);
  void release_held(const std::string& scope, time_point now);
  void let_go(event& of);

  events events_;                                          // by id
  std::set<std::pair<time_point, std::string>> schedule_;  // of those that are not on their way
  std::map<std::string, std::string, std::less<>> by_call_;
  std::size_t held_ = 0;  // events that is_held
  std::uint64_t last_ticket_ = 0;
  delivery_counts counts_;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_DELIVERIES_HPP
