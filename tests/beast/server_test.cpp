// SPDX-License-Identifier: Apache-2.0
//
// The server over real sockets.

#include "parley/beast/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parley/http/service.hpp"
#include "support/raw_client.hpp"

namespace parley::beast {
namespace {

using std::chrono::milliseconds;
using testing_support::raw_client;
using testing_support::raw_response;

// Responders that a test answers when it likes. Emptied before the service goes.
class parked {
 public:
  void push(http::responder r) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(r));
    changed_.notify_all();
  }
  http::responder pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !items_.empty(); });
    http::responder r = std::move(items_.back());
    items_.pop_back();
    return r;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<http::responder> items_;
};

class Server : public testing::Test {
 protected:
  void start(server_options options = {}, http::limits limits = {}) {
    http::routes table;
    table.get("/hello",
              [](const http::request_view&) { return http::json_response(200, "\"hello\""); });
    table.post("/echo", [this](const http::request_view& r) {
      ++echoes_;
      http::response made = http::json_response(200, std::string(r.body));
      if (const auto trailer = r.header("X-Trailer")) made.headers.push_back({"X-Seen", "yes"});
      made.headers.push_back({"X-Key-Count", std::to_string(r.count("Idempotency-Key"))});
      return made;
    });
    table.delete_("/empty",
                  [](const http::request_view&) { return http::response{.status = 204}; });
    table.get("/parked", [this](const http::request_view&, http::responder respond) {
      parked_.push(std::move(respond));
    });
    table.get("/thread", [this](const http::request_view&, http::responder respond) {
      const std::lock_guard lock(mutex_);
      helpers_.emplace_back([respond = std::move(respond)]() mutable {
        std::move(respond).send(http::json_response(200, "\"from afar\""));
      });
    });
    service_ = std::make_unique<http::service>(
        std::move(table),
        [](const http::request_view&) -> http::authentication { return std::string("all"); },
        http::service_options{.limits = limits});
    server_ = std::make_unique<server>(*service_, options);
    const auto started = server_->start();
    ASSERT_TRUE(started.has_value()) << started.error().what;
    ASSERT_NE(server_->port(), 0);
  }

  ~Server() override {
    for (std::thread& each : helpers_) each.join();
    server_.reset();
  }

  raw_client connect() { return raw_client(server_->port()); }

  static std::string get(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
  }
  static std::string post(std::string_view headers, std::string_view body) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
  }

  // A refusal is the contract's envelope, and the end of the connection.
  void expect_refused(raw_client& client, int status) {
    const auto response = client.read();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->header("Content-Type"), "application/json");
    EXPECT_EQ(response->header("Connection"), "close");
    EXPECT_TRUE(response->header("X-Request-Id").has_value());
    EXPECT_TRUE(response->body.starts_with(R"({"error":{"code":"validation_error","message":")"))
        << response->body;
    EXPECT_TRUE(client.reads_end());
  }

  std::atomic<int> echoes_ = 0;
  parked parked_;
  std::mutex mutex_;
  std::vector<std::thread> helpers_;
  std::unique_ptr<http::service> service_;
  std::unique_ptr<server> server_;
};

TEST_F(Server, AnswersManyRequestsOnOneConnection) {
  start();
  raw_client client = connect();
  std::set<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    const auto response = client.roundtrip(get("/hello"));
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "\"hello\"");
    EXPECT_EQ(response->header("Connection"), std::nullopt);
    ASSERT_TRUE(response->header("Date").has_value());
    EXPECT_EQ(response->header("Date")->size(),
              std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").size());
    ids.insert(response->header("X-Request-Id").value_or(""));
  }
  EXPECT_EQ(ids.size(), 20u);
}

TEST_F(Server, AnswersPipelinedRequestsInOrder) {
  start();
  raw_client client = connect();
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string body = std::to_string(i);
    all += post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  }
  client.send(all);
  for (int i = 0; i < 200; ++i) {
    const auto response = client.read();
    ASSERT_TRUE(response.has_value()) << i;
    EXPECT_EQ(response->body, std::to_string(i));
  }
}

TEST_F(Server, TakesARequestByteByByte) {
  start();
  raw_client client = connect();
  for (const char byte : post("Content-Length: 5\r\n", "hello")) client.send({&byte, 1});
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, "hello");
}

