// SPDX-License-Identifier: Apache-2.0
#include "parley/http/guard.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/fake_exchange.hpp"
#include "idempotency/engine_fixture.hpp"
#include "parley/errors/own_catalogue.hpp"
#include "parley/http/offload.hpp"
#include "parley/http/service.hpp"

namespace parley::http {
namespace {

using idempotency::manual_timer;
using idempotency::op_kind;
using idempotency::scripted_store;
using idempotency::store_errc;
using idempotency::store_failure;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class recorder final : public observer {
 public:
  std::vector<bool> handler_ran;
  void responded(const response_event& event) noexcept override {
    const std::lock_guard held(mutex_);
    handler_ran.push_back(event.handler_ran);
  }

 private:
  std::mutex mutex_;
};

// The request that most tests send.
struct ask {
  std::vector<std::string> keys = {"key-1"};
  std::string body = "{}";
  std::string target = "/v1/calls";
  method verb = method::post;
  std::string scope = "tenant-1";
  std::vector<header> headers = {};
};

ask with_body(std::string body) {
  ask made;
  made.body = std::move(body);
  return made;
}
ask with_keys(std::vector<std::string> keys) {
  ask made;
  made.keys = std::move(keys);
  return made;
}
ask with_headers(std::vector<header> headers) {
  ask made;
  made.headers = std::move(headers);
  return made;
}
ask with_verb(method verb) {
  ask made;
  made.verb = verb;
  return made;
}
ask with_target(std::string target) {
  ask made;
  made.target = std::move(target);
  return made;
}
ask with_scope(std::string scope) {
  ask made;
  made.scope = std::move(scope);
  return made;
}

response accepted() { return json_response(202, R"({"data":{}})"); }

std::string text_of(const response& r, std::string_view name) {
  return std::string(r.header(name).value_or("none"));
}

// What is left of a response when what each message has for itself is taken away.
std::vector<header> own_headers(const response& r) {
  std::vector<header> own = r.headers;
  std::erase_if(own, [](const header& each) {
    return each.name == "X-Request-Id" || each.name == replay_header ||
           each.name == original_header;
  });
  return own;
}

// Everything over a memory store, with request ids req-1, req-2 and a time that a test moves.
class Guard : public testing::Test {
 protected:
  Guard() {
    service_options_.request_ids = [this] { return "req-" + std::to_string(++ids_); };
  }

  template <class Handler>
  void serve(Handler handler, abandoned_policy policy = abandoned::indeterminate,
             guarded_options guarded = {}, guard_options options = {}) {
    auto engine = idempotency::make_engine(*store_, *timer_, engine_options_);
    ASSERT_TRUE(engine) << engine.error();
    engine_ = *std::move(engine);
    const http::guard by(*engine_, *idempotency::digester::random(), std::move(options));
    const deferred_handler wrapped =
        by.wrap(std::move(handler), std::move(policy), std::move(guarded));
    routes table;
    for (const method each : {method::get, method::post, method::put, method::patch,
                              method::delete_, method::options}) {
      table.add(each, "/v1/calls", wrapped);
    }
    table.post("/v1/other", wrapped);
    table.post("/v1/dial", wrapped, {.tier = errors::tier::call});
    table.post("/v1/public", wrapped, {.is_public = true});
    service_options_.observer = &seen;
    service_ = std::make_unique<service>(
        std::move(table),
        [](const request_view& r) -> authentication {
          const auto token = bearer_token(r);
          if (!token) return failure{token.error()};
          return std::string(*token);
        },
        service_options_);
  }

  std::shared_ptr<fake_exchange> make(ask a) {
    a.headers.push_back({"Authorization", "Bearer " + a.scope});
    for (std::string& key : a.keys) a.headers.push_back({"Idempotency-Key", std::move(key)});
    return std::make_shared<fake_exchange>(a.verb, std::move(a.target), std::move(a.headers),
                                           std::move(a.body));
  }
  std::shared_ptr<fake_exchange> start(ask a = {}) {
    auto e = make(std::move(a));
    service_->handle(e);
    return e;
  }
  static response only(const std::shared_ptr<fake_exchange>& e) {
    EXPECT_EQ(e->answers.size(), 1u);
    return e->answers.empty() ? response{} : e->answers.front();
  }
  response answer(ask a = {}) { return only(start(std::move(a))); }

  static void expect_replay(const response& r, const response& first) {
    EXPECT_EQ(r.status, first.status);
    EXPECT_EQ(r.body, first.body);
    EXPECT_EQ(own_headers(r), own_headers(first));
    EXPECT_EQ(text_of(r, replay_header), "true");
    EXPECT_NE(text_of(r, "X-Request-Id"), text_of(first, "X-Request-Id"));
  }
  /// E6, and G12.
  static void expect_conflict(const response& r, const std::string& with) {
    EXPECT_EQ(r.status, 409);
    EXPECT_EQ(r.error_code, errors::code::idempotency_conflict);
    EXPECT_THAT(r.body, HasSubstr(R"("fields":{"conflicts_with":")" + with + R"("})"));
    EXPECT_EQ(text_of(r, "Retry-After"), "none");
    EXPECT_EQ(text_of(r, replay_header), "none");
  }
  /// G10.
  static void expect_busy(const response& r) {
    EXPECT_EQ(r.status, 409);
    EXPECT_EQ(r.error_code, errors::code::idempotency_conflict);
    EXPECT_EQ(text_of(r, "Retry-After"), "1");
    EXPECT_THAT(r.body, Not(HasSubstr("conflicts_with")));
  }
  static void expect_failed(const response& r) {
    EXPECT_EQ(r.status, 500);
    EXPECT_EQ(r.error_code, errors::code::internal_error);
  }
  void make_memory(idempotency::memory_store_options options) {
    options.clock = [this] { return time.now(); };
    auto made = idempotency::make_memory_store(std::move(options));
    ASSERT_TRUE(made) << made.error();
    memory = *std::move(made);
    store_ = memory.get();
  }

  /// A handler that answers when the test does.
  auto kept_handler() {
    return [this](const request_view&, attempt a, responder respond) {
      ++runs;
      attempts.push_back(std::move(a));
      kept.push_back(std::move(respond));
    };
  }
  /// Counts, and answers with what was made.
  auto answering(response r) {
    return [this, r](const request_view&) {
      ++runs;
      return r;
    };
  }

  manual_timer time;
  std::unique_ptr<idempotency::memory_store> memory =
      *idempotency::make_memory_store({.clock = [this] { return time.now(); }});
  scripted_store records{*memory};
  recorder seen;
  int runs = 0;
  idempotency::store* store_ = &records;
  idempotency::timer* timer_ = &time;
  idempotency::engine_options engine_options_;
  service_options service_options_;
  std::unique_ptr<idempotency::engine> engine_;
  std::unique_ptr<service> service_;
  std::vector<attempt> attempts;
  std::deque<responder> kept;

