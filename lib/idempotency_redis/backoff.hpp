// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before the next attempt at what has failed.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_BACKOFF_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_BACKOFF_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace parley::idempotency_redis {

struct backoff {
  std::chrono::microseconds min;
  std::chrono::microseconds max;

  /// Doubling with the number of failures, less up to a half at random, so that clients that failed
  /// together do not come back together.
  std::chrono::microseconds after(unsigned failures, std::minstd_rand& random) const noexcept {
    const auto full = std::min(max, min * (std::int64_t{1} << std::min(failures, 20u)));
    const auto half = static_cast<std::uint64_t>(full.count()) / 2;
    return full - std::chrono::microseconds(static_cast<std::int64_t>(random() % (half + 1)));
  }
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_BACKOFF_HPP
