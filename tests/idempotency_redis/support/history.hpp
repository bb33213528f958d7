// SPDX-License-Identifier: Apache-2.0
//
// What was asked of a store and what it answered, and whether that fits the promises of the room.
//
// Two judges, of which neither knows the store's code. The rules look at each property by itself
// and claim nothing that the times of a history leave open. The search looks for one order of all
// operations on a key in which judge_claim() and its like (record.hpp) give each answer, where an
// operation takes place between its start and its end and one whose outcome is unknown any time
// later, or not at all (Wing and Gong, "Testing and Verifying Concurrent Objects", 1993).

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_HISTORY_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_HISTORY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parley/idempotency/store.hpp"

namespace parley::testing_support {

/// Since the start of the history.
using history_time = std::chrono::microseconds;
/// Far enough from the end of its type that it can be reckoned with.
inline constexpr history_time never = history_time::max() / 4;

enum class operation_type : std::uint8_t { claim = 1, complete, release, renew, mark };

/// One operation. Requests, responses and operation ids go by the number of the nonce that made
/// them.
struct recorded {
  operation_type type = operation_type::claim;
  std::uint32_t key = 0;
  std::uint32_t nonce = 0;
  std::uint8_t fingerprint = 0;
  history_time invoked{0};
  history_time answered = never;
  unsigned ends = 0;  ///< times that it was said to have ended

  // Asked.
  std::chrono::milliseconds lease{0};      ///< of a claim and a renewal
  std::chrono::milliseconds retention{0};  ///< of a claim and a completion
  bool rerun_marked = false;
  bool lease_holds = false;
  std::uint64_t unix_ms = 0;
  std::uint32_t sent_operation_id = 0;  ///< of a completion

  // Answered.
  idempotency::claim_status claim = idempotency::claim_status::failed;
  idempotency::write_status write = idempotency::write_status::failed;
  idempotency::store_errc why = idempotency::store_errc::unavailable;
  bool is_outcome_known = true;
  std::uint64_t fence = 0;  ///< of a grant; of a completion and a release the one that was sent
  std::uint32_t response = 0;
  std::uint32_t operation_id = 0;
};
/// A response or an id that nobody sent.
inline constexpr std::uint32_t foreign = 0xffff'ffff;

struct history {
  std::vector<recorded> operations;
  /// From then on nothing that was sent before is still under way.
  history_time settled{0};
  /// Whether one operation may be carried out more than once, as by a store that sends it again.
  bool may_repeat = true;
  /// By how much the clocks that judge a lease may be set, or differ, all in all.
  history_time clock_skew{0};
  /// Whether a failover may undo what refuses tells of (running, conflict, abandoned, spent; lost,
  /// gone): a master says it before its replicas know. It promises nothing, and is left out of the
  /// search where there is no order with it.
  bool may_undo_refusals = false;
  /// An operation that takes longer has not ended in time.
  std::chrono::milliseconds time_max{10'000};
};

/// The properties of the design, by its numbers.
enum class property : std::uint8_t {
  holders_are_alone = 1,
  completion_is_kept,
  replays_are_one,
  fences_rise,
  superseded_is_inert,
  others_are_refused,
  crashed_is_replaced,
  retries_are_safe,
  everything_ends,
  refusals_are_harmless,
  has_an_order,  ///< the search finds one
};
inline constexpr std::size_t property_count = 11;
std::string_view to_string(property p);

struct violation {
  property broken;
  std::uint32_t key;
  std::string text;
};

struct verdict {
  std::vector<violation> violations;
  std::size_t operations = 0;
  std::size_t unknown = 0;  ///< operations whose outcome nobody was told
  std::size_t refused = 0;  ///< that certainly were not carried out
  std::size_t grants = 0;
  std::size_t takeovers = 0;     ///< grants that keep another attempt's operation id
  std::size_t acknowledged = 0;  ///< completions
  std::size_t contradicted = 0;  ///< attempts whose completion was told of, and later denied
  std::size_t replays = 0;
  std::size_t keys = 0;
  std::size_t undecided = 0;  ///< keys whose search was given up
  std::size_t hasty = 0;      ///< keys that have an order but for what refuses
  std::size_t count(property p) const;
};

/// `steps_max`: of the search, for each key.
verdict check(const history& what, std::size_t steps_max = 200'000);

/// A table, and the first few violations. `faults`: how many were injected.
std::string to_table(std::string_view name, const verdict& of, std::size_t faults);

/// All that happened to a key, for whoever looks into a violation.
std::string to_text(const history& of, std::uint32_t key);

/// By how much a holder ends before its lease: the server's clock has a granularity of 1 ms, and
/// its rate differs from ours.
constexpr history_time margin_of(std::chrono::milliseconds lease) {
  return std::chrono::milliseconds(2) + std::chrono::microseconds(lease.count());
}

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_HISTORY_HPP
