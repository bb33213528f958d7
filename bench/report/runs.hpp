// SPDX-License-Identifier: Apache-2.0
//
// What Google Benchmark measured: the file of --benchmark_out, its repetitions gathered by name.

#ifndef PARLEY_BENCH_REPORT_RUNS_HPP
#define PARLEY_BENCH_REPORT_RUNS_HPP

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"

namespace parley::bench {

/// One benchmark; of each list an element a repetition.
struct benchmark_runs {
  /// The time of an iteration by the clock that the benchmark asks for: its name says so where that
  /// is not the processor's.
  std::vector<double> time_ns;
  /// Counters, with the rates that Google Benchmark makes (items_per_second).
  std::map<std::string, std::vector<double>, std::less<>> counters;
  std::string error;  ///< why it gave up, if it did
};

using room_runs = std::map<std::string, benchmark_runs, std::less<>>;

/// The runs in a text of JSON, or what is wrong with it. Aggregates are left out.
result<room_runs, std::string> parse_runs(std::string_view json);

}  // namespace parley::bench

#endif  // PARLEY_BENCH_REPORT_RUNS_HPP
