// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/http.md.

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/fake_exchange.hpp"
#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/page.hpp"
#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/call_numbers.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/page.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace cursor = parley::cursor;
namespace e164 = parley::e164;
namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace http = parley::http;
namespace idempotency = parley::idempotency;

namespace {

using headers = std::vector<http::header>;

constexpr std::string_view expected = "s3cret";

http::authentication authenticate(const http::request_view& request) {
  const auto token = http::bearer_token(request);
  if (!token) return parley::failure{token.error()};
  if (!http::is_same_token(*token, expected)) {
    return parley::failure{envelope::error(errors::code::unauthorized)};
  }
  return std::string("tenant-7");  // the scope of its keys: an id, not the secret
}

http::response ask(const http::service& service, http::method method, const std::string& target,
                   headers own = {}, std::string body = {}, const std::string& token = "s3cret") {
  own.push_back({"Authorization", "Bearer " + token});
  const auto asked =
      std::make_shared<http::fake_exchange>(method, target, std::move(own), std::move(body));
  service.handle(asked);
  return asked->answers.at(0);
}

struct call_store {
  std::string read(std::string_view scope, std::string_view id) const {
    return '"' + std::string(scope) + ' ' + std::string(id) + '"';
  }
};

TEST(Http, AService) {
  const call_store store;
  http::routes api;
  api.get("/v1/calls/{id}", [&](const http::request_view& request) {
    return http::json_response(200, store.read(request.scope, request.parameter("id")));
  });
  http::service service(std::move(api), authenticate);

  EXPECT_EQ(ask(service, http::method::get, "/v1/calls/call_1").body, "\"tenant-7 call_1\"");
  EXPECT_EQ(ask(service, http::method::get, "/v1/call").status, 404);
  EXPECT_EQ(ask(service, http::method::get, "/v1/calls/call_1", {}, {}, "s3crets").status, 401);
}

parley::result<std::string, envelope::error> parse(std::string_view body) {
  if (body.empty()) return parley::failure{envelope::error(errors::code::validation_error)};
  return std::string(body);
}
int dials = 0;
std::string dial(const std::string& order, std::string_view) {
  ++dials;
  return '"' + order + '"';
}
http::response unavailable() {
  return http::to_response(envelope::error(errors::code::internal_error));
}

TEST(Http, AGuardedRoute) {
  const auto records = idempotency::make_memory_store();
  const auto timer = idempotency::make_thread_timer();
  auto made_digests = idempotency::digester::random();
  ASSERT_TRUE(records && timer && made_digests);
  idempotency::digester digests = *std::move(made_digests);
  const auto made = idempotency::make_engine(**records, **timer);
  ASSERT_TRUE(made);
  idempotency::engine& engine = **made;
  http::routes routes;

  const http::guard guard(engine, std::move(digests));
  routes.post("/v1/calls",
              guard.wrap(
                  [](const http::request_view& request, http::attempt attempt) -> http::response {
                    const auto order = parse(request.body);
                    if (!order)
                      return http::to_response(order.error());  // not stored: the key is free
                    if (!attempt.mark("dialling"))
                      return unavailable();  // before what cannot be undone
                    return http::json_response(202, dial(*order, attempt.operation_id()));
                  },
                  http::abandoned::indeterminate));

  const http::service service(std::move(routes), authenticate);
  const headers key = {{"Idempotency-Key", "key-1"}};
  EXPECT_EQ(ask(service, http::method::post, "/v1/calls", key).status, 400);
  EXPECT_EQ(ask(service, http::method::post, "/v1/calls", key, "order").status, 202);
  const http::response again = ask(service, http::method::post, "/v1/calls", key, "order");
  EXPECT_EQ(again.header("Idempotency-Replay"), "true");
  EXPECT_EQ(dials, 1);
}

std::string called;
void place_call(const e164::number& destination, const e164::number&) {
  called = destination.text();
}

http::response dial_numbers(std::optional<std::string_view> to,
                            std::optional<std::string_view> from) {
  const auto numbers =
      http::read_call_numbers({"to_number", to}, {"from_number", from}, e164::dialable);
  if (!numbers) return http::to_response(numbers.error());
  place_call(numbers->destination, numbers->caller);  // e164::number, both valid

  return {.status = 202};
}

TEST(Http, TwoNumbers) {
  EXPECT_EQ(dial_numbers("+14155550123", "+14155550100").status, 202);
  EXPECT_EQ(called, "+14155550123");
  EXPECT_EQ(dial_numbers("911", "+14155550100").status, 400);
}

struct row {
  cursor::timestamp_us created_at;
  cursor::uuid id;
};
using rows_of_two = std::vector<row>;
template <class Position>
rows_of_two select(const std::optional<Position>&, cursor::order, std::size_t limit) {
  return rows_of_two(limit);
}

TEST(Http, APage) {
  constexpr std::array<std::byte, 32> secret{};
  auto keys = cursor::key_set::make({{1, cursor::key_state::active, secret}});
  ASSERT_TRUE(keys);
  const cursor::key_ring ring(*std::move(keys));
  std::optional<cursor::cursor_text> next;
  const auto list = [&](const http::request_view& request) -> http::response {
    const std::string_view status = "ended";

    using calls_cursor = cursor::codec<cursor::timestamp_us, cursor::uuid>;
    const http::pager pager(ring);  // a cursor::key_ring
    const auto page = pager.read<calls_cursor>(request, "GET /v1/calls", {{"status", status}});
    if (!page) return http::to_response(page.error());  // 400, fields limit, order or cursor
    auto rows = select(page->after, page->order, page->limit + 1);
    const bool has_more = cursor::cut_page(rows, page->limit, page->direction());
    if (has_more) next = pager.next(*page, {rows.back().created_at, rows.back().id});

    return {.status = 200};
  };
  http::routes routes;
  routes.get("/v1/calls", list);
  const http::service service(std::move(routes), authenticate);

  EXPECT_EQ(ask(service, http::method::get, "/v1/calls?limit=0").status, 400);
  EXPECT_EQ(ask(service, http::method::get, "/v1/calls").status, 200);
  ASSERT_TRUE(next);
  const std::string second = "/v1/calls?cursor=" + std::string(next->view());
  EXPECT_EQ(ask(service, http::method::get, second).status, 200);
  EXPECT_EQ(ask(service, http::method::get, second + "x").status, 400);
}

}  // namespace
