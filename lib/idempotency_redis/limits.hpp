// SPDX-License-Identifier: Apache-2.0
//
// The limits of the options that stores and inspectors both use: of what lies in Redis, each must
// find what the other wrote.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_LIMITS_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_LIMITS_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

constexpr bool is_time(std::chrono::milliseconds t) noexcept {
  return t >= std::chrono::milliseconds(1) && t <= std::chrono::hours(1);
}

/// What is wrong with them; empty: nothing.
inline std::string_view fault_of_shared(const redis_store_options& o) noexcept {
  if (!is_time(o.operation_timeout)) return "operation_timeout is not 1 ms to 1 h";
  if (!is_time(o.connect_timeout)) return "connect_timeout is not 1 ms to 1 h";
  if (o.reply_bytes_max < (std::size_t{64} << 10) || o.reply_bytes_max > (std::size_t{512} << 20)) {
    return "reply_bytes_max is not 64 KiB to 512 MiB";
  }
  if (o.key_prefix.size() > 128) return "key_prefix is longer than 128 bytes";
  if (std::ranges::any_of(o.key_prefix, [](char c) { return c <= 0x20 || c == 0x7f; })) {
    return "key_prefix has a blank, a control character or a byte that is not ASCII";
  }
  return {};
}

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_LIMITS_HPP
