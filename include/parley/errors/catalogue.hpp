// SPDX-License-Identifier: Apache-2.0
//
// The error catalogue of the RevDesk v1 API: for each code its category, HTTP status, whether the
// same request may be sent again, and how it reaches the caller.
//
//   const errors::code c = errors::find_code("agent_dispatch_failed");
//   errors::row_of(c).http_status;   // 502
//   errors::row_of(c).hint;          // retry_hint::backoff
//
// An API with codes of its own makes a catalogue of them (own_catalogue.hpp). What works with any
// catalogue takes a catalogue_view, which is the built-in one where none is given.
//
// Everything here is constant data or a pure function: nothing allocates, and every function may be
// called from any thread. Source: the contract's error reference, rows C1 to C33.

#ifndef PARLEY_ERRORS_CATALOGUE_HPP
#define PARLEY_ERRORS_CATALOGUE_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "parley/errors/export.hpp"

namespace parley::errors {

/// The machine-readable reason; the enumerator is the wire name. The values are ABI: append, never
/// reorder. A user's own codes are further values of this type: see own_code().
enum class code : std::uint16_t {
  unknown = 0,  ///< a name that this catalogue does not hold
  destination_missing,
  destination_invalid,
  no_active_number,
  caller_id_not_verified,
  destination_blocked,
  dnc_suppressed,
  recipient_opted_out,
  no_consent,
  outside_calling_window,
  calling_day_not_allowed,
  frequency_cap_exceeded,
  voice_usage_exhausted,
  no_active_subscription,
  no_number_available,
  rate_limited,
  busy,
  no_answer,
  number_unreachable,
  call_declined,
  carrier_rejected,
  voicemail_reached,
  room_creation_failed,
  agent_dispatch_failed,
  sip_gateway_failed,
  provider_api_error,
  internal_error,
  validation_error,
  unauthorized,
  forbidden,
  not_found,
  idempotency_conflict,
};

/// Distinct codes, `unknown` not counted.
inline constexpr std::size_t codes_count = 31;

/// Values from here on are never this library's: they are the codes of its users.
inline constexpr std::uint16_t own_codes_begin = 0x8000;

/// How many codes of their own users may have: their numbers are below.
inline constexpr std::size_t own_codes_max = 1'000;

/// The user's own code with that number, which is below own_codes_max. A number is forever, like a
/// value of the enum.
constexpr code own_code(std::uint16_t number) noexcept {
  assert(number < own_codes_max);
  return code{static_cast<std::uint16_t>(own_codes_begin + number)};
}

/// The same for an enumerator of the user's own enum.
template <class Enum>
requires std::is_enum_v<Enum>
constexpr code own_code(Enum number) noexcept {
  return own_code(static_cast<std::uint16_t>(number));
}

/// Whether `c` is an enumerator above, `unknown` not counted.
constexpr bool is_built_in(code c) noexcept {
  return c != code::unknown && static_cast<std::size_t>(c) <= codes_count;
}

/// Whether `c` is one that own_code() makes.
constexpr bool is_own(code c) noexcept {
  const auto value = static_cast<std::size_t>(c);
  return value >= own_codes_begin && value < own_codes_begin + own_codes_max;
}

/// What own_code() was given, for a switch over the user's own enum. `c` is own.
constexpr std::uint16_t own_number(code c) noexcept {
  assert(is_own(c));
  return static_cast<std::uint16_t>(static_cast<std::uint16_t>(c) - own_codes_begin);
}

/// The bucket to show to a person. `none` is a code of the HTTP tier: nothing on the wire.
enum class category : std::uint8_t {
  none = 0,
  invalid_request,
  compliance_blocked,
  account_limit,
  unreachable,
  voicemail,
  provider_error,
};

/// Where an error was raised. `rate_limited` and `internal_error` exist in both tiers: the category
/// is a property of the emission, not of the code (G2, G3).
enum class tier : std::uint8_t {
  call = 1,  ///< about placing a call: category and doc_url are written
  http,      ///< about the request itself: neither is
};

/// How a code reaches the caller (B7).
enum class delivery : std::uint8_t {
  sync = 1,  ///< as the body of a response, with an HTTP status
  async,     ///< on the call resource and the webhook, never as a response
};

/// The contract's own column, verbatim. `unstated` for the HTTP tier, which has no such column.
enum class retryable : std::uint8_t { no = 1, yes, unstated };

/// What "retryable" asks of the caller (G8); ours, not the contract's.
enum class retry_hint : std::uint8_t {
  never = 1,      ///< the same request fails again
  backoff,        ///< send the same request again, under the same key, after a pause
  later,          ///< not before a calling window opens; no automatic retry
  new_operation,  ///< the call was placed and ended: a new call, with a new key
};

/// One code in one tier. All text is static UTF-8.
struct row {
  errors::code code;
  errors::tier tier;
  errors::category category;  ///< none where tier is http
  std::uint16_t http_status;  ///< 0 where delivery is async
  errors::retryable retryable;
  retry_hint hint;
  errors::delivery delivery;
  std::string_view name;        ///< wire name of the code
  std::string_view doc_anchor;  ///< with the number sign: "#invalid-request"
  std::string_view message;     ///< default for people, a full sentence (G15)
};

namespace detail {
struct catalogue_index;
PARLEY_ERRORS_EXPORT extern const catalogue_index built_in_index;
}  // namespace detail

/// A catalogue at run time: the built-in one, or one that errors::catalogue<rows>() of
/// own_catalogue.hpp has made. A range of rows and a way to find them; refers to constant data, and
/// is passed by value.
class catalogue_view {
 public:
  /// The built-in catalogue.
  constexpr catalogue_view() noexcept : index_(&detail::built_in_index) {}

