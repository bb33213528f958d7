// SPDX-License-Identifier: Apache-2.0
//
// Services on a Redis Cluster, while its servers and the network fail and slots move, and the
// promises of the room held against what they were told (support/history.hpp). As the guide sets it
// up all of them hold; as Redis comes a failover forgets what it acknowledged, and that is seen,
// too.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/support/network_namespaces.hpp"
#include "idempotency_redis/support/redis_deployment.hpp"
#include "idempotency_redis/support/topology_world.hpp"

namespace parley::testing_support {
namespace {

using idempotency::claim_status;
using idempotency::write_status;
namespace ops = idempotency::ops;

constexpr unsigned share = cluster_deployment::slots / cluster_deployment::masters;

// Of each master in turn: it stays with that third of the cluster, whatever else moves.
std::uint16_t home_slot(unsigned round) {
  return static_cast<std::uint16_t>(round % cluster_deployment::masters * share + share / 2);
}
std::uint16_t slot_of(std::uint64_t key) { return idempotency_redis::slot_of(key_name(key)); }
bool is_home_slot(std::uint16_t slot) {
  for (unsigned i = 0; i < cluster_deployment::masters; ++i) {
    if (slot == home_slot(i)) return true;
  }
  return false;
}

struct cluster_world {
  cluster_world(bool is_safe, bool has_network, std::function<bool(std::uint32_t)> uses = {})
      : network(has_network ? std::make_unique<virtual_network>() : nullptr),
        redis({.network = network.get(), .is_safe = is_safe}),
        services(redis, std::move(uses)) {}

  std::unique_ptr<virtual_network> network;
  cluster_deployment redis;
  topology_world services;

