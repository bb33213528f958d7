// SPDX-License-Identifier: Apache-2.0
//
// How often a benchmark's loop allocates: allocations.cpp replaces operator new in its program.
//
//   {
//     const bench::allocation_counter count(state);
//     for (auto _ : state) ...
//   }                          // sets the counter "allocs", per iteration

#ifndef PARLEY_BENCH_SUPPORT_ALLOCATIONS_HPP
#define PARLEY_BENCH_SUPPORT_ALLOCATIONS_HPP

#include <cstddef>

#include <benchmark/benchmark.h>

namespace parley::bench {

/// Calls of operator new by this thread so far.
std::size_t allocations() noexcept;

/// Reports the allocations of its lifetime, divided by the iterations, as the counter `allocs`.
class allocation_counter {
 public:
  explicit allocation_counter(benchmark::State& state) : state_(state), before_(allocations()) {}
  ~allocation_counter() {
    const auto made = static_cast<double>(allocations() - before_);
    state_.counters["allocs"] = made / static_cast<double>(state_.iterations());
  }
  allocation_counter(const allocation_counter&) = delete;
  allocation_counter& operator=(const allocation_counter&) = delete;

 private:
  benchmark::State& state_;
  std::size_t before_;
};

}  // namespace parley::bench

#endif  // PARLEY_BENCH_SUPPORT_ALLOCATIONS_HPP
