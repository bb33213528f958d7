// SPDX-License-Identifier: Apache-2.0
//
// A coroutine that another waits for; it begins when it is waited for.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_TASK_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_TASK_HPP

#include <coroutine>
#include <exception>
#include <utility>

namespace parley::testing_support::simulator {

template <class T>
struct task_result {
  T value{};
  void return_value(T made) { value = std::move(made); }
  T take() { return std::move(value); }
};
template <>
struct task_result<void> {
  void return_void() {}
  void take() {}
};

template <class T = void>
class [[nodiscard]] task {
 public:
  struct promise_type : task_result<T> {
    std::coroutine_handle<> waiter;
    task get_return_object() {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct at_end {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> of) noexcept {
        const auto next = of.promise().waiter;
        return next ? next : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };
    at_end final_suspend() noexcept { return {}; }
    void unhandled_exception() { std::terminate(); }
  };

  task(task&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (of_) of_.destroy();
  }

  /// Of the outermost.
  void start() { of_.resume(); }
  bool is_done() const { return of_.done(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
    of_.promise().waiter = waiter;
    return of_;
  }
  T await_resume() { return of_.promise().take(); }

 private:
  explicit task(std::coroutine_handle<promise_type> of) : of_(of) {}
  std::coroutine_handle<promise_type> of_;
};

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_TASK_HPP
