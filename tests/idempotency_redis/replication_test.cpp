// SPDX-License-Identifier: Apache-2.0
//
// wait_replicas: what is acknowledged is where a replica would be promoted.

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_status;
using idempotency::store_errc;
using idempotency::store_failure;
using idempotency::write_status;
namespace ops = idempotency::ops;

redis_store_options waiting(redis_store_options options) {
  options.wait_replicas = 1;
  return options;
}
redis_store_options waiting_long(const redis_server& server) {
  redis_store_options options = waiting(patient(server.url()));
  options.wait_timeout = 10s;
  return options;
}
redis_store_options waiting_shortly(const redis_server& server) {
  redis_store_options options = waiting(patient(server.url()));
  options.wait_timeout = 50ms;
  return options;
}

void expect_unknown(const char* what, bool failed, const store_failure& failure) {
  EXPECT_TRUE(failed) << what;
  EXPECT_EQ(failure.why, store_errc::unavailable) << what;
  EXPECT_TRUE(failure.is_retryable) << what;
  EXPECT_FALSE(failure.is_outcome_known) << what;
}
void expect_unknown(const char* what, const ops::claim_answer& said) {
  expect_unknown(what, said.status == claim_status::failed, said.failure);
}
void expect_unknown(const char* what, const ops::write_answer& said) {
  expect_unknown(what, said.status == write_status::failed, said.failure);
}

struct Replication : testing::Test {
  redis_server server;
  redis_server replica{{.replica_of = server.port()}};
  Replication() { server.wait_for_replicas(1); }

  std::string value(const redis_server& of) const { return of.command({"GET", key_name(1)}).text; }
};

TEST_F(Replication, WhatIsAnsweredIsOnTheReplica) {
  const observed_store store(waiting_long(server));
  const auto expect_there = [&](const char* what) {
    EXPECT_FALSE(value(server).empty());
    EXPECT_EQ(value(replica), value(server)) << what;
  };
  ASSERT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  expect_there("claim");
  ASSERT_EQ(ops::renew(*store, {.lease = 29'000ms}).status, write_status::applied);
  expect_there("renew");
  ASSERT_EQ(ops::release(*store, {}).status, write_status::applied);
  expect_there("release");
  ASSERT_EQ(ops::claim(*store, {.nonce = 2}).status, claim_status::claimed);
  expect_there("a claim of a released one");
  ASSERT_EQ(ops::mark(*store, {.nonce = 2}, "note").status, write_status::applied);
  expect_there("mark");
  ASSERT_EQ(ops::complete(*store, {.nonce = 2}, "done").status, write_status::applied);
  expect_there("complete");
  EXPECT_EQ(store.told().count("no_replicas"), 0u);
}

TEST_F(Replication, ManyAtOnceAreAllAnswered) {
  const observed_store store(waiting_long(server));
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t key = 1 + i * 100; key < 50 + i * 100; ++key) {
        EXPECT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed);
        EXPECT_EQ(ops::complete(*store, {.key = key}, "done").status, write_status::applied);
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(replica.command({"KEYS", "parley:*"}).elements.size(), 16u * 49);
}

// A replica that takes nothing. What was carried out once is not acknowledged the second time for
// that: it may still be lost.
TEST_F(Replication, NothingIsAcknowledgedUntilTheReplicaHasIt) {
  const observed_store patient_store(waiting_long(server));
  const observed_store store(waiting_shortly(server));
  for (const std::uint64_t key : {2u, 3u, 4u}) {
    ASSERT_EQ(ops::claim(*patient_store, {.key = key}).status, claim_status::claimed);
  }
  ASSERT_EQ(ops::complete(*patient_store, {.key = 4}, "done").status, write_status::applied);
  replica.stop();
  for (int i = 0; i < 2; ++i) {
    expect_unknown("claim", ops::claim(*store, {.key = 1}));
    expect_unknown("mark", ops::mark(*store, {.key = 2}, "note"));
    expect_unknown("renew", ops::renew(*store, {.key = 2}));
    expect_unknown("release", ops::release(*store, {.key = 3}));
  }
  for (int i = 0; i < 2; ++i) {
    expect_unknown("complete", ops::complete(*store, {.key = 2}, "done"));
  }
  // Whoever replays does not know whether the replica has what another was told of.
  expect_unknown("replay", ops::claim(*store, {.key = 4, .nonce = 2}));
  // What refuses need not wait for anybody.
  EXPECT_EQ(ops::claim(*store, {.key = 4, .nonce = 2, .fingerprint = 2}).status,
            claim_status::conflict);
  EXPECT_EQ(ops::complete(*store, {.key = 4, .nonce = 2}, "done").status, write_status::lost);
  replica.cont();
  server.wait_for_replicas(1);

  const auto again = ops::claim(*patient_store, {.key = 1});
  EXPECT_EQ(again.status, claim_status::claimed);
  EXPECT_EQ(again.fence, 1'000u);
  EXPECT_EQ(ops::complete(*patient_store, {.key = 2}, "done").status,
            write_status::already_applied);
  EXPECT_EQ(ops::release(*patient_store, {.key = 3}).status, write_status::already_applied);
  EXPECT_EQ(value(replica), value(server));
}

TEST(ReplicationWithoutReplicas, IsToldAndAcknowledgesNothing) {
  const redis_server server;
  const observed_store store(waiting_shortly(server));
  expect_unknown("claim", ops::claim(*store, {}));
  EXPECT_TRUE(store.told().has("no_replicas", on_finding::warn));
  EXPECT_EQ(store.told().count("outcome_unknown"), 1u);
  EXPECT_EQ(store->stats().unknown, 1u);

  redis_store_options strict = waiting_shortly(server);
  strict.when_no_replicas = on_finding::refuse;
  const observed_store refusing(strict);
  EXPECT_TRUE(refusing.told().wait_for("refused"));
}

// The promise that all of this is for.
TEST_F(Replication, AcknowledgedCompletionSurvivesTheLossOfTheMaster) {
  {
    const observed_store store(waiting_long(server));
    for (std::uint64_t key = 1; key <= 50; ++key) {
      ASSERT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed);
      ASSERT_EQ(ops::complete(*store, {.key = key}, "done").status, write_status::applied);
    }
    server.kill9();
  }
  replica.command({"REPLICAOF", "NO", "ONE"});
  const observed_store store(patient(replica.url()));
  for (std::uint64_t key = 1; key <= 50; ++key) {
    EXPECT_EQ(ops::claim(*store, {.key = key, .nonce = 2}).status, claim_status::completed) << key;
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
