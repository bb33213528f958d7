// SPDX-License-Identifier: Apache-2.0
//
// A client that sends the bytes it is told to, well-formed or not, and reads responses. Blocking,
// with a bound on every read, so that a server that hangs is a failed test and not a stuck one.

#ifndef PARLEY_TESTS_SUPPORT_RAW_CLIENT_HPP
#define PARLEY_TESTS_SUPPORT_RAW_CLIENT_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::testing_support {

struct raw_response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::optional<std::string> header(std::string_view name) const {
    const auto lower = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
    for (const auto& [key, value] : headers) {
      if (std::ranges::equal(key, name, {}, lower, lower)) return value;
    }
    return std::nullopt;
  }
};

class raw_client {
 public:
  explicit raw_client(std::uint16_t port, int timeout_seconds = 20) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval timeout{timeout_seconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  raw_client(raw_client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}
  raw_client& operator=(raw_client&&) = delete;
  ~raw_client() { close(); }

  bool is_connected() const { return connected_; }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Ends with a reset instead of a FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  /// False: the server no longer takes it. See timed_out().
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      timed_out_ = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next response, interim ones too; none: the connection ended or nothing came in time.
  /// `of_head`: it answers a HEAD, so no body follows.
  std::optional<raw_response> read(bool of_head = false) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return std::nullopt;
    }
    raw_response response;
    std::string_view head = std::string_view(buffer_).substr(0, end);
    response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
    for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;) {
      head.remove_prefix(line + 2);
      const std::string_view each = head.substr(0, head.find("\r\n"));
      const std::size_t colon = each.find(": ");
      response.headers.emplace_back(each.substr(0, colon), each.substr(colon + 2));
      line = head.find("\r\n");
    }
    buffer_.erase(0, end + 4);
    if (of_head || response.status == 204 || response.status < 200) return response;
    const auto length = response.header("Content-Length");
    if (!length) return std::nullopt;
    const std::size_t size = std::strtoull(length->c_str(), nullptr, 10);
    while (buffer_.size() < size) {
      if (!fill()) return std::nullopt;
    }
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return response;
  }

  std::optional<raw_response> roundtrip(std::string_view bytes) {
    send(bytes);
    return read();
  }

  /// The last send ended because the server took nothing for so long, not because it ended.
  bool timed_out() const { return timed_out_; }

  /// Whether anything can be read at once.
  bool has_data() const {
    char byte;
    return !buffer_.empty() || ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  /// As roundtrip(); a response that does not come is one with status 0.
  raw_response ask(std::string_view bytes) { return roundtrip(bytes).value_or(raw_response{}); }

  /// All that comes until the server ends the connection (`was_reset`: by a reset). None: it does
  /// not end it in time.
  struct rest {
    std::string bytes;
    bool was_reset = false;
  };
  std::optional<rest> read_rest() {
    while (fill()) {
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return rest{std::exchange(buffer_, {}), errno == ECONNRESET};
  }

  /// Whether the server ends the connection, and sends nothing more before.
  bool reads_end() {
    if (!buffer_.empty()) return false;
    char byte;
    for (;;) {
      const ssize_t got = ::recv(fd_, &byte, 1, 0);
      if (got == 0) return true;
      return got < 0 && errno == ECONNRESET;
    }
  }

 private:
  bool fill() {
    char chunk[16384];
    errno = 0;
    const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string buffer_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_SUPPORT_RAW_CLIENT_HPP
