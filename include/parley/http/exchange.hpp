// SPDX-License-Identifier: Apache-2.0
//
// The way of a response back to where its request came from, also from another thread and later.
//
//   routes.post("/v1/calls", [](const http::request_view& request, http::responder respond) {
//     queue.push([respond = std::move(respond), body = std::string(request.body)]() mutable {
//       std::move(respond).send(http::json_response(202, place_call(body)));
//     });
//   });

#ifndef PARLEY_HTTP_EXCHANGE_HPP
#define PARLEY_HTTP_EXCHANGE_HPP

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "parley/http/export.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

class responder;
class service;
struct route;

/// One request on its way through a service. An adapter derives from it, fills request(), keeps
/// what the views look at, and gives it to service::handle.
class PARLEY_HTTP_EXPORT exchange {
 public:
  exchange() = default;
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  virtual ~exchange();

  request_view& request() noexcept { return request_; }
  const request_view& request() const noexcept { return request_; }

 private:
  friend class service;
  friend class responder;
  template <class F>
  friend responder intercept(responder outer, F on_response);

  /// Takes the response, which is_sendable. Called exactly once for each handled exchange, from any
  /// thread, possibly before service::handle returns.
  virtual void send(response&& r) noexcept = 0;

  void finish(response&& r) noexcept;
  static responder make_responder(std::shared_ptr<exchange> e) noexcept;

  request_view request_;
  const service* service_ = nullptr;
  const route* route_ = nullptr;  // of the service's table, once matched
  bool handler_ran_ = false;
  std::string request_id_;
  std::string scope_;
  std::string decoded_path_;
  std::vector<path_parameter> parameters_;
};

/// The right and the duty to answer one request. Move-only; usable from any thread, by one at a
/// time. While it lives, so does the request_view that came with it. Destroyed unanswered it
/// answers 500 internal_error, so that no client waits for ever.
class PARLEY_HTTP_EXPORT responder {
 public:
  responder(responder&&) noexcept = default;
  responder& operator=(responder&& other) noexcept;
  ~responder();

  /// Answers. A second answer is a precondition failure and is dropped.
  void send(response r) && noexcept;

 private:
  friend class exchange;
  friend class service;
  explicit responder(std::shared_ptr<exchange> to) noexcept : to_(std::move(to)) {}

  std::shared_ptr<exchange> to_;
};

/// A responder that gives its answer to `on_response(response&&, responder)` instead of sending it;
/// `outer` is handed on with it. So a handler is decorated: run the inner one with the result, and
/// look at or keep the answer before it goes out. Called once, on the thread that answers; for an
/// inner handler that gave no answer, with the status no_answer. Where it throws the
/// answer is 500.
template <class F>
responder intercept(responder outer, F on_response) {
  class interceptor final : public exchange {
   public:
    interceptor(responder outer, F on_response)
        : outer_(std::move(outer)), on_response_(std::move(on_response)) {}

   private:
    void send(response&& r) noexcept override {
      try {
        on_response_(std::move(r), std::move(outer_));
      } catch (...) {
        // The outer responder, wherever it is by now, answers 500 as it goes.
      }
    }
    responder outer_;
    F on_response_;
  };
  static_assert(std::is_invocable_v<F&, response&&, responder>);
  return exchange::make_responder(
      std::make_shared<interceptor>(std::move(outer), std::move(on_response)));
}

}  // namespace parley::http

#endif  // PARLEY_HTTP_EXCHANGE_HPP
