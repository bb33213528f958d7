// SPDX-License-Identifier: Apache-2.0
#include "parley/client/client.hpp"

#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client_fixture.hpp"

namespace parley::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::SizeIs;

std::string key_of(const request& r) {
  for (const header& each : r.headers) {
    if (each.name == "Idempotency-Key") return each.value;
  }
  return "none";
}

/// Answers as a function says.
class scripted final : public transport {
 public:
  explicit scripted(std::function<outcome(const request&)> by) : by_(std::move(by)) {}
  std::vector<request> seen;
  std::vector<milliseconds> timeouts;

  outcome exchange(const request& what, milliseconds timeout, std::stop_token) override {
    seen.push_back(what);
    timeouts.push_back(timeout);
    return by_(what);
  }

 private:
  std::function<outcome(const request&)> by_;
};

/// A clock that only pauses move.
struct manual {
  milliseconds time{0};
  std::vector<milliseconds> pauses;

  client_options options() {
    client_options made;
    made.clock = [this] { return both_at(time); };
    made.sleep = [this](milliseconds pause, std::stop_token) {
      pauses.push_back(pause);
      time += pause;
    };
    made.send.random = [] { return ~std::uint64_t{0}; };
    return made;
  }
};

TEST(BlockingClient, SendsAgainUntilThereIsAnAnswer) {
  manual clock;
  int attempts = 0;
  scripted by([&](const request&) { return ++attempts < 3 ? lost() : respond(202); });
  blocking_client api(by, clock.options());
  operation of = *operation::post("/v1/calls", "{}", {.clock = [] { return at(0ms); }});
  const answer got = api.send(of);
  EXPECT_EQ(got.why, stop::answered);
  EXPECT_EQ(got.attempts, 3u);
  EXPECT_THAT(clock.pauses, ElementsAre(500ms, 1000ms));
  EXPECT_THAT(by.timeouts, ElementsAre(30s, 30s, 30s));
  ASSERT_THAT(by.seen, SizeIs(3));
  for (const request& each : by.seen) EXPECT_EQ(key_of(each), of.key());
}

TEST(BlockingClient, HasABudgetOfItsOwn) {
  manual clock;
  scripted by([](const request&) { return lost(); });
  blocking_client api(by, clock.options(), 20, 10);
  for (int i = 0; i < 5; ++i) {
    operation of = *operation::get("/");
    api.send(of);
  }
  EXPECT_THAT(by.seen, SizeIs(5 + 2));
  EXPECT_EQ(api.budget().tokens(), 0u);
}

TEST(BlockingClient, SendsNothingOnceItIsStopped) {
  manual clock;
  scripted by([](const request&) { return respond(200); });
  blocking_client api(by, clock.options());
  std::stop_source stop;
  stop.request_stop();
  operation of = *operation::post("/", "{}");
  const answer got = api.send(of, stop.get_token());
  EXPECT_EQ(got.why, stop::cancelled);
  EXPECT_EQ(got.fate, fate::not_done);
  EXPECT_THAT(by.seen, SizeIs(0));
}

TEST(BlockingClient, EndsItsPauseWhenItIsStopped) {
  scripted by([](const request&) { return lost(); });
  client_options options;
  options.send.pause_first = 1h;
  options.send.pause_max = 1h;
  options.send.deadline = 10h;
  options.send.random = [] { return ~std::uint64_t{0}; };
  blocking_client api(by, options);
  std::stop_source stop;
  operation of = *operation::get("/");
  answer got;
  std::jthread sender([&] { got = api.send(of, stop.get_token()); });
  stop.request_stop();  // before the attempt, in it, or in the hour after it
  sender.join();
  EXPECT_EQ(got.why, stop::cancelled);
}

