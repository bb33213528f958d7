// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/key_slot.hpp"

#include <array>

#include "idempotency_redis/record.hpp"

namespace parley::idempotency_redis {
namespace {

constexpr std::size_t stride = 8;

// tables[k][b]: what a byte b does to the remainder when k more bytes follow it. Eight bytes are
// then eight look-ups that do not wait for each other. 4 KiB.
constexpr auto tables = [] {
  std::array<std::array<std::uint16_t, 256>, stride> made{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0);
    made[0][byte] = static_cast<std::uint16_t>(crc);
  }
  for (std::size_t k = 1; k < stride; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint16_t before = made[k - 1][byte];
      made[k][byte] = static_cast<std::uint16_t>(before << 8 ^ made[0][before >> 8]);
    }
  }
  return made;
}();

// What of the name decides: what stands between its first brace and the first one that closes
// behind it, unless that is nothing.
std::optional<std::string_view> hash_tag(std::string_view name) noexcept {
  const std::size_t open = name.find('{');
  if (open == std::string_view::npos) return std::nullopt;
  const std::size_t close = name.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return std::nullopt;
  return name.substr(open + 1, close - open - 1);
}

constexpr std::uint16_t slot_of_crc(std::uint16_t crc) noexcept { return crc % slot_count; }

}  // namespace

std::uint16_t crc16(std::string_view bytes, std::uint16_t crc) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (; bytes.size() >= stride; bytes.remove_prefix(stride)) {
    crc = static_cast<std::uint16_t>(tables[7][byte(0) ^ (crc >> 8)] ^
                                     tables[6][byte(1) ^ (crc & 0xff)] ^ tables[5][byte(2)] ^
                                     tables[4][byte(3)] ^ tables[3][byte(4)] ^ tables[2][byte(5)] ^
                                     tables[1][byte(6)] ^ tables[0][byte(7)]);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    crc = static_cast<std::uint16_t>(crc << 8 ^ tables[0][byte(i) ^ (crc >> 8)]);
  }
  return crc;
}

std::uint16_t slot_of(std::string_view name) noexcept {
  return slot_of_crc(crc16(hash_tag(name).value_or(name)));
}

// The digits behind the prefix have no brace: a tag is in the prefix as a whole, or nowhere.
key_slots::key_slots(std::string_view prefix) noexcept : prefix_crc_(crc16(prefix)) {
  if (hash_tag(prefix)) only_ = slot_of(prefix);
}

std::uint16_t key_slots::operator[](const idempotency::digest& key) const noexcept {
  if (only_) return *only_;
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, key_hex_bytes> hex;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    hex[2 * i] = digits[std::to_integer<unsigned>(key.bytes[i]) >> 4];
    hex[2 * i + 1] = digits[std::to_integer<unsigned>(key.bytes[i]) & 15];
  }
  return slot_of_crc(crc16({hex.data(), hex.size()}, prefix_crc_));
}

}  // namespace parley::idempotency_redis
