// SPDX-License-Identifier: Apache-2.0
//
// Routing and the way through a service, without a socket. Beside the router: the list of regular
// expressions that is written when there is no router.

#include <array>
#include <cstdint>
#include <memory>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "parley/http/guard.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace parley::http {
namespace {

response nothing(const request_view&) { return {}; }

routes make_routes() {
  routes table;
  table.post("/v1/calls/dial", nothing);
  table.post("/v1/calls", nothing);
  table.get("/v1/calls", nothing);
  table.get("/v1/calls/{id}", nothing);
  table.patch("/v1/calls/{id}", nothing);
  table.delete_("/v1/calls/{id}", nothing);
  table.put("/v1/webhook", nothing);
  table.get("/v1/numbers/{id}", nothing);
  table.get("/v1/numbers/{id}/calls", nothing);
  return table;
}

struct target {
  http::method method;
  std::string_view path;
};
constexpr std::array<target, 5> found = {{{method::post, "/v1/calls/dial"},
                                          {method::get, "/v1/calls/call_000660cfd1c80c60"},
                                          {method::get, "/v1/calls"},
                                          {method::get, "/v1/numbers/17/calls"},
                                          {method::delete_, "/v1/calls/call_000660cfd1c81ebf"}}};
constexpr std::array<target, 3> not_found = {
    {{method::get, "/v2/calls"}, {method::get, "/v1/callers/17"}, {method::put, "/v1/calls/1"}}};

template <std::size_t Size>
void find_ours(benchmark::State& state, const std::array<target, Size>& targets) {
  const routes table = make_routes();
  std::string decoded;
  std::vector<path_parameter> parameters;
  std::size_t i = 0;
  for (auto _ : state) {
    const target& each = targets[i++ % Size];
    auto match = table.find(each.method, each.path, decoded, parameters);
    benchmark::DoNotOptimize(match);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(find_ours, found, found)->Name("http/find_route/found/parley");
BENCHMARK_CAPTURE(find_ours, not_found, not_found)->Name("http/find_route/not_found/parley");

template <std::size_t Size>
void find_regex(benchmark::State& state, const std::array<target, Size>& targets) {
  const std::vector<std::pair<method, std::regex>> table = [] {
    std::vector<std::pair<method, std::regex>> made;
    const auto add = [&made](method m, const char* text) {
      made.emplace_back(m, std::regex(text, std::regex::optimize));
    };
    add(method::post, "/v1/calls/dial");
    add(method::post, "/v1/calls");
    add(method::get, "/v1/calls");
    add(method::get, "/v1/calls/([^/]+)");
    add(method::patch, "/v1/calls/([^/]+)");
    add(method::delete_, "/v1/calls/([^/]+)");
    add(method::put, "/v1/webhook");
    add(method::get, "/v1/numbers/([^/]+)");
    add(method::get, "/v1/numbers/([^/]+)/calls");
    return made;
  }();
  std::size_t i = 0;
  for (auto _ : state) {
    const target& each = targets[i++ % Size];
    std::cmatch match;
    bool is_found = false;
    for (const auto& [m, expression] : table) {
      if (m == each.method &&
          std::regex_match(each.path.data(), each.path.data() + each.path.size(), match,
                           expression)) {
        is_found = true;
        break;
      }
    }
    benchmark::DoNotOptimize(is_found);
    benchmark::DoNotOptimize(match);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(find_regex, found, found)->Name("http/find_route/found/std_regex");
BENCHMARK_CAPTURE(find_regex, not_found, not_found)->Name("http/find_route/not_found/std_regex");

class sink final : public exchange {
 public:
  explicit sink(const target& to) {
    request().method = to.method;
    request().path = to.path;
    request().headers = headers;
  }

 private:
  static constexpr std::array<header_view, 3> headers = {
      {{"Host", "api"}, {"Authorization", "Bearer test_valid"}, {"Accept", "*/*"}}};
  void send(response&& r) noexcept override { benchmark::DoNotOptimize(r); }
};

void handle(benchmark::State& state, const target& to) {
  const service api(make_routes(), [](const request_view& r) -> authentication {
    const auto token = bearer_token(r);
    if (!token) return failure{token.error()};
    return std::string(*token);
  });
  for (auto _ : state) api.handle(std::make_shared<sink>(to));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(handle, answered, found[1])->Name("http/service/answered");
BENCHMARK_CAPTURE(handle, refused, not_found[0])->Name("http/service/refused");

// What the guard adds to a POST with a body of 100 bytes: without a key, the first request of a
// key, and the replay of a response of 40 bytes.

enum class keyed { no, fresh, again };

class post_sink final : public exchange {
 public:
  explicit post_sink(std::string key) : key_(std::move(key)) {
    request().method = method::post;
    request().method_name = "POST";
    request().path = "/v1/calls";
    request().body = body;
    headers_[3].value = key_;
    request().headers = std::span(headers_).first(key_.empty() ? 3 : 4);
  }

 private:
  static constexpr std::string_view body =
      R"({"caller_id":"+14155551234","destination":"+14155556789",)"
      R"("metadata":{"customer":"7f3a9c10"}})";
  void send(response&& r) noexcept override { benchmark::DoNotOptimize(r); }
  const std::string key_;
  std::array<header_view, 4> headers_ = {{{"Host", "api"},
                                          {"Authorization", "Bearer test_valid"},
                                          {"Content-Type", "application/json"},
                                          {"Idempotency-Key", ""}}};
};

void guarded(benchmark::State& state, keyed how) {
  const auto records = std::move(*idempotency::make_memory_store(
      {.entries_max = 8'000'000, .bytes_max = std::size_t{4} << 30, .scope_share = 1}));
  const auto timer = std::move(*idempotency::make_thread_timer());
  const auto engine = std::move(*idempotency::make_engine(*records, *timer));
  const guard protect(*engine, std::move(*idempotency::digester::random()));
  routes table;
  table.post("/v1/calls", protect.wrap(
                              [](const request_view&) {
                                return json_response(202,
                                                     R"({"data":{"call_id":"call_000660cfd1"}})");
                              },
                              abandoned::indeterminate));
  const service api(std::move(table), [](const request_view& r) -> authentication {
    return std::string(*bearer_token(r));
  });
  std::uint64_t fresh = 0;
  for (auto _ : state) {
    std::string key;
    if (how != keyed::no)
      key = "6ad5c1a8-7d9f-4b0e-9f43-" + std::to_string(100'000'000'000 + fresh);
    if (how == keyed::fresh) ++fresh;
    api.handle(std::make_shared<post_sink>(std::move(key)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(guarded, no_key, keyed::no)->Name("http/guard/no_key");
BENCHMARK_CAPTURE(guarded, run, keyed::fresh)->Name("http/guard/run")->Iterations(1'000'000);
BENCHMARK_CAPTURE(guarded, replay, keyed::again)->Name("http/guard/replay");

}  // namespace
}  // namespace parley::http
