// SPDX-License-Identifier: Apache-2.0
//
// A store on a master that Redis Sentinel watches: finding it, following it, and its rights.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "idempotency_redis/support/least_privilege.hpp"
#include "idempotency_redis/support/network_namespaces.hpp"
#include "idempotency_redis/support/redis_deployment.hpp"
#include "idempotency_redis/support/topology_world.hpp"

namespace parley::testing_support {
namespace {

using namespace std::chrono_literals;
using idempotency::claim_status;
using idempotency::write_status;
using idempotency_redis::redis_store_options;
namespace ops = idempotency::ops;

std::string address_of(const redis_server& of) {
  return of.address() + ":" + std::to_string(of.port());
}
bool has_connected_to(const observed_store& store, const redis_server& to) {
  return std::ranges::any_of(store.told().events(), [&](const told::event& each) {
    return each.what == "connected" && each.server == address_of(to);
  });
}
void run_and_complete(const observed_store& store, std::uint64_t key) {
  EXPECT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed);
  EXPECT_EQ(ops::complete(*store, {.key = key}, "done").status, write_status::applied);
}
void expect_replay(const observed_store& store, std::uint64_t key) {
  const auto said = ops::claim(*store, {.key = key, .nonce = 2});
  EXPECT_EQ(said.status, claim_status::completed) << key;
  EXPECT_EQ(ops::text_of(said.response), "done") << key;
}

TEST(SentinelStore, FindsTheMaster) {
  const sentinel_deployment redis;
  const observed_store store(patient(redis.url()));
  run_and_complete(store, 1);
  expect_replay(store, 1);
  EXPECT_TRUE(has_connected_to(store, redis.server(redis.master())));
  EXPECT_FALSE(has_connected_to(store, redis.server(redis.replica())));
  EXPECT_FALSE(redis.server(redis.master()).command({"GET", key_name(1)}).text.empty());
  EXPECT_TRUE(store->ready());
}

TEST(SentinelStore, FindsTheMasterByTheLastSentinelThatIsThere) {
  sentinel_deployment redis;
  redis.sentinel(0).kill9();
  redis.sentinel(1).stop();
  redis_store_options options = patient(redis.url());
  options.connect_timeout = 100ms;
  options.operation_timeout = 2s;
  const observed_store store(options);
  run_and_complete(store, 1);
  expect_replay(store, 1);
}

TEST(SentinelStore, IsTheSameWithinADatabase) {
  const sentinel_deployment redis;
  const observed_store store(patient(redis.url() + "/3"));
  run_and_complete(store, 1);
  expect_replay(store, 1);
  EXPECT_EQ(redis.server(redis.master()).command({"DBSIZE"}).integer, 0);
}

TEST(SentinelStore, TellsOfAMasterThatNobodyKnows) {
  const sentinel_deployment redis;
  const std::string url = redis.url();
  redis_store_options options = hasty(url.substr(0, url.rfind('/')) + "/nobody");
  const observed_store store(options);
  EXPECT_TRUE(store.told().wait_for("lookup_failed", 2));
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.status, claim_status::failed);
  EXPECT_EQ(said.failure.why, idempotency::store_errc::unavailable);
  EXPECT_TRUE(said.failure.is_outcome_known);
  EXPECT_FALSE(store->ready());
}

TEST(SentinelStore, FollowsAFailoverThereAndBack) {
  sentinel_deployment redis({.is_safe = true});
  redis_store_options options = fitting(patient(redis.url()), redis);
  options.wait_timeout = 10s;
  const observed_store store(options);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    const std::size_t master = redis.master();
    run_and_complete(store, round);
    redis.fail_over_from(master);
    redis.wait_until_whole();
    for (std::uint64_t key = 1; key <= round; ++key) expect_replay(store, key);
    run_and_complete(store, 100 + round);
    EXPECT_TRUE(has_connected_to(store, redis.server(1 - master)));
  }
  EXPECT_TRUE(wait_until([&] { return store->ready(); }));
}

