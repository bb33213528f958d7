// SPDX-License-Identifier: Apache-2.0
//
// The catalogue as a constant expression: the only place where a code has its properties. Whoever
// derives text from it at compile time (the constant envelopes) includes this header; everybody
// else calls the functions of parley/errors/catalogue.hpp. Each library that includes it has the
// table of its own build, so shared libraries of different versions must not be mixed (their
// SONAMEs differ).
//
// To add a code: append it to the enum, append its row to the table of its tier, and adjust the
// counts below. catalogue.cpp checks the table while it compiles.

#ifndef PARLEY_LIB_ERRORS_ROWS_HPP
#define PARLEY_LIB_ERRORS_ROWS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/errors/catalogue.hpp"

namespace parley::errors::detail {

inline constexpr std::size_t call_rows_count = 26;
inline constexpr std::size_t http_rows_count = 7;
inline constexpr std::size_t rows_count = call_rows_count + http_rows_count;

constexpr row call_row(code c, category bucket, std::uint16_t http_status, retryable again,
                       retry_hint hint, std::string_view name, std::string_view anchor,
                       std::string_view message) noexcept {
  return {c, tier::call, bucket, http_status, again, hint, delivery::sync, name, anchor, message};
}

constexpr row async_row(code c, category bucket, retryable again, retry_hint hint,
                        std::string_view name, std::string_view anchor,
                        std::string_view message) noexcept {
  return {c, tier::call, bucket, 0, again, hint, delivery::async, name, anchor, message};
}

constexpr row http_row(code c, std::uint16_t http_status, retry_hint hint, std::string_view name,
                       std::string_view message) noexcept {
  return {c,
          tier::http,
          category::none,
          http_status,
          retryable::unstated,
          hint,
          delivery::sync,
          name,
          "#http-and-authentication-errors",
          message};
}

// clang-format off
inline constexpr std::array<row, rows_count> rows = {
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
  http_row(code::validation_error, 400, retry_hint::never, "validation_error",
           "Request body or parameters are invalid."),
  http_row(code::unauthorized, 401, retry_hint::never, "unauthorized",
           "Missing or invalid API key."),
  http_row(code::forbidden, 403, retry_hint::never, "forbidden",
           "API key does not have access to this resource."),
  http_row(code::not_found, 404, retry_hint::never, "not_found",
           "The requested resource does not exist."),
  http_row(code::idempotency_conflict, 409, retry_hint::never, "idempotency_conflict",
           "An Idempotency-Key already succeeded with a different body."),
  http_row(code::rate_limited, 429, retry_hint::backoff, "rate_limited",
           "Too many requests \xE2\x80\x94 slow down."),
  http_row(code::internal_error, 500, retry_hint::backoff, "internal_error",
           "An unexpected server error occurred."),
};
// clang-format on

constexpr std::string_view name_of(category c) noexcept {
  switch (c) {
    case category::none: return "";
    case category::invalid_request: return "invalid_request";
    case category::compliance_blocked: return "compliance_blocked";
    case category::account_limit: return "account_limit";
    case category::unreachable: return "unreachable";
    case category::voicemail: return "voicemail";
    case category::provider_error: return "provider_error";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

// Where each code stands, by its value; `rows_count` in a tier that does not have it.
struct row_places {
  std::array<std::uint8_t, codes_count + 1> call{};
  std::array<std::uint8_t, codes_count + 1> http{};
};

consteval row_places place_rows() {
  row_places places;
  places.call.fill(rows_count);
  places.http.fill(rows_count);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& places_of_tier = rows[i].tier == tier::call ? places.call : places.http;
    places_of_tier[static_cast<std::size_t>(rows[i].code)] = static_cast<std::uint8_t>(i);
  }
  // From here on each code answers in both tiers, with the row that it has.
  for (std::size_t c = 0; c < places.call.size(); ++c) {
    if (places.call[c] == rows_count) places.call[c] = places.http[c];
    if (places.http[c] == rows_count) places.http[c] = places.call[c];
  }
  const auto fallback = places.http[static_cast<std::size_t>(code::internal_error)];
  places.call[0] = fallback;
  places.http[0] = fallback;
  return places;
}
inline constexpr row_places places = place_rows();

// The index that row_of() promises, for any value of the two enums.
constexpr std::size_t index_of(code c, tier wanted) noexcept {
  const auto value = static_cast<std::size_t>(c);
  const std::size_t known = value <= codes_count ? value : 0;
  return wanted == tier::http ? places.http[known] : places.call[known];
}

}  // namespace parley::errors::detail

#endif  // PARLEY_LIB_ERRORS_ROWS_HPP
