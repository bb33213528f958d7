// SPDX-License-Identifier: Apache-2.0
//
// Whole sends: what is repeated on the wire, and what is not. And the transport that blocks.

#include <chrono>
#include <future>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "beast/support/client_fixture.hpp"
#include "beast/support/scripted_server.hpp"
#include "parley/beast/client.hpp"
#include "parley/client/client.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::gate;
using testing_support::get;
using testing_support::header_of;
using testing_support::ok;
using testing_support::peer;
using testing_support::scripted_server;

// Requests as they came, from all connections.
class journal {
 public:
  void add(std::string request) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(request));
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

// Takes each request, and answers the nth with the nth of `answers`, the last for all that follow;
// an empty one closes the connection.
scripted_server::script answering(journal& seen, std::vector<std::string> answers) {
  return [&seen, answers = std::move(answers)](peer& client, int) {
    while (auto request = client.read_request()) {
      seen.add(*std::move(request));
      const std::string& answer = answers[std::min(seen.all().size(), answers.size()) - 1];
      if (answer.empty()) return;
      client.send(answer);
    }
  };
}

const std::string unavailable = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";

class Send : public testing_support::client_fixture {
 protected:
  static client::send_options quick() {
    return {.headers = {{"Authorization", "Bearer a"}},
            .pause_first = milliseconds(1),
            .pause_max = milliseconds(1)};
  }
  void make_quick(const std::string& url) {
    make({.transport = {.base_url = url}, .send = quick()});
  }
  static client::operation dial() {
    return *client::operation::post("/v1/calls/dial", "{\"a\":1}");
  }

  journal seen_;
};

TEST_F(Send, RepeatsTheSameRequestWithTheSameKey) {
  const scripted_server server(answering(seen_, {unavailable, "", ok("done")}));
  make_quick(server.url());
  auto of = dial();
  const client::answer answer = send(of);
  EXPECT_TRUE(answer.is_success());
  EXPECT_EQ(answer.body(), "done");
  EXPECT_EQ(answer.attempts, 3u);
  const auto seen = seen_.all();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
  EXPECT_EQ(header_of(seen[0], "Idempotency-Key"), of.key());
  EXPECT_EQ(header_of(seen[0], "Authorization"), "Bearer a");
}

// PATCH and POST have keys; what has none and is not idempotent is a method of one's own.
TEST_F(Send, DoesNotRepeatWhatHasNoKey) {
  const scripted_server server(answering(seen_, {""}));
  make_quick(server.url());
  auto of = client::operation::make({"LOCK", "/a", {}, "x"});
  ASSERT_TRUE(of.has_value());
  const client::answer answer = send(*of);
  EXPECT_EQ(to_string(answer.why), "unrepeatable");
  EXPECT_EQ(to_string(answer.fate), "unknown");
  EXPECT_EQ(seen_.all().size(), 1u);
}

// The connection was kept and has ended since: nothing is sent on it, so nothing is in doubt.
TEST_F(Send, DoesNotRiskWhatHasNoKeyOnAStaleConnection) {
  gate answered;
  gate ended;
  const scripted_server server([&](peer& client, int nth) {
    if (auto request = client.read_request()) seen_.add(*std::move(request));
    client.send(ok("a"));
    if (nth > 0) return client.wait_for_end();
    answered.wait();
    client.finish();
    ended.open();
  });
  make_quick(server.url());
  auto first = client::operation::make({"LOCK", "/first"});
  EXPECT_TRUE(send(*first).is_success());
  answered.open();
  ended.wait();
  auto second = client::operation::make({"LOCK", "/second"});
  EXPECT_TRUE(send(*second).is_success());
  EXPECT_EQ(seen_.all().size(), 2u);
}

TEST_F(Send, RepeatsWhatWasNotSentWithoutAKeyToo) {
  make_quick("http://127.0.0.1:" + std::to_string(testing_support::unused_port()));
  auto of = client::operation::make({"LOCK", "/a"});
  ASSERT_TRUE(of.has_value());
  const client::answer answer = send(*of);
  EXPECT_EQ(to_string(answer.why), "attempts_used_up");
  EXPECT_EQ(to_string(answer.fate), "not_done");
  EXPECT_EQ(answer.attempts, 3u);
}

TEST_F(Send, RefusesWhatCannotBeWritten) {
  const scripted_server server(answering(seen_, {ok("")}));
  make({.transport = {.base_url = server.url()}, .send = {.headers = {{"X", "a\r\nY: b"}}}});
  auto of = dial();
  const client::answer answer = send(of);
  EXPECT_EQ(to_string(answer.why), "not_sendable");
  EXPECT_EQ(to_string(answer.fate), "not_done");
  EXPECT_TRUE(seen_.all().empty());
}

TEST_F(Send, SpendsItsBudgetInAnOutage) {
  const scripted_server server(answering(seen_, {unavailable}));
  make({.transport = {.base_url = server.url()},
        .send = quick(),
        .budget_capacity = 50,
        .budget_cost = 10});
  std::vector<client::operation> all;
  for (int i = 0; i < 20; ++i) all.push_back(dial());
  std::vector<std::future<client::answer>> answers;
  for (client::operation& each : all) {
    answers.push_back(client_->async_send(each, asio::use_future));
  }
  for (auto& each : answers) EXPECT_EQ(get(std::move(each)).status(), 503);
  // 20 first attempts, and the five repetitions that 50 tokens pay.
  EXPECT_EQ(seen_.all().size(), 25u);
  EXPECT_EQ(client_->budget().tokens(), 0u);
}

