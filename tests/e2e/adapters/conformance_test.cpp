// SPDX-License-Identifier: Apache-2.0
//
// What every adapter of http::service holds, over raw sockets: one small service with a guard over
// a store in memory, behind each adapter in turn. What a framework does not let its adapter do is
// an exception with a reason: the suite prints it and holds what must be true instead.

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "adapter.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "support/raw_client.hpp"

namespace parley::adapters {
namespace {

using testing_support::raw_client;
using testing_support::raw_response;

constexpr std::size_t body_bytes_max = 64 << 10;

// All exceptions that the suite has a case for.
constexpr std::string_view exception_names[] = {
    "kept_connection", "chunked_body",   "coded_body",   "multipart_body",
    "get_body",        "header_order",   "empty_header", "header_escapes",
    "skipped_line",    "lenient_line",   "fragment",     "long_path",
    "long_header",     "unknown_method", "endless_head", "half_closed"};

// Responders that a test answers when it likes.
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

std::string joined(const http::request_view& request, std::string_view name) {
  std::string all;
  for (const http::header_view& each : request.headers) {
    if (http::equal_ignoring_case(each.name, name)) all.append(each.value).push_back('|');
  }
  return all;
}

// What the adapter made of the request, in headers; the body comes back as it is.
http::response mirror(const http::request_view& request) {
  http::response made{.body = std::string(request.body)};
  std::string names;
  for (const http::header_view& each : request.headers) {
    if (each.name.starts_with("X-")) names.append(each.name).push_back('|');
  }
  made.headers = {{"Content-Type", "application/octet-stream"},
                  {"Seen-Method", std::string(request.method_name)},
                  {"Seen-Path", std::string(request.path)},
                  {"Seen-Query", std::string(request.query)},
                  {"Seen-Headers", names},
                  {"Seen-Text", joined(request, "X-Text")},
                  {"Seen-Peer", joined(request, "REMOTE_ADDR")}};
  return made;
}

class AdapterConformance : public testing::TestWithParam<adapter> {
 protected:
  AdapterConformance() {
    http::routes table;
    table.get("/hello",
              [](const http::request_view&) { return http::json_response(200, R"("hello")"); });
    const auto count_and_mirror = [this](const http::request_view& request) {
      ++runs_;
      return mirror(request);
    };
    table.get("/mirror", count_and_mirror);
    table.post("/mirror", count_and_mirror);
    table.put("/mirror", count_and_mirror);
    table.patch("/mirror", count_and_mirror);
    table.delete_("/mirror", count_and_mirror);
    table.get("/items/{id}", count_and_mirror);
    table.delete_("/empty",
                  [](const http::request_view&) -> http::response { return {.status = 204}; });
    table.get("/throws", [](const http::request_view&) -> http::response {
      throw std::runtime_error("a secret");
    });
    table.get("/split", [](const http::request_view&) -> http::response {
      return {.headers = {{"X-Made", "a\r\nX-Injected: b"}}, .body = "never"};
    });
    table.get("/later", [this](const http::request_view&, http::responder respond) {
      parked_.push(std::move(respond));
    });
    table.post("/calls",
               guard_.wrap(
                   [this](const http::request_view& request) {
                     const int run = ++runs_;
                     if (request.body == "throw") throw std::runtime_error("a secret");
                     http::response made =
                         http::json_response(202, R"({"call":)" + std::to_string(run) + "}");
                     made.headers.push_back({"Location", "/items/" + std::to_string(run)});
                     made.headers.push_back({"Set-Cookie", "a=b"});
                     return made;
                   },
                   http::abandoned::indeterminate, {.is_key_required = true}));
    table.post("/slow_calls", guard_.wrap(
                                  [this](const http::request_view&, http::responder respond) {
                                    ++runs_;
                                    parked_.push(std::move(respond));
                                  },
                                  http::abandoned::indeterminate));
    service_ = std::make_unique<http::service>(
        std::move(table),
        [](const http::request_view& request) -> http::authentication {
          const auto token = http::bearer_token(request);
          if (!token) return failure{token.error()};
          return std::string(*token);
        },
        http::service_options{.limits = {.body_bytes_max = body_bytes_max}});
    server_ = GetParam().start(*service_);
  }

