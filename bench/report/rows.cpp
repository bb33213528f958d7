// SPDX-License-Identifier: Apache-2.0
#include "report/rows.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace parley::bench {
namespace {

// What is judged is what is shown: a ratio of 4.9999 is 5 in the report, and above its bar.
double rounded(double value) {
  char text[64];
  const auto written =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 3);
  double read = value;
  std::from_chars(text, written.ptr, read);
  return read == 0 ? 0 : read;  // not -0
}

struct exact_figure {
  double median = 0;
  double least = 0;
  double most = 0;
  std::size_t repetitions = 0;
};

exact_figure figure_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back(), values.size()};
}

figure shown(const exact_figure& of, double less = 0) {
  return {rounded(of.median - less), rounded(of.least - less), rounded(of.most - less),
          of.repetitions};
}

result<exact_figure, std::string> measure(const bench_case& of, const room_runs& runs,
                                          const std::string& name) {
  const auto found = runs.find(name);
  const std::string who = of.room + ": '" + name + "' ";
  if (found == runs.end()) return failure{who + "was not measured"};
  const benchmark_runs& each = found->second;
  if (!each.error.empty()) return failure{who + "gave up: " + each.error};

  const std::vector<double>* values = &each.time_ns;
  if (of.kind == case_kind::rate || of.kind == case_kind::counter) {
    const std::string_view counter =
        of.kind == case_kind::rate ? std::string_view("items_per_second") : of.counter;
    const auto at = each.counters.find(counter);
    if (at == each.counters.end() || at->second.size() != each.time_ns.size()) {
      return failure{who + "has no counter " + std::string(counter)};
    }
    values = &at->second;
  }
  if (values->empty()) return failure{who + "has no repetition"};
  const exact_figure made = figure_of(*values);
  if (of.kind != case_kind::counter && made.median <= 0) return failure{who + "gave nothing"};
  return made;
}

result<report_row, std::string> make_row(const bench_case& of, const room_runs& runs) {
  report_row made;
  made.of = of;
  if (of.bar) made.bar = rounded(*of.bar);
  const auto ours = measure(of, runs, of.ours);
  if (!ours) return failure{ours.error()};
  made.ours = shown(*ours);

  if (!of.peer.empty() && !(of.is_peer_optional && !runs.contains(of.peer_benchmark))) {
    const auto peer = measure(of, runs, of.peer_benchmark);
    if (!peer) return failure{peer.error()};
    made.peer = shown(*peer);
    if (of.kind == case_kind::extra) made.ours = shown(*ours, peer->median);
    if (of.kind == case_kind::time) made.ratio = rounded(peer->median / ours->median);
    if (of.kind == case_kind::rate) made.ratio = rounded(ours->median / peer->median);
  }

  if (made.bar && of.has_ratio()) {
    if (made.ratio) made.holds = *made.ratio >= *made.bar;
  } else if (made.bar) {
    made.holds = made.ours.median <= *made.bar;
  }
  return made;
}

}  // namespace

result<std::vector<report_row>, std::string> make_rows(
    const std::vector<bench_case>& cases,
    const std::map<std::string, room_runs, std::less<>>& runs) {
  std::vector<report_row> rows;
  for (const bench_case& each : cases) {
    const auto room = runs.find(each.room);
    if (room == runs.end()) return failure{each.room + ": was not run"};
    auto made = make_row(each, room->second);
    if (!made) return failure{made.error()};
    rows.push_back(std::move(*made));
  }
  return rows;
}

}  // namespace parley::bench
