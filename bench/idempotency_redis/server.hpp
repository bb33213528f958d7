// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP
#define PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP

#include <string>
#include <vector>

struct redisContext;

namespace parley::bench {

/// A redis-server of this program's own: nothing on disk, on a free TCP port of the loopback.
/// It ends with the program.
class redis_server {
 public:
  /// One that is started at the first call. Throws std::runtime_error where that fails.
  static redis_server& instance();
  /// The same, and a replica of it that is in step.
  static redis_server& replicated();

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  /// A connection of hiredis, blocking. The caller frees it.
  redisContext* connect() const;
  /// The integer, or the text, of a reply.
  std::string command(const std::vector<std::string>& words) const;

  ~redis_server();

 private:
  explicit redis_server(int replica_of = 0);
  int port_ = 0;
  int process_ = 0;
  std::string folder_;
};

}  // namespace parley::bench

#endif  // PARLEY_BENCH_IDEMPOTENCY_REDIS_SERVER_HPP
