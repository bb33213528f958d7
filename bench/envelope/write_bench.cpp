// SPDX-License-Identifier: Apache-2.0
//
// An error to JSON: envelope/write/<error>[/<form or peer>], and envelope/write_problem/<error>.

#include <array>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <boost/json/serialize.hpp>
#include <boost/json/serializer.hpp>
#include <boost/json/value.hpp>
#ifdef PARLEY_BENCH_RAPIDJSON
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
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

// A refused dial request: 258 bytes of JSON.
constexpr envelope::field_view one_field[] = {
    {"to_number", "Expected +<country><number>"},
};
envelope::error_view with_one_field() {
  envelope::error_view e = envelope::view_of(errors::row_of(errors::code::destination_invalid));
  e.message = "to_number is not a number that can be dialed.";
  e.fields = one_field;
  return e;
}

// The same texts, none of them known to the writer by its address.
envelope::error_view with_foreign_texts() {
  static const std::string code(with_one_field().code);
  static const std::string category(with_one_field().category);
  static const std::string doc_url(with_one_field().doc_url);
  envelope::error_view e = with_one_field();
  e.code = code;
  e.category = category;
  e.doc_url = doc_url;
  return e;
}

envelope::error_view constant() {
  return envelope::view_of(errors::row_of(errors::code::caller_id_not_verified));
}

envelope::error_view with_em_dash() {
  envelope::error_view e = envelope::view_of(errors::row_of(errors::code::no_active_number));
  e.message = "from_number is not yet active \xE2\x80\x94 wait for provisioning to finish.";
  return e;
}