  /// Of constant data that errors::catalogue<rows>() lays out.
  constexpr explicit catalogue_view(const detail::catalogue_index& index) noexcept
      : index_(&index) {}

  /// All rows in the order of the table they were given in.
  PARLEY_ERRORS_EXPORT std::span<const row> rows() const noexcept;
  operator std::span<const row>() const noexcept { return rows(); }
  const row* begin() const noexcept { return rows().data(); }
  const row* end() const noexcept { return begin() + size(); }
  const row* data() const noexcept { return begin(); }
  std::size_t size() const noexcept { return rows().size(); }
  bool empty() const noexcept { return rows().empty(); }
  const row& operator[](std::size_t i) const noexcept { return rows()[i]; }
  const row& front() const noexcept { return rows().front(); }
  const row& back() const noexcept { return rows().back(); }

  /// The row of a wire name or of a code, or null. A code of both tiers gives the one asked for; a
  /// code of a single tier gives that one, whatever is asked. Bytes are compared: no case folding.
  PARLEY_ERRORS_EXPORT const row* find(std::string_view name,
                                       tier wanted = tier::http) const noexcept;
  PARLEY_ERRORS_EXPORT const row* find(code c, tier wanted = tier::http) const noexcept;

  /// The code of a wire name, or `unknown`.
  PARLEY_ERRORS_EXPORT code find_code(std::string_view name) const noexcept;

  /// As find(); where that gives null, the built-in row of internal_error in the HTTP tier, so that
  /// nothing unknown can read as success.
  PARLEY_ERRORS_EXPORT const row& row_of(code c, tier wanted = tier::http) const noexcept;

  /// The wire name, or "unknown" for a code that the catalogue does not hold.
  PARLEY_ERRORS_EXPORT std::string_view name_of(code c) const noexcept;

 private:
  const detail::catalogue_index* index_;
};
static_assert(sizeof(catalogue_view) == sizeof(void*));

/// The built-in catalogue: all 33 rows in the contract's order, the call tier, then the HTTP tier.
PARLEY_ERRORS_EXPORT catalogue_view catalogue() noexcept;

/// The row of `c`. A code of both tiers gives the one asked for; a code of a single tier gives that
/// one, whatever is asked. `unknown` and values outside the enum: the row of internal_error in the
/// HTTP tier, so that nothing unknown can read as success.
PARLEY_ERRORS_EXPORT const row& row_of(code c, tier wanted = tier::http) noexcept;

/// The code of a wire name, or `unknown`. Bytes are compared: no case folding.
PARLEY_ERRORS_EXPORT code find_code(std::string_view name) noexcept;

/// The category of a wire name, or `none`.
PARLEY_ERRORS_EXPORT category find_category(std::string_view name) noexcept;

/// The wire name. `unknown`, a user's own codes and values outside the enum: "unknown"; category
/// `none`: "".
PARLEY_ERRORS_EXPORT std::string_view to_string(code c) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(category c) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(tier t) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(delivery d) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(retryable r) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(retry_hint h) noexcept;

/// Where the anchors point: doc_url = doc_base_url + row.doc_anchor (A6).
inline constexpr std::string_view doc_base_url = "https://docs.revdesk.com/api-reference/errors";

}  // namespace parley::errors

template <>
inline constexpr bool std::ranges::enable_borrowed_range<parley::errors::catalogue_view> = true;

#endif  // PARLEY_ERRORS_CATALOGUE_HPP
