// SPDX-License-Identifier: Apache-2.0
//
// Ways to a server, and what stands in them.

#include <chrono>
#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/support/certificate_files.hpp"
#include "idempotency_redis/support/fault_proxy.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/scripted_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_status;
using idempotency::store_errc;
namespace ops = idempotency::ops;

// Whether the record of key 1 lies in this database, under this prefix.
bool has_record(const redis_server& server, int database, const char* prefix = "parley:") {
  return server
             .command({"EVAL", "redis.call('SELECT', ARGV[1]) return redis.call('EXISTS', KEYS[1])",
                       "1", key_name(1, prefix), std::to_string(database)})
             .integer == 1;
}

void expect_works(redis_store_options options, const redis_server& server, int database) {
  const std::string prefix = options.key_prefix;
  const observed_store store(std::move(options));
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  EXPECT_TRUE(store->ready());
  EXPECT_TRUE(has_record(server, database, prefix.c_str()));
  server.command({"FLUSHALL"});
}

// Refused at once or in time, with `why` told to the observer; and nothing happened.
void expect_fails(redis_store_options options, const char* why) {
  const observed_store store(std::move(options));
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.status, claim_status::failed);
  EXPECT_EQ(said.failure.why, store_errc::unavailable);
  EXPECT_TRUE(said.failure.is_retryable);
  EXPECT_TRUE(said.failure.is_outcome_known);
  EXPECT_TRUE(store.told().wait_for(why)) << why;
  EXPECT_FALSE(store->ready());
  EXPECT_EQ(store.told().count("connected"), 0u);
}

TEST(Connection, OverTcpAndUnixSocketsToAnyDatabase) {
  const redis_server server({.has_unix_socket = true});
  expect_works(patient(server.url()), server, 0);
  expect_works(patient(server.url() + "/7"), server, 7);
  expect_works(patient("redis://localhost:" + std::to_string(server.port())), server, 0);
  expect_works(patient("unix://" + server.socket_path()), server, 0);
  expect_works(patient("unix://" + server.socket_path() + "?db=15"), server, 15);
  redis_store_options other = patient(server.url());
  other.key_prefix = "another:{tag}:";
  expect_works(other, server, 0);
}

TEST(Connection, DatabaseThatIsNotThereIsRefused) {
  const redis_server server;
  expect_fails(hasty(server.url() + "/16"), "auth");
}

TEST(Connection, PasswordsAndUsers) {
  const redis_server server(
      {.password = "one two", .config = {"user parley on >p@ss:w%rd ~* +@all"}});
  const std::string rest = "@127.0.0.1:" + std::to_string(server.port());
  expect_works(patient("redis://:one%20two" + rest), server, 0);
  expect_works(patient("redis://default:one%20two" + rest), server, 0);
  expect_works(patient("redis://parley:p%40ss%3aw%25rd" + rest), server, 0);
  redis_store_options beside = patient("redis://nobody:nothing" + rest);
  beside.user = "parley";
  beside.password = "p@ss:w%rd";
  expect_works(beside, server, 0);

  expect_fails(hasty("redis://:one" + rest), "auth");
  expect_fails(hasty("redis://nobody:one%20two" + rest), "auth");
  expect_fails(hasty(server.url()), "auth");
}

TEST(Connection, WhatIsToldHasNoSecret) {
  const redis_server server({.password = "hunter2"});
  const observed_store store(
      hasty("redis://parley:hunter3@127.0.0.1:" + std::to_string(server.port())));
  ASSERT_TRUE(store.told().wait_for("auth"));
  for (const told::event& each : store.told().events()) {
    EXPECT_EQ(each.text.find("hunter"), std::string::npos) << each.text;
  }
}

struct ConnectionOverTls : testing::Test {
  temporary_folder folder;
  certificate_authority authority{folder.path(), "authority"};
  certificate_authority stranger{folder.path(), "stranger"};
  certificate_files files = authority.issue("server", "DNS:redis.test,DNS:localhost,IP:127.0.0.1");

  static redis_store_options with(redis_store_options options, tls_options tls) {
    options.tls = std::move(tls);
    return options;
  }
  static std::string url_of(const redis_server& server, const char* host = "127.0.0.1") {
    return std::string("rediss://") + host + ":" + std::to_string(server.tls_port());
  }
};

