// SPDX-License-Identifier: Apache-2.0
//
// Handlers that are coroutines.
//
//   http::handler_task show(const http::request_view& request) {
//     const auto found = co_await store.find(request.parameter("id"));
//     co_return http::json_response(200, found);
//   }
//   routes.get("/v1/calls/{id}", show);
//
// It may await anything that can be awaited in any coroutine, and goes on on the thread that
// resumes it. What it takes by reference beside the request must outlive the service.

#ifndef PARLEY_HTTP_COROUTINE_HPP
#define PARLEY_HTTP_COROUTINE_HPP

#include <coroutine>
#include <optional>
#include <utility>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

/// What such a coroutine returns. One that throws answers as any handler that throws does.
class [[nodiscard]] handler_task {
 public:
  class promise_type {
   public:
    handler_task get_return_object() noexcept {
      return handler_task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept { return last(); }
    void return_value(response r) noexcept { answer_ = std::move(r); }
    void unhandled_exception() noexcept { answer_.status = no_answer; }

   private:
    friend class handler_task;
    struct last {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> done) const noexcept {
        responder respond = *std::move(done.promise().respond_);
        response answer = std::move(done.promise().answer_);
        done.destroy();
        std::move(respond).send(std::move(answer));
      }
      void await_resume() const noexcept {}
    };
    std::optional<responder> respond_;
    response answer_;
  };

  handler_task(handler_task&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  handler_task& operator=(handler_task&&) = delete;
  ~handler_task() {
    if (of_) of_.destroy();
  }

  /// Runs it; it answers to `respond`.
  void start(responder respond) && {
    const auto of = std::exchange(of_, nullptr);
    of.promise().respond_.emplace(std::move(respond));
    of.resume();
  }

 private:
  explicit handler_task(std::coroutine_handle<promise_type> of) noexcept : of_(of) {}
  std::coroutine_handle<promise_type> of_;
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_COROUTINE_HPP
