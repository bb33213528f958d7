// SPDX-License-Identifier: Apache-2.0
//
// A code's name to its enumerator: errors/find_code/<catalogue>/<hit or miss>[/<how>]. `view` is
// catalogue_view::find_code, which works with any catalogue.

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#ifdef PARLEY_BENCH_ABSL
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#endif
#ifdef PARLEY_BENCH_GPERF
#include <string.h>  // gperf calls memcmp and includes nothing

#include <gperf_built_in.hpp>
#include <gperf_merged_1031.hpp>
#include <gperf_own_300.hpp>
#endif

#include "errors/made_rows.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/errors/own_catalogue.hpp"
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

constexpr auto made_with_built_in = errors::merge(errors::built_in_rows, errors::made_rows<1000>);

struct built_in {
  static constexpr const char* title = "built_in";
  static errors::catalogue_view catalogue() { return {}; }
#ifdef PARLEY_BENCH_GPERF
  static errors::code gperf(std::string_view name);
#endif
};
struct own_300 {
  static constexpr const char* title = "own_300";
  static errors::catalogue_view catalogue() { return errors::catalogue<errors::made_rows<300>>(); }
#ifdef PARLEY_BENCH_GPERF
  static errors::code gperf(std::string_view name);
#endif
};
struct merged_1031 {
  static constexpr const char* title = "merged_1031";
  static errors::catalogue_view catalogue() { return errors::catalogue<made_with_built_in>(); }
#ifdef PARLEY_BENCH_GPERF
  static errors::code gperf(std::string_view name);
#endif
};

#ifdef PARLEY_BENCH_GPERF
template <class Word>
errors::code code_of(const Word* found) {
  return found == nullptr ? errors::code::unknown : errors::code{found->value};
}
errors::code built_in::gperf(std::string_view name) {
  return code_of(gperf_built_in::find(name.data(), name.size()));
}
errors::code own_300::gperf(std::string_view name) {
  return code_of(gperf_own_300::find(name.data(), name.size()));
}
errors::code merged_1031::gperf(std::string_view name) {
  return code_of(gperf_merged_1031::find(name.data(), name.size()));
}
#endif

template <class Table>
std::string known_name(std::mt19937& random) {
  return std::string(Table::catalogue()[random() % Table::catalogue().size()].name);
}

template <class Table>
const names& hits() {
  static const names made(known_name<Table>);
  return made;
}

// Half of them differ from a known name in one byte, the others are names of another API.
template <class Table>
const names& misses() {
  static const names made([](std::mt19937& random) -> std::string {
    constexpr const char* foreign[] = {"scope_missing",  "card_declined", "rate_limit_exceeded",
                                       "invalid_grant",  "Throttling",    "resource_not_found",
                                       "quota_exceeded", "unavailable",   "permission_denied"};
    if (random() % 2 == 0) return foreign[random() % std::size(foreign)];
    std::string name = known_name<Table>(random);
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

template <class Table>
errors::code find_in_unordered_map(std::string_view name) {
  static const auto map = [] {
    std::unordered_map<std::string, errors::code, string_hash, std::equal_to<>> made;
    for (const errors::row& row : Table::catalogue()) made.emplace(row.name, row.code);
    return made;
  }();
  const auto found = map.find(name);
  return found == map.end() ? errors::code::unknown : found->second;
}

template <class Table>
errors::code find_in_sorted_array(std::string_view name) {
  using entry = std::pair<std::string_view, errors::code>;
  static const auto sorted = [] {
    std::vector<entry> made;
    for (const errors::row& row : Table::catalogue()) made.emplace_back(row.name, row.code);
    std::ranges::sort(made);
    return made;
  }();
  const auto found = std::ranges::lower_bound(sorted, name, {}, &entry::first);
  return found == sorted.end() || found->first != name ? errors::code::unknown : found->second;
}

#ifdef PARLEY_BENCH_ABSL
template <class Table>
errors::code find_in_flat_hash_map(std::string_view name) {
  static const auto map = [] {
    absl::flat_hash_map<std::string, errors::code> made;
    for (const errors::row& row : Table::catalogue()) made.emplace(row.name, row.code);
    return made;
  }();
  const auto found = map.find(absl::string_view(name.data(), name.size()));
  return found == map.end() ? errors::code::unknown : found->second;
}
#endif

template <class Find>
void add(const std::string& name, const names& (*wanted)(), Find find_one) {
  benchmark::RegisterBenchmark(name.c_str(), [wanted, find_one](benchmark::State& state) {
    find(state, wanted(), find_one);
  });
}

template <class Table>
void register_all(const char* which, const names& (*wanted)()) {
  const std::string name = std::string("errors/find_code/") + Table::title + "/" + which;
  add(name + "/view", wanted,
      [view = Table::catalogue()](std::string_view each) { return view.find_code(each); });
  add(name + "/std_unordered_map", wanted, find_in_unordered_map<Table>);
  add(name + "/sorted_array", wanted, find_in_sorted_array<Table>);
#ifdef PARLEY_BENCH_ABSL
  add(name + "/absl_flat_hash_map", wanted, find_in_flat_hash_map<Table>);
#endif
#ifdef PARLEY_BENCH_GPERF
  add(name + "/gperf", wanted, Table::gperf);
#endif
}

[[maybe_unused]] const bool registered = [] {
  add("errors/find_code/built_in/hit", hits<built_in>, errors::find_code);
  register_all<built_in>("hit", hits<built_in>);
  add("errors/find_code/built_in/miss", misses<built_in>, errors::find_code);
  register_all<built_in>("miss", misses<built_in>);
  register_all<own_300>("hit", hits<own_300>);
  register_all<own_300>("miss", misses<own_300>);
  register_all<merged_1031>("hit", hits<merged_1031>);
  register_all<merged_1031>("miss", misses<merged_1031>);
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
