// SPDX-License-Identifier: Apache-2.0
//
// What every timer does: a typed suite, for the timers of this room and of others. A fixture is
// default constructed, and its timer() runs until it is destroyed.

#ifndef PARLEY_TESTS_IDEMPOTENCY_TIMER_CASES_HPP
#define PARLEY_TESTS_IDEMPOTENCY_TIMER_CASES_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parley/idempotency/timer.hpp"

namespace parley::idempotency::timer_cases {

using std::chrono::hours;
using std::chrono::milliseconds;

// Counts what expired, and waits for it.
class tally {
 public:
  void add(int which) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(which);
    changed_.notify_all();
  }
  std::vector<int> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return seen_.size() >= count; });
    return seen_;
  }
  std::vector<int> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> seen_;
};

class counted_op final : public timer_op {
 public:
  counted_op(tally& all, int which) : all_(all), which_(which) {}
  void expired() noexcept override { all_.add(which_); }

 private:
  tally& all_;
  const int which_;
};

class calling_op final : public timer_op {
 public:
  explicit calling_op(std::function<void()> call) : call_(std::move(call)) {}
  void expired() noexcept override {
    const auto call = call_;  // it may destroy *this
    call();
  }

 private:
  std::function<void()> call_;
};

template <class Fixture>
class TimerCases : public testing::Test {
 protected:
  tally all;  // outlives the timer
  Fixture fixture;
  timer& under_test = fixture.get();
};
TYPED_TEST_SUITE_P(TimerCases);

TYPED_TEST_P(TimerCases, ExpiresAtItsTimeAndNotBefore) {
  for (const milliseconds wait : {milliseconds(20), milliseconds(1), milliseconds(0)}) {
    const steady_time due = this->under_test.now() + wait;
    std::atomic<bool> is_early = true;
    calling_op op([&] {
      is_early = this->under_test.now() < due;
      this->all.add(1);
    });
    const std::size_t before = this->all.seen().size();
    this->under_test.arm(op, due);
    this->all.wait_for(before + 1);
    EXPECT_FALSE(is_early);
    EXPECT_FALSE(this->under_test.cancel(op));
  }
}

TYPED_TEST_P(TimerCases, ExpiresWhatIsPast) {
  counted_op op(this->all, 1);
  this->under_test.arm(op, steady_time::min());
  this->all.wait_for(1);
  this->under_test.arm(op, this->under_test.now() - hours(1));
  EXPECT_EQ(this->all.wait_for(2), (std::vector{1, 1}));
}

TYPED_TEST_P(TimerCases, ExpiresInOrderOfTime) {
  // The first of them, once it is taken, waits until the others are armed.
  std::mutex armed;
  calling_op holds([&] { const std::lock_guard lock(armed); });
  counted_op first(this->all, 1);
  counted_op second(this->all, 2);
  counted_op third(this->all, 3);
  {
    const std::lock_guard lock(armed);
    const steady_time now = this->under_test.now();
    this->under_test.arm(holds, now - milliseconds(4));
    this->under_test.arm(third, now - milliseconds(1));
    this->under_test.arm(first, now - milliseconds(3));
    this->under_test.arm(second, now - milliseconds(2));
  }
  EXPECT_EQ(this->all.wait_for(3), (std::vector{1, 2, 3}));
}

TYPED_TEST_P(TimerCases, CancelsWhatHasNotExpired) {
  counted_op canceled(this->all, 1);
  counted_op kept(this->all, 2);
  for (int turn = 0; turn < 100; ++turn) {
    this->under_test.arm(canceled, this->under_test.now() + hours(1));
    this->under_test.arm(kept, steady_time::min());
    EXPECT_TRUE(this->under_test.cancel(canceled));
    EXPECT_FALSE(this->under_test.cancel(canceled));
    this->all.wait_for(static_cast<std::size_t>(turn) + 1);
  }
  EXPECT_EQ(this->all.seen(), std::vector(100, 2));
}

TYPED_TEST_P(TimerCases, DoesNotCancelWhatWasNeverArmed) {
  counted_op op(this->all, 1);
  EXPECT_FALSE(this->under_test.cancel(op));
}

TYPED_TEST_P(TimerCases, DoesNotCancelWhatHasExpired) {
  counted_op op(this->all, 1);
  this->under_test.arm(op, steady_time::min());
  this->all.wait_for(1);
  EXPECT_FALSE(this->under_test.cancel(op));
}

