// SPDX-License-Identifier: Apache-2.0
//
// The numbering plan as an automaton over digits: how its tables are laid out. gen/ makes them,
// matcher.hpp reads them.
//
// A number is read as 15 digits, with zeros behind its own. The first four are the index of a cell
// of `root`. A cell is a row (0 or above) or a leaf (below 0); from the row r the digit d leads on
// to the cell rows[2 * r + d], and ~leaf is the index of the leaf. What a leaf says depends on the
// length of the number alone: the zeros behind a number lead to a leaf that is right for it.

#ifndef PARLEY_LIB_E164_TABLES_HPP
#define PARLEY_LIB_E164_TABLES_HPP

#include <cstddef>
#include <cstdint>

namespace parley::e164::detail {

/// The lengths that the automaton is asked about. A shorter number is never valid nor possible, and
/// need not hold the whole of a calling code.
inline constexpr unsigned length_min = 4;
inline constexpr unsigned length_max = 15;

inline constexpr unsigned base = 10;
inline constexpr std::size_t root_size = 10'000;

/// A leaf is a word: below bit `more` what it says, as a classification does (number.hpp), with the
/// status that an impossible length has; above it three sets of lengths, whose lowest bits stand
/// for length_min.
namespace leaf {
inline constexpr unsigned more = 26;      ///< the next leaf says more: of another region or type
inline constexpr unsigned valid = 28;     ///< these lengths are valid
inline constexpr unsigned possible = 40;  ///< these are possible
/// These are not valid by this leaf, but the number may be blocked or valid by the next leaf.
inline constexpr unsigned look_on = 52;
inline constexpr std::uint64_t length_bits = 0xFFF;
}  // namespace leaf

struct tables {
  /// root_size cells, then those of the rows, of which there is one at least. Behind a leaf a step
  /// is taken and thrown away: it reads a cell of `root` or of the first row.
  const std::int16_t* root;
  const std::uint64_t* leaves;
  /// Numbers of special services, blocked where they are not valid. From row blocked_start on each
  /// digit d leads from a row to [10 * row + d]: twice the next row, plus 1 where a number may end.
  /// Row 0 leads to itself.
  const std::uint16_t* blocked;
  const std::uint64_t* codes;  ///< bit c of them all: c is a calling code
};
inline constexpr std::size_t blocked_start = 1;

}  // namespace parley::e164::detail

#endif  // PARLEY_LIB_E164_TABLES_HPP
