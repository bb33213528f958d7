// SPDX-License-Identifier: Apache-2.0
//
// What a store does but I/O, step by step: the test is the network, the servers and the clock.

#include "idempotency_redis/dispatcher.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/record.hpp"
#include "idempotency_redis/simulator/command_text.hpp"
#include "idempotency_redis/support/reply_text.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::release_op;
using idempotency::write_status;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing_support::array;
using testing_support::bulk;
using testing_support::bulks;
using testing_support::integer;
using testing_support::nil;

using time_point = dispatcher::time;
constexpr auto moment = time_point::duration(1);

// A connection, at the end that is the test's.
struct wire {
  node_address where;
  channel_user* user = nullptr;  // null: the dispatcher has closed it
  bool is_connected = false;
  bool is_writing = false;
  std::string written = {};
  bool is_open() const { return user != nullptr; }
};

class wire_end final : public channel {
 public:
  explicit wire_end(wire& of) : of_(of) {}
  ~wire_end() override { of_.user = nullptr; }
  void write(std::string& bytes) override {
    EXPECT_TRUE(of_.is_connected && !of_.is_writing && !bytes.empty());
    of_.is_writing = true;
    of_.written += std::exchange(bytes, {});
  }

 private:
  wire& of_;
};

// An operation and what became of it.
template <class Op>
struct asked final : Op {
  void done() noexcept override { ++ends; }
  pending what;
  int ends = 0;
};

constexpr std::string_view fine =
    "redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
    "role:master\r\nconnected_slaves:2\r\n";
std::string info_with(std::string_view name, std::string_view value) {
  std::string made(fine);
  const std::size_t at = made.find(name) + name.size() + 1;
  return made.replace(at, made.find('\r', at) - at, value);
}

class DispatcherTest : public testing::Test,
                       protected connector,
                       protected dispatcher_host,
                       protected observer {
 protected:
  DispatcherTest() { options.observer = this; }
  ~DispatcherTest() override {
    if (sends) sends->end_all();
    EXPECT_EQ(unused_due, 0);
  }

  // ---- What happens

  void begin(std::string url) {
    options.url = std::move(url);
    sends.emplace(options, *parse_deployment(options.url), static_cast<dispatcher_host&>(*this),
                  static_cast<connector&>(*this), 7u);
    pass(0ms);
  }
  template <class What>
  void happen(What what) {
    sends->set_now(now);
    what();
    sends->settle();
  }
  void pass(time_point::duration span) {
    now += span;
    happen([] {});
  }
  void pass_to(time_point when) { pass(when - now); }

  template <class Op>
  void start(operation_kind kind, asked<Op>& op, unsigned key) {
    std::memcpy(op.key.bytes.data(), &key, sizeof key);
    const std::uint64_t nonce = ++nonces;
    std::memcpy(op.nonce.bytes.data(), &nonce, sizeof nonce);
    op.what.what.begin(kind, op);
    op.what.started = now;
    happen([&] { sends->add(op.what); });
  }
  asked<claim_op>& claim(unsigned key = 1) {
    asked<claim_op>& made = claims.emplace_back();
    made.request_id = "request";
    start(operation_kind::claim, made, key);
    return made;
  }
  asked<release_op>& release(unsigned key = 1) {
    asked<release_op>& made = releases.emplace_back();
    start(operation_kind::release, made, key);
    return made;
  }
  template <class Op>
  void cancel(const asked<Op>& op) {
    happen([&] { sends->cancel([&](const pending& each) { return &each == &op.what; }); });
  }

  // ---- The network

  std::unique_ptr<channel> connect(const node_address& where, channel_user& user) override {
    wires.push_back({where, &user});
    return std::make_unique<wire_end>(wires.back());
  }
  static std::string text_of(const node_address& where) {
    return where.host + ":" + std::to_string(where.port);
  }
  // Attempts to connect that wait for what comes of them, and connections.
  std::vector<std::string> attempts() const { return open_wires(false); }
  std::vector<std::string> connections() const { return open_wires(true); }
  std::vector<std::string> open_wires(bool is_connected) const {
    std::vector<std::string> made;
    for (const wire& each : wires) {
      if (each.is_open() && each.is_connected == is_connected) made.push_back(text_of(each.where));
    }
    return made;
  }
  wire& attempt_at(std::string_view where) {
    for (wire& each : wires) {
      if (each.is_open() && !each.is_connected && text_of(each.where) == where) return each;
    }
    ADD_FAILURE() << "nobody connects to " << where;
    return wires.emplace_back();
  }
  // The attempt comes to a connection.
  wire& accept(std::string_view where) {
    wire& made = attempt_at(where);
    made.is_connected = true;
    if (made.is_open()) happen([&] { made.user->on_connected(); });
    return made;
  }
  void refuse(std::string_view where) { close(attempt_at(where), disconnect_reason::connect); }
  void close(wire& on, disconnect_reason why = disconnect_reason::closed) {
    ASSERT_TRUE(on.is_open());
    happen([&] { on.user->on_closed(why, "by the test"); });
    EXPECT_FALSE(on.is_open());
  }
  void say(wire& on, std::string_view bytes) {
    ASSERT_TRUE(on.is_open());
    happen([&] { on.user->on_bytes(bytes); });
  }
  // What was written, in words, until nothing more is.
  std::vector<std::string> take(wire& on) {
    std::vector<std::string> made;
    while (on.is_open() && !on.written.empty()) {
      for (std::string& each : take_one(on)) made.push_back(std::move(each));
    }
    return made;
  }
  std::vector<std::string> take_one(wire& on) {
    std::vector<std::string> made = read(on);
    if (on.is_writing) finish_writing(on);
    return made;
  }
  // While it is being written.
  static std::vector<std::string> read(wire& on) {
    std::vector<std::string> made;
    const std::string bytes = std::exchange(on.written, {});
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < bytes.size();) {
      EXPECT_TRUE(testing_support::simulator::take_command(bytes, at, words));
      made.push_back(name_of(words));
    }
    return made;
  }
  void finish_writing(wire& on) {
    on.is_writing = false;
    happen([&] { on.user->on_written(); });
  }
  // Of an operation: "SET 1", "release 1", "EVAL release 1", where 1 is the key.
  static std::string name_of(const std::vector<std::string_view>& words) {
    constexpr const char* scripts[] = {"take_over", "complete", "release",
                                       "renew",     "mark",     "touch"};
    static const script_names names;
    const std::string_view key = testing_support::simulator::key_of(words);
    if (key.empty()) {
      std::string made;
      for (const std::string_view each : words) (made += made.empty() ? "" : " ") += each;
      return made;
    }
    std::string made(words[0] == "EVALSHA" ? "" : words[0]);
    for (std::size_t i = 0; i < script_count; ++i) {
      if (words[1] == names[static_cast<script>(i)]) made += scripts[i];
      if (words[1] == idempotency_redis::text_of(static_cast<script>(i))) {
        (made += " ") += scripts[i];
      }
    }
    // The number's first byte; the tests use no larger ones.
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    const std::string_view hex = key.substr(key.size() - key_hex_bytes);
    return made + " " + std::to_string(16 * digit(hex[0]) + digit(hex[1]));
  }

  // A server that is fit, connected to.
  wire& server(std::string_view where, std::string_view info = fine) {
    wire& made = accept(where);
    EXPECT_THAT(take(made), ElementsAre("INFO"));
    if (made.is_open()) say(made, bulk(info));
    return made;
  }

  // ---- What is told

  void ended(pending& of) noexcept override {
    idempotency::op_base* const op = of.what.op();
    of.what.forget();
    if (of.in_flight) ++unused_due;
    op->done();
  }
  void unused(pending&) noexcept override { --unused_due; }

  void connected(std::string_view server) noexcept override {
    told.push_back("connected " + std::string(server));
  }
  void disconnected(std::string_view server, disconnect_reason why,
                    std::string_view) noexcept override {
    told.push_back("disconnected " + std::string(server) + " " + std::string(to_string(why)));
  }
  void found(std::string_view, finding what, on_finding action) noexcept override {
    told.push_back(std::string(to_string(what)) +
                   (action == on_finding::refuse ? " refuses" : " warns"));
  }
  void lookup_failed(std::string_view server, std::string_view) noexcept override {
    told.push_back("lookup_failed " + std::string(server));
  }
  void outcome_unknown() noexcept override { told.push_back("outcome_unknown"); }
  void refused(std::string_view code) noexcept override {
    told.push_back("refused " + std::string(code));
  }
  std::vector<std::string> take_told() { return std::exchange(told, {}); }

  static std::string text_of(const idempotency::store_failure& of) {
    return std::string(to_string(of.why)) + (of.is_outcome_known ? "" : ", unknown");
  }
  static std::string answer(const asked<claim_op>& of) {
    if (of.ends != 1) return of.ends == 0 ? "none" : "too many";
    switch (of.status) {
      case claim_status::claimed: return "claimed";
      case claim_status::failed: return text_of(of.failure);
      default: return "another";
    }
  }
  static std::string answer(const asked<release_op>& of) {
    if (of.ends != 1) return of.ends == 0 ? "none" : "too many";
    switch (of.status) {
      case write_status::applied: return "applied";
      case write_status::failed: return text_of(of.failure);
      default: return "another";
    }
  }

  redis_store_options options;
  time_point now{1h};
  std::deque<wire> wires;
  std::deque<asked<claim_op>> claims;
  std::deque<asked<release_op>> releases;
  std::vector<std::string> told;
  int unused_due = 0;
  std::uint64_t nonces = 0;
  std::optional<dispatcher> sends;
};

