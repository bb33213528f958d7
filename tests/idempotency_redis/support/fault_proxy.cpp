// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/fault_proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "idempotency_redis/support/redis_server.hpp"

namespace parley::testing_support {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t held_bytes_max = std::size_t{4} << 20;

constexpr std::size_t index_of(way to) { return static_cast<std::size_t>(to); }

class socket_handle {
 public:
  socket_handle() = default;
  explicit socket_handle(int fd) : fd_(fd) {}
  socket_handle(socket_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  socket_handle& operator=(socket_handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~socket_handle() { close(); }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger now{1, 0};
    if (fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  int fd_ = -1;
};

sockaddr_in address_of(std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return made;
}

void prepare(const socket_handle& of) {
  const int on = 1;
  ::setsockopt(of.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(of.get(), F_SETFL, O_NONBLOCK);
}

struct piece {
  clock::time_point came;
  std::string bytes;
  bool is_counted = false;  // among the delays
};

// One way of a connection.
struct lane {
  std::deque<piece> held;
  std::size_t held_bytes = 0;
  bool has_ended = false;  // its source has
};

struct connection {
  std::array<socket_handle, 2> ends;  // whom the bytes of way i go to
  std::array<lane, 2> lanes;
  bool has_hole = false;
  bool is_over = false;

  socket_handle& source(std::size_t to) { return ends[1 - to]; }
  socket_handle& target(std::size_t to) { return ends[to]; }
};

}  // namespace

class fault_proxy::impl {
 public:
  explicit impl(std::uint16_t server_port) : server_port_(server_port) {
    wake_fd_ = socket_handle(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    for (int i = 0; i < 20 && !listener_.is_open(); ++i) {
      port_ = find_free_port();
      listen();
    }
    if (!listener_.is_open()) throw std::runtime_error("fault_proxy: no port");
    thread_ = std::thread([this] { run(); });
  }
  ~impl() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      wake();
    }
    thread_.join();
  }

  // Returns when it holds.
  template <class Change>
  void change(Change what) {
    std::unique_lock lock(mutex_);
    what();
    const std::uint64_t mine = ++changes_;
    wake();
    obeyed_.wait(lock, [&] { return changes_obeyed_ >= mine; });
  }

  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    is_empty_ = false;
    wake();
    obeyed_.wait(lock, [&] { return is_empty_; });
  }

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // of what follows, down to the counts
  std::condition_variable obeyed_;
  bool ends_ = false;
  bool refuses_ = false;
  bool resets_ = false;
  bool is_blackhole_ = false;
  std::array<bool, 2> swallows_{};
  std::array<milliseconds, 2> delays_{};
  struct cut_order {
    std::size_t to;
    std::uint64_t left;
    cut how;
  };
  std::optional<cut_order> cut_;
  std::uint64_t changes_ = 0;
  std::uint64_t changes_obeyed_ = 0;
  bool is_empty_ = false;
  std::array<std::uint64_t, 2> forwarded_{};
  fault_counts counts_;

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(wake_fd_.get(), &one, sizeof one);
  }