 private:
  int ids_ = 0;
};

// The key.

TEST_F(Guard, RunsPlainlyWithoutAKey) {
  std::vector<std::string> ids;
  serve([&](const request_view&, attempt a) {
    ++runs;
    EXPECT_FALSE(a.is_protected());
    EXPECT_FALSE(a.holds());
    EXPECT_EQ(a.fence(), 0u);
    EXPECT_TRUE(a.mark("nothing to mark"));
    ids.emplace_back(a.operation_id());
    return accepted();
  });
  for (int i = 0; i < 2; ++i) {
    const response r = answer(with_keys({}));
    EXPECT_EQ(r.status, 202);
    EXPECT_EQ(r.header(replay_header), std::nullopt);
    EXPECT_EQ(r.header(unprotected_header), std::nullopt);
  }
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(ids, (std::vector<std::string>{"req-1", "req-2"}));
  EXPECT_TRUE(records.seen.empty());
}

TEST_F(Guard, AsksForAKeyWhereTheRouteDoes) {
  serve(answering(accepted()), abandoned::indeterminate, {.is_key_required = true});
  const response r = answer(with_keys({}));
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(r.error_code, errors::code::validation_error);
  EXPECT_THAT(r.body, HasSubstr(R"("fields":{"Idempotency-Key":"Missing"})"));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(answer().status, 202);
  EXPECT_EQ(answer(with_verb(method::get)).status, 202) << "GET needs none";
}

struct key_case {
  const char* name;
  std::vector<std::string> keys;
};
class GuardBadKey : public Guard, public testing::WithParamInterface<key_case> {};
TEST_P(GuardBadKey, IsRefused) {
  serve(answering(accepted()));
  const response r = answer(with_keys(GetParam().keys));
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(r.error_code, errors::code::validation_error);
  EXPECT_THAT(r.body, HasSubstr(R"("fields":{"Idempotency-Key":")"));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{false});
  EXPECT_TRUE(records.seen.empty());
}
INSTANTIATE_TEST_SUITE_P(
    , GuardBadKey,
    testing::Values(key_case{"Empty", {""}}, key_case{"Quotes", {"\"\""}},
                    key_case{"TooLong", {std::string(256, 'k')}},
                    key_case{"TooLongQuoted", {'"' + std::string(256, 'k') + '"'}},
                    key_case{"Tab", {"a\tb"}}, key_case{"Delete", {"a\x7f"}},
                    key_case{"Nul", {std::string("a\0b", 3)}}, key_case{"Comma", {"a,b"}},
                    key_case{"Twice", {"a", "b"}}, key_case{"TheSameTwice", {"a", "a"}},
                    key_case{"EmptyFirst", {"", "a"}}, key_case{"ThreeTimes", {"a", "a", "a"}},
                    key_case{"OneQuote", {"\"a"}}),
    [](const auto& each) { return std::string(each.param.name); });

class GuardGoodKey : public Guard, public testing::WithParamInterface<key_case> {};
TEST_P(GuardGoodKey, IsReplayed) {
  serve(answering(accepted()));
  const response first = answer(with_keys(GetParam().keys));
  EXPECT_EQ(first.status, 202);
  expect_replay(answer(with_keys(GetParam().keys)), first);
  EXPECT_EQ(runs, 1);
}
INSTANTIATE_TEST_SUITE_P(
    , GuardGoodKey,
    testing::Values(key_case{"OneByte", {"k"}}, key_case{"Longest", {std::string(255, 'k')}},
                    key_case{"LongestQuoted", {'"' + std::string(255, 'k') + '"'}},
                    key_case{"Uuid", {"5f1c6d6e-8f5a-4b43-9d3e-1d3c0a2b7c11"}},
                    key_case{"Blank", {"a b"}}, key_case{"Bytes", {"\xff\x80"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Guard, TakesAQuotedKeyForTheBareOne) {
  serve(answering(accepted()));
  const response first = answer(with_keys({"\"key-1\""}));
  expect_replay(answer(), first);
}

TEST_F(Guard, TakesTheHeaderInAnyCase) {
  serve(answering(accepted()));
  ask lower = with_headers({{"idempotency-key", "key-1"}});
  lower.keys.clear();
  const response first = answer(lower);
  expect_replay(answer(), first);
  lower.keys = {"key-1"};
  EXPECT_EQ(answer(lower).status, 400) << "sent twice, in two spellings";
}

TEST_F(Guard, SafeMethodsIgnoreTheKey) {
  serve(answering(accepted()));
  for (const method each : {method::get, method::head, method::options}) {
    ask a = with_verb(each);
    for (const char* key : {"key-1", "key-1", ""}) {
      a.keys = {key};
      const response r = answer(a);
      EXPECT_EQ(r.status, 202);
      EXPECT_EQ(r.header(replay_header), std::nullopt);
    }
  }
  EXPECT_EQ(runs, 9);
  EXPECT_TRUE(records.seen.empty());
}

TEST_F(Guard, EveryOtherMethodIsGuarded) {
  serve(answering(accepted()));
  for (const method each : {method::post, method::put, method::patch, method::delete_}) {
    ask a = with_verb(each);
    a.keys = {std::string(to_string(each))};
    const response first = answer(a);
    expect_replay(answer(a), first);
  }
  EXPECT_EQ(runs, 4);
}

TEST_F(Guard, TakesNoKeyWhereNobodyIsAuthenticated) {
  serve(answering(accepted()));
  ask a = with_target("/v1/public");
  expect_failed(answer(a));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{false});
  a.keys.clear();
  EXPECT_EQ(answer(a).status, 202);
}

// Replays and conflicts.

TEST_F(Guard, ReplaysTheFirstResponse) {
  response made = accepted();
  made.headers.push_back({"Location", "/v1/calls/call_1"});
  serve(answering(made));
  const response first = answer();
  EXPECT_EQ(first.header(replay_header), std::nullopt);
  EXPECT_EQ(first.header(original_header), std::nullopt);
  EXPECT_EQ(text_of(first, "X-Request-Id"), "req-1");
  for (int i = 2; i < 4; ++i) {
    const response again = answer();
    expect_replay(again, first);
    EXPECT_EQ(text_of(again, "X-Request-Id"), "req-" + std::to_string(i));
    EXPECT_EQ(text_of(again, original_header), "req-1");
    EXPECT_EQ(text_of(again, "Location"), "/v1/calls/call_1");
  }
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(seen.handler_ran, (std::vector<bool>{true, false, false}));
}

// E8, E9 and G18.
TEST_F(Guard, ReplaysForADayFromTheCompletionOn) {
  serve(answering(accepted()));
  const response first = answer();
  time.advance(24h - 1ms);
  expect_replay(answer(), first);
  time.advance(1ms);
  const response fresh = answer();
  EXPECT_EQ(fresh.header(replay_header), std::nullopt);
  EXPECT_EQ(runs, 2);
}

struct other_case {
  const char* name;
  ask other;
};
class GuardConflict : public Guard, public testing::WithParamInterface<other_case> {};
TEST_P(GuardConflict, NamesTheFirstRequestOnceThatIsDone) {
  serve(answering(accepted()));
  answer();
  expect_conflict(answer(GetParam().other), "req-1");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(seen.handler_ran, (std::vector<bool>{true, false}));
}
TEST_P(GuardConflict, NamesTheFirstRequestWhileThatRuns) {
  serve(kept_handler());
  start();
  expect_conflict(answer(GetParam().other), "req-1");
  EXPECT_EQ(runs, 1);
}
INSTANTIATE_TEST_SUITE_P(
    , GuardConflict,
    testing::Values(other_case{"Body", with_body("{ }")}, other_case{"NoBody", with_body("")},
                    other_case{"Path", with_target("/v1/other")},
                    other_case{"Query", with_target("/v1/calls?dry_run=1")},
                    other_case{"Method", with_verb(method::put)},
                    other_case{"MediaType", with_headers({{"Content-Type", "text/plain"}})},
                    other_case{"TwoMediaTypes", with_headers({{"Content-Type", ""},
                                                              {"Content-Type", "text/plain"}})}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Guard, MediaTypesAreComparedWithoutParametersAndCase) {
  serve(answering(accepted()));
  const response first = answer(with_headers({{"Content-Type", "application/json"}}));
  for (const char* same :
       {"application/json; charset=utf-8", "Application/JSON", "application/json ;a=b"}) {
    expect_replay(answer(with_headers({{"content-type", same}})), first);
  }
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, ScopesAreApart) {
  serve(answering(accepted()));
  const response first = answer();
  const response other = answer(with_scope("tenant-2"));
  EXPECT_EQ(other.header(replay_header), std::nullopt);
  EXPECT_EQ(runs, 2);
  const response again = answer(with_scope("tenant-2"));
  EXPECT_EQ(text_of(again, original_header), "req-2");
}

TEST_F(Guard, CanonicalBodiesAreOneRequest) {
  serve(answering(accepted()), abandoned::indeterminate,
        {.canonical_body = [](const request_view& r) {
          std::string body(r.body);
          std::erase(body, ' ');
          return body;
        }});
  const response first = answer(with_body(R"({"to":"+1"})"));
  expect_replay(answer(with_body(R"({ "to" : "+1" })")), first);
  expect_conflict(answer(with_body(R"({"to":"+2"})")), "req-1");
}

TEST_F(Guard, ABodyThatCannotBeMadeCanonicalRunsNothing) {
  serve(answering(accepted()), abandoned::indeterminate,
        {.canonical_body = [](const request_view&) -> std::string {
          throw std::runtime_error("not JSON");
        }});
  expect_failed(answer());
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{false});
  EXPECT_TRUE(records.seen.empty());
}

// Waiting.

TEST_F(Guard, WaitingRequestsGetTheResponse) {
  serve(kept_handler());
  const auto first = start();
  const auto second = start();
  const auto third = start();
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(second->answers.empty());
  std::move(kept.front()).send(accepted());
  for (const auto& each : {second, third}) {
    expect_replay(only(each), only(first));
    EXPECT_EQ(text_of(only(each), original_header), "req-1");
  }
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, WhereTheFirstFreesTheKeyOneThatWaitsRuns) {
  serve(kept_handler());
  const auto first = start();
  const auto second = start();
  const auto third = start();
  std::move(kept[0]).send(json_response(503, "{}"));
  EXPECT_EQ(only(first).status, 503);
  EXPECT_EQ(runs, 2);
  std::move(kept[1]).send(accepted());
  EXPECT_EQ(only(second).header(replay_header), std::nullopt);
  expect_replay(only(third), only(second));
  EXPECT_EQ(text_of(only(third), original_header), "req-2");
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, WhatHadToWaitRunsWhereItIsPosted) {
  std::vector<std::function<void()>> posted;
  serve(kept_handler(), abandoned::indeterminate, {},
        {.post = [&posted](std::function<void()> work) { posted.push_back(std::move(work)); }});
  const auto first = start();
  EXPECT_EQ(runs, 1) << "the first one has not waited";
  const auto second = start();
  const auto third = start();
  std::move(kept[0]).send(json_response(503, "{}"));
  ASSERT_EQ(posted.size(), 1u);
  EXPECT_EQ(runs, 1);
  posted[0]();
  EXPECT_EQ(runs, 2);
  std::move(kept[1]).send(json_response(503, "{}"));
  EXPECT_EQ(only(second).status, 503);
  ASSERT_EQ(posted.size(), 2u);
  posted.clear();  // dropped: nothing was run, and the key is free
  EXPECT_EQ(only(third).status, 500);
  start();
  EXPECT_EQ(runs, 3);
}

TEST_F(Guard, WhatCannotBePostedFreesTheKey) {
  serve(kept_handler(), abandoned::indeterminate, {},
        {.post = [](const std::function<void()>&) { throw std::runtime_error("no"); }});
  const auto first = start();
  const auto second = start();
  std::move(kept[0]).send(json_response(503, "{}"));
  EXPECT_EQ(only(second).status, 500);
  start();
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, WaitsNoLongerThanItsBound) {
  serve(kept_handler());
  const auto first = start();
  const auto second = start();
  time.advance(10s - 1ms);
  EXPECT_TRUE(second->answers.empty());
  time.advance(1ms);
  expect_busy(only(second));
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{false});
  std::move(kept.front()).send(accepted());
  EXPECT_EQ(second->answers.size(), 1u);
  expect_replay(answer(), only(first));
}

// What is stored.

TEST_F(Guard, AnswersOf2xxAreStoredAndAllOthersFreeTheKey) {
  std::uint16_t status = 0;
  serve([&](const request_view&) {
    ++runs;
    return json_response(status, "{}");
  });
  for (status = 200; status < 600; ++status) {
    const bool is_stored = status < 300;
    const ask a = with_keys({std::to_string(status)});
    runs = 0;
    const response first = answer(a);
    EXPECT_EQ(first.status, status);
    const response second = answer(a);
    EXPECT_EQ(second.status, status);
    EXPECT_EQ(runs, is_stored ? 1 : 2) << status;
    EXPECT_EQ(second.header(replay_header).has_value(), is_stored) << status;
  }
}

TEST_F(Guard, WhatIsStoredCanBeDecided) {
  std::uint16_t status = 404;
  serve(
      [&](const request_view&) {
        ++runs;
        return json_response(status, "{}");
      },
      abandoned::indeterminate, {},
      {.is_stored = [](const response& r) { return r.status == 404; }});
  const response first = answer();
  expect_replay(answer(), first);
  EXPECT_EQ(runs, 1);
  status = 200;
  answer(with_keys({"key-2"}));
  answer(with_keys({"key-2"}));
  EXPECT_EQ(runs, 3);
}

// A catalogue of a user's own.

constexpr errors::code scope_missing = errors::own_code(0);
constexpr std::array own_rows = {
    errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
                     "#authentication", "The API key lacks a scope."),
    errors::http_row(errors::code::idempotency_conflict, 409, errors::retry_hint::never,
                     "idempotency_conflict", "#retries", "Another request has this key."),
};
constexpr errors::catalogue_view own_catalogue = errors::catalogue<own_rows>();

TEST_F(Guard, AReplayKeepsACodeOfTheCatalogue) {
  for (const errors::code each : {scope_missing, errors::code::not_found, errors::code::unknown}) {
    response made =
        each == errors::code::unknown
            ? accepted()
            : to_response(each == scope_missing ? envelope::error(*own_catalogue.find(each))
                                                : envelope::error(each));
    serve(answering(made), abandoned::indeterminate, {},
          {.is_stored = [](const response&) { return true; }, .catalogue = own_catalogue});
    const ask a = with_keys({"key-" + std::to_string(static_cast<int>(each))});
    const response first = answer(a);
    EXPECT_EQ(first.error_code, each);
    const response second = answer(a);
    expect_replay(second, first);
    EXPECT_EQ(second.error_code, each);
  }
}

TEST_F(Guard, ACodeThatIsNotOfTheCatalogueIsReplayedAsUnknown) {
  serve(answering(to_response(envelope::error(*own_catalogue.find(scope_missing)))),
        abandoned::indeterminate, {}, {.is_stored = [](const response&) { return true; }});
  const response first = answer();
  EXPECT_EQ(first.error_code, scope_missing);
  const response second = answer();
  expect_replay(second, first);
  EXPECT_EQ(second.error_code, errors::code::unknown);
}

TEST_F(Guard, SaysWhatTheRowOfTheCatalogueSays) {
  serve(answering(accepted()), abandoned::indeterminate, {.is_key_required = true},
        {.catalogue = own_catalogue});
  answer();
  const response other = answer(with_body("[]"));
  expect_conflict(other, "req-1");
  EXPECT_THAT(other.body, HasSubstr("Another request has this key."));
  // What it does not hold is built in.
  const response refused = answer(with_keys({}));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.error_code, errors::code::validation_error);
}

TEST_F(Guard, WhereNobodyCanDecideA2xxIsStored) {
  std::uint16_t status = 202;
  serve(
      [&](const request_view&) {
        ++runs;
        return json_response(status, "{}");
      },
      abandoned::indeterminate, {},
      {.is_stored = [](const response&) -> bool { throw std::runtime_error("no"); }});
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  expect_replay(answer(), first);
  status = 404;
  EXPECT_EQ(answer(with_keys({"key-2"})).status, 404);
  EXPECT_EQ(answer(with_keys({"key-2"})).status, 404);
  EXPECT_EQ(runs, 3);
}

std::string all_bytes() {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  return all;
}

struct body_case {
  const char* name;
  response made;
};
class GuardReplay : public Guard, public testing::WithParamInterface<body_case> {};
TEST_P(GuardReplay, IsEqual) {
  serve(answering(GetParam().made));
  const response first = answer();
  EXPECT_EQ(first.body, GetParam().made.body);
  expect_replay(answer(), first);
  EXPECT_EQ(runs, 1);
}
constexpr std::size_t mebibyte = std::size_t{1} << 20;
INSTANTIATE_TEST_SUITE_P(
    , GuardReplay,
    testing::Values(body_case{"NoContent", {.status = 204}}, body_case{"Empty", {.status = 200}},
                    body_case{"EveryByte", {.status = 200, .body = all_bytes()}},
                    body_case{"Largest", {.status = 200, .body = std::string(mebibyte, 'x')}},
                    body_case{"Headers",
                              {.status = 201,
                               .headers = {{"Link", "<a>"}, {"Link", "<b>"}, {"ETag", "\"1\""}}}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Guard, AResponseAboveTheBoundIsSentAndNeverRunAgain) {
  serve(answering({.status = 200, .body = std::string(mebibyte + 1, 'x')}));
  const response first = answer();
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body.size(), mebibyte + 1);
  for (int i = 0; i < 2; ++i) {
    const response again = answer();
    expect_conflict(again, "req-1");
    EXPECT_THAT(again.body, HasSubstr("is not kept"));
  }
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, WhatIsOfOneResponseIsNotReplayed) {
  response made = accepted();
  made.headers.insert(made.headers.end(), {{"Set-Cookie", "a=b"},
                                           {"WWW-Authenticate", "Bearer"},
                                           {"Keep-Alive", "timeout=5"},
                                           {"X-Unstored", "1"},
                                           {"Location", "/v1/calls/call_1"}});
  serve(answering(made), abandoned::indeterminate, {}, {.unstored_headers = {"x-UNSTORED"}});
  const response first = answer();
  EXPECT_EQ(text_of(first, "Set-Cookie"), "a=b");
  EXPECT_EQ(text_of(first, "X-Unstored"), "1");
  const response again = answer();
  EXPECT_EQ(own_headers(again), (std::vector<header>{{"Content-Type", "application/json"},
                                                     {"Location", "/v1/calls/call_1"}}));
}

TEST_F(Guard, AnIdThatTheHandlerSetIsNotReplayed) {
  response made = accepted();
  made.headers.push_back({"x-request-id", "stale"});
  made.headers.push_back({"idempotency-replay", "stale"});
  serve(answering(made));
  answer();
  const response again = answer();
  EXPECT_EQ(text_of(again, "X-Request-Id"), "req-2");
  EXPECT_EQ(text_of(again, replay_header), "true");
}

class GuardUnsendable : public Guard, public testing::WithParamInterface<header> {};
TEST_P(GuardUnsendable, FailsAndIsNeverRunAgain) {
  response made = accepted();
  made.headers.push_back(GetParam());
  serve(answering(made));
  expect_failed(answer());
  const response again = answer();
  expect_conflict(again, "req-1");
  EXPECT_THAT(again.body, HasSubstr("is not kept"));
  EXPECT_EQ(runs, 1);
}
INSTANTIATE_TEST_SUITE_P(, GuardUnsendable,
                         testing::Values(header{"X-Echo", "a\r\nSet-Cookie: b=c"},
                                         header{"Connection", "close"}, header{"Date", "today"},
                                         header{"X A", "b"},
                                         header{"X-A", std::string(header_bytes_max, 'v')}));

TEST_F(Guard, ATombstoneIsForItsRequestAlone) {
  serve(answering({.status = 200, .body = std::string(mebibyte + 1, 'x')}));
  answer();
  const response other = answer(with_body("other"));
  expect_conflict(other, "req-1");
  EXPECT_THAT(other.body, Not(HasSubstr("is not kept")));
}

// Handlers that fail.

enum class failing { throws, throws_an_int, drops };

struct failing_case {
  const char* name;
  failing how;
  bool is_marked;
  bool throw_means_not_done;
  bool is_freed;
};
class GuardFailing : public Guard, public testing::WithParamInterface<failing_case> {
 protected:
  void serve_failing(abandoned_policy policy) {
    serve(
        [this](const request_view&, attempt a, responder respond) {
          ++runs;
          operations.emplace_back(a.operation_id());
          fences.push_back(a.fence());
          if (GetParam().is_marked) {
            EXPECT_TRUE(a.mark("dialling"));
          }
          if (!fails) return std::move(respond).send(accepted());
          switch (GetParam().how) {
            case failing::throws: throw std::runtime_error("no");
            case failing::throws_an_int: throw 1;
            case failing::drops: break;
          }
        },
        std::move(policy), {.throw_means_not_done = GetParam().throw_means_not_done});
  }
  bool fails = true;
  std::vector<std::string> operations;
  std::vector<std::uint64_t> fences;
};

TEST_P(GuardFailing, FreesTheKeyWhereNothingCanHaveHappened) {
  serve_failing(abandoned::indeterminate);
  expect_failed(answer());
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{true});
  fails = false;
  if (GetParam().is_freed) {
    const response second = answer();
    EXPECT_EQ(second.status, 202);
    EXPECT_EQ(operations, (std::vector<std::string>{"req-1", "req-2"}));
    expect_replay(answer(), second);
    return;
  }
  const auto waiting = start();
  EXPECT_TRUE(waiting->answers.empty());
  time.advance(10s);
  expect_busy(only(waiting));
  time.advance(20s);
  for (int i = 0; i < 2; ++i) {
    const response r = answer();
    expect_conflict(r, "req-1");
    EXPECT_THAT(r.body, HasSubstr("outcome"));
  }
  expect_conflict(answer(with_body("other")), "req-1");
  EXPECT_EQ(runs, 1);
}

TEST_P(GuardFailing, RunsAgainWhereThePolicySaysSo) {
  serve_failing(abandoned::rerun);
  expect_failed(answer());
  fails = false;
  time.advance(30s);
  const response second = answer();
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(operations[1], GetParam().is_freed ? "req-2" : "req-1");
  EXPECT_GT(fences[1], fences[0]);
  expect_replay(answer(), second);
}

INSTANTIATE_TEST_SUITE_P(
    , GuardFailing,
    testing::Values(
        failing_case{"ThrowsBeforeItsMark", failing::throws, false, false, true},
        failing_case{"ThrowsAfterItsMark", failing::throws, true, false, false},
        failing_case{"ThrowsAfterItsMarkNotDone", failing::throws, true, true, true},
        failing_case{"ThrowsAnIntBeforeItsMark", failing::throws_an_int, false, false, true},
        failing_case{"ThrowsAnIntAfterItsMark", failing::throws_an_int, true, false, false},
        failing_case{"DropsBeforeItsMark", failing::drops, false, false, true},
        failing_case{"DropsAfterItsMark", failing::drops, true, false, false}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Guard, AFailureAfterTheMarkFreesTheKeyWhereTheHandlerSaysWhatItIs) {
  serve([this](const request_view&, attempt a) {
    ++runs;
    EXPECT_TRUE(a.mark("dialling"));
    return json_response(502, "{}");
  });
  EXPECT_EQ(answer().status, 502);
  EXPECT_EQ(answer().status, 502);
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, AThrowAfterTheAnswerChangesNothing) {
  serve([this](const request_view&, responder respond) {
    ++runs;
    std::move(respond).send(accepted());
    throw std::runtime_error("late");
  });
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  expect_replay(answer(), first);
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, ASecondAnswerIsDropped) {
  serve([this](const request_view&, responder respond) {
    ++runs;
    std::move(respond).send(accepted());
    EXPECT_DEBUG_DEATH(std::move(respond).send(json_response(500, "second")), "answered once");
  });
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  expect_replay(answer(), first);
}

TEST_F(Guard, AThrownPolicyIsIndeterminate) {
  serve(kept_handler(), [](std::string_view, std::string_view) -> abandoned { throw 1; });
  start();
  EXPECT_TRUE(attempts[0].mark("dialling"));
  kept.clear();
  time.advance(30s);
  expect_conflict(answer(), "req-1");
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, AnAbandonedAttemptIsKnownAsLongAsItsRecordLives) {
  serve(kept_handler());
  start();
  EXPECT_TRUE(attempts[0].mark("dialling"));
  kept.clear();
  time.advance(24h - 1ms);
  expect_conflict(answer(), "req-1");
  time.advance(1ms);
  start();
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, ThePolicyIsToldWhatWasMarked) {
  std::vector<std::string> told;
  abandoned decision = abandoned::indeterminate;
  serve(kept_handler(), [&](std::string_view operation, std::string_view note) {
    told.push_back(std::string(operation) + ": " + std::string(note));
    return decision;
  });
  start();
  EXPECT_TRUE(attempts[0].mark("dialling +14155550123"));
  kept.clear();
  time.advance(30s);
  expect_conflict(answer(), "req-1");
  EXPECT_EQ(seen.handler_ran, (std::vector<bool>{true, false}));
  decision = abandoned::rerun;
  const auto rerun = start();
  EXPECT_EQ(told, std::vector<std::string>(2, "req-1: dialling +14155550123"));
  ASSERT_EQ(runs, 2);
  EXPECT_EQ(attempts[1].operation_id(), "req-1");
  EXPECT_GT(attempts[1].fence(), attempts[0].fence());
  std::move(kept[0]).send(accepted());
  EXPECT_EQ(only(rerun).status, 202);
  expect_replay(answer(), only(rerun));
}

// Leases.

TEST_F(Guard, ALeaseIsRenewedWhileTheHandlerRuns) {
  serve(kept_handler());
  const auto first = start();
  time.advance(10min);
  EXPECT_TRUE(attempts[0].holds());
  expect_conflict(answer(with_body("other")), "req-1");
  std::move(kept[0]).send(accepted());
  EXPECT_EQ(only(first).status, 202);
  expect_replay(answer(), only(first));
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, AnAttemptThatIsTakenOverChangesNothing) {
  serve(kept_handler());
  records.refuse(op_kind::renew, {.why = store_errc::unavailable});
  const auto first = start();
  const auto dropped = start(with_keys({"key-2"}));
  time.advance(31s);
  EXPECT_FALSE(attempts[0].holds());
  const auto second = start();
  ASSERT_EQ(runs, 3);
  EXPECT_GT(attempts[2].fence(), attempts[0].fence());
  EXPECT_EQ(attempts[2].operation_id(), "req-1") << "the operation is the same";
  const auto marked = attempts[0].mark("too late");
  ASSERT_FALSE(marked);
  EXPECT_FALSE(marked.error().is_retryable);

  std::move(kept[0]).send(json_response(202, "first"));
  EXPECT_EQ(only(first).body, "first");
  expect_conflict(answer(with_body("other")), "req-1");
  std::move(kept[2]).send(json_response(202, "second"));
  expect_replay(answer(), only(second));
  EXPECT_EQ(runs, 3);
}

TEST_F(Guard, AnAttemptThatIsTakenOverCannotFreeTheKey) {
  serve(kept_handler());
  records.refuse(op_kind::renew, {.why = store_errc::unavailable});
  const auto first = start();
  time.advance(31s);
  const auto second = start();
  std::move(kept[0]).send(json_response(503, "{}"));
  EXPECT_EQ(only(first).status, 503);
  const auto third = start();
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(third->answers.empty());
  std::move(kept[1]).send(accepted());
  expect_replay(only(third), only(second));
}

TEST_F(Guard, AnAttemptOutlivesItsResponse) {
  serve(kept_handler());
  start();
  EXPECT_TRUE(attempts[0].holds());
  EXPECT_TRUE(attempts[0].is_protected());
  std::move(kept[0]).send(accepted());
  const std::size_t sent = records.seen.size();
  EXPECT_FALSE(attempts[0].holds());
  EXPECT_EQ(attempts[0].operation_id(), "req-1");
  EXPECT_GT(attempts[0].fence(), 0u);
  EXPECT_FALSE(attempts[0].mark("after the response"));
  int told = 0;
  attempts[0].mark("after the response", [&](attempt::mark_result r) { told += r ? 100 : 1; });
  EXPECT_EQ(told, 1);
  EXPECT_EQ(records.seen.size(), sent);
  kept.clear();
  service_.reset();
  engine_.reset();
  EXPECT_FALSE(attempts[0].holds());
  EXPECT_EQ(attempts[0].operation_id(), "req-1");
}

// Marks.

enum class mark_form { blocking, callback, awaited };

class GuardMark : public Guard, public testing::WithParamInterface<mark_form> {
 protected:
  void serve_marking(std::string note = "dialling") {
    const auto answer_for = [this](const attempt::mark_result& r) {
      if (r) return accepted();
      failures.push_back(r.error());
      return json_response(503, "{}");
    };
    switch (GetParam()) {
      case mark_form::blocking:
        return serve([this, note, answer_for](const request_view&, attempt a) {
          ++runs;
          return answer_for(a.mark(note));
        });
      case mark_form::callback:
        return serve([this, note, answer_for](const request_view&, attempt a, responder respond) {
          ++runs;
          const auto way_back = std::make_shared<responder>(std::move(respond));
          a.mark(note, [way_back, answer_for](attempt::mark_result r) {
            std::move(*way_back).send(answer_for(r));
          });
        });
      case mark_form::awaited:
        return serve([this, note, answer_for](const request_view&, attempt a) -> handler_task {
          ++runs;
          const attempt::mark_result marked = co_await a.async_mark(note);
          co_return answer_for(marked);
        });
    }
  }
  std::vector<store_failure> failures;
};
std::string name_of(mark_form form) {
  switch (form) {
    case mark_form::blocking: return "Blocking";
    case mark_form::callback: return "Callback";
    case mark_form::awaited: return "Awaited";
  }
  return "Unknown";
}
INSTANTIATE_TEST_SUITE_P(, GuardMark,
                         testing::Values(mark_form::blocking, mark_form::callback,
                                         mark_form::awaited),
                         [](const auto& each) { return name_of(each.param); });

TEST_P(GuardMark, IsStoredBeforeTheHandlerGoesOn) {
  serve_marking();
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(records.seen, (std::vector<op_kind>{op_kind::claim, op_kind::mark, op_kind::complete}));
  expect_replay(answer(), first);
}

TEST_P(GuardMark, TellsTheHandlerThatItFailed) {
  records.refuse(op_kind::mark, {.why = store_errc::unavailable, .is_retryable = true});
  serve_marking();
  EXPECT_EQ(answer().status, 503);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].why, store_errc::unavailable);
  EXPECT_TRUE(failures[0].is_retryable);
  records.pass();
  EXPECT_EQ(answer().status, 202) << "the key is free";
  EXPECT_EQ(runs, 2);
}

TEST_P(GuardMark, HoldsTheSizeOfANoteOnBothSides) {
  serve_marking(std::string(256, 'n'));
  EXPECT_EQ(answer().status, 202);
  serve_marking(std::string(257, 'n'));
  EXPECT_EQ(answer(with_keys({"key-2"})).status, 503);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].why, store_errc::invalid);
}

