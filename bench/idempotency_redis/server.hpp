// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP
#define PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace parley::bench {

enum class append_only : std::uint8_t { no, every_second, always };

struct redis_server_options {
  int replica_of = 0;  ///< a port of the loopback
  append_only appends = append_only::no;
  bool is_cluster_node = false;
  std::vector<std::string> more = {};  ///< words of a command line
};

/// A redis-server of this program's own on a free TCP port of the loopback; what it writes goes
/// into a temporary folder. It ends with the program.
class redis_server {
 public:
  /// One that is started at the first call. Throws std::runtime_error where that fails.
  static redis_server& instance();
  /// The same, and a replica of it that is in step.
  static redis_server& replicated();

  explicit redis_server(const redis_server_options& options = {});
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;
  ~redis_server();

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  int bus_port() const { return bus_port_; }

  /// A connection of hiredis, blocking. The caller frees it.
  redisContext* connect() const;
  /// The integer, or the text, of a reply.
  std::string command(const std::vector<std::string>& words) const;
  /// A line of INFO; empty where there is none.
  std::string info(std::string_view name) const;
  double number(std::string_view name) const;
  /// Returns when this one's replicas, `count` of them, have what was written by now.
  void wait_for_replicas(std::size_t count) const;

 private:
  int port_ = 0;
  int bus_port_ = 0;  ///< of a node of a cluster
  int process_ = 0;
  std::string folder_;
};

/// Masters of a Redis Cluster among which the slots are shared out evenly.
class redis_cluster {
 public:
  explicit redis_cluster(std::size_t masters);

  std::string url() const;
  const std::vector<std::unique_ptr<redis_server>>& servers() const { return servers_; }

 private:
  std::vector<std::unique_ptr<redis_server>> servers_;
};

}  // namespace parley::bench

#endif  // PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP
