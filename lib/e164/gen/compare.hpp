// SPDX-License-Identifier: Apache-2.0
//
// What changed between two numbering plans: the product of their automata.

#ifndef PARLEY_LIB_E164_GEN_COMPARE_HPP
#define PARLEY_LIB_E164_GEN_COMPARE_HPP

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "e164/gen/compile.hpp"

namespace parley::e164::gen {

/// Numbers of which the two say different things.
struct change {
  std::string digits;         ///< how they begin: "1983[2-57-9]"; after that come any digits
  std::uint32_t lengths = 0;  ///< bit n: those of n digits in all
  std::string before;         ///< "invalid", or region and type: "US fixed_line_or_mobile"
  std::string after;

  /// "+1983[2-57-9]...  11 digits: invalid -> US fixed_line_or_mobile"
  std::string text() const;

  friend auto operator<=>(const change&, const change&) = default;
};

/// In the order of the digits; empty where both give every number the same status (but for
/// status::blocked), calling code, region and type and find it as possible.
std::vector<change> compare(const compiled& before, const compiled& after);

}  // namespace parley::e164::gen

#endif  // PARLEY_LIB_E164_GEN_COMPARE_HPP
