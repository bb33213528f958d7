// SPDX-License-Identifier: Apache-2.0
//
// UUIDs of RFC 9562 for idempotency keys.
//
//   const auto random = random_block();
//   if (random) const auto key = to_string(uuid_v4(*random));
//
// Pure functions but for random_block(), which may be called from any thread.

#ifndef PARLEY_CLIENT_UUID_HPP
#define PARLEY_CLIENT_UUID_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "parley/client/export.hpp"

namespace parley::client {

/// 16 bytes, the first one first on the wire.
using uuid = std::array<std::byte, 16>;
using random_block_type = std::array<std::byte, 16>;

/// Random bytes of the system's generator; std::nullopt: it has no entropy.
PARLEY_CLIENT_EXPORT std::optional<random_block_type> random_block() noexcept;

/// Version 4 (5.4): 122 of the random bits.
PARLEY_CLIENT_EXPORT uuid uuid_v4(const random_block_type& random) noexcept;

/// Version 7 (5.7): the low 48 bits of the milliseconds since 1970, then 74 of the random bits. It
/// tells when it was made to whoever sees it.
PARLEY_CLIENT_EXPORT uuid uuid_v7(std::chrono::sys_time<std::chrono::milliseconds> now,
                                  const random_block_type& random) noexcept;

/// "f81d4fae-7dec-41d0-a765-00a0c91e6bf6": 36 bytes, lower case.
PARLEY_CLIENT_EXPORT std::string to_string(const uuid& u);

}  // namespace parley::client

#endif  // PARLEY_CLIENT_UUID_HPP