  raw_client connect() const { return raw_client(server_->port()); }
  raw_response ask(std::string_view bytes) const { return connect().ask(bytes); }

  static std::string request(std::string_view line, std::string_view headers = "",
                             std::string_view body = "") {
    std::string made(line);
    made += " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n";
    if (!body.empty()) made += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return made.append(headers).append("\r\n").append(body);
  }
  static std::string hello() { return request("GET /hello"); }
  static std::string call(std::string_view key, std::string_view body,
                          std::string_view path = "/calls") {
    return request("POST " + std::string(path), "Idempotency-Key: " + std::string(key) + "\r\n",
                   body);
  }

  // Whether the adapter is excepted; then the test holds what is true instead, and says so.
  bool is_excepted(std::string_view name) const {
    EXPECT_NE(std::ranges::find(exception_names, name), std::end(exception_names)) << name;
    const auto& all = GetParam().exceptions;
    const auto found = std::ranges::find(all, name, &exception::name);
    if (found == all.end()) return false;
    std::cout << "excepted: " << GetParam().name << ": " << name << ": " << found->reason << '\n';
    return true;
  }

  static void expect_error(const raw_response& response, int status, std::string_view code) {
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.header("Content-Type"), "application/json");
    EXPECT_TRUE(response.header("X-Request-Id").has_value());
    const auto read = envelope::parse(response.body);
    ASSERT_TRUE(read.has_value()) << response.body;
    EXPECT_EQ(read->code_name(), code);
  }
  static std::string field(const raw_response& response, std::string_view name) {
    const auto read = envelope::parse(response.body);
    if (!read) return "no envelope";
    for (const envelope::field& each : read->fields()) {
      if (each.name == name) return each.explanation;
    }
    return "no such field";
  }

  // A refusal, and nothing behind it on the connection is looked at.
  void expect_refused(std::string_view bytes, std::vector<int> statuses) const {
    raw_client client = connect();
    client.send(bytes);
    const auto response = client.read();
    ASSERT_TRUE(response.has_value());
    EXPECT_NE(std::ranges::find(statuses, response->status), statuses.end()) << response->status;
    expect_error(*response, response->status, "validation_error");
    EXPECT_EQ(response->header("Connection"), "close");
    EXPECT_TRUE(client.reads_end());
  }
  // Read leniently, as one request: nothing behind it on the connection is looked at.
  void expect_one_answer(std::string_view bytes) const {
    raw_client client = connect();
    client.send(bytes);
    const auto response = client.read();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(client.reads_end());
  }

