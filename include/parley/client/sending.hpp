// SPDX-License-Identifier: Apache-2.0
//
// Sends an operation until there is an answer that stands: the decisions, without any I/O. A driver
// does what it is told, and tells what came of it:
//
//   sending s(dial, options, budget);
//   for (auto next = s.begin(now()); next != sending::step::done;) {
//     next = next == sending::step::attempt
//                ? s.attempted(transport.exchange(s.wire_request(), s.timeout(), stop), now())
//                : (sleep(s.pause()), s.paused(now()));
//   }
//   return s.take_answer();
//
// client.hpp has a driver that blocks, parley/beast/client.hpp one for Boost.Asio.
//
// What is sent again, in this order, as long as attempts, budget, deadline and the operation's
// window last:
//
// - only what is_repeatable(), in a further send too, unless the attempt certainly did not arrive;
// - a known code by its retry_hint: `backoff` (G8), or idempotency_conflict with Retry-After (G10);
// - anything else by its status: 429, 500, 502, 503, 504 (G25);
// - an attempt without a response.

#ifndef PARLEY_CLIENT_SENDING_HPP
#define PARLEY_CLIENT_SENDING_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/client/export.hpp"
#include "parley/client/message.hpp"
#include "parley/client/operation.hpp"
#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"

namespace parley::client {

/// Both clocks: the steady one for pauses and deadlines, and either for the window.
struct instant {
  std::chrono::steady_clock::time_point steady;
  time_point wall;
};

/// The system's clocks.
PARLEY_CLIENT_EXPORT instant now() noexcept;

/// Bounds the retries of all sends that share it, so that an outage is not answered with three
/// times the load. Each retry takes `cost` tokens; a send that succeeds gives back what its last
/// retry took, or one token where it needed none. May be used from any thread.
class PARLEY_CLIENT_EXPORT retry_budget {
 public:
  static constexpr std::uint32_t default_capacity = 500;
  static constexpr std::uint32_t default_cost = 14;

  /// Full at first. A cost of 0 bounds nothing.
  explicit retry_budget(std::uint32_t capacity = default_capacity,
                        std::uint32_t cost = default_cost) noexcept
      : capacity_(capacity), cost_(cost), tokens_(capacity) {}

  std::uint32_t tokens() const noexcept { return tokens_.load(std::memory_order_relaxed); }
  std::uint32_t capacity() const noexcept { return capacity_; }

  /// False, and nothing taken: less than the cost is left.
  bool take() noexcept;
  void succeeded(bool after_retry) noexcept;

 private:
  const std::uint32_t capacity_;
  const std::uint32_t cost_;
  std::atomic<std::uint32_t> tokens_;
};

/// Why a send ended. The values are ABI: append, never reorder.
enum class stop : std::uint8_t {
  answered = 1,  ///< 2xx, or an answer that the same request would get again
  unrepeatable,  ///< it may have arrived, and to repeat it could do it twice
  attempts_used_up,
  budget_used_up,
  deadline,     ///< it is over, or the pause would not end before it
  window_over,  ///< the server may have forgotten the key; see send_window
  cancelled,
  not_sendable,  ///< the transport refused the request itself
};

/// What is known of the operation's effect. The values are ABI: append, never reorder.
enum class fate : std::uint8_t {
  done = 1,  ///< the server says so: 2xx
  not_done,  ///< each attempt was refused with a 4xx, or certainly did not arrive; a conflict,
             ///< which may be with the operation itself, is no refusal
  unknown,   ///< may have happened: send the same operation again, or look
};

/// What came of a send. The response and its body are always kept as they were received (G26).
struct PARLEY_CLIENT_EXPORT answer {
  stop why = stop::cancelled;
  client::fate fate = client::fate::unknown;
  unsigned attempts = 0;  ///< of this send
  /// Of the last attempt, one of the two: a response, or why there is none. Neither where no
  /// attempt was made.
  std::optional<client::response> response = {};
  std::optional<transport_failure> failure = {};
  /// Of a response that is no success: the error it carries, or why it carries none.
  std::optional<result<envelope::error, envelope::parse_failure>> error = {};
  /// What Retry-After said (RFC 9110, 10.2.3), in seconds or as a date beside the response's Date
  /// or our clock; at most retry_after_max. std::nullopt: not there, or neither.
  std::optional<std::chrono::milliseconds> retry_after = {};

