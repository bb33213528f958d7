// SPDX-License-Identifier: Apache-2.0
//
// An error to a value of Boost.JSON and back: envelope_json/<operation>/<error>[/<baseline>].

#include <string>

#include <benchmark/benchmark.h>
#include <boost/json/parse.hpp>

#include "parley/envelope_json/value.hpp"
#include "support/allocations.hpp"

namespace {

namespace envelope = parley::envelope;
namespace errors = parley::errors;

envelope::error one_field() {
  return envelope::error(errors::code::destination_invalid)
      .with_message("to_number is not a number that can be dialed.")
      .with_field("to_number", "Expected +<country><number>");
}
envelope::error constant() { return envelope::error(errors::code::caller_id_not_verified); }
envelope::error thousand_fields() {
  envelope::error made(errors::code::validation_error);
  for (int i = 0; i < 1000; ++i) made.with_field("field_" + std::to_string(i), "is not valid");
  return made;
}

template <envelope::error (*Make)()>
void to_value(benchmark::State& state) {
  envelope::error e = Make();
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(parley::envelope_json::to_value(e));
  }
}
BENCHMARK(to_value<one_field>)->Name("envelope_json/to_value/one_field");
BENCHMARK(to_value<constant>)->Name("envelope_json/to_value/constant");
BENCHMARK(to_value<thousand_fields>)->Name("envelope_json/to_value/thousand_fields");

// What a program would write by hand; each text has to be well-formed.
void by_hand(benchmark::State& state) {
  const auto text = [](std::string_view of) {
    return boost::json::string_view(of.data(), of.size());
  };
  envelope::error e = one_field();
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    boost::json::object error;
    error.reserve(5);
    error.emplace("code", text(e.code_name()));
    error.emplace("category", text(e.category_name()));
    error.emplace("message", text(e.message()));
    error.emplace("doc_url", text(e.doc_url()));
    boost::json::object fields;
    for (const envelope::field& each : e.fields()) {
      fields.emplace(text(each.name), text(each.explanation));
    }
    error.emplace("fields", std::move(fields));
    boost::json::object root;
    root.emplace("error", std::move(error));
    benchmark::DoNotOptimize(root);
  }
}
BENCHMARK(by_hand)->Name("envelope_json/to_value/one_field/by_hand");

template <envelope::error (*Make)()>
void from_value(benchmark::State& state) {
  boost::json::value value = parley::envelope_json::to_value(Make());
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(value);
    benchmark::DoNotOptimize(parley::envelope_json::from_value(value));
  }
}
BENCHMARK(from_value<one_field>)->Name("envelope_json/from_value/one_field");
BENCHMARK(from_value<constant>)->Name("envelope_json/from_value/constant");
BENCHMARK(from_value<thousand_fields>)->Name("envelope_json/from_value/thousand_fields");

void no_envelope(benchmark::State& state) {
  boost::json::value value = boost::json::parse(R"({"data":{"id":"call_a1b2c3"}})");
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(value);
    benchmark::DoNotOptimize(parley::envelope_json::from_value(value));
  }
}
BENCHMARK(no_envelope)->Name("envelope_json/from_value/no_envelope");

}  // namespace
