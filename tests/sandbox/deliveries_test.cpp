// SPDX-License-Identifier: Apache-2.0
#include "sandbox/deliveries.hpp"

#include <map>
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

/// Attempts are told by the id of their event: of each the last one counts.
class named_queue : public delivery_queue {
 public:
  std::vector<attempt> take_due(time_point now) {
    std::vector<attempt> taken = delivery_queue::take_due(now);
    for (const attempt& each : taken) last_.insert_or_assign(each.id, each);
    return taken;
  }
  void attempted(const std::string& id, bool is_taken, time_point now) {
    delivery_queue::attempted(last_.at(id), is_taken, now);
  }
  void give_up(const std::string& id) { delivery_queue::give_up(last_.at(id)); }

 private:
  std::map<std::string, attempt> last_;
};

std::vector<std::string> ids_of(const std::vector<delivery_queue::attempt>& attempts) {
  std::vector<std::string> ids;
  for (const auto& each : attempts) ids.push_back(each.id);
  return ids;
}

TEST(DeliveryQueue, TakesWhatIsDueInTheOrderOfItsTime) {
  named_queue queue;
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
  named_queue queue;
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
  named_queue queue;
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
  named_queue queue;
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
    named_queue queue;
    queue.add("a", "s", "call_a", at(0s));
    queue.take_due(at(0s));
    queue.attempted("a", false, now);
    EXPECT_EQ(queue.next_due().has_value(), is_kept);
    EXPECT_EQ(queue.counts().given_up, is_kept ? 0u : 1u);
  }
}

// A clock that is moved by a day leaves nobody with one attempt.
TEST(DeliveryQueue, CountsTheDayFromTheFirstAttempt) {
  named_queue queue;
  queue.add("a", "s", "call_a", at(0s));
  queue.take_due(at(48h));
  queue.attempted("a", false, at(48h));
  EXPECT_EQ(queue.next_due(), at(48h + 500ms));
  queue.take_due(at(71h));
  queue.attempted("a", false, at(72h));
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().given_up, 1u);
}

TEST(DeliveryQueue, HastensWhatWasNotBegun) {
  named_queue queue;
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

// With a seed, calls after a reset have the ids of those before it.
TEST(DeliveryQueue, IsNotMovedByAnAttemptFromBeforeAClear) {
  for (const bool is_taken : {false, true}) {
    named_queue queue;
    queue.add("a", "s", "call_a", at(1s));
    queue.take_due(at(1s));
    queue.clear();
    queue.add("a", "s", "call_a", at(5s));
    queue.attempted("a", is_taken, at(2s));
    queue.give_up("a");
    EXPECT_EQ(queue.counts().pending, 1u);
    EXPECT_EQ(queue.next_due(), at(5s));
    EXPECT_THAT(ids_of(queue.take_due(at(9s))), ElementsAre("a"));
    queue.attempted("a", true, at(9s));
    EXPECT_FALSE(queue.next_due());
    EXPECT_EQ(queue.counts().delivered, 1u);
  }
}

TEST(DeliveryQueue, IsToldOfAnAttemptOnce) {
  named_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  queue.take_due(at(1s));
  queue.attempted("a", false, at(1s));
  queue.attempted("a", true, at(1s));
  EXPECT_EQ(queue.next_due(), at(1500ms));
  EXPECT_EQ(queue.counts().delivered, 0u);
}

TEST(DeliveryQueue, GivesUpWhatThereIsNothingToTellOf) {
  named_queue queue;
  queue.add("a", "s", "call_a", at(1s), {.is_duplicated = true});
  queue.take_due(at(1s));
  queue.give_up("a");
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().pending, 0u);
  EXPECT_EQ(queue.counts().delivered, 0u);
  EXPECT_EQ(queue.counts().given_up, 1u);
}

TEST(DeliveryQueue, ForgetsAScope) {
  named_queue queue;
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
  named_queue queue;
  queue.add("a", "s", "call_a", at(1s));
  queue.clear();
  EXPECT_FALSE(queue.next_due());
  EXPECT_EQ(queue.counts().pending, 0u);
  queue.hasten("call_a", at(0s));
  EXPECT_THAT(queue.take_due(at(9s)), IsEmpty());
}

TEST(DeliveryQueue, HoldsNoMoreThanItsBound) {
  named_queue queue;
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
  named_queue queue;
  queue.add("a", "s", "call_a", at(1s), {.delay = 2500ms});
  EXPECT_EQ(queue.next_due(), at(3500ms));
}

TEST(DeliveryFault, Duplicates) {
  named_queue queue;
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
  named_queue queue;
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
  named_queue queue;
  queue.add("late", "s", "call_a", at(1s), {.is_held = true});
  EXPECT_EQ(queue.next_due(), at(6s));
  EXPECT_THAT(ids_of(queue.take_due(at(6s))), ElementsAre("late"));
}

TEST(DeliveryFault, StaysWhereACallEndsSooner) {
  named_queue queue;
  queue.add("late", "s", "call_a", at(10s), {.delay = 3s});
  queue.hasten("call_a", at(5s));
  EXPECT_EQ(queue.next_due(), at(8s));
  queue.hasten("call_a", at(7s));
  EXPECT_EQ(queue.next_due(), at(8s)) << "it has ended before";
  queue.clear();

  queue.add("held", "s", "call_b", at(10s), {.is_held = true});
  queue.hasten("call_b", at(2s));
  EXPECT_EQ(queue.next_due(), at(7s));
  queue.add("next", "s", "call_c", at(3s));
  EXPECT_THAT(ids_of(queue.take_due(at(3s))), ElementsAre("next"));
  queue.attempted("next", true, at(3s));
  EXPECT_THAT(ids_of(queue.take_due(at(3s))), ElementsAre("held"));
}

TEST(DeliveryFault, DoesNotSendWhatHasNotEnded) {
  named_queue queue;
  queue.add("late", "s", "call_a", at(3s), {.is_held = true});
  queue.add("next", "s", "call_b", at(1s));
  EXPECT_THAT(ids_of(queue.take_due(at(2s))), ElementsAre("next"));
  queue.attempted("next", true, at(2s));
  EXPECT_EQ(queue.next_due(), at(8s));
}

}  // namespace
}  // namespace parley::sandbox
