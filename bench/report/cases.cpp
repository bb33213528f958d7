// SPDX-License-Identifier: Apache-2.0
#include "report/cases.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

namespace parley::bench {
namespace {

using namespace std::string_literals;

constexpr std::array<std::string_view, 8> columns = {"room", "case", "kind",   "unit",
                                                     "ours", "peer", "peer's", "bar"};

std::vector<std::string_view> split(std::string_view text, char end) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t next = std::min(text.find(end, at), text.size());
    pieces.push_back(text.substr(at, next - at));
    at = next + 1;
  }
  return pieces;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && std::isfinite(value) && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<double> parse_bar(std::string_view text) {
  if (!text.starts_with("1/")) return parse_number(text);
  const std::optional<double> below = parse_number(text.substr(2));
  return below && *below > 0 ? std::optional(1 / *below) : std::nullopt;
}

// A room names a program and a file.
bool is_room_name(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

result<bench_case, std::string> parse_line(std::string_view line) {
  std::vector<std::string_view> cells = split(line, '\t');
  if (cells.size() != columns.size()) {
    return failure{std::to_string(cells.size()) + " columns instead of " +
                   std::to_string(columns.size())};
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string name(columns[i]);
    if (cells[i].empty()) return failure{name + " is empty"};
    if (!is_plain(cells[i])) return failure{name + " is not plain ASCII"};
    if (cells[i] != "-") continue;
    if (i < 5) return failure{name + " has to be there"};
    cells[i] = {};
  }
  if (!is_room_name(cells[0])) return failure{"'" + std::string(cells[0]) + "' is not a room"};

  bench_case made;
  made.room = cells[0];
  made.title = cells[1];
  made.unit = cells[3];
  made.ours = cells[4];
  made.peer = cells[5];
  made.is_peer_optional = cells[6].starts_with('?');
  made.peer_benchmark = cells[6].substr(made.is_peer_optional ? 1 : 0);
  if (made.peer.empty() != made.peer_benchmark.empty()) {
    return failure{"a peer has a name and a benchmark"s};
  }

  const std::string_view kind = cells[2];
  constexpr std::string_view counter = "counter:";
  if (kind == "time") {
    made.kind = case_kind::time;
  } else if (kind == "rate") {
    made.kind = case_kind::rate;
  } else if (kind == "extra") {
    made.kind = case_kind::extra;
    if (made.peer.empty() || made.is_peer_optional) {
      return failure{"an extra needs a peer that is always there"s};
    }
  } else if (kind.starts_with(counter) && kind.size() > counter.size()) {
    made.kind = case_kind::counter;
    made.counter = kind.substr(counter.size());
    if (!made.peer.empty()) return failure{"a counter has no peer"s};
  } else {
    return failure{"what is the kind '" + std::string(kind) + "'?"};
  }

  const bool is_time = made.kind == case_kind::time || made.kind == case_kind::extra;
  if (is_time && made.unit != "ns") return failure{"the unit of a time is ns"s};
  if (made.kind == case_kind::rate && !made.unit.ends_with("/s")) {
    return failure{"the unit of a rate ends with /s"s};
  }
  if (!cells[7].empty()) {
    made.bar = parse_bar(cells[7]);
    if (!made.bar) {
      return failure{"the bar '" + std::string(cells[7]) + "' is neither a number nor 1/number"};
    }
    if (made.peer.empty() && made.kind != case_kind::counter) {
      return failure{"a bar of a ratio needs a peer"s};
    }
  }
  return made;
}

}  // namespace

result<std::vector<bench_case>, std::string> parse_cases(std::string_view text) {
  std::vector<bench_case> cases;
  std::set<std::string> seen;
  bool has_columns = false;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "line " + std::to_string(number) + ": ";
    if (!has_columns) {
      has_columns = true;
      if (!std::ranges::equal(split(line, '\t'), columns)) {
        return failure{where + "these are not the columns"};
      }
      continue;
    }
    auto made = parse_line(line);
    if (!made) return failure{where + made.error()};
    // The reader of a report could not tell two lines of one name apart.
    if (!seen.insert(made->room + '\t' + made->title + '\t' + made->peer).second) {
      return failure{where + "this case of the room is there already"};
    }
    cases.push_back(std::move(*made));
  }
  if (cases.empty()) return failure{"no case"s};
  return cases;
}

std::vector<std::string> rooms_of(const std::vector<bench_case>& cases) {
  std::vector<std::string> rooms;
  for (const bench_case& each : cases) {
    if (std::ranges::find(rooms, each.room) == rooms.end()) rooms.push_back(each.room);
  }
  return rooms;
}

std::string benchmark_filter(const std::vector<bench_case>& cases, std::string_view room) {
  std::set<std::string> names;
  for (const bench_case& each : cases) {
    if (each.room != room) continue;
    names.insert(each.ours);
    if (!each.peer_benchmark.empty()) names.insert(each.peer_benchmark);
  }
  std::string filter;
  for (const std::string& name : names) {
    filter += filter.empty() ? "^(" : "|";
    for (const char c : name) {
      if (std::string_view("\\^$.|?*+()[{").find(c) != std::string_view::npos) filter += '\\';
      filter += c;
    }
  }
  return filter.empty() ? filter : filter + ")$";
}

}  // namespace parley::bench
