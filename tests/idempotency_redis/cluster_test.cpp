// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support/allocations.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using idempotency::store_errc;

// Three masters, a third of the slots each, and a replica that owns nothing.
slot_layout thirds() {
  slot_layout made;
  made.nodes = {{"10.0.0.1", 1}, {"10.0.0.2", 2}, {"10.0.0.3", 3}, {"10.0.0.4", 4}};
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    made.owners.push_back(static_cast<node_id>(slot * 3 / slot_count));
  }
  return made;
}

class ClusterTest : public testing::Test {
 protected:
  explicit ClusterTest(cluster_options options = {})
      : map(options, {{"seed", 1}, {"seed", 2}}, 7) {}

  void SetUp() override { refresh(thirds()); }

  void refresh(const slot_layout& layout) {
    now += 1h;
    poke();
    const auto asked = map.poll(now);
    ASSERT_TRUE(asked.has_value());
    map.on_layout(*asked, layout, now);
  }
  // Makes a refresh due, if none is.
  void poke() {
    if (map.next_poll() == cluster::time::max()) map.on_lost(seed_down, now);
    map.on_connected(seed_down);
  }
  std::string name(node_id of) const {
    return map.address(of).host + ":" + std::to_string(map.address(of).port);
  }
  // Where the operation goes: "=" to send, "?" to ask, "+" to wait, "!" to fail.
  std::string text(const route& of) const {
    switch (of.step) {
      case route_step::send: return "=" + name(of.to);
      case route_step::ask: return "?" + name(of.to);
      case route_step::wait: return "+";
      case route_step::fail: return "!";
    }
    return {};
  }
  std::string begin(std::uint16_t slot) { return text(map.begin(way, slot, now)); }
  std::string error(node_id from, std::string_view said) {
    const auto next = map.on_error(way, from, said, now);
    return next ? text(*next) : "none";
  }

  static constexpr node_id seed_down = 0;
  cluster map;
  routing way;
  cluster::time now{1h};
};

