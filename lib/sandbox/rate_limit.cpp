// SPDX-License-Identifier: Apache-2.0
#include "sandbox/rate_limit.hpp"

#include <algorithm>

namespace parley::sandbox {
namespace {

constexpr std::int64_t token = 1'000'000;

}  // namespace

token_bucket::token_bucket(std::uint32_t per_second, time_point now) noexcept
    : per_second_(per_second), level_(per_second * token), last_(now) {}

// A microsecond brings per_second millionths of a token; a second fills the bucket, and more time
// than that is not multiplied.
std::int64_t token_bucket::level(time_point now) const noexcept {
  const auto passed = std::clamp<time_point::duration>(now - last_, time_point::duration::zero(),
                                                       std::chrono::seconds(1));
  return std::min(per_second_ * token, level_ + passed.count() * per_second_);
}

std::optional<std::chrono::seconds> token_bucket::take(time_point now) noexcept {
  level_ = level(now);
  // Two threads may come in another order than they looked at the clock; only a clock that was set
  // back is followed there.
  if (now > last_ || last_ - now > std::chrono::seconds(1)) last_ = now;
  if (level_ >= token) {
    level_ -= token;
    return std::nullopt;
  }
  const std::int64_t wait_us = (token - level_ + per_second_ - 1) / per_second_;
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::microseconds(wait_us));
}

bool token_bucket::is_full(time_point now) const noexcept {
  return level(now) == per_second_ * token;
}

std::optional<std::chrono::seconds> rate_limiter::take(std::string_view key, time_point now) {
  if (per_second_ == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= keys_max) make_room(now);
    found = buckets_.emplace(key, token_bucket(per_second_, now)).first;
  }
  return found->second.take(now);
}

// Full buckets go for nothing; where there is none, the one that was used the longest ago.
void rate_limiter::make_room(time_point now) {
  std::erase_if(buckets_, [now](const auto& each) { return each.second.is_full(now); });
  if (buckets_.size() < keys_max) return;
  buckets_.erase(
      std::ranges::min_element(buckets_, {}, [](const auto& each) { return each.second.last(); }));
}

void rate_limiter::clear() {
  const std::lock_guard lock(mutex_);
  buckets_.clear();
}

}  // namespace parley::sandbox
