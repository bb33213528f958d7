// SPDX-License-Identifier: Apache-2.0
//
// A body to an error: envelope/parse/<body>[/<peer>] and envelope/parse_problem/<body>. The peers
// parse into their own value, boost_json_sax into nothing at all; what they would still have to do
// to find the members is left out.

#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#ifdef PARLEY_BENCH_RAPIDJSON
#include <rapidjson/document.h>
#endif
#ifdef PARLEY_BENCH_SIMDJSON
#include <simdjson.h>
#endif
#ifdef PARLEY_BENCH_NLOHMANN_JSON
#include <nlohmann/json.hpp>
#endif

#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"
#include "support/allocations.hpp"

namespace {

namespace envelope = parley::envelope;
namespace errors = parley::errors;

envelope::error dispatch_failed() {
  return envelope::error(errors::code::agent_dispatch_failed)
      .with_message("We couldn't connect an agent to the call. Please try again.");
}
std::string call_tier() { return to_json(dispatch_failed()); }
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
std::string half_a_pair() {
  return R"({"error":{"code":"agent_dispatch_failed","category":"provider_error",)"
         R"("message":"We couldn't connect \ud800 an agent to the call.","a":1e99999999999}})";
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

// Takes every token and does nothing: what our own handler is added to.
struct null_handler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using text = boost::json::string_view;
  using error_code = boost::json::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(text, std::size_t, error_code&) { return true; }
  bool on_key(text, std::size_t, error_code&) { return true; }
  bool on_string_part(text, std::size_t, error_code&) { return true; }
  bool on_string(text, std::size_t, error_code&) { return true; }
  bool on_number_part(text, error_code&) { return true; }
  bool on_int64(std::int64_t, text, error_code&) { return true; }
  bool on_uint64(std::uint64_t, text, error_code&) { return true; }
  bool on_double(double, text, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(text, error_code&) { return true; }
  bool on_comment(text, error_code&) { return true; }
};

void parse_boost_json_sax(std::string_view body) {
  boost::json::basic_parser<null_handler> parser(boost::json::parse_options{});
  boost::json::error_code refused;
  benchmark::DoNotOptimize(parser.write_some(false, body.data(), body.size(), refused));
}

void parse_problem(benchmark::State& state) {
  parse_body(state, to_problem(dispatch_failed()), [](std::string_view body) {
    benchmark::DoNotOptimize(envelope::parse_problem(body));
  });
}
BENCHMARK(parse_problem)->Name("envelope/parse_problem/call_tier");

#ifdef PARLEY_BENCH_NLOHMANN_JSON
void parse_nlohmann_json(std::string_view body) {
  benchmark::DoNotOptimize(nlohmann::json::parse(body, nullptr, false));
}
#endif

#ifdef PARLEY_BENCH_RAPIDJSON
void parse_rapidjson(std::string_view body) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(body.data(), body.size());
  benchmark::DoNotOptimize(document.HasParseError());
}
#endif

#ifdef PARLEY_BENCH_SIMDJSON
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
  add("/boost_json_sax", parse_boost_json_sax);
#ifdef PARLEY_BENCH_NLOHMANN_JSON
  add("/nlohmann_json", parse_nlohmann_json);
#endif
#ifdef PARLEY_BENCH_RAPIDJSON
  add("/rapidjson", parse_rapidjson);
#endif
#ifdef PARLEY_BENCH_SIMDJSON
  add("/simdjson", parse_simdjson);
#endif
}

[[maybe_unused]] const bool registered = [] {
  register_all("call_tier", call_tier);
  register_all("default_message", default_message);
  register_all("one_field", one_field);
  register_all("unknown_code", unknown_code);
  register_all("escaped", escaped);
  register_all("half_a_pair", half_a_pair);
  register_all("html", html);
  register_all("thousand_fields", thousand_fields);
  return true;
}();

}  // namespace
