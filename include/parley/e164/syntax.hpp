// SPDX-License-Identifier: Apache-2.0
//
// E.164 syntax: is this text a plus sign and 1 to 15 digits that do not begin with 0?
//
//   const e164::syntax checked = e164::check_syntax("+1415555x123");
//   checked.status;   // status::not_e164
//   checked.offset;   // 8
//
// Bytes are compared: no locale, no Unicode digits, no separators; strip those first. Nothing here
// allocates or keeps state, no byte outside the view is read, and every function may be called from
// any thread. Source: ITU-T E.164 (11/2010), clauses 6.1 and 6.2.

#ifndef PARLEY_E164_SYNTAX_HPP
#define PARLEY_E164_SYNTAX_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/e164/export.hpp"

namespace parley::e164 {

/// E.164 allows at most 15 digits, the country code included.
inline constexpr std::size_t digits_max = 15;

/// What a text is. The first three are of its syntax, the others of numbers (number.hpp). The
/// values are ABI: append, never reorder.
enum class status : std::uint8_t {
  ok = 0,
  not_e164,              ///< no plus sign, no digit, a leading 0, or a byte that is not a digit
  too_long,              ///< a plus sign, then at least 16 digits of which the first is not 0
  unknown_calling_code,  ///< no country and no service has it
  invalid_length,        ///< no such length is possible for numbers of this calling code
  invalid,               ///< of a possible length, but no plan has the number
  blocked,               ///< an emergency or special-service number written after a calling code
};

/// The answer for one text.
struct syntax {
  e164::status status = status::not_e164;
  /// Of the first byte that breaks the rule: the end of the text where something is missing, the
  /// 16th digit where there are too many. The size of the text where status is ok.
  std::size_t offset = 0;

  constexpr explicit operator bool() const noexcept { return status == e164::status::ok; }
  friend constexpr bool operator==(const syntax&, const syntax&) = default;
};

/// Checks `text`, from its first byte to its last. What is wrong first wins: of a text of any size
/// no more than its first 17 bytes are read.
PARLEY_E164_EXPORT syntax check_syntax(std::string_view text) noexcept;

/// check_syntax(text).status == status::ok, and nothing else worked out: the fastest form.
PARLEY_E164_EXPORT bool is_syntax_ok(std::string_view text) noexcept;

/// The stable, lower-case name of `s`: "too_long". Any other value: "unknown".
PARLEY_E164_EXPORT std::string_view to_string(status s) noexcept;

}  // namespace parley::e164

#endif  // PARLEY_E164_SYNTAX_HPP