TEST_F(Server, TakesOneEmptyLineBeforeARequest) {
  start();
  raw_client client = connect();
  EXPECT_EQ(client.ask("\r\n" + get("/hello")).status, 200);
  EXPECT_EQ(client.ask("\r\n" + get("/hello")).status, 200);
  client.send("\r\n\r\n" + get("/hello"));
  expect_refused(client, 400);
}

TEST_F(Server, ReadsChunkedBodies) {
  start();
  raw_client client = connect();
  const auto response = client.roundtrip(
      post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n"));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, "hello world");
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
}

// A trailer comes after every check of the headers.
TEST_F(Server, ShowsNoTrailerAsAHeader) {
  start();
  raw_client client = connect();
  const auto response = client.roundtrip(
      post("Idempotency-Key: a\r\nTransfer-Encoding: chunked\r\n",
           "1\r\nx\r\n0\r\nX-Trailer: 1\r\nIdempotency-Key: b\r\nAuthorization: Bearer x\r\n\r\n"));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->header("X-Seen"), std::nullopt);
  EXPECT_EQ(response->header("X-Key-Count"), "1");
}

TEST_F(Server, ShowsBothOfTwoEqualHeaders) {
  start();
  raw_client client = connect();
  const auto response = client.roundtrip(
      post("Idempotency-Key: a\r\nX: y\r\nidempotency-key: b\r\nContent-Length: 1\r\n", "x"));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->header("X-Key-Count"), "2");
}

TEST_F(Server, AnswersHeadWithoutABody) {
  start();
  raw_client client = connect();
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.read(true);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("Content-Length"), "7");
  EXPECT_EQ(client.ask(get("/hello")).body, "\"hello\"");
}

