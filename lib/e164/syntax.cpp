// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/syntax.hpp"

#include <algorithm>
#include <bit>

#include "e164/swar.hpp"

namespace parley::e164 {
namespace {

using detail::load1;
using detail::load4;
using detail::load8;
using detail::marks;
using detail::word;

word mark_digits(word text) noexcept { return detail::mark_digits(detail::digits_of(text)); }
word mark_front(word text) noexcept { return detail::mark_front(detail::front_digits_of(text)); }

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
    case status::unknown_calling_code: return "unknown_calling_code";
    case status::invalid_length: return "invalid_length";
    case status::invalid: return "invalid";
    case status::blocked: return "blocked";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

}  // namespace parley::e164
