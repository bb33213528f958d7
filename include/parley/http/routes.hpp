// SPDX-License-Identifier: Apache-2.0
//
// A table from method and path template to handlers.
//
//   http::routes api;
//   api.get("/v1/calls/{id}", get_call);
//   api.post("/v1/calls", place_call, {.media_type = "application/json"});
//
// A template is checked when it is compiled: "/v1/{id" does not build. Built by one thread, then
// read by any number.

#ifndef PARLEY_HTTP_ROUTES_HPP
#define PARLEY_HTTP_ROUTES_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "parley/http/coroutine.hpp"
#include "parley/http/exchange.hpp"
#include "parley/http/export.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

/// Segments of a path that the table looks at; a longer path is not found.
inline constexpr std::size_t segments_max = 32;

/// "/" or "/segment/segment": a segment is literal text of unreserved characters and
/// "@:!$&'()*+,;=" (RFC 3986, 3.3), or `{name}`, which stands for any one segment that is not
/// empty.
class path_template {
 public:
  template <std::size_t Size>
  consteval path_template(const char (&text)[Size]) : text_(text, Size - 1) {
    if (!is_valid(text_)) not_a_path_template();
  }

  constexpr std::string_view text() const noexcept { return text_; }

  static constexpr bool is_valid(std::string_view text) noexcept {
    if (text == "/") return true;
    if (text.empty() || text.front() != '/') return false;
    std::size_t segments = 0;
    while (!text.empty()) {
      text.remove_prefix(1);
      std::string_view segment = text.substr(0, text.find('/'));
      text.remove_prefix(segment.size());
      if (++segments > segments_max || segment.empty()) return false;
      if (segment.front() == '{') {
        if (segment.size() < 3 || segment.back() != '}') return false;
        if (text.find(segment) != std::string_view::npos) return false;  // named twice
        segment = segment.substr(1, segment.size() - 2);
      }
      for (const char c : segment) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') ||
                           std::string_view("-._~@:!$&'()*+,;=").find(c) != std::string_view::npos;
        if (!plain) return false;
      }
    }
    return true;
  }

 private:
  static void not_a_path_template() {}  // not constexpr: reaching it is the compile error
  std::string_view text_;
};

/// Answers when it likes, from any thread.
using deferred_handler = std::function<void(const request_view&, responder)>;

/// A deferred_handler of any of the forms that routes take: response(const request_view&), which
/// answers at once, handler_task(const request_view&), or void(const request_view&, responder).
template <class Handler>
deferred_handler make_deferred(Handler handler) {
  if constexpr (std::is_invocable_r_v<response, const Handler&, const request_view&>) {
    return [handler = std::move(handler)](const request_view& request, responder respond) {
      std::move(respond).send(handler(request));
    };
  } else if constexpr (std::is_invocable_r_v<handler_task, const Handler&, const request_view&>) {
    return [handler = std::move(handler)](const request_view& request, responder respond) {
      handler(request).start(std::move(respond));
    };
  } else {
    static_assert(std::is_invocable_v<const Handler&, const request_view&, responder>,
                  "a handler is response(const request_view&), handler_task(const request_view&) "
                  "or void(const request_view&, responder), and const");
    return handler;
  }
}

/// What a route asks of a request before its handler sees it.
struct route_options {
  /// Runs without authentication; `scope` is then empty.
  bool is_public = false;
  /// A body must have this media type, whatever its parameters, and no content coding, else 415.
  /// Empty: any.
  std::string media_type = {};
  /// What the route's errors are about, where the code leaves it open (G2): `call` for one that
  /// places calls. The 500 of a handler that fails carries it.
  errors::tier tier = errors::tier::http;
};

/// A handler and what the table knows of it.
struct route {
  std::string path;  ///< the template
  route_options options;
  deferred_handler handler;
};

/// The table. The most specific path wins (a literal segment before a parameter), then the method.
class PARLEY_HTTP_EXPORT routes {
 public:
  routes();
  routes(routes&&) noexcept;
  routes& operator=(routes&&) noexcept;
  routes(const routes&) = delete;
  routes& operator=(const routes&) = delete;
  ~routes();

  /// `handler` is what make_deferred() takes, called by several threads at once. It runs on the
  /// adapter's I/O thread: it must not block (see offload). A handler that throws answers 500
  /// internal_error. To add a route twice, or one for method::other, is a precondition failure.
  template <class Handler>
  void add(method m, path_template path, Handler handler, route_options options = {}) {
    add_deferred(m, path.text(), make_deferred(std::move(handler)), std::move(options));
  }

  template <class Handler>
  void get(path_template path, Handler handler, route_options options = {}) {
    add(method::get, path, std::move(handler), std::move(options));
  }
  template <class Handler>
  void post(path_template path, Handler handler, route_options options = {}) {
    add(method::post, path, std::move(handler), std::move(options));
  }
  template <class Handler>
  void put(path_template path, Handler handler, route_options options = {}) {
    add(method::put, path, std::move(handler), std::move(options));
  }
  template <class Handler>
  void patch(path_template path, Handler handler, route_options options = {}) {
    add(method::patch, path, std::move(handler), std::move(options));
  }
  template <class Handler>
  void delete_(path_template path, Handler handler, route_options options = {}) {
    add(method::delete_, path, std::move(handler), std::move(options));
  }

  /// What the table says of a method and path.
  struct match {
    const http::route* route = nullptr;  ///< null: not found, or no such method there
    std::string allow;                   ///< where only the method is wrong: "GET, HEAD, DELETE"
  };

  /// Looks `path` up, as received. HEAD falls back to GET (RFC 9110, 9.3.2). Segments are compared
  /// percent-decoded; a malformed escape, an empty segment and more than segments_max segments are
  /// not found. `decoded` and `parameters` hold what the match looks at: keep them.
  match find(method m, std::string_view path, std::string& decoded,
             std::vector<path_parameter>& parameters) const;

 private:
  struct node;
  void add_deferred(method m, std::string_view path, deferred_handler handler,
                    route_options options);

  std::unique_ptr<node> root_;
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_ROUTES_HPP