TEST(SentinelStore, IsNotMisledByASentinelThatMissedTheFailover) {
  sentinel_deployment redis({.is_safe = true});
  const std::size_t master = redis.master();
  redis.sentinel(0).stop();
  redis.fail_over_from(master);
  redis.sentinel(0).cont();
  // It is asked first, and may not have heard of it yet; nor may the old master.
  const observed_store store(fitting(hasty(redis.url()), redis));
  const auto is_applied = [](write_status status) {
    return status == write_status::applied || status == write_status::already_applied;
  };
  ASSERT_TRUE(wait_until([&] { return ops::claim(*store, {}).status == claim_status::claimed; }));
  ASSERT_TRUE(wait_until([&] { return is_applied(ops::complete(*store, {}, "done").status); }));
  redis.wait_until_whole();
  EXPECT_EQ(redis.master(), 1 - master);
  EXPECT_TRUE(has_connected_to(store, redis.server(1 - master)));
  ASSERT_TRUE(wait_until(
      [&] { return ops::claim(*store, {.nonce = 2}).status == claim_status::completed; }));
}

TEST(SentinelStore, AcknowledgesNothingOnTheWrongSideOfAPartition) {
  const std::string why_not = virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  virtual_network network;
  sentinel_deployment redis({.network = &network, .is_safe = true});
  const std::size_t master = redis.master();
  const auto here = network.add_host();
  const auto there = network.add_host();
  network.split({{}, {redis.host(master), redis.sentinel_host(0), here}});
  redis.wait_for_master(1 - master);
  // Both sides have a sentinel that names a master which calls itself one.
  const auto stale = make_store_on(redis, here, fitting(hasty(redis.url()), redis));
  ASSERT_TRUE(stale->wait_until_ready());
  EXPECT_TRUE(has_connected_to(*stale, redis.server(master)));
  EXPECT_EQ(ops::claim(**stale, {}).status, claim_status::failed);
  const auto right = make_store_on(redis, there, fitting(hasty(redis.url()), redis));
  ASSERT_TRUE(right->wait_until_ready());
  EXPECT_TRUE(has_connected_to(*right, redis.server(1 - master)));
  redis.wait_until_whole();
  EXPECT_TRUE(wait_until([&] { return ops::claim(**stale, {}).status == claim_status::claimed; }));
  EXPECT_TRUE(has_connected_to(*stale, redis.server(1 - master)));
  EXPECT_EQ(ops::claim(**right, {.nonce = 2}).status, claim_status::running);
}

TEST(SentinelStore, HasAPasswordForServersAndAnotherForSentinels) {
  sentinel_deployment redis({.password = "of-servers", .sentinel_password = "of-sentinels"});
  redis_store_options options = patient(redis.url());
  options.password = "of-servers";
  options.sentinel_password = "of-sentinels";
  const observed_store store(options);
  run_and_complete(store, 1);
  redis.fail_over_from(redis.master());
  redis.wait_until_whole();
  expect_replay(store, 1);

  options.sentinel_password = "of-servers";
  const observed_store stranger(options);
  EXPECT_TRUE(stranger.told().wait_for("lookup_failed"));
  EXPECT_FALSE(stranger->ready());

  options.sentinel_password = "of-sentinels";
  options.password = "of-sentinels";
  const observed_store other(options);
  EXPECT_TRUE(other.told().wait_for("auth"));
  EXPECT_FALSE(other->ready());
}

TEST(SentinelStore, NeedsNoMoreThanTheLeastPrivilege) {
  sentinel_deployment redis(
      {.is_safe = true,
       .config = {least_privilege("parley", "of-servers")},
       .sentinel_config = {least_privilege_at_sentinel("watcher", "of-sentinels")}});
  redis_store_options options = fitting(patient(redis.url()), redis);
  options.user = "parley";
  options.password = "of-servers";
  options.sentinel_user = "watcher";
  options.sentinel_password = "of-sentinels";
  options.wait_timeout = 10s;
  const observed_store store(options);
  run_and_complete(store, 1);
  const std::size_t master = redis.master();
  redis.fail_over_from(master);
  redis.wait_until_whole();
  expect_replay(store, 1);
  EXPECT_EQ(store.told().count("NOPERM"), 0u);
  EXPECT_EQ(store.told().count("lookup_failed"), 0u);
  EXPECT_EQ(store.told().count("unknown_setting"), 0u);
  for (std::size_t i = 0; i < sentinel_deployment::sentinels; ++i) {
    EXPECT_TRUE(redis.sentinel(i).command({"ACL", "LOG"}).elements.empty()) << i;
  }
  for (std::size_t i = 0; i < redis.size(); ++i) {
    EXPECT_TRUE(redis.server(i).command({"ACL", "LOG"}).elements.empty()) << i;
  }
}

}  // namespace
}  // namespace parley::testing_support
