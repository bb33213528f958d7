// SPDX-License-Identifier: Apache-2.0
#include "parley/http/service.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/fake_exchange.hpp"

namespace parley::http {
namespace {

class recorder final : public observer {
 public:
  struct seen {
    std::string route;
    int status;
    std::string code;
    bool handler_ran;
    bool had_request;
  };
  std::vector<seen> events;

  void responded(const response_event& event) noexcept override {
    events.push_back({std::string(event.route), event.response->status,
                      std::string(errors::to_string(event.response->error_code)), event.handler_ran,
                      event.request != nullptr});
  }
};

class Service : public testing::Test {
 protected:
  Service() : Service(service_options{}) {}
  explicit Service(service_options options) {
    options.limits.body_bytes_max = 8;
    options.observer = &recorder_;
    routes table;
    table.get("/open", [this](const request_view& r) { return run(r); }, {.is_public = true});
    table.get("/whoami",
              [](const request_view& r) { return json_response(200, std::string(r.scope)); });
    table.post("/json", [this](const request_view& r) { return run(r); },
               {.media_type = "application/json"});
    table.get("/throws", [](const request_view&) -> response { throw std::runtime_error("no"); });
    table.get("/drops", [](const request_view&, responder) {});
    table.get("/throws-later", [](const request_view&, responder) { throw 1; });
    table.get("/later", [this](const request_view&, responder respond) {
      kept_.push_back(std::move(respond));
    });
    table.get("/bad-header", [](const request_view&) {
      response r = json_response(200, "secret");
      r.headers.push_back({"X-Echo", "a\r\nSet-Cookie: b=c"});
      return r;
    });
    table.get("/calls-fail", [](const request_view&, responder) {}, {.tier = errors::tier::call});
    table.get("/calls-limited",
              [](const request_view& r) {
                return to_response(envelope::error(errors::code::rate_limited, r.tier));
              },
              {.tier = errors::tier::call});
    table.get("/decorated", [this](const request_view& r, responder outer) {
      responder inner = intercept(std::move(outer), [this](response&& made, responder to) {
        intercepted_.push_back(made);
        if (made.status == no_answer) throw 1;
        made.headers.push_back({"X-Decorated", "yes"});
        std::move(to).send(std::move(made));
      });
      if (!r.header("X-Drop")) std::move(inner).send(json_response(202, "{}"));
    });
    table.get("/own-id", [](const request_view&) {
      response r;
      r.headers.push_back({"x-request-id", "stale"});
      return r;
    });
    service_ = std::make_unique<service>(
        std::move(table),
        [](const request_view& r) -> authentication {
          if (r.header("Authorization") == "empty") return std::string();
          if (r.header("Authorization") == "explode") throw std::runtime_error("auth");
          auto token = bearer_token(r);
          if (!token) return failure{token.error()};
          return std::string(*token);
        },
        std::move(options));
  }

  response run(const request_view&) {
    ++runs_;
    return json_response(200, "{}");
  }

  response get(std::string path, std::vector<header> headers = {{"Authorization", "Bearer t"}}) {
    return only(std::make_shared<fake_exchange>(method::get, std::move(path), std::move(headers)));
  }
  response post(std::vector<header> headers, std::string body) {
    headers.push_back({"Authorization", "Bearer t"});
    return only(std::make_shared<fake_exchange>(method::post, "/json", std::move(headers),
                                                std::move(body)));
  }
  response only(const std::shared_ptr<fake_exchange>& e) {
    service_->handle(e);
    EXPECT_EQ(e->answers.size(), 1u);
    return e->answers.empty() ? response{} : e->answers.front();
  }

