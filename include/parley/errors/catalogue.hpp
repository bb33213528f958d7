// SPDX-License-Identifier: Apache-2.0
//
// The error catalogue of the RevDesk v1 API: for each code its category, HTTP status, whether the
// same request may be sent again, and how it reaches the caller.
//
//   const errors::code c = errors::find_code("agent_dispatch_failed");
//   errors::row_of(c).http_status;   // 502
//   errors::row_of(c).hint;          // retry_hint::backoff
//
// Everything here is constant data or a pure function: nothing allocates, and every function may be
// called from any thread. Source: the contract's error reference, rows C1 to C33.

#ifndef PARLEY_ERRORS_CATALOGUE_HPP
#define PARLEY_ERRORS_CATALOGUE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "parley/errors/export.hpp"

namespace parley::errors {

/// The machine-readable reason; the enumerator is the wire name. The values are ABI: append, never
/// reorder.
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

/// All 33 rows in the contract's order: the call tier, then the HTTP tier.
PARLEY_ERRORS_EXPORT std::span<const row> catalogue() noexcept;

/// The row of `c`. A code of both tiers gives the one asked for; a code of a single tier gives that
/// one, whatever is asked. `unknown` and values outside the enum: the row of internal_error in the
/// HTTP tier, so that nothing unknown can read as success.
PARLEY_ERRORS_EXPORT const row& row_of(code c, tier wanted = tier::http) noexcept;

/// The code of a wire name, or `unknown`. Bytes are compared: no case folding.
PARLEY_ERRORS_EXPORT code find_code(std::string_view name) noexcept;

/// The category of a wire name, or `none`.
PARLEY_ERRORS_EXPORT category find_category(std::string_view name) noexcept;

/// The wire name. Values outside the enum and `unknown`: "unknown"; category `none`: "".
PARLEY_ERRORS_EXPORT std::string_view to_string(code c) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(category c) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(tier t) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(delivery d) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(retryable r) noexcept;
PARLEY_ERRORS_EXPORT std::string_view to_string(retry_hint h) noexcept;

/// Where the anchors point: doc_url = doc_base_url + row.doc_anchor (A6).
inline constexpr std::string_view doc_base_url = "https://docs.revdesk.com/api-reference/errors";

}  // namespace parley::errors

#endif  // PARLEY_ERRORS_CATALOGUE_HPP
