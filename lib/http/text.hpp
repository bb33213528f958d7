// SPDX-License-Identifier: Apache-2.0
//
// The character classes of RFC 9110 that messages, ids and media types are checked against.

#ifndef PARLEY_LIB_HTTP_TEXT_HPP
#define PARLEY_LIB_HTTP_TEXT_HPP

#include <algorithm>
#include <string_view>

namespace parley::http {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_alphanumeric(char c) noexcept {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

// RFC 9110, 5.6.2: one or more tchar.
constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// RFC 9110, 5.5: visible characters, blanks, tabs and obs-text, with no blank at either end.
constexpr bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) return true;
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (is_blank(text.front()) || is_blank(text.back())) return false;
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

constexpr std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace parley::http

#endif  // PARLEY_LIB_HTTP_TEXT_HPP
