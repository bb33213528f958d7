// SPDX-License-Identifier: Apache-2.0
//
// What the server says when it does not do what it was asked, and when it is not what it should be.

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/support/least_privilege.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/scripted_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_status;
using idempotency::store_errc;
using idempotency::store_failure;
using idempotency::write_status;
namespace ops = idempotency::ops;

// ---- Error replies, one by one.

struct error_case {
  const char* name;
  const char* reply;
  store_errc why;
  bool is_retryable;
  bool is_outcome_known;
  const char* told;  // to the observer; empty: nothing
};
void PrintTo(const error_case& of, std::ostream* to) { *to << of.name; }

const error_case error_cases[] = {
    {"Oom", "-OOM command not allowed when used memory > 'maxmemory'.", store_errc::full, true,
     true, ""},
    {"NoReplicas", "-NOREPLICAS Not enough good replicas to write.", store_errc::unavailable, true,
     true, ""},
    {"Misconf", "-MISCONF Redis is configured to save RDB snapshots", store_errc::unavailable, true,
     true, ""},
    {"Loading", "-LOADING Redis is loading the dataset in memory", store_errc::unavailable, true,
     true, ""},
    {"MasterDown", "-MASTERDOWN Link with MASTER is down", store_errc::unavailable, true, true, ""},
    {"Busy", "-BUSY Redis is busy running a script.", store_errc::unavailable, true, true, ""},
    {"TryAgain", "-TRYAGAIN Multiple keys request during rehashing of slot",
     store_errc::unavailable, true, true, ""},
    {"ClusterDown", "-CLUSTERDOWN The cluster is down", store_errc::unavailable, true, true, ""},
    {"NoPerm", "-NOPERM this user has no permissions to run the 'set' command",
     store_errc::unavailable, false, true, "NOPERM"},
    {"NoAuth", "-NOAUTH Authentication required.", store_errc::unavailable, false, true, "NOAUTH"},
    {"Moved", "-MOVED 3999 127.0.0.1:6381", store_errc::unavailable, false, true, "MOVED"},
    {"WrongType", "-WRONGTYPE Operation against a key holding the wrong kind of value",
     store_errc::corrupt_record, false, true, "WRONGTYPE"},
    // A script may have come some way.
    {"Err", "-ERR unknown", store_errc::unavailable, false, false, "ERR"},
    {"Unheard", "-UNHEARDOF of", store_errc::unavailable, false, false, "UNHEARDOF"},
    {"Empty", "-", store_errc::unavailable, false, false, ""},
};

class ReplyError : public testing::TestWithParam<error_case> {};

TEST_P(ReplyError, EndsTheOperation) {
  const error_case& of = GetParam();
  scripted_server server([&](const std::vector<std::string>& words) {
    // To a claim that falls back to reading: nothing is there.
    return words[0] == "GET" ? std::string("$-1\r\n") : std::string(of.reply) + "\r\n";
  });
  const observed_store store(patient(server.url()));
  const auto expect = [&](const char* what, bool failed, const store_failure& failure) {
    EXPECT_TRUE(failed) << what;
    EXPECT_EQ(failure.why, of.why) << what;
    EXPECT_EQ(failure.is_retryable, of.is_retryable) << what;
    EXPECT_EQ(failure.is_outcome_known, of.is_outcome_known) << what;
  };
  const auto expect_write = [&](const char* what, const ops::write_answer& said) {
    expect(what, said.status == write_status::failed, said.failure);
  };
  const auto claimed = ops::claim(*store, {});
  expect("claim", claimed.status == claim_status::failed, claimed.failure);
  expect_write("complete", ops::complete(*store, {}, "done"));
  expect_write("release", ops::release(*store, {}));
  expect_write("renew", ops::renew(*store, {}));
  expect_write("mark", ops::mark(*store, {}, "note"));
  if (*of.told != '\0') {
    EXPECT_EQ(store.told().count(of.told), 5u);
  }
  EXPECT_EQ(store.told().count("outcome_unknown"), of.is_outcome_known ? 0u : 5u);
  EXPECT_EQ(server.connections(), 1u);
}

