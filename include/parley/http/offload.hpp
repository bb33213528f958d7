// SPDX-License-Identifier: Apache-2.0
//
// Handlers that block, on threads where they may.
//
//   boost::asio::thread_pool pool(16);
//   const auto on_pool = [&pool](std::function<void()> work) { post(pool, std::move(work)); };
//   routes.post("/v1/calls", http::offload(on_pool, place_call));

#ifndef PARLEY_HTTP_OFFLOAD_HPP
#define PARLEY_HTTP_OFFLOAD_HPP

#include <functional>
#include <memory>
#include <utility>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

/// A handler that hands `handler`, response(const request_view&) or
/// response(const request_view&, attempt), to `post` as a std::function<void()>. Work that is
/// dropped, or throws, is a handler that gave no answer.
template <class Post, class Handler>
auto offload(Post post, Handler handler) {
  return [post = std::move(post), handler = std::make_shared<const Handler>(std::move(handler))](
             const request_view& request, auto... attempt_and_responder) {
    const auto with = [&](responder respond, auto... attempt) {
      auto way_back = std::make_shared<responder>(std::move(respond));
      post(std::function<void()>([&request, handler, way_back, attempt...] {
        try {
          std::move(*way_back).send((*handler)(request, attempt...));
        } catch (...) {
          // The responder says so as it goes.
        }
      }));
    };
    if constexpr (sizeof...(attempt_and_responder) == 1) {
      with(std::move(attempt_and_responder)...);
    } else {
      [&](auto attempt, responder respond) {
        with(std::move(respond), std::move(attempt));
      }(std::move(attempt_and_responder)...);
    }
  };
}

}  // namespace parley::http

#endif  // PARLEY_HTTP_OFFLOAD_HPP