TEST_F(Send, TakesRetryAfterInAnyForm) {
  std::vector<std::string> answers;
  for (const char* const value : {"0", "Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-1"}) {
    answers.push_back("HTTP/1.1 429 X\r\nRetry-After: " + std::string(value) +
                      "\r\nContent-Length: 0\r\n\r\n");
  }
  answers.push_back(ok("done"));
  const scripted_server server(answering(seen_, answers));
  auto options = quick();
  options.pause_first_limited = milliseconds(1);
  options.attempts_max = static_cast<unsigned>(answers.size());
  make({.transport = {.base_url = server.url()}, .send = options});
  auto of = dial();
  const client::answer answer = send(of);
  EXPECT_EQ(answer.body(), "done");
  EXPECT_EQ(answer.attempts, answers.size());
}

TEST_F(Send, DoesNotFollowARedirect) {
  journal elsewhere;
  const scripted_server other(answering(elsewhere, {ok("")}));
  const scripted_server server(answering(seen_, {"HTTP/1.1 307 X\r\nLocation: " + other.url() +
                                                 "/v1/calls/dial\r\nContent-Length: 0\r\n\r\n"}));
  make_quick(server.url());
  auto of = dial();
  const client::answer answer = send(of);
  EXPECT_EQ(answer.status(), 307);
  EXPECT_EQ(to_string(answer.fate), "unknown");
  EXPECT_EQ(seen_.all().size(), 1u);
  EXPECT_TRUE(elsewhere.all().empty());
}

TEST_F(Send, ReportsToTheObserver) {
  struct : client::observer {
    void attempted(const client::attempt_event& event) noexcept override {
      const std::lock_guard lock(mutex);
      last = event.attempt;
    }
    std::mutex mutex;
    unsigned last = 0;
  } observer;
  const scripted_server server(answering(seen_, {unavailable, ok("")}));
  auto options = quick();
  options.observer = &observer;
  make({.transport = {.base_url = server.url()}, .send = options});
  auto of = dial();
  send(of);
  const std::lock_guard lock(observer.mutex);
  EXPECT_EQ(observer.last, 2u);
}

TEST_F(Send, EndsAtItsDeadline) {
  const scripted_server server([](peer& client, int) { client.wait_for_end(); });
  auto options = quick();
  options.deadline = milliseconds(30);
  make({.transport = {.base_url = server.url()}, .send = options});
  auto of = dial();
  const client::answer answer = send(of);
  EXPECT_EQ(to_string(answer.why), "deadline");
  EXPECT_EQ(to_string(answer.fate), "unknown");
  EXPECT_EQ(answer.attempts, 1u);
}

TEST_F(Send, TakesTheTimeFromTheClock) {
  const scripted_server server(answering(seen_, {ok("")}));
  client::instant now = client::now();
  make({.transport = {.base_url = server.url()}, .clock = [&] { return now; }});
  auto of = dial();
  EXPECT_TRUE(send(of).is_success());
  now.wall += client::send_window;
  EXPECT_EQ(to_string(send(of).why), "window_over");
}

TEST_F(Send, CompletesInACoroutine) {
  const scripted_server server(answering(seen_, {unavailable, ok("done")}));
  make_quick(server.url());
  std::promise<std::string> body;
  asio::co_spawn(
      context_,
      [&]() -> asio::awaitable<void> {
        auto of = dial();
        const client::answer answer = co_await client_->async_send(of, asio::use_awaitable);
        body.set_value(std::string(answer.body()));
      },
      asio::detached);
  EXPECT_EQ(get(body.get_future()), "done");
}

class BlockingTransport : public Send {};

TEST_F(BlockingTransport, CarriesABlockingClient) {
  const scripted_server server(answering(seen_, {unavailable, ok("done")}));
  const auto transport = blocking_transport::make({.base_url = server.url()});
  ASSERT_TRUE(transport.has_value()) << transport.error().what;
  client::blocking_client api(**transport, {.send = quick()});
  auto of = dial();
  EXPECT_EQ(api.send(of).body(), "done");
  EXPECT_EQ(seen_.all().size(), 2u);
  EXPECT_EQ((*transport)->counts().opened, 1u);
}

TEST_F(BlockingTransport, EndsWhenItIsStopped) {
  gate reached;
  const scripted_server server([&](peer& client, int) {
    client.read_request();
    reached.open();
    client.wait_for_end();
  });
  const auto transport = blocking_transport::make({.base_url = server.url()});
  ASSERT_TRUE(transport.has_value());
  std::stop_source source;
  std::jthread stops([&] {
    reached.wait();
    source.request_stop();
  });
  EXPECT_EQ(text_of((*transport)->exchange({"GET", "/"}, seconds(20), source.get_token())),
            "cancelled*");
  EXPECT_EQ(text_of((*transport)->exchange({"GET", "/"}, seconds(20), source.get_token())),
            "cancelled");
}

TEST_F(BlockingTransport, TimesOut) {
  const scripted_server server([](peer& client, int) { client.wait_for_end(); });
  const auto transport = blocking_transport::make({.base_url = server.url()});
  ASSERT_TRUE(transport.has_value());
  EXPECT_EQ(text_of((*transport)->exchange({"GET", "/"}, milliseconds(20), {})), "timed_out*");
}

TEST_F(BlockingTransport, ServesManyThreads) {
  const scripted_server server(answering(seen_, {ok("a")}));
  const auto transport = blocking_transport::make({.base_url = server.url(), .connections_max = 2});
  ASSERT_TRUE(transport.has_value());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int each = 0; each < 20; ++each) {
        EXPECT_EQ(text_of((*transport)->exchange({"GET", "/"}, seconds(20), {})), "a");
      }
    });
  }
  threads.clear();
  EXPECT_EQ(seen_.all().size(), 160u);
  EXPECT_LE((*transport)->counts().open, 2u);
}

}  // namespace
}  // namespace parley::beast
