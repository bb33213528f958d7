// SPDX-License-Identifier: Apache-2.0
#include "report/runs.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <boost/json/parse.hpp>

namespace parley::bench {
namespace {

using namespace std::string_literals;
namespace json = boost::json;

std::string_view to_std(json::string_view text) { return {text.data(), text.size()}; }

// Google Benchmark writes NaN and Infinity, which JSON does not have: among its aggregates, as the
// deviation of what is always 0.
std::string without_nan(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  bool is_string = false;
  while (!text.empty()) {
    std::size_t size = 1;
    std::string_view token = text.substr(0, 1);
    if (is_string && text.front() == '\\') {
      size = std::min<std::size_t>(2, text.size());
      token = text.substr(0, size);
    } else if (text.front() == '"') {
      is_string = !is_string;
    } else if (!is_string) {
      for (const std::string_view word : {"NaN", "-NaN", "Infinity", "-Infinity"}) {
        if (text.starts_with(word)) {
          size = word.size();
          token = "null";
        }
      }
    }
    made += token;
    text.remove_prefix(size);
  }
  return made;
}

std::optional<double> number_in(const json::object& run, std::string_view name) {
  const json::value* const found = run.if_contains({name.data(), name.size()});
  if (found == nullptr || !found->is_number()) return {};
  const auto value = found->to_number<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<std::string_view> text_in(const json::object& run, std::string_view name) {
  const json::value* const found = run.if_contains({name.data(), name.size()});
  if (found == nullptr || !found->is_string()) return {};
  return to_std(found->get_string());
}

std::optional<double> ns_in(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 4> units = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const auto& [name, ns] : units) {
    if (name == unit) return ns;
  }
  return {};
}

bool is_real_time(std::string_view name) {
  return name.find("/real_time") != std::string_view::npos ||
         name.find("/manual_time") != std::string_view::npos;
}

// What is wrong with a run; empty: nothing.
std::string add_run(room_runs& to, const json::object& run) {
  if (text_in(run, "run_type").value_or("iteration") != "iteration") return {};
  const auto name = text_in(run, "name");
  if (!name || name->empty()) return "a run has no name";
  const std::string of = " of '" + std::string(*name) + "'";

  benchmark_runs& runs = to[std::string(*name)];
  if (run.if_contains("error_occurred") != nullptr) {
    runs.error = text_in(run, "error_message").value_or("it does not say why");
    return {};
  }
  const auto time = number_in(run, is_real_time(*name) ? "real_time" : "cpu_time");
  if (!time || *time < 0) return "a run" + of + " has no time";
  const auto unit = ns_in(text_in(run, "time_unit").value_or(""));
  if (!unit) return "a run" + of + " has no unit of time";
  runs.time_ns.push_back(*time * *unit);
  for (const auto& [key, value] : run) {
    if (const auto number = number_in(run, to_std(key))) {
      runs.counters[std::string(to_std(key))].push_back(*number);
    }
  }
  return {};
}

}  // namespace

result<room_runs, std::string> parse_runs(std::string_view text) {
  const std::string mended = without_nan(text);
  json::error_code refused;
  const json::value root = json::parse({mended.data(), mended.size()}, refused);
  if (refused) return failure{"this is not JSON: " + refused.message()};
  const json::object* const object = root.if_object();
  const json::value* const list = object == nullptr ? nullptr : object->if_contains("benchmarks");
  if (list == nullptr || !list->is_array()) return failure{"there is no list of benchmarks"s};
  room_runs made;
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) return failure{"a benchmark is no object"s};
    std::string wrong = add_run(made, each.get_object());
    if (!wrong.empty()) return failure{std::move(wrong)};
  }
  return made;
}

}  // namespace parley::bench
