// SPDX-License-Identifier: Apache-2.0
//
// E.164 numbers: is this text a number that some numbering plan has, whose, and of which kind?
//
//   const e164::classification found = e164::classify("+442079460958");
//   found.status();         // status::ok
//   found.calling_code();   // 44
//   found.region();         // "GB"
//   found.type();           // number_type::fixed_line
//
//   const auto number = e164::parse(text);  // result<number, classification>
//   if (!number) return refuse(number.error().status());
//   dial(number->text());
//
// The answers are those of Google's libphonenumber for the same metadata (metadata_version()), as
// the bundled numbering plans of every country. A number is taken as it stands: what follows the
// calling code is the national number, and no trunk prefix is stripped. That a plan has a number
// does not say that anybody answers it.
//
// Nothing here allocates, locks or keeps state, no byte outside the text is read, and every
// function may be called from any thread. Sources: ITU-T E.164 (11/2010); the metadata named in
// NOTICE.

#ifndef PARLEY_E164_NUMBER_HPP
#define PARLEY_E164_NUMBER_HPP

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/e164/export.hpp"
#include "parley/e164/syntax.hpp"

namespace parley::e164 {

/// What a number is for: libphonenumber's types. The values are ABI: append, never reorder.
enum class number_type : std::uint8_t {
  none = 0,  ///< of a text that is no valid number
  fixed_line,
  mobile,
  fixed_line_or_mobile,  ///< the plan does not tell the two apart, as in North America
  toll_free,
  premium_rate,     ///< the caller pays more than for a call, and somebody earns it
  shared_cost,      ///< the caller pays a part
  voip,             ///< reached over the internet
  personal_number,  ///< follows a person; often dear to call
  pager,
  uan,        ///< a company's universal access number
  voicemail,  ///< goes straight to a mailbox
};

/// The stable, lower-case name of `t`: "toll_free". Any other value: "unknown".
PARLEY_E164_EXPORT std::string_view to_string(number_type t) noexcept;

namespace detail {
struct access;
// Where a classification holds what, in bits. Up to the region a leaf of the tables is the same.
inline constexpr unsigned status_at = 0;
inline constexpr unsigned calling_code_at = 4;
inline constexpr unsigned type_at = 14;
inline constexpr unsigned region_at = 18;
inline constexpr unsigned possible_at = 31;
inline constexpr unsigned offset_at = 32;
}  // namespace detail

/// What was found out about a text. A value of 8 bytes; made by classify() and parse().
class classification {
 public:
  /// Of no text: as that of an empty one.
  constexpr classification() noexcept = default;

  constexpr e164::status status() const noexcept {
    return static_cast<e164::status>(field(detail::status_at, 4));
  }
  /// A valid number: some numbering plan has it.
  constexpr explicit operator bool() const noexcept { return status() == e164::status::ok; }

  /// 1 to 999; 0 where the text begins with none. Known of numbers that are not valid, too.
  constexpr unsigned calling_code() const noexcept { return field(detail::calling_code_at, 10); }
  /// Of a valid number; else none.
  constexpr number_type type() const noexcept {
    return static_cast<number_type>(field(detail::type_at, 4));
  }
  /// Of a valid number: two letters of ISO 3166-1, or "001" where the calling code is no region's;
  /// else empty. The characters live as long as the program.
  PARLEY_E164_EXPORT std::string_view region() const noexcept;

  /// Whether numbers of this length can be dialled from everywhere, by the plan of the calling
  /// code's main region; of a number that is not valid a hint that it is new or mistyped rather
  /// than cut short. As libphonenumber's IS_POSSIBLE: a length that only works locally is not
  /// possible (nor is then the valid +1 310 xxxx, which Canada alone has).
  constexpr bool is_possible() const noexcept { return field(detail::possible_at, 1) != 0; }

  /// status::not_e164 and too_long: of the first byte that breaks the rule, as check_syntax() says;
  /// else the size of the text.
  constexpr std::size_t offset() const noexcept { return field(detail::offset_at, 8); }

  friend constexpr bool operator==(const classification&, const classification&) = default;

 private:
  friend detail::access;
  constexpr explicit classification(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr unsigned field(unsigned at, unsigned width) const noexcept {
    return static_cast<unsigned>(bits_ >> at & ((1u << width) - 1));
  }

  std::uint64_t bits_ = static_cast<std::uint64_t>(e164::status::not_e164);
};

/// A short text that holds its characters itself.
class number_text {
 public:
  constexpr std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }
  /// Ends with a NUL, for interfaces of C.
  constexpr const char* c_str() const noexcept { return bytes_.data(); }

