// SPDX-License-Identifier: Apache-2.0
//
// The character classes of RFC 9110 that both ends of a connection check what they send and get
// against, and the escapes of RFC 3986.

#ifndef PARLEY_LIB_CORE_HTTP_TEXT_HPP
#define PARLEY_LIB_CORE_HTTP_TEXT_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace parley::http_text {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Header names are the same in any case.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

/// Of the connection, and so what writes the message writes them. Expect: nothing of ours would
/// wait. Upgrade: what came then would be no HTTP.
inline bool is_of_connection(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 10> names = {
      "Host",    "Content-Length",  "Transfer-Encoding", "Connection",
      "Expect",  "Upgrade",         "Keep-Alive",        "TE",
      "Trailer", "Proxy-Connection"};
  return std::ranges::any_of(
      names, [name](std::string_view each) { return equal_ignoring_case(each, name); });
}

constexpr bool is_alphanumeric(char c) noexcept {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

// RFC 9110, 5.6.2: tchar, and one or more of them.
constexpr bool is_token_char(char c) noexcept {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// RFC 9110, 5.5: visible characters, blanks, tabs and obs-text, with no blank at either end.
constexpr bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) return true;
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (is_blank(text.front()) || is_blank(text.back())) return false;
  return std::ranges::all_of(text, [](char c) { return c == '\t' || !is_control(c); });
}

constexpr std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Appends `text` without its percent escapes (RFC 3986, 2.1); false where one is malformed.
inline bool append_decoded(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace parley::http_text

#endif  // PARLEY_LIB_CORE_HTTP_TEXT_HPP
