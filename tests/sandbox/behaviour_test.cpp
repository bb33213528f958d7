// SPDX-License-Identifier: Apache-2.0
//
// What can happen to a connection, by magic destination, by header and by rule, as a client on a
// real socket sees it.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;
using testing_support::raw_client;
using testing_support::raw_response;

class Behaviour : public SandboxTest {
 protected:
  explicit Behaviour(options chosen = {.latency = 5ms}) : SandboxTest(std::move(chosen)) {}

  static std::string dial_text(std::string_view destination, std::string_view headers = "") {
    const std::string body =
        R"({"from_number":"+14155551234","to_number":")" + std::string(destination) + "\"}";
    return "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
           "Content-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" + body;
  }
  std::optional<raw_client::rest> rest_of(std::string_view request) {
    raw_client client = connect();
    client.send(request);
    return client.read_rest();
  }
  // The newest line of the journal. A connection that has ended was journaled before.
  boost::json::object journaled() {
    return json_of(get("/sandbox/requests")).at("data").as_array().at(0).as_object();
  }
  void wait_until_journaled(std::string_view fault) {
    while (json_of(get("/sandbox/requests")).at("data").as_array().empty() ||
           journaled()["fault"] != json_text(fault)) {
    }
  }
};

TEST_F(Behaviour, LatencyIsASuccessAllTheSame) {
  const auto late = dial("+12025550140");
  EXPECT_EQ(late.status, 202);
  EXPECT_EQ(late.header("X-Sandbox-Fault"), "latency; delay_ms=5");
  EXPECT_EQ(api().calls_placed(), 1u);
  EXPECT_EQ(journaled()["fault"], "latency");
}

TEST_F(Behaviour, HangPlacesNothingAndHoldsNothingUp) {
  raw_client client = connect();
  client.send(dial_text("+12025550141", "Idempotency-Key: k\r\n"));
  wait_until_journaled("hang");
  EXPECT_EQ(journaled()["status"], 0);
  EXPECT_FALSE(client.has_data());
  // The key is free: who gives up and tries again hangs again, and is no conflict.
  raw_client again = connect();
  again.send(dial_text("+14155556789", "Idempotency-Key: k\r\n"));
  EXPECT_EQ(again.read().value_or(raw_response{}).status, 202);
  EXPECT_EQ(api().calls_placed(), 1u);
  client.finish_sending();
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Behaviour, ADrainDoesNotWaitForWhatHangs) {
  raw_client client = connect();
  client.send(dial_text("+12025550141"));
  wait_until_journaled("hang");
  EXPECT_TRUE(api().drain(24h));
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Behaviour, ResetPlacesNothing) {
  const auto rest = rest_of(dial_text("+12025550142"));
  ASSERT_TRUE(rest.has_value());
  EXPECT_TRUE(rest->was_reset);
  EXPECT_EQ(rest->bytes, "");
  EXPECT_EQ(api().calls_placed(), 0u);
  EXPECT_EQ(journaled()["status"], 0);
  EXPECT_EQ(journaled()["fault"], "reset");
}