// A store may call done() before its start returns.
class inline_store final : public idempotency::store {
 public:
  explicit inline_store(idempotency::store& inner) : inner_(inner) {}

 private:
  template <class Op>
  bool run(Op& op, bool (store::*start)(Op&) noexcept) {
    if ((inner_.*start)(op)) op.done();
    return false;
  }
  bool do_claim(idempotency::claim_op& op) noexcept override { return run(op, &store::claim); }
  bool do_complete(idempotency::complete_op& op) noexcept override {
    return run(op, &store::complete);
  }
  bool do_release(idempotency::release_op& op) noexcept override {
    return run(op, &store::release);
  }
  bool do_renew(idempotency::renew_op& op) noexcept override { return run(op, &store::renew); }
  bool do_mark(idempotency::mark_op& op) noexcept override { return run(op, &store::mark); }
  void do_cancel(idempotency::op_base&) noexcept override {}
  void do_shutdown() noexcept override { inner_.shutdown(); }

  idempotency::store& inner_;
};

TEST_P(GuardMark, TakesAnAnswerWithinTheStart) {
  inline_store inlined(*memory);
  store_ = &inlined;
  serve_marking();
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  expect_replay(answer(), first);
  EXPECT_EQ(runs, 1);
  engine_.reset();
}

// The store answers from a thread of its own, at any moment around the return of the start.
class threaded_store final : public idempotency::store {
 public:
  explicit threaded_store(idempotency::store& inner) : inner_(inner) {}
  ~threaded_store() override { join(); }
  void join() {
    for (std::thread& each : threads_) each.join();
    threads_.clear();
  }