TEST_F(Server, Answers204WithoutALength) {
  start();
  raw_client client = connect();
  const auto response = client.roundtrip("DELETE /empty HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(response->header("Content-Length"), std::nullopt);
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
}

TEST_F(Server, SendsContinueWhenItIsWaitedFor) {
  start();
  raw_client client = connect();
  const auto interim = client.roundtrip(post("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  ASSERT_TRUE(interim.has_value());
  EXPECT_EQ(interim->status, 100);
  EXPECT_EQ(client.ask("hello").body, "hello");
}

TEST_F(Server, RefusesATooLargeBodyInsteadOfContinue) {
  start();
  raw_client client = connect();
  client.send(post("Expect: 100-continue\r\nContent-Length: 1048577\r\n", ""));
  expect_refused(client, 413);
}

TEST_F(Server, RefusesAnotherExpectation) {
  start();
  raw_client client = connect();
  client.send(post("Expect: miracles\r\nContent-Length: 1\r\n", "x"));
  expect_refused(client, 417);
}

TEST_F(Server, KeepsOrClosesAsTheClientAsks) {
  start();
  raw_client closing = connect();
  EXPECT_EQ(closing.ask(get("/hello", "Connection: close\r\n")).header("Connection"), "close");
  EXPECT_TRUE(closing.reads_end());
  raw_client old = connect();
  EXPECT_EQ(old.ask("GET /hello HTTP/1.0\r\nHost: a\r\n\r\n").status, 200);
  EXPECT_TRUE(old.reads_end());
  raw_client kept = connect();
  const std::string again = "GET /hello HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(kept.ask(again).header("Connection"), "keep-alive");
  EXPECT_EQ(kept.ask(again).status, 200);
}

TEST_F(Server, AnswersFromAnotherThread) {
  start({.threads = 2});
  raw_client client = connect();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.ask(get("/thread")).body, "\"from afar\"");
}

TEST_F(Server, TakesTheAbsoluteForm) {
  start();
  raw_client client = connect();
  EXPECT_EQ(client.ask(get("http://example.com/hello?x")).status, 200);
}

// Shapes of RFC 9112, 11.2: each is followed by a whole request that must not be answered.
TEST_F(Server, NeverAnswersASmuggledRequest) {
  start();
  const std::string lengths[] = {
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding:\x0b"
      "chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 4\r\nContent-Length: 5\r\n",
      "Content-Length: 4\r\nContent-Length: 4\r\n",
      "Content-Length: 4, 4\r\n",
      "Content-Length: +4\r\n",
      "Content-Length: 4 4\r\n",
      "X: a\r\n Content-Length: 4\r\n",
      "X: a\nContent-Length: 4\r\n",
      "X: a\rContent-Length: 4\r\n",
      "Host: b\r\nContent-Length: 4\r\n",
  };
  for (const std::string& each : lengths) {
    SCOPED_TRACE(each);
    raw_client client = connect();
    client.send(post(each, "0\r\n\r\n" + get("/hello")));
    expect_refused(client, 400);
  }
  EXPECT_EQ(echoes_, 0);
}

TEST_F(Server, NeverAnswersARequestHiddenInChunks) {
  start();
  const std::string bodies[] = {"5\nhello\r\n0\r\n\r\n",
                                "5\r\nhello\n0\r\n\r\n",
                                "0x5\r\nhello\r\n0\r\n\r\n",
                                "5 \x01\r\nhello\r\n0\r\n\r\n",
                                "-5\r\nhello\r\n0\r\n\r\n",
                                "5\r\nhelloXX0\r\n\r\n",
                                "\r\nhello\r\n0\r\n\r\n",
                                "zz\r\nhello\r\n0\r\n\r\n",
                                "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"};
  for (const std::string& each : bodies) {
    SCOPED_TRACE(each);
    raw_client client = connect();
    client.send(post("Transfer-Encoding: chunked\r\n", each + get("/hello")));
    const auto response = client.read();
    ASSERT_TRUE(response.has_value());
    EXPECT_TRUE(response->status == 400 || response->status == 413) << response->status;
    EXPECT_TRUE(client.reads_end());
  }
  EXPECT_EQ(echoes_, 0);
}

// A reader that ends a chunk's line at the line feed sees one body here; one that takes the quotes
// for what they are sees a second request.
TEST_F(Server, NeverAnswersARequestHiddenInAnExtension) {
  start();
  const std::string hidden = "0\r\n\r\n" + get("/hello") + "\r\n0\r\n\r\n";
  raw_client client = connect();
  client.send(post("Transfer-Encoding: chunked\r\n", "2;a=\"\nA\"\r\n6e\r\n" + hidden));
  expect_refused(client, 400);
  EXPECT_EQ(echoes_, 0);
}

TEST_F(Server, ReadsTheEndOfChunksInPieces) {
  start();
  raw_client client = connect();
  client.send(post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n"));
  for (const char* piece : {"0", "\r", "\n", "\r"}) {
    client.send(piece);
    EXPECT_EQ(raw_client(server_->port()).ask(get("/hello")).status, 200);
  }
  EXPECT_EQ(client.ask("\n").body, "x");
}

TEST_F(Server, BoundsAFloodOfChunkExtensions) {
  start();
  raw_client client = connect();
  client.send(post("Transfer-Encoding: chunked\r\n", ""));
  const std::string flood = "1;" + std::string(4'000, 'a') + "\r\nx\r\n";
  for (int i = 0; i < 10'000 && client.send(flood); ++i) {
  }
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 413);
}

TEST_F(Server, LetsCloseWinOverKeepAlive) {
  start();
  raw_client client = connect();
  const auto response =
      client.ask("GET /hello HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Server, RefusesAHeadWithoutABody) {
  start();
  raw_client client = connect();
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  const auto response = client.read(true);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 413);
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Server, KnowsAHeadWhenTheBodyIsWrong) {
  start();
  raw_client head = connect();
  head.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  const auto without_body = head.read(true);
  ASSERT_TRUE(without_body.has_value());
  EXPECT_EQ(without_body->status, 400);
  EXPECT_TRUE(head.reads_end());
  raw_client other = connect();
  other.send(post("Transfer-Encoding: chunked\r\n", "zz\r\nHEAD / HTTP/1.1\r\n"));
  expect_refused(other, 400);
}

// Unread bytes must not turn the close into a reset that overtakes the response.
TEST_F(Server, SendsAWholeLastResponseBeforeUnreadBytes) {
  start();
  raw_client client = connect();
  const std::string body(1 << 20, 'x');
  client.send(post("Connection: close\r\nContent-Length: 1048576\r\n", body) + get("/hello"));
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body.size(), body.size());
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Server, GivesAHalfReadHeadLittleTimeWhenItDrains) {
  start({.head_timeout = std::chrono::hours(1)});
  raw_client client = connect();
  client.send("GET /half");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(connect().ask(get("/hello")).status, 200);
  EXPECT_TRUE(server_->drain(std::chrono::hours(1)));
  EXPECT_EQ(client.ask("").status, 408);
}

TEST_F(Server, RefusesWhatIsNotHttp) {
  start();
  for (const std::string& each :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), std::string("\0", 1),
        std::string("GET / HTTP/1.1\n"), std::string("GET /\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    raw_client client = connect();
    client.send(each);
    expect_refused(client, 400);
  }
}

TEST_F(Server, BoundsTheHeadOnBothSides) {
  start({}, {.head_bytes_max = 1000});
  const std::string frame = get("/hello", "X: \r\n");
  raw_client good = connect();
  const std::string most(1000 - frame.size(), 'x');
  EXPECT_EQ(good.ask(get("/hello", "X: " + most + "\r\n")).status, 200);
  raw_client bad = connect();
  bad.send(get("/hello", "X: x" + most + "\r\n"));
  expect_refused(bad, 431);
}

TEST_F(Server, RefusesAFloodOfHeaders) {
  start();
  const auto flood = [](int count) {
    std::string headers;
    for (int i = 0; i < count; ++i) headers += "X-" + std::to_string(i) + ": y\r\n";
    return headers;
  };
  raw_client most = connect();
  EXPECT_EQ(most.ask(get("/hello", flood(99))).status, 200);  // Host is the hundredth
  raw_client one_more = connect();
  one_more.send(get("/hello", flood(100)));
  expect_refused(one_more, 431);
  raw_client endless = connect();
  endless.send("GET /hello HTTP/1.1\r\n");
  const std::string block = flood(200);
  for (int i = 0; i < 100 && endless.send(block); ++i) {
  }
  const auto refused = endless.read();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 431);
}

TEST_F(Server, BoundsTheBodyOnBothSides) {
  start();
  const std::string most(1 << 20, 'x');
  raw_client good = connect();
  EXPECT_EQ(good.ask(post("Content-Length: 1048576\r\n", most)).body, most);
  raw_client bad = connect();
  bad.send(post("Content-Length: 1048577\r\n", most + "x"));
  expect_refused(bad, 413);
  raw_client chunked = connect();
  chunked.send(post("Transfer-Encoding: chunked\r\n", "100000\r\n" + most + "\r\n0\r\n\r\n"));
  EXPECT_EQ(chunked.ask("").body.size(), most.size());
  raw_client too_many_chunks = connect();
  too_many_chunks.send(
      post("Transfer-Encoding: chunked\r\n", "100000\r\n" + most + "\r\n1\r\nx\r\n0\r\n\r\n"));
  expect_refused(too_many_chunks, 413);
}

TEST_F(Server, LetsAClientThatStillSendsReadTheRefusal) {
  start();
  raw_client client = connect();
  client.send(post("Content-Length: 4000000\r\n", ""));
  const std::string block(100'000, 'x');
  for (int i = 0; i < 40; ++i) client.send(block);
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 413);
}

TEST_F(Server, LingersNoLongerThanItMay) {
  start({.linger_timeout = milliseconds(50)});
  raw_client client = connect();
  client.send(post("Content-Length: 4000000\r\n", ""));
  ASSERT_TRUE(client.read().has_value());
  EXPECT_TRUE(client.reads_end());
  int sent = 0;
  while (sent < 1'000'000 && client.send("x")) ++sent;
  EXPECT_LT(sent, 1'000'000);
  EXPECT_FALSE(client.timed_out());
}

TEST_F(Server, LingersForNoMoreThanItMay) {
  start({.linger_timeout = std::chrono::seconds(60)});
  raw_client client = connect();
  client.send(post("Content-Length: 100000000\r\n", ""));
  const std::string block(1 << 20, 'x');
  int sent = 0;
  while (sent < 100 && client.send(block)) ++sent;
  EXPECT_LT(sent, 100);
  EXPECT_FALSE(client.timed_out());
}

TEST_F(Server, TakesALoneEmptyLineForIdleness) {
  start({.idle_timeout = std::chrono::seconds(60), .head_timeout = milliseconds(50)});
  raw_client client = connect();
  ASSERT_EQ(client.ask(post("Content-Length: 1\r\n", "x") + "\r\n").status, 200);
  raw_client other = connect();
  other.send("GET /half");
  expect_refused(other, 408);
  // The head's deadline has passed; the idle connection is not ended by it.
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
}

TEST_F(Server, EndsAnIdleConnectionWithoutAWord) {
  start({.idle_timeout = milliseconds(100)});
  raw_client fresh = connect();
  EXPECT_TRUE(fresh.reads_end());
  // A machine that is busy for long enough may end this one before its request is there.
  for (bool answered = false; !answered;) {
    raw_client used = connect();
    answered = used.ask(get("/hello")).status == 200;
    EXPECT_TRUE(used.reads_end());
  }
}

TEST_F(Server, GivesASlowHeadADeadline) {
  start({.head_timeout = milliseconds(50)});
  raw_client client = connect();
  client.send("GET /hello HTTP/1.1\r\nHo");
  expect_refused(client, 408);
}

// The deadline is for the whole head: bytes that trickle in do not move it.
TEST_F(Server, GivesATrickleTheSameDeadline) {
  start({.head_timeout = milliseconds(100)}, {.head_bytes_max = std::size_t{1} << 24});
  raw_client client = connect();
  client.send("GET /hello HTTP/1.1\r\nX: ");
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    while (!done && client.send("x")) {
    }
  });
  const auto response = client.read();
  done = true;
  trickle.join();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 408);
}

