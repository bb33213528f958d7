// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <pthread.h>

#include <gtest/gtest.h>

#include "idempotency/timer_cases.hpp"

namespace parley::idempotency::timer_cases {
namespace {

class thread_timer_fixture {
 public:
  timer& get() { return *timer_; }

 private:
  std::unique_ptr<timer> timer_ = *make_thread_timer();
};

INSTANTIATE_TYPED_TEST_SUITE_P(ThreadTimer, TimerCases, thread_timer_fixture);

TEST(ThreadTimer, EndsWithNothingDone) {
  for (int turn = 0; turn < 100; ++turn) EXPECT_TRUE(make_thread_timer().has_value());
}

#ifdef __GLIBC__
// No address space holds a stack of this size.
TEST(ThreadTimer, SaysThatThereIsNoThread) {
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t huge;
  ASSERT_EQ(pthread_attr_init(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 60), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  const auto made = make_thread_timer();
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&before);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(), timer_errc::no_thread);
}
#endif

TEST(ThreadTimer, NamesItsErrors) {
  EXPECT_EQ(to_string(timer_errc::no_thread), "no_thread");
  EXPECT_EQ(to_string(timer_errc{0}), "unknown");
  EXPECT_EQ(to_string(timer_errc{255}), "unknown");
}

}  // namespace
}  // namespace parley::idempotency::timer_cases