INSTANTIATE_TEST_SUITE_P(, ReplyError, testing::ValuesIn(error_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// A server that never learns a script is asked no more than twice.
TEST(Reply, NoScriptForTheScriptItselfEndsTheOperation) {
  scripted_server server([](const auto&) { return "-NOSCRIPT No matching script.\r\n"; });
  const observed_store store(patient(server.url()));
  const auto said = ops::complete(*store, {}, "done");
  EXPECT_EQ(said.status, write_status::failed);
  EXPECT_FALSE(said.failure.is_outcome_known);
  EXPECT_EQ(server.operations(), 2u);
}

// ---- Replies that no command of ours has.

struct malformed_case {
  const char* name;
  std::string reply;
  bool ends_the_connection;
};
void PrintTo(const malformed_case& of, std::ostream* to) { *to << of.name; }

const malformed_case malformed_cases[] = {
    {"Status", "+OK\r\n", false},
    {"IntegerOutOfRange", ":77\r\n", false},
    {"Array", "*2\r\n:1\r\n$1\r\na\r\n", false},
    {"ArrayOfErrors", "*1\r\n-ERR no\r\n", false},
    {"EmptyArray", "*0\r\n", false},
    {"NullOfAnArray", "*-1\r\n", false},
    {"NotAType", "HTTP/1.1 200 OK\r\n\r\n", true},
    {"NotANumber", ":one\r\n", true},
    {"NegativeSize", "$-2\r\n", true},
    {"SizeOfText", "$x\r\n", true},
    {"DeepArray", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", true},
    {"TwoReplies", ":77\r\n:77\r\n", true},
};

class ReplyMalformed : public testing::TestWithParam<malformed_case> {};

TEST_P(ReplyMalformed, LeavesTheOutcomeUnknown) {
  scripted_server server([&](const auto&) { return GetParam().reply; });
  redis_store_options options = hasty(server.url());
  const observed_store store(options);
  ASSERT_TRUE(store.wait_until_ready());
  const auto claimed = ops::claim(*store, {});
  EXPECT_EQ(claimed.status, claim_status::failed);
  EXPECT_FALSE(claimed.failure.is_outcome_known);
  const auto written = ops::complete(*store, {.key = 2}, "done");
  EXPECT_EQ(written.status, write_status::failed);
  EXPECT_FALSE(written.failure.is_outcome_known);
  if (GetParam().ends_the_connection) {
    EXPECT_TRUE(store.told().wait_for("protocol"));
    EXPECT_TRUE(store.told().wait_for("connected", 2)) << "and another is made";
  } else {
    EXPECT_EQ(server.connections(), 1u);
    EXPECT_EQ(store.told().count("malformed"), 2u);
  }
}

INSTANTIATE_TEST_SUITE_P(, ReplyMalformed, testing::ValuesIn(malformed_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Reply, HeaderOfAHugeBulkTakesNoMemoryAndTimesOut) {
  scripted_server server([](const auto&) { return "$536870912\r\nx"; });
  const observed_store store(hasty(server.url()));
  ASSERT_TRUE(store.wait_until_ready());
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.failure.why, store_errc::timed_out);
  EXPECT_TRUE(said.failure.is_retryable);
  EXPECT_FALSE(said.failure.is_outcome_known);
  EXPECT_TRUE(store.told().wait_for("silence"));
}

TEST(Reply, BulkAboveTheLimitEndsTheConnection) {
  constexpr std::size_t limit = std::size_t{256} << 10;
  for (const bool is_above : {false, true}) {
    // Of what is not read yet, the header included.
    const std::string text(is_above ? limit + 100'000 : limit - 20, 'x');
    scripted_server server([&](const auto&) { return bulk_reply(text); });
    redis_store_options options = hasty(server.url());
    options.reply_bytes_max = limit;
    const observed_store store(options);
    ASSERT_TRUE(store.wait_until_ready());
    const auto said = ops::claim(*store, {});
    if (is_above) {
      EXPECT_TRUE(store.told().wait_for("protocol"));
      EXPECT_FALSE(said.failure.is_outcome_known);
    } else {
      EXPECT_EQ(said.failure.why, store_errc::corrupt_record) << "read, and no record";
      EXPECT_EQ(store.told().count("protocol"), 0u);
    }
  }
}

TEST(Reply, NobodyAskedForEndsTheConnection) {
  scripted_server server([](const auto&) { return "$-1\r\n+PONG\r\n"; });
  const observed_store store(patient(server.url()));
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  EXPECT_TRUE(store.told().wait_for("protocol"));
}

// ---- A real server in such states.

struct ReplyOfRedis : testing::Test {
  redis_server server;
  observed_store store{patient(server.url())};

  // A completed, a running and a released key: 1, 2, 3.
  void prepare() {
    for (const std::uint64_t key : {1u, 2u, 3u}) {
      ASSERT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed);
    }
    ASSERT_EQ(ops::complete(*store, {.key = 1}, "done").status, write_status::applied);
    ASSERT_EQ(ops::release(*store, {.key = 3}).status, write_status::applied);
  }

  // Writing is refused: what is there is still told, what would have to be written is not.
  void expect_read_only(store_errc why) {
    const auto replay = ops::claim(*store, {.key = 1, .nonce = 2});
    EXPECT_EQ(replay.status, claim_status::completed);
    EXPECT_EQ(ops::text_of(replay.response), "done");
    EXPECT_EQ(ops::claim(*store, {.key = 1, .nonce = 2, .fingerprint = 2}).status,
              claim_status::conflict);
    const auto own = ops::claim(*store, {.key = 2});
    EXPECT_EQ(own.status, claim_status::claimed) << "sent again under its nonce";
    EXPECT_EQ(own.fence, 1'000u);
    const auto refused = [&](const char* what, bool failed, const store_failure& failure) {
      EXPECT_TRUE(failed) << what;
      EXPECT_EQ(failure.why, why) << what;
      EXPECT_TRUE(failure.is_retryable) << what;
      EXPECT_TRUE(failure.is_outcome_known) << what;
      EXPECT_GT(failure.retry_after, 0ms) << what;
    };
    const auto fresh = ops::claim(*store, {.key = 9});
    refused("claim of nothing", fresh.status == claim_status::failed, fresh.failure);
    const auto of_released = ops::claim(*store, {.key = 3, .nonce = 2});
    refused("claim of a released one", of_released.status == claim_status::failed,
            of_released.failure);
    const auto completed = ops::complete(*store, {.key = 2}, "done");
    refused("complete", completed.status == write_status::failed, completed.failure);
  }

  void expect_recovered() {
    EXPECT_EQ(ops::claim(*store, {.key = 9}).status, claim_status::claimed);
    EXPECT_EQ(ops::complete(*store, {.key = 2}, "done").status, write_status::applied);
    EXPECT_EQ(store->stats().disconnections, 0u);
  }
};

TEST_F(ReplyOfRedis, OutOfMemoryStillReplays) {
  ASSERT_NO_FATAL_FAILURE(prepare());
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  expect_read_only(store_errc::full);
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  expect_recovered();
}

TEST_F(ReplyOfRedis, TooFewReplicasStillReplay) {
  ASSERT_NO_FATAL_FAILURE(prepare());
  server.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  expect_read_only(store_errc::unavailable);
  server.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
  expect_recovered();
}

TEST_F(ReplyOfRedis, DemotedServerIsLeftUntilItIsMasterAgain) {
  ASSERT_NO_FATAL_FAILURE(prepare());
  server.command({"REPLICAOF", "127.0.0.1", std::to_string(find_free_port())});
  std::thread promote([&] {
    EXPECT_TRUE(store.told().wait_for("is_replica", 2));
    server.command({"REPLICAOF", "NO", "ONE"});
  });
  // Waits for a server that takes it.
  EXPECT_EQ(ops::claim(*store, {.key = 9}).status, claim_status::claimed);
  promote.join();
  EXPECT_GE(store.told().count("refused"), 2u);
  EXPECT_TRUE(store.told().has("is_replica", on_finding::refuse));
  EXPECT_EQ(ops::claim(*store, {.key = 1, .nonce = 2}).status, claim_status::completed);
}

TEST_F(ReplyOfRedis, BusyWithAScriptIsRetryable) {
  ASSERT_TRUE(store.wait_until_ready());
  server.command({"CONFIG", "SET", "busy-reply-threshold", "1"});
  std::thread busy([&] { server.try_command({"EVAL", "while true do end", "0"}); });
  EXPECT_TRUE(eventually([&] {
    return server.try_command({"GET", "x"}).text.starts_with("BUSY");
  }));
  const auto claimed = ops::claim(*store, {});
  const auto completed = ops::complete(*store, {.key = 2}, "done");
  server.command({"SCRIPT", "KILL"});
  busy.join();
  EXPECT_EQ(claimed.failure.why, store_errc::unavailable);
  EXPECT_TRUE(claimed.failure.is_retryable);
  EXPECT_TRUE(claimed.failure.is_outcome_known);
  EXPECT_EQ(completed.failure.why, store_errc::unavailable);
  EXPECT_TRUE(completed.failure.is_outcome_known);
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
}

// ---- The least privilege.

// Uses everything that the store may need; true: all of it went well.
bool exercises_everything(const observed_store& store, const redis_server& server,
                          std::uint64_t key) {
  server.command({"SCRIPT", "FLUSH"});  // for EVAL
  const ops::attempt first{.key = key};
  const ops::attempt second{.key = key, .nonce = 2};
  ops::attempt longer = second;
  longer.lease = 40'000ms;
  bool is_good = ops::claim(*store, first).status == claim_status::claimed;
  is_good = is_good && ops::claim(*store, second).status == claim_status::running;
  is_good = is_good && ops::release(*store, first).status == write_status::applied;
  is_good = is_good && ops::claim(*store, second).status == claim_status::claimed;
  is_good = is_good && ops::renew(*store, longer).status == write_status::applied;
  is_good = is_good && ops::mark(*store, second, "note").status == write_status::applied;
  is_good = is_good && ops::complete(*store, second, "done").status == write_status::applied;
  is_good =
      is_good && ops::complete(*store, second, "done").status == write_status::already_applied;
  is_good =
      is_good && ops::claim(*store, {.key = key, .nonce = 3}).status == claim_status::completed;
  return is_good && store.told().count("unknown_setting") == 0;
}

redis_store_options as_parley(const redis_server& server) {
  redis_store_options options =
      hasty("redis://parley:secret@127.0.0.1:" + std::to_string(server.port()) + "/1");
  options.wait_replicas = 1;
  options.operation_timeout = 20s;
  options.wait_timeout = 10s;
  return options;
}

TEST(LeastPrivilege, IsEnoughAndNoneOfItTooMuch) {
  const redis_server server({.config = {least_privilege("parley", "secret")}});
  const redis_server replica({.replica_of = server.port()});
  server.wait_for_replicas(1);
  std::uint64_t key = 0;
  {
    const observed_store store(as_parley(server));
    ASSERT_TRUE(exercises_everything(store, server, ++key));
  }
  for (const char* command : {"set", "get", "evalsha", "eval", "getrange", "setrange", "pttl",
                              "pexpire", "info", "select", "wait"}) {
    server.command({"ACL", "SETUSER", "parley", std::string("-") + command});
    const observed_store store(as_parley(server));
    EXPECT_FALSE(exercises_everything(store, server, ++key)) << command;
    server.command({"ACL", "SETUSER", "parley", std::string("+") + command});
  }
  // Nor does it reach other keys.
  redis_store_options elsewhere = as_parley(server);
  elsewhere.key_prefix = "other:";
  const observed_store store(elsewhere);
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.failure.why, store_errc::unavailable);
  EXPECT_FALSE(said.failure.is_retryable);
  EXPECT_EQ(store.told().count("NOPERM"), 1u);
}

TEST(LeastPrivilege, WithoutInfoAStoreWorksAndSaysSo) {
  const redis_server server({.config = {least_privilege("parley", "secret") + " -info"}});
  redis_store_options options =
      patient("redis://parley:secret@127.0.0.1:" + std::to_string(server.port()));
  const observed_store store(options);
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  EXPECT_TRUE(store.told().has("unknown_setting", on_finding::warn));
  options.when_unknown = on_finding::refuse;
  const observed_store strict(options);
  EXPECT_TRUE(strict.told().wait_for("refused"));
  EXPECT_FALSE(strict->ready());
}

}  // namespace
}  // namespace parley::idempotency_redis
