// SPDX-License-Identifier: Apache-2.0
//
// Explores every schedule of a few clients of one key, within budgets, and holds each step against
// the properties of idempotency.
//
//   const outcome all = explore({.clients = {{}, {.fingerprint = 1}}, .budget = {.ticks = 6}});
//   if (all.found) std::cout << to_text(*all.found);  // the shortest schedule, and how to replay
//   it
//
// A client is the code of the library: after_claim(), then an attempt_machine whose handler does
// whatever a handler may. The store is one record that decides by judge_claim() and its like, with
// a clock of its own. Between them is a network: a request waits until it is carried out, its
// answer until it arrives, and any time may pass before either.
//
// The units: a tick is 50 ms, a lease 4 ticks, the margin 1, so that a holder renews after 2, is
// certain for 3, and is superseded after 4 at the earliest. A record lives 24 ticks, the least that
// the store allows.

#ifndef PARLEY_TESTS_IDEMPOTENCY_EXPLORER_HPP
#define PARLEY_TESTS_IDEMPOTENCY_EXPLORER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/idempotency/store.hpp"

namespace parley::idempotency::explorer {

inline constexpr std::size_t clients_max = 3;
/// Of a client: one for each attempt, and one for each poll that takes a new one.
inline constexpr std::size_t nonces_max = 5;

inline constexpr std::chrono::milliseconds tick{50};
inline constexpr std::chrono::milliseconds lease = 4 * tick;
inline constexpr std::chrono::milliseconds margin = tick;
inline constexpr std::chrono::milliseconds retention = lease + retention_margin;

/// The properties, numbered as the design numbers them. "Now" is the store's clock.
enum class property : std::uint8_t {
  /// At no time are there two clients that were told `claimed`, whose machine is not over and says
  /// holds(), and that have not said that they release or abandon.
  holders_are_alone = 1,
  /// Once a client was told that its completion is stored, every claim that is carried out until
  /// the retention after that completion ends is answered `completed` or `conflict`.
  completion_is_kept,
  /// While a completion lives no other is applied, and every claim that is answered `completed` is
  /// given the response of the one that lives.
  replays_are_one,
  /// A grant has a higher fence than each grant that was answered before its claim was sent first,
  /// unless the record was forgotten while the claim was on its way: its fence is of when it left.
  fences_rise,
  /// While a record lives, an operation under another nonce than that of the last grant, or of a
  /// grant that has ended in another way, changes nothing and is not answered with success; and a
  /// claim under the nonce of a release is not granted. A completion that is sent after another
  /// grant is not applied even where no record lives.
  superseded_is_inert,
  /// While a record lives that is not released, a claim for another fingerprint is answered
  /// `conflict`.
  others_are_refused,
  /// Once the lease is over, a claim of another attempt at the same request is granted, unless the
  /// record is marked: then it is granted if the claim says rerun_marked, and else `abandoned`.
  crashed_is_replaced,
  /// The same operation, carried out twice at once, has the same answer (the same success, fence
  /// and response) and leaves the same record as carried out once.
  retries_are_safe,
  /// An attempt whose handler has ended always has an operation in flight or a time to wake at;
  /// next() gives something at wake(), nothing before, and nothing while an operation is in flight;
  /// and no schedule runs in a circle.
  everything_ends,
  /// A refused operation leaves the record as it was. (Schedules with refusals are held against
  /// the others too.)
  refusals_are_harmless,
  /// A client is not told to run where another attempt has passed its mark or given its response,
  /// unless that one's lease ran out (and, where it was marked, the claim said rerun_marked), or
  /// its record reached the end of its retention. An attempt that is released had no effect.
  effects_are_not_repeated,
  /// Not a promise but a matter of delay, so checked on demand: a client that makes one attempt is
  /// not answered where a claim of its own keeps the key from others, and from itself, for a lease.
  nothing_is_left_behind,
};
std::string_view to_string(property p);

constexpr unsigned bit(property p) { return 1u << static_cast<unsigned>(p); }
inline constexpr unsigned promises = bit(property::nothing_is_left_behind) - 2;

/// One mistake each.
enum class fault : std::uint8_t {
  none,
  // Of the store.
  complete_without_compare,
  renew_without_compare,
  mark_without_compare,
  release_without_compare,
  release_deletes,
  release_of_nothing_is_forgotten,
  takeover_ignores_the_lease,
  claim_retry_without_nonce,
  fingerprint_is_ignored,
  fingerprint_is_ignored_after_the_lease,
  abandoned_reruns_unasked,
  abandoned_never_reruns,
  completion_of_nothing_always_stores,
  completion_runs_again_for_its_owner,
  completion_dies_with_the_lease,
  completion_is_overwritten,
  fence_is_not_raised,
  fence_of_a_retry_is_raised,
  mark_is_forgotten,
  renewal_is_forgotten,
  resumption_shortens_the_lease,
  lease_never_ends,
  refusal_forgets,
  // Of the client.
  start_after_the_deadline,  ///< runs whenever `claimed` arrives
  deadline_from_the_answer,
  deadline_from_the_last_send,
  completion_always_holds,
  effect_before_the_mark_is_stored,
  release_after_the_effect,
  retry_under_another_nonce,
  surrender_is_forgotten,
  answer_is_dropped,   ///< to what a holder sends
  polls_are_no_fewer,  ///< however many there were
};

struct client_options {
  std::uint8_t fingerprint = 0;
  bool rerun_marked = false;
  std::uint8_t attempts = 1;
  std::uint8_t polls = 0;        ///< claims after the answer `running`
  std::uint8_t marks = 1;        ///< tries of a handler to mark
  unsigned clock_percent = 100;  ///< how fast its steady clock runs
  int wall_skew_ms = 0;          ///< of its system clock, which only fences are made of
};

/// How often each may happen in a schedule.
struct budgets {
  std::uint8_t ticks = 0;
  std::uint8_t leases = 0;      ///< steps of a lease
  std::uint8_t retentions = 0;  ///< steps of the retention of a record
  std::uint8_t eternities = 0;  ///< steps of the retention of a released one
  std::uint8_t losses = 0;      ///< of a request or an answer
  std::uint8_t copies = 0;      ///< of a request, carried out at any later time; nobody is answered
  std::uint8_t crashes = 0;     ///< of a client, for ever, or of one attempt (it is abandoned)
  std::uint8_t refusals = 0;    ///< the store says that it does nothing
};

struct config {
  std::vector<client_options> clients;
  budgets budget;
  /// A client that waits asks again under the nonce that it has.
  bool poll_keeps_nonce = false;
  fault mistake = fault::none;
  unsigned checked = promises;  ///< bits of properties
};

struct finding {
  property broken = property::holders_are_alone;
  std::string schedule;  ///< for replay(): "0.2.1.4"
  std::vector<std::string> steps;
};
std::string to_text(const finding& found);

/// What was reached, so that a test can tell that an exploration was not an empty one.
struct coverage {
  std::uint64_t claims = 0;        ///< bits: claim_status
  std::uint64_t nexts = 0;         ///< claim_next
  std::uint64_t steps = 0;         ///< holder_step
  std::uint64_t ends = 0;          ///< attempt_end
  std::uint64_t writes[4]{};       ///< write_status, of complete, release, renew and mark
  std::uint64_t late_answers = 0;  ///< a count: `claimed` arrived when the deadline had passed
  void operator|=(const coverage& other);
};

struct outcome {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  double schedules = 0;  ///< distinct paths from the start to an end
  coverage reached;
  std::optional<finding> found;  ///< a shortest one
};

/// Depth first through all states, each once. Stops at the first finding, and then looks for a
/// shortest one.
outcome explore(const config& of);

/// A finding of the least number of steps, breadth first.
std::optional<finding> find_shortest(const config& of);

/// Runs one schedule; null where it breaks nothing, or is not a schedule of this configuration.
std::optional<finding> replay(const config& of, std::string_view schedule);

/// What the store was asked, and what it said.
enum class request_kind : std::uint8_t { claim = 1, complete, release, renew, mark };
struct request {
  request_kind kind = request_kind::claim;
  std::uint8_t nonce = 0;
  std::uint8_t response = 0;  ///< of a completion
  bool lease_holds = false;   ///< of a completion
  bool rerun_marked = false;  ///< of a claim
  std::uint8_t fingerprint = 0;
  std::uint32_t unix_ms = 0;  ///< of a claim
  std::uint32_t fence = 0;    ///< of a completion and a release
};
struct reply {
  claim_status claim = claim_status::failed;  ///< to a claim
  write_status write = write_status::failed;  ///< to anything else
  store_errc why = store_errc::unavailable;
  std::uint8_t response = 0;
  std::uint32_t fence = 0;
};

/// Sees what the store of a walk does, to hold other stores against it.
class observer {
 public:
  virtual ~observer() = default;
  virtual void advanced(std::chrono::milliseconds by) = 0;
  virtual void carried_out(const request& asked, const reply& said) = 0;
};

/// One schedule, of steps drawn with a generator that is the same on every platform.
std::optional<finding> walk(const config& of, std::uint64_t seed, observer* beside = nullptr);

}  // namespace parley::idempotency::explorer

#endif  // PARLEY_TESTS_IDEMPOTENCY_EXPLORER_HPP