// The deadline may pass while bytes that came are not yet looked at; silence after them must not
// last.
TEST_F(Server, GivesAClientThatFallsSilentAtItTheSameDeadline) {
  constexpr milliseconds timeout(30);
  start({.head_timeout = timeout, .body_timeout = timeout}, {.head_bytes_max = 1 << 20});
  for (const std::string& begin :
       {post("Content-Length: 1000000\r\n", ""), std::string("GET /hello HTTP/1.1\r\nX: ")}) {
    for (int i = 0; i < 10; ++i) {
      raw_client client = connect();
      client.send(begin);
      const auto past_it = std::chrono::steady_clock::now() + timeout + milliseconds(i);
      while (std::chrono::steady_clock::now() < past_it && client.send("x")) {
      }
      const auto response = client.read();
      ASSERT_TRUE(response.has_value());
      EXPECT_EQ(response->status, 408);
    }
  }
}

TEST_F(Server, GivesASlowBodyADeadline) {
  start({.body_timeout = milliseconds(50)});
  raw_client client = connect();
  client.send(post("Content-Length: 10\r\n", "half"));
  expect_refused(client, 408);
  EXPECT_EQ(echoes_, 0);
}

TEST_F(Server, GivesAClientThatDoesNotReadADeadline) {
  start({.write_timeout = milliseconds(50)});
  raw_client client = connect();
  const std::string body(1 << 20, 'x');
  const std::string request = post("Content-Length: 1048576\r\n", body);
  // Until the server, stuck with its responses, no longer reads: then it ends the connection.
  int sent = 0;
  while (sent < 1000 && client.send(request)) ++sent;
  EXPECT_LT(sent, 1000);
  EXPECT_FALSE(client.timed_out());
}

