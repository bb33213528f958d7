// SPDX-License-Identifier: Apache-2.0
//
// Who may run, who waits and who gets what was answered before: the rules of the room over a store
// and a timer, for any protocol. parley::http has the guard that speaks HTTP.
//
//   auto engine = idempotency::make_engine(*records, *timer);
//   if (!engine) return fail(engine.error());
//   ...
//   blocking_op<begin_op> begin;             // or awaitable_op, or a begin_op with a done()
//   begin.key = key;  begin.fingerprint = fingerprint;  begin.request_id = id;
//   begin.run(**engine);
//   if (begin.status != begin_status::proceed) return answer(begin);
//   claim held = std::move(begin.held);
//   blocking_op<mark_step> mark;
//   if (mark.run(held); !mark.is_done()) return fail(mark.failure);
//   blocking_op<complete_step> complete;
//   complete.body = place_call();
//   complete.run(held);
//
// Every member may be called from any thread. Store and timer outlive the engine, the engine its
// claims and operations.

#ifndef PARLEY_IDEMPOTENCY_ENGINE_HPP
#define PARLEY_IDEMPOTENCY_ENGINE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/core/result.hpp"
#include "parley/idempotency/export.hpp"
#include "parley/idempotency/store.hpp"
#include "parley/idempotency/timer.hpp"

