// SPDX-License-Identifier: Apache-2.0
//
// Time and a network that exist only in here: one event after another, every choice from one seed.
//
// Processes go by number. One that is paused does nothing until it goes on; what was killed has
// lost its connections. A connection keeps the order of its bytes, as TCP does; between connections
// there is none. Bytes under way when their sender closes still arrive.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_NETWORK_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_NETWORK_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/support/history.hpp"

namespace parley::testing_support::simulator {

using sim_time = history_time;

/// SplitMix64: small, and good enough to choose faults.
class random_stream {
 public:
  random_stream(std::uint64_t seed, std::uint64_t stream) : state_(seed) {
    state_ = next() ^ (stream * 0xd1b5'4a32'd192'ed03);
  }
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  bool chance(unsigned percent) { return below(100) < percent; }
  sim_time time(sim_time from, sim_time to) {
    return from + sim_time(static_cast<std::int64_t>(
                      below(static_cast<std::uint64_t>((to - from).count()) + 1)));
  }

 private:
  std::uint64_t state_;
};

class events {
 public:
  sim_time now() const { return now_; }
  void at(sim_time when, std::function<void()> what);
  /// False: there are none until then.
  bool run_one(sim_time end);

 private:
  struct event {
    sim_time when;
    std::uint64_t number;  // those of one time in the order in which they were asked for
    std::function<void()> what;
  };
  struct later {
    bool operator()(const event& a, const event& b) const {
      return a.when != b.when ? a.when > b.when : a.number > b.number;
    }
  };
  std::vector<event> heap_;
  std::uint64_t count_ = 0;
  sim_time now_{0};
};

enum class way : std::uint8_t { to_server, to_client };

/// What a connection's ends are told.
class end_point {
 public:
  virtual void on_bytes(std::string_view bytes) = 0;
  /// The other end has closed, or the connection broke.
  virtual void on_closed() = 0;

 protected:
  ~end_point() = default;
};

class network;

class connection {
 public:
  int client = 0;
  int server = 0;
  /// Null: that end has closed.
  std::array<end_point*, 2> ends{};

 private:
  friend class network;
  struct direction {
    std::deque<std::string> under_way;
    sim_time last{0};
    bool is_swallowed = false;
    std::size_t left = SIZE_MAX;  // bytes until the connection is cut
  };
  std::array<direction, 2> ways_;
  bool is_broken_ = false;
};
using connection_ref = std::shared_ptr<connection>;

class network {
 public:
  network(events& time, random_stream random, std::size_t processes)
      : time_(time), random_(random), processes_(processes) {}

  // ---- Processes

  bool is_alive(int process) const { return at(process).is_alive; }
  void kill(int process);
  void start(int process) { at(process).is_alive = true; }
  void pause(int process, sim_time until) { at(process).paused_until = until; }
  bool is_paused(int process) const { return at(process).paused_until > time_.now(); }
  /// Runs `what` in `process` then, or when it goes on; not if it was killed meanwhile.
  void in_process(int process, sim_time when, std::function<void()> what);

  // ---- Ways

  /// Cuts the processes that are named off from all others.
  void cut_off(std::uint64_t mask) { island_ = mask; }
  bool is_apart(int a, int b) const {
    return ((island_ >> a & 1) != 0) != ((island_ >> b & 1) != 0);
  }
  bool reaches(int a, int b) const { return is_alive(a) && is_alive(b) && !is_apart(a, b); }
  void slow_down(sim_time until, sim_time by) {
    slow_until_ = until;
    slow_by_ = by;
  }
  sim_time delay();

  // ---- Connections

  /// `accept(connection)` of the server's process gives its end; then, or when it failed (null),
  /// `done` runs in the client's. Nothing of it comes where the ways are apart.
  void connect(int client, int server, std::function<end_point*(const connection_ref&)> accept,
               std::function<void(connection_ref)> done);
  /// It may come in two pieces.
  void send(const connection_ref& on, way to, std::string bytes);
  /// By the end that `to` leads away from.
  void close(const connection_ref& on, way to);

  // Faults of connections of `client`, chosen at random; false: there is none.
  bool swallow(int client, way to);
  bool cut_after(int client, way to, std::size_t bytes);
  bool reset(int client);
  /// What is swallowed is not any more: its connections break.
  void heal();

 private:
  struct life {
    bool is_alive = true;
    unsigned number = 0;
    sim_time paused_until{0};
  };
  life& at(int of) { return processes_[static_cast<std::size_t>(of)]; }
  const life& at(int of) const { return processes_[static_cast<std::size_t>(of)]; }
  void send_piece(const connection_ref& on, way to, std::string bytes);
  void deliver(const connection_ref& on, way to);
  void answer_reset(const connection_ref& on, way to);
  void break_down(const connection_ref& on);
  void tell_closed(const connection_ref& on, way to);
  connection_ref pick(int client);

  events& time_;
  random_stream random_;
  std::vector<life> processes_;
  std::vector<std::weak_ptr<connection>> all_;
  std::uint64_t island_ = 0;
  sim_time slow_until_{0};
  sim_time slow_by_{0};
};

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_NETWORK_HPP
