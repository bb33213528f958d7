// SPDX-License-Identifier: Apache-2.0
//
// Another store's operations, carried out later: by a thread of its own, or when it is pumped. Each
// start gives false and ends in done(), so that the kit's waiting is seen to work.

#ifndef PARLEY_TESTS_IDEMPOTENCY_TESTING_DEFERRED_STORE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_TESTING_DEFERRED_STORE_HPP

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "parley/idempotency/store.hpp"

namespace parley::idempotency_testing {

class deferred_store final : public idempotency::store {
 public:
  explicit deferred_store(idempotency::store& inner) : inner_(inner) {}
  ~deferred_store() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void start_thread() {
    thread_ = std::thread([this] {
      while (true) {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [this] { return ends_ || !pending_.empty(); });
          if (pending_.empty()) return;
        }
        run_one();
      }
    });
  }

  // False: nothing was pending.
  bool run_one() {
    task next;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.empty()) return false;
      next = std::move(pending_.front());
      pending_.pop_front();
    }
    next.carry_out(next.failure);
    next.op->done();
    return true;
  }

 private:
  // The errors begin at 1.
  static constexpr idempotency::store_errc no_failure{};

  struct task {
    idempotency::op_base* op = nullptr;
    std::function<void(idempotency::store_errc)> carry_out;
    idempotency::store_errc failure = no_failure;
  };

  template <class Op>
  bool defer(Op& op, std::function<void()> start) {
    using idempotency::store_errc;
    const auto carry_out = [&op, start = std::move(start)](store_errc failure) {
      if (failure == no_failure) {
        start();
        return;
      }
      op.status = decltype(op.status)::failed;
      op.failure = {.why = failure};
    };
    {
      const std::lock_guard lock(mutex_);
      if (is_shut_down_) {
        carry_out(store_errc::shut_down);
        return true;
      }
      pending_.push_back({&op, carry_out});
    }
    changed_.notify_all();
    return false;
  }

  void fail_pending(const idempotency::op_base* op, idempotency::store_errc why) {
    for (task& each : pending_) {
      if (op == nullptr || each.op == op) each.failure = why;
    }
  }

  bool do_claim(idempotency::claim_op& op) noexcept override {
    return defer(op, [this, &op] { inner_.claim(op); });
  }
  bool do_complete(idempotency::complete_op& op) noexcept override {
    return defer(op, [this, &op] { inner_.complete(op); });
  }
  bool do_release(idempotency::release_op& op) noexcept override {
    return defer(op, [this, &op] { inner_.release(op); });
  }
  bool do_renew(idempotency::renew_op& op) noexcept override {
    return defer(op, [this, &op] { inner_.renew(op); });
  }
  bool do_mark(idempotency::mark_op& op) noexcept override {
    return defer(op, [this, &op] { inner_.mark(op); });
  }
  void do_cancel(idempotency::op_base& op) noexcept override {
    const std::lock_guard lock(mutex_);
    fail_pending(&op, idempotency::store_errc::canceled);
  }
  void do_shutdown() noexcept override {
    const std::lock_guard lock(mutex_);
    is_shut_down_ = true;
    fail_pending(nullptr, idempotency::store_errc::shut_down);
  }

  idempotency::store& inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<task> pending_;
  bool is_shut_down_ = false;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace parley::idempotency_testing

#endif  // PARLEY_TESTS_IDEMPOTENCY_TESTING_DEFERRED_STORE_HPP
