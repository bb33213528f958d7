// SPDX-License-Identifier: Apache-2.0
//
// Services on a master that Redis Sentinel watches, while servers, sentinels and the network fail,
// and the promises of the room held against what they were told (support/history.hpp). As the guide
// sets it up all of them hold; as Redis comes a failover forgets what it acknowledged, and that is
// seen, too.

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "idempotency_redis/support/network_namespaces.hpp"
#include "idempotency_redis/support/redis_deployment.hpp"
#include "idempotency_redis/support/topology_world.hpp"

namespace parley::testing_support {
namespace {

struct sentinel_world {
  sentinel_world(bool is_safe, bool has_network)
      : network(has_network ? std::make_unique<virtual_network>() : nullptr),
        redis({.network = network.get(), .is_safe = is_safe}),
        services(redis) {}

  std::unique_ptr<virtual_network> network;
  sentinel_deployment redis;
  topology_world services;

  // What is acknowledged without a replica is what a failover may forget.
  void pass_if_unsafe(std::size_t completions) {
    if (redis.is_safe()) {
      services.leave_in_doubt();
    } else {
      services.pass(completions);
    }
  }
};

void kill_the_master(sentinel_world& w, unsigned) {
  const std::size_t master = w.redis.master();
  w.redis.server(master).kill9();
  w.redis.wait_for_master(1 - master);
}
void kill_and_restart_at_once(sentinel_world& w, unsigned) {
  redis_server& master = w.redis.server(w.redis.master());
  master.kill9();
  master.restart();
}
void stop_the_master(sentinel_world& w, unsigned) {
  const std::size_t master = w.redis.master();
  w.redis.server(master).stop();
  w.redis.wait_for_master(1 - master);
  // It comes back as a master, and takes what is sent to it until somebody tells it otherwise.
  w.redis.server(master).cont();
}
void stop_the_replica(sentinel_world& w, unsigned) {
  w.redis.server(w.redis.replica()).stop();
  ASSERT_NO_FATAL_FAILURE(w.pass_if_unsafe(20));
}
void fail_over(sentinel_world& w, unsigned) { w.redis.fail_over_from(w.redis.master()); }
void kill_a_sentinel_and_the_master(sentinel_world& w, unsigned round) {
  w.redis.sentinel(round % sentinel_deployment::sentinels).kill9();
  kill_the_master(w, round);
}
// With one service; the other is with the majority.
void cut_off_the_master(sentinel_world& w, unsigned round) {
  const std::size_t master = w.redis.master();
  w.network->split({{}, {w.redis.host(master), w.services.host(round % 2)}});
  ASSERT_NO_FATAL_FAILURE(w.pass_if_unsafe(50));
  w.redis.wait_for_master(1 - master);
  ASSERT_NO_FATAL_FAILURE(w.pass_if_unsafe(50));
}
// And a sentinel, that goes on naming it.
void cut_off_the_master_with_a_sentinel(sentinel_world& w, unsigned round) {
  const std::size_t master = w.redis.master();
  w.network->split({{},
                    {w.redis.host(master), w.services.host(round % 2),
                     w.redis.sentinel_host(round % sentinel_deployment::sentinels)}});
  w.redis.wait_for_master(1 - master);
  ASSERT_NO_FATAL_FAILURE(w.pass_if_unsafe(50));
}
void cut_off_the_replica(sentinel_world& w, unsigned) {
  w.network->split({{}, {w.redis.host(w.redis.replica())}});
  ASSERT_NO_FATAL_FAILURE(w.pass_if_unsafe(20));
}
void anything(sentinel_world& w, unsigned) {
  using fault = void (*)(sentinel_world&, unsigned);
  constexpr fault faults[] = {kill_the_master,    kill_and_restart_at_once,
                              stop_the_master,    stop_the_replica,
                              fail_over,          kill_a_sentinel_and_the_master,
                              cut_off_the_master, cut_off_the_master_with_a_sentinel,
                              cut_off_the_replica};
  constexpr std::size_t without_a_network = 6;
  const std::size_t choices = w.network ? std::size(faults) : without_a_network;
  faults[w.services.random() % choices](w, static_cast<unsigned>(w.services.random()));
}

enum class needs : std::uint8_t { nothing, partitions, partitions_if_possible };

struct fault_case {
  const char* name;
  unsigned rounds;
  void (*strike)(sentinel_world&, unsigned round);
  needs need = needs::nothing;
};
void PrintTo(const fault_case& of, std::ostream* to) { *to << of.name; }

void strike_in_rounds(sentinel_world& w, const fault_case& of) {
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

class SentinelFault : public testing::TestWithParam<fault_case> {};

TEST_P(SentinelFault, BreaksNoPromise) {
  const fault_case& of = GetParam();
  const std::string why_not = of.need == needs::nothing ? "" : virtual_network::why_not();
  if (of.need == needs::partitions && !why_not.empty()) GTEST_SKIP() << why_not;
  sentinel_world w(true, of.need != needs::nothing && why_not.empty());
  ASSERT_NO_FATAL_FAILURE(strike_in_rounds(w, of));
  expect_kept(w.services.judge(std::string("Sentinel, as in the guide: ") + of.name));
}

INSTANTIATE_TEST_SUITE_P(, SentinelFault,
                         testing::ValuesIn({
                             fault_case{"Kills", 2, kill_the_master},
                             fault_case{"KillsAndRestarts", 2, kill_and_restart_at_once},
                             fault_case{"Stops", 2, stop_the_master},
                             fault_case{"ManualFailovers", 3, fail_over},
                             fault_case{"KilledSentinels", 2, kill_a_sentinel_and_the_master},
                             fault_case{"Partitions", 2, cut_off_the_master, needs::partitions},
                             fault_case{"StaleSentinels", 2, cut_off_the_master_with_a_sentinel,
                                        needs::partitions},
                             fault_case{"AllTogether", 4, anything, needs::partitions_if_possible},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- As Redis comes: no append-only file, nothing is waited for.

class SentinelControl : public testing::TestWithParam<fault_case> {};

TEST_P(SentinelControl, LosesCompletions) {
  const fault_case& of = GetParam();
  const std::string why_not = of.need == needs::nothing ? "" : virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  sentinel_world w(false, of.need != needs::nothing);
  ASSERT_NO_FATAL_FAILURE(strike_in_rounds(w, of));
  expect_lost(w.services.judge(std::string("Sentinel, as Redis comes: ") + of.name));
}

INSTANTIATE_TEST_SUITE_P(, SentinelControl,
                         testing::ValuesIn({
                             fault_case{"KillsAndRestarts", 2, kill_and_restart_at_once},
                             fault_case{"Partitions", 2, cut_off_the_master, needs::partitions},
                             fault_case{"StaleSentinels", 2, cut_off_the_master_with_a_sentinel,
                                        needs::partitions},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- For how long nothing is served. The figures of the guide; nothing is expected of them.

struct outage_case {
  const char* name;
  bool is_safe;
  bool kills;
};
void PrintTo(const outage_case& of, std::ostream* to) { *to << of.name; }

class SentinelOutage : public testing::TestWithParam<outage_case> {};

TEST_P(SentinelOutage, IsMeasured) {
  for (unsigned round = 0; round < fault_scale(); ++round) {
    // As they would be set in earnest, and with Sentinel's own periods; not every run has time for
    // that.
    const bool is_earnest = fault_scale() > 1;
    sentinel_deployment redis({.is_safe = GetParam().is_safe, .hurries = !is_earnest});
    for (std::size_t i = 0; i < sentinel_deployment::sentinels && is_earnest; ++i) {
      redis.sentinel(i).command(
          {"SENTINEL", "SET", sentinel_deployment::name, "down-after-milliseconds", "5000"});
    }
    const std::size_t master = redis.master();
    const observed_store store(fitting({.url = redis.url()}, redis));
    ASSERT_TRUE(store.wait_until_ready());
    prober probe(*store, 1);
    probe.wait_for_service();
    if (GetParam().kills) {
      redis.server(master).kill9();
      redis.wait_for_master(1 - master);
      // With a replica to wait for, nothing is acknowledged before there is one again.
      redis.revive();
    } else {
      redis.fail_over_from(master);
    }
    probe.wait_for_service();
    redis.wait_until_whole();
    probe.wait_for_service();
    std::cout << "Sentinel, " << GetParam().name << ": not served for " << probe.longest_seconds()
              << " s\n";
  }
}

INSTANTIATE_TEST_SUITE_P(, SentinelOutage,
                         testing::ValuesIn({
                             outage_case{"KillAsRedisComes", false, true},
                             outage_case{"KillAsInTheGuide", true, true},
                             outage_case{"FailoverAsRedisComes", false, false},
                             outage_case{"FailoverAsInTheGuide", true, false},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::testing_support
