// SPDX-License-Identifier: Apache-2.0
//
// The rule of ITU-T E.164 one byte at a time, to compare check_syntax() with.

#ifndef PARLEY_TESTS_E164_REFERENCE_HPP
#define PARLEY_TESTS_E164_REFERENCE_HPP

#include <cstddef>
#include <string_view>

#include "parley/e164/syntax.hpp"

namespace parley::e164 {

inline syntax check_by_the_book(std::string_view text) {
  if (text.empty() || text[0] != '+') return {status::not_e164, 0};
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char low = i == 1 ? '1' : '0';
    if (text[i] < low || text[i] > '9') return {status::not_e164, i};
    if (i > digits_max) return {status::too_long, i};
  }
  if (text.size() == 1) return {status::not_e164, 1};
  return {status::ok, text.size()};
}

}  // namespace parley::e164

#endif  // PARLEY_TESTS_E164_REFERENCE_HPP