TEST_F(ConnectionOverTls, ChecksTheCertificate) {
  const redis_server server({.tls_certificate_file = files.certificate, .tls_key_file = files.key});
  const tls_options trusting{.authorities_file = authority.file()};
  expect_works(with(patient(url_of(server)), trusting), server, 0);
  expect_works(with(patient(url_of(server, "localhost")), trusting), server, 0);
  tls_options named = trusting;
  named.server_name = "redis.test";
  expect_works(with(patient(url_of(server)), named), server, 0);

  tls_options misnamed = trusting;
  misnamed.server_name = "other.test";
  expect_fails(with(hasty(url_of(server)), misnamed), "tls");
  misnamed.server_name = "127.0.0.2";
  expect_fails(with(hasty(url_of(server)), misnamed), "tls");
  expect_fails(with(hasty(url_of(server)), {.authorities_file = stranger.file()}), "tls");
  // Those of the system do not know it either.
  expect_fails(hasty(url_of(server)), "tls");
  // A server without TLS waits for the end of the line.
  expect_fails(with(hasty("rediss://127.0.0.1:" + std::to_string(server.port())), trusting),
               "connect");
}

TEST_F(ConnectionOverTls, ShowsACertificateWhereItIsAskedFor) {
  const redis_server server({.tls_certificate_file = files.certificate,
                             .tls_key_file = files.key,
                             .tls_client_authorities_file = authority.file()});
  const auto mine = authority.issue("client", "DNS:client");
  const auto strange = stranger.issue("stranger_client", "DNS:client");
  const auto options = [&](const certificate_files& shown) {
    return tls_options{.authorities_file = authority.file(),
                       .certificate_file = shown.certificate,
                       .private_key_file = shown.key};
  };
  expect_works(with(patient(url_of(server)), options(mine)), server, 0);
  // In TLS 1.3 the client is through before the server has looked at what it shows.
  expect_fails(with(hasty(url_of(server)), options(strange)), "closed");
  expect_fails(with(hasty(url_of(server)), options({})), "closed");
}

TEST_F(ConnectionOverTls, FilesThatCannotBeReadAreAnErrorAtOnce) {
  const std::string text = (folder.path() / "text").string();
  std::ofstream(text) << "no certificate\n";
  const std::string missing = (folder.path() / "missing").string();
  const auto error_of = [&](tls_options tls) {
    const auto made = make_redis_store({.url = "rediss://127.0.0.1", .tls = std::move(tls)});
    return made ? std::string() : made.error();
  };
  EXPECT_EQ(error_of({.authorities_file = missing}), "tls: cannot use the file " + missing);
  EXPECT_EQ(error_of({.authorities_file = text}), "tls: cannot use the file " + text);
  EXPECT_EQ(error_of({.certificate_file = missing, .private_key_file = files.key}),
            "tls: cannot use the file " + missing);
  EXPECT_EQ(error_of({.certificate_file = files.certificate, .private_key_file = text}),
            "tls: cannot use the file " + text);
  EXPECT_EQ(error_of({.certificate_file = files.certificate}),
            "tls: a certificate and a private key go together");
  EXPECT_EQ(error_of({.private_key_file = files.key}),
            "tls: a certificate and a private key go together");
}

// ---- Servers that are none.

struct stranger_case {
  const char* name;
  const char* greeting;
  const char* why;
};
void PrintTo(const stranger_case& of, std::ostream* to) { *to << of.name; }

class ConnectionToAStranger : public testing::TestWithParam<stranger_case> {};

TEST_P(ConnectionToAStranger, IsGivenUp) {
  const scripted_server server(nullptr, GetParam().greeting);
  expect_fails(hasty(server.url()), GetParam().why);
  EXPECT_GE(server.connections(), 1u);
}

