// SPDX-License-Identifier: Apache-2.0
#include "beast/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace parley::testing_support {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("scripted server: ") + what);
}

int bound_socket(const char* address, std::uint16_t port) {
  const bool is_v6 = std::string_view(address).find(':') != std::string_view::npos;
  const int fd = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int bound = -1;
  if (is_v6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address, &to.sin6_addr);
    bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &to.sin_addr);
    bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  require(bound == 0, "cannot bind");
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  // The port is at one place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

SSL_CTX* make_context(const server_tls& options) {
  SSL_CTX* const made = SSL_CTX_new(TLS_server_method());
  const auto memory = [](const std::string& pem) {
    return std::unique_ptr<BIO, int (*)(BIO*)>(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  };
  const auto read_certificate = [&](const std::string& pem) {
    return std::unique_ptr<X509, void (*)(X509*)>(
        PEM_read_bio_X509(memory(pem).get(), nullptr, nullptr, nullptr), &X509_free);
  };
  const auto certificate = read_certificate(options.own.certificate);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(memory(options.own.key).get(), nullptr, nullptr, nullptr),
      &EVP_PKEY_free);
  require(SSL_CTX_use_certificate(made, certificate.get()) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(made, key.get()) == 1, "key");
  if (options.is_old) {
    SSL_CTX_set_security_level(made, 0);
    SSL_CTX_set_max_proto_version(made, TLS1_1_VERSION);
  }
  if (!options.client_ca.empty()) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made), read_certificate(options.client_ca).get());
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return made;
}

}  // namespace

struct peer::impl {
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* tls = nullptr;
};

peer::peer(int fd, void* tls_context) : impl_(std::make_unique<impl>()) {
  impl_->fd = fd;
  impl_->context = static_cast<SSL_CTX*>(tls_context);
}

peer::~peer() {
  if (impl_->tls != nullptr) SSL_free(impl_->tls);
  ::close(impl_->fd);
}

long peer::read(char* into, std::size_t size) {
  if (impl_->context == nullptr) return ::recv(impl_->fd, into, size, 0);
  if (impl_->tls == nullptr) {
    impl_->tls = SSL_new(impl_->context);
    SSL_set_fd(impl_->tls, impl_->fd);
    if (SSL_accept(impl_->tls) != 1) return -1;
  }
  return SSL_read(impl_->tls, into, static_cast<int>(size));
}

std::optional<std::string> peer::read_request() {
  const auto fill = [this] {
    char chunk[16384];
    const long got = read(chunk, sizeof chunk);
    if (got > 0) received_.append(chunk, static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t head = 0;
  while ((head = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  const std::string length = header_of(received_, "Content-Length");
  const std::size_t size = head + 4 + std::strtoull(length.c_str(), nullptr, 10);
  while (received_.size() < size) {
    if (!fill()) return std::nullopt;
  }
  std::string request = received_.substr(0, size);
  received_.erase(0, size);
  return request;
}

bool peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const long sent = impl_->tls != nullptr
                          ? SSL_write(impl_->tls, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(impl_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void peer::finish() {
  if (impl_->tls != nullptr) SSL_shutdown(impl_->tls);
  ::shutdown(impl_->fd, SHUT_WR);
}

void peer::cut() { ::shutdown(impl_->fd, SHUT_WR); }

void peer::reset() {
  // To disconnect resets, and leaves the descriptor to whoever may be using it.
  const linger now{1, 0};
  ::setsockopt(impl_->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::connect(impl_->fd, &nobody, sizeof nobody);
}

void peer::wait_for_end() {
  char chunk[16384];
  while (read(chunk, sizeof chunk) > 0) {
  }
}

void peer::interrupt() { ::shutdown(impl_->fd, SHUT_RDWR); }

scripted_server::scripted_server(script each, std::optional<server_tls> tls, const char* address,
                                 std::uint16_t port)
    : each_(std::move(each)), is_tls_(tls.has_value()) {
  std::signal(SIGPIPE, SIG_IGN);  // of OpenSSL, which writes without MSG_NOSIGNAL
  if (tls) {
    tls_context_ = std::shared_ptr<void>(
        make_context(*tls), [](void* made) { SSL_CTX_free(static_cast<SSL_CTX*>(made)); });
  }
  fd_ = bound_socket(address, port);
  require(::listen(fd_, 1024) == 0, "cannot listen");
  port_ = port_of(fd_);
  accepting_ = std::thread([this] { accept_all(); });
}

scripted_server::~scripted_server() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    for (const auto& one : peers_) one->interrupt();
  }
  ::shutdown(fd_, SHUT_RDWR);
  accepting_.join();
  for (std::thread& one : threads_) one.join();
  ::close(fd_);
}

void scripted_server::accept_all() {
  for (int nth = 0;; ++nth) {
    const int accepted = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (accepted < 0 || is_ending_) {
      if (accepted >= 0) ::close(accepted);
      return;
    }
    const auto one = std::make_shared<peer>(accepted, tls_context_.get());
    peers_.push_back(one);
    threads_.emplace_back([this, one, nth] {
      each_(*one, nth);
      one->finish();
      one->wait_for_end();
    });
  }
}

std::string scripted_server::url(std::string_view host) const {
  return std::string(is_tls_ ? "https://" : "http://").append(host) + ":" + std::to_string(port_);
}

int scripted_server::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(peers_.size());
}

std::uint16_t unused_port() {
  const int fd = bound_socket("127.0.0.1", 0);
  const std::uint16_t port = port_of(fd);
  ::close(fd);
  return port;
}

std::string header_of(std::string_view request, std::string_view name) {
  const std::string wanted = "\r\n" + std::string(name) + ": ";
  const std::size_t at = request.find(wanted);
  if (at == request.npos) return {};
  const std::size_t begin = at + wanted.size();
  return std::string(request.substr(begin, request.find("\r\n", begin) - begin));
}

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace parley::testing_support
