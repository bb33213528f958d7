// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks of Redis stores put on a store: so many lanes, each with one operation in
// flight, whose next one follows from what has ended.

#ifndef PARLEY_BENCH_IDEMPOTENCY_REDIS_LOAD_HPP
#define PARLEY_BENCH_IDEMPOTENCY_REDIS_LOAD_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/idempotency/store.hpp"

namespace parley::bench {

inline constexpr std::string_view request_id = "req_0123456789abcdef";
inline constexpr std::uint64_t unix_ms = 1'700'000'000'000;

/// A pair is a claim, then its complete: two operations.
enum class operation : std::uint8_t { claim, complete, pair, replay };

struct load {
  operation what = operation::pair;
  std::size_t in_flight = 256;
  std::size_t count = 0;    ///< of claims, or of completions where nothing is claimed
  std::uint64_t first = 0;  ///< of as many keys
  std::size_t response_bytes = 200;
  std::chrono::milliseconds retention = std::chrono::hours(24);
};

/// Keys that no load of this program has had.
std::uint64_t new_keys(std::size_t count);

/// Returns when all of it has ended: how many operations failed.
std::size_t run(idempotency::store& records, const load& l);

/// Processor time of this process since it began.
double cpu_seconds();

}  // namespace parley::bench

#endif  // PARLEY_BENCH_IDEMPOTENCY_REDIS_LOAD_HPP
