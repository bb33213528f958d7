// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/idempotency_redis.md. There is no such server: a store is made all the
// same.

#include "parley/idempotency_redis/store.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "parley/http/guard.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/timer.hpp"

namespace http = parley::http;
namespace idempotency = parley::idempotency;
namespace idempotency_redis = parley::idempotency_redis;

namespace {

bool fail(const std::string&) { return false; }

bool make_guard(const std::string& password) {
  auto digests = idempotency::digester::random();
  auto records =
      idempotency_redis::make_redis_store({.url = "rediss://redis:6379/2", .password = password});
  if (!records) return fail(records.error());
  const auto timer = idempotency::make_thread_timer();
  const auto engine = idempotency::make_engine(**records, **timer);
  const http::guard guard(**engine,
                          *std::move(digests));  // digester::from_key: the same in each process
  return true;
}

TEST(IdempotencyRedis, AGuard) { EXPECT_TRUE(make_guard("secret")); }

}  // namespace