TEST_F(Behaviour, TruncatedEndsInTheMiddleOfTheBody) {
  const std::string request = dial_text("+12025550143", "Idempotency-Key: k\r\n");
  const auto rest = rest_of(request);
  ASSERT_TRUE(rest.has_value());
  EXPECT_FALSE(rest->was_reset);
  EXPECT_TRUE(rest->bytes.starts_with("HTTP/1.1 202 "));
  const auto whole = connect().ask(request);
  EXPECT_EQ(whole.header("Idempotency-Replay"), "true");
  EXPECT_NE(rest->bytes.find("Content-Length: " + std::to_string(whole.body.size()) + "\r\n"),
            std::string::npos);
  EXPECT_TRUE(rest->bytes.ends_with("\r\n\r\n" + whole.body.substr(0, whole.body.size() / 2)));
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(Behaviour, Html502IsNoEnvelope) {
  const auto response = dial("+12025550144");
  EXPECT_EQ(response.status, 502);
  EXPECT_EQ(response.header("Content-Type"), "text/html");
  EXPECT_TRUE(response.body.starts_with("<html>"));
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(Behaviour, RetryAfterSaysWhen) {
  const auto response = dial("+12025550145");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.header("Retry-After"), "1");
  EXPECT_EQ(code_of(response), "rate_limited");
  EXPECT_EQ(response.body.find("category"), std::string::npos);
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(Behaviour, FailTwiceCountsByKeyOrByNumber) {
  const auto status = [this](std::string_view headers = "") {
    return dial("+12025550146", headers).status;
  };
  const std::string key = "Idempotency-Key: k\r\n";
  EXPECT_EQ(status(), 500);
  EXPECT_EQ(status(key), 500);
  EXPECT_EQ(status("Idempotency-Key: other\r\n"), 500);
  EXPECT_EQ(status("Authorization: Bearer test_valid_2\r\n"), 500);
  EXPECT_EQ(status("Idempotency-Key: \"k\"\r\n"), 500) << "quoted and bare are one";
  EXPECT_EQ(status(), 500);
  EXPECT_EQ(api().calls_placed(), 0u);
  EXPECT_EQ(status(key), 202);
  EXPECT_EQ(status(), 202);
  EXPECT_EQ(api().calls_placed(), 2u);
  EXPECT_EQ(dial("+12025550146", key).header("Idempotency-Replay"), "true");
  EXPECT_EQ(status(), 500) << "the next call begins anew";
}

TEST_F(Behaviour, FailTwiceIsRetryable) {
  const auto failed = dial("+12025550146");
  EXPECT_EQ(code_of(failed), "internal_error");
  EXPECT_NE(failed.body.find(R"("category":"provider_error")"), std::string::npos);
}

TEST_F(Behaviour, ALostResponseIsReplayed) {
  const std::string request = dial_text("+12025550147", "Idempotency-Key: k\r\n");
  const auto rest = rest_of(request);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->bytes, "");
  EXPECT_FALSE(rest->was_reset);
  EXPECT_EQ(api().calls_placed(), 1u);
  EXPECT_EQ(journaled()["status"], 202) << "what the client did not see";
  for (int i = 0; i < 2; ++i) {
    const auto again = connect().ask(request);
    EXPECT_EQ(again.status, 202);
    EXPECT_EQ(again.header("Idempotency-Replay"), "true");
    EXPECT_EQ(again.header("X-Sandbox-Fault"), std::nullopt);
  }
  EXPECT_EQ(api().calls_placed(), 1u);
  // Without a key nothing can help.
  rest_of(dial_text("+12025550147"));
  rest_of(dial_text("+12025550147"));
  EXPECT_EQ(api().calls_placed(), 3u);
}

TEST_F(Behaviour, AnUnknownCodeKeepsItsCategory) {
  const auto response = dial("+12025550148");
  EXPECT_EQ(response.status, 422);
  const auto error = envelope::parse(response.body);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), errors::code::unknown);
  EXPECT_EQ(error->code_name(), "sandbox_unknown_code");
  EXPECT_EQ(error->category(), errors::category::invalid_request);
}

TEST_F(Behaviour, AnUnknownCategoryKeepsItsCode) {
  const auto response = dial("+12025550149");
  EXPECT_EQ(response.status, 422);
  const auto error = envelope::parse(response.body);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), errors::code::caller_id_not_verified);
  EXPECT_EQ(error->category_name(), "sandbox_unknown_category");
}

