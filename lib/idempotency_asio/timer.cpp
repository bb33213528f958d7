// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_asio/timer.hpp"

#include <cassert>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>

#include "idempotency/timed_heap.hpp"

namespace parley::idempotency_asio {
namespace {

namespace asio = boost::asio;

using idempotency::steady_time;
using idempotency::timed_heap;
using idempotency::timed_node;
using idempotency::timer_op;

// Room for the one wait that is pending: to wait again must not need memory that is not there.
class wait_room {
 public:
  void* take(std::size_t bytes) {
    if (is_taken_ || bytes > sizeof(bytes_)) return ::operator new(bytes);
    is_taken_ = true;
    return bytes_;
  }
  void give_back(void* block) noexcept {
    if (block == bytes_) {
      is_taken_ = false;
    } else {
      ::operator delete(block);
    }
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[512];
  bool is_taken_ = false;
};

template <class T>
class wait_allocator {
 public:
  using value_type = T;

  explicit wait_allocator(wait_room& room) noexcept : room_(&room) {}
  template <class U>
  wait_allocator(const wait_allocator<U>& other) noexcept : room_(other.room_) {}

  // cppcheck-suppress sizeofVoid ; of void it is rebound before it allocates
  T* allocate(std::size_t count) { return static_cast<T*>(room_->take(count * sizeof(T))); }
  void deallocate(T* block, std::size_t) noexcept { room_->give_back(block); }

  template <class U>
  bool operator==(const wait_allocator<U>& other) const noexcept {
    return room_ == other.room_;
  }

 private:
  template <class>
  friend class wait_allocator;
  wait_room* room_;
};

}  // namespace

// At most one wait is pending. To wait for an earlier operation the pending wait is ended, and its
// handler waits anew. The handler shares the state, for it may run when the timer is gone.
class asio_timer::impl : public std::enable_shared_from_this<impl> {
 public:
  explicit impl(const asio::any_io_executor& executor) : wait_(executor) {}

  void close() noexcept {
    const std::lock_guard lock(mutex_);
    assert(armed_.top() == nullptr);
    end_wait();
  }

  void arm(timer_op& op, steady_time when) noexcept {
    const std::lock_guard lock(mutex_);
    assert(!op.is_queued);
    armed_.push(op, when);
    if (!is_waiting_) {
      wait();
    } else if (when < waits_until_) {
      end_wait();
    }
  }

  bool cancel(timer_op& op) noexcept {
    const std::lock_guard lock(mutex_);
    if (!op.is_queued) return false;
    armed_.remove(op);
    // A wait for nothing would keep the context from running out of work.
    if (armed_.top() == nullptr) end_wait();
    return true;
  }

 private:
  // No operation is earlier than this.
  static constexpr steady_time ending = steady_time::min();

  class wait_handler {
   public:
    // Runs where the wait ends, without a way through the executor that would take memory.
    using executor_type = asio::system_executor;
    using allocator_type = wait_allocator<void>;

    explicit wait_handler(std::shared_ptr<impl> of) noexcept : of_(std::move(of)) {}
    executor_type get_executor() const noexcept { return {}; }
    allocator_type get_allocator() const noexcept { return allocator_type(of_->room_); }
    void operator()(boost::system::error_code) noexcept { of_->expire(); }

   private:
    std::shared_ptr<impl> of_;
  };

  // The rest is called with the lock held, but for expire().

  void wait() noexcept {
    for (;;) {
      try {
        waits_until_ = armed_.top()->when;
        wait_.expires_at(waits_until_);
        wait_.async_wait(wait_handler(shared_from_this()));
        is_waiting_ = true;
        return;
      } catch (const std::bad_alloc&) {
        // Asio's queue of timers has to grow.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void end_wait() noexcept {
    if (!is_waiting_ || waits_until_ == ending) return;
    waits_until_ = ending;
    wait_.cancel();
  }

  void expire() noexcept {
    std::unique_lock lock(mutex_);
    waits_until_ = ending;
    // Those that are due by now: one that arms itself again and again does not keep the thread.
    const steady_time now = std::chrono::steady_clock::now();
    timed_node* first = armed_.top();
    for (; first != nullptr && first->when <= now; first = armed_.top()) {
      armed_.remove(*first);
      lock.unlock();
      static_cast<timer_op*>(first)->expired();
      lock.lock();
    }
    is_waiting_ = false;
    if (first != nullptr) wait();
  }

  std::mutex mutex_;
  timed_heap armed_;
  wait_room room_;
  asio::steady_timer wait_;
  bool is_waiting_ = false;  // or expire() runs
  steady_time waits_until_ = ending;
};

asio_timer::asio_timer(asio::any_io_executor executor)
    : impl_(std::make_shared<impl>(std::move(executor))) {}

asio_timer::~asio_timer() { impl_->close(); }

steady_time asio_timer::now() const noexcept { return std::chrono::steady_clock::now(); }

void asio_timer::arm(timer_op& op, steady_time when) noexcept { impl_->arm(op, when); }

bool asio_timer::cancel(timer_op& op) noexcept { return impl_->cancel(op); }

}  // namespace parley::idempotency_asio
