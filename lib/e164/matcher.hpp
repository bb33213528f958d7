// SPDX-License-Identifier: Apache-2.0
//
// A text through the tables. The tables are an argument, so that tests can put other ones there.

#ifndef PARLEY_LIB_E164_MATCHER_HPP
#define PARLEY_LIB_E164_MATCHER_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "e164/swar.hpp"
#include "e164/tables.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164::detail {

struct access {
  static classification make(std::uint64_t bits) noexcept { return classification(bits); }
  static std::uint64_t bits(const classification& found) noexcept { return found.bits_; }
  static number make(std::uint64_t digits, classification found) noexcept {
    return {digits, found};
  }
};

constexpr word status_bits(status s) { return static_cast<word>(s) << status_at; }

/// What a leaf says of a valid number, and of another one.
inline constexpr word said_of_valid =
    word{0x3FF} << calling_code_at | word{0xF} << type_at | word{0xFF} << region_at;
inline constexpr word said_of_invalid = word{0x3FF} << calling_code_at | word{0xF} << status_at;

inline bool is_calling_code(const tables& t, unsigned code) noexcept {
  return code < 1000 && (t.codes[code / 64] >> (code % 64) & 1) != 0;
}

/// `digits`: those of a number, nothing else.
inline bool is_blocked(const tables& t, std::string_view digits) noexcept {
  unsigned cell = blocked_start << 1;
  for (const char c : digits) cell = t.blocked[(cell >> 1) * base + static_cast<unsigned>(c - '0')];
  return (cell & 1) != 0;
}

/// The three sets of a leaf's word, each shifted so that its bit for a text of `size` bytes is the
/// lowest: valid at bit 0.
inline word sets_at(word leaf, std::size_t size) noexcept {
  return leaf >> (size - 1 - length_min + leaf::valid);
}

/// The answer of a leaf's word for a text of `size` bytes, as if look_on did not stand there.
inline word read_leaf(word leaf, std::size_t size) noexcept {
  const word at_length = sets_at(leaf, size);
  const word valid = at_length & 1;
  const word possible = at_length >> (leaf::possible - leaf::valid) & 1;
  // Arithmetic for branches that nothing predicts. The leaf's status is invalid_length or, of an
  // unknown code, which no length is possible of, unknown_calling_code.
  static_assert(static_cast<int>(status::invalid) == static_cast<int>(status::invalid_length) + 1);
  const word said = leaf & (said_of_invalid ^ ((0 - valid) & (said_of_invalid ^ said_of_valid)));
  return said + ((possible & ~valid) << status_at) + (possible << possible_at) +
         (static_cast<word>(size) << offset_at);
}

/// Where the leaf's first word did not settle it.
[[gnu::noinline]] inline word look_on(const tables& t, std::string_view text, std::size_t leaf,
                                      word answer) noexcept {
  while ((t.leaves[leaf] >> leaf::more & 1) != 0) {
    const word next = read_leaf(t.leaves[++leaf], text.size());
    if ((next & 0xF) == status_bits(status::ok)) return next;
  }
  if (!is_blocked(t, text.substr(1))) return answer;
  return (answer & ~word{0xF}) | status_bits(status::blocked);
}

inline word settle(const tables& t, std::string_view text, std::int64_t cell) noexcept {
  const auto leaf = static_cast<std::size_t>(~cell);
  const word answer = read_leaf(t.leaves[leaf], text.size());
  if ((sets_at(t.leaves[leaf], text.size()) >> (leaf::look_on - leaf::valid) & 1) != 0) [[unlikely]]
    return look_on(t, text, leaf, answer);
  return answer;
}

/// Fewer than length_min digits.
inline word match_tiny(const tables& t, std::string_view text) noexcept {
  unsigned code = 0;
  for (const char c : text.substr(1)) {
    code = code * base + static_cast<unsigned>(c - '0');
    if (!is_calling_code(t, code)) continue;
    const bool blocked = is_blocked(t, text.substr(1));
    return status_bits(blocked ? status::blocked : status::invalid_length) |
           word{code} << calling_code_at | word{text.size()} << offset_at;
  }
  return status_bits(status::unknown_calling_code) | word{text.size()} << offset_at;
}

/// Anything but a number of 8 to 15 digits.
[[gnu::noinline]] inline word match_rest(const tables& t, std::string_view text) noexcept {
  const syntax checked = check_syntax(text);
  if (!checked) return status_bits(checked.status) | word{checked.offset} << offset_at;
  if (text.size() - 1 < length_min) return match_tiny(t, text);
  const auto digit = [&](std::size_t i) {
    return i < text.size() ? static_cast<std::size_t>(text[i] - '0') : 0;
  };
  std::int64_t cell = t.root[digit(1) * 1000 + digit(2) * 100 + digit(3) * 10 + digit(4)];
  for (std::size_t i = 1 + length_min; cell >= 0; ++i) {
    cell = t.root[root_size + 2 * static_cast<std::size_t>(cell) + digit(i)];
  }
  return settle(t, text, cell);
}

inline word match(const tables& t, std::string_view text) noexcept {
  const char* const first = text.data();
  const std::size_t size = text.size();
  if (size <= 8 || size > 1 + digits_max) [[unlikely]]
    return match_rest(t, text);
  const word front = front_digits_of(load8(first));
  const word back = digits_of(load8(first + size - 8));
  if (((mark_front(front) | mark_digits(back)) & marks) != 0) [[unlikely]]
    return match_rest(t, text);

  // Bytes 1 to 4 of `front` in pairs, each pair in its first byte.
  const word pairs = front * 10 + (front >> 8);
  std::int64_t cell = t.root[(pairs >> 8 & 0xFF) * 100 + (pairs >> 24 & 0xFF)];
  const std::int16_t* const rows = t.root + root_size;
  // A step from a leaf stays there. Written as arithmetic: compilers make a branch of a condition,
  // and half the numbers would be mispredicted.
  const auto step = [rows](std::int64_t from, word digit) {
    const std::int64_t next = rows[2 * from + static_cast<std::int64_t>(digit)];
    return next ^ ((next ^ from) & (from >> 63));
  };
  cell = step(cell, front >> 40 & 0xFF);
  // Nine of ten numbers have come to a leaf by now; of those of a few deep plans, as India's, half.
  if (cell >= 0) [[unlikely]] {
    cell = step(cell, front >> 48 & 0xFF);
    cell = step(cell, front >> 56);
    for (std::size_t i = 8; cell >= 0; ++i) {
      cell = step(cell, i < size ? load1(first + i) - '0' : 0);
    }
  }
  return settle(t, text, cell);
}

}  // namespace parley::e164::detail

#endif  // PARLEY_LIB_E164_MATCHER_HPP
