// SPDX-License-Identifier: Apache-2.0
//
// Fault rules over the control routes and from a program, and what clients then see.

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox/faults.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;

class FaultRules : public SandboxTest {
 protected:
  explicit FaultRules(options chosen = {.latency = 5ms}) : SandboxTest(std::move(chosen)) {}

  raw_response add(std::string_view rule) { return send("POST", "/sandbox/faults", "", rule); }
  boost::json::array rules() { return json_of(get("/sandbox/faults")).at("data").as_array(); }
  std::set<std::string> wrong_fields(std::string_view rule) {
    const auto refused = add(rule);
    EXPECT_EQ(refused.status, 400) << rule;
    EXPECT_EQ(code_of(refused), "validation_error") << rule;
    std::set<std::string> names;
    const auto error = json_of(refused).at("error").as_object();
    for (const auto& each : error.at("fields").as_object()) names.insert(each.key());
    return names;
  }
};

TEST_F(FaultRules, AreAddedListedAndForgotten) {
  EXPECT_EQ(get("/sandbox/faults").body, R"({"data":[]})");
  const auto added =
      add(R"({"route":"POST /v1/calls/dial","fault":"dnc_suppressed","probability":0.5,)"
          R"("seed":18446744073709551615,"times":2,"delay_ms":1})");
  EXPECT_EQ(added.status, 201);
  const std::string rule =
      R"({"rule":1,"route":"POST /v1/calls/dial","fault":"dnc_suppressed","probability":5E-1,)"
      R"("seed":18446744073709551615,"times":2,"delay_ms":1,"seen":0,"hits":0})";
  EXPECT_EQ(added.body, R"({"data":)" + rule + "}");
  EXPECT_EQ(add(R"({"fault":"hang"})").body,
            R"({"data":{"rule":2,"route":"*","fault":"hang","probability":1,"seed":2,)"
            R"("seen":0,"hits":0}})");
  EXPECT_EQ(rules().size(), 2u);
  EXPECT_EQ(send("DELETE", "/sandbox/faults").status, 204);
  EXPECT_TRUE(rules().empty());
  EXPECT_EQ(dial("+14155556789").status, 202);
}

TEST_F(FaultRules, AreValidated) {
  using fields = std::set<std::string>;
  EXPECT_EQ(wrong_fields(""), (fields{"body"}));
  EXPECT_EQ(wrong_fields("[]"), (fields{"body"}));
  EXPECT_EQ(wrong_fields("{}"), (fields{"fault"}));
  EXPECT_EQ(wrong_fields(R"({"fault":null})"), (fields{"fault"}));
  EXPECT_EQ(wrong_fields(R"({"fault":"hang","probabilty":0.1})"), (fields{"body"}));
  EXPECT_EQ(wrong_fields(R"({"route":1,"fault":2,"probability":"x","seed":-1,"times":1.5,)"
                         R"("delay_ms":"5"})"),
            (fields{"route", "fault", "probability", "seed", "times", "delay_ms"}));
  EXPECT_EQ(wrong_fields(R"({"route":"GET /","fault":"x","probability":1.1,"times":0,)"
                         R"("delay_ms":600001})"),
            (fields{"route", "fault", "probability", "times", "delay_ms"}));
  EXPECT_EQ(wrong_fields(R"({"fault":"hang","delay_ms":18446744073709551615})"),
            (fields{"delay_ms"}));
  EXPECT_EQ(wrong_fields(R"({"route":"GET /v1/calls","fault":"busy"})"), (fields{"fault"}));
  EXPECT_TRUE(rules().empty());
  EXPECT_EQ(add(R"({"fault":"hang","probability":1,"times":1,"delay_ms":600000})").status, 201);
}

TEST_F(FaultRules, HaveABound) {
  for (std::size_t i = 0; i < fault_rules_max; ++i) {
    ASSERT_EQ(api().add_fault({.fault = "hang", .probability = 0}).value_or(0), i + 1);
  }
  EXPECT_EQ(wrong_fields(R"({"fault":"hang"})"), (std::set<std::string>{"rules"}));
  EXPECT_FALSE(api().add_fault({.fault = "hang"}).has_value());
  api().clear_faults();
  EXPECT_EQ(api().add_fault({.fault = "hang"}).value_or(0), 1u);
}

