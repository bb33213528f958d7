// SPDX-License-Identifier: Apache-2.0
//
// The emulated API over real sockets, good input and bad.

#include "parley/sandbox/sandbox.hpp"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

class Sandbox : public SandboxTest {};

TEST(SandboxStart, TakesThreeLines) {
  auto api = start();
  ASSERT_TRUE(api.has_value()) << api.error().what;
  EXPECT_EQ(api->url(), "http://127.0.0.1:" + std::to_string(api->port()));
  EXPECT_TRUE(testing_support::raw_client(api->port()).is_connected());
}

TEST(SandboxStart, RunsManyAtOnceAndMoves) {
  auto a = start();
  auto b = start();
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->port(), b->port());
  const std::uint16_t port = b->port();
  *a = std::move(*b);
  EXPECT_EQ(a->port(), port);
}

TEST(SandboxStart, TakesLimitsAndDrains) {
  auto api = start({.limits = {.head_bytes_max = 300}});
  ASSERT_TRUE(api.has_value());
  testing_support::raw_client client(api->port());
  const std::string request = "GET /sandbox/magic HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(client.ask(request + "\r\n").status, 200);
  EXPECT_EQ(client.ask(request + "X: " + std::string(300, 'x') + "\r\n\r\n").status, 431);
  EXPECT_TRUE(api->drain(std::chrono::seconds(20)));
  EXPECT_FALSE(testing_support::raw_client(api->port()).is_connected());
}

TEST(SandboxStart, SaysWhyNot) {
  auto a = start();
  ASSERT_TRUE(a.has_value());
  const auto again = start({.server = {.port = a->port()}});
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().what.find(std::to_string(a->port())), std::string::npos);
}

TEST(SandboxStart, WritesAnIpv6AddressInBrackets) {
  auto api = start({.server = {.address = "::1"}});
  if (!api) GTEST_SKIP() << "no IPv6 loopback here: " << api.error().what;
  EXPECT_EQ(api->url(), "http://[::1]:" + std::to_string(api->port()));
}

TEST_F(Sandbox, PlacesACallAndTellsHowItEnds) {
  const auto placed = dial("+14155556789");
  ASSERT_EQ(placed.status, 202);
  const std::string id = data_of(placed).at("call_id").as_string().c_str();
  EXPECT_TRUE(id.starts_with("call_")) << id;
  EXPECT_EQ(placed.body, R"({"data":{"call_id":")" + id + "\"}}");

  EXPECT_EQ(data_of(get("/v1/calls/" + id)).at("status"), "queued");
  set_time(answered_after);
  EXPECT_EQ(data_of(get("/v1/calls/" + id)).at("status"), "in_progress");
  set_time(ended_after);
  EXPECT_EQ(get("/v1/calls/" + id).body,
            R"({"data":{"id":")" + id +
                R"(","status":"completed","call_outcome":"completed",)"
                R"("disconnection_reason":"normal_clearing","from_number":"+14155551234",)"
                R"("to_number":"+14155556789","created_at":"2027-01-15T08:00:00.000000Z",)"
                R"("ended_at":"2027-01-15T08:00:00.150000Z","metadata":{}}})");
}

// An asynchronous outcome is visible within 200 ms.
TEST_F(Sandbox, GivesTheContractsCallResource) {
  const std::string id = data_of(dial("+12025550116")).at("call_id").as_string().c_str();
  set_time(std::chrono::milliseconds(200));
  const std::string body = get("/v1/calls/" + id).body;
  EXPECT_TRUE(body.starts_with(R"({"data":{"id":")" + id +
                               R"(","status":"busy","call_outcome":"busy","failure_code":"busy",)"
                               R"("failure_category":"unreachable",)"
                               R"("disconnection_reason":"user_busy")"))
      << body;
}

