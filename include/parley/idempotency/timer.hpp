// SPDX-License-Identifier: Apache-2.0
//
// How the engine waits: one interface, and a timer with a thread of its own behind it.
//
//   auto timer = idempotency::make_thread_timer();
//   auto engine = idempotency::make_engine(*records, *timer);
//
// The engine arms a few operations for all of its work, so a timer need not be fast.

#ifndef PARLEY_IDEMPOTENCY_TIMER_HPP
#define PARLEY_IDEMPOTENCY_TIMER_HPP

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/idempotency/export.hpp"

namespace parley::idempotency {

using steady_time = std::chrono::steady_clock::time_point;

/// A place in a heap of times that allocates nothing.
struct timed_node {
  timed_node* child = nullptr;
  timed_node* next = nullptr;
  timed_node* prev = nullptr;  ///< the parent, for a first child
  steady_time when{};
  bool is_queued = false;
};

/// Something to be done at a time. Lives until it has expired or was canceled. The node is for the
/// timer, while the operation is armed.
class timer_op : public timed_node {
 public:
  timer_op(const timer_op&) = delete;
  timer_op& operator=(const timer_op&) = delete;

  /// Called by the timer at the time or after it, on some thread, with no lock of the timer held.
  /// May arm the operation again, and may destroy it.
  virtual void expired() noexcept = 0;

 protected:
  timer_op() = default;
  ~timer_op() = default;
};

/// Members may be called from any thread. None calls expired() before it returns. To destroy a
/// timer with operations armed is a precondition failure.
class PARLEY_IDEMPOTENCY_EXPORT timer {
 public:
  timer() = default;
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  virtual ~timer();

  virtual steady_time now() const noexcept = 0;

  /// Has expired() called once, when now() has reached `when`. An operation that is armed must not
  /// be armed again.
  virtual void arm(timer_op& op, steady_time when) noexcept = 0;

  /// True: expired() will not be called. False: it has been, or is just being called, or `op` was
  /// not armed.
  virtual bool cancel(timer_op& op) noexcept = 0;
};

enum class timer_errc : std::uint8_t {
  no_thread = 1,  ///< the system gave none
};

/// The stable, lower-case name of `e`: "no_thread". Any other value: "unknown".
PARLEY_IDEMPOTENCY_EXPORT std::string_view to_string(timer_errc e) noexcept;

/// A timer on std::chrono::steady_clock with a thread of its own, which sleeps until the first
/// operation is due. Destroyed by any other thread than that.
PARLEY_IDEMPOTENCY_EXPORT result<std::unique_ptr<timer>, timer_errc> make_thread_timer();

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_TIMER_HPP