TEST_F(FaultRules, SayFromAProgramWhatIsWrong) {
  const auto refused = api().add_fault({.route = "nowhere", .fault = "hang"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().starts_with("route: Expected ")) << refused.error();
}

// The n-th request is hit or not, whatever happens beside it.
TEST_F(FaultRules, HitAsTheirSeedSays) {
  const double probability = 0.3;
  ASSERT_TRUE(api().add_fault(
      {.route = "GET /v1/calls", .fault = "not_found", .probability = probability, .seed = 7}));
  int count = 0;
  for (std::uint64_t n = 0; n < 50; ++n) {
    const bool is_hit = hits(probability, 7, n);
    count += is_hit ? 1 : 0;
    EXPECT_EQ(get("/v1/calls").status, is_hit ? 404 : 200) << n;
    EXPECT_EQ(dial("+14155556789").status, 202) << "another route";
  }
  EXPECT_EQ(rules()[0].at("seen"), 50);
  EXPECT_EQ(rules()[0].at("hits"), count);
}

TEST_F(FaultRules, HitSoManyTimesAtMost) {
  ASSERT_TRUE(api().add_fault({.fault = "provider_api_error", .times = 2}));
  for (const int status : {502, 502, 202, 202}) EXPECT_EQ(dial("+14155556789").status, status);
  EXPECT_EQ(rules()[0].at("seen"), 4);
  EXPECT_EQ(rules()[0].at("hits"), 2);
  EXPECT_EQ(api().calls_placed(), 2u);
}

TEST_F(FaultRules, StandInFrontOfTheHandler) {
  const std::string key = "Idempotency-Key: k\r\n";
  ASSERT_EQ(dial("+14155556789", key).status, 202);
  ASSERT_TRUE(api().add_fault({.fault = "html_502", .times = 1}));
  EXPECT_EQ(dial("+14155556789", key).status, 502) << "a replay too";
  EXPECT_EQ(dial("+14155556789", key).header("Idempotency-Replay"), "true");
  const auto journal = json_of(get("/sandbox/requests")).at("data").as_array();
  EXPECT_EQ(journal[1].at("handler_runs"), 0);
  EXPECT_EQ(journal[1].at("fault"), "html_502");
  // Not for who may not ask, and not for control routes.
  ASSERT_TRUE(api().add_fault({.fault = "html_502"}));
  EXPECT_EQ(get("/v1/calls", "Authorization: none\r\n").status, 401);
  EXPECT_EQ(get("/sandbox/magic").status, 200);
  EXPECT_EQ(get("/v1/calls").status, 502);
}

TEST_F(FaultRules, LoseReplaysToo) {
  const std::string key = "Idempotency-Key: k\r\n";
  ASSERT_EQ(dial("+14155556789", key).status, 202);
  ASSERT_TRUE(api().add_fault({.fault = "response_lost", .times = 1}));
  raw_client client = connect();
  client.send(
      "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 57\r\n\r\n"
      R"({"from_number":"+14155551234","to_number":"+14155556789"})");
  const auto rest = client.read_rest();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->bytes, "");
  EXPECT_EQ(dial("+14155556789", key).header("Idempotency-Replay"), "true");
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(FaultRules, DelayAnyFault) {
  ASSERT_TRUE(api().add_fault({.fault = "latency", .times = 1}));
  ASSERT_TRUE(api().add_fault({.fault = "latency", .times = 1, .delay = 0ms}));
  ASSERT_TRUE(api().add_fault({.fault = "latency", .times = 1, .delay = 3ms}));
  ASSERT_TRUE(api().add_fault({.fault = "not_found", .times = 1, .delay = 3ms}));
  ASSERT_TRUE(api().add_fault({.fault = "not_found"}));
  for (const char* fault : {"latency; delay_ms=5", "latency", "latency; delay_ms=3",
                            "not_found; delay_ms=3", "not_found"}) {
    EXPECT_EQ(get("/v1/calls").header("X-Sandbox-Fault"), fault);
  }
}

TEST_F(FaultRules, ChooseHowCallsEnd) {
  ASSERT_TRUE(api().add_fault({.fault = "busy", .times = 2}));
  const std::string key = "Idempotency-Key: k\r\n";
  const std::string first = data_of(dial("+14155556789", key)).at("call_id").as_string().c_str();
  dial("+14155556789", key);  // a replay places none
  const std::string no_answer = data_of(dial("+12025550117")).at("call_id").as_string().c_str();
  const std::string second = place();
  const std::string third = place();
  set_time(1s);
  const auto outcome = [this](const std::string& id) {
    return data_of(get("/v1/calls/" + id)).at("call_outcome");
  };
  EXPECT_EQ(outcome(first), "busy");
  EXPECT_EQ(outcome(no_answer), "no_answer") << "it was asked for";
  EXPECT_EQ(outcome(second), "busy");
  EXPECT_EQ(outcome(third), "completed");
  EXPECT_EQ(rules()[0].at("seen"), 3);
}

TEST_F(FaultRules, OfACodeTakeTheTierOfTheRoute) {
  ASSERT_TRUE(api().add_fault({.fault = "rate_limited", .times = 2}));
  ASSERT_TRUE(api().add_fault({.fault = "rate_limited; tier=http"}));
  EXPECT_NE(dial("+14155556789").body.find(R"("category":"account_limit")"), std::string::npos);
  EXPECT_EQ(get("/v1/calls").body.find("category"), std::string::npos);
  EXPECT_EQ(dial("+14155556789").body.find("category"), std::string::npos);
}

TEST_F(FaultRules, GoWithAReset) {
  ASSERT_TRUE(api().add_fault({.fault = "not_found"}));
  EXPECT_TRUE(api().reset());
  EXPECT_TRUE(rules().empty());
  EXPECT_EQ(get("/v1/calls").status, 200);
}

class BusyFaultRules : public FaultRules {
 protected:
  BusyFaultRules() : FaultRules({.server = {.threads = 4}, .latency = 1ms}) {}
};

// For ThreadSanitizer: rules are added, hit, listed and forgotten at once. However the requests
// come, just so many of them are hit.
TEST_F(BusyFaultRules, CountRight) {
  ASSERT_TRUE(api().add_fault({.route = "GET /v1/calls", .fault = "not_found", .times = 30}));
  ASSERT_TRUE(api().add_fault({.fault = "latency", .probability = 0.5}));
  std::atomic<int> found_none = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this, i, &found_none] {
      for (int j = 0; j < 20; ++j) {
        if (get("/v1/calls").status == 404) ++found_none;
        if (i == 0) rules();
        if (i == 1) get("/");
        if (i == 2) {
          EXPECT_TRUE(api().add_fault({.route = "POST /v1/calls", .fault = "hang"}));
        }
      }
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(found_none, 30);
  EXPECT_EQ(rules()[0].at("seen"), 80);
  EXPECT_EQ(rules()[1].at("seen"), 50);
}

}  // namespace
}  // namespace parley::sandbox
