// SPDX-License-Identifier: Apache-2.0
//
// A code's name to its enumerator: errors/find_code/<names>[/<peer>].

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#ifdef PARLEY_BENCH_PEERS
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#endif

#include "parley/errors/catalogue.hpp"
#include "support/allocations.hpp"

namespace {

namespace errors = parley::errors;

// Names in random order, each at an address of its own, as they come out of a parser: neither the
// branch predictor nor the equality of pointers helps.
class names {
 public:
  template <class Make>
  explicit names(Make make) {
    constexpr std::size_t count = 65'536;
    std::mt19937 random(1);
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = make(random);
      sizes.push_back(name.size());
      text_ += name;
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

std::string known_name(std::mt19937& random) {
  return std::string(errors::catalogue()[random() % errors::catalogue().size()].name);
}

const names& hits() {
  static const names made(known_name);
  return made;
}

// Half of them differ from a known name in one byte, the others are names of another API.
const names& misses() {
  static const names made([](std::mt19937& random) -> std::string {
    constexpr const char* foreign[] = {"scope_missing",  "card_declined", "rate_limit_exceeded",
                                       "invalid_grant",  "Throttling",    "resource_not_found",
                                       "quota_exceeded", "unavailable",   "permission_denied"};
    if (random() % 2 == 0) return foreign[random() % std::size(foreign)];
    std::string name = known_name(random);
    name[random() % name.size()] = 'X';
    return name;
  });
  return made;
}

template <class Find>
void find(benchmark::State& state, const names& wanted, Find find_one) {
  benchmark::DoNotOptimize(find_one(wanted.views().front()));  // a peer makes its map
  {
    const parley::bench::allocation_counter count(state);
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(wanted.views().size()))) {
      for (const std::string_view name : wanted.views()) benchmark::DoNotOptimize(find_one(name));
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// std::unordered_map as one would write it in C++20: keys that own their text, views to search.
struct string_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

errors::code find_in_unordered_map(std::string_view name) {
  static const auto map = [] {
    std::unordered_map<std::string, errors::code, string_hash, std::equal_to<>> made;
    for (const errors::row& row : errors::catalogue()) made.emplace(row.name, row.code);
    return made;
  }();
  const auto found = map.find(name);
  return found == map.end() ? errors::code::unknown : found->second;
}

errors::code find_in_sorted_array(std::string_view name) {
  using entry = std::pair<std::string_view, errors::code>;
  static const auto sorted = [] {
    std::vector<entry> made;
    for (const errors::row& row : errors::catalogue()) made.emplace_back(row.name, row.code);
    std::ranges::sort(made);
    return made;
  }();
  const auto found = std::ranges::lower_bound(sorted, name, {}, &entry::first);
  return found == sorted.end() || found->first != name ? errors::code::unknown : found->second;
}

#ifdef PARLEY_BENCH_PEERS
errors::code find_in_flat_hash_map(std::string_view name) {
  static const auto map = [] {
    absl::flat_hash_map<std::string, errors::code> made;
    for (const errors::row& row : errors::catalogue()) made.emplace(row.name, row.code);
    return made;
  }();
  const auto found = map.find(absl::string_view(name.data(), name.size()));
  return found == map.end() ? errors::code::unknown : found->second;
}
#endif

void register_all(const char* which, const names& (*wanted)()) {
  const auto add = [&](const char* peer, auto find_one) {
    const std::string name = std::string("errors/find_code/") + which + peer;
    benchmark::RegisterBenchmark(name.c_str(), [wanted, find_one](benchmark::State& state) {
      find(state, wanted(), find_one);
    });
  };
  add("", [](std::string_view name) { return errors::find_code(name); });
  add("/std_unordered_map", [](std::string_view name) { return find_in_unordered_map(name); });
  add("/sorted_array", [](std::string_view name) { return find_in_sorted_array(name); });
#ifdef PARLEY_BENCH_PEERS
  add("/absl_flat_hash_map", [](std::string_view name) { return find_in_flat_hash_map(name); });
#endif
}

[[maybe_unused]] const bool registered = [] {
  register_all("hit", hits);
  register_all("miss", misses);
  return true;
}();

// The text of any size is refused by its size.
void find_huge(benchmark::State& state) {
  const std::string text(10'000'000, 'a');
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(errors::find_code(text));
}
BENCHMARK(find_huge)->Name("errors/find_code/10_megabytes");

}  // namespace
