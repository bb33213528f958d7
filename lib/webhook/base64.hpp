// SPDX-License-Identifier: Apache-2.0
//
// base64 (RFC 4648, section 4), strict: one spelling for each sequence of bytes.

#ifndef PARLEY_LIB_WEBHOOK_BASE64_HPP
#define PARLEY_LIB_WEBHOOK_BASE64_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace parley::webhook::base64 {

inline constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::size_t text_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

/// Writes text_size(bytes.size()) characters, the padding included.
constexpr void encode(std::span<const std::byte> bytes, char* out) noexcept {
  while (!bytes.empty()) {
    const std::size_t taken = bytes.size() < 3 ? bytes.size() : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < taken ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      *out++ = i <= taken ? alphabet[group >> (18 - 6 * i) & 63] : '=';
    }
    bytes = bytes.subspan(taken);
  }
}

/// How many bytes a text of whole groups is, of whatever characters; std::nullopt: not whole ones.
constexpr std::optional<std::size_t> decoded_size(std::string_view text) noexcept {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  return text.size() / 4 * 3 - padding;
}

inline constexpr auto values = []() {
  std::array<std::int8_t, 256> made{};
  made.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    made[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return made;
}();

/// Decodes whole groups into `out`, of decoded_size(text) bytes. False: a character that is not of
/// the alphabet, or bits at the end that are not zero.
constexpr bool decode(std::string_view text, std::span<std::byte> out) noexcept {
  text = text.substr(0, text.size() - (text.size() / 4 * 3 - out.size()));
  std::uint32_t bits = 0;
  unsigned have = 0;
  std::size_t written = 0;
  for (const char c : text) {
    const std::int8_t value = values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out[written++] = static_cast<std::byte>(bits >> have);
    bits &= (1u << have) - 1;
  }
  return bits == 0;
}

}  // namespace parley::webhook::base64

#endif  // PARLEY_LIB_WEBHOOK_BASE64_HPP
