// SPDX-License-Identifier: Apache-2.0
#include "beast/client_connection.hpp"

#include <algorithm>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

namespace parley::beast {
namespace {

namespace asio = boost::asio;

// RFC 8305, 8: Connection Attempt Delay.
constexpr std::chrono::milliseconds next_address_after{250};

// RFC 8305, 4: the families take turns, in the resolver's order within each.
template <class Endpoint>
std::vector<Endpoint> interleave(const std::vector<Endpoint>& found) {
  std::vector<Endpoint> first;
  std::vector<Endpoint> second;
  for (const Endpoint& each : found) {
    (each.protocol() == found.front().protocol() ? first : second).push_back(each);
  }
  std::vector<Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

}  // namespace

void dialer::start(std::function<void()> done) {
  done_ = std::move(done);
  if (to_.is_address) {
    asio::post(next_.get_executor(), [self = shared_from_this()] {
      error_code ignored;  // parse_base_url() has read it
      self->try_all({{asio::ip::make_address(self->to_.host, ignored), self->to_.port}});
    });
    return;
  }
  resolver_.async_resolve(to_.host, std::to_string(to_.port),
                          asio::ip::resolver_base::numeric_service,
                          [self = shared_from_this()](error_code error, const auto& found) {
                            if (self->is_done_) return;
                            if (error) {
                              self->why_ = "resolve: " + error.message();
                              return self->end();
                            }
                            std::vector<endpoint> endpoints;
                            for (const auto& each : found) endpoints.push_back(each.endpoint());
                            interleave(endpoints);
                            self->try_all(std::move(endpoints));
                          });
}

void dialer::try_all(std::vector<endpoint> found) {
  if (is_done_) return;
  endpoints_ = std::move(found);
  sockets_.reserve(endpoints_.size());  // they do not move while they connect
  try_next();
}

void dialer::try_next() {
  if (sockets_.size() == endpoints_.size()) return;
  const std::size_t index = sockets_.size();
  sockets_.emplace_back(next_.get_executor());
  sockets_[index].async_connect(endpoints_[index],
                                [self = shared_from_this(), index](error_code error) {
                                  if (self->is_done_) return;
                                  if (!error) {
                                    self->connected_ = std::move(self->sockets_[index]);
                                    return self->end();
                                  }
                                  self->why_ = "connect: " + error.message();
                                  if (++self->failed_ == self->endpoints_.size())
                                    return self->end();
                                  self->try_next();
                                });
  // Also where one has failed: the wait for the one before it is over.
  next_.expires_after(next_address_after);
  next_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->is_done_) self->try_next();
  });
}

void dialer::end() {
  const auto done = std::exchange(done_, nullptr);
  stop();
  done();
}

void dialer::stop() {
  is_done_ = true;
  done_ = nullptr;
  resolver_.cancel();
  next_.cancel();
  error_code ignored;
  for (client_socket& each : sockets_) each.close(ignored);
}

connection::connection(client_socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // So that is_quiet() and write_now() can look at it without waiting.
  socket_.non_blocking(true, ignored);
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

std::size_t connection::write_now(const buffers& from) {
  if (tls_) return 0;
  error_code ignored;  // the rest is written as ever, and fails as ever
  return socket_.write_some(from, ignored);
}

bool connection::is_quiet() {
  // With TLS it reads: what stands before a byte, as a session ticket does, is no byte. Bytes that
  // the stream had received before are looked at first.
  char byte = 0;
  error_code error;
  if (tls_) {
    tls_->read_some(asio::buffer(&byte, 1), error);
  } else {
    socket_.receive(asio::buffer(&byte, 1), client_socket::message_peek, error);
  }
  return error == asio::error::would_block || error == asio::error::try_again;
}

void connection::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
}

void connection::say_goodbye() noexcept {
  error_code ignored;
  if (tls_ && socket_.is_open()) tls_->shutdown(ignored);
  close();
}

}  // namespace parley::beast
