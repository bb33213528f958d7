// SPDX-License-Identifier: Apache-2.0
//
// Which of the valid numbers a service calls: a value that is composed of types and calling codes.
//
//   constexpr e164::policy calls = e164::dialable.without(e164::number_type::toll_free) &
//                                  e164::policy::only_calling_codes({1, 44});
//   if (calls.check(*number) != e164::verdict::allowed) return refuse();
//
// Values: copy, compare and share them as an int; all can be made at compile time.

#ifndef PARLEY_E164_POLICY_HPP
#define PARLEY_E164_POLICY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "parley/e164/export.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164 {

/// The values are ABI: append, never reorder.
enum class verdict : std::uint8_t {
  allowed = 0,
  not_valid,             ///< no valid number, so there is nothing to allow
  calling_code_refused,  ///< the policy has not this calling code, whatever the type
  type_refused,          ///< it has the calling code, but not numbers of this type
};

/// The stable, lower-case name of `v`: "type_refused". Any other value: "unknown".
PARLEY_E164_EXPORT std::string_view to_string(verdict v) noexcept;

/// A set of types and a set of calling codes: a number is allowed if both have it.
class policy {
 public:
  /// Every valid number.
  constexpr policy() noexcept {
    for (std::uint64_t& word : codes_) word = ~std::uint64_t{0};
  }

  /// No type but these.
  static constexpr policy only(std::initializer_list<number_type> types) noexcept {
    policy made;
    made.types_ = 0;
    for (const number_type type : types) made.types_ |= bit_of(type);
    return made;
  }
  /// No calling code but these; what is above 999 is passed over.
  static constexpr policy only_calling_codes(std::initializer_list<unsigned> codes) noexcept {
    policy made;
    made.codes_ = {};
    for (const unsigned code : codes) made.set_code(code, true);
    return made;
  }

  constexpr policy with(number_type type) const noexcept {
    policy made = *this;
    made.types_ |= bit_of(type);
    return made;
  }
  constexpr policy without(number_type type) const noexcept {
    policy made = *this;
    made.types_ &= ~bit_of(type);
    return made;
  }
  constexpr policy with_calling_code(unsigned code) const noexcept {
    policy made = *this;
    made.set_code(code, true);
    return made;
  }
  constexpr policy without_calling_code(unsigned code) const noexcept {
    policy made = *this;
    made.set_code(code, false);
    return made;
  }

  /// What both allow.
  friend constexpr policy operator&(const policy& a, const policy& b) noexcept {
    policy made = a;
    made.types_ &= b.types_;
    for (std::size_t i = 0; i < made.codes_.size(); ++i) made.codes_[i] &= b.codes_[i];
    return made;
  }

  constexpr verdict check(const classification& found) const noexcept {
    if (!found) return verdict::not_valid;
    const unsigned code = found.calling_code();
    if ((codes_[code / 64] >> (code % 64) & 1) == 0) return verdict::calling_code_refused;
    return (types_ & bit_of(found.type())) != 0 ? verdict::allowed : verdict::type_refused;
  }
  constexpr verdict check(const number& n) const noexcept { return check(n.details()); }

  friend constexpr bool operator==(const policy&, const policy&) = default;

 private:
  static constexpr std::uint32_t bit_of(number_type type) noexcept {
    return std::uint32_t{1} << (static_cast<unsigned>(type) & 31);
  }
  constexpr void set_code(unsigned code, bool in) noexcept {
    if (code > 999) return;
    const std::uint64_t bit = std::uint64_t{1} << (code % 64);
    if (in) {
      codes_[code / 64] |= bit;
    } else {
      codes_[code / 64] &= ~bit;
    }
  }

  std::uint32_t types_ = ~std::uint32_t{0};
  std::array<std::uint64_t, 16> codes_{};  // 1,000 calling codes and a few bits more
};

/// What a service that reaches people by telephone calls: every valid number but
/// - premium rate and shared cost, where the caller pays more than for a call, and so the calling
///   code 979 (international premium rate);
/// - pagers and mailboxes, where nobody answers;
/// - satellite and shared international networks (calling codes 870, 881, 882, 883), which cost as
///   much as premium rate and are as often the goal of toll fraud.
/// Personal numbers and universal access numbers stay: leave them out where they are not expected.
inline constexpr policy dialable = policy()
                                       .without(number_type::premium_rate)
                                       .without(number_type::shared_cost)
                                       .without(number_type::pager)
                                       .without(number_type::voicemail)
                                       .without_calling_code(870)
                                       .without_calling_code(881)
                                       .without_calling_code(882)
                                       .without_calling_code(883)
                                       .without_calling_code(979);

}  // namespace parley::e164

#endif  // PARLEY_E164_POLICY_HPP