TEST_F(Server, DoesNotRunAHalfRequest) {
  start();
  raw_client cut = connect();
  cut.send(post("Content-Length: 10\r\n", "half"));
  cut.finish_sending();
  EXPECT_TRUE(cut.reads_end());
  raw_client reset = connect();
  reset.send(post("Content-Length: 10\r\n", "half"));
  reset.reset();
  raw_client other = connect();
  EXPECT_EQ(other.ask(get("/hello")).status, 200);
  EXPECT_EQ(echoes_, 0);
}

TEST_F(Server, OutlivesAClientThatLeavesBeforeTheAnswer) {
  start();
  {
    raw_client client = connect();
    client.send(get("/parked"));
    http::responder respond = parked_.pop();
    client.reset();
    std::move(respond).send(http::json_response(200, "{}"));
  }
  raw_client other = connect();
  EXPECT_EQ(other.ask(get("/hello")).status, 200);
}

TEST_F(Server, MakesConnectionsAboveTheLimitWait) {
  start({.connections_max = 2});
  raw_client a = connect();
  raw_client b = connect();
  EXPECT_EQ(a.ask(get("/hello")).status, 200);
  EXPECT_EQ(b.ask(get("/hello")).status, 200);
  raw_client c = connect();
  c.send(get("/hello"));
  // The one event loop would have come to it in so many rounds.
  for (int i = 0; i < 50; ++i) ASSERT_EQ(b.ask(get("/hello")).status, 200);
  EXPECT_FALSE(c.has_data());
  a.close();
  const auto response = c.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
}

// Out of descriptors it goes on as soon as there are some.
TEST_F(Server, AcceptsAgainWhenDescriptorsAreThere) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP()
      << "UndefinedBehaviorSanitizer opens a pipe to look at a vtable: it needs descriptors";
