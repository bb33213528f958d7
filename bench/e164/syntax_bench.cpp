// SPDX-License-Identifier: Apache-2.0
//
// Is a text E.164? e164/<function>/<texts>[/<peer>], for each of 131,072 different texts:
//   digits      7 to 15 digits, every length as likely
//   broken      as digits, but one byte of each is wrong, at any place
//   half_broken the two in random order: no branch on the answer is predicted
// number_bench.cpp has the same functions over numbers of the plans.

#include <random>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "e164/numbers.hpp"
#include "parley/e164/syntax.hpp"
#include "support/allocations.hpp"

namespace {

namespace bench = parley::bench;
namespace e164 = parley::e164;

std::string make_digits(std::mt19937_64& random) {
  const std::string first(1, static_cast<char>('1' + random() % 9));
  return bench::make_number(random, first, 7 + random() % 9);
}

std::string make_broken(std::mt19937_64& random) {
  constexpr std::string_view wrong = "- ()x./:#*";
  std::string number = make_digits(random);
  number[random() % number.size()] = wrong[random() % wrong.size()];
  return number;
}

std::string make_half_broken(std::mt19937_64& random) {
  return random() % 2 == 0 ? make_digits(random) : make_broken(random);
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& which, const bench::numbers& (*texts)()) {
    bench::time_syntax(which, texts);
    bench::time_all("e164/check_syntax/" + which, texts,
                    [](std::string_view text) { return e164::check_syntax(text); });
  };
  add("digits", bench::all_of<make_digits>);
  add("broken", bench::all_of<make_broken>);
  add("half_broken", bench::all_of<make_half_broken>);
  return true;
}();

// Whatever its size, no more than 17 bytes of a text are looked at.
void check_huge(benchmark::State& state) {
  const std::string text = "+" + std::string(10'000'000, '1');
  const bench::allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(e164::check_syntax(text));
}
BENCHMARK(check_huge)->Name("e164/check_syntax/10_megabytes");

}  // namespace