template <envelope::error_view (*Make)()>
void to_buffer(benchmark::State& state) {
  envelope::error_view e = Make();
  std::array<char, 4096> buffer;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(envelope::write_json(e, buffer));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(to_buffer<with_one_field>)->Name("envelope/write/one_field");
BENCHMARK(to_buffer<with_foreign_texts>)->Name("envelope/write/one_field_foreign_texts");
BENCHMARK(to_buffer<with_em_dash>)->Name("envelope/write/em_dash");
BENCHMARK(to_buffer<constant>)->Name("envelope/write/constant");

envelope::error object_with_one_field() {
  return envelope::error(errors::code::destination_invalid)
      .with_message(std::string(with_one_field().message))
      .with_field("to_number", "Expected +<country><number>");
}

void of_object(benchmark::State& state) {
  envelope::error e = object_with_one_field();
  std::array<char, 4096> buffer;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(envelope::write_json(e, buffer));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(of_object)->Name("envelope/write/one_field/error_object");

envelope::error constant_object() { return envelope::error(errors::code::caller_id_not_verified); }

constexpr envelope::problem_options doc_urls{};
constexpr envelope::problem_options own_types{.type_base = "https://api.example/problems/"};

template <envelope::error (*Make)(), const envelope::problem_options& Options>
void problem_to_buffer(benchmark::State& state) {
  envelope::error e = Make();
  std::array<char, 4096> buffer;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(envelope::write_problem(e, buffer, Options));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(problem_to_buffer<object_with_one_field, doc_urls>)
    ->Name("envelope/write_problem/one_field");
BENCHMARK(problem_to_buffer<object_with_one_field, own_types>)
    ->Name("envelope/write_problem/one_field/own_type");
BENCHMARK(problem_to_buffer<constant_object, doc_urls>)->Name("envelope/write_problem/constant");

void problem_to_string(benchmark::State& state) {
  envelope::error e = object_with_one_field();
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(envelope::to_problem(e));
  }
}
BENCHMARK(problem_to_string)->Name("envelope/write_problem/one_field/to_problem");

template <envelope::error_view (*Make)()>
void to_string(benchmark::State& state) {
  envelope::error_view e = Make();
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(envelope::to_json(e));
  }
}
BENCHMARK(to_string<with_one_field>)->Name("envelope/write/one_field/to_json");
BENCHMARK(to_string<constant>)->Name("envelope/write/constant/to_json");

// Every byte grows to six: the slowest message there is, and a large one.
void all_escapes(benchmark::State& state) {
  const std::string message(static_cast<std::size_t>(state.range(0)), '\x01');
  const envelope::error_view e{"code", "", message, "", {}};
  std::string buffer(7 * message.size() + 100, '\0');
  {
    const parley::bench::allocation_counter count(state);
    for (auto _ : state) benchmark::DoNotOptimize(envelope::write_json(e, buffer));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(all_escapes)->Name("envelope/write/all_escapes")->Arg(64)->Arg(1 << 20);

void plain(benchmark::State& state) {
  const std::string message(static_cast<std::size_t>(state.range(0)), 'm');
  const envelope::error_view e{"code", "", message, "", {}};
  std::string buffer(message.size() + 100, '\0');
  {
    const parley::bench::allocation_counter count(state);
    for (auto _ : state) benchmark::DoNotOptimize(envelope::write_json(e, buffer));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(plain)->Name("envelope/write/plain")->Arg(64)->Arg(1 << 20);

// The peers write the same bytes; checked once, before the loop.
template <class Write>
void with_peer(benchmark::State& state, envelope::error_view e, Write write) {
  if (write(e) != envelope::to_json(e)) {
    state.SkipWithError("the peer writes something else");
    return;
  }
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(e);
    benchmark::DoNotOptimize(write(e));
  }
}

boost::json::string_view to_boost(std::string_view text) { return {text.data(), text.size()}; }

boost::json::object make_boost_json(const envelope::error_view& e) {
  boost::json::object error;
  error["code"] = to_boost(e.code);
  if (!e.category.empty()) error["category"] = to_boost(e.category);
  error["message"] = to_boost(e.message);
  if (!e.doc_url.empty()) error["doc_url"] = to_boost(e.doc_url);
  if (!e.fields.empty()) {
    boost::json::object fields;
    for (const auto& each : e.fields) fields[to_boost(each.name)] = to_boost(each.explanation);
    error["fields"] = std::move(fields);
  }
  boost::json::object root;
  root["error"] = std::move(error);
  return root;
}

std::string write_boost_json(const envelope::error_view& e) {
  return boost::json::serialize(make_boost_json(e));
}

// Of a value that is there already, with a serializer that is kept, into a buffer.
template <envelope::error_view (*Make)()>
void serializer_to_buffer(benchmark::State& state) {
  const boost::json::object root = make_boost_json(Make());
  boost::json::serializer serializer;
  std::array<char, 4096> buffer;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    serializer.reset(&root);
    benchmark::DoNotOptimize(serializer.read(buffer.data(), buffer.size()));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(serializer_to_buffer<with_one_field>)
    ->Name("envelope/write/one_field/boost_json_serializer");
BENCHMARK(serializer_to_buffer<constant>)->Name("envelope/write/constant/boost_json_serializer");

#ifdef PARLEY_BENCH_NLOHMANN_JSON
std::string write_nlohmann_json(const envelope::error_view& e) {
  nlohmann::ordered_json error;
  error["code"] = e.code;
  if (!e.category.empty()) error["category"] = e.category;
  error["message"] = e.message;
  if (!e.doc_url.empty()) error["doc_url"] = e.doc_url;
  for (const auto& each : e.fields) error["fields"][std::string(each.name)] = each.explanation;
  nlohmann::ordered_json root;
  root["error"] = std::move(error);
  return root.dump();
}
#endif

#ifdef PARLEY_BENCH_RAPIDJSON
std::string write_rapidjson(const envelope::error_view& e) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto text = [&](std::string_view value) {
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartObject();
  writer.Key("error");
  writer.StartObject();
  writer.Key("code");
  text(e.code);
  if (!e.category.empty()) {
    writer.Key("category");
    text(e.category);
  }
  writer.Key("message");
  text(e.message);
  if (!e.doc_url.empty()) {
    writer.Key("doc_url");
    text(e.doc_url);
  }
  if (!e.fields.empty()) {
    writer.Key("fields");
    writer.StartObject();
    for (const auto& each : e.fields) {
      writer.Key(each.name.data(), static_cast<rapidjson::SizeType>(each.name.size()));
      text(each.explanation);
    }
    writer.EndObject();
  }
  writer.EndObject();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}
#endif

void register_all(const char* which, envelope::error_view (*make)()) {
  const auto add = [&](const char* peer, auto write) {
    const std::string name = std::string("envelope/write/") + which + "/" + peer;
    benchmark::RegisterBenchmark(
        name.c_str(), [make, write](benchmark::State& state) { with_peer(state, make(), write); });
  };
  add("boost_json", write_boost_json);
#ifdef PARLEY_BENCH_NLOHMANN_JSON
  add("nlohmann_json", write_nlohmann_json);
#endif
#ifdef PARLEY_BENCH_RAPIDJSON
  add("rapidjson", write_rapidjson);
#endif
}

[[maybe_unused]] const bool registered = [] {
  register_all("one_field", with_one_field);
  register_all("constant", constant);
  return true;
}();

}  // namespace
