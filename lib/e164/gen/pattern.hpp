// SPDX-License-Identifier: Apache-2.0
//
// The regular expressions of the metadata, as automata without empty moves (Glushkov's).

#ifndef PARLEY_LIB_E164_GEN_PATTERN_HPP
#define PARLEY_LIB_E164_GEN_PATTERN_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"

namespace parley::e164::gen {

/// A place of the pattern where one digit stands.
struct position {
  std::uint16_t digits = 0;  ///< bit d: the digit d may stand here
  bool is_last = false;      ///< a text may end with it
  std::vector<std::uint32_t> next;
};

/// Matches whole texts of digits, never the empty one.
struct pattern {
  std::vector<std::uint32_t> first;  ///< where a text may begin
  std::vector<position> positions;
};

/// Reads what today's metadata is made of: digits, \d, [..], (?:..), |, ?, {n}, {n,m}. Anything
/// else is an error that names the byte: a construct that is new has to be looked at.
result<pattern, std::string> read_pattern(std::string_view text);

}  // namespace parley::e164::gen

#endif  // PARLEY_LIB_E164_GEN_PATTERN_HPP