// ---- One server

class DispatcherOfOne : public DispatcherTest {
 protected:
  void SetUp() override { begin("redis://a:1"); }
};

TEST_F(DispatcherOfOne, SendsWhenTheServerIsFoundFit) {
  EXPECT_FALSE(sends->is_ready());
  auto& first = claim(1);
  EXPECT_THAT(attempts(), ElementsAre("a:1"));
  wire& on = accept("a:1");
  auto& second = claim(2);
  EXPECT_THAT(take(on), ElementsAre("INFO"));
  EXPECT_FALSE(sends->is_ready());
  say(on, bulk(fine));
  EXPECT_TRUE(sends->is_ready());
  EXPECT_THAT(take_told(), ElementsAre("connected a:1"));
  EXPECT_THAT(take(on), ElementsAre("SET 1", "SET 2"));
  say(on, nil().substr(0, 3));
  EXPECT_EQ(answer(first), "none");
  say(on, nil().substr(3) + nil());
  EXPECT_EQ(answer(first), "claimed");
  EXPECT_EQ(answer(second), "claimed");
  EXPECT_EQ(sends->next(), time_point::max());
}

TEST_F(DispatcherOfOne, WritesInBatches) {
  wire& on = server("a:1");
  for (unsigned i = 0; i < 3; ++i) claim(i);
  EXPECT_THAT(take_one(on), ElementsAre("SET 0"));
  EXPECT_THAT(take_one(on), ElementsAre("SET 1", "SET 2"));
  say(on, nil() + nil() + nil());
  EXPECT_EQ(answer(claims[2]), "claimed");
}

TEST_F(DispatcherOfOne, WhatCannotBeSentFailsAtTheOfflineTimeout) {
  refuse("a:1");
  auto& op = claim();
  const time_point begun = now;
  pass_to(begun + options.offline_timeout - moment);
  EXPECT_EQ(answer(op), "none");
  EXPECT_LE(sends->next(), begun + options.offline_timeout);
  pass_to(begun + options.offline_timeout);
  EXPECT_EQ(answer(op), "unavailable");
  EXPECT_TRUE(op.failure.is_retryable);
}

TEST_F(DispatcherOfOne, WhatCannotBeSentFailsAtItsTimeoutIfThatIsSooner) {
  options.operation_timeout = 100ms;
  refuse("a:1");
  auto& op = claim();
  const time_point begun = now;
  pass_to(begun + options.operation_timeout - moment);
  EXPECT_EQ(answer(op), "none");
  pass_to(begun + options.operation_timeout);
  EXPECT_EQ(answer(op), "unavailable");
}

TEST_F(DispatcherOfOne, WhatIsNotAnsweredIsUnknownAtItsTimeout) {
  wire& on = server("a:1");
  auto& op = claim();
  const time_point begun = now;
  EXPECT_THAT(take(on), ElementsAre("SET 1"));
  EXPECT_EQ(sends->next(), begun + options.operation_timeout);
  pass_to(begun + options.operation_timeout - moment);
  EXPECT_EQ(answer(op), "none");
  pass_to(begun + options.operation_timeout);
  EXPECT_EQ(answer(op), "timed_out, unknown");
  EXPECT_THAT(take_told(), Contains("outcome_unknown"));
  EXPECT_EQ(unused_due, 1);
  say(on, nil());  // too late, and no answer of what comes next
  EXPECT_EQ(unused_due, 0);
  auto& next = claim(2);
  EXPECT_THAT(take(on), ElementsAre("SET 2"));
  say(on, nil());
  EXPECT_EQ(answer(next), "claimed");
}

TEST_F(DispatcherOfOne, WhatWasUnderWayIsSentAgain) {
  wire& old = server("a:1");
  auto& sent = claim(1);
  take(old);
  const time_point begun = now;
  close(old);
  EXPECT_FALSE(sends->is_ready());
  claim(2);
  EXPECT_GE(sends->next(), now + options.reconnect_min / 2);
  EXPECT_LE(sends->next(), now + options.reconnect_min);
  EXPECT_THAT(attempts(), IsEmpty());
  pass_to(sends->next());
  wire& on = server("a:1");
  EXPECT_THAT(take(on), ElementsAre("SET 1", "SET 2"));
  EXPECT_EQ(sends->stats().resent, 1u);
  EXPECT_EQ(sends->stats().connections, 2u);
  EXPECT_EQ(sends->stats().disconnections, 1u);
  pass_to(begun + options.offline_timeout);
  EXPECT_EQ(answer(sent), "none");
  say(on, nil());
  EXPECT_EQ(answer(sent), "claimed");
}