INSTANTIATE_TEST_SUITE_P(, ConnectionToAStranger,
                         testing::ValuesIn({
                             stranger_case{"Http", "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"},
                             stranger_case{"Smtp", "220 mail.test ESMTP\r\n", "protocol"},
                             stranger_case{"Status", "+OK\r\n", "protocol"},
                             stranger_case{"Integer", ":1\r\n", "protocol"},
                             stranger_case{"Nil", "$-1\r\n", "protocol"},
                             stranger_case{"Garbage", "\x16\x03\x01\x02", "protocol"},
                             stranger_case{"Silence", "", "silence"},
                         }),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Connection, NobodyThere) {
  expect_fails(hasty("redis://127.0.0.1:" + std::to_string(find_free_port())), "connect");
  expect_fails(hasty("redis://parley.invalid"), "resolve");
  const temporary_folder folder;
  expect_fails(hasty("unix://" + (folder.path() / "socket").string()), "connect");
}

TEST(Connection, IsMadeWhenTheServerComes) {
  const redis_server server;
  fault_proxy network(server.port());
  network.refuse(true);
  const observed_store store(hasty(network.url()));
  EXPECT_FALSE(store->ready());
  const auto before = ops::claim(*store, {});
  EXPECT_EQ(before.failure.why, store_errc::unavailable);
  EXPECT_TRUE(before.failure.is_retryable);
  EXPECT_TRUE(before.failure.is_outcome_known);
  ASSERT_TRUE(store.told().wait_for("connect", 3)) << "it tries again";
  network.calm();
  ASSERT_TRUE(store.wait_until_ready());
  EXPECT_TRUE(store->ready());
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  EXPECT_EQ(store->stats().connections, 1u);
  EXPECT_EQ(store->stats().disconnections, 0u);
}

TEST(Connection, ComesBackAfterARestart) {
  redis_server server({.appends = append_only::always});
  const observed_store store(patient(server.url()));
  ASSERT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  server.kill9();
  ASSERT_TRUE(store.told().wait_for("connect"));
  EXPECT_FALSE(store->ready());
  server.restart();
  const auto again = ops::claim(*store, {.nonce = 2});
  EXPECT_EQ(again.status, claim_status::running);
  EXPECT_EQ(again.id, "request-1");
  EXPECT_EQ(store->stats().connections, 2u);
  EXPECT_EQ(store->stats().disconnections, 1u);
}

// ---- What the server is set to.

struct finding_case {
  const char* name;
  scripted_info info;
  const char* found;
  on_finding redis_store_options::*option;  // null: it cannot be chosen
  on_finding as_made;
  unsigned wait_replicas = 0;
};
void PrintTo(const finding_case& of, std::ostream* to) { *to << of.name; }

const finding_case finding_cases[] = {
    {"TooOld", {.version = "6.2.14"}, "too_old", nullptr, on_finding::refuse},
    {"MuchTooOld", {.version = "2.8"}, "too_old", nullptr, on_finding::refuse},
    {"Replica", {.role = "slave"}, "is_replica", nullptr, on_finding::refuse},
    {"Evicts",
     {.maxmemory = "1048576", .maxmemory_policy = "allkeys-lru"},
     "evicts",
     &redis_store_options::when_evicts,
     on_finding::refuse},
    {"EvictsWhatExpires",
     {.maxmemory = "1", .maxmemory_policy = "volatile-ttl"},
     "evicts",
     &redis_store_options::when_evicts,
     on_finding::refuse},
    {"NoAppendOnly",
     {.aof_enabled = "0"},
     "no_append_only",
     &redis_store_options::when_no_append_only,
     on_finding::warn},
    {"NoReplicas",
     {.connected_slaves = "1"},
     "no_replicas",
     &redis_store_options::when_no_replicas,
     on_finding::warn,
     2},
    {"NothingIsSaid",
     {.maxmemory_policy = ""},
     "unknown_setting",
     &redis_store_options::when_unknown,
     on_finding::warn},
};

class ConnectionFindings : public testing::TestWithParam<finding_case> {
 protected:
  // Whether a store that does so about it uses the server, and what it tells.
  void expect(on_finding action, redis_store_options options) {
    const finding_case& of = GetParam();
    scripted_server server([](const auto&) { return "$-1\r\n"; });
    server.answer_info(of.name == std::string_view("NothingIsSaid") ? bulk_reply("# Server\r\n")
                                                                    : to_reply(of.info));
    options.url = server.url();
    options.wait_replicas = of.wait_replicas;
    const observed_store store(options);
    if (action == on_finding::refuse) {
      EXPECT_TRUE(store.told().wait_for("refused"));
      EXPECT_FALSE(store->ready());
      EXPECT_EQ(store.told().count("connected"), 0u);
    } else {
      EXPECT_TRUE(store.wait_until_ready());
      EXPECT_TRUE(store->ready());
    }
    EXPECT_EQ(store.told().has(of.found, action), action != on_finding::ignore);
    EXPECT_EQ(store.told().count(of.found) > 0, action != on_finding::ignore);
  }
};

