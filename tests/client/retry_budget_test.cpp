// SPDX-License-Identifier: Apache-2.0
//
// The budget of retries alone, from many threads, and under a total outage.

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "parley/client/sending.hpp"

namespace parley::client {
namespace {

TEST(RetryBudget, IsFullAtFirst) {
  const retry_budget budget;
  EXPECT_EQ(budget.tokens(), 500u);
  EXPECT_EQ(budget.capacity(), 500u);
}

TEST(RetryBudget, GivesAsOftenAsItHoldsTheCost) {
  retry_budget budget(42, 14);
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  EXPECT_EQ(budget.tokens(), 0u);
  EXPECT_FALSE(budget.take());

  retry_budget one_less(41, 14);
  EXPECT_TRUE(one_less.take());
  EXPECT_TRUE(one_less.take());
  EXPECT_FALSE(one_less.take());
  EXPECT_EQ(one_less.tokens(), 13u);
}

TEST(RetryBudget, GetsBackTheCostOfARetryThatHelped) {
  retry_budget budget(42, 14);
  EXPECT_TRUE(budget.take());
  budget.succeeded(true);
  EXPECT_EQ(budget.tokens(), 42u);
}

TEST(RetryBudget, GetsOneForASuccessAtOnce) {
  retry_budget budget(42, 14);
  EXPECT_TRUE(budget.take());
  budget.succeeded(false);
  EXPECT_EQ(budget.tokens(), 29u);
}

TEST(RetryBudget, HoldsNoMoreThanItsCapacity) {
  retry_budget budget(20, 14);
  budget.succeeded(false);
  budget.succeeded(true);
  EXPECT_EQ(budget.tokens(), 20u);
  EXPECT_TRUE(budget.take());
  budget.succeeded(true);
  budget.succeeded(true);
  EXPECT_EQ(budget.tokens(), 20u);
}

TEST(RetryBudget, OfNothingGivesNothing) {
  retry_budget none(0);
  EXPECT_FALSE(none.take());
  none.succeeded(true);
  EXPECT_EQ(none.tokens(), 0u);
}

TEST(RetryBudget, WithoutACostBoundsNothing) {
  retry_budget budget(0, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.take());
}

TEST(RetryBudget, GivesNoMoreToManyThreads) {
  retry_budget budget(1000, 10);
  std::atomic<int> taken{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) taken += budget.take() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(taken, 100);
  EXPECT_EQ(budget.tokens(), 0u);
}

}  // namespace
}  // namespace parley::client
