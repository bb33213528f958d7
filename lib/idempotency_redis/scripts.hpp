// SPDX-License-Identifier: Apache-2.0
//
// What runs in the server. Each script has one key, and the record's nonce or value decides whether
// it acts: sent twice, it changes nothing the second time.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_SCRIPTS_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_SCRIPTS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::idempotency_redis {

enum class script : std::uint8_t { take_over, complete, release, renew, mark, touch };
inline constexpr std::size_t script_count = 6;

/// What the writing scripts answer; the rest is corrupt.
enum class script_answer : std::int64_t {
  applied = 1,
  already = 2,
  lost = 3,
  gone = 4,
  corrupt = 5
};

/// What take_over answers beside a value that has changed: the lease left in ms, above 0, or
inline constexpr std::int64_t answer_abandoned = 0;
inline constexpr std::int64_t answer_taken = -1;
inline constexpr std::int64_t answer_corrupt = -2;

std::string_view text_of(script s) noexcept;

/// SHA-1 in hexadecimal, by which EVALSHA knows them.
class script_names {
 public:
  script_names();
  std::string_view operator[](script s) const noexcept {
    const auto& name = names_[static_cast<std::size_t>(s)];
    return {name.data(), name.size()};
  }

 private:
  std::array<std::array<char, 40>, script_count> names_;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_SCRIPTS_HPP
