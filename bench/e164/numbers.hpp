// SPDX-License-Identifier: Apache-2.0
//
// Sets of texts to time functions over, and what is timed beside them.

#ifndef PARLEY_BENCH_E164_NUMBERS_HPP
#define PARLEY_BENCH_E164_NUMBERS_HPP

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "support/allocations.hpp"

namespace parley::bench {

/// Texts that all differ, one behind the other in memory: too many for a branch predictor to learn.
class numbers {
 public:
  static constexpr std::size_t count = 131'072;

  using maker = std::string (*)(std::mt19937_64& random);
  /// What `make` made, a text that it made before left out.
  explicit numbers(maker make);

  const std::vector<std::string_view>& views() const noexcept { return views_; }

 private:
  std::string text_;
  std::vector<std::string_view> views_;
};

/// Made when it is asked for.
template <numbers::maker Make>
const numbers& all_of() {
  static const numbers made(Make);
  return made;
}

/// A plus sign, `begin`, and random digits up to `digits` in all.
std::string make_number(std::mt19937_64& random, std::string_view begin, std::size_t digits);

/// Registers `name`: check(text) of one text after the other.
template <class Check>
void time_all(const std::string& name, const numbers& (*texts)(), Check check) {
  benchmark::RegisterBenchmark(name.c_str(), [texts, check](benchmark::State& state) {
    const std::vector<std::string_view>& views = texts().views();
    benchmark::DoNotOptimize(check(views.front()));  // a peer compiles its pattern
    {
      const allocation_counter count(state);
      while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(views.size()))) {
        for (const std::string_view text : views) benchmark::DoNotOptimize(check(text));
      }
    }
    state.SetItemsProcessed(state.iterations());
  });
}

/// Registers e164/is_syntax_ok/<which> and, behind it, /scalar_loop (what one writes by hand, not
/// inlined, as the library's functions are not), /std_regex, and /re2 where that is found.
void time_syntax(const std::string& which, const numbers& (*texts)());

}  // namespace parley::bench

#endif  // PARLEY_BENCH_E164_NUMBERS_HPP
