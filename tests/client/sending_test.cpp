// SPDX-License-Identifier: Apache-2.0
#include "parley/client/sending.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client_fixture.hpp"
#include "parley/envelope/problem.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace parley::client {
namespace {

using namespace std::chrono_literals;
using errors::code;
using errors::tier;
using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr std::uint64_t most_random = std::numeric_limits<std::uint64_t>::max();

operation dial() { return *operation::post("/v1/calls", "{}", {.key = "k"}); }

/// Options under which nothing but the case decides.
send_options plain() {
  send_options made;
  made.random = [] { return most_random; };
  return made;
}

/// Plays the outcomes, a moment each, and waits for as long as it is told to.
answer play(operation& of, std::vector<outcome> outcomes, const send_options& options = plain(),
            retry_budget* budget = nullptr, std::vector<milliseconds>* pauses = nullptr) {
  retry_budget enough(1'000'000, 1);
  sending s(of, options, budget != nullptr ? *budget : enough);
  milliseconds time{0};
  auto next = s.begin(both_at(time));
  for (std::size_t i = 0; next != sending::step::done;) {
    if (next == sending::step::attempt) {
      if (i == outcomes.size()) {
        ADD_FAILURE() << "one attempt too many";
        return {};
      }
      next = s.attempted(std::move(outcomes[i++]), both_at(time));
    } else {
      if (pauses != nullptr) pauses->push_back(s.pause());
      time += s.pause();
      next = s.paused(both_at(time));
    }
  }
  return s.take_answer();
}

answer play_one(outcome what, send_options options = plain()) {
  options.attempts_max = 1;
  operation of = dial();
  std::vector<outcome> outcomes;
  outcomes.push_back(std::move(what));
  return play(of, std::move(outcomes), options);
}

/// Whether an attempt with this outcome is followed by another.
bool is_repeated(outcome what, operation of = dial()) {
  const send_options options = plain();
  retry_budget budget;
  sending s(of, options, budget);
  s.begin(both_at(0ms));
  return s.attempted(std::move(what), both_at(0ms)) == sending::step::pause;
}

// What is sent again.

TEST(SendingAgain, IsDecidedByTheHintOfTheCode) {  // G8
  for (const errors::row& row : errors::catalogue()) {
    const envelope::error made(row.code, row.tier);
    // Whatever the status, an asynchronous code's among them.
    for (const std::uint16_t status : std::array<std::uint16_t, 4>{400, 429, 500, 503}) {
      EXPECT_EQ(is_repeated(respond(status, envelope::to_json(made))),
                row.hint == errors::retry_hint::backoff)
          << row.name;
    }
  }
}

TEST(SendingAgain, OfAConflictOnlyWithRetryAfter) {  // G10
  EXPECT_FALSE(is_repeated(respond(code::idempotency_conflict)));
  EXPECT_TRUE(is_repeated(respond(code::idempotency_conflict, tier::http, {{"Retry-After", "1"}})));
  EXPECT_FALSE(
      is_repeated(respond(code::idempotency_conflict, tier::http, {{"Retry-After", "soon"}})));
}

TEST(SendingAgain, RetryAfterDoesNotMakeAnAnswerRepeatable) {
  for (const code each : {code::no_consent, code::outside_calling_window, code::busy}) {
    EXPECT_FALSE(is_repeated(respond(each, tier::call, {{"Retry-After", "1"}})));
  }
}

TEST(SendingAgain, IsDecidedByTheStatusWhereTheCodeIsUnknown) {  // G25, G26
  for (const char* body : {"", "<html>", R"({"error":{"code":"scope_missing","message":"m"}})",
                           R"({"error":{"code":"rate_limit"}})"}) {
    for (std::uint16_t status = 100; status < 600; ++status) {
      const bool expected =
          status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
      EXPECT_EQ(is_repeated(respond(status, body)), expected) << status << body;
    }
  }
}

TEST(SendingAgain, KnowsTheCodesOfACatalogue) {
  static constexpr std::array rows = {
      errors::http_row(errors::own_code(0), 403, errors::retry_hint::backoff, "warming_up", "#keys",
                       "The key is not active yet."),
      errors::http_row(errors::own_code(1), 503, errors::retry_hint::never, "closed", "#closed",
                       "The service has closed."),
  };
  send_options options = plain();
  options.catalogue = errors::catalogue<rows>();
  options.attempts_max = 2;
  operation of = dial();
  EXPECT_EQ(play(of, {respond(403, R"({"error":{"code":"warming_up"}})"), respond(202)}, options)
                .attempts,
            2u);
  const answer closed = play(of, {respond(503, R"({"error":{"code":"closed"}})")}, options);
  EXPECT_EQ(closed.why, stop::answered);
  EXPECT_EQ(closed.code(), errors::own_code(1));
}

TEST(SendingAgain, IsDecidedByTheTierOfTheCode) {
  static constexpr std::array rows = {
      errors::call_row(errors::own_code(0), errors::category::account_limit, 403,
                       errors::retryable::yes, errors::retry_hint::backoff, "limited", "#a", "A."),
      errors::http_row(errors::own_code(0), 503, errors::retry_hint::never, "limited", "#b", "B."),
  };
  send_options options = plain();
  options.catalogue = errors::catalogue<rows>();
  options.attempts_max = 2;
  const std::string of_call = R"({"error":{"code":"limited","category":"account_limit"}})";
  operation of = dial();
  EXPECT_EQ(play(of, {respond(403, of_call), respond(403, of_call)}, options).fate, fate::not_done);
  const answer got = play(of, {respond(403, R"({"error":{"code":"limited"}})")}, options);
  EXPECT_EQ(got.why, stop::answered);
  EXPECT_EQ(got.fate, fate::unknown) << "a 503 by its code";
}

TEST(SendingAgain, WithoutAResponse) {
  for (const transport_errc why :
       {transport_errc::not_connected, transport_errc::connection_lost, transport_errc::timed_out,
        transport_errc::bad_response, transport_errc::too_large}) {
    EXPECT_TRUE(is_repeated(fail(why, true))) << to_string(why);
    EXPECT_TRUE(is_repeated(fail(why, false))) << to_string(why);
  }
}

TEST(SendingAgain, IsNotForWhatCannotBeSent) {
  EXPECT_EQ(play_one(fail(transport_errc::bad_request, false)).why, stop::not_sendable);
  EXPECT_FALSE(is_repeated(fail(transport_errc::bad_request, false)));
}

// The first rule of the library: when in doubt, do not place the call twice.
TEST(SendingAgain, OfWhatIsNotRepeatableOnlyWhereItDidNotArrive) {
  const auto unkeyed = [] { return *operation::make({.method = "LINK", .target = "/"}); };
  EXPECT_TRUE(is_repeated(refused_connection(), unkeyed()));
  for (outcome each : {lost(), respond(429), respond(503), respond(code::room_creation_failed),
                       respond(code::rate_limited)}) {
    operation of = unkeyed();
    std::vector<outcome> outcomes;
    outcomes.push_back(std::move(each));
    EXPECT_EQ(play(of, std::move(outcomes)).why, stop::unrepeatable);
  }
}

TEST(SendingAgain, OfWhatIsNotRepeatableIsRefusedToAFurtherSendToo) {
  operation of = *operation::make({.method = "LINK", .target = "/"});
  EXPECT_EQ(play(of, {refused_connection(), respond(403)}).fate, fate::not_done);
  EXPECT_EQ(play(of, {lost()}).fate, fate::unknown);
  for (operation each : {of, *operation::restore(of.save())}) {
    const answer got = play(each, {});
    EXPECT_EQ(got.why, stop::unrepeatable);
    EXPECT_EQ(got.fate, fate::unknown);
    EXPECT_EQ(got.attempts, 0u);
  }
}

// How often and for how long.

TEST(SendingAttempts, AreAtMostSoMany) {
  for (const unsigned most : {1u, 2u, 3u, 7u}) {
    send_options options = plain();
    options.attempts_max = most;
    options.deadline = 1h;
    operation of = dial();
    std::vector<outcome> outcomes;
    for (unsigned i = 0; i < most; ++i) outcomes.push_back(lost());
    const answer got = play(of, std::move(outcomes), options);
    EXPECT_EQ(got.why, stop::attempts_used_up);
    EXPECT_EQ(got.attempts, most);
  }
}

TEST(SendingAttempts, AreThreeByDefault) {
  operation of = dial();
  EXPECT_EQ(play(of, {lost(), respond(503), lost()}, {}).attempts, 3u);
}

std::vector<milliseconds> pauses_of(std::vector<outcome> outcomes, std::uint64_t random) {
  send_options options = plain();
  options.random = [random] { return random; };
  options.attempts_max = static_cast<unsigned>(outcomes.size());
  options.deadline = 1h;
  operation of = dial();
  std::vector<milliseconds> pauses;
  play(of, std::move(outcomes), options, nullptr, &pauses);
  return pauses;
}

TEST(SendingPause, DoublesUpToItsBound) {
  std::vector<outcome> outcomes;
  for (int i = 0; i < 7; ++i) outcomes.push_back(lost());
  EXPECT_THAT(pauses_of(outcomes, most_random),
              ElementsAre(500ms, 1000ms, 2000ms, 4000ms, 8000ms, 8000ms));
}

TEST(SendingPause, BeginsLongerWhereARateIsLimited) {
  std::vector<outcome> outcomes;
  for (int i = 0; i < 6; ++i) outcomes.push_back(respond(code::rate_limited));
  EXPECT_THAT(pauses_of(outcomes, most_random),
              ElementsAre(1000ms, 2000ms, 4000ms, 8000ms, 8000ms));
}

TEST(SendingPause, IsARandomPartFromNothingToAll) {
  EXPECT_THAT(pauses_of({lost(), lost()}, 0), ElementsAre(0ms));
  EXPECT_THAT(pauses_of({lost(), lost()}, std::uint64_t{1} << 63), ElementsAre(250ms));
  EXPECT_THAT(pauses_of({lost(), lost()}, most_random), ElementsAre(500ms));
}

TEST(SendingPause, OfTheSystemsRandomBitsIsSpreadEvenly) {
  send_options options;
  options.attempts_max = 2;
  std::array<int, 5> tenths{};
  for (int i = 0; i < 2000; ++i) {
    operation of = dial();
    std::vector<milliseconds> pauses;
    play(of, {lost(), lost()}, options, nullptr, &pauses);
    ASSERT_LE(pauses[0], 500ms);
    ++tenths[static_cast<std::size_t>(std::min<std::int64_t>(pauses[0].count() / 100, 4))];
  }
  // 400 each, standard deviation 18: seven of them.
  for (const int each : tenths) EXPECT_NEAR(each, 400, 126);
}

TEST(SendingPause, IsLongerByRetryAfter) {
  const auto limited = [](std::string value) {
    return respond(429, "", {{"retry-after", std::move(value)}});
  };
  EXPECT_THAT(pauses_of({limited("3"), lost()}, 0), ElementsAre(3000ms));
  EXPECT_THAT(pauses_of({limited("3"), lost()}, most_random), ElementsAre(4000ms));
  EXPECT_THAT(pauses_of({limited("86400"), lost()}, 0), ElementsAre(60'000ms));
  EXPECT_THAT(pauses_of({limited("nonsense"), lost()}, 0), ElementsAre(0ms));
  EXPECT_THAT(pauses_of({limited("-5"), lost()}, 0), ElementsAre(0ms));
  // A date is beside our clock, which stands at the beginning of 1970, or beside the server's.
  EXPECT_THAT(pauses_of({limited("Thu, 01 Jan 1970 00:00:07 GMT"), lost()}, 0),
              ElementsAre(7000ms));
  EXPECT_THAT(pauses_of({respond(429, "",
                                 {{"Retry-After", "Sun, 06 Nov 1994 08:49:42 GMT"},
                                  {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}}),
                         lost()},
                        0),
              ElementsAre(5000ms));
  EXPECT_THAT(
      pauses_of(
          {respond(429, "", {{"Retry-After", "Thu, 01 Jan 1970 00:00:07 GMT"}, {"Date", "today"}}),
           lost()},
          0),
      ElementsAre(7000ms));
}

TEST(SendingPause, OfAnyOptionsIsNeitherNegativeNorWithoutBound) {
  const milliseconds all[] = {
      milliseconds::min(), -1ms, 0ms, 10ms, option_max, milliseconds(option_max) + 1ms,
      milliseconds::max()};
  for (const milliseconds first : all) {
    for (const milliseconds most : all) {
      send_options options = plain();
      options.pause_first = first;
      options.pause_first_limited = first;
      options.pause_max = most;
      options.retry_after_max = most;
      options.deadline = milliseconds::max();
      options.attempts_max = 40;
      retry_budget budget(1000, 1);
      operation of = *operation::get("/");
      sending s(of, options, budget);
      ASSERT_EQ(s.begin(both_at(0ms)), sending::step::attempt);
      for (int i = 0; i < 39; ++i) {
        const auto next =
            s.attempted(respond(429, "", {{"Retry-After", "99999999999999999999"}}), both_at(0ms));
        if (next == sending::step::done) break;
        EXPECT_GE(s.pause(), 0ms);
        EXPECT_LE(s.pause(), std::min(std::max(most, 0ms), milliseconds(option_max)) * 2);
        EXPECT_EQ(s.paused(both_at(0ms)), sending::step::attempt);
      }
    }
  }
}

// The deadline.

TEST(SendingDeadline, BoundsTheLastAttempts) {
  send_options options = plain();
  options.attempt_timeout = 30s;
  options.deadline = 40s;
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  EXPECT_EQ(s.begin(both_at(0ms)), sending::step::attempt);
  EXPECT_EQ(s.timeout(), 30s);
  EXPECT_EQ(s.attempted(lost(), both_at(30s)), sending::step::pause);
  EXPECT_EQ(s.paused(both_at(30s + 500ms)), sending::step::attempt);
  EXPECT_EQ(s.timeout(), 9500ms);
}

TEST(SendingDeadline, LeavesTheLastPartOfAMillisecond) {
  send_options options = plain();
  options.deadline = 10ms;
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  options.random = [] { return std::uint64_t{0}; };
  s.begin(both_at(0ms));
  s.attempted(lost(), both_at(0ms));
  EXPECT_EQ(s.paused({std::chrono::steady_clock::time_point(9'999us), at(9ms)}),
            sending::step::attempt);
  EXPECT_EQ(s.timeout(), 1ms);
}

TEST(SendingDeadline, EndsWhereThePauseWouldNotEndBefore) {
  for (const auto& [ended, is_paused] :
       {std::pair(milliseconds(9499ms), true), std::pair(milliseconds(9500ms), false),
        std::pair(milliseconds(11s), false)}) {
    send_options options = plain();
    options.deadline = 10s;
    retry_budget budget;
    operation of = dial();
    sending s(of, options, budget);
    s.begin(both_at(0ms));
    EXPECT_EQ(s.attempted(lost(), both_at(ended)) == sending::step::pause, is_paused);
    if (!is_paused) {
      EXPECT_EQ(s.take_answer().why, stop::deadline);
      EXPECT_EQ(budget.tokens(), budget.capacity()) << "a retry that is not made costs nothing";
    }
  }
}

TEST(SendingDeadline, IsSeenAfterAPauseThatWasTooLong) {
  const send_options options = plain();
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  s.begin(both_at(0ms));
  ASSERT_EQ(s.attempted(lost(), both_at(1s)), sending::step::pause);
  EXPECT_EQ(s.paused(both_at(120s)), sending::step::done);
  const answer got = s.take_answer();
  EXPECT_EQ(got.why, stop::deadline);
  EXPECT_EQ(got.attempts, 1u);
  EXPECT_EQ(got.failure->why, transport_errc::connection_lost) << "of the last attempt";
}

TEST(SendingDeadline, OfNothingSendsNothing) {
  for (const milliseconds deadline : {0ms, -1ms, milliseconds::min()}) {
    send_options options = plain();
    options.deadline = deadline;
    operation of = dial();
    const answer got = play(of, {}, options);
    EXPECT_EQ(got.why, stop::deadline);
    EXPECT_EQ(got.attempts, 0u);
    EXPECT_EQ(got.fate, fate::not_done);
    EXPECT_FALSE(of.first_sent_at());
  }
}

TEST(SendingDeadline, OfTheLongestTimeIsNone) {
  send_options options = plain();
  options.deadline = milliseconds::max();
  options.attempt_timeout = milliseconds::max();
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  EXPECT_EQ(s.begin(both_at(1000h)), sending::step::attempt);
  EXPECT_EQ(s.timeout(), option_max);
  options.attempt_timeout = milliseconds::min();
  EXPECT_EQ(s.begin(both_at(1000h)), sending::step::attempt);
  EXPECT_EQ(s.timeout(), 0ms);
}

// The window: 23 hours from the first send on.

struct window_case {
  const char* name;
  milliseconds later;
  bool is_sent;
};
constexpr window_case windows[] = {
    {"Soon", 1s, true},
    {"OneMillisecondBefore", 23h - 1ms, true},
    {"AtTheEnd", 23h, false},
    {"DaysLater", 72h, false},
    // A clock that was set back.
    {"WithinTheSlack", -5min, true},
    {"BeyondTheSlack", -5min - 1ms, false},
    {"AtTheBeginningOfTime", -100h, false},
};
class SendingWindow : public testing::TestWithParam<window_case> {};

TEST_P(SendingWindow, BoundsASendOfItsOwn) {
  const time_point first = at(100h);
  operation of = dial();
  answer_one(of, lost(), first);
  const answer got = answer_one(of, respond(202), first + GetParam().later);
  EXPECT_EQ(got.why, GetParam().is_sent ? stop::answered : stop::window_over);
  EXPECT_EQ(got.attempts, GetParam().is_sent ? 1u : 0u);
  EXPECT_EQ(got.fate, GetParam().is_sent ? fate::done : fate::unknown);
  EXPECT_EQ(of.first_sent_at(), first);
}

TEST_P(SendingWindow, BoundsARestoredOperation) {
  const time_point made = at(100h);
  operation saved = *operation::post("/v1/calls", "{}", {.clock = [made] { return made; }});
  // Nobody knows whether it was sent after it was saved.
  operation of = *operation::restore(saved.save());
  const answer got = answer_one(of, respond(202), made + GetParam().later);
  EXPECT_EQ(got.why, GetParam().is_sent ? stop::answered : stop::window_over);
}

TEST_P(SendingWindow, BoundsTheRetriesOfASend) {
  send_options options = plain();
  options.deadline = 1000h;
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  const time_point first = at(100h);
  s.begin({{}, first});
  // In the time that an attempt takes, or the wall clock jumps.
  const instant then{{}, first + GetParam().later - 500ms};
  const auto next = s.attempted(lost(), then);
  if (!GetParam().is_sent) {
    EXPECT_EQ(next, sending::step::done);
    EXPECT_EQ(s.take_answer().why, stop::window_over);
    EXPECT_EQ(budget.tokens(), budget.capacity());
  } else if (GetParam().later > 0ms) {
    EXPECT_EQ(next, sending::step::pause);
  }
}

TEST_P(SendingWindow, IsSeenAfterAPauseThatWasTooLong) {
  send_options options = plain();
  options.deadline = 1000h;
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  const time_point first = at(100h);
  s.begin({{}, first});
  ASSERT_EQ(s.attempted(lost(), {{}, first}), sending::step::pause);
  EXPECT_EQ(s.paused({{}, first + GetParam().later}),
            GetParam().is_sent ? sending::step::attempt : sending::step::done);
}

INSTANTIATE_TEST_SUITE_P(, SendingWindow, testing::ValuesIn(windows),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(SendingWindowEdges, OfAnyTimeThatWasSavedIsNoOverflow) {
  const time_point times[] = {time_point::min(), at(0ms), time_point::max()};
  for (const time_point made : times) {
    for (const time_point sent : times) {
      operation of = *operation::restore(
          operation::post("/v1/calls", "{}", {.clock = [made] { return made; }})->save());
      EXPECT_EQ(answer_one(of, respond(202), sent).is_success(),
                made == sent && sent != time_point::max());
    }
  }
  const time_point late = time_point::max() - 1h;
  operation of =
      *operation::restore(operation::post("/", "{}", {.clock = [late] { return late; }})->save());
  EXPECT_TRUE(answer_one(of, respond(202), late + 30min).is_success());
}

// The wall clock was set back while the process lived.
TEST(SendingWindowEdges, AreThoseOfTheSteadyClockToo) {
  const time_point wall = at(100h);
  const auto steady = [](milliseconds since) {
    return std::chrono::steady_clock::time_point(since);
  };
  for (const auto& [later, is_sent] :
       {std::pair(milliseconds(23h - 1ms), true), std::pair(milliseconds(23h), false)}) {
    const send_options options = plain();
    retry_budget budget;
    operation of = dial();
    sending first(of, options, budget);
    first.begin({steady(5h), wall});
    first.attempted(lost(), {steady(5h), wall});
    sending second(of, options, budget);
    EXPECT_EQ(second.begin({steady(5h + later), wall}) == sending::step::attempt, is_sent);
  }
  send_options options = plain();
  options.deadline = 1000h;
  retry_budget budget;
  operation of = dial();
  sending s(of, options, budget);
  s.begin({steady(0h), wall});
  EXPECT_EQ(s.attempted(lost(), {steady(23h - 500ms), wall}), sending::step::done);
  EXPECT_EQ(s.take_answer().why, stop::window_over);
  EXPECT_EQ(budget.tokens(), budget.capacity());
}

TEST(SendingWithoutAKey, HasNoWindow) {
  operation of = *operation::get("/v1/calls");
  answer_one(of, lost(), at(0h));
  EXPECT_EQ(answer_one(of, respond(200), at(1000h)).why, stop::answered);
  EXPECT_EQ(answer_one(of, respond(200), at(-1000h)).why, stop::answered);
}

// The budget.

TEST(SendingBudget, EndsTheRetries) {
  retry_budget budget(20, 14);
  operation of = dial();
  const answer got = play(of, {lost(), lost()}, plain(), &budget);
  EXPECT_EQ(got.why, stop::budget_used_up);
  EXPECT_EQ(got.attempts, 2u);
  EXPECT_EQ(play(of, {lost()}, plain(), &budget).attempts, 1u) << "the first is free";
  EXPECT_EQ(budget.tokens(), 6u);
}

TEST(SendingBudget, GetsBackWhatASuccessNeeded) {
  retry_budget budget(100, 14);
  operation of = dial();
  play(of, {lost(), lost(), respond(202)}, plain(), &budget);
  EXPECT_EQ(budget.tokens(), 86u) << "of two retries that of the last";
  play(of, {respond(202)}, plain(), &budget);
  EXPECT_EQ(budget.tokens(), 87u);
  play(of, {respond(code::no_consent)}, plain(), &budget);
  EXPECT_EQ(budget.tokens(), 87u) << "a refusal tells nothing of the load";
}

// Under a total outage all sends together make no more retries than the budget holds; with
// successes among them, no more than it holds and gets back.
TEST(SendingBudget, IsNeverExceeded) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t most) { return random() % most; };
    const auto capacity = static_cast<std::uint32_t>(below(600));
    const auto cost = static_cast<std::uint32_t>(1 + below(30));
    const std::uint64_t successes_of_ten = seed % 3 == 0 ? 0 : below(10);
    retry_budget budget(capacity, cost);
    send_options options = plain();
    options.attempts_max = static_cast<unsigned>(1 + below(6));
    options.deadline = 1h;

    std::uint64_t retries = 0;
    std::uint64_t given_back = 0;
    for (int i = 0; i < 200; ++i) {
      operation of = dial();
      sending s(of, options, budget);
      auto next = s.begin(both_at(0ms));
      while (next != sending::step::done) {
        if (next == sending::step::pause) {
          ++retries;
          next = s.paused(both_at(0ms));
        } else {
          next = s.attempted(below(10) < successes_of_ten ? respond(202) : lost(), both_at(0ms));
        }
      }
      const answer got = s.take_answer();
      if (got.is_success()) given_back += got.attempts > 1 ? cost : 1;
      ASSERT_LE(budget.tokens(), capacity);
      ASSERT_LE(retries * cost, capacity + given_back) << "seed " << seed;
    }
    if (successes_of_ten == 0) {
      ASSERT_LE(retries, capacity / cost) << "seed " << seed;
    }
  }
}

// What goes over the wire.

TEST(SendingRequest, HasOneKeyOverAllAttemptsAndSends) {
  operation of = *operation::post("/v1/calls", "{}");
  const send_options options = plain();
  for (int send = 0; send < 2; ++send) {
    retry_budget budget;
    sending s(of, options, budget);
    auto next = s.begin(both_at(0ms));
    for (; next != sending::step::done;) {
      if (next == sending::step::attempt) {
        const header key{"Idempotency-Key", std::string(of.key())};
        EXPECT_EQ(s.wire_request().headers.back(), key);
        EXPECT_EQ(s.wire_request().body, "{}");
        next = s.attempted(lost(), both_at(0ms));
      } else {
        next = s.paused(both_at(0ms));
      }
    }
  }
}

TEST(SendingRequest, HasTheHeadersOfAllRequestsButThoseOfItsOwn) {
  operation of = *operation::make(
      {.method = "GET", .target = "/", .headers = {{"accept", "text/html"}, {"X-A", "1"}}});
  send_options options = plain();
  options.headers = {{"Authorization", "Bearer k"}, {"Accept", "application/json"}};
  retry_budget budget;
  const sending s(of, options, budget);
  EXPECT_EQ(
      s.wire_request(),
      (request{.method = "GET",
               .target = "/",
               .headers = {{"accept", "text/html"}, {"X-A", "1"}, {"Authorization", "Bearer k"}}}));
  EXPECT_EQ(of.save().find("Bearer"), std::string::npos) << "secrets are not saved";
}

// With one key for all operations the server would answer the second call with the first.
TEST(SendingRequest, TakesNoHeaderOfAllRequestsThatIsNotTheCallers) {
  send_options options = plain();
  options.headers = {{"idempotency-key", "shared"}, {"Host", "a"}, {"Content-Length", "1"},
                     {"Connection", "close"},       {"X-B", "2"},  {"Transfer-Encoding", "x"}};
  retry_budget budget;
  operation keyed = dial();
  EXPECT_EQ(sending(keyed, options, budget).wire_request().headers,
            (std::vector<header>{
                {"Content-Type", "application/json"}, {"X-B", "2"}, {"Idempotency-Key", "k"}}));
  operation unkeyed = *operation::get("/");
  EXPECT_EQ(sending(unkeyed, options, budget).wire_request().headers,
            (std::vector<header>{{"X-B", "2"}}));
}

// They are referred to.
static_assert(!std::is_constructible_v<sending, operation&, send_options, retry_budget&>);

// What is known afterwards.

constexpr const char* no_consent_body =
    R"({"error":{"code":"no_consent","category":"compliance_blocked"}})";
constexpr const char* gateway_failed_body =
    R"({"error":{"code":"sip_gateway_failed","category":"provider_error"}})";
constexpr const char* busy_body = R"({"error":{"code":"busy","category":"unreachable"}})";

struct fate_case {
  const char* name;
  std::vector<outcome> outcomes;
  client::fate fate;
};
class SendingFate : public testing::TestWithParam<fate_case> {};

TEST_P(SendingFate, IsWhatTheOutcomesTell) {
  operation of = dial();
  send_options options = plain();
  options.attempts_max = static_cast<unsigned>(GetParam().outcomes.size());
  const answer got = play(of, GetParam().outcomes, options);
  EXPECT_EQ(to_string(got.fate), to_string(GetParam().fate));
  EXPECT_EQ(of.may_have_happened(), got.fate != fate::not_done);

  // A send that was in doubt stays so, whatever the next one is told, but for a success.
  if (got.fate == fate::unknown) {
    EXPECT_EQ(play(of, {respond(code::no_consent)}, plain()).fate, fate::unknown);
    EXPECT_EQ(play(of, {respond(202)}, plain()).fate, fate::done);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , SendingFate,
    testing::Values(
        fate_case{"Success", {respond(202)}, fate::done},
        fate_case{"SuccessOfTheLeastStatus", {respond(200)}, fate::done},
        fate_case{"SuccessOfTheGreatestStatus", {respond(299)}, fate::done},
        fate_case{"AboveTheSuccesses", {respond(300)}, fate::unknown},
        fate_case{"BelowTheSuccesses", {respond(199)}, fate::unknown},
        fate_case{"SuccessAfterALoss", {lost(), respond(202)}, fate::done},
        fate_case{"Refused", {respond(code::no_consent)}, fate::not_done},
        fate_case{"RefusedWithoutAnEnvelope", {respond(404, "<html>")}, fate::not_done},
        fate_case{"RefusedTwice", {respond(429), respond(code::no_consent)}, fate::not_done},
        fate_case{"NotConnected", {refused_connection()}, fate::not_done},
        fate_case{"NotConnectedThenRefused",
                  {refused_connection(), respond(code::no_consent)},
                  fate::not_done},
        fate_case{"Lost", {lost()}, fate::unknown},
        // The first may yet arrive, or may have been carried out before the limit was reached.
        fate_case{"LostThenRefused", {lost(), respond(code::no_consent)}, fate::unknown},
        fate_case{"LostThenNotConnected", {lost(), refused_connection()}, fate::unknown},
        fate_case{"ServerError", {respond(500, "<html>")}, fate::unknown},
        fate_case{"ProviderError", {respond(code::room_creation_failed)}, fate::unknown},
        fate_case{
            "ServerErrorThenRefused", {respond(503), respond(code::no_consent)}, fate::unknown},
        fate_case{"Conflict", {respond(code::idempotency_conflict)}, fate::unknown},
        fate_case{"ConflictOfAnotherServer", {respond(409, "<html>")}, fate::unknown},
        fate_case{"RefusedWithAConflictsStatus", {respond(code::no_active_number)}, fate::not_done},
        // Code and status contradict each other.
        fate_case{"RefusalAsAServerError", {respond(502, no_consent_body)}, fate::unknown},
        fate_case{"ServerErrorAsARefusal", {respond(400, gateway_failed_body)}, fate::unknown},
        fate_case{"EndOfAPlacedCall", {respond(400, busy_body)}, fate::unknown},
        fate_case{"LeastRefusal", {respond(400)}, fate::not_done},
        fate_case{"GreatestRefusal", {respond(499)}, fate::not_done},
        fate_case{"AboveTheRefusals", {respond(599)}, fate::unknown},
        fate_case{"BelowTheRefusals", {respond(399)}, fate::unknown},
        fate_case{"Redirect", {respond(303)}, fate::unknown},
        fate_case{"NoStatusAtAll", {respond(std::uint16_t{0})}, fate::unknown},
        fate_case{"Cancelled", {fail(transport_errc::cancelled, true)}, fate::unknown},
        fate_case{"CancelledInTime", {fail(transport_errc::cancelled, false)}, fate::not_done},
        fate_case{"NotSendable", {fail(transport_errc::bad_request, false)}, fate::not_done}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(SendingFateOfARestoredOperation, IsNeverNotDone) {
  operation of = *operation::restore(dial().save());
  EXPECT_EQ(answer_one(of, respond(code::no_consent), at(0ms)).fate, fate::unknown);
}

TEST(SendingCancel, BeforeTheFirstAttempt) {
  operation of = dial();
  const send_options options = plain();
  retry_budget budget;
  sending s(of, options, budget);
  EXPECT_EQ(s.cancel(), sending::step::done);
  const answer got = s.take_answer();
  EXPECT_EQ(got.why, stop::cancelled);
  EXPECT_EQ(got.fate, fate::not_done);
  EXPECT_EQ(got.attempts, 0u);
  EXPECT_FALSE(of.first_sent_at());
}

TEST(SendingCancel, InAPause) {
  operation of = dial();
  const send_options options = plain();
  retry_budget budget;
  sending s(of, options, budget);
  s.begin(both_at(0ms));
  ASSERT_EQ(s.attempted(respond(503, "b"), both_at(0ms)), sending::step::pause);
  EXPECT_EQ(s.cancel(), sending::step::done);
  const answer got = s.take_answer();
  EXPECT_EQ(got.why, stop::cancelled);
  EXPECT_EQ(got.fate, fate::unknown);
  EXPECT_EQ(got.body(), "b") << "of the last attempt";
}

// The answer.

TEST(Answer, OfASuccess) {
  const answer got = play_one(respond(202, R"({"data":{}})",
                                      {{"x-request-id", "req-2"},
                                       {"Idempotency-Replay", "true"},
                                       {"Original-Request-Id", "req-1"}}));
  EXPECT_TRUE(got.is_success());
  EXPECT_EQ(got.status(), 202);
  EXPECT_EQ(got.body(), R"({"data":{}})");
  EXPECT_EQ(got.request_id(), "req-2");
  EXPECT_TRUE(got.is_replay());
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.code(), code::unknown);
  EXPECT_EQ(got.code_name(), "");
}

TEST(Answer, OfAnEnvelope) {
  const answer got = play_one(respond(code::no_consent));
  EXPECT_FALSE(got.is_success());
  EXPECT_EQ(got.status(), 403);
  EXPECT_EQ(got.code(), code::no_consent);
  EXPECT_EQ(got.code_name(), "no_consent");
  EXPECT_EQ(got.category(), errors::category::compliance_blocked);
  EXPECT_EQ((*got.error)->http_status(), 403);
  EXPECT_FALSE(got.is_replay());
  EXPECT_FALSE(play_one(respond(202, "", {{"Idempotency-Replay", "false"}})).is_replay());
}

TEST(Answer, OfACodeThatIsNotKnown) {  // A10
  const answer got = play_one(respond(403, R"({"error":{"code":"scope_missing"}})"));
  EXPECT_EQ(got.code(), code::unknown);
  EXPECT_EQ(got.code_name(), "scope_missing");
}

TEST(Answer, OfAProblem) {
  const envelope::error made(code::no_consent);
  for (const char* type :
       {"application/problem+json", "Application/Problem+JSON ; charset=utf-8"}) {
    const answer got = play_one(respond(403, envelope::to_problem(made), {{"Content-Type", type}}));
    EXPECT_EQ(got.code(), code::no_consent) << type;
  }
  EXPECT_FALSE(*play_one(respond(403, envelope::to_problem(made))).error);
}

TEST(Answer, OfAnythingElseKeepsStatusAndBody) {  // G26
  for (const char* body : {"", "<html>", "{", R"({"message":"m"})"}) {
    const answer got = play_one(respond(502, body));
    EXPECT_EQ(got.status(), 502);
    EXPECT_EQ(got.body(), body);
    EXPECT_EQ(got.code(), code::unknown);
    ASSERT_TRUE(got.error);
    EXPECT_FALSE(*got.error);
  }
}

TEST(Answer, WithoutAResponse) {
  const answer got = play_one(lost());
  EXPECT_EQ(got.status(), 0);
  EXPECT_EQ(got.body(), "");
  EXPECT_EQ(got.request_id(), "");
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.failure->why, transport_errc::connection_lost);
}

TEST(Answer, IsOfTheLastAttemptAlone) {
  send_options options = plain();
  options.attempts_max = 2;
  operation of = dial();
  const answer got = play(of, {respond(503, "a", {{"Retry-After", "1"}}), lost()}, options);
  EXPECT_FALSE(got.response);
  EXPECT_FALSE(got.error);
  EXPECT_FALSE(got.retry_after);
  const answer other = play(of, {lost(), respond(429, "b", {{"Retry-After", "7"}})}, options);
  EXPECT_FALSE(other.failure);
  EXPECT_EQ(other.retry_after, 7s);
}

// The observer.

class recorder final : public observer {
 public:
  struct seen {
    unsigned attempt;
    std::uint16_t status;
    errors::code code;
    std::optional<milliseconds> pause;
    std::uint32_t budget_left;
    friend bool operator==(const seen&, const seen&) = default;
  };
  std::vector<seen> all;
  void attempted(const attempt_event& event) noexcept override {
    all.push_back({event.attempt, event.outcome ? event.outcome->status : std::uint16_t{0},
                   event.code, event.pause, event.budget_left});
    EXPECT_EQ(event.of.key(), "k");
  }
};

TEST(SendingObserver, SeesEveryAttempt) {
  recorder seen;
  send_options options = plain();
  options.observer = &seen;
  retry_budget budget(100, 10);
  operation of = dial();
  play(of, {lost(), respond(code::rate_limited), respond(code::no_consent)}, options, &budget);
  EXPECT_THAT(seen.all, ElementsAre(recorder::seen{1, 0, code::unknown, 500ms, 90},
                                    recorder::seen{2, 429, code::rate_limited, 2000ms, 80},
                                    recorder::seen{3, 403, code::no_consent, std::nullopt, 80}));
}

// Names.

TEST(StopAndFate, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view stops[] = {"answered",       "unrepeatable", "attempts_used_up",
                                        "budget_used_up", "deadline",     "window_over",
                                        "cancelled",      "not_sendable"};
  for (std::size_t i = 0; i < std::size(stops); ++i) {
    EXPECT_EQ(to_string(static_cast<stop>(i + 1)), stops[i]);
  }
  EXPECT_EQ(to_string(stop::not_sendable), "not_sendable");
  EXPECT_EQ(to_string(stop{}), "unknown");
  EXPECT_EQ(to_string(static_cast<stop>(9)), "unknown");
  constexpr std::string_view fates[] = {"done", "not_done", "unknown"};
  for (std::size_t i = 0; i < std::size(fates); ++i) {
    EXPECT_EQ(to_string(static_cast<fate>(i + 1)), fates[i]);
  }
  EXPECT_EQ(to_string(fate{}), "unknown");
  constexpr std::string_view transports[] = {"not_connected", "connection_lost", "timed_out",
                                             "bad_response",  "too_large",       "cancelled",
                                             "bad_request"};
  for (std::size_t i = 0; i < std::size(transports); ++i) {
    EXPECT_EQ(to_string(static_cast<transport_errc>(i + 1)), transports[i]);
  }
  EXPECT_EQ(to_string(transport_errc{}), "unknown");
  EXPECT_EQ(to_string(static_cast<transport_errc>(8)), "unknown");
}

}  // namespace
}  // namespace parley::client
