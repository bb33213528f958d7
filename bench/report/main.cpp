// SPDX-License-Identifier: Apache-2.0
//
// bench_report: from the runs of the benchmarks to the report.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "report/cases.hpp"
#include "report/render.hpp"
#include "report/rows.hpp"
#include "report/runs.hpp"

namespace bench = parley::bench;

namespace {

constexpr std::string_view usage =
    "Usage: bench_report --cases FILE --rooms           print the rooms of cases.tsv\n"
    "       bench_report --cases FILE --filter ROOM     print a filter for the room's benchmarks\n"
    "       bench_report --cases FILE --runs DIR --facts FILE --out DIR [--room ROOM]...\n"
    "           read DIR/<room>.json, as Google Benchmark writes them, of the rooms (all), and\n"
    "           write report.json, report.md and <room>.svg\n"
    "Exit status: 1 where an input is missing or wrong, 2 where the arguments are.\n";

struct arguments {
  std::map<std::string, std::string, std::less<>> values;
  std::vector<std::string> rooms;
  bool wants_rooms = false;
};

std::optional<arguments> parse_arguments(const std::vector<std::string_view>& words) {
  constexpr std::string_view names[] = {"--cases", "--filter", "--runs", "--facts", "--out"};
  arguments made;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--rooms") {
      made.wants_rooms = true;
      continue;
    }
    if (i + 1 == words.size()) return {};
    if (words[i] == "--room") {
      made.rooms.emplace_back(words[++i]);
    } else if (std::ranges::find(names, words[i]) != std::end(names)) {
      made.values.insert_or_assign(std::string(words[i]), std::string(words[i + 1]));
      ++i;
    } else {
      return {};
    }
  }
  return made;
}

int complain(std::string_view what) {
  std::cerr << "bench_report: " << what << '\n';
  return 1;
}

std::optional<std::string> read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return {};
  return std::move(text).str();
}

bool write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  return !out.flush().fail();
}

int report(std::vector<bench::bench_case> cases, const arguments& from,
           const std::vector<std::string>& rooms) {
  const std::string& runs_folder = from.values.at("--runs");
  const std::filesystem::path out = from.values.at("--out");
  std::erase_if(cases, [&](const bench::bench_case& each) {
    return std::ranges::find(rooms, each.room) == rooms.end();
  });

  std::map<std::string, bench::room_runs, std::less<>> runs;
  for (const std::string& room : rooms) {
    const std::string file = runs_folder + "/" + room + ".json";
    const auto text = read(file);
    if (!text) return complain("cannot read " + file);
    auto parsed = bench::parse_runs(*text);
    if (!parsed) return complain(file + ": " + parsed.error());
    runs.emplace(room, std::move(*parsed));
  }

  const std::string& facts_file = from.values.at("--facts");
  const auto facts_text = read(facts_file);
  if (!facts_text) return complain("cannot read " + facts_file);
  const auto facts = bench::parse_facts(*facts_text);
  if (!facts) return complain(facts_file + ": " + facts.error());

  const auto rows = bench::make_rows(cases, runs);
  if (!rows) return complain(rows.error());

  std::error_code refused;
  std::filesystem::create_directories(out, refused);
  std::map<std::string, std::string> files = {{"report.json", bench::to_json(*rows)},
                                              {"report.md", bench::to_markdown(*rows, *facts)}};
  for (const std::string& room : rooms) {
    if (std::string svg = bench::to_svg(*rows, room); !svg.empty()) files[room + ".svg"] = svg;
  }
  for (const auto& [name, text] : files) {
    if (!write(out / name, text)) return complain("cannot write " + (out / name).string());
  }
  std::cout << bench::summary_of(*rows) << '\n';
  return 0;
}

int run(const arguments& from) {
  const auto text = read(from.values.at("--cases"));
  if (!text) return complain("cannot read " + from.values.at("--cases"));
  auto cases = bench::parse_cases(*text);
  if (!cases) return complain(from.values.at("--cases") + ": " + cases.error());

  const std::vector<std::string> known = bench::rooms_of(*cases);
  std::vector<std::string> rooms = from.rooms.empty() ? known : from.rooms;
  const auto filter = from.values.find("--filter");
  if (filter != from.values.end()) rooms = {filter->second};
  for (const std::string& room : rooms) {
    if (std::ranges::find(known, room) == known.end()) return complain("no case of room " + room);
  }
  if (from.wants_rooms) {
    for (const std::string& room : known) std::cout << room << '\n';
    return 0;
  }
  if (filter != from.values.end()) {
    std::cout << bench::benchmark_filter(*cases, filter->second) << '\n';
    return 0;
  }
  return report(std::move(*cases), from, rooms);
}

// Whether just one of the three ways to call it is meant, and all that it takes is there.
bool is_one_thing(const arguments& from) {
  const auto has = [&](std::string_view name) { return from.values.contains(name); };
  const bool is_report = has("--runs") && has("--facts") && has("--out");
  const int ways = (from.wants_rooms ? 1 : 0) + (has("--filter") ? 1 : 0) + (is_report ? 1 : 0);
  return ways == 1 && has("--cases");
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto from = parse_arguments({argv + 1, argv + argc}); from && is_one_thing(*from)) {
    return run(*from);
  }
  std::cerr << usage;
  return 2;
}
