// SPDX-License-Identifier: Apache-2.0
//
// How a client gets a connection, and its bytes over it.

#ifndef PARLEY_LIB_BEAST_CLIENT_CONNECTION_HPP
#define PARLEY_LIB_BEAST_CLIENT_CONNECTION_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include "beast/client_url.hpp"

namespace parley::beast {

// All of a client happens on its strand, whatever threads run the context.
using client_executor = boost::asio::strand<boost::asio::any_io_executor>;
using client_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, client_executor>;
using client_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>,
                                      client_executor>;

/// Finds the addresses of a host, and connects to the first that answers: the next is tried when
/// one has failed or has not answered for a while (RFC 8305).
class dialer : public std::enable_shared_from_this<dialer> {
 public:
  using error_code = boost::system::error_code;

  dialer(const client_executor& executor, const origin& to)
      : resolver_(executor), next_(executor), to_(to) {}

  /// `done` is called once, not from here, unless stop() comes before.
  void start(std::function<void()> done);
  /// At once, though a name may still be looked up by the system: that cannot be stopped.
  void stop();

  bool is_done() const noexcept { return is_done_; }
  /// Once done: the connection, or std::nullopt and why().
  std::optional<client_socket>& socket() noexcept { return connected_; }
  const std::string& why() const noexcept { return why_; }

 private:
  using endpoint = boost::asio::ip::tcp::endpoint;

  void try_all(std::vector<endpoint> found);
  void try_next();
  void end();

  boost::asio::ip::basic_resolver<boost::asio::ip::tcp, client_executor> resolver_;
  client_timer next_;  // when it fires, the next address is tried
  origin to_;
  std::function<void()> done_;
  std::vector<endpoint> endpoints_;
  std::vector<client_socket> sockets_;  // of the endpoints tried so far
  std::size_t failed_ = 0;
  std::optional<client_socket> connected_;
  std::string why_;
  bool is_done_ = false;
};

class connection {
 public:
  using error_code = boost::system::error_code;

  /// `tls`: null for none.
  connection(client_socket socket, boost::asio::ssl::context* tls);

  bool is_tls() const noexcept { return tls_.has_value(); }
  SSL* native_tls() { return tls_->native_handle(); }

  template <class CompletionToken>
  auto async_handshake(CompletionToken&& token) {
    return tls_->async_handshake(boost::asio::ssl::stream_base::client,
                                 std::forward<CompletionToken>(token));
  }

  template <class CompletionToken>
  auto async_read_some(boost::asio::mutable_buffer into, CompletionToken&& token) {
    using boost::asio::async_initiate;
    return async_initiate<CompletionToken, void(error_code, std::size_t)>(
        [this, into](auto handler) {
          if (tls_) {
            tls_->async_read_some(into, std::move(handler));
          } else {
            socket_.async_read_some(into, std::move(handler));
          }
        },
        token);
  }

  using buffers = std::array<boost::asio::const_buffer, 2>;
  template <class Handler>
  void async_write(const buffers& from, Handler&& handler) {
    if (tls_) {
      boost::asio::async_write(*tls_, from, std::forward<Handler>(handler));
    } else {
      boost::asio::async_write(socket_, from, std::forward<Handler>(handler));
    }
  }
  /// Writes what it can at once; 0 with TLS, which cannot go back.
  std::size_t write_now(const buffers& from);

  /// Whether it is open and nothing was received that is not read. Looks, and does not wait.
  bool is_quiet();
  /// Ends what is under way with an error.
  void close() noexcept;
  /// Of a connection that nothing is under way on: the peer is told (RFC 8446, 6.1).
  void say_goodbye() noexcept;

  std::chrono::steady_clock::time_point idle_since{};
  std::string input;  // what was read last

 private:
  client_socket socket_;
  std::optional<boost::asio::ssl::stream<client_socket&>> tls_;
};

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_CONNECTION_HPP
