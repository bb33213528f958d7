// SPDX-License-Identifier: Apache-2.0
//
// Has a numbering plan the number? e164/<function>/<numbers>[/<peer>], for each of 131,072
// different numbers, all of them E.164 by their syntax:
//   valid    a random calling code and random digits, 7 to 15 in all; kept if valid
//   invalid  the same, kept if not valid
//   mixed    the two in random order: no branch on the answer is predicted
//   nanp     +1 and ten digits, valid
//   india    +91, valid: the plan that the automaton has to look at deepest
// The peer libphonenumber (PARLEY_BENCH_PEERS) is asked for validity, type and region, of the first
// 4,096 of each.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "e164/numbers.hpp"
#include "parley/e164/number.hpp"
#include "support/allocations.hpp"
#ifdef PARLEY_BENCH_LIBPHONENUMBER
#include "e164/libphonenumber_peer.hpp"
#endif

namespace {

namespace bench = parley::bench;
namespace e164 = parley::e164;

std::size_t random_size(std::mt19937_64& random) { return 7 + random() % 9; }

std::string make_any(std::mt19937_64& random) {
  static const std::vector<std::string> codes = [] {
    std::vector<std::string> made;
    for (unsigned code = 1; code < 1000; ++code) {
      if (e164::is_calling_code(code)) made.push_back(std::to_string(code));
    }
    return made;
  }();
  const std::string& code = codes[random() % codes.size()];
  return bench::make_number(random, code, random_size(random));
}
std::string make_any_nanp(std::mt19937_64& random) { return bench::make_number(random, "1", 11); }
std::string make_any_india(std::mt19937_64& random) {
  return bench::make_number(random, "91", random_size(random));
}

// The first that is valid, or the first that is not.
template <bench::numbers::maker Make, bool IsValid>
std::string make_kept(std::mt19937_64& random) {
  for (;;) {
    std::string number = Make(random);
    if (static_cast<bool>(e164::classify(number)) == IsValid) return number;
  }
}

constexpr bench::numbers::maker make_valid = make_kept<make_any, true>;
constexpr bench::numbers::maker make_invalid = make_kept<make_any, false>;

std::string make_mixed(std::mt19937_64& random) {
  return random() % 2 == 0 ? make_valid(random) : make_invalid(random);
}

void classify_batch(benchmark::State& state, const bench::numbers& texts) {
  constexpr std::size_t batch = 1024;
  static_assert(bench::numbers::count % batch == 0);
  std::array<e164::classification, batch> answers;
  {
    const bench::allocation_counter count(state);
    while (state.KeepRunningBatch(bench::numbers::count)) {
      for (std::size_t i = 0; i < bench::numbers::count; i += batch) {
        e164::classify(std::span(texts.views()).subspan(i, batch), answers);
        benchmark::DoNotOptimize(answers.data());
        benchmark::ClobberMemory();
      }
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// One number after the other is known: where a text begins depends on the last answer.
void classify_dependent(benchmark::State& state, const bench::numbers& texts) {
  // Nothing of the answer, but only the program that runs knows that: neither the compiler nor the
  // processor can leave out the `and`.
  std::uint64_t none = 0;
  benchmark::DoNotOptimize(none);
  {
    const bench::allocation_counter count(state);
    std::uint64_t last = 0;
    while (state.KeepRunningBatch(bench::numbers::count)) {
      for (const std::string_view text : texts.views()) {
        last = std::bit_cast<std::uint64_t>(
            e164::classify({text.data() + (last & none), text.size()}));
      }
      benchmark::DoNotOptimize(last);
    }
  }
  state.SetItemsProcessed(state.iterations());
}

#ifdef PARLEY_BENCH_LIBPHONENUMBER
void classify_libphonenumber(benchmark::State& state, const bench::numbers& texts) {
  constexpr std::size_t some = 4096;
  std::vector<std::string> copies(texts.views().begin(), texts.views().begin() + some);
  // It compiles patterns when it first needs them, and keeps them.
  for (const std::string& text : copies) bench::ask_libphonenumber(text);
  {
    const bench::allocation_counter count(state);
    while (state.KeepRunningBatch(some)) {
      for (const std::string& text : copies) {
        benchmark::DoNotOptimize(bench::ask_libphonenumber(text));
      }
    }
  }
  state.SetItemsProcessed(state.iterations());
}
#endif

void add_all(const std::string& which, const bench::numbers& (*texts)()) {
  const auto add = [&](const std::string& name, auto* run) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [texts, run](benchmark::State& state) { run(state, texts()); });
  };
  bench::time_all("e164/classify/" + which, texts,
                  [](std::string_view text) { return e164::classify(text); });
  add("e164/classify_batch/" + which, classify_batch);
  add("e164/classify_dependent/" + which, classify_dependent);
  bench::time_all("e164/parse/" + which, texts,
                  [](std::string_view text) { return e164::parse(text); });
#ifdef PARLEY_BENCH_LIBPHONENUMBER
  add("e164/classify/" + which + "/libphonenumber", classify_libphonenumber);
#endif
  bench::time_syntax(which, texts);
}

[[maybe_unused]] const bool registered = [] {
  add_all("valid", bench::all_of<make_valid>);
  add_all("invalid", bench::all_of<make_invalid>);
  add_all("mixed", bench::all_of<make_mixed>);
  add_all("nanp", bench::all_of<make_kept<make_any_nanp, true>>);
  add_all("india", bench::all_of<make_kept<make_any_india, true>>);
  return true;
}();

}  // namespace
