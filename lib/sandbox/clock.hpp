// SPDX-License-Identifier: Apache-2.0
//
// The sandbox's time: real, and an offset that is moved by hand.

#ifndef PARLEY_LIB_SANDBOX_CLOCK_HPP
#define PARLEY_LIB_SANDBOX_CLOCK_HPP

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

#include "parley/sandbox/sandbox.hpp"

namespace parley::sandbox {

inline constexpr std::chrono::seconds offset_max = std::chrono::days(3653);

/// Thread-safe.
class manual_clock {
 public:
  /// Of an empty `real`: the system's time at this moment, carried on steadily.
  explicit manual_clock(std::function<time_point()> real);

  time_point now() const;
  /// Without the offset.
  time_point real_now() const { return real_(); }
  std::chrono::seconds offset() const;
  /// False, and nothing changed: negative, or above offset_max in all.
  bool advance(std::chrono::seconds by);
  void reset();

 private:
  const std::function<time_point()> real_;
  mutable std::mutex mutex_;
  std::chrono::seconds offset_{};
};

/// RFC 3339 in UTC with microseconds: "2026-01-02T03:04:05.000006Z".
std::string format_time(time_point at);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_CLOCK_HPP