namespace parley::idempotency {

class engine;
class engine_impl;
class attempt;
class begin_op;

enum class event_kind : std::uint8_t {
  claimed = 1,
  taken_over,     ///< claimed from an attempt whose lease was over
  replayed,       ///< a stored response, or a tombstone
  conflict,       ///< another request has the key
  waited,         ///< begin() is over, after waiting for the same request; another event follows
  busy,           ///< 409 with Retry-After: the same request runs on, or too many wait
  abandoned,      ///< begin() met an attempt that was marked and lost
  refused,        ///< begin() failed; see `failure`
  stored,         ///< an attempt ended: its response is stored
  released,       ///< an attempt ended: certainly nothing happened
  left,           ///< an attempt ended without a word; its lease runs out
  outcome_lost,   ///< an attempt ended with an outcome that the store does not have
  lease_lost,     ///< an attempt runs on, and another may run beside it
  store_failure,  ///< an operation failed that will be tried again; see `failure`
};

PARLEY_IDEMPOTENCY_EXPORT std::string_view to_string(event_kind kind) noexcept;

/// What became of a request or of an attempt. Nothing here reveals a key, a scope or a body.
struct event {
  event_kind kind = event_kind::claimed;
  digest key;
  std::string_view request_id = {};    ///< of the request that this is about
  std::string_view operation_id = {};  ///< of the first attempt, where it is known
  std::uint64_t fence = 0;             ///< of the attempt, where it is one
  std::chrono::milliseconds waited{0};
  const store_failure* failure = nullptr;
};

/// Told of every event, on the thread where it happens, with no lock held. Must not throw or block.
/// The views live until the call returns.
class PARLEY_IDEMPOTENCY_EXPORT observer {
 public:
  virtual ~observer();
  virtual void on_event(const event& e) noexcept = 0;
};

struct engine_options {
  /// How long a claim holds without a renewal; renewed at half of it.
  std::chrono::milliseconds lease{30'000};
  /// How long a response is replayed, from its completion on.
  std::chrono::milliseconds retention{std::chrono::hours(24)};
  /// How long a request waits for the outcome of the same request; 0: not at all.
  std::chrono::milliseconds wait{10'000};
  std::size_t waiters_per_key_max = 1'024;
  std::size_t waiters_max = 16'384;
  /// What waits for another process looks after it this often, less and less up to `poll_max`.
  std::chrono::milliseconds poll_first{20};
  std::chrono::milliseconds poll_max{500};
  /// How long complete() waits for the store; then it goes on in the background.
  std::chrono::milliseconds persist_wait{1'000};
  /// By how much the store's clock may step while a lease lasts.
  std::chrono::milliseconds clock_skew{100};
  /// Of a stored body. Above, a tombstone is stored.
  std::size_t response_bytes_max = std::size_t{1} << 20;
  /// Null: none. Outlives the engine.
  idempotency::observer* observer = nullptr;
  /// Milliseconds since 1970, for fences. Empty: the system's time at the start, carried on by the
  /// timer's. Must not throw.
  std::function<std::uint64_t()> unix_ms = {};
  /// A nonce that nobody else has, also not in another process. Must not throw. Empty: random ones.
  std::function<nonce()> nonces = {};
};

/// What a claim can be asked to do. Lives until done() has run.
class step {
 public:
  step(const step&) = delete;
  step& operator=(const step&) = delete;

  /// Called once for a step whose start gave false; see store.
  virtual void done() noexcept = 0;

  write_status status = write_status::failed;
  store_failure failure;

  /// Applied, now or before.
  bool is_done() const noexcept {
    return status == write_status::applied || status == write_status::already_applied;
  }

 protected:
  step() = default;
  ~step() = default;
};

/// Says that the side effect may begin once this is done. Where it is not, do not begin.
class mark_step : public step {
 public:
  std::string_view note;  ///< see mark_op; lives as long as the step

 protected:
  mark_step() = default;
  ~mark_step() = default;
};

/// Stores the response. Failed with `timed_out`: it is still being tried, and this is all that
/// persist_wait allows; in the end an event says `stored` or `outcome_lost`.
class complete_step : public step {
 public:
  // Copied before the start returns.
  std::span<const std::byte> head = {};
  std::span<const std::byte> body = {};  ///< above response_bytes_max: a tombstone is stored
  /// Store a tombstone: there is an outcome, and it cannot be replayed.
  bool is_tombstone = false;

 protected:
  complete_step() = default;
  ~complete_step() = default;
};

/// Says that certainly nothing happened. Failed: it is still being tried until the lease is over.
class release_step : public step {
 protected:
  release_step() = default;
  ~release_step() = default;
};

/// The right to run; the engine renews its lease. Ends by complete() or release(). Destroyed before
/// that it abandons: the lease runs out, then the store's rules say what a retry gets.
class PARLEY_IDEMPOTENCY_EXPORT claim {
 public:
  claim() noexcept = default;
  claim(claim&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  claim& operator=(claim&& other) noexcept {
    if (this != &other) {
      abandon();
      of_ = std::exchange(other.of_, nullptr);
    }
    return *this;
  }
  claim(const claim&) = delete;
  claim& operator=(const claim&) = delete;
  ~claim() { abandon(); }

  explicit operator bool() const noexcept { return of_ != nullptr; }

  // Not of an empty claim:

  /// Rises with every attempt: for downstream systems to refuse a stale one.
  std::uint64_t fence() const noexcept;
  /// The request id of the first attempt: hand it downstream as the idempotency key.
  std::string_view operation_id() const noexcept;
  bool is_marked() const noexcept;
  /// False: the lease may be over, and another attempt may run.
  bool holds() const noexcept;

  /// True: it is done, and done() will not be called; see store. One mark at a time.
  bool mark(mark_step& s) noexcept;
  /// These end it; it is then empty.
  bool complete(complete_step& s) && noexcept;
  bool release(release_step& s) && noexcept;
  /// Without waiting for it.
  void release() && noexcept;
  void abandon() noexcept;

 private:
  friend class engine_impl;
  explicit claim(attempt& of) noexcept : of_(&of) {}
  attempt* of_ = nullptr;
};

enum class begin_status : std::uint8_t {
  proceed = 1,  ///< run; `held` is set
  replay,       ///< answer with response(); operation_id() names the original
  tombstone,    ///< it was done, and its response is not kept; operation_id() is set
  conflict,     ///< another request has the key; operation_id() is set
  busy,         ///< the same request is running; come again after `retry_after`
  abandoned,    ///< nobody knows what happened; operation_id() and note() are set
  failed,       ///< see `failure`
};

/// What the engine keeps in a begin_op.
class PARLEY_IDEMPOTENCY_EXPORT begin_data {
 public:
  explicit begin_data(begin_op& of) noexcept : asked_(of) {}
  const claim_op& answer() const noexcept { return asked_; }

 private:
  friend class engine;
  friend class engine_impl;
  friend class outbox;
  class PARLEY_IDEMPOTENCY_EXPORT asked final : public claim_op {
   public:
    explicit asked(begin_op& of) noexcept : of_(of) {}
    void done() noexcept override;

   private:
    begin_op& of_;
  };
  struct wait_node : timed_node {
    begin_op* op = nullptr;
  };

  asked asked_;
  engine_impl* engine_ = nullptr;
  steady_time started_{};
  steady_time first_sent_{};
  wait_node deadline_;
  begin_op* next_ = nullptr;
  begin_op* prev_ = nullptr;
  unsigned tries_ = 0;  // of claims whose outcome is unknown, under this nonce
  bool is_late_ = false;
};

/// Asks for the right to run. Lives, with its views, until done() has run. May be used again; what
/// is still held is then abandoned. done() may be called on a thread of the timer: while it blocks
/// a timer that has only that one, no lease is renewed.
class begin_op : public op_base {
 public:
  digest key;
  digest fingerprint;
  digest scope;
  std::string_view request_id;  ///< 1 to operation_id_bytes_max bytes
  /// What an attempt that was marked and then lost gets: false `abandoned`, true another run. Who
  /// decides by the note begins again.
  bool rerun_marked = false;

  // The answer.
  begin_status status = begin_status::failed;
  claim held;
  store_failure failure;
  std::chrono::milliseconds retry_after{0};
  bool has_waited = false;  ///< for the same request, which was running

  std::string_view operation_id() const noexcept { return data.answer().operation_id.view(); }
  std::string_view note() const noexcept { return data.answer().note.view(); }
  /// The head and the body that were stored, one after the other. Lives as long as *this.
  std::span<const std::byte> response() const noexcept {
    return data.answer().response.bytes().subspan(status == begin_status::replay ? 1 : 0);
  }

  /// For the engine, while it carries the operation out.
  begin_data data{*this};

 protected:
  begin_op() = default;
  ~begin_op() = default;
};

class PARLEY_IDEMPOTENCY_EXPORT engine {
 public:
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  /// As drain() with no time left. That a claim or an operation is left is a precondition failure.
  ~engine();

  /// Starts it. True: it is finished, and done() will not be called.
  bool begin(begin_op& op) noexcept;

  /// Begins nothing more (`shut_down`), answers what waits with `busy`, and lets attempts end until
  /// `deadline` has passed; then what is left of background work is given up. True: nothing was.
  /// Blocks; not for a thread that the store, the timer or a handler needs.
  bool drain(std::chrono::milliseconds deadline) noexcept;

  const engine_options& options() const noexcept;

 private:
  friend PARLEY_IDEMPOTENCY_EXPORT result<std::unique_ptr<engine>, std::string> make_engine(
      store& records, timer& when, engine_options options);
  explicit engine(std::unique_ptr<engine_impl> made) noexcept;
  std::unique_ptr<engine_impl> impl_;
};

/// Fails with a sentence where the options contradict each other or break a limit: lease at least
/// 250 ms and more than 4 margins (2 ms + lease / 1000 + clock_skew); lease + 1 s <= retention <=
/// 2^32 - 1 ms; wait at most an hour; 1 ms <= poll_first <= poll_max <= 1 h; persist_wait at most
/// the lease; waiters_per_key_max <= waiters_max; response_bytes_max at most 512 MiB. No duration
/// is negative.
PARLEY_IDEMPOTENCY_EXPORT result<std::unique_ptr<engine>, std::string> make_engine(
    store& records, timer& when, engine_options options = {});

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_ENGINE_HPP
