// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/position.hpp"

namespace parley::cursor {
namespace {

constexpr bool is_dash(std::size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return std::nullopt;
  uuid made;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::byte& byte = made.bytes[digits++ / 2];
    byte = byte << 4 | static_cast<std::byte>(value);
  }
  return made;
}

std::array<char, 36> to_text(const uuid& id) noexcept {
  std::array<char, 36> made;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (is_dash(i)) {
      made[i] = '-';
      continue;
    }
    const auto byte = std::to_integer<unsigned>(id.bytes[digits / 2]);
    made[i] = "0123456789abcdef"[digits++ % 2 == 0 ? byte >> 4 : byte & 15];
  }
  return made;
}

}  // namespace parley::cursor