 private:
  bool do_claim(idempotency::claim_op& op) noexcept override { return inner_.claim(op); }
  bool do_complete(idempotency::complete_op& op) noexcept override { return inner_.complete(op); }
  bool do_release(idempotency::release_op& op) noexcept override { return inner_.release(op); }
  bool do_renew(idempotency::renew_op& op) noexcept override { return inner_.renew(op); }
  bool do_mark(idempotency::mark_op& op) noexcept override {
    threads_.emplace_back([this, &op] {
      inner_.mark(op);
      op.done();
    });
    return false;
  }
  void do_cancel(idempotency::op_base&) noexcept override {}
  void do_shutdown() noexcept override { inner_.shutdown(); }

  idempotency::store& inner_;
  std::vector<std::thread> threads_;
};

TEST_P(GuardMark, TakesAnAnswerFromAnotherThread) {
  threaded_store threaded(*memory);
  store_ = &threaded;
  serve_marking();
  for (int i = 0; i < 50; ++i) {
    const auto e = make(with_keys({std::to_string(i)}));
    std::latch answered(1);
    e->on_answer = [&answered] { answered.count_down(); };
    service_->handle(e);
    answered.wait();
    EXPECT_EQ(only(e).status, 202);
    threaded.join();
  }
  engine_.reset();
}

