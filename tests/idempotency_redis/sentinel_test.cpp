// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/sentinel.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;

const node_address old_master{"10.0.0.1", 1};
const node_address new_master{"10.0.0.2", 2};

master_address named(const node_address& where, std::optional<std::uint64_t> epoch = {}) {
  return {where, epoch};
}

class SentinelTest : public testing::Test {
 protected:
  // The sentinel that is to be asked next, at once or when it is time; 99: something else is.
  std::size_t asked() {
    for (int i = 0; i < 2; ++i) {
      const sentinel_action next = follower.poll(now);
      if (next.step == sentinel_step::ask) return next.sentinel;
      if (next.step != sentinel_step::wait ||
          follower.next_poll() == sentinel_follower::time::max())
        return 99;
      now = std::max(now, follower.next_poll());
    }
    return 99;
  }
  bool checks(const node_address& where) {
    const bool is_said = follower.poll(now).step == sentinel_step::check;
    return is_said && follower.candidate() != nullptr && *follower.candidate() == where;
  }
  // To where `where` is in use, by the word of the sentinel whose turn it is.
  void settle(const node_address& where, std::optional<std::uint64_t> epoch = {}) {
    follower.on_answer(asked(), named(where, epoch), now);
    ASSERT_TRUE(checks(where));
    follower.on_role(where, true, now);
    ASSERT_TRUE(uses(where));
  }
  bool uses(const node_address& where) const {
    return follower.master() != nullptr && *follower.master() == where;
  }
  bool rests() const { return follower.next_poll() == sentinel_follower::time::max(); }
  static switch_event event(const node_address& to, std::string_view name = "mymaster") {
    return {name, to.host, to.port};
  }

  sentinel_follower follower{{.master = "mymaster"}, 3, 7};
  sentinel_follower::time now{1h};
};

TEST_F(SentinelTest, FirstThatAnswersWinsAndIsAskedFirstNextTime) {
  EXPECT_EQ(asked(), 0u);
  EXPECT_EQ(follower.poll(now).step, sentinel_step::wait);  // it is said once
  follower.on_answer(0, std::nullopt, now);
  EXPECT_EQ(asked(), 1u);
  follower.on_answer(0, named(new_master), now);  // too late
  follower.on_answer(1, named(old_master), now);
  EXPECT_TRUE(checks(old_master));
  EXPECT_EQ(follower.master(), nullptr);
  follower.on_role(new_master, true, now);  // of one that was asked before
  EXPECT_EQ(follower.master(), nullptr);
  follower.on_role(old_master, true, now);
  EXPECT_TRUE(uses(old_master));
  EXPECT_EQ(follower.candidate(), nullptr);
  EXPECT_TRUE(rests());
  follower.on_lost(now);
  EXPECT_EQ(asked(), 1u);
  follower.on_answer(1, std::nullopt, now);
  EXPECT_EQ(asked(), 0u);
  follower.on_answer(0, std::nullopt, now);
  EXPECT_EQ(asked(), 2u);
}

TEST_F(SentinelTest, SentinelThatDoesNotAnswerIsPassedOver) {
  EXPECT_EQ(asked(), 0u);
  EXPECT_EQ(follower.next_poll(), now + 500ms);
  EXPECT_EQ(follower.poll(now + 499ms).step, sentinel_step::wait);
  now += 500ms;
  EXPECT_EQ(asked(), 1u);
}

TEST_F(SentinelTest, ServerThatIsNoMasterIsRefusedAndTheNextSentinelAsked) {
  for (int i = 0; i < 3; ++i) {
    const std::size_t first = asked();
    follower.on_answer(first, named(old_master), now);
    ASSERT_TRUE(checks(old_master));
    follower.on_role(old_master, false, now);
    EXPECT_EQ(follower.master(), nullptr);
    EXPECT_EQ(follower.candidate(), nullptr);
    EXPECT_GT(follower.next_poll(), now);  // not at once
    const std::size_t second = asked();
    EXPECT_NE(second, first);
    follower.on_answer(second, std::nullopt, now);
    follower.on_answer(asked(), std::nullopt, now);
    follower.on_answer(asked(), std::nullopt, now);
  }
}

TEST_F(SentinelTest, ServerThatDoesNotAnswerIsRefused) {
  follower.on_answer(asked(), named(old_master), now);
  ASSERT_TRUE(checks(old_master));
  EXPECT_EQ(follower.next_poll(), now + 1s);
  now += 1s;
  EXPECT_EQ(asked(), 1u);
  follower.on_role(old_master, true, now);  // too late
  EXPECT_EQ(follower.master(), nullptr);
}