  std::atomic<int> runs_ = 0;
  parked parked_;
  const std::unique_ptr<idempotency::memory_store> records_ = *idempotency::make_memory_store();
  const std::unique_ptr<idempotency::timer> timer_ = *idempotency::make_thread_timer();
  const std::unique_ptr<idempotency::engine> engine_ =
      *idempotency::make_engine(*records_, *timer_);
  const http::guard guard_{*engine_, *idempotency::digester::random()};
  std::unique_ptr<http::service> service_;
  std::unique_ptr<running_server> server_;
};

// Requests.

TEST_P(AdapterConformance, GivesTheRequestAsItWasReceived) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (const std::string method : {"POST", "PUT", "PATCH", "DELETE"}) {
    SCOPED_TRACE(method);
    const raw_response seen = ask(request(method + " /mirror?a=%20b&c=+&a", "", bytes));
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.header("Seen-Method"), method);
    EXPECT_EQ(seen.header("Seen-Path"), "/mirror");
    EXPECT_EQ(seen.header("Seen-Query"), "a=%20b&c=+&a");
    EXPECT_EQ(seen.body, bytes);
  }
  EXPECT_EQ(ask(request("GET /items/a%2Fb%0Ac")).header("Seen-Path"), "/items/a%2Fb%0Ac");
  EXPECT_EQ(ask(request("GET http://a/items/b?c")).header("Seen-Path"), "/items/b");
  EXPECT_EQ(ask(request("GET /items/" + std::string(2'000, 'a'))).status, 200);
}

TEST_P(AdapterConformance, GivesALongPath) {
  const std::string large = request("GET /items/" + std::string(4'000, 'a'));
  const std::string larger = request("GET /items/" + std::string(10'000, 'a'));
  if (is_excepted("long_path")) {
    expect_refused(large, {431});
    expect_refused(larger, {414});
  } else {
    EXPECT_EQ(ask(large).status, 200);
    EXPECT_EQ(ask(larger).status, 200);
  }
}

TEST_P(AdapterConformance, GivesAllHeadersOfOneName) {
  const raw_response seen = ask(request(
      "GET /mirror", "X-Text: 1\r\nx-text:2\r\nY: 3\r\nX-Text: \t 3, 4 \t\r\nX-TEXT: 5\r\n"));
  EXPECT_EQ(seen.header("Seen-Text"), "1|2|3, 4|5|");
}

// The framework adds nothing that a client could be taken to have sent.
TEST_P(AdapterConformance, GivesNoOtherHeaders) {
  EXPECT_EQ(ask(request("GET /mirror")).header("Seen-Peer"), "");
}

TEST_P(AdapterConformance, GivesHeadersInOrder) {
  const raw_response seen = ask(request("GET /mirror", "X-B: 1\r\nX-C: 2\r\nX-A: 3\r\n"));
  EXPECT_EQ(seen.header("Seen-Headers"),
            is_excepted("header_order") ? "X-A|X-B|X-C|" : "X-B|X-C|X-A|");
}

TEST_P(AdapterConformance, GivesValuesOfHeadersAsTheyAre) {
  const bool is_decoded = is_excepted("header_escapes");
  const raw_response seen = ask(request("GET /mirror", "X-Text: 100%25 a+b%20c\r\n"));
  EXPECT_EQ(seen.header("Seen-Text"), is_decoded ? "100% a+b c|" : "100%25 a+b%20c|");
  if (is_decoded) {
    expect_refused(request("GET /mirror", "X-Text: a%0D%0AX-Made: b\r\n"), {400});
  }
}

TEST_P(AdapterConformance, GivesEmptyHeaders) {
  const raw_response seen = ask(request("GET /mirror", "X-Text:\r\nX-Text: \r\n"));
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.header("Seen-Text"), is_excepted("empty_header") ? "" : "||");
}

TEST_P(AdapterConformance, ReadsARequestWithoutABody) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    SCOPED_TRACE(method);
    const raw_response seen = ask(request(std::string(method) + " /mirror"));
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.body, "");
  }
}

TEST_P(AdapterConformance, ReadsAChunkedBody) {
  const std::string chunked = request("POST /mirror", "Transfer-Encoding: chunked\r\n") +
                              "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n";
  if (is_excepted("chunked_body")) return expect_refused(chunked, {411});
  EXPECT_EQ(ask(chunked).body, "hello world");
}

TEST_P(AdapterConformance, LeavesACodedBodyAsItIs) {
  const std::string coded = request("POST /mirror", "Content-Encoding: gzip\r\n", "\x1f\x8b??");
  if (is_excepted("coded_body")) return expect_refused(coded, {415});
  EXPECT_EQ(ask(coded).body, "\x1f\x8b??");
}

TEST_P(AdapterConformance, LeavesAMultipartBodyAsItIs) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n--b--\r\n";
  const std::string parts =
      request("POST /mirror", "Content-Type: multipart/form-data; boundary=b\r\n", body);
  if (is_excepted("multipart_body")) return expect_refused(parts, {415});
  EXPECT_EQ(ask(parts).body, body);
}

TEST_P(AdapterConformance, LeavesAFormAsItIs) {
  const std::string type = "Content-Type: application/x-www-form-urlencoded\r\n";
  const std::string form = "a=b&c=" + std::string(10'000, 'd');
  EXPECT_EQ(ask(request("POST /mirror", type, form)).body, form);
}

TEST_P(AdapterConformance, NeverTakesTheBodyOfAGetForARequest) {
  const std::string with_body = request("GET /mirror", "", hello());
  if (is_excepted("get_body")) return expect_refused(with_body, {400});
  raw_client client = connect();
  EXPECT_EQ(client.ask(with_body).body, hello());
  EXPECT_FALSE(client.has_data());
}

TEST_P(AdapterConformance, NeverTakesTheBodyOfAHeadForARequest) {
  raw_client client = connect();
  client.send(request("HEAD /hello", "Connection: close\r\n", hello()));
  EXPECT_TRUE(client.read(true).has_value());
  EXPECT_TRUE(client.reads_end());
}

TEST_P(AdapterConformance, IgnoresARange) {
  const raw_response whole = ask(request("POST /mirror", "Range: bytes=1-2\r\n", "hello"));
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, "hello");
}

// Limits.

TEST_P(AdapterConformance, BoundsTheBodyOnBothSides) {
  const std::string most(body_bytes_max, 'x');
  EXPECT_EQ(ask(request("POST /mirror", "", most)).body, most);
  EXPECT_EQ(runs_, 1);
  expect_refused(request("POST /mirror", "", most + "x"), {413});
  // Known by its length: nobody waits for the rest.
  expect_refused(request("POST /mirror", "Content-Length: 1000000000\r\n") + "x", {413});
  EXPECT_EQ(runs_, 1);
}

TEST_P(AdapterConformance, SaysContinueOrRefusesBefore) {
  const auto waiting = [](std::size_t size) {
    return request("POST /mirror",
                   "Expect: 100-continue\r\nContent-Length: " + std::to_string(size) + "\r\n");
  };
  raw_client client = connect();
  EXPECT_EQ(client.ask(waiting(5)).status, 100);
  EXPECT_EQ(client.ask("hello").body, "hello");
  expect_refused(waiting(body_bytes_max + 1), {413});
  expect_refused(request("POST /mirror", "Expect: miracles\r\n", "x"), {417});
  const std::string two = "Expect: 100-continue\r\nExpect: miracles\r\n";
  expect_refused(request("POST /mirror", two, "x"), {400, 417});
}

TEST_P(AdapterConformance, BoundsTheHead) {
  const std::string headers = [] {
    std::string made;
    for (int i = 0; i < 110; ++i) made += "X-" + std::to_string(i) + ": y\r\n";
    return made;
  }();
  expect_refused(request("GET /hello", headers), {431});
  std::string large;
  for (int i = 0; i < 10; ++i) large += "X: " + std::string(2'000, 'x') + "\r\n";
  expect_refused(request("GET /hello", large), {431});
  const std::string long_one = "X: " + std::string(20'000, 'x') + "\r\n";
  expect_refused(request("GET /hello", long_one), {is_excepted("long_header") ? 400 : 431});
}

TEST_P(AdapterConformance, BoundsAnEndlessHead) {
  raw_client client = connect();
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n");
  const std::string line = "X: " + std::string(1'000, 'x') + "\r\n";
  for (int i = 0; i < 1'000 && client.send(line); ++i) {
  }
  if (is_excepted("endless_head")) client.send("\r\n");
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 431);
}

// Bytes that two readers may read in two ways.

TEST_P(AdapterConformance, RefusesWhatIsMalformed) {
  using namespace std::string_literals;
  for (const std::string& each :
       {"GET /hello\r\n\r\n"s, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n"s,
        "GET /hello HTTP/1.1\r\n\r\n"s, "GET /hello x HTTP/1.1\r\nHost: a\r\n\r\n"s,
        "GET hello HTTP/1.1\r\nHost: a\r\n\r\n"s, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"s,
        "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n"s, "GET /he\x01llo HTTP/1.1\r\nHost: a\r\n\r\n"s,
        "GET /hello HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n"s,
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, "\x16\x03\x01\r\n\r\n"s}) {
    SCOPED_TRACE(each);
    expect_refused(each, {400});
  }
}

struct shape {
  const char* headers;
  const char* exception = nullptr;  // of an adapter that reads it as one request
};

// RFC 9112, 11.2: each is followed by a whole request that must not be answered.
TEST_P(AdapterConformance, NeverAnswersASmuggledRequest) {
  const shape shapes[] = {
      {"Transfer-Encoding: xchunked\r\n"},
      {"Transfer-Encoding: gzip, chunked\r\n"},
      {"Transfer-Encoding: chunked, identity\r\n"},
      {"Transfer-Encoding: identity\r\n"},
      {"Transfer-Encoding: \x0b"
       "chunked\r\n"},
      {"Transfer-Encoding : chunked\r\n"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"},
      {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"},
      {"Content-Length: 4\r\nContent-Length: 5\r\n"},
      {"Content-Length: 4\r\nContent-Length: 4\r\n"},
      {"Content-Length: 4, 4\r\n"},
      {"Content-Length: +4\r\n"},
      {"Content-Length: -4\r\n"},
      {"Content-Length: 4 4\r\n"},
      {"Content-Length: 0x4\r\n"},
      {"Content-Length: %34\r\n", "header_escapes"},
      {"Content-Length:\r\n", "empty_header"},
      {"Transfer-Encoding:\r\n", "empty_header"},
      {"X: a\r\n Content-Length: 4\r\n"},
      {"X: a\nContent-Length: 4\r\n", "skipped_line"},
      {"X: a\rContent-Length: 4\r\n"},
      {"Content-Length\r\n", "skipped_line"},
      {"Host: b\r\nContent-Length: 4\r\n"},
  };
  int lenient = 0;
  for (const shape& each : shapes) {
    SCOPED_TRACE(each.headers);
    const std::string bytes = request("POST /mirror", each.headers) + "0\r\n\r\n" + hello();
    if (each.exception != nullptr && is_excepted(each.exception)) {
      expect_one_answer(bytes);
      ++lenient;
    } else {
      expect_refused(bytes, {400});
    }
  }
  EXPECT_EQ(runs_, lenient);
}

TEST_P(AdapterConformance, NeverAnswersARequestHiddenInChunks) {
  for (const char* each :
       {"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n", "5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n"}) {
    SCOPED_TRACE(each);
    const std::string bytes =
        request("POST /mirror", "Transfer-Encoding: chunked\r\n") + each + hello();
    expect_refused(bytes, {400, 411, 413});
  }
  EXPECT_EQ(runs_, 0);
}

TEST_P(AdapterConformance, RefusesAnUnclearRequestLine) {
  const std::string blanks = request("GET  /mirror");
  const std::string fragment = request("GET /mirror#/hello");
  if (is_excepted("lenient_line")) {
    expect_one_answer(blanks + hello());
  } else {
    expect_refused(blanks + hello(), {400});
  }
  if (is_excepted("fragment")) {
    expect_one_answer(fragment + hello());
  } else {
    expect_refused(fragment + hello(), {400});
  }
}

TEST_P(AdapterConformance, RunsNoHalfRequest) {
  raw_client cut = connect();
  cut.send(request("POST /mirror", "Content-Length: 10\r\n") + "half");
  cut.finish_sending();
  EXPECT_NE(cut.read().value_or(raw_response{}).status, 200);
  raw_client reset = connect();
  reset.send(request("POST /mirror", "Content-Length: 10\r\n") + "half");
  reset.reset();
  EXPECT_EQ(ask(hello()).status, 200);
  server_->drain();
  EXPECT_EQ(runs_, 0);
}

// Who asks, and what for.

TEST_P(AdapterConformance, AsksWhoItIs) {
  const raw_response nobody = ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_error(nobody, 401, "unauthorized");
  EXPECT_EQ(nobody.header("WWW-Authenticate"), "Bearer");
  const raw_response two = ask(request("POST /mirror", "authorization: Bearer u\r\n", "x"));
  expect_error(two, 400, "validation_error");
  EXPECT_EQ(field(two, "Authorization"), "Sent more than once");
  EXPECT_EQ(runs_, 0);
}

TEST_P(AdapterConformance, SaysWhatIsNotThere) {
  expect_error(ask(request("GET /nothing")), 404, "not_found");
  expect_error(ask(request("POST /nothing", "", "x")), 404, "not_found");
  const raw_response method = ask(request("POST /items/1", "", "x"));
  expect_error(method, 405, "validation_error");
  EXPECT_EQ(method.header("Allow"), "GET, HEAD");
  const raw_response trace = ask(request("TRACE /hello"));
  expect_error(trace, 405, "validation_error");
  EXPECT_EQ(trace.header("Allow"), "GET, HEAD");
  const raw_response unknown = ask(request("BREW /hello"));
  expect_error(unknown, is_excepted("unknown_method") ? 400 : 405, "validation_error");
}

TEST_P(AdapterConformance, AnswersHeadAsGetWithoutTheBody) {
  raw_client client = connect();
  client.send(request("HEAD /hello", "Connection: close\r\n"));
  const auto response = client.read(true);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("Content-Length"), "7");
  EXPECT_EQ(response->header("Content-Type"), "application/json");
  EXPECT_TRUE(client.reads_end());
}

// Responses.

TEST_P(AdapterConformance, SendsTheResponseAsItIs) {
  const raw_response response = ask(hello());
  EXPECT_EQ(response.body, R"("hello")");
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  EXPECT_EQ(response.header("Content-Length"), "7");
  ASSERT_TRUE(response.header("Date").has_value());
  EXPECT_EQ(response.header("Date")->size(),
            std::string_view("Sun, 06 Nov 1994 08:49:37 GMT").size());
  const raw_response empty = ask(request("DELETE /empty"));
  EXPECT_EQ(empty.status, 204);
  EXPECT_EQ(empty.header("Content-Length"), std::nullopt);
}

TEST_P(AdapterConformance, GivesEachResponseAnIdOfItsOwn) {
  std::vector<std::string> ids;
  for (const std::string& each :
       {hello(), hello(), request("GET /nothing"), std::string("GET /\r\n\r\n")}) {
    const auto id = ask(each).header("X-Request-Id");
    ASSERT_TRUE(id.has_value()) << each;
    EXPECT_EQ(std::ranges::find(ids, *id), ids.end());
    ids.push_back(*id);
  }
}

TEST_P(AdapterConformance, SurvivesAHandlerThatThrows) {
  const raw_response response = ask(request("GET /throws"));
  expect_error(response, 500, "internal_error");
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  for (const auto& [name, value] : response.headers) {
    EXPECT_EQ(value.find("secret"), std::string::npos) << name;
  }
  EXPECT_EQ(ask(hello()).status, 200);
}

TEST_P(AdapterConformance, SendsNoHeaderThatMakesAnother) {
  const raw_response response = ask(request("GET /split"));
  expect_error(response, 500, "internal_error");
  EXPECT_EQ(response.header("X-Made"), std::nullopt);
  EXPECT_EQ(response.header("X-Injected"), std::nullopt);
}

TEST_P(AdapterConformance, AnswersFromAnotherThread) {
  raw_client client = connect();
  client.send(request("GET /later"));
  std::thread([respond = parked_.pop()]() mutable {
    std::move(respond).send(http::json_response(200, R"("from afar")"));
  }).join();
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, R"("from afar")");
}

TEST_P(AdapterConformance, AnswersASecondRequestOnTheConnection) {
  raw_client client = connect();
  const raw_response first = client.ask(request("POST /mirror", "", "first"));
  EXPECT_EQ(first.body, "first");
  if (is_excepted("kept_connection")) {
    EXPECT_EQ(first.header("Connection"), "close");
    EXPECT_TRUE(client.reads_end());
    return;
  }
  EXPECT_EQ(first.header("Connection"), std::nullopt);
  EXPECT_EQ(client.ask(request("POST /mirror", "", "second")).body, "second");
  expect_error(client.ask(request("GET /nothing")), 404, "not_found");
  EXPECT_EQ(client.ask(request("GET /hello", "Connection: close\r\n")).status, 200);
  EXPECT_TRUE(client.reads_end());
}

// Requests with a key.

TEST_P(AdapterConformance, RunsAKeyedRequestOnceAndReplaysIt) {
  const raw_response first = ask(call("k-1", "order"));
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(first.header("Set-Cookie"), "a=b");
  const raw_response again = ask(call("k-1", "order"));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(again.status, first.status);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Content-Type"), first.header("Content-Type"));
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(again.header("Set-Cookie"), std::nullopt);
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(again.header("Original-Request-Id"), first.header("X-Request-Id"));
  EXPECT_NE(again.header("X-Request-Id"), first.header("X-Request-Id"));
  EXPECT_EQ(ask(call("k-2", "order")).body, R"({"call":2})");
}

TEST_P(AdapterConformance, NamesTheOriginalOfAConflict) {
  const raw_response first = ask(call("k-1", "order"));
  const raw_response other = ask(call("k-1", "another"));
  expect_error(other, 409, "idempotency_conflict");
  EXPECT_EQ(field(other, "conflicts_with"), first.header("X-Request-Id"));
  EXPECT_EQ(other.header("Idempotency-Replay"), std::nullopt);
  EXPECT_EQ(runs_, 1);
}

TEST_P(AdapterConformance, RefusesWhatIsNotOneKey) {
  for (const char* each : {"Idempotency-Key: a\r\nidempotency-key: a\r\n",
                           "Idempotency-Key: a, b\r\n", "Idempotency-Key:\r\n", "X: no key\r\n"}) {
    SCOPED_TRACE(each);
    const raw_response response = ask(request("POST /calls", each, "order"));
    expect_error(response, 400, "validation_error");
    EXPECT_NE(field(response, "Idempotency-Key"), "no such field");
  }
  EXPECT_EQ(runs_, 0);
}

TEST_P(AdapterConformance, FreesTheKeyOfAHandlerThatThrew) {
  expect_error(ask(call("k-1", "throw")), 500, "internal_error");
  EXPECT_EQ(ask(call("k-1", "order")).body, R"({"call":2})");
}

TEST_P(AdapterConformance, RunsConcurrentRequestsOfOneKeyOnce) {
  std::array<raw_response, 5> responses;
  std::vector<std::thread> clients;
  for (raw_response& each : responses) {
    clients.emplace_back([this, &each] { each = ask(call("k-1", "order", "/slow_calls")); });
  }
  std::move(parked_.pop()).send(http::json_response(202, R"({"call":1})"));
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(runs_, 1);
  int replays = 0;
  for (const raw_response& each : responses) {
    EXPECT_EQ(each.status, 202);
    EXPECT_EQ(each.body, R"({"call":1})");
    if (each.header("Idempotency-Replay") == "true") ++replays;
  }
  EXPECT_EQ(replays, 4);
}

TEST_P(AdapterConformance, KeepsTheOutcomeForAClientThatWentAway) {
  raw_client client = connect();
  client.send(call("k-1", "order", "/slow_calls"));
  http::responder respond = parked_.pop();
  client.reset();
  std::move(respond).send(http::json_response(202, R"({"call":1})"));
  const raw_response again = ask(call("k-1", "order", "/slow_calls"));
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, R"({"call":1})");
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(runs_, 1);
}

TEST_P(AdapterConformance, AnswersAClientThatHasFinishedSending) {
  raw_client client = connect();
  client.send(call("k-1", "order", "/slow_calls"));
  http::responder respond = parked_.pop();
  client.finish_sending();
  std::move(respond).send(http::json_response(202, R"({"call":1})"));
  if (is_excepted("half_closed")) {
    EXPECT_TRUE(client.reads_end());
  } else {
    const auto response = client.read();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->body, R"({"call":1})");
  }
  const raw_response again = ask(call("k-1", "order", "/slow_calls"));
  EXPECT_EQ(again.body, R"({"call":1})");
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
}

// The end.

TEST_P(AdapterConformance, AnswersWhatIsUnderWayBeforeItStops) {
  raw_client busy = connect();
  busy.send(call("k-1", "order", "/slow_calls"));
  http::responder respond = parked_.pop();
  const std::uint16_t port = server_->port();
  std::thread drain([this] { server_->drain(); });
  while (raw_client(port).is_connected()) std::this_thread::yield();
  std::move(respond).send(http::json_response(202, R"({"call":1})"));
  const auto response = busy.read();
  drain.join();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, R"({"call":1})");
  EXPECT_EQ(response->header("Connection"), "close");
  EXPECT_TRUE(busy.reads_end());
}

// Counted, known to the suite, and told in the guide.
TEST_P(AdapterConformance, ListsItsExceptions) {
  std::ifstream file(PARLEY_GUIDE_PAGE);
  const std::string guide(std::istreambuf_iterator<char>(file), {});
  for (const exception& each : GetParam().exceptions) {
    EXPECT_TRUE(is_excepted(each.name));
    EXPECT_NE(guide.find("`" + std::string(each.name) + "`"), std::string::npos) << each.name;
  }
  const std::size_t count = GetParam().exceptions.size();
  std::cout << GetParam().name << ": " << count << " exceptions\n";
  EXPECT_TRUE(count == 0 || GetParam().name != "Beast");
}

std::vector<adapter> adapters() {
  return {
      beast_adapter(),
#ifdef PARLEY_TEST_HTTPLIB
      httplib_adapter(),
#endif
  };
}

INSTANTIATE_TEST_SUITE_P(, AdapterConformance, testing::ValuesIn(adapters()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::adapters
