// SPDX-License-Identifier: Apache-2.0
//
// A connection's bytes: TCP or a unix socket, with TLS or without.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_TRANSPORT_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_TRANSPORT_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include "idempotency_redis/url.hpp"
#include "parley/core/result.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// Reads the files. None where the endpoint has no TLS. The error names the file.
result<std::shared_ptr<boost::asio::ssl::context>, std::string> make_tls_context(
    const endpoint& to, const tls_options& options);

class transport {
 public:
  using error_code = boost::system::error_code;
  using connect_handler = std::function<void(error_code, disconnect_reason)>;

  /// `tls` may be null. All handlers run on `executor`, which runs one at a time.
  transport(const boost::asio::any_io_executor& executor,
            std::shared_ptr<boost::asio::ssl::context> tls)
      : tls_(std::move(tls)), resolver_(executor), socket_(executor) {
    if (tls_) stream_.emplace(socket_, *tls_);
  }

  /// `done` is called once, with no error or with one and its step, unless the executor's context
  /// ends before. What waits for it holds `keep`, which holds *this.
  void connect(const endpoint& to, std::string server_name, std::shared_ptr<void> keep,
               connect_handler done);

  template <class Handler>
  void read_some(boost::asio::mutable_buffer into, Handler&& handler) {
    if (stream_) {
      stream_->async_read_some(into, std::forward<Handler>(handler));
    } else {
      socket_.async_read_some(into, std::forward<Handler>(handler));
    }
  }
  template <class Handler>
  void write(boost::asio::const_buffer from, Handler&& handler) {
    if (stream_) {
      boost::asio::async_write(*stream_, from, std::forward<Handler>(handler));
    } else {
      boost::asio::async_write(socket_, from, std::forward<Handler>(handler));
    }
  }
  /// Ends what is under way with an error. Without a TLS goodbye: nothing is lost by it.
  void close() noexcept;

 private:
  using endpoints = std::vector<boost::asio::generic::stream_protocol::endpoint>;
  void try_endpoint(std::size_t index, std::shared_ptr<void> keep);
  void on_connected(std::shared_ptr<void> keep);

  std::shared_ptr<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::generic::stream_protocol::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::generic::stream_protocol::socket&>> stream_;
  endpoints endpoints_;
  std::string server_name_;
  connect_handler done_;
  bool is_closed_ = false;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_TRANSPORT_HPP
