// SPDX-License-Identifier: Apache-2.0
//
// What a page of somebody else can make a browser send, and what the developer's own tools do.

#include "sandbox/foreign.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox/route_table.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

TEST(IsLoopback, OfAddresses) {
  for (const char* each : {"127.0.0.1", "127.0.0.0", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(is_loopback(each)) << each;
  }
  EXPECT_FALSE(is_loopback(std::string_view("127.0.0.1\0.example.com", 22)));
  for (const char* each : {"::1%lo", "::1%", "126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2",
                           "192.168.0.1", "localhost", "", "127.1", "127.0.0.1 ", "[::1]"}) {
    EXPECT_FALSE(is_loopback(each)) << each;
  }
}

TEST(IsLocalHost, OfNamesThatNobodyCanRegister) {
  for (const char* each :
       {"localhost", "LocalHost", "localhost:8080", "localhost:", "127.0.0.1", "127.0.0.1:8080",
        "127.3.2.1:1", "[::1]", "[::1]:8080", "api.localhost:8080", "revdesk.test",
        "host.docker.internal:8080", "HOST.DOCKER.INTERNAL", "a.b.localhost"}) {
    EXPECT_TRUE(is_local_host(each)) << each;
  }
  for (const char* each : {"",
                           ":8080",
                           "a",
                           "example.com",
                           "example.com:8080",
                           "localhost.example.com",
                           "127.0.0.1.example.com",
                           "mylocalhost",
                           "example-localhost",
                           "test",
                           "internal",
                           "example.test.com",
                           "localhost:80a",
                           "localhost:80:80",
                           "localhost@example.com",
                           "127.0.0.1x",
                           "127.0.0.1@example.com",
                           "0.0.0.0:8080",
                           "192.168.0.1:8080",
                           "[::1",
                           "::1",
                           "[::1]x",
                           "[::1]8080",
                           "[::2]:8080",
                           "[]",
                           "localhost.",
                           "example.com/.localhost:x"}) {
    EXPECT_FALSE(is_local_host(each)) << each;
  }
}

struct foreign_case {
  const char* name;
  http::method method;
  bool on_loopback;
  // Null: there is no such header.
  const char* host;
  const char* origin;
  const char* fetch_site;
  std::string_view refused_for;  // empty: taken
};

using enum http::method;
constexpr const char* none = nullptr;
constexpr const char* here = "localhost:8080";
constexpr const char* there = "https://example.com";
constexpr foreign_case foreign_cases[] = {
    // Tools, SDKs and tests.
    {"Curl", post, true, "127.0.0.1:8080", none, none, ""},
    {"NoHost", post, true, none, none, none, ""},
    {"FromAContainer", post, true, "host.docker.internal:8080", none, none, ""},
    {"AnyNameOfAnOpenPort", post, false, "sandbox.example.com", none, none, ""},
    // A browser at a page of the sandbox itself, and a person who asks.
    {"OwnPage", post, true, here, "http://localhost:8080", "same-origin", ""},
    {"OwnPageByAddress", post, true, "[::1]:8080", "http://[::1]:8080", "same-origin", ""},
    {"OwnPageInCapitals", post, true, here, "HTTP://LocalHost:8080", none, ""},
    {"OwnPageOfAnOpenPort", delete_, false, "a.example", "http://a.example", none, ""},
    {"ABookmark", post, true, here, none, "none", ""},
    // Another site. What is only read may be linked to: the answer is not its to see.
    {"ALinkToThePage", get, true, here, none, "cross-site", ""},
    {"AReadOfAnotherOrigin", get, true, here, there, "cross-site", ""},
    {"AHeadOfAnotherOrigin", head, true, here, there, none, ""},
    {"APreflight", options, true, here, there, "cross-site", ""},
    {"Post", post, true, here, there, none, "Origin"},
    {"Put", put, true, here, there, none, "Origin"},
    {"Patch", patch, true, here, there, none, "Origin"},
    {"Delete", delete_, true, here, there, none, "Origin"},
    {"AnUnknownMethod", other, true, here, there, none, "Origin"},
    {"ToAnOpenPort", post, false, "192.168.0.7:8080", there, none, "Origin"},
    {"AnotherPort", post, true, here, "http://localhost:3000", "same-site", "Origin"},
    {"APortLess", post, true, here, "http://localhost", none, "Origin"},
    {"ADigitMore", post, true, here, "http://localhost:80800", none, "Origin"},
    {"AnotherScheme", post, true, here, "https://localhost:8080", none, "Origin"},
    {"AnotherNameOfTheSame", post, true, here, "http://127.0.0.1:8080", none, "Origin"},
    {"AFileOrASandboxedFrame", post, true, here, "null", none, "Origin"},
    {"AnEmptyOrigin", post, true, here, "", none, "Origin"},
    {"AnOriginAndNoHost", post, true, none, there, none, "Origin"},
    {"CrossSite", post, true, here, none, "cross-site", "Sec-Fetch-Site"},
    {"SameSite", post, true, here, none, "same-site", "Sec-Fetch-Site"},
    {"SiteOfALaterBrowser", post, true, here, none, "other", "Sec-Fetch-Site"},
    // A name whose owner lets it point here once the page is loaded: for the browser the page and
    // the sandbox are one origin, and it may see what it reads.
    {"Rebinding", post, true, "example.com", "http://example.com", "same-origin", "Host"},
    {"RebindingToRead", get, true, "example.com:8080", none, none, "Host"},
};

class RefuseForeign : public testing::TestWithParam<foreign_case> {};

std::optional<envelope::error> judge(http::method method,
                                     const std::vector<http::header_view>& headers,
                                     bool on_loopback) {
  http::request_view request;
  request.method = method;
  request.headers = headers;
  return refuse_foreign(request, on_loopback);
}

TEST_P(RefuseForeign, SaysWhichHeader) {
  const foreign_case& each = GetParam();
  std::vector<http::header_view> headers;
  if (each.host != nullptr) headers.push_back({"Host", each.host});
  if (each.origin != nullptr) headers.push_back({"Origin", each.origin});
  if (each.fetch_site != nullptr) headers.push_back({"Sec-Fetch-Site", each.fetch_site});
  const auto why = judge(each.method, headers, each.on_loopback);
  ASSERT_EQ(why.has_value(), !each.refused_for.empty());
  if (!why) return;
  EXPECT_EQ(why->http_status(), 403);
  ASSERT_EQ(why->fields().size(), 1u);
  EXPECT_EQ(why->fields()[0].name, each.refused_for);
  EXPECT_EQ(envelope::to_json(*why).find("example.com"), std::string::npos)
      << "an error repeats nothing of a stranger";
}

INSTANTIATE_TEST_SUITE_P(, RefuseForeign, testing::ValuesIn(foreign_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(RefuseForeignHeaders, AreReadInAnyCaseAndAllOfThem) {
  const http::header_view own{"origin", "http://localhost"};
  const http::header_view foreign{"ORIGIN", "http://example.com"};
  EXPECT_FALSE(judge(post, {{"host", "localhost"}, own, own}, true));
  EXPECT_TRUE(judge(post, {{"host", "localhost"}, own, foreign}, true));
  EXPECT_TRUE(judge(post, {{"host", "localhost"}, foreign, own}, true));
  EXPECT_TRUE(judge(post, {{"HOST", "localhost"}, {"sec-fetch-SITE", "cross-site"}}, true));
}

TEST(GuardedRoutes, AreThoseOfControlAndOfWebhooks) {
  for (const route_row& each : route_table) {
    EXPECT_EQ(each.is_guarded(),
              !each.path.text().starts_with("/v1/") || each.path.text() == "/v1/webhook")
        << each.text();
  }
}

constexpr std::string_view fault = R"({"fault": "busy"})";
constexpr std::string_view hour = R"({"seconds": 3600})";
constexpr std::string_view webhook = R"({"url": "http://127.0.0.1:9/"})";

struct request_case {
  const char* method;
  const char* path;
  std::string_view body;
  int status;
};
constexpr request_case requests[] = {
    {"POST", "/sandbox/faults", fault, 201}, {"POST", "/sandbox/clock/advance", hour, 200},
    {"PUT", "/v1/webhook", webhook, 200},    {"DELETE", "/v1/webhook", "", 204},
    {"DELETE", "/sandbox/faults", "", 204},  {"POST", "/sandbox/reset", "", 204},
};

class Foreign : public SandboxTest {};

TEST_F(Foreign, PagesChangeNothing) {
  const std::string page = "Origin: https://example.com\r\nContent-Type: text/plain\r\n";
  const std::string page_with_a_type =
      "Origin: https://example.com\r\nContent-Type: application/json\r\n";
  ASSERT_EQ(send("PUT", "/v1/webhook", "", webhook).status, 200);
  ASSERT_EQ(send("POST", "/sandbox/faults", "", fault).status, 201);
  place();
  const std::string webhook_before = get("/v1/webhook").body;
  const std::string faults_before = get("/sandbox/faults").body;
  for (const request_case& each : requests) {
    const auto refused =
        send(each.method, each.path, each.body == webhook ? page_with_a_type : page, each.body);
    EXPECT_EQ(refused.status, 403) << each.method << each.path;
    EXPECT_EQ(code_of(refused), "forbidden");
    EXPECT_TRUE(refused.header("X-Request-Id"));
    EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), std::nullopt);
  }
  EXPECT_EQ(get("/v1/webhook").body, webhook_before);
  EXPECT_EQ(get("/sandbox/faults").body, faults_before);
  EXPECT_EQ(api().calls_placed(), 1u);
  EXPECT_EQ(send("POST", "/sandbox/clock/advance", "", R"({"seconds": 0})").body.find("3600"),
            std::string::npos);
  const std::string journal = get("/sandbox/requests").body;
  EXPECT_NE(journal.find(R"("status":403)"), std::string::npos) << journal;
}

TEST_F(Foreign, TheDevelopersOwnAreTaken) {
  const std::string origin = "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
  for (const std::string& headers : {std::string(), origin}) {
    for (const request_case& each : requests) {
      EXPECT_EQ(send(each.method, each.path, headers, each.body).status, each.status)
          << each.method << each.path << headers;
    }
    EXPECT_EQ(get("/", headers + "Sec-Fetch-Site: cross-site\r\n").status, 200);
  }
}

// Not by send(), which asks for localhost.
TEST_F(Foreign, NamesAreRefusedWhereItControls) {
  const auto ask = [this](std::string_view what, std::string_view host) {
    return connect()
        .ask(std::string(what) + " HTTP/1.1\r\nHost: " + std::string(host) +
             "\r\nAuthorization: Bearer test_valid\r\nContent-Length: 0\r\n\r\n")
        .status;
  };
  const std::string port = ":" + std::to_string(api().port());
  for (const std::string host : {"example.com", "rebound.example.com"}) {
    for (const char* const each :
         {"GET /", "GET /openapi.json", "GET /sandbox/magic", "GET /sandbox/requests",
          "GET /sandbox/faults", "GET /v1/webhook", "DELETE /v1/webhook", "POST /sandbox/reset"}) {
      EXPECT_EQ(ask(each, host + port), 403) << each;
    }
    EXPECT_EQ(ask("GET /v1/calls", host + port), 200) << "an alias of the API is a setup of tests";
  }
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "revdesk.test"}) {
    EXPECT_EQ(ask("GET /", host + port), 200) << host;
    EXPECT_EQ(ask("POST /sandbox/reset", host + port), 204) << host;
  }
}

// What listens for others is known by names that it cannot know.
TEST(ForeignOnAllAddresses, NamesAreTakenAndPagesAreNot) {
  auto api = start({.server = {.address = "0.0.0.0"}});
  ASSERT_TRUE(api.has_value()) << api.error().what;
  const auto reset = [&api](std::string_view headers) {
    testing_support::raw_client client(api->port());
    return client
        .ask("POST /sandbox/reset HTTP/1.1\r\nHost: sandbox:8080\r\nContent-Length: 0\r\n" +
             std::string(headers) + "\r\n")
        .status;
  };
  EXPECT_EQ(reset(""), 204);
  EXPECT_EQ(reset("Origin: http://sandbox:8080\r\n"), 204);
  EXPECT_EQ(reset("Origin: http://example.com\r\n"), 403);
}

}  // namespace
}  // namespace parley::sandbox