  recorder recorder_;
  std::vector<response> intercepted_;
  int runs_ = 0;
  std::vector<responder> kept_;
  std::unique_ptr<service> service_;
};

TEST_F(Service, RunsTheHandlerWithTheScope) {
  const response r = get("/whoami", {{"Authorization", "bearer tenant-7"}});
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, "tenant-7");
  ASSERT_EQ(recorder_.events.size(), 1u);
  EXPECT_EQ(recorder_.events[0].route, "/whoami");
  EXPECT_TRUE(recorder_.events[0].handler_ran);
}

TEST_F(Service, RefusesAnUnknownPathAndMethod) {
  EXPECT_EQ(get("/nowhere").status, 404);
  const response r = only(std::make_shared<fake_exchange>(method::delete_, "/json"));
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(r.header("Allow"), "POST");
  EXPECT_EQ(r.error_code, errors::code::validation_error);
  EXPECT_EQ(r.body.find("category"), std::string::npos);
}

TEST_F(Service, AsksForAKeyUnlessTheRouteIsPublic) {
  EXPECT_EQ(get("/open", {}).status, 200);
  const response r = get("/whoami", {});
  EXPECT_EQ(r.status, 401);
  EXPECT_EQ(r.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(r.body, R"({"error":{"code":"unauthorized","message":"Missing or invalid API key."}})");
}

TEST_F(Service, RefusesTwoAuthorizations) {
  const response r = get("/whoami", {{"Authorization", "Bearer a"}, {"authorization", "Bearer b"}});
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(r.error_code, errors::code::validation_error);
}

struct bearer_case {
  const char* value;
  std::string_view token;  // empty: refused
};
TEST(BearerToken, IsReadAsRfc6750Says) {
  constexpr bearer_case cases[] = {{"Bearer abc", "abc"},
                                   {"bearer abc", "abc"},
                                   {"BEARER abc", "abc"},
                                   {"Bearer  abc", "abc"},
                                   {"Bearer", ""},
                                   {"Bearer ", ""},
                                   {"Bearerabc", ""},
                                   {"Basic abc", ""},
                                   {"", ""},
                                   {"abc", ""}};
  for (const bearer_case& each : cases) {
    const std::vector<header_view> headers = {{"Authorization", each.value}};
    request_view view;
    view.headers = headers;
    const auto token = bearer_token(view);
    ASSERT_EQ(token.has_value(), !each.token.empty()) << each.value;
    if (token) {
      EXPECT_EQ(*token, each.token);
    } else {
      EXPECT_EQ(token.error().code(), errors::code::unauthorized);
    }
  }
}

TEST(IsSameToken, TellsEveryByteAndTheSize) {
  const std::string token("s3cret-\0-\xFF", 10);
  EXPECT_TRUE(is_same_token(token, std::string(token)));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = static_cast<char>(other[i] ^ 0x20);
    EXPECT_FALSE(is_same_token(other, token)) << i;
    EXPECT_FALSE(is_same_token(token.substr(0, i), token)) << i;
    EXPECT_FALSE(is_same_token(token, token.substr(0, i))) << i;
  }
}

TEST(IsSameToken, OfNothingIsNone) {
  EXPECT_FALSE(is_same_token("", ""));
  EXPECT_FALSE(is_same_token({}, {}));
  EXPECT_TRUE(is_same_token("a", "a"));
}

TEST_F(Service, HoldsTheSizeOfABodyOnBothSides) {
  EXPECT_EQ(post({{"Content-Type", "application/json"}}, "12345678").status, 200);
  const response r = post({{"Content-Type", "application/json"}}, "123456789");
  EXPECT_EQ(r.status, 413);
  EXPECT_EQ(r.error_code, errors::code::validation_error);
  EXPECT_EQ(runs_, 1);
}

struct media_case {
  const char* name;
  std::vector<header> headers;
  std::string body;
  int status;
};
class MediaType : public Service, public testing::WithParamInterface<media_case> {};
TEST_P(MediaType, IsChecked) {
  const response r = post(GetParam().headers, GetParam().body);
  EXPECT_EQ(r.status, GetParam().status);
  EXPECT_EQ(runs_, GetParam().status == 200 ? 1 : 0);
}
INSTANTIATE_TEST_SUITE_P(
    , MediaType,
    testing::Values(
        media_case{"Json", {{"Content-Type", "application/json"}}, "{}", 200},
        media_case{"AnyCase", {{"content-type", "Application/JSON"}}, "{}", 200},
        media_case{"WithCharset", {{"Content-Type", "application/json; charset=utf-8"}}, "{}", 200},
        media_case{"BlankBeforeSemicolon", {{"Content-Type", "application/json ;x=y"}}, "{}", 200},
        media_case{"NoBody", {}, "", 200}, media_case{"Absent", {}, "{}", 415},
        media_case{"Empty", {{"Content-Type", ""}}, "{}", 415},
        media_case{"Form", {{"Content-Type", "application/x-www-form-urlencoded"}}, "{}", 415},
        media_case{"Prefix", {{"Content-Type", "application/jsonp"}}, "{}", 415},
        media_case{"Twice",
                   {{"Content-Type", "application/json"}, {"Content-Type", "application/json"}},
                   "{}",
                   415},
        media_case{"Gzip",
                   {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}},
                   "{}",
                   415},
        media_case{"IdentityThenGzip",
                   {{"Content-Type", "application/json"},
                    {"Content-Encoding", "identity"},
                    {"Content-Encoding", "gzip"}},
                   "{}",
                   415},
        media_case{"Identity",
                   {{"Content-Type", "application/json"}, {"Content-Encoding", "Identity"}},
                   "{}",
                   200}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Service, GivesEveryResponseAFreshRequestId) {
  std::set<std::string> ids;
  for (const char* path : {"/open", "/whoami", "/nowhere", "/throws", "/drops", "/bad-header"}) {
    for (int i = 0; i < 2; ++i) {
      const response r = get(path);
      const auto id = r.header("X-Request-Id");
      ASSERT_TRUE(id) << path;
      ids.emplace(*id);
    }
  }
  ids.emplace(*service_->refuse(400, "no").header("X-Request-Id"));
  EXPECT_EQ(ids.size(), 13u);
}

TEST_F(Service, ReplacesAnIdThatTheHandlerSet) {
  const response r = get("/own-id");
  EXPECT_EQ(std::ranges::count(r.headers, "X-Request-Id", &header::name), 1);
  EXPECT_EQ(std::ranges::count(r.headers, "x-request-id", &header::name), 0);
  EXPECT_NE(r.header("X-Request-Id"), "stale");
}

TEST_F(Service, AnswersForHandlersThatDoNot) {
  for (const char* path : {"/throws", "/drops", "/throws-later"}) {
    const response r = get(path);
    EXPECT_EQ(r.status, 500) << path;
    EXPECT_EQ(
        r.body,
        R"({"error":{"code":"internal_error","message":"An unexpected server error occurred."}})");
  }
  EXPECT_EQ(get("/whoami", {{"Authorization", "explode"}}).status, 500);
}

// G2: the category is a property of the emission, and so of the route.
TEST_F(Service, GivesAFailingHandlerTheTierOfItsRoute) {
  EXPECT_NE(get("/calls-fail").body.find(R"("category":"provider_error")"), std::string::npos);
  EXPECT_NE(get("/calls-limited").body.find(R"("category":"account_limit")"), std::string::npos);
  EXPECT_EQ(get("/throws").body.find("category"), std::string::npos);
}

TEST_F(Service, LetsADecoratorSeeTheAnswerFirst) {
  const response r = get("/decorated");
  EXPECT_EQ(r.status, 202);
  EXPECT_EQ(r.header("X-Decorated"), "yes");
  ASSERT_EQ(intercepted_.size(), 1u);
  EXPECT_EQ(intercepted_[0].status, 202);
  // The id is given once, outside.
  EXPECT_EQ(intercepted_[0].header("X-Request-Id"), std::nullopt);
  EXPECT_EQ(std::ranges::count(r.headers, "X-Request-Id", &header::name), 1);
  EXPECT_EQ(recorder_.events.size(), 1u);
}

TEST_F(Service, TellsADecoratorOfAHandlerThatGaveNoAnswer) {
  const response r = get("/decorated", {{"Authorization", "Bearer t"}, {"X-Drop", "1"}});
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.error_code, errors::code::internal_error);
  ASSERT_EQ(intercepted_.size(), 1u);
  EXPECT_EQ(intercepted_[0].status, no_answer);
}

