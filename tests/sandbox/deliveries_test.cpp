// SPDX-License-Identifier: Apache-2.0
#include "sandbox/deliveries.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

time_point at(std::chrono::microseconds since) { return time_point(since); }

std::vector<std::string> ids_of(const std::vector<delivery_queue::attempt>& attempts) {
  std::vector<std::string> ids;
  for (const auto& each : attempts) ids.push_back(each.id);
  return ids;
}

TEST(DeliveryQueue, TakesWhatIsDueInTheOrderOfItsTime) {
  delivery_queue queue;
  EXPECT_FALSE(queue.next_due());
  queue.add("b", "s", "call_b", at(2s));
  queue.add("a", "s", "call_a", at(1s));
  queue.add("c", "s", "call_c", at(3s));
  EXPECT_EQ(queue.next_due(), at(1s));
  EXPECT_THAT(queue.take_due(at(1s - 1us)), IsEmpty());
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("a", "b"));
  EXPECT_EQ(queue.next_due(), at(3s));
  EXPECT_EQ(queue.counts().pending, 3u);
}

TEST(DeliveryQueue, DoesNotTakeTwiceWhatIsOnItsWay) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  const auto first = queue.take_due(at(1s));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].call_id, "call_a");
  EXPECT_EQ(first[0].scope, "s");
  EXPECT_EQ(first[0].number, 1u);
  EXPECT_THAT(queue.take_due(at(100h)), IsEmpty());
  EXPECT_FALSE(queue.next_due());
}

TEST(DeliveryQueue, EndsWithASuccess) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  queue.take_due(at(1s));
  queue.attempted("a", true, at(2s));
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().pending, 0u);
  EXPECT_EQ(queue.counts().delivered, 1u);
  queue.attempted("a", true, at(2s));  // of another, or of none
  EXPECT_EQ(queue.counts().delivered, 1u);
}

TEST(DeliveryQueue, DoublesItsPausesUpToAMinute) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(0s));
  std::vector<std::int64_t> pauses;
  time_point now = at(0s);
  for (unsigned number = 1; number <= 10; ++number) {
    const auto taken = queue.take_due(now);
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_EQ(taken[0].number, number);
    queue.attempted("a", false, now);
    pauses.push_back(
        std::chrono::floor<std::chrono::milliseconds>(*queue.next_due() - now).count());
    now = *queue.next_due();
  }
  EXPECT_THAT(pauses, ElementsAre(500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000));
}

TEST(DeliveryQueue, GivesUpAfterADay) {
  for (const auto& [now, is_kept] :
       {std::pair(at(24h - 501ms), true), std::pair(at(24h - 500ms), false)}) {
    delivery_queue queue;
    queue.add("a", "s", "call_a", at(0s));
    queue.take_due(at(0s));
    queue.attempted("a", false, now);
    EXPECT_EQ(queue.next_due().has_value(), is_kept);
    EXPECT_EQ(queue.counts().given_up, is_kept ? 0u : 1u);
  }
}

TEST(DeliveryQueue, HastensWhatWasNotBegun) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(10s));
  queue.hasten("call_a", at(5s));
  EXPECT_EQ(queue.next_due(), at(5s));
  queue.hasten("call_a", at(7s));
  EXPECT_EQ(queue.next_due(), at(5s)) << "never later";
  queue.hasten("call_b", at(1s));
  EXPECT_EQ(queue.next_due(), at(5s));
  queue.take_due(at(5s));
  queue.hasten("call_a", at(1s));
  EXPECT_FALSE(queue.next_due());
  queue.attempted("a", false, at(5s));
  queue.hasten("call_a", at(1s));
  EXPECT_EQ(queue.next_due(), at(5s + 500ms));
}

TEST(DeliveryQueue, ForgetsAScope) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  queue.add("b", "t", "call_b", at(1s));
  queue.add("c", "s", "call_c", at(1s));
  queue.take_due(at(0s));
  queue.forget("s");
  EXPECT_THAT(ids_of(queue.take_due(at(1s))), ElementsAre("b"));
  queue.forget("t");  // on its way
  queue.attempted("b", false, at(2s));
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().pending, 0u);
}

TEST(DeliveryQueue, ClearsAll) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  queue.clear();
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().pending, 0u);
  queue.hasten("call_a", at(0s));
  EXPECT_THAT(queue.take_due(at(9s)), IsEmpty());
}

TEST(DeliveryQueue, HoldsNoMoreThanItsBound) {
  delivery_queue queue;
  for (std::size_t i = 0; i < deliveries_max; ++i) {
    queue.add("e" + std::to_string(i), "s", "c" + std::to_string(i), at(std::chrono::seconds(i)));
  }
  EXPECT_EQ(queue.counts().given_up, 0u);
  queue.add("late", "s", "late", at(1s));
  EXPECT_EQ(queue.counts().pending, deliveries_max);
  EXPECT_EQ(queue.counts().given_up, 1u);
  EXPECT_EQ(queue.next_due(), at(1s)) << "what was due first is gone";
}

// Faults.

TEST(DeliveryFault, Delays) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s), {.delay = 2500ms});
  EXPECT_EQ(queue.next_due(), at(3500ms));
}

TEST(DeliveryFault, Duplicates) {
  delivery_queue queue;
  queue.add("a", "s", "call_a", at(1s), {.is_duplicated = true});
  EXPECT_THAT(ids_of(queue.take_due(at(1s))), ElementsAre("a"));
  queue.attempted("a", false, at(1s));
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("a"));
  queue.attempted("a", true, at(2s));
  const auto again = queue.take_due(at(2s));
  EXPECT_THAT(ids_of(again), ElementsAre("a"));
  EXPECT_EQ(again[0].number, 3u);
  queue.attempted("a", true, at(2s));
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().delivered, 2u);
}

TEST(DeliveryFault, HoldsBackUntilTheNextOfItsScopeWasSent) {
  delivery_queue queue;
  queue.add("late", "s", "call_a", at(1s), {.is_held = true});
  queue.add("other", "t", "call_b", at(1s));
  EXPECT_THAT(ids_of(queue.take_due(at(1s))), ElementsAre("other"));
  queue.add("next", "s", "call_c", at(2s));
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("next"));
  queue.attempted("other", true, at(2s));
  EXPECT_THAT(queue.take_due(at(2s)), IsEmpty()) << "of another scope";
  queue.attempted("next", false, at(2s));
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("late"));
  queue.attempted("late", false, at(2s));
  EXPECT_EQ(queue.next_due(), at(2s + 500ms)) << "once it was sent it is as any other";
}

TEST(DeliveryFault, HoldsBackNoLongerThanItsBound) {
  delivery_queue queue;
  queue.add("late", "s", "call_a", at(1s), {.is_held = true});
  EXPECT_EQ(queue.next_due(), at(6s));
  EXPECT_THAT(ids_of(queue.take_due(at(6s))), ElementsAre("late"));
}

TEST(DeliveryFault, DoesNotSendWhatHasNotEnded) {
  delivery_queue queue;
  queue.add("late", "s", "call_a", at(3s), {.is_held = true});
  queue.add("next", "s", "call_b", at(1s));
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("next"));
  queue.attempted("next", true, at(2s));
  EXPECT_EQ(queue.next_due(), at(8s));
}

}  // namespace
}  // namespace parley::sandbox