TEST_F(Guard, OneMarkIsMadeAtATime) {
  serve(kept_handler());
  const auto first = start();
  records.hold(op_kind::mark);
  std::vector<bool> told;
  const auto tell = [&](attempt::mark_result r) { told.push_back(r.has_value()); };
  attempts[0].mark("one", tell);
  EXPECT_TRUE(told.empty());
  attempts[0].mark("two", tell);
  EXPECT_EQ(told, std::vector<bool>{false});
  records.resume();
  EXPECT_EQ(told, (std::vector<bool>{false, true}));
  records.pass();
  attempts[0].mark("three", tell);
  EXPECT_EQ(told, (std::vector<bool>{false, true, true}));
  std::move(kept[0]).send(accepted());
}

struct overtaken_case {
  const char* name;
  std::uint16_t status;  // 0: the responder is dropped
};
class GuardOvertakenMark : public Guard, public testing::WithParamInterface<overtaken_case> {};
TEST_P(GuardOvertakenMark, Fails) {
  serve(kept_handler());
  const auto first = start();
  records.hold(op_kind::mark);
  std::vector<bool> told;
  attempts[0].mark("dialling", [&](attempt::mark_result r) { told.push_back(r.has_value()); });
  if (GetParam().status == no_answer) {
    kept.clear();
  } else {
    std::move(kept[0]).send(json_response(GetParam().status, "{}"));
  }
  EXPECT_TRUE(told.empty());
  records.resume();
  EXPECT_EQ(told, std::vector<bool>{false}) << "or another run would be beside it";
  records.pass();
  if (GetParam().status == no_answer) {
    expect_failed(only(first));
    time.advance(30s);
    expect_conflict(answer(), "req-1");
    EXPECT_EQ(runs, 1);
  } else if (GetParam().status == 202) {
    expect_replay(answer(), only(first));
  } else {
    EXPECT_EQ(only(first).status, GetParam().status);
    start();
    EXPECT_EQ(runs, 2);
  }
}
INSTANTIATE_TEST_SUITE_P(, GuardOvertakenMark,
                         testing::Values(overtaken_case{"ByAResponse", 202},
                                         overtaken_case{"ByAFailure", 504},
                                         overtaken_case{"ByNoAnswer", no_answer}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Guard, ACoroutineWaitsForItsMark) {
  serve([this](const request_view&, attempt a) -> handler_task {
    ++runs;
    const attempt::mark_result marked = co_await a.async_mark("dialling");
    if (!marked) co_return json_response(503, "{}");
    co_return json_response(202, std::string(a.operation_id()));
  });
  records.hold(op_kind::mark);
  const auto first = start();
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(first->answers.empty());
  records.resume();
  EXPECT_EQ(only(first).body, "req-1");
  expect_replay(answer(), only(first));
}

// The store.

TEST_F(Guard, AStoreThatIsAwayRunsNothing) {
  serve(answering(accepted()));
  records.refuse(op_kind::claim);
  expect_failed(answer());
  const response call = answer(with_target("/v1/dial"));
  EXPECT_THAT(call.body, HasSubstr(R"("category":"provider_error")"));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(seen.handler_ran, (std::vector<bool>{false, false}));
  records.pass();
  EXPECT_EQ(answer().status, 202);
}

struct open_case {
  store_errc why;
  bool is_run;
};
class GuardFailsOpen : public Guard, public testing::WithParamInterface<open_case> {};
TEST_P(GuardFailsOpen, WhereTheStoreDoesNotAnswer) {
  std::vector<bool> was_protected;
  serve(
      [&](const request_view&, attempt a) {
        was_protected.push_back(a.is_protected());
        EXPECT_TRUE(a.mark("dialling"));
        EXPECT_EQ(a.fence(), 0u);
        EXPECT_EQ(a.operation_id(), "req-1");
        return accepted();
      },
      abandoned::indeterminate, {.fails_open = true});
  records.refuse(op_kind::claim, {.why = GetParam().why});
  const response r = answer();
  EXPECT_EQ(was_protected, std::vector<bool>(GetParam().is_run ? 1 : 0, false));
  EXPECT_EQ(text_of(r, unprotected_header), GetParam().is_run ? "true" : "none");
  EXPECT_EQ(seen.handler_ran, std::vector<bool>{GetParam().is_run});
  if (GetParam().is_run) {
    EXPECT_EQ(r.status, 202);
  } else if (GetParam().why == store_errc::scope_full) {
    EXPECT_EQ(r.status, 429);
  } else {
    expect_failed(r);
  }
}
INSTANTIATE_TEST_SUITE_P(
    , GuardFailsOpen,
    testing::Values(open_case{store_errc::unavailable, true},
                    open_case{store_errc::timed_out, true}, open_case{store_errc::busy, true},
                    open_case{store_errc::full, false}, open_case{store_errc::scope_full, false},
                    open_case{store_errc::out_of_memory, false},
                    open_case{store_errc::canceled, false},
                    open_case{store_errc::corrupt_record, false},
                    open_case{store_errc::spent_nonce, false},
                    open_case{store_errc::invalid, false}, open_case{store_errc::shut_down, false}),
    [](const auto& each) {
      std::string name;
      for (const char c : to_string(each.param.why)) {
        if (c != '_') name.push_back(c);
      }
      return name;
    });

TEST_F(Guard, ARunWithoutProtectionThatFailsSaysSoToo) {
  serve(
      [this](const request_view&) -> response {
        if (++runs == 1) throw std::runtime_error("no");
        response r = accepted();
        r.headers.push_back({"X-Echo", "a\r\nb"});
        return r;
      },
      abandoned::indeterminate, {.fails_open = true});
  records.refuse(op_kind::claim);
  for (int i = 0; i < 2; ++i) {
    const response r = answer(with_target("/v1/dial"));
    expect_failed(r);
    EXPECT_EQ(text_of(r, unprotected_header), "true");
    EXPECT_THAT(r.body, HasSubstr(R"("category":"provider_error")"));
  }
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, AClaimThatMayHaveBeenGrantedIsGivenBackBeforeARunWithoutProtection) {
  serve(answering(accepted()), abandoned::indeterminate, {.fails_open = true});
  records.lose(op_kind::claim, 2);
  const response first = answer();
  EXPECT_EQ(text_of(first, unprotected_header), "true");
  EXPECT_EQ(records.count(op_kind::release), 1u);
  const response second = answer();
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.header(unprotected_header), std::nullopt);
  EXPECT_EQ(runs, 2);
}

