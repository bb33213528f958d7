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
#include <type_traits>
#include <utility>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

/// A handler that hands `handler`, response(const request_view&) or
/// response(const request_view&, attempt), to `post` as a std::function<void()>. Work that is
/// dropped, or throws, is a handler that gave no answer.
template <class Post, class Handler>
auto offload(Post post, Handler handler) {
  auto start = [post = std::move(post),
                handler = std::make_shared<const Handler>(std::move(handler))](
                   const request_view& request, responder respond, auto... attempt) {
    auto way_back = std::make_shared<responder>(std::move(respond));
    post(std::function<void()>([&request, handler, way_back, attempt...] {
      // Out of the work, which its thread may keep for longer than it runs.
      responder to = std::move(*way_back);
      try {
        std::move(to).send((*handler)(request, attempt...));
      } catch (...) {
        // The responder says so as it goes.
      }
    }));
  };
  if constexpr (std::is_invocable_r_v<response, const Handler&, const request_view&>) {
    return [start = std::move(start)](const request_view& request, responder respond) {
      start(request, std::move(respond));
    };
  } else {
    // The result is written out: whoever asks what this can be called with must not compile it.
    return [start = std::move(start)](const request_view& request, auto attempt,
                                      responder respond) -> void {
      start(request, std::move(respond), std::move(attempt));
    };
  }
}

}  // namespace parley::http

#endif  // PARLEY_HTTP_OFFLOAD_HPP
