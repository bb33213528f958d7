// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/syntax.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace parley::e164 {
namespace {

// Eight bytes are judged at once in a 64-bit word whose lowest byte is the first of the text. A
// word is loaded from inside the view only: where a text is no multiple of eight long, two loads
// overlap.
using word = std::uint64_t;

template <class Word>
word load(const char* from) noexcept {
  std::array<char, sizeof(Word)> bytes;
  std::memcpy(bytes.data(), from, sizeof(Word));
  if constexpr (std::endian::native == std::endian::big) std::ranges::reverse(bytes);
  return std::bit_cast<Word>(bytes);
}
word load8(const char* from) noexcept { return load<std::uint64_t>(from); }
word load4(const char* from) noexcept { return load<std::uint32_t>(from); }
word load1(const char* from) noexcept { return static_cast<unsigned char>(*from); }

constexpr word every_byte(unsigned char value) { return 0x0101010101010101u * value; }

// Each of these gives a word whose high bits mark bad bytes; the lowest mark is right, those above
// it need not be. A byte x of a word that was xored with zeros has to be at most 9: then neither x
// nor x + 0x76 has its high bit set. What carries into the next byte is above 0x89, thus bad
// itself.
constexpr word marks = every_byte(0x80);

word mark_digits(word w) noexcept {
  const word x = w ^ every_byte('0');
  return x | (x + every_byte(0x76));
}

// As mark_digits, but the first byte has to be a plus sign: 0 after the xor, so that 0x7F may be
// added. The second must not be 0: taking 1 from it then borrows.
word mark_front(word w) noexcept {
  const word x = w ^ (every_byte('0') ^ ('0' ^ '+'));
  return (x - 0x100) | (x + (every_byte(0x76) + (0x7F - 0x76)));
}

// The index of the first byte that is marked; 8 where there is none. The bit that is set above the
// marks spares a branch on zero.
std::size_t first_marked(word marked) noexcept {
  const word never_zero = marked >> 1 | word{1} << 63;
  return static_cast<std::size_t>(std::countr_zero(never_zero) + 1) / 8;
}

// The word of a text of 5 to 8 bytes: its first four and its last four.
word load_5_to_8(const char* first, std::size_t size) noexcept {
  return load4(first) | load4(first + size - 4) << 32;
}

// The word of a text of 2 to 4 bytes, filled up with digits.
word load_2_to_4(const char* first, std::size_t size) noexcept {
  return load1(first) | load1(first + 1) << 8 | load1(first + size / 2) << 16 |
         load1(first + size - 1) << 24 | 0x3030303000000000u;
}

constexpr std::size_t size_max = 1 + digits_max;

syntax check_above_max(const char* first) noexcept {
  if (const word bad = mark_front(load8(first)) & marks; bad != 0) {
    return {status::not_e164, first_marked(bad)};
  }
  if (const word bad = mark_digits(load8(first + 8)) & marks; bad != 0) {
    return {status::not_e164, 8 + first_marked(bad)};
  }
  const bool digit = first[size_max] >= '0' && first[size_max] <= '9';
  return {digit ? status::too_long : status::not_e164, size_max};
}

}  // namespace

syntax check_syntax(std::string_view text) noexcept {
  const char* const first = text.data();
  const std::size_t size = text.size();
  if (size > 8 && size <= size_max) [[likely]] {
    const word front = mark_front(load8(first)) & marks;
    const word back = mark_digits(load8(first + size - 8)) & marks;
    if ((front | back) == 0) [[likely]]
      return {status::ok, size};
    // Where the front is bad nothing before that place is marked in the back; where it is good its
    // offset of 8 is put out of the way. A branch would not know which to expect.
    const std::size_t front_offset = first_marked(front);
    const std::size_t back_offset = size - 8 + first_marked(back);
    return {status::not_e164, std::min(front_offset + (front_offset & 8), back_offset)};
  }
  if (size > size_max) return check_above_max(first);
  if (size > 4) {
    const word bad = mark_front(load_5_to_8(first, size)) & marks;
    if (bad == 0) return {status::ok, size};
    const std::size_t at = first_marked(bad);
    return {status::not_e164, at < 4 ? at : size - 8 + at};
  }
  if (size > 1) {
    const word bad = mark_front(load_2_to_4(first, size)) & marks;
    if (bad == 0) return {status::ok, size};
    // Of size 4 every byte stands at its place; below that, byte 3 of the word is the last.
    const std::size_t at = first_marked(bad);
    return {status::not_e164, at < 3 ? at : size - 1};
  }
  return {status::not_e164, size == 1 && *first == '+' ? std::size_t{1} : 0};
}

bool is_syntax_ok(std::string_view text) noexcept {
  const char* const first = text.data();
  const std::size_t size = text.size();
  if (size > 8 && size <= size_max) [[likely]] {
    return ((mark_front(load8(first)) | mark_digits(load8(first + size - 8))) & marks) == 0;
  }
  if (size > size_max || size < 2) return false;
  const word w = size > 4 ? load_5_to_8(first, size) : load_2_to_4(first, size);
  return (mark_front(w) & marks) == 0;
}

std::string_view to_string(status s) noexcept {
  switch (s) {
    case status::ok: return "ok";
    case status::not_e164: return "not_e164";
    case status::too_long: return "too_long";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

}  // namespace parley::e164