  /// A response of 2xx.
  bool is_success() const noexcept;
  /// 0: no response.
  std::uint16_t status() const noexcept { return response ? response->status : 0; }
  /// The response's body; empty without one.
  std::string_view body() const noexcept;
  /// `unknown` in a success, without an envelope, and for a code that the catalogue does not hold.
  errors::code code() const noexcept;
  /// Also the text of a code that the catalogue does not hold; empty without an envelope.
  std::string_view code_name() const noexcept;
  errors::category category() const noexcept;
  /// X-Request-Id of the response; empty without one.
  std::string_view request_id() const noexcept;
  /// Whether the response is that of an earlier request under the key.
  bool is_replay() const noexcept;
};

/// An attempt that has ended, as an observer and on_retry see it. The views live for the call.
struct attempt_event {
  const operation& of;
  unsigned attempt = 0;  ///< from 1 on
  const result<response, transport_failure>& outcome;
  errors::code code = errors::code::unknown;
  /// Set: there will be another attempt after so long. Empty: this was the last.
  std::optional<std::chrono::milliseconds> pause = {};
  std::uint32_t budget_left = 0;  ///< tokens
};

/// Called on whatever thread drives a send.
class PARLEY_CLIENT_EXPORT observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer();
  virtual void attempted(const attempt_event& event) noexcept = 0;
};

/// Durations in send_options count as no more than this, and as no less than nothing.
inline constexpr std::chrono::hours option_max{24 * 49};

struct send_options {
  /// Of every request, beside the operation's own: Authorization, User-Agent. Those that an
  /// operation may not have (see operation_errc::bad_header) are left out: a key would be all
  /// operations' at once. They are not saved with operations.
  std::vector<header> headers = {};
  unsigned attempts_max = 3;                          ///< 1: nothing is sent again
  std::chrono::milliseconds attempt_timeout{30'000};  ///< of one attempt
  std::chrono::milliseconds deadline{120'000};        ///< of one send, pauses included
  /// A pause is a random part, from nothing to all, of this, doubled with each retry up to
  /// pause_max (full jitter). The second is for 429.
  std::chrono::milliseconds pause_first{500};
  std::chrono::milliseconds pause_first_limited{1'000};
  std::chrono::milliseconds pause_max{8'000};
  /// Retry-After makes a pause longer by what it says, and at most by so much.
  std::chrono::milliseconds retry_after_max{60'000};
  /// The codes that are known, and what they hint at.
  errors::catalogue_view catalogue = {};
  /// 64 random bits for each pause; need not be unpredictable. Called by whatever thread drives a
  /// send. Empty: the system's.
  std::function<std::uint64_t()> random = {};
  client::observer* observer = nullptr;  ///< outlives every send
};

/// One send of one operation. Belongs to one thread at a time.
class PARLEY_CLIENT_EXPORT sending {
 public:
  /// All three outlive it.
  sending(operation& of, const send_options& options, retry_budget& budget);
  sending(operation& of, send_options&& options, retry_budget& budget) = delete;

  enum class step : std::uint8_t {
    attempt = 1,  ///< send wire_request() within timeout(), then call attempted()
    pause,        ///< wait for pause(), then call paused()
    done,         ///< take_answer()
  };

  /// Each says what is next.
  step begin(instant now);
  step attempted(result<response, transport_failure> outcome, instant now);
  step paused(instant now);
  /// Ends a send before its first attempt, or in a pause; an attempt is cancelled at its transport.
  step cancel();

  const request& wire_request() const noexcept { return wire_; }
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  std::chrono::milliseconds pause() const noexcept { return pause_; }
  answer take_answer() { return std::move(answer_); }

 private:
  step attempt(instant now);
  step end(stop why);
  bool is_window_over(instant then) const noexcept;
  std::optional<stop> reason_to_stop(const result<response, transport_failure>& outcome,
                                     instant now);

  operation& of_;
  const send_options& options_;
  retry_budget& budget_;
  request wire_;
  std::chrono::steady_clock::time_point deadline_{};
  std::chrono::milliseconds timeout_{};
  std::chrono::milliseconds pause_{};
  bool was_uncertain_ = false;  // may_have_happened() before the attempt that is under way
  answer answer_;
};

/// The lower-case names: "deadline", "not_done". Any other value: "unknown".
PARLEY_CLIENT_EXPORT std::string_view to_string(stop s) noexcept;
PARLEY_CLIENT_EXPORT std::string_view to_string(fate f) noexcept;

}  // namespace parley::client

#endif  // PARLEY_CLIENT_SENDING_HPP