TEST_F(Sandbox, AnswersCallsAsDial) {
  const auto placed =
      send("POST", "/v1/calls", "", R"({"caller_id":"+14155551234","destination":"+14155556789"})");
  EXPECT_EQ(placed.status, 202);
  const auto refused =
      send("POST", "/v1/calls", "", R"({"caller_id":"+14155551234","destination":"+12025550106"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(code_of(refused), "dnc_suppressed");
}

TEST_F(Sandbox, SucceedsForAnyOtherNumber) {
  for (const char* destination : {"+12025550100", "+12025550134", "+12025550139", "+12025550150",
                                  "+12025550199", "+447400123456", "+80012345678"}) {
    EXPECT_EQ(dial(destination).status, 202) << destination;
  }
}

TEST_F(Sandbox, RefusesDestinationsThatCannotBeDialled) {
  for (const char* destination : {"+120255501011", "+12025550", "+15551234567", "+9991234567",
                                  "+4402079460958", "+1", "14155556789"}) {
    const auto refused = dial(destination);
    EXPECT_EQ(refused.status, 400) << destination;
    EXPECT_EQ(code_of(refused), "destination_invalid") << destination;
  }
  for (const char* destination : {"+1911", "+1933", "+44999", "+49112"}) {
    const auto refused = dial(destination);
    EXPECT_EQ(refused.status, 403) << destination;
    EXPECT_EQ(code_of(refused), "destination_blocked") << destination;
  }
}

TEST_F(Sandbox, CancelsACall) {
  const std::string id = place();
  const auto canceled = send("DELETE", "/v1/calls/" + id);
  EXPECT_EQ(canceled.status, 200);
  EXPECT_EQ(data_of(canceled).at("status"), "canceled");
  set_time(std::chrono::hours(1));
  const auto later = get("/v1/calls/" + id);
  EXPECT_EQ(later.status, 200);
  EXPECT_EQ(data_of(later).at("status"), "canceled");
  EXPECT_FALSE(data_of(later).contains("failure_code"));
  const std::string ended = place();
  set_time(std::chrono::hours(2));
  EXPECT_EQ(data_of(send("DELETE", "/v1/calls/" + ended)).at("status"), "completed");
}

TEST_F(Sandbox, PatchesMetadata) {
  const std::string path = "/v1/calls/" + place();
  const auto patched = send("PATCH", path, "", R"({"metadata":{"order":"17","a":"b"}})");
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(data_of(patched).at("metadata"), (boost::json::object{{"a", "b"}, {"order", "17"}}));
  send("PATCH", path, "", R"({"metadata":{"a":null}})");
  EXPECT_EQ(data_of(get(path)).at("metadata"), (boost::json::object{{"order", "17"}}));
  EXPECT_EQ(send("PATCH", path, "", R"({"metadata":{"a":1}})").status, 400);
  EXPECT_EQ(send("PATCH", "/v1/calls/call_0", "", R"({"metadata":{}})").status, 404);
}

TEST_F(Sandbox, KeepsKeysApart) {
  const std::string id = place();
  const std::string other = "Authorization: Bearer test_valid_2\r\n";
  EXPECT_EQ(get("/v1/calls/" + id, other).status, 404);
  EXPECT_EQ(send("DELETE", "/v1/calls/" + id, other).status, 404);
  EXPECT_EQ(json_of(get("/v1/calls", other)).at("meta").at("total_results"), 0);
  EXPECT_EQ(get("/v1/calls/" + id).status, 200);
}

struct key_case {
  const char* name;
  std::string header;
  int status;
  std::string code;
};
class SandboxKey : public SandboxTest, public testing::WithParamInterface<key_case> {};
TEST_P(SandboxKey, IsChecked) {
  const auto response = get("/v1/calls", GetParam().header);
  EXPECT_EQ(response.status, GetParam().status);
  if (response.status != 200) {
    EXPECT_EQ(code_of(response), GetParam().code);
    EXPECT_EQ(response.body.find("category"), std::string::npos);
    EXPECT_EQ(response.body.find("doc_url"), std::string::npos);
  }
}
INSTANTIATE_TEST_SUITE_P(
    , SandboxKey,
    testing::Values(
        key_case{"Valid", "Authorization: Bearer test_valid\r\n", 200, ""},
        key_case{"ValidWithName", "Authorization: Bearer test_valid_7\r\n", 200, ""},
        key_case{"Longest", "Authorization: Bearer test_valid_" + std::string(244, 'x') + "\r\n",
                 200, ""},
        key_case{"TooLong", "Authorization: Bearer test_valid_" + std::string(245, 'x') + "\r\n",
                 401, "unauthorized"},
        key_case{"Forbidden", "Authorization: Bearer test_forbidden\r\n", 403, "forbidden"},
        key_case{"Limited", "Authorization: Bearer test_limited\r\n", 429, "rate_limited"},
        key_case{"Other", "Authorization: Bearer live_1\r\n", 401, "unauthorized"},
        key_case{"AlmostValid", "Authorization: Bearer test_validx\r\n", 401, "unauthorized"},
        key_case{"Basic", "Authorization: Basic dGVzdDo=\r\n", 401, "unauthorized"},
        key_case{"Empty", "Authorization:\r\n", 401, "unauthorized"},
        key_case{"Twice",
                 "Authorization: Bearer test_valid\r\nAuthorization: Bearer test_valid\r\n", 400,
                 "validation_error"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Sandbox, ForcesAnErrorOnEveryRoute) {
  const std::string id = place();
  const std::string force = "X-Sandbox-Force: internal_error\r\n";
  // G2: the category is a property of the emission: written when placing a call, absent elsewhere.
  EXPECT_NE(dial("+14155556789", force).body.find(R"("category":"provider_error")"),
            std::string::npos);
  for (const char* method : {"GET", "PATCH", "DELETE"}) {
    const auto forced = send(method, "/v1/calls/" + id, force);
    EXPECT_EQ(forced.status, 500) << method;
    EXPECT_EQ(forced.body.find("category"), std::string::npos) << method;
  }
  EXPECT_EQ(get("/v1/calls", force).status, 500);
  EXPECT_EQ(data_of(get("/v1/calls/" + id)).at("status"), "queued");
}

TEST_F(Sandbox, RefusesToForceNonsense) {
  for (const char* value : {"nonsense", "", "BUSY", "busy; tier=http2", "busy;", "busy; tier=http",
                            "forbidden; tier=call", "unknown", "hang; tier=call", "Hang"}) {
    const auto response = dial("+14155556789", "X-Sandbox-Force: " + std::string(value) + "\r\n");
    EXPECT_EQ(response.status, 400) << value;
    EXPECT_TRUE(json_of(response).at("error").at("fields").as_object().contains("X-Sandbox-Force"));
  }
  EXPECT_EQ(get("/v1/calls", "X-Sandbox-Force: busy\r\n").status, 400);
  EXPECT_EQ(dial("+14155556789", "X-Sandbox-Force: busy\r\nX-Sandbox-Force: busy\r\n").status, 400);
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(Sandbox, ListsItsMagicNumbers) {
  const auto magic = json_of(get("/sandbox/magic", "Authorization: none\r\n"));
  const auto& rows = magic.at("data").as_array();
  ASSERT_EQ(rows.size(), 44u);
  EXPECT_EQ(rows[0].at("destination"), "+12025550100");
  EXPECT_EQ(rows[16].at("destination"), "+12025550116");
  EXPECT_EQ(rows[16].at("code"), "busy");
  EXPECT_EQ(rows[16].at("result"), "outcome");
  EXPECT_EQ(rows[33].at("destination"), "+12025550133");
  EXPECT_EQ(rows[33].at("code"), "internal_error");
  EXPECT_EQ(rows[33].at("tier"), "http");
  EXPECT_EQ(rows[34].at("destination"), "+12025550140");
  EXPECT_EQ(rows[34].at("result"), "behaviour");
  EXPECT_EQ(rows[34].at("name"), "latency");
  EXPECT_EQ(rows[43].at("destination"), "+12025550149");
  EXPECT_EQ(rows[43].at("name"), "unknown_category");
}

TEST_F(Sandbox, KeepsAJournal) {
  const auto placed = dial("+14155556789");
  get("/v1/calls", "Authorization: none\r\n");
  get("/nowhere");
  get("/sandbox/magic");
  const auto journal = json_of(get("/sandbox/requests"));
  EXPECT_EQ(journal.at("meta").at("total_results"), 3);
  EXPECT_EQ(journal.at("meta").at("handler_runs"), 1);
  const auto& lines = journal.at("data").as_array();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("path"), "/nowhere");
  EXPECT_EQ(lines[0].at("code"), "not_found");
  EXPECT_EQ(lines[1].at("status"), 401);
  EXPECT_EQ(lines[1].at("handler_runs"), 0);
  EXPECT_EQ(lines[2].at("method"), "POST");
  EXPECT_EQ(lines[2].at("path"), "/v1/calls/dial");
  EXPECT_EQ(lines[2].at("handler_runs"), 1);
  EXPECT_EQ(lines[2].at("request_id"), json_text(placed.header("X-Request-Id").value_or("none")));
  EXPECT_FALSE(lines[2].as_object().contains("code"));
}

TEST_F(Sandbox, BoundsItsJournal) {
  raw_client client = connect();
  for (std::size_t i = 0; i < journal_max + 3; ++i) {
    ASSERT_EQ(
        client.roundtrip("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
            ->status,
        404);
  }
  const auto journal = json_of(get("/sandbox/requests"));
  EXPECT_EQ(journal.at("meta").at("total_results"), journal_max + 3);
  ASSERT_EQ(journal.at("data").as_array().size(), journal_max);
  EXPECT_EQ(journal.at("data").as_array().back().at("path"), "/3");
}

TEST_F(Sandbox, AdvancesItsClock) {
  const std::string id = place();
  const auto moved = send("POST", "/sandbox/clock/advance", "", R"({"seconds":86400})");
  EXPECT_EQ(moved.status, 200);
  EXPECT_EQ(data_of(moved).at("now"), "2027-01-16T08:00:00.000000Z");
  EXPECT_EQ(data_of(moved).at("offset_seconds"), 86400);
  EXPECT_EQ(data_of(get("/v1/calls/" + id)).at("status"), "completed");
  // Ten years in all, and not a second more.
  const std::int64_t rest = 3653 * 86400 - 86400;
  const auto advance = [this](std::int64_t seconds) {
    return send("POST", "/sandbox/clock/advance", "",
                "{\"seconds\":" + std::to_string(seconds) + "}");
  };
  EXPECT_EQ(advance(rest + 1).status, 400);
  EXPECT_EQ(advance(INT64_MAX).status, 400);
  EXPECT_EQ(advance(-1).status, 400);
  EXPECT_EQ(advance(rest).status, 200);
  EXPECT_FALSE(api().advance(std::chrono::seconds(1)));
  EXPECT_TRUE(api().advance(std::chrono::seconds(0)));
  EXPECT_FALSE(api().advance(std::chrono::seconds(-1)));
}

TEST_F(Sandbox, TakesControlRequestsFromAPlainCurl) {
  const auto moved =
      send("POST", "/sandbox/clock/advance",
           "Authorization: none\r\nContent-Type: application/x-www-form-urlencoded\r\n",
           R"({"seconds":1})");
  EXPECT_EQ(moved.status, 200);
}

TEST_F(Sandbox, ResetsEverything) {
  const std::string id = place();
  api().advance(std::chrono::hours(1));
  EXPECT_EQ(send("POST", "/sandbox/reset").status, 204);
  EXPECT_EQ(get("/v1/calls/" + id).status, 404);
  EXPECT_EQ(api().calls_placed(), 0u);
  const auto journal = json_of(get("/sandbox/requests"));
  EXPECT_EQ(journal.at("meta").at("total_results"), 1);  // the GET above
  EXPECT_EQ(data_of(send("POST", "/sandbox/clock/advance", "", R"({"seconds":0})")).at("now"),
            "2027-01-15T08:00:00.000000Z");
  EXPECT_GT(place(), id);
}

TEST_F(Sandbox, RefusesAWrongContentType) {
  const std::string body = R"({"from_number":"+14155551234","to_number":"+14155556789"})";
  for (const char* path : {"/v1/calls/dial", "/v1/calls"}) {
    const auto response = send("POST", path, "Content-Type: text/plain\r\n", body);
    EXPECT_EQ(response.status, 415) << path;
    EXPECT_EQ(code_of(response), "validation_error");
  }
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(Sandbox, RefusesUnknownPathsAndMethods) {
  EXPECT_EQ(code_of(get("/v2/calls")), "not_found");
  const auto response = get("/v1/calls/dial");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("Allow"), "POST");
  EXPECT_EQ(code_of(response), "validation_error");
  EXPECT_EQ(send("PUT", "/v1/calls").header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(send("POST", "/v1/calls/call_1").header("Allow"), "GET, HEAD, PATCH, DELETE");
}

TEST_F(Sandbox, RefusesABodyOverTheLimit) {
  const auto body = [](std::size_t size) {
    const std::string frame =
        R"({"from_number":"+14155551234","to_number":"+14155556789","pad":""})";
    return frame.substr(0, frame.size() - 2) + std::string(size - frame.size(), 'x') + "\"}";
  };
  EXPECT_EQ(send("POST", "/v1/calls/dial", "", body(1 << 20)).status, 202);
  const auto refused = send("POST", "/v1/calls/dial", "", body((1 << 20) + 1));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(code_of(refused), "validation_error");
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(Sandbox, RefusesSmuggling) {
  const std::string hidden = "POST /sandbox/reset HTTP/1.1\r\nHost: localhost\r\n\r\n";
  place();
  raw_client client = connect();
  client.send(
      "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" +
      hidden);
  const auto response = client.read();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 400);
  EXPECT_TRUE(client.reads_end());
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(Sandbox, GivesEveryResponseItsOwnRequestId) {
  std::set<std::string> ids;
  int responses = 0;
  const auto add = [&](const raw_response& response) {
    ++responses;
    ids.insert(response.header("X-Request-Id").value_or(""));
  };
  add(dial("+14155556789"));
  add(dial("+12025550101"));
  add(dial("+12025550128"));
  EXPECT_EQ(dial("+12025550128").header("WWW-Authenticate"), "Bearer");
  add(get("/nowhere"));
  add(get("/v1/calls", "Authorization: none\r\n"));
  add(get("/sandbox/magic"));
  add(send("POST", "/sandbox/reset"));
  add(*connect().roundtrip("nonsense\r\n\r\n"));
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(responses));
  EXPECT_EQ(ids.count(""), 0u);
}

class BusySandbox : public SandboxTest {
 protected:
  BusySandbox() : SandboxTest({.server = {.threads = 4}}) {}
};

// For ThreadSanitizer: calls, lists, the clock and resets at once.
TEST_F(BusySandbox, ServesManyAtOnce) {
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([this, i] {
      for (int j = 0; j < 20; ++j) {
        const std::string id = place();
        get("/v1/calls/" + id);
        get("/v1/calls");
        if (i == 0) send("POST", "/sandbox/clock/advance", "", R"({"seconds":1})");
        if (i == 1) get("/sandbox/requests");
        if (i == 2) send("DELETE", "/v1/calls/" + id);
      }
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(api().calls_placed(), 120u);
}

}  // namespace
}  // namespace parley::sandbox