TEST_F(DispatcherOfOne, WhatWasUnderWayIsNotEndedByTheOfflineTimeout) {
  wire& on = server("a:1");
  auto& op = claim();
  const time_point begun = now;
  take(on);
  close(on);
  pass_to(begun + options.offline_timeout);
  EXPECT_EQ(answer(op), "none");
  pass_to(begun + options.operation_timeout - moment);
  EXPECT_EQ(answer(op), "none");
  pass_to(begun + options.operation_timeout);
  EXPECT_EQ(answer(op), "timed_out, unknown");
}

TEST_F(DispatcherOfOne, WhatWasUnderWayAndEndedIsUnusedWhenTheConnectionEnds) {
  wire& on = server("a:1");
  auto& op = claim();
  take(on);
  cancel(op);
  EXPECT_EQ(answer(op), "canceled, unknown");
  EXPECT_EQ(unused_due, 1);
  close(on);
  EXPECT_EQ(unused_due, 0);
}

TEST_F(DispatcherOfOne, ConnectingHasItsTime) {
  const time_point begun = now;
  pass_to(begun + options.connect_timeout - moment);
  EXPECT_THAT(attempts(), ElementsAre("a:1"));
  pass_to(begun + options.connect_timeout);
  EXPECT_THAT(attempts(), IsEmpty());
  EXPECT_THAT(take_told(), ElementsAre("disconnected a:1 connect"));
}

TEST_F(DispatcherOfOne, ServerThatDoesNotGreetHasTheSameTime) {
  options.operation_timeout = options.connect_timeout;  // else it is silent before
  const time_point begun = now;
  wire& on = accept("a:1");
  pass_to(begun + options.connect_timeout - moment);
  EXPECT_TRUE(on.is_open());
  pass_to(begun + options.connect_timeout);
  EXPECT_FALSE(on.is_open());
}

TEST_F(DispatcherOfOne, SilenceEndsAConnection) {
  wire& on = server("a:1");
  claim();
  const time_point begun = now;
  take(on);
  pass_to(begun + 2 * options.operation_timeout - moment);
  EXPECT_TRUE(on.is_open());
  EXPECT_EQ(sends->next(), begun + 2 * options.operation_timeout);
  pass_to(begun + 2 * options.operation_timeout);
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take_told(), Contains("disconnected a:1 silence"));
  EXPECT_EQ(unused_due, 0);
}

TEST_F(DispatcherOfOne, AttemptsComeMoreAndMoreSeldom) {
  for (unsigned i = 0; i < 10; ++i) {
    refuse("a:1");
    const auto full =
        std::min<time_point::duration>(options.reconnect_max, options.reconnect_min * (1 << i));
    EXPECT_GE(sends->next() - now, full / 2) << i;
    EXPECT_LE(sends->next() - now, full) << i;
    pass_to(sends->next());
  }
  wire& on = server("a:1");
  close(on);
  EXPECT_LE(sends->next() - now, options.reconnect_min);
}

TEST_F(DispatcherOfOne, UnknownScriptIsSentItself) {
  wire& on = server("a:1");
  auto& op = release();
  EXPECT_THAT(take(on), ElementsAre("release 1"));
  say(on, "-NOSCRIPT No matching script.\r\n");
  EXPECT_THAT(take(on), ElementsAre("EVAL release 1"));
  say(on, integer(1));
  EXPECT_EQ(answer(op), "applied");
}

TEST_F(DispatcherOfOne, ReplicaIsLeft) {
  wire& old = server("a:1");
  auto& first = release(1);
  auto& second = release(2);
  take(old);
  say(old, "-READONLY You can't write against a read only replica.\r\n" + integer(1));
  EXPECT_FALSE(old.is_open());
  EXPECT_EQ(answer(second), "none");  // what a replica says is not believed
  pass_to(sends->next());
  wire& replica = server("a:1", info_with("role", "slave"));
  EXPECT_FALSE(replica.is_open());
  EXPECT_THAT(take_told(), ElementsAre("connected a:1", "disconnected a:1 refused",
                                       "is_replica refuses", "disconnected a:1 refused"));
  pass_to(sends->next());
  wire& on = server("a:1");
  EXPECT_THAT(take(on), ElementsAre("release 1", "release 2"));
  say(on, integer(1) + integer(1));
  EXPECT_EQ(answer(first), "applied");
  EXPECT_EQ(answer(second), "applied");
}

TEST_F(DispatcherOfOne, FindingStopsNoServerThatWasInUse) {
  const std::string evicts = info_with("maxmemory_policy", "allkeys-lru");
  const std::string limited =
      std::string(evicts).replace(evicts.find("maxmemory:0"), 11, "maxmemory:9");
  EXPECT_FALSE(server("a:1", limited).is_open());
  EXPECT_THAT(take_told(), ElementsAre("evicts refuses", "disconnected a:1 refused"));
  pass_to(sends->next());
  close(server("a:1"));
  pass_to(sends->next());
  EXPECT_TRUE(server("a:1", limited).is_open());
  EXPECT_THAT(take_told(), ElementsAre("connected a:1", "disconnected a:1 closed", "evicts warns",
                                       "connected a:1"));
}

TEST_F(DispatcherOfOne, OldServerIsRefusedAlsoLater) {
  close(server("a:1"));
  pass_to(sends->next());
  EXPECT_FALSE(server("a:1", info_with("redis_version", "6.2.0")).is_open());
  EXPECT_FALSE(sends->is_ready());
}

TEST_F(DispatcherOfOne, WhatIsNoReplyEndsTheConnection) {
  wire& first = server("a:1");
  say(first, integer(1));
  EXPECT_FALSE(first.is_open());
  pass_to(sends->next());
  wire& second = server("a:1");
  auto& op = claim();
  take(second);
  say(second, "HTTP/1.1 400 Bad Request\r\n");
  EXPECT_FALSE(second.is_open());
  EXPECT_THAT(take_told(), ElementsAre("connected a:1", "disconnected a:1 protocol",
                                       "connected a:1", "disconnected a:1 protocol"));
  EXPECT_EQ(answer(op), "none");
}

TEST_F(DispatcherOfOne, ErrorThatIsNotExpectedIsTold) {
  wire& on = server("a:1");
  auto& op = release();
  take(on);
  say(on, "-NOPERM no right\r\n");
  EXPECT_EQ(answer(op), "unavailable");
  EXPECT_THAT(take_told(), Contains("refused NOPERM"));
}

TEST_F(DispatcherOfOne, CanceledIsKnownAsFarAsItWasNotSent) {
  auto& parked = claim(1);
  cancel(parked);
  EXPECT_EQ(answer(parked), "canceled");
  wire& on = server("a:1");
  EXPECT_THAT(take(on), IsEmpty());
  auto& sent = claim(2);
  take(on);
  cancel(sent);
  EXPECT_EQ(answer(sent), "canceled, unknown");
  say(on, nil());
  EXPECT_EQ(unused_due, 0);
}