TEST_F(Service, TakesNoEmptyScope) {
  EXPECT_EQ(get("/whoami", {{"Authorization", "empty"}}).status, 500);
}

TEST_F(Service, SendsNothingOfAResponseThatCouldSplit) {
  const response r = get("/bad-header");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body.find("secret"), std::string::npos);
  EXPECT_EQ(r.header("X-Echo"), std::nullopt);
}

TEST_F(Service, TakesAnAnswerLaterAndFromAnotherThread) {
  const auto e = std::make_shared<fake_exchange>(
      method::get, "/later", std::vector<header>{{"Authorization", "Bearer t"}});
  service_->handle(e);
  EXPECT_TRUE(e->answers.empty());
  ASSERT_EQ(kept_.size(), 1u);
  std::thread([this] { std::move(kept_.front()).send(json_response(202, "{}")); }).join();
  ASSERT_EQ(e->answers.size(), 1u);
  EXPECT_EQ(e->answers[0].status, 202);
  kept_.clear();
  EXPECT_EQ(e->answers.size(), 1u);
}

TEST_F(Service, AMovedResponderAnswersOnce) {
  const auto a = std::make_shared<fake_exchange>(
      method::get, "/later", std::vector<header>{{"Authorization", "Bearer t"}});
  const auto b = std::make_shared<fake_exchange>(
      method::get, "/later", std::vector<header>{{"Authorization", "Bearer t"}});
  service_->handle(a);
  service_->handle(b);
  kept_[0] = std::move(kept_[1]);  // the first is dropped, and says so
  ASSERT_EQ(a->answers.size(), 1u);
  EXPECT_EQ(a->answers[0].status, 500);
  EXPECT_TRUE(b->answers.empty());
  std::move(kept_[0]).send(json_response(200, "{}"));
  kept_.clear();
  EXPECT_EQ(a->answers.size(), 1u);
  EXPECT_EQ(b->answers.size(), 1u);
}