  struct pair {
    std::uint16_t slot;
    std::size_t master;
    std::size_t replica;
  };
  // Ready to be struck.
  pair choose(unsigned round) {
    const std::uint16_t slot = home_slot(round);
    const std::size_t master = redis.owner(slot);
    const std::size_t replica = redis.replica_of(master);
    redis.wait_until_electable(replica);
    return {slot, master, replica};
  }
  // A slot of a key that is in use.
  std::uint16_t slot_in_use() {
    for (;;) {
      const auto back = static_cast<std::uint32_t>(services.random() % 8);
      const std::uint16_t slot = slot_of(services.work().newest_key() - back);
      if (!is_home_slot(slot)) return slot;
    }
  }
  // Services go on while some of its keys are here and some there.
  void move_slowly(std::uint16_t slot, std::size_t from, std::size_t to) {
    workload& work = services.work();
    redis.begin_move(slot, from, to);
    for (bool has_more = true; has_more;) {
      ASSERT_TRUE(work.wait_for_more(8)) << "nothing goes on";
      has_more = redis.move_keys(slot, from, to, 1);
    }
    redis.end_move(slot, from, to);
  }
};

void kill_a_master(cluster_world& w, unsigned round) {
  const auto [slot, master, replica] = w.choose(round);
  w.redis.server(master).kill9();
  w.redis.wait_for_owner(slot, replica);
}
void kill_and_restart_at_once(cluster_world& w, unsigned round) {
  redis_server& master = w.redis.server(w.choose(round).master);
  master.kill9();
  master.restart();
}
void stop_a_master(cluster_world& w, unsigned round) {
  const auto [slot, master, replica] = w.choose(round);
  w.redis.server(master).stop();
  w.redis.wait_for_owner(slot, replica);
  w.redis.server(master).cont();
}
void kill_a_replica(cluster_world& w, unsigned round) {
  w.redis.server(w.choose(round).replica).kill9();
  ASSERT_NO_FATAL_FAILURE(w.services.leave_in_doubt());
}
void fail_over(cluster_world& w, unsigned round) {
  const auto [slot, master, replica] = w.choose(round);
  w.redis.fail_over(master);
  w.redis.wait_for_owner(slot, replica);
}
// With one service; the other is with the majority.
void cut_off_a_master(cluster_world& w, unsigned round) {
  const auto [slot, master, replica] = w.choose(round);
  w.network->split({{}, {w.redis.host(master), w.services.host(round % 2)}});
  ASSERT_NO_FATAL_FAILURE(w.services.leave_in_doubt());
  w.redis.wait_for_owner(slot, replica);
}
// The one of the first third; keys of the others would only hold a service up that is cut off.
void cut_off_the_first_master(cluster_world& w, unsigned) { cut_off_a_master(w, 0); }
bool is_of_the_first_third(std::uint32_t key) { return slot_of(key) < share; }
void cut_off_a_master_alone(cluster_world& w, unsigned round) {
  const auto [slot, master, replica] = w.choose(round);
  w.network->split({{}, {w.redis.host(master)}});
  w.redis.wait_for_owner(slot, replica);
}
void reshard(cluster_world& w, unsigned) {
  for (int i = 0; i < 10; ++i) {
    const std::uint16_t slot = w.slot_in_use();
    const std::size_t from = w.redis.owner(slot);
    const std::size_t to = w.redis.owner(home_slot(static_cast<unsigned>(w.services.random())));
    if (from == to) continue;
    ASSERT_NO_FATAL_FAILURE(w.move_slowly(slot, from, to));
  }
}
void add_and_remove_a_master(cluster_world& w, unsigned) {
  const std::size_t added = w.redis.add_server();
  for (int i = 0; i < 10; ++i) {
    const std::uint16_t slot = w.slot_in_use();
    const std::size_t from = w.redis.owner(slot);
    if (from == added) continue;
    ASSERT_NO_FATAL_FAILURE(w.move_slowly(slot, from, added));
  }
  ASSERT_NO_FATAL_FAILURE(w.services.pass(40));
  for (const std::uint16_t slot : w.redis.slots_of(added)) {
    ASSERT_NO_FATAL_FAILURE(
        w.move_slowly(slot, added, w.redis.owner(home_slot(static_cast<unsigned>(slot)))));
  }
  w.redis.wait_until_whole();
  w.redis.remove_server();
}
void anything(cluster_world& w, unsigned) {
  using fault = void (*)(cluster_world&, unsigned);
  constexpr fault faults[] = {
      kill_a_master, kill_and_restart_at_once, stop_a_master,         kill_a_replica, fail_over,
      reshard,       cut_off_a_master,         cut_off_a_master_alone};
  constexpr std::size_t without_a_network = 6;
  const std::size_t choices = w.network ? std::size(faults) : without_a_network;
  faults[w.services.random() % choices](w, static_cast<unsigned>(w.services.random() % 6));
}

enum class needs : std::uint8_t { nothing, partitions, partitions_if_possible };

struct fault_case {
  const char* name;
  unsigned rounds;
  void (*strike)(cluster_world&, unsigned round);
  needs need = needs::nothing;
};
void PrintTo(const fault_case& of, std::ostream* to) { *to << of.name; }

void strike_in_rounds(cluster_world& w, const fault_case& of) {
  w.services.work().start();
  for (unsigned round = 0; round < of.rounds * fault_scale(); ++round) {
    ASSERT_NO_FATAL_FAILURE(w.services.pass(40));
    ++w.services.faults;
    ASSERT_NO_FATAL_FAILURE(of.strike(w, round));
    // One fault at a time is what the setting is for.
    w.redis.wait_until_whole();
  }
  ASSERT_NO_FATAL_FAILURE(w.services.pass(40));
  ASSERT_NO_FATAL_FAILURE(w.services.settle());
}

class ClusterFault : public testing::TestWithParam<fault_case> {};

TEST_P(ClusterFault, BreaksNoPromise) {
  const fault_case& of = GetParam();
  const std::string why_not = of.need == needs::nothing ? "" : virtual_network::why_not();
  if (of.need == needs::partitions && !why_not.empty()) GTEST_SKIP() << why_not;
  cluster_world w(true, of.need != needs::nothing && why_not.empty());
  ASSERT_NO_FATAL_FAILURE(strike_in_rounds(w, of));
  expect_kept(w.services.judge(std::string("Cluster, as in the guide: ") + of.name));
}

INSTANTIATE_TEST_SUITE_P(, ClusterFault,
                         testing::ValuesIn({
                             fault_case{"Kills", 3, kill_a_master},
                             fault_case{"KillsAndRestarts", 3, kill_and_restart_at_once},
                             fault_case{"KilledReplicas", 2, kill_a_replica},
                             fault_case{"Stops", 2, stop_a_master},
                             fault_case{"ManualFailovers", 3, fail_over},
                             fault_case{"Resharding", 3, reshard},
                             fault_case{"Partitions", 3, cut_off_a_master, needs::partitions},
                             fault_case{"LonelyMasters", 2, cut_off_a_master_alone,
                                        needs::partitions},
                             fault_case{"AllTogether", 5, anything, needs::partitions_if_possible},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

// No server is lost: nothing need be set up for that.
class ClusterResharding : public testing::TestWithParam<fault_case> {};

TEST_P(ClusterResharding, BreaksNoPromiseAsRedisComes) {
  const fault_case& of = GetParam();
  cluster_world w(false, false);
  // Nor is one on a machine that has no time for it.
  for (std::size_t i = 0; i < w.redis.size(); ++i) {
    w.redis.server(i).command({"CONFIG", "SET", "cluster-node-timeout", "15000"});
  }
  ASSERT_NO_FATAL_FAILURE(strike_in_rounds(w, of));
  EXPECT_GT(w.services.redirected(), 0u);
  expect_kept(w.services.judge(std::string("Cluster, as Redis comes: ") + of.name));
}

INSTANTIATE_TEST_SUITE_P(, ClusterResharding,
                         testing::ValuesIn({
                             fault_case{"MovedSlots", 3, reshard},
                             fault_case{"AMasterComesAndGoes", 2, add_and_remove_a_master},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- As Redis comes: no append-only file, nothing is waited for.

class ClusterControl : public testing::TestWithParam<fault_case> {};

TEST_P(ClusterControl, LosesCompletions) {
  const fault_case& of = GetParam();
  const std::string why_not = of.need == needs::nothing ? "" : virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  cluster_world w(false, of.need != needs::nothing,
                  of.need == needs::nothing ? nullptr : is_of_the_first_third);
  ASSERT_NO_FATAL_FAILURE(strike_in_rounds(w, of));
  expect_lost(w.services.judge(std::string("Cluster, as Redis comes: ") + of.name));
}

INSTANTIATE_TEST_SUITE_P(, ClusterControl,
                         testing::ValuesIn({
                             fault_case{"KillsAndRestarts", 3, kill_and_restart_at_once},
                             fault_case{"Partitions", 2, cut_off_the_first_master,
                                        needs::partitions},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

// Whoever takes a master's place does not know that a slot was on its way (Redis 7.0): what
// was carried over is on a server that nobody asks. No setting helps, and no client can.
TEST(ClusterMoveControl, AFailoverInItsMiddleForgetsWhatWasCarriedOver) {
  cluster_deployment redis({.is_safe = true});
  idempotency_redis::redis_store_options options = fitting(patient(redis.url()), redis);
  options.wait_timeout = std::chrono::seconds(10);
  const observed_store store(options);
  ASSERT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  ASSERT_EQ(ops::complete(*store, {}, "done").status, write_status::applied);
  const std::uint16_t slot = slot_of(1);
  const std::size_t from = redis.owner(slot);
  const std::size_t to = (from + 1) % cluster_deployment::masters;
  redis.begin_move(slot, from, to);
  while (redis.move_keys(slot, from, to, 1)) {
  }
  EXPECT_EQ(ops::claim(*store, {.nonce = 2}).status, claim_status::completed);
  const std::size_t replica = redis.replica_of(from);
  redis.fail_over(from);
  redis.wait_for_owner(slot, replica);
  EXPECT_EQ(ops::claim(*store, {.nonce = 3}).status, claim_status::claimed);
}

// ---- For how long nothing is served. The figures of the guide; nothing is expected of them.

struct outage_case {
  const char* name;
  bool is_safe;
  bool kills;
};
void PrintTo(const outage_case& of, std::ostream* to) { *to << of.name; }

class ClusterOutage : public testing::TestWithParam<outage_case> {};

TEST_P(ClusterOutage, IsMeasured) {
  for (unsigned round = 0; round < fault_scale(); ++round) {
    cluster_deployment redis({.is_safe = GetParam().is_safe});
    // As it would be set in earnest; not every run has time for that.
    for (std::size_t i = 0; i < redis.size() && fault_scale() > 1; ++i) {
      redis.server(i).command({"CONFIG", "SET", "cluster-node-timeout", "5000"});
    }
    const std::uint16_t slot = home_slot(0);
    const std::size_t master = redis.owner(slot);
    const std::size_t replica = redis.replica_of(master);
    const auto find_key = [&](bool of_the_master) {
      std::uint64_t key = 1;
      while ((redis.owner(slot_of(key)) == master) != of_the_master) ++key;
      return key;
    };
    const observed_store store(fitting({.url = redis.url()}, redis));
    ASSERT_TRUE(store.wait_until_ready());
    prober its_slots(*store, find_key(true));
    prober other_slots(*store, find_key(false));
    const auto wait_for_service = [&] {
      its_slots.wait_for_service();
      other_slots.wait_for_service();
    };
    wait_for_service();
    if (GetParam().kills) {
      redis.server(master).kill9();
      redis.wait_for_owner(slot, replica);
      // With a replica to wait for, nothing is acknowledged before there is one again.
      redis.revive();
    } else {
      redis.fail_over(master);
      redis.wait_for_owner(slot, replica);
    }
    wait_for_service();
    redis.wait_until_whole();
    wait_for_service();
    std::cout << "Cluster, " << GetParam().name << ": slots of the master not served for "
              << its_slots.longest_seconds() << " s, others for " << other_slots.longest_seconds()
              << " s\n";
  }
}

INSTANTIATE_TEST_SUITE_P(, ClusterOutage,
                         testing::ValuesIn({
                             outage_case{"KillAsRedisComes", false, true},
                             outage_case{"KillAsInTheGuide", true, true},
                             outage_case{"FailoverAsRedisComes", false, false},
                             outage_case{"FailoverAsInTheGuide", true, false},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::testing_support
