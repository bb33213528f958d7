// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/timer.hpp"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "idempotency/timed_heap.hpp"

namespace parley::idempotency {
namespace {

class thread_timer final : public timer {
 public:
  thread_timer() : thread_([this] { run(); }) {}

  ~thread_timer() override {
    {
      const std::lock_guard lock(mutex_);
      assert(armed_.top() == nullptr);
      ends_ = true;
      changed_.notify_one();
    }
    thread_.join();
  }

  steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }

  void arm(timer_op& op, steady_time when) noexcept override {
    const std::lock_guard lock(mutex_);
    assert(!op.is_queued);
    armed_.push(op, when);
    if (when >= sleeps_until_) return;
    sleeps_until_ = awake;
    changed_.notify_one();
  }

  // The thread may then wake for nothing, which costs less than to wake it now.
  bool cancel(timer_op& op) noexcept override {
    const std::lock_guard lock(mutex_);
    if (!op.is_queued) return false;
    armed_.remove(op);
    return true;
  }

 private:
  // No operation is earlier than this.
  static constexpr steady_time awake = steady_time::min();

  void run() noexcept {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      timed_node* const first = armed_.top();
      if (first == nullptr) {
        sleeps_until_ = steady_time::max();
        changed_.wait(lock);
      } else if (const steady_time when = first->when; when > now()) {
        // Waits for a copy: the node may go, and arm() writes sleeps_until_.
        sleeps_until_ = when;
        changed_.wait_until(lock, when);
      } else {
        armed_.remove(*first);
        lock.unlock();
        static_cast<timer_op*>(first)->expired();
        lock.lock();
      }
      sleeps_until_ = awake;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  timed_heap armed_;
  steady_time sleeps_until_ = awake;
  bool ends_ = false;
  std::thread thread_;  // last, since it begins to use the others at once
};

}  // namespace

timer::~timer() = default;

result<std::unique_ptr<timer>, timer_errc> make_thread_timer() {
  try {
    return std::unique_ptr<timer>(std::make_unique<thread_timer>());
  } catch (const std::system_error&) {
    return failure{timer_errc::no_thread};
  }
}

std::string_view to_string(timer_errc e) noexcept {
  switch (e) {
    case timer_errc::no_thread: return "no_thread";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

}  // namespace parley::idempotency