TEST_F(Guard, AnEngineThatDrainsRunsNothing) {
  serve(answering(accepted()), abandoned::indeterminate, {.fails_open = true});
  EXPECT_TRUE(engine_->drain(0ms));
  expect_failed(answer());
  EXPECT_EQ(runs, 0);
}

TEST_F(Guard, AScopeThatHasUsedUpItsShareIsSlowedDown) {
  make_memory({.entries_max = 8, .scope_share = 8, .shards = 1});
  serve(answering(accepted()), abandoned::indeterminate, {.fails_open = true});
  EXPECT_EQ(answer().status, 202);
  for (const char* target : {"/v1/calls", "/v1/dial"}) {
    ask a = with_target(target);
    a.keys = {"key-2"};
    const response r = answer(a);
    EXPECT_EQ(r.status, 429) << target;
    EXPECT_EQ(r.error_code, errors::code::rate_limited);
    EXPECT_GE(std::stoi(text_of(r, "Retry-After")), 1);
    EXPECT_THAT(r.body, Not(HasSubstr("category"))) << "no limit on calls placed at once, G3";
  }
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(answer(with_scope("tenant-2")).status, 202) << "others are not";
}

TEST_F(Guard, AStoreThatIsFullRunsNothing) {
  make_memory({.entries_max = 1, .scope_share = 1, .shards = 1});
  serve(answering(accepted()), abandoned::indeterminate, {.fails_open = true});
  const response first = answer();
  EXPECT_EQ(first.status, 202);
  expect_failed(answer(with_keys({"key-2"})));
  EXPECT_EQ(runs, 1);
  expect_replay(answer(), first);
}