TEST_F(DispatcherOfOne, EndEndsAll) {
  wire& on = server("a:1");
  auto& answered = claim(1);
  take(on);
  say(on, nil());
  auto& sent = claim(2);
  take(on);
  close(on);
  auto& parked = claim(3);
  happen([&] { sends->end_all(); });
  EXPECT_EQ(answer(answered), "claimed");
  EXPECT_EQ(answer(sent), "shut_down, unknown");
  EXPECT_EQ(answer(parked), "shut_down");
  EXPECT_EQ(sends->next(), time_point::max());
  pass(1h);
  EXPECT_THAT(attempts(), IsEmpty());
}

TEST_F(DispatcherOfOne, EndClosesTheConnection) {
  wire& on = server("a:1");
  claim();
  take(on);
  happen([&] { sends->end_all(); });
  EXPECT_FALSE(on.is_open());
  EXPECT_EQ(unused_due, 0);
  EXPECT_FALSE(sends->is_ready());
  EXPECT_THAT(take_told(), Contains("disconnected a:1 shut_down"));
}

TEST_F(DispatcherTest, GreetsWithItsPasswordAndDatabase) {
  options.user = "other";
  options.password = "secret";
  begin("redis://user:word@a:1/3");
  wire& on = accept("a:1");
  EXPECT_THAT(take(on), ElementsAre("AUTH other secret", "SELECT 3", "INFO"));
  say(on, "+OK\r\n+OK\r\n" + bulk(fine));
  EXPECT_TRUE(sends->is_ready());
}

TEST_F(DispatcherTest, PasswordThatIsRefusedEndsTheConnection) {
  begin("redis://:word@a:1");
  wire& on = accept("a:1");
  EXPECT_THAT(take(on), ElementsAre("AUTH word", "INFO"));
  say(on, "-WRONGPASS invalid\r\n");
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take_told(), ElementsAre("disconnected a:1 auth"));
}

struct no_greeting_case {
  const char* name;
  std::string reply;
  const char* why;
};
void PrintTo(const no_greeting_case& of, std::ostream* to) { *to << of.name; }

class DispatcherOfAServerThatDoesNotGreet : public DispatcherOfOne,
                                            public testing::WithParamInterface<no_greeting_case> {};

TEST_P(DispatcherOfAServerThatDoesNotGreet, LeavesIt) {
  auto& op = claim();
  wire& on = accept("a:1");
  take(on);
  say(on, GetParam().reply);
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take_told(), Contains("disconnected a:1 " + std::string(GetParam().why)));
  EXPECT_EQ(answer(op), "none");
}