TEST_F(SentinelTest, WhileAllFailTheyAreAskedMoreAndMoreSeldom) {
  for (unsigned round = 0; round < 10; ++round) {
    for (int i = 0; i < 3; ++i) follower.on_answer(asked(), std::nullopt, now);
    const auto full = std::min<std::chrono::nanoseconds>(2s, 50ms * (1 << round));
    EXPECT_GE(follower.next_poll() - now, full / 2) << round;
    EXPECT_LE(follower.next_poll() - now, full) << round;
  }
  settle(old_master);
  follower.on_lost(now);
  EXPECT_LE(follower.next_poll() - now, 50ms);
}

TEST_F(SentinelTest, EventMakesTheSentinelThatToldItNameTheMaster) {
  settle(old_master);
  follower.on_switch(2, event(new_master), now);
  EXPECT_TRUE(uses(old_master));
  EXPECT_EQ(asked(), 2u);
  follower.on_answer(2, named(new_master), now);
  EXPECT_TRUE(checks(new_master));
  EXPECT_TRUE(uses(old_master));  // until the other has said that it is one
  follower.on_role(new_master, true, now);
  EXPECT_TRUE(uses(new_master));
}

TEST_F(SentinelTest, EventsOfOthersAndOfWhatIsKnownAreNothing) {
  settle(old_master);
  follower.on_switch(1, event(new_master, "another"), now);
  follower.on_switch(1, event(old_master), now);
  follower.on_switch(3, event(new_master), now);  // of nobody
  EXPECT_TRUE(rests());
}

TEST_F(SentinelTest, StaleEventDoesNotStick) {
  settle(new_master);
  follower.on_switch(2, event(old_master), now);
  EXPECT_EQ(asked(), 2u);
  follower.on_answer(2, named(old_master), now);
  ASSERT_TRUE(checks(old_master));
  follower.on_role(old_master, false, now);
  EXPECT_TRUE(uses(new_master));
  EXPECT_NE(asked(), 2u);
  follower.on_answer(0, named(new_master), now);
  EXPECT_TRUE(uses(new_master));
  EXPECT_TRUE(rests());
}

TEST_F(SentinelTest, StaleEpochDoesNotStick) {
  settle(new_master, 5);
  follower.on_switch(2, event(old_master), now);
  EXPECT_EQ(asked(), 2u);
  follower.on_answer(2, named(old_master, 4), now);  // and it may still say that it is a master
  EXPECT_EQ(follower.candidate(), nullptr);
  EXPECT_NE(asked(), 2u);
  follower.on_answer(0, named(new_master, 5), now);
  EXPECT_TRUE(rests());
  EXPECT_TRUE(uses(new_master));
  follower.on_lost(now);
  settle(old_master, 6);
}

TEST_F(SentinelTest, StormOfEventsIsThrottled) {
  settle(old_master);
  const auto begin = now;
  for (std::uint16_t i = 0; i < 100; ++i) {
    follower.on_switch(i % 3, event({"10.0.0.3", static_cast<std::uint16_t>(i + 3)}), now);
    follower.on_answer(asked(), named(old_master), now);
  }
  EXPECT_GE(now - begin, 99 * 50ms);
  EXPECT_TRUE(uses(old_master));
}

TEST_F(SentinelTest, EventDuringASearchIsAnotherSearch) {
  settle(old_master);
  follower.on_switch(1, event(new_master), now);
  EXPECT_EQ(asked(), 1u);
  follower.on_switch(2, event(new_master), now);
  follower.on_answer(1, named(old_master), now);  // it does not know yet
  EXPECT_FALSE(rests());
  EXPECT_EQ(asked(), 1u);
  follower.on_answer(1, named(new_master), now);
  ASSERT_TRUE(checks(new_master));
  follower.on_role(new_master, true, now);
  EXPECT_TRUE(rests());
}

TEST_F(SentinelTest, LossOfAllSentinelsKeepsTheMaster) {
  settle(old_master);
  follower.on_switch(0, event(new_master), now);
  for (int i = 0; i < 9; ++i) follower.on_answer(asked(), std::nullopt, now);
  EXPECT_TRUE(uses(old_master));
}

TEST_F(SentinelTest, LostMasterIsUsedAgainOnlyWhenItIsNamed) {
  settle(old_master);
  follower.on_lost(now);
  EXPECT_EQ(follower.master(), nullptr);
  for (int i = 0; i < 6; ++i) {
    follower.on_answer(asked(), std::nullopt, now);
    EXPECT_EQ(follower.candidate(), nullptr);
  }
  settle(old_master);
}

TEST_F(SentinelTest, MasterThatIsLostDuringACheckOfAnother) {
  settle(old_master);
  follower.on_switch(1, event(new_master), now);
  follower.on_answer(asked(), named(new_master), now);
  ASSERT_TRUE(checks(new_master));
  follower.on_lost(now);
  EXPECT_EQ(follower.master(), nullptr);
  follower.on_role(new_master, false, now);
  EXPECT_EQ(follower.master(), nullptr);
  settle(new_master);
}

}  // namespace
}  // namespace parley::idempotency_redis
