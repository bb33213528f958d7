// SPDX-License-Identifier: Apache-2.0
//
// A store on a Redis Cluster: finding its masters, following them and their slots, and its rights.
// And the conformance kit on one.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/support/certificate_files.hpp"
#include "idempotency_redis/support/least_privilege.hpp"
#include "idempotency_redis/support/redis_deployment.hpp"
#include "idempotency_redis/support/topology_world.hpp"
#include "parley/idempotency_testing/conformance.hpp"
#include "parley/idempotency_testing/harness.hpp"

namespace parley::testing_support {
namespace {

using namespace std::chrono_literals;
using idempotency::claim_status;
using idempotency::write_status;
using idempotency_redis::redis_store_options;
namespace ops = idempotency::ops;

constexpr std::uint64_t keys = 60;  // some for each master

std::uint16_t slot_of(std::uint64_t key) { return idempotency_redis::slot_of(key_name(key)); }

void run_and_complete(const observed_store& store, std::uint64_t key) {
  EXPECT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed) << key;
  EXPECT_EQ(ops::complete(*store, {.key = key}, "done").status, write_status::applied) << key;
}
void expect_replay(const observed_store& store, std::uint64_t key) {
  const auto said = ops::claim(*store, {.key = key, .nonce = 2});
  EXPECT_EQ(said.status, claim_status::completed) << key;
  EXPECT_EQ(ops::text_of(said.response), "done") << key;
}
void run_and_replay_all(const observed_store& store) {
  for (std::uint64_t key = 1; key <= keys; ++key) run_and_complete(store, key);
  for (std::uint64_t key = 1; key <= keys; ++key) expect_replay(store, key);
}

TEST(ClusterStore, SpreadsItsKeysOverTheMasters) {
  const cluster_deployment redis;
  const observed_store store(patient(redis.url()));
  run_and_replay_all(store);
  for (std::size_t i = 0; i < cluster_deployment::masters; ++i) {
    EXPECT_GT(redis.server(i).command({"DBSIZE"}).integer, 0) << i;
  }
  EXPECT_TRUE(store->ready());
  EXPECT_EQ(store->stats().redirected, 0u);
}

TEST(ClusterStore, LearnsOfTheOthersFromAnyOfThem) {
  cluster_deployment redis;
  const redis_server& replica = redis.server(redis.replica_of(0));
  const std::string nobody = "127.0.0.1:" + std::to_string(find_free_port());
  const observed_store store(patient("redis+cluster://" + nobody + "," + replica.address() + ":" +
                                     std::to_string(replica.port())));
  run_and_replay_all(store);
}

TEST(ClusterStore, FollowsAFailoverThereAndBack) {
  cluster_deployment redis({.is_safe = true});
  redis_store_options options = fitting(patient(redis.url()), redis);
  options.wait_timeout = 10s;
  const observed_store store(options);
  run_and_replay_all(store);
  for (int round = 0; round < 2; ++round) {
    const std::size_t master = redis.owner(0);
    const std::size_t replica = redis.replica_of(master);
    redis.wait_until_electable(replica);
    redis.fail_over(master);
    redis.wait_for_owner(0, replica);
    redis.wait_until_whole();
    for (std::uint64_t key = 1; key <= keys; ++key) expect_replay(store, key);
    for (std::uint64_t key = 1; key <= keys; ++key) {
      const ops::attempt by{.key = key + 1'000 * static_cast<std::uint64_t>(round + 1)};
      EXPECT_EQ(ops::claim(*store, by).status, claim_status::claimed);
    }
  }
}

TEST(ClusterStore, GoesOnWithTheOthersWhereOneIsGone) {
  cluster_deployment redis(
      {.config = {"cluster-require-full-coverage no", "cluster-replica-no-failover yes"}});
  const observed_store store(hasty(redis.url()));
  ASSERT_TRUE(wait_until([&] { return store->ready(); }));
  redis.server(0).kill9();
  const auto is_of_the_first = [&](std::uint64_t key) {
    return slot_of(key) < cluster_deployment::slots / cluster_deployment::masters;
  };
  for (std::uint64_t key = 1; key <= keys; ++key) {
    const auto said = ops::claim(*store, {.key = key});
    EXPECT_EQ(said.status, is_of_the_first(key) ? claim_status::failed : claim_status::claimed)
        << key;
  }
  EXPECT_TRUE(store->ready());
}

TEST(ClusterStore, FollowsASlotThatHasMoved) {
  cluster_deployment redis;
  const observed_store store(patient(redis.url()));
  run_and_replay_all(store);
  for (std::uint64_t key = 1; key <= 10; ++key) {
    const std::size_t from = redis.owner(slot_of(key));
    redis.move(slot_of(key), from, (from + 1) % cluster_deployment::masters);
  }
  for (std::uint64_t key = 1; key <= keys; ++key) expect_replay(store, key);
  EXPECT_GT(store->stats().redirected, 0u);
}

// Some of its keys are here and some there: each operation, on one that was carried over and on
// one that never was where the map says.
TEST(ClusterStore, FollowsASlotThatIsOnItsWay) {
  cluster_deployment redis;
  const observed_store store(patient(redis.url()));
  const std::uint16_t slot = slot_of(1);
  std::uint64_t second = 2;
  while (slot_of(second) != slot) ++second;
  const std::size_t from = redis.owner(slot);
  const std::size_t to = (from + 1) % cluster_deployment::masters;
  const auto keys_at = [&](std::size_t number) {
    return redis.server(number)
        .command({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)})
        .integer;
  };

  ASSERT_EQ(ops::claim(*store, {.key = 1}).status, claim_status::claimed);
  redis.begin_move(slot, from, to);
  EXPECT_EQ(ops::renew(*store, {.key = 1}).status, write_status::applied);
  EXPECT_EQ(keys_at(from), 1);
  EXPECT_EQ(store->stats().redirected, 0u);
  while (redis.move_keys(slot, from, to, 1)) {
  }

  EXPECT_EQ(ops::claim(*store, {.key = 1}).fence, 1'000u);  // resumed
  EXPECT_EQ(ops::claim(*store, {.key = 1, .nonce = 2}).status, claim_status::running);
  EXPECT_EQ(ops::renew(*store, {.key = 1}).status, write_status::applied);
  EXPECT_EQ(ops::mark(*store, {.key = 1}, "note").status, write_status::applied);
  EXPECT_EQ(ops::complete(*store, {.key = 1}, "done").status, write_status::applied);
  expect_replay(store, 1);
  EXPECT_EQ(ops::claim(*store, {.key = second}).status, claim_status::claimed);
  EXPECT_EQ(ops::release(*store, {.key = second}).status, write_status::applied);
  const auto taken_over = ops::claim(*store, {.key = second, .nonce = 2});
  EXPECT_EQ(taken_over.status, claim_status::claimed);
  EXPECT_GT(taken_over.fence, 1'000u);
  EXPECT_EQ(ops::complete(*store, {.key = second, .nonce = 2}, "done").status,
            write_status::applied);
  EXPECT_EQ(keys_at(from), 0);
  EXPECT_EQ(keys_at(to), 2);
  EXPECT_GT(store->stats().redirected, 0u);

  redis.end_move(slot, from, to);
  expect_replay(store, 1);
  EXPECT_EQ(ops::claim(*store, {.key = second, .nonce = 3}).status, claim_status::completed);
}

TEST(ClusterStore, HasAPassword) {
  cluster_deployment redis({.password = "of-servers"});
  redis_store_options options = patient(redis.url());
  options.password = "of-servers";
  const observed_store store(options);
  run_and_replay_all(store);
  redis.move(slot_of(1), redis.owner(slot_of(1)), (redis.owner(slot_of(1)) + 1) % 3);
  expect_replay(store, 1);

  options.password = "another";
  const observed_store stranger(options);
  EXPECT_TRUE(stranger.told().wait_for("lookup_failed"));
  EXPECT_FALSE(stranger->ready());
}

TEST(ClusterStore, NeedsNoMoreThanTheLeastPrivilege) {
  cluster_deployment redis(
      {.is_safe = true, .config = {least_privilege_in_cluster("parley", "of-servers")}});
  redis_store_options options = fitting(patient(redis.url()), redis);
  options.user = "parley";
  options.password = "of-servers";
  options.wait_timeout = 10s;
  const observed_store store(options);
  run_and_replay_all(store);
  const std::uint16_t slot = slot_of(1);
  const std::size_t from = redis.owner(slot);
  const std::size_t to = (from + 1) % cluster_deployment::masters;
  redis.begin_move(slot, from, to);
  while (redis.move_keys(slot, from, to, 1)) {
  }
  expect_replay(store, 1);
  redis.end_move(slot, from, to);
  expect_replay(store, 1);
  EXPECT_GT(store->stats().redirected, 0u);
  EXPECT_EQ(store.told().count("NOPERM"), 0u);
  EXPECT_EQ(store.told().count("unknown_setting"), 0u);
  for (std::size_t i = 0; i < redis.size(); ++i) {
    EXPECT_TRUE(redis.server(i).command({"ACL", "LOG"}).elements.empty()) << i;
  }
}

TEST(ClusterStore, HasTlsToAllOfThem) {
  const temporary_folder folder;
  const certificate_authority authority(folder.path(), "authority");
  const certificate_files files = authority.issue("server", "IP:127.0.0.1");
  cluster_deployment redis({.tls_certificate_file = files.certificate,
                            .tls_key_file = files.key,
                            .tls_authorities_file = authority.file()});
  redis_store_options options = patient(redis.url());
  options.tls.authorities_file = authority.file();
  const observed_store store(options);
  run_and_replay_all(store);
  const std::size_t master = redis.owner(0);
  const std::size_t replica = redis.replica_of(master);
  redis.fail_over(master);
  redis.wait_for_owner(0, replica);
  for (std::uint64_t key = 1; key <= keys; ++key) expect_replay(store, key);
}

// ---- The kit

class cluster_harness final : public idempotency_testing::store_harness {
 public:
  explicit cluster_harness(const cluster_deployment& redis) : options_(patient(redis.url())) {
    static std::atomic<unsigned> cases = 0;
    options_.key_prefix = "parley:case-" + std::to_string(++cases) + ":";
    reopen();
  }

  idempotency::store& records() override { return **records_; }
  idempotency_testing::clock_kind clock() const override {
    return idempotency_testing::clock_kind::real;
  }
  void advance(std::chrono::milliseconds by) override { std::this_thread::sleep_for(by + 1ms); }
  std::chrono::milliseconds short_lease() const override { return 1s; }
  bool reopen() override {
    records_.reset();
    records_ = std::make_unique<observed_store>(options_);
    return true;
  }

 private:
  redis_store_options options_;
  std::unique_ptr<observed_store> records_;
};

// The cases wait for leases that run out: side by side they take no longer than the longest.
TEST(ClusterConformance, OfEveryCase) {
  const cluster_deployment redis;
  const auto cases = idempotency_testing::conformance_cases();
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> run = 0;
  std::mutex mutex;
  std::vector<std::thread> threads(8);
  for (std::thread& each : threads) {
    each = std::thread([&] {
      for (std::size_t i; (i = next++) < cases.size();) {
        const auto report = idempotency_testing::run_case(
            cases[i], [&] { return std::make_unique<cluster_harness>(redis); });
        if (report.skipped.empty()) ++run;
        const std::lock_guard lock(mutex);
        for (const std::string& finding : report.findings) {
          ADD_FAILURE() << cases[i].name << ": " << cases[i].statement << "\n  " << finding;
        }
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_GT(run, cases.size() / 2);
}

}  // namespace
}  // namespace parley::testing_support
