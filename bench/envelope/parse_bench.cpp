// SPDX-License-Identifier: Apache-2.0
//
// A body to an error: envelope/parse/<body>[/<peer>]. The peers parse into their own value; what
// they would still have to do to find the members is left out.

#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <boost/json/parse.hpp>
#ifdef PARLEY_BENCH_PEERS
#include <rapidjson/document.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>
#endif

#include "parley/envelope/error.hpp"
#include "support/allocations.hpp"

namespace {

namespace envelope = parley::envelope;
namespace errors = parley::errors;

std::string call_tier() {
  return to_json(envelope::error(errors::code::agent_dispatch_failed)
                     .with_message("We couldn't connect an agent to the call. Please try again."));
}
std::string default_message() {
  return to_json(envelope::error(errors::code::caller_id_not_verified));
}
std::string one_field() {
  return to_json(envelope::error(errors::code::validation_error)
                     .with_message("caller_id must be E.164 format")
                     .with_field("caller_id", "Expected +<country><number>"));
}
std::string unknown_code() {
  return R"({"error":{"code":"a_code_of_another_server","category":"a_category_of_its_own",)"
         R"("message":"A message that does not fit a small string."}})";
}
std::string html() {
  return "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
         "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
}
std::string escaped() {
  std::string message;
  for (int i = 0; i < 20; ++i) message += "a \"quoted\" line\n";
  return to_json(envelope::error(errors::code::busy).with_message(message));
}
std::string thousand_fields() {
  envelope::error made(errors::code::validation_error);
  for (int i = 0; i < 1000; ++i) made.with_field("field_" + std::to_string(i), "is not valid");
  return to_json(made);
}

template <class Parse>
void parse_body(benchmark::State& state, const std::string& body, Parse parse) {
  parse(body);  // a peer makes its buffers
  {
    const parley::bench::allocation_counter count(state);
    for (auto _ : state) parse(body);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

void parse_ours(std::string_view body) { benchmark::DoNotOptimize(envelope::parse(body)); }

void parse_boost_json(std::string_view body) {
  boost::json::error_code refused;
  benchmark::DoNotOptimize(boost::json::parse({body.data(), body.size()}, refused));
}

#ifdef PARLEY_BENCH_PEERS
void parse_nlohmann_json(std::string_view body) {
  benchmark::DoNotOptimize(nlohmann::json::parse(body, nullptr, false));
}

void parse_rapidjson(std::string_view body) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(body.data(), body.size());
  benchmark::DoNotOptimize(document.HasParseError());
}

// With a parser that is kept, as its manual advises; the copy gives the padding that it needs.
void parse_simdjson(std::string_view body) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  benchmark::DoNotOptimize(parser.parse(body.data(), body.size(), true).get(root));
}
#endif

void register_all(const char* which, std::string (*make)()) {
  const auto add = [&](const char* peer, auto parse) {
    const std::string name = std::string("envelope/parse/") + which + peer;
    benchmark::RegisterBenchmark(
        name.c_str(), [make, parse](benchmark::State& state) { parse_body(state, make(), parse); });
  };
  add("", parse_ours);
  add("/boost_json", parse_boost_json);
#ifdef PARLEY_BENCH_PEERS
  add("/nlohmann_json", parse_nlohmann_json);
  add("/rapidjson", parse_rapidjson);
  add("/simdjson", parse_simdjson);
#endif
}

[[maybe_unused]] const bool registered = [] {
  register_all("call_tier", call_tier);
  register_all("default_message", default_message);
  register_all("one_field", one_field);
  register_all("unknown_code", unknown_code);
  register_all("escaped", escaped);
  register_all("html", html);
  register_all("thousand_fields", thousand_fields);
  return true;
}();

}  // namespace
