// SPDX-License-Identifier: Apache-2.0
//
// Rows of a catalogue as constant expressions: those of the built-in one, and what makes others.
//
//   inline constexpr std::array own_rows = {
//       errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
//                        "#authentication", "The API key lacks a scope."),
//   };
//   inline constexpr auto rows = errors::merge(errors::built_in_rows, own_rows);
//
// Everything here is constant data or a pure function. Whoever includes this header has the rows of
// the release that it was compiled with; catalogue.hpp asks the library.

#ifndef PARLEY_ERRORS_ROWS_HPP
#define PARLEY_ERRORS_ROWS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/errors/catalogue.hpp"

namespace parley::errors {

/// A row of the call tier that is the body of a response.
constexpr row call_row(code c, category bucket, std::uint16_t http_status, retryable again,
                       retry_hint hint, std::string_view name, std::string_view anchor,
                       std::string_view message) noexcept {
  return {c, tier::call, bucket, http_status, again, hint, delivery::sync, name, anchor, message};
}

/// A row of the call tier that tells how a placed call ended: it has no HTTP status.
constexpr row async_row(code c, category bucket, retryable again, retry_hint hint,
                        std::string_view name, std::string_view anchor,
                        std::string_view message) noexcept {
  return {c, tier::call, bucket, 0, again, hint, delivery::async, name, anchor, message};
}

/// A row of the HTTP tier: without a category, and without the contract's column `retryable`.
constexpr row http_row(code c, std::uint16_t http_status, retry_hint hint, std::string_view name,
                       std::string_view anchor, std::string_view message) noexcept {
  return {c,    tier::http,     category::none, http_status, retryable::unstated,
          hint, delivery::sync, name,           anchor,      message};
}

/// The anchor of the built-in rows of the HTTP tier (A11).
inline constexpr std::string_view http_tier_anchor = "#http-and-authentication-errors";

/// The built-in catalogue, in the contract's order.
// clang-format off
inline constexpr std::array<row, 33> built_in_rows = {
  // The call tier: C1 to C26.
  call_row(code::destination_missing, category::invalid_request, 400,
           retryable::no, retry_hint::never, "destination_missing", "#invalid-request",
           "No destination phone number was provided."),
  call_row(code::destination_invalid, category::invalid_request, 400,
           retryable::no, retry_hint::never, "destination_invalid", "#invalid-request",
           "The destination isn't a valid, dialable E.164 number."),
  call_row(code::no_active_number, category::invalid_request, 409,
           retryable::no, retry_hint::never, "no_active_number", "#invalid-request",
           "No active phone number is available to place the call (e.g. still provisioning)."),
  call_row(code::caller_id_not_verified, category::invalid_request, 422,
           retryable::no, retry_hint::never, "caller_id_not_verified", "#invalid-request",
           "The caller ID isn't verified for this account."),
  call_row(code::destination_blocked, category::compliance_blocked, 403,
           retryable::no, retry_hint::never, "destination_blocked", "#compliance-blocked",
           "Emergency or special-service number that can't be dialed."),
  call_row(code::dnc_suppressed, category::compliance_blocked, 403,
           retryable::no, retry_hint::never, "dnc_suppressed", "#compliance-blocked",
           "The number is on a Do-Not-Call list."),
  call_row(code::recipient_opted_out, category::compliance_blocked, 403,
           retryable::no, retry_hint::never, "recipient_opted_out", "#compliance-blocked",
           "The contact has opted out of calls."),
  call_row(code::no_consent, category::compliance_blocked, 403,
           retryable::no, retry_hint::never, "no_consent", "#compliance-blocked",
           "No calling consent is on file for the contact."),
  call_row(code::outside_calling_window, category::compliance_blocked, 403,
           retryable::yes, retry_hint::later, "outside_calling_window", "#compliance-blocked",
           "It's outside the permitted calling hours for the recipient."),
  call_row(code::calling_day_not_allowed, category::compliance_blocked, 403,
           retryable::yes, retry_hint::later, "calling_day_not_allowed", "#compliance-blocked",
           "Calls aren't permitted to the recipient today."),
  call_row(code::frequency_cap_exceeded, category::compliance_blocked, 429,
           retryable::yes, retry_hint::later, "frequency_cap_exceeded", "#compliance-blocked",
           "The contact has already been called the maximum number of times."),
  call_row(code::voice_usage_exhausted, category::account_limit, 402,
           retryable::no, retry_hint::never, "voice_usage_exhausted", "#account-limit",
           "Your included calling minutes are used up."),
  call_row(code::no_active_subscription, category::account_limit, 402,
           retryable::no, retry_hint::never, "no_active_subscription", "#account-limit",
           "No active subscription is available to place calls."),
  call_row(code::no_number_available, category::account_limit, 429,
           retryable::yes, retry_hint::backoff, "no_number_available", "#account-limit",
           "All of your numbers are busy right now."),
  call_row(code::rate_limited, category::account_limit, 429,
           retryable::yes, retry_hint::backoff, "rate_limited", "#account-limit",
           "Too many calls are being placed at once."),
  async_row(code::busy, category::unreachable,
            retryable::yes, retry_hint::new_operation, "busy", "#unreachable",
            "The line was busy."),
  async_row(code::no_answer, category::unreachable,
            retryable::yes, retry_hint::new_operation, "no_answer", "#unreachable",
            "No one answered."),
  async_row(code::number_unreachable, category::unreachable,
            retryable::no, retry_hint::never, "number_unreachable", "#unreachable",
            "The number could not be reached (invalid or disconnected)."),
  async_row(code::call_declined, category::unreachable,
            retryable::no, retry_hint::never, "call_declined", "#unreachable",
            "The recipient declined the call."),
  async_row(code::carrier_rejected, category::unreachable,
            retryable::no, retry_hint::never, "carrier_rejected", "#unreachable",
            "The carrier rejected the call."),
  async_row(code::voicemail_reached, category::voicemail,
            retryable::yes, retry_hint::new_operation, "voicemail_reached", "#voicemail",
            "Reached an answering machine."),
  call_row(code::room_creation_failed, category::provider_error, 502,
           retryable::yes, retry_hint::backoff, "room_creation_failed", "#provider-error",
           "We couldn't start the call session."),
  call_row(code::agent_dispatch_failed, category::provider_error, 502,
           retryable::yes, retry_hint::backoff, "agent_dispatch_failed", "#provider-error",
           "We couldn't connect an agent to the call."),
  call_row(code::sip_gateway_failed, category::provider_error, 502,
           retryable::yes, retry_hint::backoff, "sip_gateway_failed", "#provider-error",
           "We couldn't reach the phone network."),
  call_row(code::provider_api_error, category::provider_error, 502,
           retryable::yes, retry_hint::backoff, "provider_api_error", "#provider-error",
           "The telephony provider returned an error."),
  call_row(code::internal_error, category::provider_error, 500,
           retryable::yes, retry_hint::backoff, "internal_error", "#provider-error",
           "An unexpected server error occurred."),
  // The HTTP tier: C27 to C33.
  http_row(code::validation_error, 400, retry_hint::never, "validation_error", http_tier_anchor,
           "Request body or parameters are invalid."),
  http_row(code::unauthorized, 401, retry_hint::never, "unauthorized", http_tier_anchor,
           "Missing or invalid API key."),
  http_row(code::forbidden, 403, retry_hint::never, "forbidden", http_tier_anchor,
           "API key does not have access to this resource."),
  http_row(code::not_found, 404, retry_hint::never, "not_found", http_tier_anchor,
           "The requested resource does not exist."),
  http_row(code::idempotency_conflict, 409, retry_hint::never, "idempotency_conflict",
           http_tier_anchor,
           "An Idempotency-Key already succeeded with a different body."),
  http_row(code::rate_limited, 429, retry_hint::backoff, "rate_limited", http_tier_anchor,
           "Too many requests \xE2\x80\x94 slow down."),
  http_row(code::internal_error, 500, retry_hint::backoff, "internal_error", http_tier_anchor,
           "An unexpected server error occurred."),
};
// clang-format on

/// The rows of both, those of `first` before those of `second`. Two rows for one code and tier are
/// seen when a catalogue is made of them.
template <std::size_t N, std::size_t M>
constexpr std::array<row, N + M> merge(const std::array<row, N>& first,
                                       const std::array<row, M>& second) noexcept {
  std::array<row, N + M> merged{};
  for (std::size_t i = 0; i < N; ++i) merged[i] = first[i];
  for (std::size_t i = 0; i < M; ++i) merged[N + i] = second[i];
  return merged;
}

}  // namespace parley::errors

#endif  // PARLEY_ERRORS_ROWS_HPP