// X-Sandbox-Force does on every route what a destination does.
TEST_F(Behaviour, IsForcedOnEveryRoute) {
  const std::string path = "/v1/calls/" + place();
  const auto force = [](std::string_view name) {
    return "X-Sandbox-Force: " + std::string(name) + "\r\n";
  };
  for (const char* method : {"GET", "PATCH", "DELETE"}) {
    SCOPED_TRACE(method);
    EXPECT_EQ(send(method, path, force("html_502")).status, 502);
    EXPECT_EQ(send(method, path, force("retry_after")).header("Retry-After"), "1");
    EXPECT_EQ(send(method, path, force("unknown_code")).status, 422);
    EXPECT_EQ(send(method, path, force("unknown_category")).status, 422);
    const std::string request =
        std::string(method) + " " + path +
        " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n";
    const auto reset = rest_of(request + force("reset") + "\r\n");
    EXPECT_TRUE(reset && reset->was_reset);
    const auto lost = rest_of(request + force("response_lost") + "\r\n");
    EXPECT_TRUE(lost && !lost->was_reset && lost->bytes.empty());
    const auto cut = rest_of(request + force("truncated") + "\r\n");
    EXPECT_TRUE(cut && cut->bytes.starts_with("HTTP/1.1 "));
    raw_client hangs = connect();
    hangs.send(request + force("hang") + "\r\n");
    wait_until_journaled("hang");
    EXPECT_FALSE(hangs.has_data());
  }
  EXPECT_EQ(get("/v1/calls", force("latency")).status, 200);
  EXPECT_EQ(data_of(get(path)).at("status"), "canceled") << "a lost response, and yet it was done";
  EXPECT_EQ(dial("+14155556789", force("html_502")).status, 502);
}

TEST_F(Behaviour, FailTwiceIsForcedForTheSameRequest) {
  const std::string path = "/v1/calls/" + place();
  const std::string force = "X-Sandbox-Force: fail_twice\r\n";
  const auto patch = [&](std::string_view body, std::string_view more = "") {
    return send("PATCH", path, force + std::string(more), body).status;
  };
  EXPECT_EQ(get(path, force).status, 500);
  EXPECT_EQ(get("/v1/calls", force).status, 500);
  EXPECT_EQ(get(path, force).status, 500);
  EXPECT_EQ(get(path, force).status, 200);
  EXPECT_EQ(get("/v1/calls", force).status, 500);
  EXPECT_EQ(patch(R"({"metadata":{}})"), 500);
  EXPECT_EQ(patch(R"({"metadata":{"a":"b"}})"), 500);
  EXPECT_EQ(patch(R"({"metadata":{}})", "Idempotency-Key: k\r\n"), 500);
  EXPECT_EQ(patch(R"({"metadata":{}})"), 500);
  EXPECT_EQ(patch(R"({"metadata":{}})"), 200);
  EXPECT_EQ(patch(R"({"metadata":{}})", "Idempotency-Key: k\r\n"), 500);
  EXPECT_EQ(patch(R"({"metadata":{}})", "Idempotency-Key: k\r\n"), 200);
  api().reset();
  EXPECT_EQ(get("/v1/calls", force).status, 500) << "counted anew";
  EXPECT_EQ(get("/v1/calls", force).status, 500);
}

// A client that sends all its tries with the header sees it once: the replay is whole.
TEST_F(Behaviour, AReplayIsNotForced) {
  const std::string headers = "Idempotency-Key: k\r\nX-Sandbox-Force: response_lost\r\n";
  EXPECT_EQ(rest_of(dial_text("+14155556789", headers))->bytes, "");
  EXPECT_EQ(connect().ask(dial_text("+14155556789", headers)).header("Idempotency-Replay"), "true");
}

TEST(BehaviourOfTheUser, IsAskedAboutWhatHasNoFault) {
  options chosen;
  chosen.server.deliver = [](const http::request_view&, const http::response& r) {
    return beast::delivery{.how = r.status == 404 ? beast::delivery::way::drop
                                                  : beast::delivery::way::whole};
  };
  auto api = start(std::move(chosen));
  ASSERT_TRUE(api.has_value());
  const auto ask = [&api](const std::string& path) {
    return raw_client(api->port())
        .ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .status;
  };
  EXPECT_EQ(ask("/nowhere"), 0);
  EXPECT_EQ(ask("/sandbox/magic"), 200);
}

TEST(BehaviourLatency, IsBounded) {
  EXPECT_FALSE(start({.latency = -1ms}).has_value());
  EXPECT_TRUE(start({.latency = 0ms}).has_value());
  EXPECT_TRUE(start({.latency = fault_delay_max}).has_value());
  EXPECT_FALSE(start({.latency = fault_delay_max + 1ms}).has_value());
}

}  // namespace
}  // namespace parley::sandbox
