// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_asio/timer.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "idempotency/timer_cases.hpp"
#include "support/allocations.hpp"

namespace parley::idempotency::timer_cases {
namespace {

namespace asio = boost::asio;
using idempotency_asio::asio_timer;

// A context that runs on threads of the test.
template <std::size_t ThreadsCount>
class context_fixture {
 public:
  context_fixture() : timer_(context_.get_executor()) {
    for (std::size_t i = 0; i < ThreadsCount; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }
  ~context_fixture() {
    work_.reset();
    for (std::thread& each : threads_) each.join();
  }
  timer& get() { return timer_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio_timer timer_;
  std::vector<std::thread> threads_;
};
using one_thread = context_fixture<1>;
using three_threads = context_fixture<3>;

class strand_of_pool {
 public:
  ~strand_of_pool() {
    timer_.reset();
    pool_.join();
  }
  timer& get() { return *timer_; }

 private:
  asio::thread_pool pool_{2};
  std::optional<asio_timer> timer_{std::in_place, asio::make_strand(pool_.get_executor())};
};

INSTANTIATE_TYPED_TEST_SUITE_P(OneThread, TimerCases, one_thread);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreeThreads, TimerCases, three_threads);
INSTANTIATE_TYPED_TEST_SUITE_P(StrandOfPool, TimerCases, strand_of_pool);

TEST(AsioTimer, KeepsTheContextAtWorkWhileAnyIsArmed) {
  asio::io_context context;
  asio_timer timer(context.get_executor());
  tally all;
  counted_op op(all, 1);
  timer.arm(op, timer.now() + milliseconds(1));
  context.run();
  EXPECT_EQ(all.seen(), std::vector{1});

  counted_op other(all, 2);
  timer.arm(op, timer.now() + hours(1));
  timer.arm(other, timer.now() + hours(2));
  EXPECT_TRUE(timer.cancel(op));
  context.restart();
  EXPECT_EQ(context.poll(), 0u);
  EXPECT_FALSE(context.stopped());
  EXPECT_TRUE(timer.cancel(other));
  context.run();
  EXPECT_TRUE(context.stopped());
  EXPECT_EQ(all.seen(), std::vector{1});
}

TEST(AsioTimer, CallsNoneBeforeTheContextRuns) {
  asio::io_context context;
  asio_timer timer(context.get_executor());
  tally all;
  counted_op op(all, 1);
  timer.arm(op, steady_time::min());
  EXPECT_TRUE(all.seen().empty());
  context.run();
  EXPECT_EQ(all.seen(), std::vector{1});
}

// The wait that was ended by cancel() has not been handled when the next operation comes.
TEST(AsioTimer, ArmsAfterCancelBeforeTheContextRuns) {
  asio::io_context context;
  asio_timer timer(context.get_executor());
  tally all;
  counted_op canceled(all, 1);
  counted_op op(all, 2);
  for (int turn = 0; turn < 5; ++turn) {
    timer.arm(canceled, timer.now() + hours(1));
    EXPECT_TRUE(timer.cancel(canceled));
  }
  timer.arm(op, timer.now() + milliseconds(1));
  context.run();
  EXPECT_EQ(all.seen(), std::vector{2});
}

TEST(AsioTimer, IsDestroyedBeforeItsWaitHasEnded) {
  asio::io_context context;
  tally all;
  counted_op op(all, 1);
  {
    asio_timer timer(context.get_executor());
    timer.arm(op, timer.now() + hours(1));
    EXPECT_TRUE(timer.cancel(op));
  }
  EXPECT_EQ(context.run(), 1u);
  EXPECT_TRUE(all.seen().empty());
}

TEST(AsioTimer, IsDestroyedAndItsContextNeverRuns) {
  asio::io_context context;
  asio_timer timer(context.get_executor());
  tally all;
  counted_op op(all, 1);
  timer.arm(op, timer.now() + hours(1));
  EXPECT_TRUE(timer.cancel(op));
}

TEST(AsioTimer, IsDestroyedByTheLastThatExpires) {
  asio::io_context context;
  auto timer = std::make_unique<asio_timer>(context.get_executor());
  calling_op op([&] { timer.reset(); });
  timer->arm(op, timer->now());
  context.run();
  EXPECT_EQ(timer, nullptr);
}

// A strand of the context is busy: that does not hold the timer up.
TEST(AsioTimer, DoesNotWaitForItsStrand) {
  asio::io_context context;
  const auto strand = asio::make_strand(context.get_executor());
  asio_timer timer(strand);
  tally all;
  counted_op op(all, 1);
  bool was_first = false;
  asio::post(strand, [&] {
    timer.arm(op, timer.now());
    std::thread([&] { context.run_one(); }).join();
    was_first = all.seen().size() == 1;
  });
  context.run();
  EXPECT_TRUE(was_first);
}

TEST(AsioTimer, ReusesItsMemory) {
  asio::io_context context;
  asio_timer timer(context.get_executor());
  struct silent_op final : timer_op {
    void expired() noexcept override { ++count; }
    int count = 0;
  } first, second;
  const auto turn = [&] {
    timer.arm(first, timer.now() + hours(1));
    timer.arm(second, timer.now());
    context.restart();
    while (second.count == 0) context.run_one();
    second.count = 0;
    timer.cancel(first);
    context.run();
  };
  turn();  // the context's own, made once
  const std::size_t before = testing_support::allocations();
  for (int i = 0; i < 50; ++i) turn();
  EXPECT_EQ(testing_support::allocations() - before, 0u);
}

}  // namespace
}  // namespace parley::idempotency::timer_cases
