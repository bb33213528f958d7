// SPDX-License-Identifier: Apache-2.0
//
// Services on a store while its server and its network fail, and the promises of the room held
// against all that they asked and were told (support/history.hpp).

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/support/careless_store.hpp"
#include "idempotency_redis/support/fault_proxy.hpp"
#include "idempotency_redis/support/history.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"
#include "idempotency_redis/support/workload.hpp"

namespace parley::testing_support {
namespace {

using namespace std::chrono_literals;
using idempotency::claim_status;
using idempotency::write_status;
namespace ops = idempotency::ops;

// Of the repetitions of every fault; more where there is time: ctest -C deep -L deep
unsigned scale() {
  const char* const given = std::getenv("PARLEY_FAULT_SCALE");
  return given == nullptr ? 1 : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}
std::uint64_t seed() {
  const char* const given = std::getenv("PARLEY_FAULT_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

// A server, two ways to it, one of which fails, and a service on each.
struct world {
  explicit world(redis_server_options options) : server(std::move(options)) {}

  redis_server server;
  fault_proxy network{server.port()};
  observed_store far{hasty(network.url())};
  observed_store near{hasty(server.url())};
  workload work{{&*far, &*near}, {.seed = seed()}};
  std::mt19937_64 random{seed()};
  std::size_t faults = 0;  // beside those of the network

  void pass(std::size_t operations) {
    ASSERT_TRUE(work.wait_for_more(operations)) << "nothing goes on";
  }

  // Until a caller of the far store has been left in doubt, or the store knows that it is cut off.
  void leave_in_doubt() {
    const auto troubles = [&] {
      return far.told().count("outcome_unknown") + far.told().count("connect") +
             far.told().count("silence");
    };
    const std::size_t before = troubles();
    ASSERT_TRUE(eventually([&] { return troubles() > before; }));
  }

  // To the end of all faults: everything that was sent has been carried out, or never will be.
  void settle() {
    network.calm();
    work.stop();
    for (const observed_store* each : {&far, &near}) {
      const std::uint64_t nonce = 1'000'000 + ++settled_;
      ASSERT_TRUE(eventually([&] {
        return ops::claim(**each, {.key = nonce, .nonce = nonce}).status == claim_status::claimed;
      })) << "the store does not come back";
    }
    network.calm();
    // The server reads every connection once in a turn, 16 KiB at most.
    for (int i = 0; i < 50; ++i) server.command({"PING"});
  }

  verdict judge(const char* name) {
    work.sweep();
    const history told = work.take();
    const verdict found = check(told);
    std::cout << to_table(name, found, network.counts().all() + faults);
    if (!found.violations.empty()) std::cout << to_text(told, found.violations.front().key);
    return found;
  }

 private:
  std::uint64_t settled_ = 0;
};

struct fault_case {
  const char* name;
  append_only appends;
  unsigned rounds;
  std::size_t operations;  // that pass in a round
  void (*strike)(world&, unsigned round);
};
void PrintTo(const fault_case& of, std::ostream* to) { *to << of.name; }

void kill_and_restart(world& w, unsigned) {
  w.server.kill9();
  ++w.faults;
  w.pass(20);
  w.server.restart();
}
void stop_and_continue(world& w, unsigned) {
  w.server.stop();
  ++w.faults;
  w.pass(20);
  w.server.cont();
}
void cut_somewhere(world& w, unsigned round) {
  const way to = round % 2 == 0 ? way::to_server : way::to_client;
  w.network.cut_after(to, w.random() % 2'000, round % 4 < 2 ? cut::finish : cut::reset);
}
void swallow(world& w, unsigned round) {
  const way to = round % 2 == 0 ? way::to_server : way::to_client;
  w.network.swallow(to, true);
  w.leave_in_doubt();
  w.network.swallow(to, false);
}
void delay(world& w, unsigned round) {
  // Below the time that an operation has, above it, and above a lease.
  const std::chrono::milliseconds times[] = {20ms, 130ms, 300ms, 0ms};
  w.network.delay(round % 2 == 0 ? way::to_server : way::to_client, times[round / 2 % 4]);
}
void close_the_road(world& w, unsigned round) {
  if (round % 2 == 0) {
    w.network.refuse(true);
    w.network.reset_all();
    ASSERT_TRUE(w.far.told().wait_for("connect", w.far.told().count("connect") + 1));
    w.network.refuse(false);
  } else {
    w.network.blackhole(true);
    w.leave_in_doubt();
    w.network.blackhole(false);
  }
}
void interfere(world& w, unsigned) {
  ++w.faults;
  switch (w.random() % 3) {
    case 0: w.server.command({"SCRIPT", "FLUSH"}); break;
    case 1: w.server.command({"CLIENT", "KILL", "TYPE", "normal"}); break;
    case 2: w.server.try_command({"DEBUG", "SLEEP", "0.15"}); break;
  }
}
void anything(world& w, unsigned) {
  const auto round = static_cast<unsigned>(w.random());
  for (const way to : {way::to_server, way::to_client}) w.network.delay(to, 0ms);
  switch (w.random() % 9) {
    case 0: kill_and_restart(w, round); break;
    case 1: stop_and_continue(w, round); break;
    case 2: swallow(w, round); break;
    case 3: delay(w, round); break;
    case 4: close_the_road(w, round); break;
    case 5: interfere(w, round); break;
    default: cut_somewhere(w, round); break;
  }
}

const fault_case fault_cases[] = {
    {"None", append_only::no, 1, 1'500, [](world& w, unsigned) { ++w.faults; }},
    {"KillAndRestart", append_only::always, 5, 150, kill_and_restart},
    {"StopAndContinue", append_only::no, 6, 100, stop_and_continue},
    {"Cuts", append_only::no, 80, 15, cut_somewhere},
    {"SwallowedBytes", append_only::no, 12, 50, swallow},
    {"Delays", append_only::no, 16, 50, delay},
    {"RefusalsAndBlackholes", append_only::no, 10, 60, close_the_road},
    {"FlushedScriptsAndKilledClients", append_only::no, 30, 40, interfere},
    {"AllTogether", append_only::always, 30, 40, anything},
};

class FaultTest : public testing::TestWithParam<fault_case> {};

TEST_P(FaultTest, BreaksNoPromise) {
  const fault_case& of = GetParam();
  world w({.appends = of.appends});
  w.work.start();
  for (unsigned round = 0; round < of.rounds * scale(); ++round) {
    ASSERT_NO_FATAL_FAILURE(w.pass(of.operations));
    ASSERT_NO_FATAL_FAILURE(of.strike(w, round));
  }
  ASSERT_NO_FATAL_FAILURE(w.pass(of.operations));
  ASSERT_NO_FATAL_FAILURE(w.settle());
  const verdict found = w.judge(of.name);
  EXPECT_TRUE(found.violations.empty());
  // A history in which nothing happened proves nothing.
  EXPECT_GE(w.network.counts().all() + w.faults, of.rounds / 2);
  EXPECT_GT(found.acknowledged, 10u);
  EXPECT_GT(found.replays, 10u);
  EXPECT_GT(found.takeovers, 0u);
  EXPECT_LE(found.undecided, found.keys / 10);
}

INSTANTIATE_TEST_SUITE_P(, FaultTest, testing::ValuesIn(fault_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- Controls: what must be seen, is.

TEST(FaultControl, WithoutAppendOnlyAKillLosesCompletions) {
  world w({});
  w.work.start();
  for (int round = 0; round < 2; ++round) {
    ASSERT_NO_FATAL_FAILURE(w.pass(300));
    kill_and_restart(w, 0);
  }
  ASSERT_NO_FATAL_FAILURE(w.settle());
  const verdict found = w.judge("no append-only file, kill -9");
  EXPECT_GT(found.count(property::completion_is_kept), 0u);
  // What was lost is forgotten, not mixed up.
  EXPECT_EQ(found.count(property::superseded_is_inert), 0u);
  EXPECT_EQ(found.count(property::everything_ends), 0u);
}

struct careless_case {
  const char* name;
  mistake made;
  property broken;
};
void PrintTo(const careless_case& of, std::ostream* to) { *to << of.name; }

class MistakeControl : public testing::TestWithParam<careless_case> {};

TEST_P(MistakeControl, SeesTheMistake) {
  redis_server server;
  observed_store store(patient(server.url()));
  ASSERT_TRUE(store.wait_until_ready());
  careless_store careless(*store, server, GetParam().made);
  // Chance decides whether a history meets the mistake.
  std::size_t seen = 0;
  for (std::uint64_t i = 0; i < 10 && seen == 0; ++i) {
    workload work({&careless}, {.seed = seed() + i, .lease = 50ms, .careless_percent = 75});
    work.start();
    ASSERT_TRUE(work.wait_for_more(1'500));
    work.stop();
    work.sweep();
    const verdict found = check(work.take(), 20'000);
    std::cout << to_table(GetParam().name, found, 0);
    seen = found.count(GetParam().broken);
    server.command({"FLUSHALL"});
  }
  EXPECT_GT(seen, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    , MistakeControl,
    testing::ValuesIn({
        careless_case{"CompleteWithoutCompare", mistake::complete_without_compare,
                      property::superseded_is_inert},
        careless_case{"TakeoverWithinTheLease", mistake::takeover_within_the_lease,
                      property::holders_are_alone},
        careless_case{"ReleaseDeletes", mistake::release_deletes, property::superseded_is_inert},
    }),
    [](const auto& each) { return std::string(each.param.name); });

// ---- A conversation, cut at every byte.

struct conversation {
  const char* name;
  // Leads to where the operation can be asked.
  void (*prepare)(idempotency::store&, const ops::attempt&);
  // True: it was answered as it should be, carried out once or twice.
  bool (*ask)(idempotency::store&, const ops::attempt&);
  // What another attempt is told afterwards.
  claim_status then;
};
void PrintTo(const conversation& of, std::ostream* to) { *to << of.name; }

void claim_first(idempotency::store& records, const ops::attempt& by) {
  ASSERT_EQ(ops::claim(records, by).status, claim_status::claimed);
}
bool is_success(const ops::write_answer& said) {
  return said.status == write_status::applied || said.status == write_status::already_applied;
}

const conversation conversations[] = {
    {"Claim", [](idempotency::store&, const ops::attempt&) {},
     [](idempotency::store& records, const ops::attempt& by) {
       const auto said = ops::claim(records, by);
       return said.status == claim_status::claimed && said.fence == by.unix_ms && said.id == by.id;
     },
     claim_status::running},
    {"TakeOver",
     [](idempotency::store& records, const ops::attempt& by) {
       ops::attempt other = by;
       other.nonce += 1'000'000;
       claim_first(records, other);
       ASSERT_TRUE(is_success(ops::release(records, other)));
     },
     [](idempotency::store& records, const ops::attempt& by) {
       const auto said = ops::claim(records, by);
       return said.status == claim_status::claimed && said.fence > by.unix_ms;
     },
     claim_status::running},
    {"Complete", claim_first,
     [](idempotency::store& records, const ops::attempt& by) {
       return is_success(ops::complete(records, by, "a response"));
     },
     claim_status::completed},
    {"Release", claim_first,
     [](idempotency::store& records, const ops::attempt& by) {
       return is_success(ops::release(records, by));
     },
     claim_status::claimed},
    {"Renew", claim_first,
     [](idempotency::store& records, const ops::attempt& by) {
       return is_success(ops::renew(records, by));
     },
     claim_status::running},
    {"Mark", claim_first,
     [](idempotency::store& records, const ops::attempt& by) {
       return is_success(ops::mark(records, by, "a note"));
     },
     claim_status::running},
};

class CutConversation : public testing::TestWithParam<conversation> {};

TEST_P(CutConversation, AtEveryByteIsCarriedOn) {
  const conversation& of = GetParam();
  redis_server server;
  fault_proxy network(server.port());
  idempotency_redis::redis_store_options options = patient(network.url());
  options.reconnect_min = options.reconnect_max = 1ms;
  observed_store store(options);
  ASSERT_TRUE(store.wait_until_ready());
  std::uint64_t number = 0;
  for (const way to : {way::to_server, way::to_client}) {
    bool was_cut = true;
    std::uint64_t cuts = 0;
    for (std::uint64_t at = 0; was_cut; ++at) {
      const ops::attempt by{.key = ++number, .nonce = number, .unix_ms = 1'000};
      ASSERT_NO_FATAL_FAILURE(of.prepare(*store, by));
      const std::size_t before = network.counts().cuts;
      network.cut_after(to, at, at % 2 == 0 ? cut::finish : cut::reset);
      EXPECT_TRUE(of.ask(*store, by))
          << "cut after byte " << at << " of way " << static_cast<unsigned>(to);
      network.calm();
      was_cut = network.counts().cuts > before;
      if (was_cut) ++cuts;
      const ops::attempt other{.key = by.key, .nonce = number + 2'000'000};
      EXPECT_EQ(ops::claim(*store, other).status, of.then)
          << "cut after byte " << at << " of way " << static_cast<unsigned>(to);
    }
    // The shortest command and the shortest reply.
    EXPECT_GE(cuts, to == way::to_server ? 100u : 4u);
  }
}

INSTANTIATE_TEST_SUITE_P(, CutConversation, testing::ValuesIn(conversations),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::testing_support