  void listen() {
    socket_handle made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = address_of(port_);
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(made.get(), 64) == 0) {
      listener_ = std::move(made);
    }
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      obey();
      const int timeout = prepare_poll();
      lock.unlock();
      ::poll(polled_.data(), polled_.size(), timeout);
      lock.lock();
      std::uint64_t ignored;
      [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &ignored, sizeof ignored);
      if (is_blackhole_) continue;
      if (listener_.is_open()) accept();
      for (connection& each : connections_) move_bytes(each);
    }
  }

  void obey() {
    if (refuses_) {
      listener_.close();
    } else if (!listener_.is_open()) {
      listen();  // tried again with every wake-up, should the port be taken
    }
    const bool swallows = swallows_[0] || swallows_[1];
    for (connection& each : connections_) {
      if (std::exchange(each.has_hole, each.has_hole && swallows) && !swallows) reset(each);
      if (resets_) reset(each);
    }
    resets_ = false;
    connections_.remove_if([](const connection& each) { return each.is_over; });
    is_empty_ = (refuses_ || listener_.is_open()) &&
                std::ranges::all_of(connections_, [](const connection& each) {
                  return each.lanes[0].held.empty() && each.lanes[1].held.empty();
                });
    changes_obeyed_ = changes_;
    obeyed_.notify_all();
  }

  int prepare_poll() {
    polled_.assign(1, {wake_fd_.get(), POLLIN, 0});
    if (is_blackhole_) return -1;
    int timeout = listener_.is_open() || refuses_ ? -1 : 10;
    if (listener_.is_open()) polled_.push_back({listener_.get(), POLLIN, 0});
    const clock::time_point now = clock::now();
    for (connection& each : connections_) {
      std::array<short, 2> events{};
      for (std::size_t to = 0; to < 2; ++to) {
        const lane& of = each.lanes[to];
        if (!of.has_ended && of.held_bytes < held_bytes_max) events[1 - to] |= POLLIN;
        if (of.held.empty() || !each.target(to).is_open()) continue;
        const auto due = of.held.front().came + delays_[to];
        if (due <= now) {
          events[to] |= POLLOUT;
        } else {
          const auto left = std::chrono::ceil<milliseconds>(due - now).count();
          timeout =
              timeout < 0 ? static_cast<int>(left) : std::min(timeout, static_cast<int>(left));
        }
      }
      for (std::size_t i = 0; i < 2; ++i) {
        if (each.ends[i].is_open() && events[i] != 0) {
          polled_.push_back({each.ends[i].get(), events[i], 0});
        }
      }
    }
    return timeout;
  }

  void accept() {
    for (;;) {
      socket_handle client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.is_open()) return;
      socket_handle server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in address = address_of(server_port_);
      // To the same machine: at once, or not at all.
      if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0) {
        client.reset();
        continue;
      }
      prepare(client);
      prepare(server);
      connection& made = connections_.emplace_back();
      made.ends[index_of(way::to_server)] = std::move(server);
      made.ends[index_of(way::to_client)] = std::move(client);
    }
  }

  void move_bytes(connection& of) {
    for (std::size_t to = 0; to < 2 && !of.is_over; ++to) {
      read(of, to);
      write(of, to);
    }
    if (of.is_over) return;
    for (std::size_t to = 0; to < 2; ++to) {
      // What the source has sent before its end still arrives, however late.
      if (of.lanes[to].has_ended && of.lanes[to].held.empty()) {
        for (socket_handle& each : of.ends) each.close();
        of.is_over = true;
        return;
      }
    }
  }

  void read(connection& of, std::size_t to) {
    lane& through = of.lanes[to];
    while (!through.has_ended && through.held_bytes < held_bytes_max) {
      std::array<char, std::size_t{16} << 10> buffer;
      const ssize_t got = ::recv(of.source(to).get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) {
        through.has_ended = true;
        drop(of.lanes[1 - to]);
        return;
      }
      if (of.lanes[1 - to].has_ended) continue;  // nobody is left to read it
      if (swallows_[to]) {
        ++counts_.swallowed;
        of.has_hole = true;
        continue;
      }
      through.held_bytes += static_cast<std::size_t>(got);
      through.held.push_back({clock::now(), {buffer.data(), static_cast<std::size_t>(got)}});
    }
  }

  void write(connection& of, std::size_t to) {
    lane& through = of.lanes[to];
    while (!through.held.empty()) {
      piece& next = through.held.front();
      if (next.came + delays_[to] > clock::now()) {
        if (!std::exchange(next.is_counted, true)) ++counts_.delays;
        return;
      }
      std::string_view bytes = next.bytes;
      const bool is_cut = cut_ && cut_->to == to && cut_->left < bytes.size();
      if (is_cut) bytes = bytes.substr(0, cut_->left);
      const ssize_t sent =
          bytes.empty() ? 0 : ::send(of.target(to).get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        of.lanes[1 - to].has_ended = true;
        drop(through);
        return;
      }
      const auto size = static_cast<std::size_t>(sent);
      forwarded_[to] += size;
      through.held_bytes -= size;
      if (cut_ && cut_->to == to) cut_->left -= size;
      if (is_cut && size == bytes.size()) {
        end(of, cut_->how);
        ++counts_.cuts;
        cut_.reset();
        return;
      }
      if (size < next.bytes.size()) {
        next.bytes.erase(0, size);
      } else {
        through.held.pop_front();
      }
    }
  }

  static void drop(lane& of) {
    of.held.clear();
    of.held_bytes = 0;
  }

  void reset(connection& of) {
    if (of.is_over) return;
    end(of, cut::reset);
    ++counts_.resets;
  }

  static void end(connection& of, cut how) {
    for (socket_handle& each : of.ends) {
      if (how == cut::reset) {
        each.reset();
      } else {
        ::shutdown(each.get(), SHUT_WR);
        each.close();
      }
    }
    of.is_over = true;
  }

  // Of the thread alone.
  socket_handle wake_fd_;
  socket_handle listener_;
  std::list<connection> connections_;
  std::vector<pollfd> polled_;
  std::thread thread_;
};

fault_proxy::fault_proxy(std::uint16_t server_port) : impl_(std::make_unique<impl>(server_port)) {}
fault_proxy::~fault_proxy() = default;

std::uint16_t fault_proxy::port() const { return impl_->port_; }
std::string fault_proxy::url() const { return "redis://127.0.0.1:" + std::to_string(port()); }

void fault_proxy::refuse(bool is_on) {
  impl_->change([&] {
    if (is_on && !impl_->refuses_) ++impl_->counts_.refusals;
    impl_->refuses_ = is_on;
  });
}
void fault_proxy::reset_all() {
  impl_->change([&] { impl_->resets_ = true; });
}
void fault_proxy::delay(way to, milliseconds by) {
  impl_->change([&] { impl_->delays_[index_of(to)] = by; });
}
void fault_proxy::swallow(way to, bool is_on) {
  impl_->change([&] { impl_->swallows_[index_of(to)] = is_on; });
}
void fault_proxy::blackhole(bool is_on) {
  impl_->change([&] {
    if (is_on && !impl_->is_blackhole_) ++impl_->counts_.blackholes;
    impl_->is_blackhole_ = is_on;
  });
}
void fault_proxy::cut_after(way to, std::uint64_t bytes, cut how) {
  impl_->change([&] { impl_->cut_ = {index_of(to), bytes, how}; });
}
void fault_proxy::calm() {
  impl_->change([&] {
    impl_->refuses_ = impl_->is_blackhole_ = false;
    impl_->swallows_ = {};
    impl_->delays_ = {};
    impl_->cut_.reset();
  });
  impl_->wait_until_empty();
}

std::uint64_t fault_proxy::forwarded(way to) const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->forwarded_[index_of(to)];
}
fault_counts fault_proxy::counts() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->counts_;
}

}  // namespace parley::testing_support
