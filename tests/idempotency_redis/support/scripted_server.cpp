// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "idempotency_redis/support/redis_server.hpp"

namespace parley::testing_support {
namespace {

// Takes the first command, an array of bulk strings, off `bytes`. Empty: it is not whole yet.
std::vector<std::string> take_command(std::string& bytes) {
  std::size_t at = 0;
  const auto read_number = [&](std::size_t& number) {
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) return false;
    number = std::stoul(bytes.substr(at + 1, end - at - 1));
    at = end + 2;
    return true;
  };
  std::size_t count = 0;
  if (!read_number(count)) return {};
  std::vector<std::string> words;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t size = 0;
    if (!read_number(size) || bytes.size() < at + size + 2) return {};
    words.push_back(bytes.substr(at, size));
    at += size + 2;
  }
  bytes.erase(0, at);
  return words;
}

}  // namespace

std::string bulk_reply(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string to_reply(const scripted_info& info) {
  return bulk_reply("# Server\r\nredis_version:" + info.version + "\r\n# Memory\r\nmaxmemory:" +
                    info.maxmemory + "\r\nmaxmemory_policy:" + info.maxmemory_policy +
                    "\r\n# Persistence\r\naof_enabled:" + info.aof_enabled +
                    "\r\n# Replication\r\nrole:" + info.role +
                    "\r\nconnected_slaves:" + info.connected_slaves + "\r\n");
}

class scripted_server::impl {
 public:
  impl(answer to_operations, std::string greeting)
      : answer_(std::move(to_operations)), greeting_(std::move(greeting)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 20 && port_ == 0; ++i) {
      const std::uint16_t wanted = find_free_port();
      address.sin_port = htons(wanted);
      if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        port_ = wanted;
      }
    }
    if (port_ == 0 || ::listen(listener_, 16) != 0 || ::pipe2(stop_, O_CLOEXEC) != 0) {
      throw std::runtime_error("scripted_server: no port");
    }
    thread_ = std::thread([this] { run(); });
  }
  ~impl() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    ::close(listener_);
  }

  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::size_t> operations_ = 0;
  std::mutex mutex_;
  std::string info_ = to_reply(scripted_info{});

 private:
  // One connection at a time: a store has no more.
  void run() {
    for (;;) {
      std::array<pollfd, 2> waiting{{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}}};
      ::poll(waiting.data(), waiting.size(), -1);
      if (waiting[0].revents != 0) return;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      ++connections_;
      send(connection, greeting_);
      const bool goes_on = serve(connection);
      ::close(connection);
      if (!goes_on) return;
    }
  }

  bool serve(int connection) {
    std::string bytes;
    for (;;) {
      std::array<pollfd, 2> waiting{{{stop_[0], POLLIN, 0}, {connection, POLLIN, 0}}};
      ::poll(waiting.data(), waiting.size(), -1);
      if (waiting[0].revents != 0) return false;
      std::array<char, 16384> buffer;
      const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
      if (got <= 0) return true;
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
      if (!answer_) continue;  // it says nothing but its greeting
      for (auto words = take_command(bytes); !words.empty(); words = take_command(bytes)) {
        send(connection, reply_to(words));
      }
    }
  }

  std::string reply_to(const std::vector<std::string>& words) {
    if (words[0] == "AUTH" || words[0] == "SELECT") return "+OK\r\n";
    if (words[0] == "INFO") {
      const std::lock_guard lock(mutex_);
      return info_;
    }
    ++operations_;
    return answer_(words);
  }

  static void send(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  const answer answer_;
  const std::string greeting_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

scripted_server::scripted_server(answer to_operations, std::string greeting)
    : impl_(std::make_unique<impl>(std::move(to_operations), std::move(greeting))) {}
scripted_server::~scripted_server() = default;

void scripted_server::answer_info(std::string reply) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->info_ = std::move(reply);
}
std::string scripted_server::url() const {
  return "redis://127.0.0.1:" + std::to_string(impl_->port_);
}
std::size_t scripted_server::connections() const { return impl_->connections_; }
std::size_t scripted_server::operations() const { return impl_->operations_; }

}  // namespace parley::testing_support
