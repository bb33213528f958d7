// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server on Boost.Beast that runs an http::service on threads of its own.
//
//   beast::server server(api, {.port = 8080, .threads = 2});
//   if (const auto started = server.start(); !started) return report(started.error().what);
//   wait_for_signal();
//   server.drain(std::chrono::seconds(10));
//
// Plain HTTP: TLS is ended in front of it. start() and drain() are called by one thread at a time,
// and not from a handler; port() from any.

#ifndef PARLEY_BEAST_SERVER_HPP
#define PARLEY_BEAST_SERVER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "parley/beast/export.hpp"
#include "parley/core/result.hpp"
#include "parley/http/message.hpp"
#include "parley/http/service.hpp"

namespace parley::beast {

/// How one response leaves the server.
struct delivery {
  enum class way : std::uint8_t {
    whole,
    cut,    ///< the head, `body_bytes` of the body that it announces, and the end of the connection
    drop,   ///< no byte, and the end of the connection
    reset,  ///< no byte, and a reset (RST)
    hang,   ///< no byte; the connection stays open until the client or drain() ends it
  };
  way how = way::whole;
  std::chrono::milliseconds delay{0};  ///< before that; at most 24 h
  std::size_t body_bytes = 0;
};

struct server_options {
  std::string address = "127.0.0.1";  ///< an IPv4 or IPv6 address, not a name
  std::uint16_t port = 0;             ///< 0: any that is free
  unsigned threads = 1;               ///< each with an event loop; 1 to 1024
  /// Connections open at once; more wait in the listen queue of the kernel.
  std::size_t connections_max = 10'000;
  // Each deadline is for the whole step, however few bytes come in at a time. A request that is not
  // complete by then gets 408, and the connection is closed. 1 ms to 24 h each.
  std::chrono::milliseconds idle_timeout{60'000};   ///< for the first byte of a request; no 408
  std::chrono::milliseconds head_timeout{10'000};   ///< from there to the end of the headers
  std::chrono::milliseconds body_timeout{30'000};   ///< for the body
  std::chrono::milliseconds write_timeout{30'000};  ///< for the response
  std::chrono::milliseconds linger_timeout{2'000};  ///< for the client to read a refusal
  /// For emulators and fault tests: asked how the response to each request shall leave, on the
  /// thread of the connection. Callable from all of these at once; where it throws, the connection
  /// ends. Not asked about what the server itself refuses. Empty: every response leaves whole.
  std::function<delivery(const http::request_view&, const http::response&)> deliver = {};
};

/// Why a server did not start: "cannot listen on 127.0.0.1:80: Permission denied".
struct start_failure {
  std::string what;
};

class PARLEY_BEAST_EXPORT server {
 public:
  /// `api` must outlive the server and every responder that was given out.
  explicit server(const http::service& api, server_options options = {});
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  /// Drains with no time left: requests under way are cut off.
  ~server();

  /// Listens and serves until drain(). Fails where the options cannot be used or the address cannot
  /// be listened on. A server starts once.
  result<void, start_failure> start();

  /// The port that is listened on; 0 before start().
  std::uint16_t port() const noexcept;

  /// Stops listening, closes idle connections and those that hang (see delivery), lets requests
  /// under way be answered until `deadline` (at most 24 h) has passed, then closes what is left and
  /// joins the threads. True: nothing was cut off.
  bool drain(std::chrono::milliseconds deadline);

 private:
  class PARLEY_BEAST_NO_EXPORT impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::beast

#endif  // PARLEY_BEAST_SERVER_HPP
