// SPDX-License-Identifier: Apache-2.0
//
// Retries over real sockets: of the emulated API, and of a server whose handler takes as long as a
// test wants.

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parley/http/guard.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;
using testing_support::raw_client;
using testing_support::raw_response;

class SandboxIdempotency : public SandboxTest {
 protected:
  raw_response dial_with(std::string_view key, std::string_view destination = "+14155556789",
                         std::string_view headers = "") {
    return dial(destination,
                "Idempotency-Key: " + std::string(key) + "\r\n" + std::string(headers));
  }
};

std::string conflicts_with(const raw_response& response) {
  const auto error = boost::json::parse(response.body).at("error");
  return error.at("fields").at("conflicts_with").as_string().c_str();
}

TEST_F(SandboxIdempotency, ReplaysTheFirstResponse) {
  const auto first = dial_with("k-1");
  ASSERT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(first.header("Original-Request-Id"), std::nullopt);
  const auto again = dial_with("\"k-1\"");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Content-Type"), first.header("Content-Type"));
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(again.header("Original-Request-Id"), first.header("X-Request-Id"));
  EXPECT_NE(again.header("X-Request-Id"), first.header("X-Request-Id"));
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(SandboxIdempotency, AnotherBodyIsAConflictThatNamesTheFirst) {
  const auto first = dial_with("k-1");
  const auto other = dial_with("k-1", "+14155550000");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(code_of(other), "idempotency_conflict");
  EXPECT_EQ(conflicts_with(other), first.header("X-Request-Id"));
  EXPECT_EQ(other.header("Retry-After"), std::nullopt);
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(SandboxIdempotency, AnotherApiKeyIsIndependent) {
  dial_with("k-1");
  const auto other = dial_with("k-1", "+14155556789", "Authorization: Bearer test_valid_other\r\n");
  EXPECT_EQ(other.status, 202);
  EXPECT_EQ(other.header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(api().calls_placed(), 2u);
}

TEST_F(SandboxIdempotency, ARecordLivesADay) {
  const auto first = dial_with("k-1");
  set_time(24h - 1s);
  EXPECT_EQ(dial_with("k-1").header("Idempotency-Replay"), "true");
  set_time(24h + 1s);
  const auto fresh = dial_with("k-1");
  EXPECT_EQ(fresh.status, 202);
  EXPECT_EQ(fresh.header("Idempotency-Replay"), std::nullopt);
  EXPECT_NE(fresh.body, first.body);
}

TEST_F(SandboxIdempotency, TheManualClockEndsItToo) {
  dial_with("k-1");
  ASSERT_TRUE(api().advance(24h - 1s));
  EXPECT_EQ(dial_with("k-1").header("Idempotency-Replay"), "true");
  ASSERT_TRUE(api().advance(2s));
  EXPECT_EQ(dial_with("k-1").header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(api().calls_placed(), 2u);
}

TEST_F(SandboxIdempotency, AFailureIsNotStored) {
  const std::string forced = "X-Sandbox-Force: provider_api_error\r\n";
  const auto failed = dial_with("k-1", "+14155556789", forced);
  ASSERT_EQ(failed.status, 502);
  const auto again = dial_with("k-1");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(dial_with("k-1").header("Idempotency-Replay"), "true");
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(SandboxIdempotency, PatchAndDeleteAreGuardedToo) {
  const std::string path = "/v1/calls/" + place();
  const std::string key = "Idempotency-Key: k-2\r\n";
  const auto patched = send("PATCH", path, key, R"({"metadata":{"a":"1"}})");
  ASSERT_EQ(patched.status, 200);
  const auto again = send("PATCH", path, key, R"({"metadata":{"a":"1"}})");
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(again.body, patched.body);
  const auto deleted = send("DELETE", path, key);
  EXPECT_EQ(deleted.status, 409) << "another method is another request";
  EXPECT_EQ(send("DELETE", path, "Idempotency-Key: k-3\r\n").status, 200);
  EXPECT_EQ(send("DELETE", path, "Idempotency-Key: k-3\r\n").header("Idempotency-Replay"), "true");
  EXPECT_EQ(send("GET", path, key).status, 200) << "a GET ignores it";
}

TEST_F(SandboxIdempotency, RefusesWhatIsNoKey) {
  const std::string long_key(255, 'k');
  EXPECT_EQ(dial_with(long_key).status, 202);
  for (const std::string& bad :
       {std::string(), long_key + "k", std::string("a,b"), std::string("a\tb"), std::string("\"a"),
        std::string("a\r\nIdempotency-Key: b")}) {
    SCOPED_TRACE(bad);
    const auto refused = dial_with(bad);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(code_of(refused), "validation_error");
    EXPECT_TRUE(json_of(refused).at("error").at("fields").as_object().contains("Idempotency-Key"));
  }
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(SandboxIdempotency, TheJournalTellsRunsFromReplays) {
  dial_with("k-1");
  dial_with("k-1");
  const auto journal = json_of(get("/sandbox/requests")).at("data").as_array();
  ASSERT_EQ(journal.size(), 2u);
  EXPECT_EQ(journal[0].at("handler_runs"), 0);
  EXPECT_EQ(journal[1].at("handler_runs"), 1);
}

TEST_F(SandboxIdempotency, ResetForgetsTheRecords) {
  dial_with("k-1");
  api().reset();
  EXPECT_EQ(dial_with("k-1").header("Idempotency-Replay"), std::nullopt);
}

class SandboxWithThreads : public SandboxTest {
 protected:
  SandboxWithThreads() : SandboxTest({.server = {.threads = 4}}) {}
};

std::string request_text(std::string_view key, std::string_view body,
                         std::string_view path = "/v1/calls/dial") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         "Authorization: Bearer test_valid\r\nContent-Type: application/json\r\n" +
         "Idempotency-Key: " + std::string(key) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::size_t many = 200;

// How many of the responses were made by a handler; all are to be equal but for that.
std::size_t runs_among(const std::vector<raw_response>& all) {
  std::size_t runs = 0;
  std::set<std::string> ids;
  for (const raw_response& each : all) {
    EXPECT_EQ(each.status, 202);
    EXPECT_EQ(each.body, all.front().body);
    EXPECT_EQ(each.header("Content-Type"), "application/json");
    ids.insert(each.header("X-Request-Id").value_or(""));
    const auto replay = each.header("Idempotency-Replay");
    if (!replay) ++runs;
    EXPECT_TRUE(!replay || *replay == "true");
  }
  EXPECT_EQ(ids.size(), all.size()) << "each response has an id of its own";
  return runs;
}

TEST_F(SandboxWithThreads, TwoHundredAtOnceUnderOneKeyPlaceOneCall) {
  const std::string request =
      request_text("k-1", R"({"from_number":"+14155551234","to_number":"+14155556789"})");
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < many; ++i) clients.push_back(connect());
  for (raw_client& each : clients) ASSERT_TRUE(each.send(request));
  std::vector<raw_response> all;
  for (raw_client& each : clients) all.push_back(each.read().value_or(raw_response{}));
  EXPECT_EQ(runs_among(all), 1u);
  EXPECT_EQ(api().calls_placed(), 1u);
}

/// A server with a handler that answers when it is told to.
class SlowServer : public testing::Test {
 protected:
  explicit SlowServer(std::chrono::milliseconds lease = 30s) {
    records_ = *idempotency::make_memory_store();
    timer_ = *idempotency::make_thread_timer();
    engine_ = *idempotency::make_engine(*records_, *timer_,
                                        {.lease = lease, .persist_wait = 500ms, .clock_skew = 1ms});
    guard_.emplace(*engine_, *idempotency::digester::random());
    http::routes table;
    table.post("/slow", guard_->wrap(
                            [this](const http::request_view&, http::responder respond) {
                              const std::lock_guard lock(mutex_);
                              ++runs_;
                              held_.push_back(std::move(respond));
                              changed_.notify_all();
                            },
                            http::abandoned::indeterminate));
    table.post("/throws",
               guard_->wrap(
                   [this](const http::request_view&, http::attempt attempt) -> http::response {
                     ++throws_;
                     if (!attempt.mark("the side effect")) return {.status = 503};
                     throw std::runtime_error("after the side effect");
                   },
                   http::abandoned::indeterminate));
    service_.emplace(std::move(table), [](const http::request_view& r) -> http::authentication {
      return std::string(*http::bearer_token(r));
    });
    server_.emplace(*service_, beast::server_options{.threads = 2});
    EXPECT_TRUE(server_->start());
  }

  raw_client connect() { return raw_client(server_->port()); }
  raw_response ask(std::string_view request) { return connect().ask(request); }
  void wait_for_runs(int runs) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return runs_ == runs; }));
  }
  int runs() {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  void answer(http::response r) {
    std::unique_lock lock(mutex_);
    http::responder respond = std::move(held_.back());
    held_.pop_back();
    lock.unlock();
    std::move(respond).send(std::move(r));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int runs_ = 0;
  std::atomic<int> throws_ = 0;
  std::unique_ptr<idempotency::memory_store> records_;
  std::unique_ptr<idempotency::timer> timer_;
  std::unique_ptr<idempotency::engine> engine_;
  std::optional<http::guard> guard_;
  std::optional<http::service> service_;
  std::vector<http::responder> held_;
  std::optional<beast::server> server_;
};

TEST_F(SlowServer, RunsOnceForTwoHundredThatWait) {
  const std::string request = request_text("k-1", "{}", "/slow");
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < many; ++i) clients.push_back(connect());
  ASSERT_TRUE(clients.front().send(request));
  wait_for_runs(1);
  for (std::size_t i = 1; i < many; ++i) ASSERT_TRUE(clients[i].send(request));
  const auto other = ask(request_text("k-1", "[]", "/slow"));
  EXPECT_EQ(other.status, 409) << "also while the first still runs";
  answer(http::json_response(202, R"({"done":true})"));
  std::vector<raw_response> all;
  for (raw_client& each : clients) all.push_back(each.read().value_or(raw_response{}));
  EXPECT_EQ(runs_among(all), 1u);
  EXPECT_EQ(runs(), 1);
  EXPECT_EQ(conflicts_with(other), all.front().header("X-Request-Id"));
}

TEST_F(SlowServer, StoresWhatAClientDidNotWaitFor) {
  const std::string request = request_text("k-1", "{}", "/slow");
  {
    raw_client gone = connect();
    ASSERT_TRUE(gone.send(request));
    wait_for_runs(1);
    gone.reset();
  }
  answer(http::json_response(202, R"({"done":true})"));
  const auto again = ask(request);
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(again.body, R"({"done":true})");
  EXPECT_EQ(runs(), 1);
}

TEST_F(SlowServer, AFailureLetsOneOfThoseThatWaitRun) {
  const std::string request = request_text("k-1", "{}", "/slow");
  std::vector<raw_client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back().send(request));
  }
  wait_for_runs(1);
  answer(http::to_response(envelope::error(errors::code::provider_api_error)));
  wait_for_runs(2);
  answer(http::json_response(202, "{}"));
  int failed = 0;
  int replayed = 0;
  for (raw_client& each : clients) {
    const auto response = each.read().value_or(raw_response{});
    failed += response.status == 502 ? 1 : 0;
    replayed += response.header("Idempotency-Replay") == "true" ? 1 : 0;
  }
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(replayed, 1);
  EXPECT_EQ(runs(), 2);
}

// So short a lease that a test can wait for its end.
class SlowServerOfAShortLease : public SlowServer {
 protected:
  SlowServerOfAShortLease() : SlowServer(500ms) {}
};

TEST_F(SlowServerOfAShortLease, WhatThrewAfterItsMarkIsNeverRunAgain) {
  const std::string request = request_text("k-1", "{}", "/throws");
  const auto first = ask(request);
  EXPECT_EQ(first.status, 500);
  // While its lease lasts, and after that.
  const auto second = ask(request);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(conflicts_with(second), first.header("X-Request-Id"));
  EXPECT_EQ(second.header("Retry-After"), std::nullopt) << "it would not help";
  EXPECT_EQ(ask(request).status, 409);
  EXPECT_EQ(throws_, 1);
}

}  // namespace
}  // namespace parley::sandbox
