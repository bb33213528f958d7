// SPDX-License-Identifier: Apache-2.0
//
// Large tables of own codes, made by the compiler: names of 6 to 42 bytes that share their
// beginnings and ends, as those of real catalogues do.

#ifndef PARLEY_TESTS_ERRORS_MADE_ROWS_HPP
#define PARLEY_TESTS_ERRORS_MADE_ROWS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/errors/rows.hpp"

namespace parley::errors {

struct made_name {
  std::array<char, 48> text{};
  std::size_t size = 0;

  constexpr void append(std::string_view more) noexcept {
    for (const char c : more) text[size++] = c;
  }
  constexpr std::string_view view() const noexcept { return {text.data(), size}; }
};

template <std::size_t Count>
consteval std::array<made_name, Count> make_names() {
  constexpr std::array<std::string_view, 10> subjects = {
      "account", "card", "key", "phone_number", "subscription",
      "voice",   "a",    "sip", "region",       "conference_participant",
  };
  constexpr std::array<std::string_view, 10> predicates = {
      "not_found", "expired", "limit_exceeded", "suspended", "invalid",
      "b",         "missing", "busy",           "locked",    "not_allowed",
  };
  std::array<made_name, Count> names;
  for (std::size_t i = 0; i < Count; ++i) {
    names[i].append(subjects[i % 10]);
    names[i].append("_");
    names[i].append(predicates[i / 10 % 10]);
    if (i >= 100) {
      const char variant[] = {'_', 'v', static_cast<char>('0' + i / 100 % 10)};
      names[i].append({variant, sizeof variant});
    }
  }
  return names;
}
template <std::size_t Count>
inline constexpr auto made_names = make_names<Count>();

template <std::size_t Count>
consteval std::array<row, Count> make_rows() {
  std::array<row, Count> rows;
  for (std::size_t i = 0; i < Count; ++i) {
    rows[i] =
        http_row(own_code(static_cast<std::uint16_t>(i)), static_cast<std::uint16_t>(400 + i % 200),
                 retry_hint::never, made_names<Count>[i].view(), "#made", "Made for a test.");
  }
  return rows;
}
template <std::size_t Count>
inline constexpr auto made_rows = make_rows<Count>();

}  // namespace parley::errors

#endif  // PARLEY_TESTS_ERRORS_MADE_ROWS_HPP
