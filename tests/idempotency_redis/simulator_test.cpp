// SPDX-License-Identifier: Apache-2.0
//
// Histories of simulated services, networks and servers (simulator/simulator.hpp), and the promises
// of the room held against each. PARLEY_SIMULATOR_HISTORIES: how many; PARLEY_SIMULATOR_SEED: of
// the first; PARLEY_SIMULATOR_REPLAY: one that failed, as it was printed.

#include "idempotency_redis/simulator/simulator.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace parley::testing_support::simulator {
namespace {

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* const given = std::getenv(variable);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::string describe(const scenario& of) {
  const outcome found = run(of);
  std::string text = "replay with PARLEY_SIMULATOR_REPLAY=" + to_text(of) + "\n";
  for (const std::string& each : found.violations) text += "  " + each + "\n";
  for (const std::string& each : found.faults) text += "  fault at " + each + "\n";
  return text + found.text;
}

struct setting {
  const char* name;
  topology shape;
  bool is_supported;
};
void PrintTo(const setting& of, std::ostream* to) { *to << of.name; }

class Simulator : public testing::TestWithParam<setting> {};

TEST_P(Simulator, BreaksNoPromise) {
  const std::uint64_t first = number_of("PARLEY_SIMULATOR_SEED", 1);
  const std::uint64_t histories = number_of("PARLEY_SIMULATOR_HISTORIES", 500);
  std::size_t operations = 0, faults = 0, failovers = 0, unknown = 0, acknowledged = 0;
  std::size_t contradicted = 0, lost = 0, hasty = 0, failed = 0;
  std::uint64_t reroutes = 0;
  const std::clock_t begin = std::clock();  // of the processor: others may be busy on it, too
  for (std::uint64_t i = 0; i < histories && failed < 3; ++i) {
    scenario of;
    of.seed = first + i;
    of.shape = GetParam().shape;
    of.is_supported = GetParam().is_supported;
    const outcome found = run(of);
    operations += found.operations;
    faults += found.faults.size();
    failovers += found.failovers;
    unknown += found.unknown;
    acknowledged += found.acknowledged;
    contradicted += found.contradicted;
    lost += found.lost_keys;
    hasty += found.hasty_refusals;
    reroutes += found.reroutes;
    if (found.is_fine()) continue;
    ++failed;
    ADD_FAILURE() << "seed " << of.seed << "\n" << describe(shrink(of));
  }
  const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::cout << GetParam().name << ": " << histories << " histories, " << operations
            << " operations, " << faults << " faults, " << failovers << " failovers, " << reroutes
            << " rerouted, " << unknown << " unknown, " << acknowledged << " completed; " << lost
            << " keys lost something, " << contradicted << " contradictions, " << hasty
            << " hasty refusals; "
            << static_cast<std::uint64_t>(static_cast<double>(histories) / took * 60)
            << " histories a minute\n";
  // Histories in which nothing happened prove nothing.
  EXPECT_GT(operations, 10 * histories);
  EXPECT_GT(faults, histories);
  EXPECT_GT(acknowledged, histories);
  EXPECT_GT(reroutes, histories / 10);
  EXPECT_GT(unknown, histories / 20);
  EXPECT_GE(failovers, GetParam().shape == topology::standalone ? 0 : histories / 10);
  if (GetParam().is_supported) {
    EXPECT_EQ(contradicted, 0u);
  } else {
    EXPECT_GT(contradicted, 0u) << "the default setting is not seen to lose anything";
  }
}

constexpr setting settings[] = {
    {"StandaloneByDefault", topology::standalone, false},
    {"StandaloneSupported", topology::standalone, true},
    {"SentinelByDefault", topology::sentinel, false},
    {"SentinelSupported", topology::sentinel, true},
    {"ClusterByDefault", topology::cluster, false},
    {"ClusterSupported", topology::cluster, true},
};
INSTANTIATE_TEST_SUITE_P(, Simulator, testing::ValuesIn(settings),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- The judge is judged

struct mistake_case {
  const char* name;
  planted mistake;
  topology shape;
};
void PrintTo(const mistake_case& of, std::ostream* to) { *to << of.name; }

class SimulatorFinds : public testing::TestWithParam<mistake_case> {};

TEST_P(SimulatorFinds, AMistakeAndShrinksIt) {
  // A tenth of what a minute is enough for.
  constexpr std::uint64_t histories = 5'000;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    scenario of;
    of.seed = seed;
    of.shape = GetParam().shape;
    of.mistake = GetParam().mistake;
    const outcome found = run(of);
    if (found.is_fine()) continue;
    const scenario smaller = shrink(of);
    const outcome left = run(smaller);
    EXPECT_FALSE(left.is_fine());
    EXPECT_LE(left.faults.size(), found.faults.size());
    EXPECT_LE(left.attempts, found.attempts);
    scenario right = smaller;
    right.mistake = planted::none;
    EXPECT_TRUE(run(right).is_fine()) << describe(right);
    std::cout << "history " << seed << ", " << found.attempts << " attempts and "
              << found.faults.size() << " faults, shrunk to " << left.attempts << " and "
              << left.faults.size() << ": " << left.violations.front() << "\n";
    return;
  }
  FAIL() << "not found in " << histories << " histories";
}

constexpr mistake_case mistake_cases[] = {
    {"NewNonceWhenSentAgainAlone", planted::new_nonce_when_sent_again, topology::standalone},
    {"NewNonceWhenSentAgainBehindSentinels", planted::new_nonce_when_sent_again,
     topology::sentinel},
    {"NewNonceWhenSentAgainInACluster", planted::new_nonce_when_sent_again, topology::cluster},
    {"AskUpdatesTheMap", planted::ask_updates_the_map, topology::cluster},
    {"DeadlineFromTheLastSend", planted::deadline_from_the_last_send, topology::standalone},
    {"DeadlineFromTheLastSendInACluster", planted::deadline_from_the_last_send, topology::cluster},
};
INSTANTIATE_TEST_SUITE_P(, SimulatorFinds, testing::ValuesIn(mistake_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(SimulatorScenario, GivesTheSameHistoryAgain) {
  std::uint64_t before = 0;
  for (const setting& each : settings) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      scenario of;
      of.seed = seed;
      of.shape = each.shape;
      of.is_supported = each.is_supported;
      const outcome first = run(of);
      EXPECT_EQ(first.digest, run(of).digest) << to_text(of);
      EXPECT_NE(first.digest, before) << to_text(of);
      before = first.digest;
    }
  }
}

TEST(SimulatorScenario, HasAText) {
  scenario of;
  of.seed = 7;
  of.shape = topology::cluster;
  of.is_supported = false;
  of.attempts = 3;
  of.faults = 5;
  EXPECT_EQ(to_text(of), "cluster/default/7/3/5");
  const auto read = parse_scenario(to_text(of));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_text(*read), to_text(of));
  const auto whole = parse_scenario("standalone/supported/9");
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->seed, 9u);
  EXPECT_TRUE(whole->is_supported);
  EXPECT_EQ(whole->faults, UINT64_MAX);
  for (const char* wrong :
       {"", "7", "cluster", "cluster/default", "cluster/default/", "x/default/1", "cluster/x/1",
        "cluster/default/x", "cluster/default/1/2/3/4"}) {
    EXPECT_FALSE(parse_scenario(wrong).has_value()) << wrong;
  }
}

TEST(SimulatorScenario, OfTheEnvironment) {
  const char* const given = std::getenv("PARLEY_SIMULATOR_REPLAY");
  if (given == nullptr) GTEST_SKIP() << "PARLEY_SIMULATOR_REPLAY is not set";
  const auto of = parse_scenario(given);
  ASSERT_TRUE(of.has_value()) << given;
  std::cout << describe(*of);
  EXPECT_TRUE(run(*of).is_fine());
}

}  // namespace
}  // namespace parley::testing_support::simulator