TEST_F(Guard, TheResponseWaitsForTheStoreOnlySoLong) {
  serve(answering(accepted()));
  records.hold(op_kind::complete);
  const auto first = start();
  time.advance(999ms);
  EXPECT_TRUE(first->answers.empty());
  time.advance(1ms);
  EXPECT_EQ(only(first).status, 202);
  records.pass();
  records.resume();
  EXPECT_EQ(first->answers.size(), 1u);
  expect_replay(answer(), only(first));
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, StoringGoesOnAfterTheResponse) {
  serve(answering(accepted()));
  records.refuse(op_kind::complete);
  const auto first = start();
  time.advance(1s);
  EXPECT_EQ(only(first).status, 202);
  records.pass();
  time.advance(1s);
  expect_replay(answer(), only(first));
  EXPECT_EQ(runs, 1);
}

TEST_F(Guard, AFailureWaitsForTheReleaseOnlySoLong) {
  serve(answering(json_response(503, "{}")));
  records.hold(op_kind::release);
  const auto first = start();
  time.advance(999ms);
  EXPECT_TRUE(first->answers.empty());
  time.advance(1ms);
  EXPECT_EQ(only(first).status, 503);
  records.pass();
  records.resume();
}

// G2: the category is that of the route.
TEST_F(Guard, AFailingHandlerHasTheTierOfItsRoute) {
  serve([](const request_view&) -> response { throw std::runtime_error("no"); });
  EXPECT_THAT(answer(with_target("/v1/dial")).body, HasSubstr(R"("category":"provider_error")"));
  EXPECT_THAT(answer(with_keys({"key-2"})).body, Not(HasSubstr("category")));
}

// The forms of a handler.

