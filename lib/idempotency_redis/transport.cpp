// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/transport.hpp"

#include <openssl/ssl.h>

#include <memory>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace parley::idempotency_redis {
namespace {

namespace asio = boost::asio;

bool is_address(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

result<std::shared_ptr<asio::ssl::context>, std::string> make_tls_context(
    const endpoint& to, const tls_options& options) {
  if (!to.is_tls) return std::shared_ptr<asio::ssl::context>();
  auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  boost::system::error_code error;
  made->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                        asio::ssl::context::no_tlsv1_1,
                    error);
  made->set_verify_mode(asio::ssl::verify_peer, error);
  const auto cannot_read = [](const std::string& file) {
    return failure{std::string("tls: cannot use the file ").append(file)};
  };
  if (options.authorities_file.empty()) {
    made->set_default_verify_paths(error);
    if (error) return failure{std::string("tls: the system has no authorities")};
  } else {
    made->load_verify_file(options.authorities_file, error);
    if (error) return cannot_read(options.authorities_file);
  }
  if (options.certificate_file.empty() != options.private_key_file.empty()) {
    return failure{std::string("tls: a certificate and a private key go together")};
  }
  if (!options.certificate_file.empty()) {
    made->use_certificate_chain_file(options.certificate_file, error);
    if (error) return cannot_read(options.certificate_file);
    made->use_private_key_file(options.private_key_file, asio::ssl::context::pem, error);
    if (error) return cannot_read(options.private_key_file);
  }
  return made;
}

void transport::connect(const endpoint& to, std::string server_name, std::shared_ptr<void> keep,
                        connect_handler done) {
  server_name_ = std::move(server_name);
  done_ = std::move(done);
  if (to.is_unix) {
    endpoints_.emplace_back(asio::local::stream_protocol::endpoint(to.host));
    try_endpoint(0, std::move(keep));
    return;
  }
  error_code is_name;
  if (const auto address = asio::ip::make_address(to.host, is_name); !is_name) {
    endpoints_.emplace_back(asio::ip::tcp::endpoint(address, to.port));
    try_endpoint(0, std::move(keep));
    return;
  }
  resolver_.async_resolve(
      to.host, std::to_string(to.port), asio::ip::resolver_base::numeric_service,
      [this, keep = std::move(keep)](error_code error,
                                     const asio::ip::tcp::resolver::results_type& found) {
        if (error || is_closed_) {
          done_(error ? error : asio::error::operation_aborted, disconnect_reason::resolve);
          return;
        }
        for (const auto& each : found) endpoints_.emplace_back(each.endpoint());
        try_endpoint(0, keep);
      });
}

void transport::try_endpoint(std::size_t index, std::shared_ptr<void> keep) {
  const auto& to = endpoints_[index];
  socket_.async_connect(to, [this, index, keep = std::move(keep)](error_code error) {
    if (!error && !is_closed_) {
      on_connected(keep);
      return;
    }
    if (!is_closed_ && index + 1 < endpoints_.size()) {
      error_code ignored;
      socket_.close(ignored);
      try_endpoint(index + 1, keep);
      return;
    }
    done_(error ? error : asio::error::operation_aborted, disconnect_reason::connect);
  });
}

void transport::on_connected(std::shared_ptr<void> keep) {
  error_code error;
  if (endpoints_.front().protocol().family() != AF_UNIX) {
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    socket_.set_option(asio::socket_base::keep_alive(true), error);
  }
  if (!stream_) {
    done_({}, disconnect_reason::connect);
    return;
  }
  // An address is not sent as a name (RFC 6066, 3), but the certificate has to have it.
  if (!is_address(server_name_)) {
    SSL_set_tlsext_host_name(stream_->native_handle(), server_name_.c_str());
  }
  stream_->set_verify_callback(asio::ssl::host_name_verification(server_name_), error);
  stream_->async_handshake(
      asio::ssl::stream_base::client,
      [this, keep = std::move(keep)](error_code failed) { done_(failed, disconnect_reason::tls); });
}

void transport::close() noexcept {
  is_closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  try {
    resolver_.cancel();
  } catch (...) {  // it then ends by itself
  }
}

}  // namespace parley::idempotency_redis
