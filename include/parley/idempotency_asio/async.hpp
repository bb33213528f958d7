// SPDX-License-Identifier: Apache-2.0
//
// Operations of a store, of an engine and of a claim with a completion token of Boost.Asio.
//
//   asio_op<idempotency::claim_op> claim;
//   claim.key = key;  ...
//   co_await claim.async_start(records, asio::use_awaitable);
//   if (claim.status == idempotency::claim_status::claimed) ...
//
// The handler is called with nothing, by asio::post() to its associated executor; one that has none
// runs on a thread of asio::system_executor, so bind an executor to it. Until then the executor has
// outstanding work. What is allocated comes from the handler's associated allocator.
//
// An operation, every view in it and what it was started on live until its handler is called. It
// may be started again then, and from the handler.

#ifndef PARLEY_IDEMPOTENCY_ASIO_ASYNC_HPP
#define PARLEY_IDEMPOTENCY_ASIO_ASYNC_HPP

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include "parley/idempotency/await.hpp"

namespace parley::idempotency_asio {

namespace detail {

// A handler whose operation is not done.
class waiting {
 public:
  // Ends *this.
  virtual void post() noexcept = 0;

 protected:
  waiting() = default;
  ~waiting() = default;
};

template <class Handler>
class waiting_handler final : public waiting {
  // As Asio does by itself: where nobody chose an allocator, memory is reused.
  using associated = boost::asio::associated_allocator_t<Handler>;
  using chosen = std::conditional_t<std::is_same_v<associated, std::allocator<void>>,
                                    boost::asio::recycling_allocator<void>, associated>;
  using allocator = typename std::allocator_traits<chosen>::template rebind_alloc<waiting_handler>;
  // Not executor_work_guard, which lets go of the work before the executor: the state of a strand
  // does not outlive its context.
  using tracked = std::decay_t<decltype(boost::asio::prefer(
      std::declval<boost::asio::associated_executor_t<Handler>>(),
      boost::asio::execution::outstanding_work.tracked))>;

  static chosen choose(const Handler& handler) noexcept {
    if constexpr (std::is_same_v<associated, std::allocator<void>>) {
      return {};
    } else {
      return boost::asio::get_associated_allocator(handler);
    }
  }

  // The memory goes back while the handler is still there: it may be what keeps the allocator.
  static Handler take(waiting_handler* old) {
    allocator from(choose(old->handler_));
    Handler handler(std::move(old->handler_));
    std::destroy_at(old);
    from.deallocate(old, 1);
    return handler;
  }

  struct drop {
    void operator()(waiting_handler* old) const { take(old); }
  };

 public:
  using owner = std::unique_ptr<waiting_handler, drop>;

  explicit waiting_handler(Handler&& handler)
      : handler_(std::move(handler)),
        work_(boost::asio::prefer(boost::asio::get_associated_executor(handler_),
                                  boost::asio::execution::outstanding_work.tracked)) {}

  static owner make(Handler&& handler) {
    allocator from(choose(handler));
    waiting_handler* const place = from.allocate(1);
    try {
      return owner(std::construct_at(place, std::move(handler)));
    } catch (...) {
      from.deallocate(place, 1);
      throw;
    }
  }

  // Always by post, even on the executor's own thread: done() must not throw, and is called in the
  // midst of the store's work, or of async_start(). Out of memory here has no way out.
  void post() noexcept override {
    // The work ends here: the handler may run, and the context be out of work and destroyed, while
    // Asio is still waking its thread.
    const tracked to = std::move(work_);
    boost::asio::post(to, completion(this));
  }

 private:
  class completion {
   public:
    using allocator_type = chosen;

    explicit completion(waiting_handler* from) noexcept
        : allocator_(choose(from->handler_)), from_(from) {}
    allocator_type get_allocator() const noexcept { return allocator_; }

    void operator()() {
      auto slot = boost::asio::get_associated_cancellation_slot(from_->handler_);
      if (slot.is_connected()) slot.clear();
      // All memory is free for what the handler starts.
      Handler handler(take(from_.release()));
      std::move(handler)();
    }

   private:
    [[no_unique_address]] chosen allocator_;
    owner from_;
  };

  Handler handler_;
  tracked work_;
};

}  // namespace detail

/// `Op` to be started with a completion token. To destroy it before its handler was called is a
/// precondition failure, except where the handler was destroyed with its execution context.
///
/// Where the handler has a cancellation slot, and the target cancels (a store does), any emission
/// to it cancels the operation, which still ends with an answer: see store::cancel(). As for all of
/// Asio, emit on the handler's executor.
template <class Op>
class asio_op final : public Op {
 public:
  /// Starts the operation on `target`, a store, and completes with `void()`. May throw what the
  /// allocator of the handler throws; then nothing was started.
  template <class Target, boost::asio::completion_token_for<void()> CompletionToken>
  auto async_start(Target& target, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void()>(
        [this, &target](auto handler) { this->start(target, std::move(handler)); }, token);
  }

  void done() noexcept override {
    // A cancel() that is running keeps *this alive, and then ends it.
    if ((state_.fetch_or(done_bit, std::memory_order_acq_rel) & canceling_bit) == 0) end();
  }

 private:
  static constexpr std::uint8_t done_bit = 1;
  static constexpr std::uint8_t canceling_bit = 2;

  template <class Target, class Handler>
  void start(Target& target, Handler handler) {
    assert(waiting_ == nullptr);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto made = detail::waiting_handler<Handler>::make(std::move(handler));
    state_.store(0, std::memory_order_relaxed);
    constexpr bool can_cancel = requires { target.cancel(*this); };
    if (can_cancel && slot.is_connected()) {
      slot.assign([this, &target](boost::asio::cancellation_type) { this->cancel(target); });
    }
    waiting_ = made.release();
    // Unqualified, so that a target elsewhere brings its own.
    using idempotency::detail::start_op;
    if (start_op(target, static_cast<Op&>(*this))) done();
  }

  template <class Target>
  void cancel(Target& target) noexcept {
    if ((state_.fetch_or(canceling_bit, std::memory_order_acq_rel) & done_bit) != 0) return;
    if constexpr (requires { target.cancel(*this); }) target.cancel(*this);
    const auto before =
        state_.fetch_and(static_cast<std::uint8_t>(~canceling_bit), std::memory_order_acq_rel);
    if ((before & done_bit) != 0) end();
  }

  // *this may be gone when it returns.
  void end() noexcept { std::exchange(waiting_, nullptr)->post(); }

  detail::waiting* waiting_ = nullptr;
  std::atomic<std::uint8_t> state_ = 0;
};

}  // namespace parley::idempotency_asio

#endif  // PARLEY_IDEMPOTENCY_ASIO_ASYNC_HPP
