// SPDX-License-Identifier: Apache-2.0
#include <parley/idempotency_redis/asio.hpp>
#include <parley/idempotency_redis/store.hpp>

// Nothing listens there, and nothing has to: a store is made whether or not its server is there.
int main() {
  namespace redis = parley::idempotency_redis;
  const auto refused = redis::make_redis_store({.url = "gopher://127.0.0.1"});
  const auto made = redis::make_redis_store({.url = "unix:///nonexistent/redis.sock"});
  return !refused && made && redis::to_string(redis::finding::evicts) == "evicts" ? 0 : 1;
}
