// SPDX-License-Identifier: Apache-2.0
//
// What the client adds to an exchange: sends without I/O, beside the copies of a response that they
// are given and the envelope that they read; pages beside Boost.JSON over the same bytes, which
// then still has to be walked; keys beside Boost.UUID's.

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>
#include <boost/json/parse.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "parley/client/operation.hpp"
#include "parley/client/pages.hpp"
#include "parley/client/sending.hpp"
#include "parley/client/uuid.hpp"
#include "parley/envelope/error.hpp"
#include "support/allocations.hpp"

namespace {

using namespace parley::client;
using parley::bench::allocation_counter;
namespace envelope = parley::envelope;
namespace errors = parley::errors;

constexpr char dial_body[] = R"({"from_number":"+14155551234","to_number":"+14155556789"})";

response respond(std::uint16_t status, std::string body) {
  return {.status = status,
          .headers = {{"Server", "parley"},
                      {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                      {"Content-Type", "application/json"},
                      {"Content-Length", std::to_string(body.size())},
                      {"X-Request-Id", "req_01f0c5e6a7b8c9d0"}},
          .body = std::move(body)};
}
response placed() { return respond(202, R"({"data":{"call_id":"call_000660cfd1c80c60"}})"); }
response refused(errors::code code) {
  const envelope::error made(code);
  return respond(made.http_status(), envelope::to_json(made));
}

send_options options() {
  send_options made;
  made.headers = {{"Authorization", "Bearer test_valid"}, {"User-Agent", "bench"}};
  made.random = [] { return std::uint64_t{1} << 63; };
  return made;
}

// One send of an operation that is there.
template <class... Responses>
void send(benchmark::State& state, Responses... responses) {
  const send_options with = options();
  retry_budget budget(1'000'000, 0);
  operation of = *operation::post("/v1/calls/dial", dial_body);
  const instant at = now();
  const allocation_counter count(state);
  for (auto _ : state) {
    sending s(of, with, budget);
    s.begin(at);
    const auto answer_with = [&](const response& each) {
      if (s.attempted(each, at) == sending::step::pause) s.paused(at);
    };
    (answer_with(responses), ...);
    benchmark::DoNotOptimize(s.take_answer());
  }
}
BENCHMARK_CAPTURE(send, success, placed())->Name("client/send/success");
BENCHMARK_CAPTURE(send, refusal, refused(errors::code::no_consent))->Name("client/send/refusal");
BENCHMARK_CAPTURE(send, retry, refused(errors::code::rate_limited), placed())
    ->Name("client/send/retry_then_success");

void copy_response(benchmark::State& state) {
  const response of = placed();
  const allocation_counter count(state);
  for (auto _ : state) {
    response copy = of;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(copy_response)->Name("client/send/part/copy_of_the_response");

void copy_request(benchmark::State& state) {
  const send_options with = options();
  const operation of = *operation::post("/v1/calls/dial", dial_body);
  const allocation_counter count(state);
  for (auto _ : state) {
    request copy = of.what();
    copy.headers.insert(copy.headers.end(), with.headers.begin(), with.headers.end());
    copy.headers.push_back({"Idempotency-Key", std::string(of.key())});
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(copy_request)->Name("client/send/part/copy_of_the_request");

void parse_envelope(benchmark::State& state) {
  const response of = refused(errors::code::no_consent);
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(envelope::parse(of.body));
}
BENCHMARK(parse_envelope)->Name("client/send/part/envelope");

// Operations.

void make(benchmark::State& state) {
  const allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(operation::post("/v1/calls/dial", dial_body));
  }
}
BENCHMARK(make)->Name("client/operation/make");

void save(benchmark::State& state) {
  const operation of = *operation::post("/v1/calls/dial", dial_body);
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(of.save());
}
BENCHMARK(save)->Name("client/operation/save");

void restore(benchmark::State& state) {
  const std::string saved = operation::post("/v1/calls/dial", dial_body)->save();
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(operation::restore(saved));
}
BENCHMARK(restore)->Name("client/operation/restore");

// Pages.

std::string page_of(std::int64_t items) {
  std::string body = R"({"data":[)";
  for (std::int64_t i = 0; i < items; ++i) {
    if (i > 0) body += ',';
    body +=
        R"({"id":"call_00066)" + std::to_string(1'000'000'000 + i) +
        R"(","status":"completed","call_outcome":"completed","failure_code":null,)"
        R"("from_number":"+14155551234","to_number":"+14155556789",)"
        R"("created_at":"2026-11-21T21:12:34.309216Z","ended_at":"2026-11-21T21:12:34.459216Z",)"
        R"("duration_seconds":31,"metadata":{"note":"a \"quoted\" word"}})";
  }
  return body + R"(],"meta":{"cursor":"eyJpZCI6MTIzfQ","total_results":1000,"page_size":100}})";
}

void parse_page_ours(benchmark::State& state) {
  const std::string body = page_of(state.range(0));
  {
    const allocation_counter count(state);
    for (auto _ : state) benchmark::DoNotOptimize(parse_page(body));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(parse_page_ours)->Name("client/parse_page")->Arg(1)->Arg(100);

void parse_page_boost(benchmark::State& state) {
  const std::string body = page_of(state.range(0));
  {
    const allocation_counter count(state);
    for (auto _ : state) {
      const std::string copy = body;  // as ours has one
      boost::json::error_code refused;
      benchmark::DoNotOptimize(boost::json::parse(copy, refused));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(parse_page_boost)->Name("client/parse_page/peer/Boost.JSON")->Arg(1)->Arg(100);

// Keys.

void make_key(benchmark::State& state) {
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(to_string(uuid_v4(*random_block())));
}
BENCHMARK(make_key)->Name("client/key");

template <class Generator>
void make_key_boost(benchmark::State& state) {
  Generator generate;
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(to_string(generate()));
}
BENCHMARK(make_key_boost<boost::uuids::random_generator>)->Name("client/key/peer/Boost.UUID");
BENCHMARK(make_key_boost<boost::uuids::random_generator_mt19937>)
    ->Name("client/key/peer/Boost.UUID_mt19937");

}  // namespace