#endif
  start();
  raw_client before = connect();
  ASSERT_EQ(before.ask(get("/hello")).status, 200);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_limit), 0);
  const int next = ::dup(0);
  ::close(next);
  rlimit tight = old_limit;
  tight.rlim_cur = static_cast<rlim_t>(next) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  raw_client waiting = connect();  // takes the last descriptor
  waiting.send(get("/hello"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(before.ask(get("/hello")).status, 200);
  EXPECT_FALSE(waiting.has_data());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old_limit), 0);
  const auto response = waiting.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
}

TEST_F(Server, DrainsWithoutCuttingARequest) {
  start({.threads = 2});
  raw_client idle = connect();
  EXPECT_EQ(idle.ask(get("/hello")).status, 200);
  raw_client busy = connect();
  busy.send(get("/parked"));
  http::responder respond = parked_.pop();
  std::thread drain([this] { EXPECT_TRUE(server_->drain(std::chrono::seconds(20))); });
  EXPECT_TRUE(idle.reads_end());
  std::move(respond).send(http::json_response(200, "\"in time\""));
  const auto response = busy.read();
  drain.join();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, "\"in time\"");
  EXPECT_EQ(response->header("Connection"), "close");
  EXPECT_TRUE(busy.reads_end());
  EXPECT_FALSE(connect().is_connected());
}

TEST_F(Server, CutsOffAtTheDeadlineAndTakesALateAnswer) {
  start();
  raw_client busy = connect();
  busy.send(get("/parked"));
  http::responder respond = parked_.pop();
  EXPECT_FALSE(server_->drain(milliseconds::min()));
  EXPECT_TRUE(busy.reads_end());
  server_.reset();
  std::move(respond).send(http::json_response(200, "{}"));  // to nobody
}

TEST_F(Server, DrainsTwiceAndUnstarted) {
  start();
  EXPECT_TRUE(server_->drain(milliseconds::max()));
  EXPECT_TRUE(server_->drain(std::chrono::seconds(20)));
  server unstarted(*service_);
  EXPECT_TRUE(unstarted.drain(milliseconds(0)));
  EXPECT_EQ(unstarted.port(), 0);
}

TEST_F(Server, SaysWhyItDoesNotStart) {
  start();
  const auto why = [this](server_options options) {
    server other(*service_, std::move(options));
    const auto started = other.start();
    return started ? std::string("started") : started.error().what;
  };
  EXPECT_EQ(why({.address = "localhost"}), "not an IP address: localhost");
  const std::string taken = why({.port = server_->port()});
  EXPECT_TRUE(taken.starts_with("cannot listen on 127.0.0.1:" + std::to_string(server_->port())))
      << taken;
  EXPECT_EQ(why({.threads = 0}), "threads must be 1 to 1024");
  EXPECT_EQ(why({.threads = 1025}), "threads must be 1 to 1024");
  EXPECT_EQ(why({.connections_max = 0}), "connections_max must be at least 1");
  EXPECT_EQ(why({.head_timeout = milliseconds(0)}), "a timeout must be 1 ms to 24 h");
  EXPECT_EQ(why({.idle_timeout = milliseconds::max()}), "a timeout must be 1 ms to 24 h");
  EXPECT_EQ(why({.write_timeout = std::chrono::hours(24)}), "started");
  EXPECT_EQ(why({.linger_timeout = milliseconds(1)}), "started");
  EXPECT_FALSE(server_->start().has_value());
}

TEST(ServerLimits, AreCheckedAtTheStart) {
  const auto starts = [](std::size_t head_bytes) {
    const http::service api(
        {}, [](const http::request_view&) -> http::authentication { return std::string("all"); },
        {.limits = {.head_bytes_max = head_bytes}});
    server made(api);
    return made.start().has_value();
  };
  EXPECT_FALSE(starts(255));
  EXPECT_TRUE(starts(256));
  EXPECT_TRUE(starts(std::size_t{1} << 24));
  EXPECT_FALSE(starts((std::size_t{1} << 24) + 1));
}

// For ThreadSanitizer: connections, answers from other threads and a drain, all at once.
TEST_F(Server, ServesManyClientsAtOnce) {
  start({.threads = 4});
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, i, &good] {
      for (int connection = 0; connection < 5; ++connection) {
        raw_client client = connect();
        for (int j = 0; j < 10; ++j) {
          const auto response =
              (i + j) % 3 == 0 ? client.roundtrip(get("/thread")) : client.roundtrip(get("/hello"));
          if (response && response->status == 200) ++good;
        }
      }
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace parley::beast
