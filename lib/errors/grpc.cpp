// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/grpc.hpp"

namespace parley::errors {
namespace {

// By google.rpc.Code's own rule for the three that are near each other: `unavailable` where the
// call itself may be repeated, `aborted` where something above it may, `failed_precondition` where
// the state has to change first.
grpc_code by_status(const row& r) noexcept {
  const bool is_final = r.hint == retry_hint::never || r.hint == retry_hint::later;
  const grpc_code by_retry = is_final ? grpc_code::failed_precondition : grpc_code::aborted;
  switch (r.http_status) {
    case 400: return grpc_code::invalid_argument;
    case 401: return grpc_code::unauthenticated;
    case 402: return grpc_code::resource_exhausted;
    case 403: return grpc_code::permission_denied;
    case 404:
    case 410: return grpc_code::not_found;
    case 408:
    case 504: return grpc_code::deadline_exceeded;
    case 409: return by_retry;
    case 413:
    case 429: return grpc_code::resource_exhausted;
    case 499: return grpc_code::cancelled;
    case 500: return grpc_code::internal;
    case 405:
    case 501: return grpc_code::unimplemented;
    case 502:
    case 503: return grpc_code::unavailable;
  }
  return r.http_status >= 500 ? grpc_code::internal : by_retry;
}

}  // namespace

grpc_code to_grpc_code(code c) noexcept {
  switch (c) {
    case code::unknown: return grpc_code::unknown;
    case code::destination_missing:
    case code::destination_invalid:
    case code::validation_error: return grpc_code::invalid_argument;
    case code::unauthorized: return grpc_code::unauthenticated;
    case code::forbidden:
    case code::destination_blocked:
    case code::dnc_suppressed:
    case code::recipient_opted_out:
    case code::no_consent: return grpc_code::permission_denied;
    case code::not_found: return grpc_code::not_found;
    case code::idempotency_conflict: return grpc_code::already_exists;
    case code::frequency_cap_exceeded:
    case code::voice_usage_exhausted:
    case code::no_number_available:
    case code::rate_limited: return grpc_code::resource_exhausted;
    case code::no_active_number:
    case code::caller_id_not_verified:
    case code::no_active_subscription:
    case code::outside_calling_window:
    case code::calling_day_not_allowed:
    case code::number_unreachable:
    case code::call_declined:
    case code::carrier_rejected: return grpc_code::failed_precondition;
    case code::busy:
    case code::no_answer:
    case code::voicemail_reached: return grpc_code::aborted;
    case code::room_creation_failed:
    case code::agent_dispatch_failed:
    case code::sip_gateway_failed:
    case code::provider_api_error: return grpc_code::unavailable;
    case code::internal_error: return grpc_code::internal;
  }
  return grpc_code::unknown;  // a user's own, or a value from a newer or a corrupt peer
}

grpc_code to_grpc_code(const row& r) noexcept {
  return is_built_in(r.code) ? to_grpc_code(r.code) : by_status(r);
}

std::string_view to_string(grpc_code c) noexcept {
  switch (c) {
    case grpc_code::ok: return "OK";
    case grpc_code::cancelled: return "CANCELLED";
    case grpc_code::unknown: return "UNKNOWN";
    case grpc_code::invalid_argument: return "INVALID_ARGUMENT";
    case grpc_code::deadline_exceeded: return "DEADLINE_EXCEEDED";
    case grpc_code::not_found: return "NOT_FOUND";
    case grpc_code::already_exists: return "ALREADY_EXISTS";
    case grpc_code::permission_denied: return "PERMISSION_DENIED";
    case grpc_code::resource_exhausted: return "RESOURCE_EXHAUSTED";
    case grpc_code::failed_precondition: return "FAILED_PRECONDITION";
    case grpc_code::aborted: return "ABORTED";
    case grpc_code::out_of_range: return "OUT_OF_RANGE";
    case grpc_code::unimplemented: return "UNIMPLEMENTED";
    case grpc_code::internal: return "INTERNAL";
    case grpc_code::unavailable: return "UNAVAILABLE";
    case grpc_code::data_loss: return "DATA_LOSS";
    case grpc_code::unauthenticated: return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

}  // namespace parley::errors