TEST_P(ConnectionFindings, AreDealtWithAsMade) { expect(GetParam().as_made, hasty("")); }

TEST_P(ConnectionFindings, AreDealtWithAsTold) {
  if (GetParam().option == nullptr) return;
  for (const on_finding action : {on_finding::ignore, on_finding::warn, on_finding::refuse}) {
    redis_store_options options = hasty("");
    options.*GetParam().option = action;
    expect(action, options);
  }
}

INSTANTIATE_TEST_SUITE_P(, ConnectionFindings, testing::ValuesIn(finding_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Connection, NothingIsFoundAboutAServerInOrder) {
  for (const char* version : {"7.0.0", "7.4.2", "8.0.1", "10.0.0"}) {
    scripted_server server([](const auto&) { return "$-1\r\n"; });
    server.answer_info(to_reply(
        scripted_info{.version = version, .maxmemory = "1048576", .connected_slaves = "1"}));
    redis_store_options options = patient(server.url());
    options.wait_replicas = 1;
    const observed_store store(options);
    ASSERT_TRUE(store.wait_until_ready());
    EXPECT_EQ(store.told().events().size(), 1u) << version;
  }
}

// Without a limit nothing is evicted, whatever the policy.
TEST(Connection, EvictionNeedsALimit) {
  const redis_server server({.config = {"maxmemory-policy allkeys-lru"}});
  const observed_store store(patient(server.url()));
  ASSERT_TRUE(store.wait_until_ready());
  EXPECT_EQ(store.told().count("evicts"), 0u);
}

TEST(Connection, EvictionRefusesAtTheStartAndWarnsLater) {
  const redis_server server;
  const observed_store running(patient(server.url()));
  ASSERT_TRUE(running.wait_until_ready());
  server.command({"CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "volatile-lru"});

  expect_fails(hasty(server.url()), "refused");

  server.command({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(running.told().wait_for("connected", 2));
  EXPECT_TRUE(running.told().has("evicts", on_finding::warn));
  EXPECT_FALSE(running.told().has("evicts", on_finding::refuse));
  EXPECT_EQ(ops::claim(*running, {}).status, claim_status::claimed);
}

// ---- Options.

struct option_case {
  const char* name;
  void (*set)(redis_store_options&);
  const char* error;  // null: they are right
};
void PrintTo(const option_case& of, std::ostream* to) { *to << of.name; }

const option_case option_cases[] = {
    {"AsMade", [](redis_store_options&) {}, nullptr},
    {"Url", [](redis_store_options& o) { o.url = "redis:"; }, "url: "},
    {"OperationTimeoutZero", [](redis_store_options& o) { o.operation_timeout = 0ms; },
     "operation_timeout"},
    {"OperationTimeoutLeast",
     [](redis_store_options& o) { o.operation_timeout = o.wait_timeout = 1ms; }, nullptr},
    {"OperationTimeoutMost", [](redis_store_options& o) { o.operation_timeout = 1h; }, nullptr},
    {"OperationTimeoutAbove", [](redis_store_options& o) { o.operation_timeout = 1h + 1ms; },
     "operation_timeout"},
    {"OfflineTimeoutZero", [](redis_store_options& o) { o.offline_timeout = 0ms; },
     "offline_timeout"},
    {"OfflineTimeoutAbove", [](redis_store_options& o) { o.offline_timeout = 1h + 1ms; },
     "offline_timeout"},
    {"ConnectTimeoutZero", [](redis_store_options& o) { o.connect_timeout = 0ms; },
     "connect_timeout"},
    {"ReconnectZero", [](redis_store_options& o) { o.reconnect_min = 0ms; }, "reconnect_min"},
    {"ReconnectSwapped",
     [](redis_store_options& o) {
       o.reconnect_min = 11ms;
       o.reconnect_max = 10ms;
     },
     "reconnect_min"},
    {"ReconnectEqual", [](redis_store_options& o) { o.reconnect_min = o.reconnect_max = 10ms; },
     nullptr},
    {"PendingZero", [](redis_store_options& o) { o.pending_max = 0; }, "pending_max"},
    {"PendingMost", [](redis_store_options& o) { o.pending_max = std::size_t{1} << 20; }, nullptr},
    {"PendingAbove", [](redis_store_options& o) { o.pending_max = (std::size_t{1} << 20) + 1; },
     "pending_max"},
    {"PendingBytesZero", [](redis_store_options& o) { o.pending_bytes_max = 0; },
     "pending_bytes_max"},
    {"ReplyLeast", [](redis_store_options& o) { o.reply_bytes_max = std::size_t{64} << 10; },
     nullptr},
    {"ReplyBelow", [](redis_store_options& o) { o.reply_bytes_max = (std::size_t{64} << 10) - 1; },
     "reply_bytes_max"},
    {"ReplyAbove", [](redis_store_options& o) { o.reply_bytes_max = (std::size_t{512} << 20) + 1; },
     "reply_bytes_max"},
    {"ReplicasMost", [](redis_store_options& o) { o.wait_replicas = 100; }, nullptr},
    {"ReplicasAbove", [](redis_store_options& o) { o.wait_replicas = 101; }, "wait_replicas"},
    {"WaitZero", [](redis_store_options& o) { o.wait_timeout = 0ms; }, "wait_timeout"},
    {"WaitAboveTheOperation",
     [](redis_store_options& o) { o.wait_timeout = o.operation_timeout + 1ms; }, "wait_timeout"},
    {"PrefixEmpty", [](redis_store_options& o) { o.key_prefix = ""; }, nullptr},
    {"PrefixLongest", [](redis_store_options& o) { o.key_prefix = std::string(128, 'p'); },
     nullptr},
    {"PrefixTooLong", [](redis_store_options& o) { o.key_prefix = std::string(129, 'p'); },
     "key_prefix"},
    {"PrefixBlank", [](redis_store_options& o) { o.key_prefix = "a b"; }, "key_prefix"},
    {"PrefixByte", [](redis_store_options& o) { o.key_prefix = "\xc3\xa9"; }, "key_prefix"},
    {"UserAlone", [](redis_store_options& o) { o.user = "parley"; }, "user"},
    {"SentinelUserAlone", [](redis_store_options& o) { o.sentinel_user = "parley"; },
     "sentinel_user"},
    {"SentinelPasswordAlone", [](redis_store_options& o) { o.sentinel_password = "secret"; },
     nullptr},
};

class ConnectionOptions : public testing::TestWithParam<option_case> {};

TEST_P(ConnectionOptions, AreChecked) {
  redis_store_options options;
  GetParam().set(options);
  const auto made = make_redis_store(options);
  if (GetParam().error == nullptr) {
    EXPECT_TRUE(made.has_value()) << made.error();
  } else {
    ASSERT_FALSE(made.has_value());
    EXPECT_TRUE(made.error().starts_with(GetParam().error)) << made.error();
  }
}

INSTANTIATE_TEST_SUITE_P(, ConnectionOptions, testing::ValuesIn(option_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Connection, EnumsHaveNames) {
  constexpr const char* findings[] = {"too_old",     "evicts",     "no_append_only",
                                      "no_replicas", "is_replica", "unknown_setting"};
  for (std::size_t i = 0; i < std::size(findings); ++i) {
    EXPECT_EQ(to_string(static_cast<finding>(i + 1)), findings[i]);
  }
  EXPECT_EQ(to_string(static_cast<finding>(7)), "unknown");
  constexpr const char* reasons[] = {"resolve",  "connect", "tls",    "auth",      "refused",
                                     "protocol", "silence", "closed", "shut_down", "replaced"};
  for (std::size_t i = 0; i < std::size(reasons); ++i) {
    EXPECT_EQ(to_string(static_cast<disconnect_reason>(i + 1)), reasons[i]);
  }
  EXPECT_EQ(to_string(static_cast<disconnect_reason>(11)), "unknown");
}

}  // namespace
}  // namespace parley::idempotency_redis
