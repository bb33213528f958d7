// SPDX-License-Identifier: Apache-2.0
//
// Is a text E.164? e164/<function>/<numbers>[/<peer>], for each of 131,072 different texts:
//   nanp     +1 and ten digits
//   mixed    7 to 15 digits, every length as likely
//   invalid  as mixed, but one byte of each is wrong, at any place
//   half     mixed and invalid in random order: no branch on the answer is predicted

#include <random>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#ifdef PARLEY_BENCH_PEERS
#include <re2/re2.h>
#endif

#include "parley/e164/syntax.hpp"
#include "support/allocations.hpp"

namespace {

namespace e164 = parley::e164;

class numbers {
 public:
  template <class Make>
  explicit numbers(Make make) {
    constexpr std::size_t count = 131'072;
    std::mt19937_64 random(1);
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string number = make(random);
      sizes.push_back(number.size());
      text_ += number;
    }
    std::size_t begin = 0;
    for (const std::size_t size : sizes) {
      views_.push_back(std::string_view(text_).substr(begin, size));
      begin += size;
    }
  }
  const std::vector<std::string_view>& views() const { return views_; }

 private:
  std::string text_;
  std::vector<std::string_view> views_;
};

std::string make_number(std::mt19937_64& random, std::size_t digits) {
  std::string number = "+";
  number += static_cast<char>('1' + random() % 9);
  while (number.size() <= digits) number += static_cast<char>('0' + random() % 10);
  return number;
}

std::string make_nanp(std::mt19937_64& random) {
  std::string number = make_number(random, 11);
  number[1] = '1';
  return number;
}

std::string make_mixed(std::mt19937_64& random) { return make_number(random, 7 + random() % 9); }

std::string make_invalid(std::mt19937_64& random) {
  constexpr std::string_view wrong = "- ()x./:#*";
  std::string number = make_mixed(random);
  number[random() % number.size()] = wrong[random() % wrong.size()];
  return number;
}

std::string make_half(std::mt19937_64& random) {
  return random() % 2 == 0 ? make_mixed(random) : make_invalid(random);
}

template <std::string (*Make)(std::mt19937_64&)>
const numbers& all_of() {
  static const numbers made(Make);
  return made;
}

template <class Check>
void check_all(benchmark::State& state, const numbers& texts, Check check) {
  benchmark::DoNotOptimize(check(texts.views().front()));  // a peer compiles its pattern
  {
    const parley::bench::allocation_counter count(state);
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(texts.views().size()))) {
      for (const std::string_view text : texts.views()) benchmark::DoNotOptimize(check(text));
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// What one writes by hand. Not inlined, as the library's functions are not.
[[gnu::noinline]] bool scalar_loop(std::string_view text) {
  if (text.size() < 2 || text.size() > 16 || text[0] != '+' || text[1] == '0') return false;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

bool std_regex(std::string_view text) {
  static const std::regex pattern("\\+[1-9][0-9]{0,14}", std::regex::optimize);
  return std::regex_match(text.begin(), text.end(), pattern);
}

#ifdef PARLEY_BENCH_PEERS
bool re2(std::string_view text) {
  static const RE2 pattern("\\+[1-9][0-9]{0,14}");
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}
#endif

void register_all(const char* which, const numbers& (*texts)()) {
  const auto add = [&](const char* function, const char* peer, auto check) {
    const std::string name = std::string("e164/") + function + "/" + which + peer;
    benchmark::RegisterBenchmark(name.c_str(), [texts, check](benchmark::State& state) {
      check_all(state, texts(), check);
    });
  };
  add("is_syntax_ok", "", [](std::string_view text) { return e164::is_syntax_ok(text); });
  add("check_syntax", "", [](std::string_view text) { return e164::check_syntax(text); });
  add("is_syntax_ok", "/scalar_loop", [](std::string_view text) { return scalar_loop(text); });
  add("is_syntax_ok", "/std_regex", std_regex);
#ifdef PARLEY_BENCH_PEERS
  add("is_syntax_ok", "/re2", re2);
#endif
}

[[maybe_unused]] const bool registered = [] {
  register_all("nanp", all_of<make_nanp>);
  register_all("mixed", all_of<make_mixed>);
  register_all("invalid", all_of<make_invalid>);
  register_all("half", all_of<make_half>);
  return true;
}();

// Whatever its size, no more than 17 bytes of a text are looked at.
void check_huge(benchmark::State& state) {
  const std::string text = "+" + std::string(10'000'000, '1');
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(e164::check_syntax(text));
}
BENCHMARK(check_huge)->Name("e164/check_syntax/10_megabytes");

}  // namespace