const no_greeting_case no_greeting_cases[] = {
    {"AsksForAPassword", "-NOAUTH Authentication required.\r\n", "auth"},
    {"SaysSomethingElse", "+OK\r\n", "protocol"},
    {"SaysNothing", nil(), "protocol"},
    {"IsTooOld", bulk(info_with("redis_version", "6.2.0")), "refused"},
    {"SaysTooMuch", "$9000000\r\n" + std::string((std::size_t{8} << 20) + 1, 'x'), "protocol"},
};
INSTANTIATE_TEST_SUITE_P(, DispatcherOfAServerThatDoesNotGreet,
                         testing::ValuesIn(no_greeting_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(DispatcherOfOne, InfoThatIsForbiddenIsNoReasonToLeave) {
  wire& on = accept("a:1");
  take(on);
  say(on, "-NOPERM this user has no permissions to run the 'info' command\r\n");
  EXPECT_TRUE(on.is_open());
  EXPECT_THAT(take_told(), ElementsAre("unknown_setting warns", "connected a:1"));
}

// ---- Replicas that are waited for

class DispatcherOfReplicas : public DispatcherTest {
 protected:
  DispatcherOfReplicas() {
    options.wait_replicas = 2;
    begin("redis://a:1");
  }
};

TEST_F(DispatcherOfReplicas, AnswerIsHeldUntilTheyHaveIt) {
  wire& on = server("a:1");
  for (unsigned i = 0; i < 3; ++i) claim(i);
  EXPECT_THAT(take_one(on), ElementsAre("SET 0", "WAIT 2 250"));
  EXPECT_THAT(take_one(on), ElementsAre("SET 1", "SET 2", "WAIT 2 250"));
  say(on, nil());
  EXPECT_EQ(answer(claims[0]), "none");
  say(on, integer(2));
  EXPECT_EQ(answer(claims[0]), "claimed");
  say(on, nil() + nil());
  EXPECT_EQ(answer(claims[1]), "none");
  say(on, integer(1));
  EXPECT_EQ(answer(claims[1]), "unavailable, unknown");
  EXPECT_EQ(answer(claims[2]), "unavailable, unknown");
}

TEST_F(DispatcherOfReplicas, HeldIsSentAgainWhenTheConnectionEnds) {
  wire& old = server("a:1");
  auto& held = release(1);
  take(old);
  auto& under_way = release(2);
  take(old);
  say(old, integer(1));
  close(old);
  EXPECT_EQ(answer(held), "none");
  pass_to(sends->next());
  wire& on = server("a:1");
  EXPECT_THAT(take(on), ElementsAre("release 1", "release 2", "WAIT 2 250"));
  say(on, integer(2) + integer(1));  // it was done before, and is written anew for WAIT
  EXPECT_THAT(take(on), ElementsAre("touch 1", "WAIT 2 250"));
  say(on, integer(2));
  EXPECT_EQ(answer(under_way), "applied");
  say(on, integer(1) + integer(2));
  EXPECT_EQ(answer(held), "another");  // already applied
}

TEST_F(DispatcherOfReplicas, HeldCanBeCanceledAndRunsOutOfTime) {
  wire& on = server("a:1");
  auto& canceled = release(1);
  auto& late = release(2);
  take(on);
  say(on, integer(1));
  cancel(canceled);
  EXPECT_EQ(answer(canceled), "canceled, unknown");
  pass(options.operation_timeout);
  EXPECT_EQ(answer(late), "timed_out, unknown");
  EXPECT_EQ(unused_due, 2);
  say(on, integer(2) + integer(1) + integer(2));
  EXPECT_EQ(unused_due, 0);
}

TEST_F(DispatcherOfReplicas, EndLeavesNoneHeld) {
  wire& on = server("a:1");
  auto& held = release();
  take(on);
  say(on, integer(1));
  happen([&] { sends->end_all(); });
  EXPECT_EQ(answer(held), "shut_down, unknown");
  EXPECT_EQ(unused_due, 0);
}

TEST_F(DispatcherOfReplicas, BatchThatOnlyReadsIsNotWaitedFor) {
  wire& on = server("a:1");
  claim(1);
  take(on);
  const std::string full = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  say(on, full + integer(2));
  EXPECT_THAT(take(on), ElementsAre("GET 1"));
  say(on, nil());
  EXPECT_EQ(answer(claims[0]), "full");
  // And one that writes at its beginning is.
  claim(2);
  take(on);
  release(3);
  EXPECT_THAT(read(on), ElementsAre("release 3", "WAIT 2 250"));
  release(4);
  say(on, full + integer(2));
  EXPECT_THAT(read(on), IsEmpty());
  finish_writing(on);
  EXPECT_THAT(take(on), ElementsAre("release 4", "GET 2", "WAIT 2 250"));
}

TEST_F(DispatcherOfReplicas, ClaimThatWasDoneBeforeIsWrittenAnew) {
  wire& old = server("a:1");
  auto& op = claim(1);
  take(old);
  close(old);
  pass_to(sends->next());
  wire& on = server("a:1");
  EXPECT_THAT(take(on), ElementsAre("SET 1", "WAIT 2 250"));
  record own;
  own.owner = op.nonce;
  own.fence = 7;
  own.operation_id = "request";
  std::string value;
  encode(own, value);
  say(on, bulk(value) + integer(2));
  EXPECT_THAT(take(on), ElementsAre("touch 1", "WAIT 2 250"));
  EXPECT_EQ(answer(op), "none");
  say(on, integer(1) + integer(2));
  EXPECT_EQ(answer(op), "claimed");
  EXPECT_EQ(op.fence, 7u);
}

// ---- A cluster

std::string range_text(int first, int last, const std::vector<std::string>& nodes) {
  std::vector<std::string> parts = {integer(first), integer(last)};
  for (const std::string& each : nodes) {
    const std::size_t colon = each.find(':');
    parts.push_back(array(
        {bulk(each.substr(0, colon)), integer(std::stoi(each.substr(colon + 1))), bulk("id")}));
  }
  return array(parts);
}

class DispatcherOfACluster : public DispatcherTest {
 protected:
  void SetUp() override {
    begin("redis+cluster://a:1,b:2");
    for (unsigned key = 1; low == 0 || high == 0; ++key) {
      idempotency::digest digest;
      std::memcpy(digest.bytes.data(), &key, sizeof key);
      const std::uint16_t slot = key_slots(options.key_prefix)[digest];
      (slot < 8'192 ? low : high) = key;
      (slot < 8'192 ? low_slot : high_slot) = std::to_string(slot);
    }
  }
  static std::string halves(const std::string& first, const std::string& second) {
    return array({range_text(0, 8'191, {first}), range_text(8'192, 16'383, {second})});
  }
  // `whom` is asked for the map, and says so.
  void lay_out(std::string_view whom, std::string_view layout) {
    wire& on = accept(whom);
    EXPECT_THAT(take(on), ElementsAre("CLUSTER SLOTS"));
    say(on, layout);
    EXPECT_FALSE(on.is_open());
  }
  // Both halves are there; the map was asked for long ago.
  std::pair<wire&, wire&> whole() {
    lay_out("a:1", halves("a:1", "b:2"));
    wire& a = server("a:1");
    wire& b = server("b:2");
    pass(1s);
    take_told();
    return {a, b};
  }
  std::string set(unsigned key) const { return "SET " + std::to_string(key); }

  unsigned low = 0;  // a key of a:1
  unsigned high = 0;
  std::string low_slot;
  std::string high_slot;
};

TEST_F(DispatcherOfACluster, SendsByTheMap) {
  auto& first = claim(low);
  auto& second = claim(high);
  lay_out("a:1", halves("a:1", "b:2"));
  EXPECT_THAT(attempts(), ElementsAre("a:1", "b:2"));
  wire& b = server("b:2");
  EXPECT_THAT(take(b), ElementsAre(set(high)));
  say(b, nil());
  EXPECT_EQ(answer(second), "claimed");
  wire& a = server("a:1");
  EXPECT_THAT(take(a), ElementsAre(set(low)));
  say(a, nil());
  EXPECT_EQ(answer(first), "claimed");
}

TEST_F(DispatcherOfACluster, IsReadyWithAllMastersAndThenWithOne) {
  lay_out("a:1", array({range_text(0, 8'191, {"a:1", "c:3"}), range_text(8'192, 16'383, {"b:2"})}));
  EXPECT_THAT(attempts(), ElementsAre("a:1", "b:2"));  // not to replicas
  wire& a = server("a:1");
  EXPECT_FALSE(sends->is_ready());
  wire& b = server("b:2");
  EXPECT_TRUE(sends->is_ready());
  close(a);
  EXPECT_TRUE(sends->is_ready());
  close(b);
  EXPECT_FALSE(sends->is_ready());
  pass(options.reconnect_min);
  server("a:1");
  EXPECT_TRUE(sends->is_ready());
}

TEST_F(DispatcherOfACluster, MovedIsFollowedAndKept) {
  auto [a, b] = whole();
  auto& first = claim(low);
  take(a);
  say(a, "-MOVED " + low_slot + " b:2\r\n");
  EXPECT_THAT(take(b), ElementsAre(set(low)));
  EXPECT_EQ(sends->stats().redirected, 1u);
  auto& second = claim(low);
  EXPECT_THAT(take(b), ElementsAre(set(low)));
  say(b, nil() + nil());
  EXPECT_EQ(answer(first), "claimed");
  EXPECT_EQ(answer(second), "claimed");
  lay_out("b:2", halves("b:2", "b:2"));
}

TEST_F(DispatcherOfACluster, MovedToAnUnknownNodeWaitsForIt) {
  auto [a, b] = whole();
  auto& op = claim(low);
  take(a);
  say(a, "-MOVED " + low_slot + " c:3\r\n");
  EXPECT_THAT(attempts(), Contains("c:3"));
  wire& c = server("c:3");
  EXPECT_THAT(take(c), ElementsAre(set(low)));
  say(c, nil());
  EXPECT_EQ(answer(op), "claimed");
}

TEST_F(DispatcherOfACluster, AskIsFollowedOnceAndNotKept) {
  auto [a, b] = whole();
  auto& first = claim(low);
  take(a);
  say(a, "-ASK " + low_slot + " b:2\r\n");
  EXPECT_THAT(take(b), ElementsAre("ASKING", set(low)));
  auto& second = claim(low);
  EXPECT_THAT(take(a), ElementsAre(set(low)));
  say(b, "+OK\r\n" + nil());
  EXPECT_EQ(answer(first), "claimed");
  say(a, nil());
  EXPECT_EQ(answer(second), "claimed");
  EXPECT_THAT(attempts(), IsEmpty());  // nor is the map asked for
}

TEST_F(DispatcherOfACluster, AskOfAnUnknownNodeIsAskedAgain) {
  auto [a, b] = whole();
  auto& op = claim(low);
  take(a);
  say(a, "-ASK " + low_slot + " c:3\r\n");
  EXPECT_THAT(attempts(), ElementsAre("c:3"));
  wire& c = server("c:3");
  EXPECT_THAT(take(c), IsEmpty());
  EXPECT_THAT(take(a), ElementsAre(set(low)));
  say(a, "-ASK " + low_slot + " c:3\r\n");
  EXPECT_THAT(take(c), ElementsAre("ASKING", set(low)));
  say(c, "+OK\r\n" + nil());
  EXPECT_EQ(answer(op), "claimed");
}

TEST_F(DispatcherOfACluster, UnknownScriptBehindAnAskGoesByWayOfTheOwner) {
  auto [a, b] = whole();
  auto& op = release(low);
  const std::string name = "release " + std::to_string(low);
  EXPECT_THAT(take(a), ElementsAre(name));
  say(a, "-ASK " + low_slot + " b:2\r\n");
  EXPECT_THAT(take(b), ElementsAre("ASKING", name));
  say(b, "+OK\r\n-NOSCRIPT No matching script.\r\n");
  EXPECT_THAT(take(b), IsEmpty());
  EXPECT_THAT(take(a), ElementsAre("EVAL " + name));
  say(a, "-ASK " + low_slot + " b:2\r\n");
  EXPECT_THAT(take(b), ElementsAre("ASKING", "EVAL " + name));
  say(b, "+OK\r\n" + integer(1));
  EXPECT_EQ(answer(op), "applied");
}

TEST_F(DispatcherOfACluster, RedirectsAreFollowedFiveTimesAndThenWaitedOn) {
  auto [a, b] = whole();
  auto& op = claim(low);
  const std::string to_a = "-MOVED " + low_slot + " a:1\r\n";
  const std::string to_b = "-MOVED " + low_slot + " b:2\r\n";
  for (int i = 0; i < 5; ++i) {
    wire& from = i % 2 == 0 ? a : b;
    EXPECT_THAT(take(from), ElementsAre(set(low))) << i;
    say(from, i % 2 == 0 ? to_b : to_a);
  }
  EXPECT_THAT(take(b), ElementsAre(set(low)));
  say(b, to_a);
  EXPECT_THAT(take(a), IsEmpty());
  pass(5ms);
  EXPECT_THAT(take(a), ElementsAre(set(low)));
  say(a, nil());
  EXPECT_EQ(answer(op), "claimed");
}

struct passing_case {
  const char* name;
  const char* error;
};
void PrintTo(const passing_case& of, std::ostream* to) { *to << of.name; }

class DispatcherOfAClusterThatCannotYet : public DispatcherOfACluster,
                                          public testing::WithParamInterface<passing_case> {};

TEST_P(DispatcherOfAClusterThatCannotYet, IsAskedAgainUntilTheOfflineTimeout) {
  auto [a, b] = whole();
  auto& served = claim(low);
  auto& failed = claim(low);
  const time_point begun = now;
  take(a);
  const std::string error = "-" + std::string(GetParam().error) + "\r\n";
  say(a, error + error);
  EXPECT_TRUE(a.is_open());
  EXPECT_THAT(take(a), IsEmpty());
  pass(5ms);
  EXPECT_THAT(take(a), ElementsAre(set(low), set(low)));
  say(a, nil() + error);
  EXPECT_EQ(answer(served), "claimed");
  // Turned away it was not carried out: of what was not served that is certain.
  while (answer(failed) == "none") {
    pass(5ms);
    for (std::size_t i = take(a).size(); i > 0; --i) say(a, error);
  }
  EXPECT_EQ(now, begun + options.offline_timeout);
  EXPECT_EQ(answer(failed), "unavailable");
  EXPECT_THAT(take_told(), Not(Contains("outcome_unknown")));
}

constexpr passing_case passing_cases[] = {
    {"TryAgain", "TRYAGAIN Multiple keys request during rehashing of slot"},
    {"ClusterDown", "CLUSTERDOWN The cluster is down"},
    {"Loading", "LOADING Redis is loading the dataset in memory"},
    {"MasterDown", "MASTERDOWN Link with MASTER is down"},
    {"ReadOnly", "READONLY You can't write against a read only replica."},
};
INSTANTIATE_TEST_SUITE_P(, DispatcherOfAClusterThatCannotYet, testing::ValuesIn(passing_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(DispatcherOfACluster, WhatWasUnderWayAndThenTurnedAwayStaysInDoubt) {
  auto [a, b] = whole();
  auto& op = claim(low);
  const time_point begun = now;
  take(a);
  close(a);
  pass(options.reconnect_min);
  wire& again = server("a:1");
  EXPECT_THAT(take(again), ElementsAre(set(low)));
  say(again, "-CLUSTERDOWN The cluster is down\r\n");
  pass_to(begun + options.offline_timeout);
  EXPECT_EQ(answer(op), "none");
  pass_to(begun + options.operation_timeout);
  EXPECT_EQ(answer(op), "timed_out, unknown");
}

TEST_F(DispatcherOfACluster, CanceledAfterARedirectIsKnown) {
  auto [a, b] = whole();
  auto& op = claim(low);
  take(a);
  say(a, "-TRYAGAIN\r\n");
  cancel(op);
  EXPECT_EQ(answer(op), "canceled");
}

TEST_F(DispatcherOfACluster, LostNodeHoldsUpItsOwnAlone) {
  auto [a, b] = whole();
  auto& stuck = claim(low);
  take(a);
  close(a);
  auto& served = claim(high);
  EXPECT_THAT(take(b), ElementsAre(set(high)));
  say(b, nil());
  EXPECT_EQ(answer(served), "claimed");
  // Another node says who has its slots now.
  lay_out("b:2", halves("b:2", "b:2"));
  EXPECT_THAT(take(b), ElementsAre(set(low)));
  say(b, nil());
  EXPECT_EQ(answer(stuck), "claimed");
}

TEST_F(DispatcherOfACluster, NodeThatLeavesIsClosedWhenItIsIdle) {
  auto [a, b] = whole();
  const auto move_to = [&](const std::string& owner, const std::string& map) {
    auto& op = claim(high);
    take(b);
    say(b, "-MOVED " + high_slot + " " + owner + "\r\n");
    wire& on = server(owner);
    take(on);
    say(on, nil());
    EXPECT_EQ(answer(op), "claimed");
    pass(100ms);
    lay_out(attempts().front(), map);
    return &on;
  };
  wire* const c = move_to("c:3", halves("a:1", "c:3"));
  EXPECT_TRUE(b.is_open());  // of the URL: it is always asked
  auto& under_way = claim(high);
  take(*c);
  close(a);
  lay_out("c:3", halves("a:1", "b:2"));
  EXPECT_TRUE(c->is_open());
  say(*c, nil());
  EXPECT_EQ(answer(under_way), "claimed");
  EXPECT_FALSE(c->is_open());
  EXPECT_THAT(take_told(), Contains("disconnected c:3 replaced"));
  pass(1s);
  // Its place is another's now.
  server("a:1");
  move_to("d:4", halves("a:1", "d:4"));
  EXPECT_THAT(connections(), testing::UnorderedElementsAre("a:1", "b:2", "d:4"));
}

TEST_F(DispatcherOfACluster, WaitsAreAsManyAsItSays) {
  options.offline_timeout = options.operation_timeout = 1h;
  auto [a, b] = whole();
  auto& op = claim(low);
  for (unsigned sent = 1; sent <= cluster_options().waits_max; ++sent) {
    EXPECT_THAT(take(a), ElementsAre(set(low))) << sent;
    say(a, "-TRYAGAIN\r\n");
    EXPECT_EQ(answer(op), "none");
    pass(100ms);
  }
  EXPECT_THAT(take(a), ElementsAre(set(low)));
  say(a, "-TRYAGAIN\r\n");
  EXPECT_EQ(answer(op), "unavailable");
  EXPECT_TRUE(op.failure.is_retryable);
}

TEST_F(DispatcherOfACluster, NodeThatIsNotReachedIsPassedOver) {
  refuse("a:1");
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed a:1"));
  EXPECT_THAT(attempts(), IsEmpty());
  pass(100ms);
  EXPECT_THAT(attempts(), ElementsAre("b:2"));
}

TEST_F(DispatcherOfACluster, NodeThatDoesNotAnswerIsPassedOver) {
  wire& on = accept("a:1");
  take(on);
  pass(1s - moment);
  EXPECT_TRUE(on.is_open());
  EXPECT_THAT(take_told(), IsEmpty());
  pass(moment);
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed a:1"));
  EXPECT_THAT(attempts(), ElementsAre("b:2"));
}

TEST_F(DispatcherOfACluster, WhatIsNoMapIsNotTaken) {
  for (const std::string& wrong :
       {array({}), std::string("-ERR This instance has cluster support disabled\r\n"),
        array({range_text(0, 16'384, {"a:1"})}), bulk("a"), std::string("HTTP/1.1\r\n")}) {
    while (attempts().empty()) pass_to(sends->next());
    const std::string whom = attempts().front();
    wire& on = accept(whom);
    take(on);
    say(on, wrong);
    EXPECT_FALSE(on.is_open()) << wrong;
    EXPECT_THAT(take_told(), ElementsAre("lookup_failed " + whom)) << wrong;
  }
  auto& op = claim(low);
  pass(options.offline_timeout);
  EXPECT_EQ(answer(op), "unavailable");
}

TEST_F(DispatcherOfACluster, EndEndsWhatIsBeingAsked) {
  auto& waiting = claim(low);
  happen([&] { sends->end_all(); });
  EXPECT_EQ(answer(waiting), "shut_down");
  EXPECT_THAT(attempts(), IsEmpty());
  EXPECT_EQ(sends->next(), time_point::max());
}

// ---- Sentinels

class DispatcherOfSentinels : public DispatcherTest {
 protected:
  void SetUp() override {
    options.sentinel_password = "word";
    begin("redis+sentinel://:secret@s:1,t:2/m/4");
    // Subscriptions first, then the question.
    EXPECT_THAT(attempts(), ElementsAre("s:1", "t:2", "s:1"));
    for (const char* each : {"s:1", "t:2"}) {
      wire& on = accept(each);
      EXPECT_THAT(take(on), ElementsAre("AUTH word", "SUBSCRIBE +switch-master"));
      say(on, "+OK\r\n" + array({bulk("subscribe"), bulk("+switch-master"), integer(1)}));
      subscriptions.push_back(&on);
    }
  }
  // `whom` is asked and names `port` of host a, in a configuration of that epoch.
  void name_master(std::string_view whom, int port, int epoch) {
    wire& on = accept(whom);
    EXPECT_THAT(take(on), ElementsAre("AUTH word", "SENTINEL get-master-addr-by-name m",
                                      "SENTINEL MASTER m"));
    say(on, "+OK\r\n" + bulks({"a", std::to_string(port)}) +
                bulks({"name", "m", "ip", "a", "port", std::to_string(port), "config-epoch",
                       std::to_string(epoch)}));
    EXPECT_FALSE(on.is_open());
  }
  wire& master(std::string_view where, std::string_view info = fine) {
    wire& on = accept(where);
    EXPECT_THAT(take(on), ElementsAre("AUTH secret", "SELECT 4", "INFO"));
    if (on.is_open()) say(on, "+OK\r\n+OK\r\n" + bulk(info));
    return on;
  }
  wire& settle_on(int port, int epoch) {
    name_master("s:1", port, epoch);
    wire& on = master("a:" + std::to_string(port));
    pass(1s);
    take_told();
    return on;
  }
  bool sends_to(std::string_view where) const {
    const std::vector<std::string> open = attempts();
    return std::ranges::find(open, where) != open.end();
  }
  void tell_switch(std::size_t sentinel, int port) {
    say(*subscriptions[sentinel],
        bulks({"message", "+switch-master", "m a 1 a " + std::to_string(port)}));
  }

  std::vector<wire*> subscriptions;
};

TEST_F(DispatcherOfSentinels, SendsToTheMasterTheyName) {
  auto& op = claim();
  name_master("s:1", 1, 5);
  EXPECT_FALSE(sends->is_ready());
  wire& on = master("a:1");
  EXPECT_TRUE(sends->is_ready());
  EXPECT_THAT(take_told(), ElementsAre("connected a:1"));
  EXPECT_THAT(take(on), ElementsAre("SET 1"));
  say(on, nil());
  EXPECT_EQ(answer(op), "claimed");
}

TEST_F(DispatcherOfSentinels, OneThatIsNotReachedIsPassedOver) {
  refuse("s:1");
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed s:1"));
  name_master("t:2", 1, 5);
  EXPECT_TRUE(master("a:1").is_open());
}

TEST_F(DispatcherOfSentinels, OneThatDoesNotAnswerIsPassedOver) {
  pass(500ms - moment);
  EXPECT_THAT(attempts(), ElementsAre("s:1"));
  pass(moment);
  EXPECT_THAT(attempts(), ElementsAre("t:2"));
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed s:1"));
}

TEST_F(DispatcherOfSentinels, OneThatDoesNotKnowTheNameIsPassedOver) {
  wire& on = accept("s:1");
  take(on);
  say(on, "+OK\r\n*-1\r\n-ERR No such master with that name\r\n");
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed s:1"));
  EXPECT_THAT(attempts(), ElementsAre("t:2"));
}

TEST_F(DispatcherOfSentinels, OneThatHasNoRightToTellTheEpochIsBelieved) {
  wire& on = accept("s:1");
  take(on);
  say(on, "+OK\r\n" + bulks({"a", "1"}) + "-NOPERM no right\r\n");
  EXPECT_TRUE(master("a:1").is_open());
}

TEST_F(DispatcherOfSentinels, EpochOfAnotherMasterIsNotTheirs) {
  settle_on(1, 5);
  tell_switch(1, 2);
  // In the middle of a failover the two differ.
  wire& on = accept("t:2");
  take(on);
  say(on, "+OK\r\n" + bulks({"a", "2"}) +
              bulks({"name", "m", "ip", "a", "port", "1", "config-epoch", "4"}));
  EXPECT_THAT(attempts(), ElementsAre("a:2"));
}

struct no_master_case {
  const char* name;
  std::string info;
};
void PrintTo(const no_master_case& of, std::ostream* to) { *to << of.name; }

class DispatcherOfSentinelsThatErr : public DispatcherOfSentinels,
                                     public testing::WithParamInterface<no_master_case> {};

TEST_P(DispatcherOfSentinelsThatErr, LooksForAnother) {
  claim();
  name_master("s:1", 1, 5);
  wire& on = master("a:1", GetParam().info);
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take(on), IsEmpty());
  EXPECT_FALSE(sends->is_ready());
  while (attempts().empty()) pass_to(sends->next());
  name_master("t:2", 2, 6);
  wire& right = master("a:2");
  EXPECT_THAT(take(right), ElementsAre("SET 1"));
}

const no_master_case no_master_cases[] = {
    {"Replica", info_with("role", "slave")},
    {"DoesNotSay", "redis_version:7.0.15\r\n"},
    {"TooOld", info_with("redis_version", "6.2.0")},
};
INSTANTIATE_TEST_SUITE_P(, DispatcherOfSentinelsThatErr, testing::ValuesIn(no_master_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(DispatcherOfSentinels, MasterThatIsNotReachedIsLookedForAgain) {
  name_master("s:1", 1, 5);
  refuse("a:1");
  EXPECT_THAT(take_told(), ElementsAre("disconnected a:1 connect"));
  while (attempts().empty()) pass_to(sends->next());
  EXPECT_THAT(attempts(), ElementsAre("t:2"));
}

TEST_F(DispatcherOfSentinels, PromotionTakesOverWhatIsUnderWay) {
  wire& old = settle_on(1, 5);
  auto& under_way = claim(1);
  EXPECT_THAT(take(old), ElementsAre("SET 1"));
  tell_switch(1, 2);
  name_master("t:2", 2, 6);
  wire& candidate = accept("a:2");
  auto& meanwhile = claim(2);
  EXPECT_THAT(take(old), ElementsAre("SET 2"));  // until the other has said that it is one
  take(candidate);
  say(candidate, "+OK\r\n+OK\r\n" + bulk(fine));
  EXPECT_FALSE(old.is_open());
  EXPECT_THAT(take_told(), ElementsAre("disconnected a:1 replaced", "connected a:2"));
  EXPECT_THAT(take(candidate), ElementsAre("SET 1", "SET 2"));
  EXPECT_EQ(sends->stats().resent, 2u);
  say(candidate, nil() + nil());
  EXPECT_EQ(answer(under_way), "claimed");
  EXPECT_EQ(answer(meanwhile), "claimed");
  EXPECT_TRUE(sends->is_ready());
}

TEST_F(DispatcherOfSentinels, CandidateThatIsARegularReplicaChangesNothing) {
  wire& old = settle_on(1, 5);
  tell_switch(1, 2);
  name_master("t:2", 2, 6);
  EXPECT_FALSE(master("a:2", info_with("role", "slave")).is_open());
  EXPECT_TRUE(old.is_open());
  EXPECT_TRUE(sends->is_ready());
}

// The check of one has its time, and with it ends what is left of it.
TEST_F(DispatcherOfSentinels, CandidateThatDoesNotGreetGivesWayToTheNext) {
  wire& old = settle_on(1, 5);
  tell_switch(1, 2);
  name_master("t:2", 2, 6);
  accept("a:2");
  for (int i = 0; i < 1'000 && !sends_to("s:1"); ++i) pass_to(sends->next());
  name_master("s:1", 3, 7);
  EXPECT_THAT(attempts(), ElementsAre("a:3"));
  EXPECT_THAT(connections(), Not(Contains("a:2")));
  EXPECT_TRUE(old.is_open());
  EXPECT_TRUE(master("a:3").is_open());
  EXPECT_FALSE(old.is_open());
}

TEST_F(DispatcherOfSentinels, ReplyThatIsTooLargeIsNoAnswer) {
  wire& on = accept("s:1");
  take(on);
  say(on, "+OK\r\n$100000000\r\n");
  EXPECT_TRUE(on.is_open()) << "of it nothing has come";
  for (int i = 0; i < 1'000 && on.is_open(); ++i) say(on, std::string(100'000, 'x'));
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(take_told(), ElementsAre("lookup_failed s:1"));
  EXPECT_THAT(attempts(), ElementsAre("t:2"));
}

TEST_F(DispatcherOfSentinels, OldEpochIsNotBelieved) {
  wire& old = settle_on(2, 6);
  tell_switch(1, 1);
  name_master("t:2", 1, 5);
  EXPECT_THAT(attempts(), ElementsAre("s:1"));  // not a:1
  name_master("s:1", 2, 6);
  EXPECT_THAT(attempts(), IsEmpty());
  EXPECT_TRUE(old.is_open());
}

TEST_F(DispatcherOfSentinels, LostMasterIsLookedForAndNotGoneBackTo) {
  wire& old = settle_on(1, 5);
  auto& op = claim();
  take(old);
  const time_point begun = now;
  close(old);
  EXPECT_FALSE(sends->is_ready());
  EXPECT_THAT(attempts(), ElementsAre("s:1"));
  refuse("s:1");
  refuse("t:2");
  pass_to(begun + options.operation_timeout - moment);
  EXPECT_THAT(attempts(), Not(Contains("a:1")));
  pass(moment);
  EXPECT_EQ(answer(op), "timed_out, unknown");
}

TEST_F(DispatcherOfSentinels, SilentSubscriptionIsAskedAndThenMadeAnew) {
  settle_on(1, 5);
  wire& on = *subscriptions[0];
  const auto due = sends->next();
  EXPECT_GT(due, now);
  pass_to(due);
  EXPECT_THAT(take(on), ElementsAre("PING"));
  say(on, bulks({"pong", ""}));
  take(*subscriptions[1]);
  say(*subscriptions[1], bulks({"pong", ""}));
  pass(5s - moment);
  EXPECT_THAT(take(on), IsEmpty());
  pass(moment);
  EXPECT_THAT(take(on), ElementsAre("PING"));
  say(*subscriptions[1], bulks({"pong", ""}));
  pass(5s - moment);
  EXPECT_TRUE(on.is_open());
  pass(moment);
  EXPECT_FALSE(on.is_open());
  EXPECT_TRUE(subscriptions[1]->is_open());
  pass(options.reconnect_min);
  EXPECT_THAT(attempts(), ElementsAre("s:1"));
}

TEST_F(DispatcherOfSentinels, SubscriptionThatEndsIsMadeAnew) {
  settle_on(1, 5);
  close(*subscriptions[1]);
  EXPECT_THAT(attempts(), IsEmpty());
  pass(options.reconnect_min);
  EXPECT_THAT(attempts(), ElementsAre("t:2"));
  refuse("t:2");
  EXPECT_GE(sends->next(), now + options.reconnect_min);
}

TEST_F(DispatcherOfSentinels, EndEndsAll) {
  wire& on = settle_on(1, 5);
  tell_switch(1, 2);
  name_master("t:2", 2, 6);
  happen([&] { sends->end_all(); });
  EXPECT_FALSE(on.is_open());
  EXPECT_THAT(attempts(), IsEmpty());
  EXPECT_THAT(connections(), IsEmpty());
  EXPECT_EQ(sends->next(), time_point::max());
}

}  // namespace
}  // namespace parley::idempotency_redis