TEST_F(ClusterTest, SendsToTheOwnerOfTheSlot) {
  EXPECT_EQ(begin(0), "=10.0.0.1:1");
  EXPECT_EQ(begin(5'461), "=10.0.0.1:1");
  EXPECT_EQ(begin(5'462), "=10.0.0.2:2");
  EXPECT_EQ(begin(16'383), "=10.0.0.3:3");
}

TEST_F(ClusterTest, NodeWithoutAHostIsWhereItWasAsked) {
  cluster fresh({}, {{"a", 1}}, 7);
  ASSERT_TRUE(fresh.poll(now).has_value());
  slot_layout layout = thirds();
  layout.nodes[0].host.clear();
  fresh.on_layout(0, layout, now);
  const node_id owner = fresh.begin(way, 0, now).to;
  EXPECT_EQ(fresh.address(owner), (node_address{"a", 1}));
  EXPECT_EQ(owner, 0);  // the seed itself
}

TEST_F(ClusterTest, WaitsForTheFirstLayout) {
  cluster fresh({}, {{"a", 1}}, 7);
  const route first = fresh.begin(way, 5, now);
  EXPECT_EQ(first.step, route_step::wait);
  EXPECT_GT(first.after, 0us);
  EXPECT_FALSE(fresh.has_layout());
  EXPECT_EQ(fresh.poll(now), node_id{0});
  EXPECT_TRUE(fresh.on_layout(0, thirds(), now));
  EXPECT_TRUE(fresh.has_layout());
  EXPECT_EQ(fresh.again(way, now).step, route_step::send);
}

TEST_F(ClusterTest, MovedChangesTheSlotAndAsksForTheMap) {
  ASSERT_EQ(map.next_poll(), cluster::time::max());
  const route first = map.begin(way, 5, now);
  EXPECT_EQ(error(first.to, "MOVED 5 10.0.0.2:2"), "=10.0.0.2:2");
  EXPECT_EQ(begin(5), "=10.0.0.2:2");
  EXPECT_EQ(begin(4), "=10.0.0.1:1");
  EXPECT_EQ(begin(6), "=10.0.0.1:1");
  EXPECT_LT(map.next_poll(), cluster::time::max());
}

TEST_F(ClusterTest, MovedToANodeThatNobodyKnewIsFollowed) {
  const route first = map.begin(way, 5, now);
  EXPECT_EQ(error(first.to, "MOVED 5 ::1:9"), "=::1:9");
  EXPECT_EQ(error(first.to, "MOVED 5 :9"), "=10.0.0.1:9");
}

TEST_F(ClusterTest, AskChangesNothing) {
  const route first = map.begin(way, 5, now);
  EXPECT_EQ(error(first.to, "ASK 5 10.0.0.2:2"), "?10.0.0.2:2");
  EXPECT_EQ(begin(5), "=10.0.0.1:1");
  EXPECT_EQ(map.next_poll(), cluster::time::max());
}

TEST_F(ClusterTest, TryAgainGoesBackToTheOwner) {
  const route first = map.begin(way, 5, now);
  ASSERT_EQ(error(first.to, "ASK 5 10.0.0.2:2"), "?10.0.0.2:2");
  EXPECT_EQ(error(2, "TRYAGAIN Multiple keys request during rehashing of slot"), "+");
  EXPECT_EQ(text(map.again(way, now)), "=10.0.0.1:1");
  EXPECT_EQ(map.next_poll(), cluster::time::max());
}

struct passing_case {
  const char* name;
  const char* text;
};
void PrintTo(const passing_case& of, std::ostream* to) { *to << of.name; }

class ClusterPassing : public ClusterTest, public testing::WithParamInterface<passing_case> {};

TEST_P(ClusterPassing, WaitsAndAsksForTheMap) {
  const route first = map.begin(way, 5, now);
  EXPECT_EQ(error(first.to, GetParam().text), "+");
  EXPECT_LT(map.next_poll(), cluster::time::max());
  EXPECT_EQ(text(map.again(way, now)), "=10.0.0.1:1");
}

constexpr passing_case passing_cases[] = {
    {"ClusterDown", "CLUSTERDOWN The cluster is down"},
    {"ClusterDownAlone", "CLUSTERDOWN"},
    {"Loading", "LOADING Redis is loading the dataset in memory"},
    {"MasterDown", "MASTERDOWN Link with MASTER is down"},
    {"ReadOnly", "READONLY You can't write against a read only replica."},
    {"MovedNowhere", "MOVED 5 ?:1"},
    {"MovedMalformed", "MOVED 5"},
    {"MovedOfAnotherSlot", "MOVED 6 10.0.0.2:2"},
    {"AskMalformed", "ASK 5 10.0.0.2"},
    {"AskNowhere", "ASK 5 ?:2"},
};
INSTANTIATE_TEST_SUITE_P(, ClusterPassing, testing::ValuesIn(passing_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(ClusterTest, LeavesOtherErrorsToTheOperation) {
  const route first = map.begin(way, 5, now);
  for (const char* said : {"ERR unknown", "NOSCRIPT", "OOM x", "NOREPLICAS x", "MOVEDON 5 a:1",
                           "NOPERM x", "BUSY x", "", "moved 5 a:1"}) {
    EXPECT_EQ(error(first.to, said), "none") << said;
  }
}

TEST_F(ClusterTest, LoopsOfRedirectsWaitAndThenFail) {
  std::size_t redirects = 0;
  std::size_t waits = 0;
  route next = map.begin(way, 5, now);
  while (next.step != route_step::fail) {
    ASSERT_LT(redirects + waits, 1'000u);
    if (next.step == route_step::wait) {
      ++waits;
      EXPECT_GE(next.after, 2'500us);
      EXPECT_LE(next.after, 100ms);
      next = map.again(way, now);
      continue;
    }
    const bool is_first = name(next.to) == "10.0.0.1:1";
    next = *map.on_error(way, next.to, is_first ? "MOVED 5 10.0.0.2:2" : "MOVED 5 10.0.0.1:1", now);
    if (next.step == route_step::send) ++redirects;
  }
  EXPECT_EQ(waits, 32u);
  EXPECT_EQ(redirects, 33u * 5u);
  EXPECT_EQ(next.failure.why, store_errc::unavailable);
  EXPECT_TRUE(next.failure.is_retryable);
  EXPECT_TRUE(next.failure.is_outcome_known);
}

TEST_F(ClusterTest, OperationsOfALostNodeWaitForItOrForAnother) {
  const route first = map.begin(way, 5, now);
  map.on_lost(first.to, now);
  EXPECT_EQ(text(map.again(way, now)), "+");
  EXPECT_EQ(begin(16'383), "=10.0.0.3:3");
  EXPECT_EQ(begin(5), "+");
  EXPECT_EQ(error(first.to, "MOVED 5 10.0.0.2:2"), "=10.0.0.2:2");
  EXPECT_EQ(error(first.to, "MOVED 5 10.0.0.1:1"), "+");
  map.on_connected(first.to);
  EXPECT_EQ(begin(5), "=10.0.0.1:1");
}

TEST_F(ClusterTest, SlotThatNobodyHasIsWaitedFor) {
  slot_layout layout = thirds();
  layout.owners[5] = no_node;
  refresh(layout);
  EXPECT_EQ(begin(4), "=10.0.0.1:1");
  EXPECT_EQ(begin(5), "+");
}

// ---- The map

TEST_F(ClusterTest, OneLayoutIsAskedForAtATimeAndNotTooOften) {
  map.on_lost(2, now);
  EXPECT_EQ(map.next_poll(), now + 100ms);  // the last was asked for just now
  EXPECT_EQ(map.poll(now + 99ms), std::nullopt);
  now += 100ms;
  auto asked = map.poll(now);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(map.poll(now), std::nullopt);
  map.on_lost(3, now);
  EXPECT_EQ(map.next_poll(), now + 1s);  // the one on its way
  now += 1ms;
  map.on_layout(*asked, thirds(), now);
  EXPECT_EQ(map.next_poll(), now + 99ms);  // what happened since may not be in it
  now += 99ms;
  asked = map.poll(now);
  ASSERT_TRUE(asked.has_value());
  map.on_layout(*asked, thirds(), now);
  EXPECT_EQ(map.next_poll(), cluster::time::max());
}

TEST_F(ClusterTest, NodesAreAskedInTurnAndTheLostOnesLast) {
  std::vector<bool> was_asked(map.nodes_end());
  map.on_lost(3, now);
  for (std::size_t i = 0; i < map.nodes_end(); ++i) {
    now += 1s;
    poke();
    const auto asked = map.poll(now);
    ASSERT_TRUE(asked.has_value());
    was_asked.at(*asked) = true;
    map.on_layout(*asked, thirds(), now);
  }
  for (node_id id = 0; id < map.nodes_end(); ++id) EXPECT_EQ(was_asked[id], id != 3) << id;
  for (node_id id = 0; id < map.nodes_end(); ++id) map.on_lost(id, now);
  now += 1s;
  EXPECT_TRUE(map.poll(now).has_value());
}

TEST_F(ClusterTest, WhileAllFailTheyAreAskedMoreAndMoreSeldom) {
  map.on_lost(0, now);
  std::vector<cluster::time> times;
  const std::size_t nodes = map.nodes_end();
  for (std::size_t i = 0; i < 10 * nodes; ++i) {
    now = std::max(now, map.next_poll());
    times.push_back(now);
    const auto asked = map.poll(now);
    ASSERT_TRUE(asked.has_value()) << i;
    map.on_refresh_failed(*asked, now);
  }
  for (std::size_t i = 1; i < times.size(); ++i) {
    const auto between = times[i] - times[i - 1];
    if (i % nodes != 0) {
      EXPECT_EQ(between, 100ms) << i;
      continue;
    }
    const auto full = std::min<std::chrono::nanoseconds>(2s, 100ms * (1 << (i / nodes - 1)));
    EXPECT_GE(between, full / 2) << i;
    EXPECT_LE(between, full) << i;
  }
  // One that answers ends it.
  now = map.next_poll();
  const auto asked = map.poll(now);
  ASSERT_TRUE(asked.has_value());
  map.on_layout(*asked, thirds(), now);
  map.on_lost(1, now);
  EXPECT_EQ(map.next_poll(), now + 100ms);
}

TEST_F(ClusterTest, NodeThatDoesNotAnswerIsPassedOver) {
  map.on_lost(0, now);
  now += 1s;
  const auto first = map.poll(now);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(map.poll(now + 999ms), std::nullopt);
  const auto second = map.poll(now + 1s);
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first, second);
  slot_layout late = thirds();
  late.owners.assign(slot_count, 3);
  EXPECT_FALSE(map.on_layout(*first, late, now + 1s));
  map.on_refresh_failed(*first, now + 1s);
  EXPECT_EQ(begin(5), "=10.0.0.1:1");
  EXPECT_EQ(map.next_poll(), now + 2s);
}

TEST_F(ClusterTest, LayoutOfANodeThatWasResetIsNotTaken) {
  slot_layout layout = thirds();
  layout.owners.assign(slot_count, no_node);
  refresh(layout);
  EXPECT_EQ(begin(5), "=10.0.0.1:1");
  EXPECT_LT(map.next_poll(), cluster::time::max());
}

TEST_F(ClusterTest, NodeOutOfEveryLayoutIsRetiredAndItsPlaceUsedAgain) {
  const node_id gone = map.begin(way, 5, now).to;
  slot_layout layout = thirds();
  layout.nodes[0] = {"10.0.0.9", 9};
  refresh(layout);
  EXPECT_EQ(begin(5), "=10.0.0.9:9");
  EXPECT_TRUE(map.is_retired(gone));
  EXPECT_EQ(name(gone), "10.0.0.1:1");
  refresh(thirds());
  EXPECT_FALSE(map.is_retired(gone));  // it is back
  refresh(layout);
  const std::size_t end = map.nodes_end();
  map.forget(gone);
  EXPECT_FALSE(map.is_retired(gone));
  layout.nodes[1] = {"10.0.0.8", 8};
  refresh(layout);
  EXPECT_EQ(map.nodes_end(), end);
  EXPECT_EQ(name(gone), "10.0.0.8:8");
  for (const node_id seed : {node_id{0}, node_id{1}}) EXPECT_FALSE(map.is_retired(seed));
}

TEST_F(ClusterTest, RedirectsToEverNewNodesAreBounded) {
  const node_id from = map.begin(way, 5, now).to;
  for (unsigned port = 1; port <= 3'000; ++port) {
    map.begin(way, 5, now);
    map.on_error(way, from, "MOVED 5 b:" + std::to_string(port), now);
  }
  EXPECT_EQ(map.nodes_end(), nodes_max);
  map.begin(way, 6, now);
  EXPECT_EQ(error(from, "MOVED 6 c:1"), "+");
  refresh(thirds());
  EXPECT_EQ(begin(6), "=10.0.0.1:1");
}

TEST_F(ClusterTest, RoutingAllocatesNothing) {
  const node_id from = map.begin(way, 5, now).to;
  map.on_error(way, from, "MOVED 5 10.0.0.2:2", now);
  const std::size_t before = testing_support::allocations();
  for (std::uint16_t slot = 0; slot < 1'000; ++slot) {
    const route next = map.begin(way, slot, now);
    map.on_error(way, next.to, "ASK 5 10.0.0.2:2", now);
    map.on_error(way, next.to, "MOVED 5 10.0.0.1:1", now);
    map.on_error(way, next.to, "TRYAGAIN", now);
    map.again(way, now);
  }
  EXPECT_EQ(testing_support::allocations(), before);
}

}  // namespace
}  // namespace parley::idempotency_redis
