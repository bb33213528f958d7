// SPDX-License-Identifier: Apache-2.0
//
// base64url without padding (RFC 4648, section 5), strict: one spelling for each sequence of bytes.

#ifndef PARLEY_LIB_CURSOR_BASE64URL_HPP
#define PARLEY_LIB_CURSOR_BASE64URL_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace parley::cursor::base64url {

inline constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Stores 16 bytes at once.
inline void put_words(std::byte* out, std::uint64_t first, std::uint64_t second) noexcept {
  using two_words [[gnu::vector_size(16)]] = std::uint64_t;
  const two_words both = {first, second};
  std::memcpy(out, &both, sizeof(both));
}

constexpr std::size_t text_size(std::size_t bytes) noexcept {
  return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

namespace detail {

// Two characters for each 12 bits.
struct pair {
  char first;
  char second;
};
constexpr auto pairs = [] {
  std::array<pair, 4096> made{};
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = {alphabet[i >> 6], alphabet[i & 63]};
  return made;
}();

// The value of a character where it stands in its group of four, or this.
constexpr std::uint32_t bad = 0x8000'0000;
constexpr auto values = [] {
  std::array<std::array<std::uint32_t, 256>, 4> made{};
  for (auto& each : made) each.fill(bad);
  for (std::uint32_t i = 0; i < alphabet.size(); ++i) {
    for (std::size_t place = 0; place < 4; ++place) {
      made[place][static_cast<unsigned char>(alphabet[i])] = i << (18 - 6 * place);
    }
  }
  return made;
}();

inline std::uint32_t value(std::size_t place, char c) noexcept {
  return values[place][static_cast<unsigned char>(c)];
}

}  // namespace detail

/// Writes text_size(bytes.size()) characters, and gives the end of them.
inline char* encode(std::span<const std::byte> bytes, char* out) noexcept {
  const auto put = [&out](std::size_t twelve_bits) {
    const detail::pair two = detail::pairs[twelve_bits];
    out[0] = two.first;
    out[1] = two.second;
    out += 2;
  };
  const std::byte* in = bytes.data();
  const std::byte* const groups = in + bytes.size() / 3 * 3;
  for (; in != groups; in += 3) {
    const auto group = std::to_integer<std::uint32_t>(in[0]) << 16 |
                       std::to_integer<std::uint32_t>(in[1]) << 8 |
                       std::to_integer<std::uint32_t>(in[2]);
    put(group >> 12);
    put(group & 0xfff);
  }
  const std::size_t rest = bytes.size() % 3;
  if (rest == 1) put(std::to_integer<std::size_t>(in[0]) << 4);
  if (rest == 2) {
    const auto group =
        std::to_integer<std::uint32_t>(in[0]) << 10 | std::to_integer<std::uint32_t>(in[1]) << 2;
    put(group >> 6);
    *out++ = alphabet[group & 63];
  }
  return out;
}

/// The most that decode() writes for a text of this size: whole words.
constexpr std::size_t room_for(std::size_t text_size) noexcept { return text_size / 32 * 24 + 24; }

namespace detail {

// Eight characters as 48 bits.
inline std::uint64_t eight(const char* in, std::uint32_t& seen) noexcept {
  const std::uint32_t high = value(0, in[0]) | value(1, in[1]) | value(2, in[2]) | value(3, in[3]);
  const std::uint32_t low = value(0, in[4]) | value(1, in[5]) | value(2, in[6]) | value(3, in[7]);
  seen |= high | low;
  return std::uint64_t{high} << 24 | (low & 0xff'ffff);
}

inline std::uint64_t in_memory(std::uint64_t big_endian) noexcept {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap64(big_endian);
  return big_endian;
}

// 32 characters as three words.
struct three_words {
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t third;
};
inline three_words thirty_two(const char* in, std::uint32_t& seen) noexcept {
  const std::uint64_t a = eight(in, seen);
  const std::uint64_t b = eight(in + 8, seen);
  const std::uint64_t c = eight(in + 16, seen);
  const std::uint64_t d = eight(in + 24, seen);
  return {in_memory(a << 16 | b >> 32), in_memory(b << 32 | c >> 16), in_memory(c << 48 | d)};
}

}  // namespace detail

/// Decodes into `out`, which has room_for(text.size()) bytes; gives how many are decoded.
/// std::nullopt: a character that is not of the alphabet, a length that no bytes have, or bits at
/// the end that are not zero. What `out` then holds is unspecified.
inline std::optional<std::size_t> decode(std::string_view text, std::byte* out) noexcept {
  const char* in = text.data();
  std::byte* at = out;
  std::uint32_t seen = 0;
  // As wide as they are read next, by SHA-256: a load waits for narrower stores before it.
  for (std::size_t blocks = text.size() / 64; blocks > 0; --blocks) {
    const detail::three_words one = detail::thirty_two(in, seen);
    const detail::three_words two = detail::thirty_two(in + 32, seen);
    put_words(at, one.first, one.second);
    put_words(at + 16, one.third, two.first);
    put_words(at + 32, two.second, two.third);
    in += 64;
    at += 48;
  }
  if (text.size() % 64 >= 32) {
    const detail::three_words one = detail::thirty_two(in, seen);
    put_words(at, one.first, one.second);
    std::memcpy(at + 16, &one.third, sizeof(one.third));
    in += 32;
    at += 24;
  }
  for (std::size_t groups = text.size() % 32 / 4; groups > 0; --groups) {
    const std::uint32_t group = detail::value(0, in[0]) | detail::value(1, in[1]) |
                                detail::value(2, in[2]) | detail::value(3, in[3]);
    seen |= group;
    at[0] = static_cast<std::byte>(group >> 16);
    at[1] = static_cast<std::byte>(group >> 8);
    at[2] = static_cast<std::byte>(group);
    in += 4;
    at += 3;
  }
  switch (text.size() % 4) {
    case 0: break;
    case 1: return std::nullopt;
    case 2: {
      const std::uint32_t group = detail::value(0, in[0]) | detail::value(1, in[1]);
      seen |= group | ((group & 0xffff) != 0 ? detail::bad : 0);
      *at++ = static_cast<std::byte>(group >> 16);
      break;
    }
    default: {
      const std::uint32_t group =
          detail::value(0, in[0]) | detail::value(1, in[1]) | detail::value(2, in[2]);
      seen |= group | ((group & 0xff) != 0 ? detail::bad : 0);
      at[0] = static_cast<std::byte>(group >> 16);
      at[1] = static_cast<std::byte>(group >> 8);
      at += 2;
      break;
    }
  }
  if ((seen & detail::bad) != 0) return std::nullopt;
  return static_cast<std::size_t>(at - out);
}

}  // namespace parley::cursor::base64url

#endif  // PARLEY_LIB_CURSOR_BASE64URL_HPP
