// SPDX-License-Identifier: Apache-2.0
//
// Which of the 16,384 slots of a Redis Cluster a key belongs to (Redis Cluster specification, "Key
// distribution model" and "Hash tags").

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_KEY_SLOT_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_KEY_SLOT_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "parley/idempotency/record.hpp"

namespace parley::idempotency_redis {

inline constexpr std::size_t slot_count = 16'384;

/// CRC-16/XMODEM: polynomial 0x1021, no reflection, begun with 0. `crc`: of what came before.
std::uint16_t crc16(std::string_view bytes, std::uint16_t crc = 0) noexcept;

std::uint16_t slot_of(std::string_view name) noexcept;

/// The slots of a store's keys, which differ only in the digest behind their prefix.
class key_slots {
 public:
  explicit key_slots(std::string_view prefix) noexcept;
  std::uint16_t operator[](const idempotency::digest& key) const noexcept;

 private:
  std::uint16_t prefix_crc_ = 0;
  std::optional<std::uint16_t> only_;  // of a prefix that has a hash tag
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_KEY_SLOT_HPP
