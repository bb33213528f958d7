// SPDX-License-Identifier: Apache-2.0
//
// Simple twins of what the writer does eight bytes at a time.

#ifndef PARLEY_TESTS_ENVELOPE_REFERENCE_HPP
#define PARLEY_TESTS_ENVELOPE_REFERENCE_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace parley::envelope {

inline std::string join(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) joined += part;
  return joined;
}

// The bytes of the well-formed UTF-8 sequence that `text` begins with, or 0: RFC 3629, section 3,
// by decoding and then asking what the code point may be.
inline std::size_t utf8_prefix(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  if (byte(0) < 0x80) return 1;
  std::size_t size = 0;
  std::uint32_t point = 0;
  if ((byte(0) & 0xE0) == 0xC0) {
    size = 2;
    point = byte(0) & 0x1Fu;
  } else if ((byte(0) & 0xF0) == 0xE0) {
    size = 3;
    point = byte(0) & 0x0Fu;
  } else if ((byte(0) & 0xF8) == 0xF0) {
    size = 4;
    point = byte(0) & 0x07u;
  }
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  const std::uint32_t smallest = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point >= smallest && point <= 0x10FFFF && !surrogate ? size : 0;
}

// What a reader gets of a text that was written: each ill-formed byte is U+FFFD.
inline std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = utf8_prefix(text);
    out += size == 0 ? "\xEF\xBF\xBD" : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

// The text between the quotes of a JSON string.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : repaired(text)) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += "0123456789abcdef"[c >> 4];
          out += "0123456789abcdef"[c & 15];
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace parley::envelope

#endif  // PARLEY_TESTS_ENVELOPE_REFERENCE_HPP