TEST(BlockingClient, DoesNotPauseOnceItIsStopped) {
  std::stop_source stop;
  scripted by([&stop](const request&) {
    stop.request_stop();
    return lost();
  });
  client_options options;
  options.send.pause_first = 1h;
  options.send.pause_max = 1h;
  options.send.deadline = 10h;
  options.send.random = [] { return ~std::uint64_t{0}; };
  blocking_client api(by, options);
  operation of = *operation::get("/");
  EXPECT_EQ(api.send(of, stop.get_token()).why, client::stop::cancelled);
  EXPECT_THAT(by.seen, SizeIs(1));
}

TEST(BlockingClient, SendsNothingAfterAPauseInWhichItWasStopped) {
  manual clock;
  std::stop_source stop;
  scripted by([](const request&) { return lost(); });
  client_options options = clock.options();
  options.sleep = [&stop](milliseconds, std::stop_token) { stop.request_stop(); };
  blocking_client api(by, options);
  operation of = *operation::get("/");
  EXPECT_EQ(api.send(of, stop.get_token()).why, client::stop::cancelled);
  EXPECT_THAT(by.seen, SizeIs(1));
}

TEST(BlockingClient, TakesTheClockThatItIsGiven) {
  manual clock;
  clock.time = 7s;
  scripted by([](const request&) { return respond(200); });
  blocking_client api(by, clock.options());
  operation of = *operation::get("/");
  api.send(of);
  EXPECT_EQ(of.first_sent_at(), at(7s));
}

TEST(BlockingClient, TakesTheSystemsClocks) {
  scripted by([](const request&) { return respond(200); });
  blocking_client api(by);
  operation of = *operation::post("/", "{}");
  const time_point before = now().wall;
  EXPECT_TRUE(api.send(of).is_success());
  EXPECT_GE(of.first_sent_at(), before);
  EXPECT_LE(of.first_sent_at(), now().wall);
}

TEST(BlockingClient, PassesOnWhatTheTransportThrows) {
  scripted by([](const request&) -> outcome { throw std::runtime_error("no"); });
  blocking_client api(by);
  operation of = *operation::post("/", "{}");
  EXPECT_THROW(api.send(of), std::runtime_error);
  EXPECT_TRUE(of.may_have_happened());
}

// A server that keeps its promises behind a network that does not: responses are lost after the
// call was placed, requests before it was, and both arrive late.
class lossy_server final : public transport {
 public:
  explicit lossy_server(std::uint64_t seed) : random_(seed) {}
  std::map<std::string, int> calls_placed;

  outcome exchange(const request& what, milliseconds, std::stop_token) override {
    const std::uint64_t luck = random_() % 100;
    if (luck < 5) return refused_connection();
    if (luck < 10) return lost();
    const std::string key = key_of(what);
    if (luck < 15 && !calls_placed.contains(key)) return respond(errors::code::rate_limited);
    if (luck < 20 && !calls_placed.contains(key)) {
      return respond(errors::code::room_creation_failed);
    }
    ++calls_placed.try_emplace(key).first->second;  // a handler run; a replay is none
    if (calls_placed[key] > 1) --calls_placed[key];
    if (luck < 35) return lost();
    return respond(202);
  }

 private:
  std::mt19937_64 random_;
};

TEST(BlockingClient, PlacesEachCallOnce) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    manual clock;
    lossy_server by(seed);
    client_options options = clock.options();
    options.send.attempts_max = 8;
    blocking_client api(by, options, 0, 0);
    std::size_t done = 0;
    for (int i = 0; i < 200; ++i) {
      operation of = *operation::post("/v1/calls", "{}", {.clock = [&] { return at(clock.time); }});
      answer got = api.send(of);
      // A crash between the sends: what was saved goes on in the next process.
      while (got.fate == fate::unknown) {
        of = *operation::restore(of.save());
        got = api.send(of);
      }
      if (got.fate == fate::done) {
        ++done;
        EXPECT_EQ(by.calls_placed[std::string(of.key())], 1);
      } else {
        EXPECT_FALSE(by.calls_placed.contains(std::string(of.key())));
      }
    }
    EXPECT_EQ(by.calls_placed.size(), done);
  }
}

}  // namespace
}  // namespace parley::client
