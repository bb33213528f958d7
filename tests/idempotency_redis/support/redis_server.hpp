// SPDX-License-Identifier: Apache-2.0
//
// A redis-server of the test's own, and the faults that a process can have.
//
//   redis_server server({.appends = append_only::always});
//   auto records = make_redis_store({.url = server.url()});
//   server.kill9();
//   server.restart();  // over the same folder, on the same port
//
// Constructors and members throw std::runtime_error with a sentence where the server does not do
// what it was told to: a test that needs a server fails without one. A server dies with the thread
// that made it.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_SERVER_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_SERVER_HPP

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace parley::testing_support {

/// Where nothing listens now, below the ports that the system gives to connections: a client that
/// knocks at one again and again is not connected to itself.
std::uint16_t find_free_port();

/// A folder of its own under that of the system, removed with all that is in it.
class temporary_folder {
 public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

enum class append_only : std::uint8_t { no, every_second, always };
enum class redis_kind : std::uint8_t { server, sentinel, cluster_node };

/// Polls until it holds; false: not in time.
template <class Condition>
bool wait_until(Condition holds, std::chrono::seconds patience = std::chrono::seconds(90)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct redis_server_options {
  redis_kind kind = redis_kind::server;
  std::string address = "127.0.0.1";
  /// A descriptor of the network namespace that it lives in, outliving it. -1: the caller's. The
  /// members below reach a server in another one over its unix socket.
  int network = -1;
  append_only appends = append_only::no;
  std::string password = {};
  bool has_unix_socket = false;
  /// PEM files; where they are named the server listens for TLS, too.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  /// Not empty: clients need a certificate of these authorities.
  std::string tls_client_authorities_file = {};
  std::uint16_t replica_of = 0;  ///< a port of 127.0.0.1
  /// The server's clock stands still but for advance_clock().
  bool has_manual_clock = false;
  std::vector<std::string> config = {};  ///< more lines of redis.conf
};

struct redis_reply {
  enum class kind : std::uint8_t { status, error, integer, bulk, nil, array };
  kind what = kind::nil;
  std::string text;
  std::int64_t integer = 0;
  std::vector<redis_reply> elements;
};

class redis_server {
 public:
  /// Returns when the server answers PING.
  explicit redis_server(redis_server_options options = {});
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;
  ~redis_server();

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }  ///< 0: none
  std::uint16_t bus_port() const { return bus_port_; }  ///< of a cluster's node
  const std::string& address() const { return options_.address; }
  std::string url() const;
  std::string socket_path() const { return (folder_.path() / "socket").string(); }
  const std::filesystem::path& folder() const { return folder_.path(); }

  void kill9();
  void terminate();
  void stop();  ///< SIGSTOP
  void cont();  ///< SIGCONT
  void restart();
  bool is_running() const { return process_ > 0; }
  /// Neither killed nor stopped.
  bool is_awake() const { return is_running() && !is_stopped_; }

  /// Ahead, or back.
  void advance_clock(std::chrono::milliseconds by);

  /// Over a connection of its own, as the default user; an error reply is thrown.
  redis_reply command(const std::vector<std::string>& words) const;
  /// The same, an error reply returned.
  redis_reply try_command(const std::vector<std::string>& words) const;
  /// A line of INFO.
  std::string info(std::string_view name) const;
  /// Waits until every replica of this one, `count` of them, has what was written by now.
  void wait_for_replicas(unsigned count) const;

 private:
  bool has_unix_socket() const { return options_.has_unix_socket || options_.network >= 0; }
  void make_clock();
  std::string clock_file() const { return (folder_.path() / "clock").string(); }
  void write_config() const;
  void start();
  bool wait_until_ready();
  void send_signal(int signal) const;
  void end(int signal);
  std::string log_end() const;

  redis_server_options options_;
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t bus_port_ = 0;
  pid_t process_ = 0;
  bool is_stopped_ = false;
  volatile std::int64_t* clock_ = nullptr;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_SERVER_HPP
