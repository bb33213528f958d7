// SPDX-License-Identifier: Apache-2.0
//
// A server that does as it is told on each connection: answers, in pieces or too much, cuts, resets
// or says nothing. It blocks, a thread a connection; nothing in it waits for time to pass.

#ifndef PARLEY_TESTS_BEAST_SUPPORT_SCRIPTED_SERVER_HPP
#define PARLEY_TESTS_BEAST_SUPPORT_SCRIPTED_SERVER_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/certificates.hpp"

namespace parley::testing_support {

/// The server's end of a connection.
class peer {
 public:
  peer(int fd, void* tls_context);
  ~peer();
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  /// Head and body as they came; none: the client has gone, or TLS was not agreed on.
  std::optional<std::string> read_request();
  /// False: the client no longer takes it.
  bool send(std::string_view bytes);
  /// As the protocol ends: with TLS, by its own goodbye first.
  void finish();
  /// The end of TCP and no word of TLS.
  void cut();
  void reset();
  /// Reads until the client has gone.
  void wait_for_end();
  /// Ends reads and writes, from another thread.
  void interrupt();

 private:
  struct impl;
  long read(char* into, std::size_t size);
  std::unique_ptr<impl> impl_;
  std::string received_;
};

struct server_tls {
  identity own;
  std::string client_ca = {};  ///< in PEM; set: clients have to show a certificate of it
  bool is_old = false;         ///< TLS 1.1 at most
};

class scripted_server {
 public:
  /// Runs for each connection, on a thread of its own; `nth` is from 0 on.
  using script = std::function<void(peer& client, int nth)>;

  explicit scripted_server(script each, std::optional<server_tls> tls = {},
                           const char* address = "127.0.0.1", std::uint16_t port = 0);
  ~scripted_server();

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view host = "127.0.0.1") const;
  int connections() const;

 private:
  void accept_all();

  const script each_;
  const bool is_tls_;
  std::shared_ptr<void> tls_context_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  bool is_ending_ = false;
  std::vector<std::shared_ptr<peer>> peers_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

/// A port of 127.0.0.1 that nobody listens on.
std::uint16_t unused_port();

/// Of `request`, which is as read_request() gives it; empty: there is none.
std::string header_of(std::string_view request, std::string_view name);

/// A response of 200 with this body and a Content-Length.
std::string ok(std::string_view body);

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_BEAST_SUPPORT_SCRIPTED_SERVER_HPP
