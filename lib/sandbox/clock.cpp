// SPDX-License-Identifier: Apache-2.0
#include "sandbox/clock.hpp"

#include <cstdio>
#include <utility>

namespace parley::sandbox {
namespace {

// The system's time at the start, carried on by the steady clock: a step of the system's clock must
// not move the calls.
std::function<time_point()> steady_system_clock() {
  const auto system =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto steady = std::chrono::steady_clock::now();
  return [system, steady] {
    return system +
           std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - steady);
  };
}

}  // namespace

manual_clock::manual_clock(std::function<time_point()> real)
    : real_(real ? std::move(real) : steady_system_clock()) {}

time_point manual_clock::now() const {
  return real_now() + offset();  // without the lock, as the clock is the user's
}

std::chrono::seconds manual_clock::offset() const {
  const std::lock_guard lock(mutex_);
  return offset_;
}

bool manual_clock::advance(std::chrono::seconds by) {
  const std::lock_guard lock(mutex_);
  if (by < by.zero() || by > offset_max - offset_) return false;
  offset_ += by;
  return true;
}

void manual_clock::reset() {
  const std::lock_guard lock(mutex_);
  offset_ = {};
}

std::string format_time(time_point at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace parley::sandbox