TYPED_TEST_P(TimerCases, ArmsAgainInExpired) {
  int turns = 0;
  std::unique_ptr<calling_op> op;
  op = std::make_unique<calling_op>([&] {
    // By turns due at once and a little later.
    if (++turns < 20) {
      this->under_test.arm(*op, this->under_test.now() + milliseconds(turns % 2));
    } else {
      this->all.add(turns);
    }
  });
  this->under_test.arm(*op, this->under_test.now());
  EXPECT_EQ(this->all.wait_for(1), std::vector{20});
}

TYPED_TEST_P(TimerCases, CancelsAndArmsOthersInExpired) {
  counted_op canceled(this->all, 1);
  counted_op armed(this->all, 2);
  this->under_test.arm(canceled, this->under_test.now() + hours(1));
  bool was_canceled = false;
  calling_op op([&] {
    was_canceled = this->under_test.cancel(canceled);
    this->under_test.arm(armed, this->under_test.now());
  });
  this->under_test.arm(op, this->under_test.now());
  EXPECT_EQ(this->all.wait_for(1), std::vector{2});
  EXPECT_TRUE(was_canceled);
}

TYPED_TEST_P(TimerCases, DestroysItselfInExpired) {
  std::unique_ptr<calling_op> op;
  op = std::make_unique<calling_op>([&] {
    op.reset();
    this->all.add(1);
  });
  this->under_test.arm(*op, this->under_test.now());
  this->all.wait_for(1);
  EXPECT_EQ(op, nullptr);
}

// It sleeps for the far one; the near one must wake it.
TYPED_TEST_P(TimerCases, WakesForAnEarlierOne) {
  counted_op far(this->all, 1);
  counted_op near(this->all, 2);
  counted_op nearer(this->all, 3);
  this->under_test.arm(far, this->under_test.now() + hours(1));
  for (std::size_t turn = 1; turn <= 20; ++turn) {
    this->under_test.arm(near, this->under_test.now() + milliseconds(2));
    this->under_test.arm(nearer, this->under_test.now() + milliseconds(1));
    this->all.wait_for(2 * turn);
  }
  EXPECT_TRUE(this->under_test.cancel(far));
}

TYPED_TEST_P(TimerCases, HoldsTheEndOfTime) {
  counted_op never(this->all, 1);
  counted_op soon(this->all, 2);
  this->under_test.arm(never, steady_time::max());
  this->under_test.arm(soon, this->under_test.now() + milliseconds(1));
  EXPECT_EQ(this->all.wait_for(1), std::vector{2});
  EXPECT_TRUE(this->under_test.cancel(never));
}

// Each arming ends once: by cancel() or by expired().
TYPED_TEST_P(TimerCases, EndsEachOnceForManyThreads) {
  constexpr int threads_count = 4;
  constexpr int ops_each = 8;
  constexpr int turns = 2'000;
  struct ended_op final : timer_op {
    void expired() noexcept override { endings.fetch_add(1); }
    std::atomic<int> endings = 0;
  };
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::vector<ended_op> ops(threads_count * ops_each);
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < threads_count; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(seed + thread);
      int armed[ops_each] = {};
      for (int turn = 0; turn < turns; ++turn) {
        const unsigned which = random() % ops_each;
        ended_op& op = ops[thread * ops_each + which];
        if (armed[which] == op.endings.load()) {
          ++armed[which];
          const auto wait = std::chrono::microseconds(random() % 400);
          this->under_test.arm(op, random() % 8 == 0 ? this->under_test.now() + hours(1)
                                                     : this->under_test.now() + wait);
        } else if (random() % 2 == 0 && this->under_test.cancel(op)) {
          op.endings.fetch_add(1);
        }
        if (op.endings.load() > armed[which]) ++faults;
      }
      for (unsigned which = 0; which < ops_each; ++which) {
        ended_op& op = ops[thread * ops_each + which];
        if (this->under_test.cancel(op)) op.endings.fetch_add(1);
        // What cancel() refused is being called, or was.
        while (op.endings.load() < armed[which]) std::this_thread::yield();
        if (op.endings.load() != armed[which]) ++faults;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(faults.load(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(TimerCases, ExpiresAtItsTimeAndNotBefore, ExpiresWhatIsPast,
                            ExpiresInOrderOfTime, CancelsWhatHasNotExpired,
                            DoesNotCancelWhatWasNeverArmed, DoesNotCancelWhatHasExpired,
                            ArmsAgainInExpired, CancelsAndArmsOthersInExpired,
                            DestroysItselfInExpired, WakesForAnEarlierOne, HoldsTheEndOfTime,
                            EndsEachOnceForManyThreads);

}  // namespace parley::idempotency::timer_cases

#endif  // PARLEY_TESTS_IDEMPOTENCY_TIMER_CASES_HPP
