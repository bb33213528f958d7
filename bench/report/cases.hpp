// SPDX-License-Identifier: Apache-2.0
//
// The cases of the report: cases.tsv, a line each, its columns divided by tabs. A line that is
// empty or begins with # is skipped, the first other one names the columns; - stands for nothing.
//
//   room       whose it is: <room>_bench measures it
//   case       what is measured, in words
//   kind       time     of one iteration; the ratio is the peer's time by ours
//              rate     items a second; the ratio is our rate by the peer's
//              extra    the time that ours takes more than the peer
//              counter:<name>  the figure that the benchmark gives by that name; has no peer
//   unit       of a time or an extra ns, of a rate what is counted and "/s", of a counter its own
//   ours       our benchmark, by the whole name that Google Benchmark prints
//   peer       what stands beside it
//   peer's     its benchmark; with a ? before it where the peer is only there if it is installed
//   bar        least ratio, or, where there is none, the most that ours may be: a number, or
//   1/number

#ifndef PARLEY_BENCH_REPORT_CASES_HPP
#define PARLEY_BENCH_REPORT_CASES_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"

namespace parley::bench {

enum class case_kind : std::uint8_t { time, rate, extra, counter };

struct bench_case {
  std::string room;
  std::string title;
  case_kind kind = case_kind::time;
  std::string counter;
  std::string unit;
  std::string ours;
  std::string peer;  ///< empty: none
  std::string peer_benchmark;
  bool is_peer_optional = false;
  std::optional<double> bar;

  bool has_ratio() const noexcept {
    return !peer.empty() && (kind == case_kind::time || kind == case_kind::rate);
  }
};

/// The cases of a text as above, or which line is wrong and why.
result<std::vector<bench_case>, std::string> parse_cases(std::string_view text);

/// The rooms of the cases, in their order.
std::vector<std::string> rooms_of(const std::vector<bench_case>& cases);

/// A regular expression that the names of the room's benchmarks match and no other.
std::string benchmark_filter(const std::vector<bench_case>& cases, std::string_view room);

}  // namespace parley::bench

#endif  // PARLEY_BENCH_REPORT_CASES_HPP
