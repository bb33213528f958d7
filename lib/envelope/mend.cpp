// SPDX-License-Identifier: Apache-2.0
#include "envelope/mend.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace parley::envelope::detail {
namespace {

constexpr std::size_t escape_size = 6;  // of \uXXXX

bool is_high(std::uint16_t unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(std::uint16_t unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

// The code unit of an escape that stands at `at`; 0 where there is none, and of \u0000.
std::uint16_t unit_at(std::string_view text, std::size_t at) noexcept {
  const std::string_view escape = text.substr(std::min(at, text.size()), escape_size);
  if (escape.size() < escape_size || !escape.starts_with("\\u")) return 0;
  std::uint16_t unit = 0;
  const char* const end = escape.data() + escape.size();
  const auto read = std::from_chars(escape.data() + 2, end, unit, 16);
  return read.ptr == end ? unit : 0;
}

}  // namespace

std::string mend(std::string_view body) {
  std::string made(body);
  bool is_text = false;
  for (std::size_t i = 0; i < made.size(); ++i) {
    const char c = made[i];
    if (c == '"') {
      is_text = !is_text;
    } else if (is_text && c == '\\') {
      const std::uint16_t unit = unit_at(made, i);
      if (is_high(unit) && is_low(unit_at(made, i + escape_size))) {
        i += 2 * escape_size - 1;
      } else if (is_high(unit) || is_low(unit)) {
        made.replace(i + 2, 4, "FFFD");
        i += escape_size - 1;
      } else {
        ++i;  // a quote behind it does not end the text
      }
    } else if (!is_text && (c == 'e' || c == 'E')) {
      if (i + 1 < made.size() && (made[i + 1] == '+' || made[i + 1] == '-')) ++i;
      for (; i + 1 < made.size() && made[i + 1] >= '0' && made[i + 1] <= '9'; ++i) {
        made[i + 1] = '0';
      }
    }
  }
  return made;
}

}  // namespace parley::envelope::detail
