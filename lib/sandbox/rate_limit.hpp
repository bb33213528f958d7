// SPDX-License-Identifier: Apache-2.0
//
// How many requests an API key may send.

#ifndef PARLEY_LIB_SANDBOX_RATE_LIMIT_HPP
#define PARLEY_LIB_SANDBOX_RATE_LIMIT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "parley/sandbox/sandbox.hpp"

namespace parley::sandbox {

/// A token bucket that holds a second's worth, and is full at first. In millionths of a token, so
/// that nothing is lost between two requests that come quickly. Pure but for itself.
class token_bucket {
 public:
  token_bucket(std::uint32_t per_second, time_point now) noexcept;

  /// Takes a token; where there is none, gives how long to wait for one, in whole seconds rounded
  /// up. A clock that goes back gives none.
  std::optional<std::chrono::seconds> take(time_point now) noexcept;
  /// As good as a new one.
  bool is_full(time_point now) const noexcept;
  time_point last() const noexcept { return last_; }

 private:
  std::int64_t level(time_point now) const noexcept;

  std::uint32_t per_second_;
  std::int64_t level_;
  time_point last_;
};

/// A bucket for each API key. Thread-safe.
class rate_limiter {
 public:
  static constexpr std::size_t keys_max = 10'000;

  /// 0: no limit.
  explicit rate_limiter(std::uint32_t per_second) noexcept : per_second_(per_second) {}

  /// None: the request may pass. Else in how many seconds to come again.
  std::optional<std::chrono::seconds> take(std::string_view key, time_point now);
  void clear();

 private:
  void make_room(time_point now);

  const std::uint32_t per_second_;
  std::mutex mutex_;
  std::map<std::string, token_bucket, std::less<>> buckets_;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_RATE_LIMIT_HPP
