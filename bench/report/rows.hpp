// SPDX-License-Identifier: Apache-2.0
//
// The rows of the report: each case with what was measured.

#ifndef PARLEY_BENCH_REPORT_ROWS_HPP
#define PARLEY_BENCH_REPORT_ROWS_HPP

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parley/core/result.hpp"
#include "report/cases.hpp"
#include "report/runs.hpp"

namespace parley::bench {

/// Of the repetitions of one benchmark, each number with four digits that count.
struct figure {
  double median = 0;
  double least = 0;
  double most = 0;
  std::size_t repetitions = 0;
};

struct report_row {
  bench_case of;
  figure ours;  ///< of an extra: less the median of the peer
  std::optional<figure> peer;
  std::optional<double> ratio;  ///< of the medians, where the case has one and the peer is there
  std::optional<double> bar;
  std::optional<bool> holds;  ///< where there is a bar, and a peer if it needs one
};

/// The rows of the cases, in their order; `runs` by room. Or what is missing: a room, a benchmark
/// that is not an optional peer's, a repetition, a counter, or a figure above 0 to divide by.
result<std::vector<report_row>, std::string> make_rows(
    const std::vector<bench_case>& cases,
    const std::map<std::string, room_runs, std::less<>>& runs);

}  // namespace parley::bench

#endif  // PARLEY_BENCH_REPORT_ROWS_HPP