TEST_F(Service, TellsTheObserverOfARefusalWithoutARequest) {
  const response r = service_->refuse(431, "too large");
  EXPECT_EQ(r.status, 431);
  ASSERT_EQ(recorder_.events.size(), 1u);
  EXPECT_FALSE(recorder_.events[0].had_request);
  EXPECT_EQ(recorder_.events[0].code, "validation_error");
}

TEST_F(Service, EchoesNoCorrelationIdByDefault) {
  const response r = get("/whoami", {{"Authorization", "Bearer t"}, {"X-Request-Id", "mine"}});
  EXPECT_EQ(r.header("X-Correlation-Id"), std::nullopt);
}

class CorrelatingService : public Service {
 protected:
  CorrelatingService() : Service(service_options{.correlation_ids = true}) {}
};

TEST_F(CorrelatingService, EchoesAWellFormedId) {
  const auto echoed = [this](std::vector<std::string> ids) {
    std::vector<header> headers = {{"Authorization", "Bearer t"}};
    for (std::string& id : ids) headers.push_back({"X-Request-Id", std::move(id)});
    const response r = get("/whoami", std::move(headers));
    return std::string(r.header("X-Correlation-Id").value_or("none"));
  };
  EXPECT_EQ(echoed({"aZ09._-"}), "aZ09._-");
  EXPECT_EQ(echoed({std::string(128, 'a')}), std::string(128, 'a'));
  EXPECT_EQ(echoed({std::string(129, 'a')}), "none");
  EXPECT_EQ(echoed({""}), "none");
  EXPECT_EQ(echoed({"a b"}), "none");
  EXPECT_EQ(echoed({"a/b"}), "none");
  EXPECT_EQ(echoed({"a", "b"}), "none");
}

class ServiceWithBadIds : public Service {
 protected:
  ServiceWithBadIds() : Service(service_options{.request_ids = [] { return "a\r\nb"; }}) {}
};

TEST_F(ServiceWithBadIds, MakesItsOwnInstead) {
  const response r = get("/open");
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.header("X-Request-Id")->starts_with("req_"));
}

class ServiceWithThrowingIds : public Service {
 protected:
  ServiceWithThrowingIds()
      : Service(service_options{
            .request_ids = []() -> std::string { throw std::runtime_error("no id"); }}) {}
};

TEST_F(ServiceWithThrowingIds, MakesItsOwnInstead) {
  const response r = get("/open");
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.header("X-Request-Id")->starts_with("req_"));
}

TEST(RandomRequestIds, NeverRepeatAndAreWellFormed) {
  const request_id_source source = random_request_ids();
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = source();
    ASSERT_EQ(id.size(), 36u);
    ASSERT_TRUE(seen.insert(id).second) << id;
  }
  EXPECT_NE(source().substr(0, 20), random_request_ids()().substr(0, 20));
}

}  // namespace
}  // namespace parley::http
