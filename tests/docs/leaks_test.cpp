// SPDX-License-Identifier: Apache-2.0
//
// What a client sends stays out of what is written down: events of the engine, metrics, and the
// answers to requests that are refused hold no key, no scope, no token, no body and no path.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "http/fake_exchange.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/page.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "prometheus_metrics.hpp"

namespace parley::http {
namespace {

constexpr std::string_view secrets[] = {"canary-key",   "canary-scope", "canary-token",
                                        "canary-body",  "canary-path",  "canary-query",
                                        "canary-header"};

void expect_nothing_of_them(std::string_view written, const std::string& where) {
  for (const std::string_view secret : secrets) {
    EXPECT_EQ(written.find(secret), written.npos) << where << " has " << secret << ":\n" << written;
  }
}

struct event_log final : idempotency::observer {
  void on_event(const idempotency::event& e) noexcept override {
    text += to_string(e.kind);
    for (const std::string_view each : {e.request_id, e.operation_id}) (text += ' ') += each;
    for (const std::byte each : e.key.bytes) text += static_cast<char>(each);
    if (e.failure != nullptr) text += to_string(e.failure->why);
    text += '\n';
    ++events;
  }
  std::string text;
  int events = 0;
};

using codec = cursor::codec<std::int64_t, std::int64_t>;

class Leaks : public testing::Test {
 protected:
  Leaks() {
    auto keys = cursor::key_set::make(
        {{1, cursor::key_state::active, std::vector<std::byte>(cursor::secret_bytes_min)}});
    ring_ = std::make_unique<cursor::key_ring>(*std::move(keys));
    pager_ = std::make_unique<pager>(*ring_, pager_options{.observer = &metrics_.of_cursor});
    const guard guarded(*engine_, *idempotency::digester::random());
    routes table;
    table.post("/v1/{tenant}/calls", guarded.wrap(
                                         [](const request_view& request, const attempt& a) {
                                           if (!a.mark("dialling")) return response{.status = 500};
                                           if (request.body.ends_with("throws")) throw 1;
                                           return json_response(202, "{}");
                                         },
                                         abandoned::indeterminate));
    table.get("/v1/{tenant}/calls", [this](const request_view& request) {
      const auto page = pager_->read<codec>(request, "GET /v1/calls");
      return page ? json_response(200, "[]") : to_response(page.error());
    });
    service_ = std::make_unique<service>(
        std::move(table),
        [](const request_view& request) -> authentication {
          const auto token = bearer_token(request);
          if (!token) return failure{token.error()};
          if (!is_same_token(*token, "canary-token")) {
            return failure{envelope::error(errors::code::unauthorized)};
          }
          return std::string("canary-scope");
        },
        service_options{.observer = &metrics_.of_http});
  }

  response ask(method m, std::string target, std::vector<header> own, std::string body = {}) {
    const auto e =
        std::make_shared<fake_exchange>(m, std::move(target), std::move(own), std::move(body));
    service_->handle(e);
    EXPECT_EQ(e->answers.size(), 1u);
    const response r = e->answers.empty() ? response{} : e->answers.front();
    std::string shown = r.body;
    for (const header& each : r.headers) shown += '\n' + each.name + ": " + each.value;
    expect_nothing_of_them(shown, "a response with status " + std::to_string(r.status));
    return r;
  }

  response post(std::string key, std::string body, std::string token = "canary-token") {
    return ask(method::post, "/v1/canary-path/calls?q=canary-query",
               {{"Authorization", "Bearer " + token},
                {"Idempotency-Key", std::move(key)},
                {"X-Request-Id", "canary-header"}},
               std::move(body));
  }

  event_log log_;
  prometheus_example::prometheus_metrics metrics_;
  std::unique_ptr<idempotency::memory_store> records_ = *idempotency::make_memory_store();
  std::unique_ptr<idempotency::timer> timer_ = *idempotency::make_thread_timer();
  std::unique_ptr<idempotency::engine> engine_ =
      *idempotency::make_engine(*records_, *timer_, {.observer = &log_});
  std::unique_ptr<cursor::key_ring> ring_;
  std::unique_ptr<pager> pager_;
  std::unique_ptr<service> service_;
};

TEST_F(Leaks, NothingThatAClientSentIsWrittenDown) {
  EXPECT_EQ(post("canary-key", "canary-body").status, 202);
  EXPECT_EQ(post("canary-key", "canary-body").status, 202);
  EXPECT_EQ(post("canary-key", "canary-body, another").status, 409);
  EXPECT_EQ(post("canary-key, canary-key", "canary-body").status, 400);
  EXPECT_EQ(post("canary-key-2", "canary-body throws").status, 500);
  EXPECT_EQ(post("canary-key", "canary-body", "canary-token-of-another").status, 401);
  EXPECT_EQ(ask(method::get, "/canary-path", {}).status, 404);
  EXPECT_EQ(ask(method::get, "/v1/canary-path/calls?cursor=canary-query",
                {{"Authorization", "Bearer canary-token"}})
                .status,
            400);
  records_->shutdown();
  EXPECT_EQ(post("canary-key-3", "canary-body").status, 500);

  EXPECT_GE(log_.events, 6);
  expect_nothing_of_them(log_.text, "the log of the engine");
  expect_nothing_of_them(metrics_.text(), "the metrics");
}

// The test would see it.
TEST_F(Leaks, WhatIsWrittenDownIsFound) {
  EXPECT_NONFATAL_FAILURE(expect_nothing_of_them("key=canary-key", "a log"), "canary-key");
}

}  // namespace
}  // namespace parley::http