  friend constexpr bool operator==(const number_text& a, std::string_view b) noexcept {
    return a.view() == b;
  }
  friend constexpr bool operator==(const number_text& a, const number_text& b) noexcept {
    return a.view() == b.view();
  }

 private:
  friend class number;
  constexpr void append(char c) noexcept { bytes_[size_++] = c; }

  std::array<char, 1 + digits_max + 1> bytes_{};
  std::uint8_t size_ = 0;
};

/// A valid number. A value of 16 bytes; made by parse(). Equal, ordered and hashed by its digits,
/// whatever metadata it was read with; the order is that of the texts.
class number {
 public:
  /// "+442079460958"
  constexpr number_text text() const noexcept { return digits_from(0, true); }
  /// "2079460958": what follows the calling code, with its zeros.
  constexpr number_text national_number() const noexcept {
    return digits_from(calling_code_digits(), false);
  }
  /// How many digits, the calling code's included.
  constexpr std::size_t digit_count() const noexcept { return digits_ & 0xF; }

  constexpr unsigned calling_code() const noexcept { return found_.calling_code(); }
  constexpr number_type type() const noexcept { return found_.type(); }
  std::string_view region() const noexcept { return found_.region(); }
  /// The same that classify() gives for text().
  constexpr const classification& details() const noexcept { return found_; }

  friend constexpr bool operator==(const number& a, const number& b) noexcept {
    return a.digits_ == b.digits_;
  }
  friend constexpr auto operator<=>(const number& a, const number& b) noexcept {
    return a.digits_ <=> b.digits_;
  }

 private:
  friend detail::access;
  friend std::hash<number>;
  constexpr number(std::uint64_t digits, classification found) noexcept
      : digits_(digits), found_(found) {}

  constexpr std::size_t calling_code_digits() const noexcept {
    return calling_code() < 10 ? 1 : calling_code() < 100 ? 2 : 3;
  }
  constexpr number_text digits_from(std::size_t at, bool plus) const noexcept {
    number_text made;
    if (plus) made.append('+');
    for (; at < digit_count(); ++at) {
      made.append(static_cast<char>('0' + (digits_ >> (60 - 4 * at) & 0xF)));
    }
    return made;
  }

  std::uint64_t digits_;  // four bits each, the first one highest; the lowest four: how many
  classification found_;
};

/// What `text` is. Never fails: the status says it. Of a text of any size no more than its first 17
/// bytes are read.
PARLEY_E164_EXPORT classification classify(std::string_view text) noexcept;

/// answers[i] = classify(texts[i]); the spans must be of one size.
PARLEY_E164_EXPORT void classify(std::span<const std::string_view> texts,
                                 std::span<classification> answers) noexcept;

/// The number that `text` is; where it is not a valid one, what it is instead.
PARLEY_E164_EXPORT result<number, classification> parse(std::string_view text) noexcept;

/// A hint for people: where `text` is not valid, but is when a 0 behind its calling code is left
/// out, the number without it. "+4402079460958" gives +442079460958: the 0 of the national form was
/// kept. A hint to show, not a number to dial: in many plans a 0 there belongs to the number.
PARLEY_E164_EXPORT std::optional<number> without_trunk_zero(std::string_view text) noexcept;

/// Whether numbers begin with `code`, as 44.
PARLEY_E164_EXPORT bool is_calling_code(unsigned code) noexcept;

/// The release of libphonenumber that the numbering plans are from: "9.0.43".
PARLEY_E164_EXPORT std::string_view metadata_version() noexcept;

/// number.text() as a string, and written to a stream.
PARLEY_E164_EXPORT std::string to_string(const number& n);
PARLEY_E164_EXPORT std::ostream& operator<<(std::ostream& out, const number& n);
PARLEY_E164_EXPORT std::ostream& operator<<(std::ostream& out, number_type t);
PARLEY_E164_EXPORT std::ostream& operator<<(std::ostream& out, status s);

}  // namespace parley::e164

template <>
struct std::hash<parley::e164::number> {
  constexpr std::size_t operator()(const parley::e164::number& n) const noexcept {
    // The digits stand in the high bits, the tables of a hash map look at the low ones.
    const std::uint64_t mixed = n.digits_ * 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(mixed ^ mixed >> 32);
  }
};

#endif  // PARLEY_E164_NUMBER_HPP
