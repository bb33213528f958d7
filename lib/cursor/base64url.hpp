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

constexpr std::size_t text_size(std::size_t bytes) noexcept {
  return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

/// The most that decode() writes for a text of this size: whole words.
constexpr std::size_t room_for(std::size_t text_size) noexcept { return text_size / 32 * 24 + 24; }

/// Stores 16 bytes at once.
inline void put_words(std::byte* out, std::uint64_t first, std::uint64_t second) noexcept {
  using two_words [[gnu::vector_size(16)]] = std::uint64_t;
  const two_words both = {first, second};
  std::memcpy(out, &both, sizeof(both));
}

namespace detail {

// Sixteen characters at a time are read, in what every target of g++ and clang has or imitates.
// What is left of a text, and all of it where the order of bytes is another, goes by single
// characters.
constexpr bool is_little = std::endian::native == std::endian::little;
using sixteen [[gnu::vector_size(16)]] = signed char;
using four_groups [[gnu::vector_size(16)]] = std::uint32_t;
using word_pair [[gnu::vector_size(16)]] = std::uint64_t;

template <class To, class From>
To as(From from) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To made;
  std::memcpy(&made, &from, sizeof(made));
  return made;
}

// Characters as twice 48 bits, each in a word; `good` loses the bits of those that are not of the
// alphabet.
inline word_pair decode_sixteen(const char* in, sixteen& good) noexcept {
  sixteen c;
  std::memcpy(&c, in, sizeof(c));
  const sixteen upper = (c >= 'A') & (c <= 'Z');
  const sixteen lower = (c >= 'a') & (c <= 'z');
  const sixteen digit = (c >= '0') & (c <= '9');
  const sixteen dash = c == '-';
  const sixteen underscore = c == '_';
  good &= upper | lower | digit | dash | underscore;
  c += (upper & -'A') | (lower & (26 - 'a')) | (digit & (52 - '0')) | (dash & (62 - '-')) |
       (underscore & (63 - '_'));
  const auto v = as<four_groups>(c);
  const auto two_groups =
      as<word_pair>((v & 0xff) << 18 | (v & 0xff00) << 4 | (v & 0xff'0000) >> 10 | v >> 24);
  return (two_groups & 0xffff'ffff) << 24 | two_groups >> 32;
}

// 32 characters as three words, as they lie in memory.
struct three_words {
  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t third;
};
inline three_words decode_thirty_two(const char* in, sixteen& good) noexcept {
  const word_pair ab = decode_sixteen(in, good);
  const word_pair cd = decode_sixteen(in + 16, good);
  return {__builtin_bswap64(ab[0] << 16 | ab[1] >> 32),
          __builtin_bswap64(ab[1] << 32 | cd[0] >> 16), __builtin_bswap64(cd[0] << 48 | cd[1])};
}

constexpr std::uint32_t bad = 0x8000'0000;
constexpr auto values = []() {
  std::array<std::uint32_t, 256> made{};
  made.fill(bad);
  for (std::uint32_t i = 0; i < alphabet.size(); ++i) {
    made[static_cast<unsigned char>(alphabet[i])] = i;
  }
  return made;
}();

// Two characters for each 12 bits: to put these together in vectors took longer.
struct two_characters {
  char first;
  char second;
};
constexpr auto pairs = []() {
  std::array<two_characters, 4096> made{};
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = {alphabet[i >> 6], alphabet[i & 63]};
  return made;
}();

}  // namespace detail

/// Writes text_size(bytes.size()) characters, and gives the end of them.
inline char* encode(std::span<const std::byte> bytes, char* out) noexcept {
  const auto put = [&out](std::size_t twelve_bits) {
    const detail::two_characters both = detail::pairs[twelve_bits];
    out[0] = both.first;
    out[1] = both.second;
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

/// Decodes into `out`, which has room_for(text.size()) bytes; gives how many are decoded.
/// std::nullopt: a character that is not of the alphabet, a length that no bytes have, or bits at
/// the end that are not zero. What `out` then holds is unspecified.
inline std::optional<std::size_t> decode(std::string_view text, std::byte* out) noexcept {
  if (text.size() % 4 == 1) return std::nullopt;
  const char* in = text.data();
  std::size_t left = text.size();
  std::byte* at = out;
  detail::sixteen good = ~detail::sixteen{};
  if constexpr (detail::is_little) {
    // Stored as wide as SHA-256 loads it next: a load waits for narrower stores before it.
    for (; left >= 64; left -= 64) {
      const detail::three_words one = detail::decode_thirty_two(in, good);
      const detail::three_words two = detail::decode_thirty_two(in + 32, good);
      put_words(at, one.first, one.second);
      put_words(at + 16, one.third, two.first);
      put_words(at + 32, two.second, two.third);
      in += 64;
      at += 48;
    }
    if (left >= 32) {
      const detail::three_words one = detail::decode_thirty_two(in, good);
      put_words(at, one.first, one.second);
      std::memcpy(at + 16, &one.third, sizeof(one.third));
      in += 32;
      at += 24;
      left -= 32;
    }
  }
  std::uint32_t seen = 0;
  while (left > 0) {
    const std::size_t characters = left < 4 ? left : 4;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < characters; ++i) {
      const std::uint32_t value = detail::values[static_cast<unsigned char>(in[i])];
      seen |= value;
      group |= (value & 63) << (18 - 6 * i);
    }
    for (std::size_t i = 0; i + 1 < characters; ++i) {
      *at++ = static_cast<std::byte>(group >> (16 - 8 * i));
    }
    const std::uint32_t rest = characters == 4 ? 0 : group & (0xff'ffffu >> 8 * (characters - 1));
    if (rest != 0) return std::nullopt;
    in += characters;
    left -= characters;
  }
  const auto all = detail::as<detail::word_pair>(good);
  if ((seen & detail::bad) != 0 || (all[0] & all[1]) != ~std::uint64_t{0}) return std::nullopt;
  return static_cast<std::size_t>(at - out);
}

}  // namespace parley::cursor::base64url

#endif  // PARLEY_LIB_CURSOR_BASE64URL_HPP
