// SPDX-License-Identifier: Apache-2.0
#include "sandbox/rate_limit.hpp"

#include <string>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr time_point begin{std::chrono::seconds(1'800'000'000)};

int taken_at_once(token_bucket& bucket, time_point now) {
  int count = 0;
  while (!bucket.take(now)) ++count;
  return count;
}

TEST(TokenBucket, HoldsASecondsWorth) {
  for (const std::uint32_t rate : {1u, 3u, 1000u}) {
    token_bucket bucket(rate, begin);
    EXPECT_EQ(taken_at_once(bucket, begin), static_cast<int>(rate));
    EXPECT_EQ(taken_at_once(bucket, begin + 1s - 1us), static_cast<int>(rate) - 1) << rate;
    EXPECT_EQ(taken_at_once(bucket, begin + 1s), 1) << "nothing is lost on the way";
    EXPECT_EQ(taken_at_once(bucket, begin + std::chrono::hours(24 * 3653)), static_cast<int>(rate));
  }
}

TEST(TokenBucket, GivesATokenAsSoonAsItIsWhole) {
  token_bucket bucket(3, begin);
  taken_at_once(bucket, begin);
  EXPECT_TRUE(bucket.take(begin + 333'333us).has_value());
  EXPECT_FALSE(bucket.take(begin + 333'334us).has_value());
}

TEST(TokenBucket, SaysInWholeSecondsWhenToCome) {
  token_bucket bucket(1, begin);
  EXPECT_EQ(bucket.take(begin), std::nullopt);
  for (const auto later : {0us, 1us, 999'999us}) EXPECT_EQ(bucket.take(begin + later), 1s);
  EXPECT_EQ(bucket.take(begin + 1s), std::nullopt);
}

TEST(TokenBucket, AClockThatGoesBackGivesNothing) {
  token_bucket bucket(2, begin);
  taken_at_once(bucket, begin);
  EXPECT_TRUE(bucket.take(begin - 24h).has_value());
  EXPECT_TRUE(bucket.take(begin - 24h + 499'999us).has_value());
  EXPECT_FALSE(bucket.take(begin - 24h + 500ms).has_value()) << "and goes on from there";
}

// As when two threads look at the clock and come in the other order.
TEST(TokenBucket, NoTimeIsCountedTwice) {
  token_bucket bucket(1, begin);
  EXPECT_EQ(bucket.take(begin), std::nullopt);
  EXPECT_EQ(bucket.take(begin + 600ms), 1s);
  EXPECT_EQ(bucket.take(begin + 100ms), 1s);
  EXPECT_EQ(bucket.take(begin + 999ms), 1s);
  EXPECT_EQ(bucket.take(begin + 1s), std::nullopt);
}

TEST(TokenBucket, TakesTheLargestRate) {
  token_bucket bucket(rate_limit_max, begin);
  EXPECT_EQ(taken_at_once(bucket, begin), static_cast<int>(rate_limit_max));
  EXPECT_EQ(taken_at_once(bucket, begin + 1us), 1);
}

TEST(RateLimiter, WithoutALimitTakesAll) {
  rate_limiter limiter(0);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(limiter.take("a", begin), std::nullopt);
}

TEST(RateLimiter, CountsEachKeyByItself) {
  rate_limiter limiter(2);
  for (const char* key : {"a", "b"}) {
    EXPECT_EQ(limiter.take(key, begin), std::nullopt);
    EXPECT_EQ(limiter.take(key, begin), std::nullopt);
    EXPECT_EQ(limiter.take(key, begin), 1s);
  }
  limiter.clear();
  EXPECT_EQ(limiter.take("a", begin), std::nullopt);
}

TEST(RateLimiter, AboveItsBoundForgetsTheKeyThatIsQuietTheLongest) {
  rate_limiter limiter(1);
  for (std::size_t i = 0; i < rate_limiter::keys_max; ++i) {
    ASSERT_EQ(limiter.take(std::to_string(i), begin + std::chrono::microseconds(i)), std::nullopt);
  }
  const time_point now = begin + 500ms;
  EXPECT_EQ(limiter.take("0", now), 1s);
  EXPECT_EQ(limiter.take("one more", now), std::nullopt);
  EXPECT_EQ(limiter.take("0", now), 1s);
  EXPECT_EQ(limiter.take("1", now), std::nullopt) << "forgotten";
  // A second later all are as new.
  EXPECT_EQ(limiter.take("2", now + 1s), std::nullopt);
}

class SandboxRate : public SandboxTest {
 protected:
  explicit SandboxRate(options chosen = {.rate_limit = 2}) : SandboxTest(std::move(chosen)) {}
};

TEST_F(SandboxRate, IsLimitedByTheSandboxsClock) {
  EXPECT_EQ(get("/v1/calls").status, 200);
  EXPECT_EQ(dial("+14155556789").status, 202);
  const auto refused = dial("+14155556789");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(code_of(refused), "rate_limited");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(refused.body.find("category"), std::string::npos) << "G3, also when placing a call";
  EXPECT_EQ(get("/v1/calls", "Authorization: Bearer test_valid_2\r\n").status, 200);
  set_time(500ms - 1us);
  EXPECT_EQ(get("/v1/calls").status, 429);
  set_time(500ms);
  EXPECT_EQ(get("/v1/calls").status, 200);
  EXPECT_EQ(get("/v1/calls").status, 429);
  ASSERT_TRUE(api().advance(1s));
  EXPECT_EQ(get("/v1/calls").status, 200);
  EXPECT_EQ(get("/v1/calls").status, 200);
  EXPECT_EQ(get("/v1/calls").status, 429);
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(SandboxRate, CountsReplaysAndSparesControlRoutes) {
  const std::string key = "Idempotency-Key: k\r\n";
  EXPECT_EQ(dial("+14155556789", key).status, 202);
  EXPECT_EQ(dial("+14155556789", key).header("Idempotency-Replay"), "true");
  EXPECT_EQ(dial("+14155556789", key).status, 429);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/sandbox/magic").status, 200);
  // The record is as it was.
  set_time(1s);
  EXPECT_EQ(dial("+14155556789", key).header("Idempotency-Replay"), "true");
  const auto journal = json_of(get("/sandbox/requests"));
  EXPECT_EQ(journal.at("meta").at("handler_runs"), 1);
}

TEST_F(SandboxRate, BeginsAnewAtAReset) {
  for (int i = 0; i < 3; ++i) get("/v1/calls");
  EXPECT_EQ(get("/v1/calls").status, 429);
  EXPECT_TRUE(api().reset());
  EXPECT_EQ(get("/v1/calls").status, 200);
}

TEST(SandboxRateLimit, IsBounded) {
  EXPECT_TRUE(start({.rate_limit = rate_limit_max}).has_value());
  EXPECT_FALSE(start({.rate_limit = rate_limit_max + 1}).has_value());
}

class SandboxCallsAtOnce : public SandboxTest {
 protected:
  SandboxCallsAtOnce() : SandboxTest({.calls_at_once = 2}) {}
};

TEST_F(SandboxCallsAtOnce, AreLimited) {
  place();
  place();
  const std::string key = "Idempotency-Key: k\r\n";
  const auto refused = dial("+14155556789", key);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(code_of(refused), "rate_limited");
  EXPECT_NE(refused.body.find(R"("category":"account_limit")"), std::string::npos) << "G3";
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(dial("+14155556789", "Authorization: Bearer test_valid_2\r\n").status, 202);
  EXPECT_EQ(get("/v1/calls").status, 200);
  EXPECT_EQ(api().calls_placed(), 3u);
  set_time(ended_after);
  const auto placed = dial("+14155556789", key);
  EXPECT_EQ(placed.status, 202);
  EXPECT_EQ(placed.header("Idempotency-Replay"), std::nullopt) << "the refusal freed the key";
}

}  // namespace
}  // namespace parley::sandbox