// Threads that take work.
class pool {
 public:
  explicit pool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~pool() {
    {
      const std::lock_guard held(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& each : threads_) each.join();
  }
  void post(std::function<void()> work) {
    {
      const std::lock_guard held(mutex_);
      queue_.push_back(std::move(work));
    }
    changed_.notify_one();
  }
  auto poster() {
    return [this](std::function<void()> work) { post(std::move(work)); };
  }

 private:
  void run() {
    std::unique_lock held(mutex_);
    while (true) {
      changed_.wait(held, [this] { return is_over_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto work = std::move(queue_.front());
      queue_.pop_front();
      held.unlock();
      work();
      work = nullptr;
      held.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

class GuardForm : public Guard {
 protected:
  /// Sends it, and again, and waits for the answers.
  void expect_one_run(const std::string& body) {
    const response first = wait_for(make({}));
    EXPECT_EQ(first.status, 202);
    EXPECT_EQ(first.body, body);
    expect_replay(wait_for(make({})), first);
    EXPECT_EQ(runs, 1);
    ask plain;
    plain.keys.clear();
    EXPECT_EQ(wait_for(make(plain)).status, 202);
    EXPECT_EQ(runs, 2);
  }
  response wait_for(const std::shared_ptr<fake_exchange>& e) {
    std::latch answered(1);
    e->on_answer = [&answered] { answered.count_down(); };
    service_->handle(e);
    answered.wait();
    return only(e);
  }
};

TEST_F(GuardForm, Plain) {
  serve([this](const request_view& r) {
    ++runs;
    return json_response(202, std::string(r.body));
  });
  expect_one_run("{}");
}

TEST_F(GuardForm, PlainThatIsCopiedWithWhatItCaptures) {
  const auto text = std::make_shared<std::string>("captured");
  serve([this, text](const request_view&) {
    ++runs;
    return json_response(202, *text);
  });
  expect_one_run("captured");
}

TEST_F(GuardForm, PlainWithAnAttempt) {
  serve([this](const request_view& r, const attempt& a) {
    ++runs;
    EXPECT_EQ(a.operation_id(), r.request_id);
    return json_response(202, std::string(a.is_protected() ? "protected" : "plain"));
  });
  expect_one_run("protected");
}

TEST_F(GuardForm, Callback) {
  serve([this](const request_view& r, responder respond) {
    ++runs;
    std::move(respond).send(json_response(202, std::string(r.body)));
  });
  expect_one_run("{}");
}

TEST_F(GuardForm, CallbackWithAnAttempt) {
  serve([this](const request_view&, attempt a, responder respond) {
    ++runs;
    std::move(respond).send(json_response(202, a.is_protected() ? "protected" : "plain"));
  });
  expect_one_run("protected");
}

TEST_F(GuardForm, Coroutine) {
  serve([this](const request_view& r) -> handler_task {
    ++runs;
    co_return json_response(202, std::string(r.body));
  });
  expect_one_run("{}");
}

TEST_F(GuardForm, CoroutineWithAnAttempt) {
  serve([this](const request_view&, attempt a) -> handler_task {
    ++runs;
    co_return json_response(202, a.is_protected() ? "protected" : "plain");
  });
  expect_one_run("protected");
}

TEST_F(GuardForm, CoroutineThatThrows) {
  bool is_marking = false;
  serve([&](const request_view&, attempt a) -> handler_task {
    ++runs;
    if (is_marking) {
      const attempt::mark_result marked = co_await a.async_mark("dialling");
      EXPECT_TRUE(marked);
    }
    throw std::runtime_error("no");
  });
  expect_failed(answer());
  is_marking = true;
  expect_failed(answer());
  EXPECT_EQ(runs, 2);
  time.advance(30s);
  expect_conflict(answer(), "req-2");
}

TEST_F(GuardForm, FreeFunction) {
  struct by {
    static response run(const request_view&) { return json_response(202, "function"); }
  };
  serve(&by::run);
  EXPECT_EQ(answer().body, "function");
  EXPECT_EQ(text_of(answer(), replay_header), "true");
}

TEST_F(GuardForm, ResponderOnAnotherThread) {
  std::vector<std::thread> threads;
  serve([&](const request_view& r, responder respond) {
    ++runs;
    threads.emplace_back([&r, respond = std::move(respond)]() mutable {
      std::move(respond).send(json_response(202, std::string(r.body)));
    });
  });
  expect_one_run("{}");
  for (std::thread& each : threads) each.join();
}

TEST_F(GuardForm, OffloadedPlain) {
  store_ = memory.get();
  pool threads(2);
  serve(offload(threads.poster(), [this](const request_view& r) {
    ++runs;
    return json_response(202, std::string(r.body));
  }));
  expect_one_run("{}");
}

TEST_F(GuardForm, OffloadedWithAnAttempt) {
  store_ = memory.get();
  pool threads(2);
  serve(offload(threads.poster(), [this](const request_view&, attempt a) {
    ++runs;
    EXPECT_TRUE(a.mark("dialling"));
    return json_response(202, a.is_protected() ? "protected" : "plain");
  }));
  expect_one_run("protected");
}

TEST_F(GuardForm, OffloadedWithoutAGuard) {
  pool threads(1);
  routes table;
  table.get("/", offload(threads.poster(), [](const request_view&) { return accepted(); }),
            {.is_public = true});
  service_ = std::make_unique<service>(
      std::move(table), [](const request_view&) { return authentication("tenant-1"); });
  EXPECT_EQ(wait_for(std::make_shared<fake_exchange>(method::get, "/")).status, 202);
}

TEST_F(GuardForm, OffloadedWorkThatThrowsFreesTheKey) {
  store_ = memory.get();
  pool threads(1);
  serve(offload(threads.poster(), [this](const request_view&) -> response {
    if (++runs == 1) throw std::runtime_error("no");
    return accepted();
  }));
  expect_failed(wait_for(make({})));
  EXPECT_EQ(wait_for(make({})).status, 202);
}

TEST_F(GuardForm, OffloadedWorkThatIsDroppedFreesTheKey) {
  std::vector<std::function<void()>> dropped;
  bool is_dropping = true;
  serve(offload(
      [&](std::function<void()> work) {
        if (!is_dropping) return work();
        dropped.push_back(std::move(work));
      },
      answering(accepted())));
  const auto first = start();
  EXPECT_TRUE(first->answers.empty());
  dropped.clear();
  expect_failed(only(first));
  EXPECT_EQ(runs, 0);
  is_dropping = false;
  EXPECT_EQ(answer().status, 202);
}

TEST_F(GuardForm, WorkThatCannotBePostedFreesTheKey) {
  bool is_full = true;
  serve(offload(
      [&](const std::function<void()>& work) {
        if (is_full) throw std::runtime_error("full");
        work();
      },
      answering(accepted())));
  expect_failed(answer());
  is_full = false;
  EXPECT_EQ(answer().status, 202);
}

TEST_F(GuardForm, OffloadedWorkThatIsKeptAnswersWhenItThrows) {
  std::vector<std::function<void()>> ran;
  serve(offload(
      [&](std::function<void()> work) {
        work();
        ran.push_back(std::move(work));
      },
      [](const request_view&) -> response { throw std::runtime_error("no"); }));
  expect_failed(answer());
}

// With threads.

class GuardThreads : public GuardForm {
 protected:
  static constexpr int requests = 200;

  /// All at once; each is answered.
  std::vector<response> storm(ask a) {
    std::vector<std::shared_ptr<fake_exchange>> all;
    std::latch answered(requests);
    for (int i = 0; i < requests; ++i) {
      all.push_back(make(a));
      all.back()->on_answer = [&answered] { answered.count_down(); };
    }
    std::vector<std::thread> threads;
    for (const auto& each : all) {
      threads.emplace_back([this, &each] {
        begun.arrive_and_wait();
        service_->handle(each);
      });
    }
    for (std::thread& each : threads) each.join();
    answered.wait();
    std::vector<response> answers;
    for (const auto& each : all) answers.push_back(only(each));
    return answers;
  }
  static std::map<std::string, int> count(const std::vector<response>& answers) {
    std::map<std::string, int> counts;
    for (const response& each : answers) {
      ++counts[std::to_string(each.status) + (each.header(replay_header) ? " replay " : " run ") +
               each.body + text_of(each, original_header)];
    }
    return counts;
  }

  std::latch begun{requests};
};

TEST_F(GuardThreads, OfManyRequestsOneRuns) {
  const auto threads = idempotency::make_thread_timer();
  ASSERT_TRUE(threads);
  timer_ = threads->get();
  store_ = memory.get();
  service_options_.request_ids = {};
  std::atomic<int> ran = 0;
  std::string id;
  pool workers(4);
  serve(offload(workers.poster(), [&](const request_view& r, attempt a) {
    ++ran;
    id = r.request_id;
    EXPECT_TRUE(a.mark("dialling"));
    return json_response(202, "{}");
  }));
  const auto counts = count(storm({}));
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(counts, (std::map<std::string, int>{{"202 run {}none", 1},
                                                {"202 replay {}" + id, requests - 1}}));
  EXPECT_EQ(std::ranges::count(seen.handler_ran, true), 1);
  service_.reset();
  engine_.reset();
}

TEST_F(GuardThreads, OfManyThatFailEachRunsAndNoneBesideAnother) {
  const auto threads = idempotency::make_thread_timer();
  ASSERT_TRUE(threads);
  timer_ = threads->get();
  store_ = memory.get();
  service_options_.request_ids = {};
  std::atomic<int> ran = 0;
  std::atomic<int> beside = 0;
  std::atomic<int> running = 0;
  pool workers(4);
  serve(offload(workers.poster(), [&](const request_view&) {
    if (++running != 1) ++beside;
    const int turn = ++ran;
    --running;
    return json_response(turn < 100 ? 503 : 202, "{}");
  }));
  const auto answers = storm({});
  EXPECT_EQ(beside, 0);
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(std::ranges::count(answers, 503, &response::status), 99);
  EXPECT_EQ(std::ranges::count_if(
                answers, [](const response& r) { return r.header(replay_header).has_value(); }),
            requests - 100);
  service_.reset();
  engine_.reset();
}

}  // namespace
}  // namespace parley::http
