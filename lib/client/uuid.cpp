// SPDX-License-Identifier: Apache-2.0
#include "parley/client/uuid.hpp"

#include <cstdint>
#include <string_view>

#include "crypto/sha256.hpp"

namespace parley::client {
namespace {

// RFC 9562, 4.1 and 4.2.
uuid with_version(uuid u, unsigned version) noexcept {
  u[6] = (u[6] & std::byte{0x0f}) | static_cast<std::byte>(version << 4);
  u[8] = (u[8] & std::byte{0x3f}) | std::byte{0x80};
  return u;
}

}  // namespace

std::optional<random_block_type> random_block() noexcept {
  random_block_type made;
  if (!crypto::random_bytes(made)) return std::nullopt;
  return made;
}

uuid uuid_v4(const random_block_type& random) noexcept { return with_version(random, 4); }

uuid uuid_v7(std::chrono::sys_time<std::chrono::milliseconds> now,
             const random_block_type& random) noexcept {
  uuid made = random;
  const auto milliseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
  for (std::size_t i = 0; i < 6; ++i) {
    made[i] = static_cast<std::byte>(milliseconds >> (8 * (5 - i)));
  }
  return with_version(made, 7);
}

std::string to_string(const uuid& u) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < u.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    const auto byte = std::to_integer<unsigned>(u[i]);
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace parley::client
