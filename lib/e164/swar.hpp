// SPDX-License-Identifier: Apache-2.0
//
// Eight bytes of a text at once, in a 64-bit word whose lowest byte is the first of the text. A
// word is loaded from inside a view only: where a text is no multiple of eight long, two loads
// overlap.

#ifndef PARLEY_LIB_E164_SWAR_HPP
#define PARLEY_LIB_E164_SWAR_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace parley::e164::detail {

using word = std::uint64_t;

template <class Word>
word load(const char* from) noexcept {
  std::array<char, sizeof(Word)> bytes;
  std::memcpy(bytes.data(), from, sizeof(Word));
  if constexpr (std::endian::native == std::endian::big) std::ranges::reverse(bytes);
  return std::bit_cast<Word>(bytes);
}
inline word load8(const char* from) noexcept { return load<std::uint64_t>(from); }
inline word load4(const char* from) noexcept { return load<std::uint32_t>(from); }
inline word load1(const char* from) noexcept { return static_cast<unsigned char>(*from); }

constexpr word every_byte(unsigned char value) { return 0x0101010101010101u * value; }

/// Bytes of a text become the values of its digits; the plus sign at its front becomes 0, too.
inline word digits_of(word text) noexcept { return text ^ every_byte('0'); }
inline word front_digits_of(word text) noexcept { return text ^ (every_byte('0') ^ ('0' ^ '+')); }

// Each of the two gives a word whose high bits mark bad bytes; the lowest mark is right, those
// above it need not be. A byte x of digits_of() has to be at most 9: then neither x nor x + 0x76
// has its high bit set. What carries into the next byte is above 0x89, thus bad itself.
inline constexpr word marks = every_byte(0x80);

inline word mark_digits(word digits) noexcept { return digits | (digits + every_byte(0x76)); }

/// Of front_digits_of(). As mark_digits, but the first byte has to be 0, so that 0x7F may be added,
/// and the second must not be: taking 1 from it then borrows.
inline word mark_front(word digits) noexcept {
  return (digits - 0x100) | (digits + (every_byte(0x76) + (0x7F - 0x76)));
}

}  // namespace parley::e164::detail

#endif  // PARLEY_LIB_E164_SWAR_HPP
