// SPDX-License-Identifier: Apache-2.0
#include "idempotency/timed_heap.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency {
namespace {

steady_time at(int tick) { return steady_time(std::chrono::nanoseconds(tick)); }

TEST(TimedHeap, IsEmptyAtFirst) {
  const timed_heap heap;
  EXPECT_EQ(heap.top(), nullptr);
}

TEST(TimedHeap, HasTheOnlyNode) {
  timed_heap heap;
  timed_node only;
  heap.push(only, at(7));
  EXPECT_EQ(heap.top(), &only);
  EXPECT_TRUE(only.is_queued);
  EXPECT_EQ(only.when, at(7));
  heap.remove(only);
  EXPECT_EQ(heap.top(), nullptr);
  EXPECT_FALSE(only.is_queued);
}

TEST(TimedHeap, LeavesANodeThatIsInNone) {
  timed_heap heap;
  timed_node in;
  timed_node out;
  heap.push(in, at(1));
  heap.remove(out);
  EXPECT_EQ(heap.top(), &in);
  heap.remove(in);
  heap.remove(in);
  EXPECT_EQ(heap.top(), nullptr);
}

TEST(TimedHeap, TakesANodeAgain) {
  timed_heap heap;
  timed_node first;
  timed_node second;
  heap.push(first, at(1));
  heap.push(second, at(2));
  heap.remove(first);
  heap.push(first, at(3));
  EXPECT_EQ(heap.top(), &second);
  heap.remove(second);
  EXPECT_EQ(heap.top(), &first);
}

TEST(TimedHeap, OrdersTheEndsOfTime) {
  timed_heap heap;
  timed_node never;
  timed_node now;
  timed_node past;
  heap.push(never, steady_time::max());
  heap.push(now, at(0));
  heap.push(past, steady_time::min());
  for (timed_node* const each : {&past, &now, &never}) {
    ASSERT_EQ(heap.top(), each);
    heap.remove(*each);
  }
  EXPECT_EQ(heap.top(), nullptr);
}

// A million nodes in a row would end the stack of a heap that recurses.
TEST(TimedHeap, GivesAMillionInOrder) {
  std::vector<timed_node> nodes(1'000'000);
  timed_heap heap;
  int tick = static_cast<int>(nodes.size());
  for (timed_node& each : nodes) heap.push(each, at(tick--));
  for (int due = 1; due <= static_cast<int>(nodes.size()); ++due) {
    timed_node* const first = heap.top();
    ASSERT_NE(first, nullptr);
    ASSERT_EQ(first->when, at(due));
    heap.remove(*first);
  }
  EXPECT_EQ(heap.top(), nullptr);
}

struct random_case {
  const char* name;
  unsigned nodes;
  int ticks;  // few: many nodes have equal times
  unsigned pushes_of_8;
};
constexpr random_case random_cases[] = {
    {"Few", 4, 3, 4},           {"EqualTimes", 300, 2, 5}, {"Mixed", 1'000, 1'000'000, 5},
    {"Growing", 20'000, 50, 7}, {"OftenEmpty", 50, 10, 3},
};

class TimedHeapRandom : public testing::TestWithParam<random_case> {};

TEST_P(TimedHeapRandom, AgreesWithAMultimap) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const random_case& how = GetParam();
  std::vector<timed_node> nodes(how.nodes);
  timed_heap heap;
  std::multimap<steady_time, timed_node*> model;
  const auto forget = [&model](timed_node* node) {
    auto [each, end] = model.equal_range(node->when);
    while (each != end && each->second != node) ++each;
    ASSERT_NE(each, end);
    model.erase(each);
  };
  for (int turn = 0; turn < 100'000; ++turn) {
    timed_node& node = nodes[random() % how.nodes];
    if (random() % 8 < how.pushes_of_8) {
      if (node.is_queued) continue;
      const steady_time when = at(static_cast<int>(random() % static_cast<unsigned>(how.ticks)));
      heap.push(node, when);
      model.emplace(when, &node);
    } else {
      // Half of the time the first, else any, in the heap or not.
      timed_node* const gone = random() % 2 == 0 ? heap.top() : &node;
      if (gone == nullptr) continue;
      if (gone->is_queued) forget(gone);
      heap.remove(*gone);
      ASSERT_FALSE(gone->is_queued);
    }
    if (model.empty()) {
      ASSERT_EQ(heap.top(), nullptr);
    } else {
      ASSERT_NE(heap.top(), nullptr);
      ASSERT_EQ(heap.top()->when, model.begin()->first);
    }
  }
  while (timed_node* const first = heap.top()) {
    ASSERT_EQ(first->when, model.begin()->first);
    forget(first);
    heap.remove(*first);
  }
  EXPECT_TRUE(model.empty());
}

INSTANTIATE_TEST_SUITE_P(, TimedHeapRandom, testing::ValuesIn(random_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::idempotency
