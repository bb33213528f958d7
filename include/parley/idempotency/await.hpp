// SPDX-License-Identifier: Apache-2.0
//
// Operations of a store, of an engine and of a claim for coroutines and for blocking code.
//
//   awaitable_op<claim_op> claim;
//   claim.key = key;  ...
//   co_await claim.start(records);
//   if (claim.status == claim_status::claimed) ...
//
//   blocking_op<begin_op> begin;  ...
//   begin.run(engine);
//   blocking_op<mark_step> mark;
//   mark.run(begin.held);
//
// A coroutine is resumed on the thread on which the operation finished, or not suspended at all.
// Neither form allocates.

#ifndef PARLEY_IDEMPOTENCY_AWAIT_HPP
#define PARLEY_IDEMPOTENCY_AWAIT_HPP

#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <utility>

#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::idempotency {

namespace detail {
inline bool start_op(store& records, claim_op& op) noexcept { return records.claim(op); }
inline bool start_op(store& records, complete_op& op) noexcept { return records.complete(op); }
inline bool start_op(store& records, release_op& op) noexcept { return records.release(op); }
inline bool start_op(store& records, renew_op& op) noexcept { return records.renew(op); }
inline bool start_op(store& records, mark_op& op) noexcept { return records.mark(op); }
inline bool start_op(engine& of, begin_op& op) noexcept { return of.begin(op); }
inline bool start_op(claim& of, mark_step& op) noexcept { return of.mark(op); }
inline bool start_op(claim& of, complete_step& op) noexcept { return std::move(of).complete(op); }
inline bool start_op(claim& of, release_step& op) noexcept { return std::move(of).release(op); }
}  // namespace detail

/// `Op` to be awaited, in any coroutine. It stands in the coroutine's frame; destroying the frame
/// while it is suspended here is a precondition failure.
template <class Op>
class awaitable_op final : public Op {
 public:
  template <class Target>
  class awaiter {
   public:
    awaiter(awaitable_op& op, Target& of) noexcept : op_(op), of_(of) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) noexcept {
      op_.waiting_ = waiting;
      // Where this gives false done() may have run by now, and op_ with it may be gone.
      return !detail::start_op(of_, op_);
    }
    void await_resume() const noexcept {}

   private:
    awaitable_op& op_;
    Target& of_;
  };

  /// `of`: the store, the engine or the claim.
  template <class Target>
  [[nodiscard]] awaiter<Target> start(Target& of) noexcept {
    return {*this, of};
  }

  void done() noexcept override { waiting_.resume(); }

 private:
  std::coroutine_handle<> waiting_;
};

/// `Op` that its thread waits for. Not for a thread that is needed to finish it.
template <class Op>
class blocking_op final : public Op {
 public:
  template <class Target>
  void run(Target& of) noexcept {
    is_done_ = false;
    if (detail::start_op(of, *this)) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_done_; });
  }

  void done() noexcept override {
    // Under the lock: the waiter may destroy *this as soon as it sees the flag.
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_AWAIT_HPP
