// SPDX-License-Identifier: Apache-2.0
//
// Numbers that follow from a seed: of ids, and of the dice that fault rules throw.

#ifndef PARLEY_LIB_SANDBOX_IDS_HPP
#define PARLEY_LIB_SANDBOX_IDS_HPP

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::sandbox {

/// The n-th output of SplitMix64 (Steele, Lea, Flood 2014), from 0 on, for this seed. Pure.
std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t n) noexcept;

/// "call_" and 16 hex digits.
std::string format_call_id(std::uint64_t number);

/// The number of an id, which has one spelling: that of format_call_id.
std::optional<std::uint64_t> parse_call_id(std::string_view id) noexcept;

/// The n-th request id of a seed, from 0 on: "req_" and 32 hex digits. Pure.
std::string seeded_request_id(std::uint64_t seed, std::uint64_t n);

/// The number of the n-th call of a seed, from 0 on, where `last` is the one before. Rises. Pure.
std::uint64_t seeded_call_number(std::uint64_t seed, std::uint64_t n, std::uint64_t last) noexcept;

/// Thread-safe.
class seeded_request_ids {
 public:
  explicit seeded_request_ids(std::uint64_t seed) noexcept : seed_(seed) {}
  std::string next() {
    return seeded_request_id(seed_, issued_.fetch_add(1, std::memory_order_relaxed));
  }
  /// Begins anew.
  void reset() noexcept { issued_ = 0; }

 private:
  const std::uint64_t seed_;
  std::atomic<std::uint64_t> issued_ = 0;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_IDS_HPP
