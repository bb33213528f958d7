// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/grpc.hpp"

#include <map>
#include <string_view>

#include <gtest/gtest.h>

#include "parley/errors/rows.hpp"

namespace parley::errors {
namespace {

// The numbers of google.rpc.Code, with the names that gRPC gives them.
TEST(GrpcCode, HasTheCanonicalNumbersAndNames) {
  constexpr std::string_view names[] = {
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
      "UNIMPLEMENTED",
      "INTERNAL",
      "UNAVAILABLE",
      "DATA_LOSS",
      "UNAUTHENTICATED",
  };
  for (std::size_t i = 0; i < std::size(names); ++i) {
    EXPECT_EQ(to_string(grpc_code{static_cast<std::uint8_t>(i)}), names[i]);
  }
  for (int value = 17; value < 256; ++value) {
    EXPECT_EQ(to_string(grpc_code{static_cast<std::uint8_t>(value)}), "UNKNOWN");
  }
}

// The table of the guide.
const std::map<std::string_view, std::string_view> expected = {
    {"destination_missing", "INVALID_ARGUMENT"},
    {"destination_invalid", "INVALID_ARGUMENT"},
    {"no_active_number", "FAILED_PRECONDITION"},
    {"caller_id_not_verified", "FAILED_PRECONDITION"},
    {"destination_blocked", "PERMISSION_DENIED"},
    {"dnc_suppressed", "PERMISSION_DENIED"},
    {"recipient_opted_out", "PERMISSION_DENIED"},
    {"no_consent", "PERMISSION_DENIED"},
    {"outside_calling_window", "FAILED_PRECONDITION"},
    {"calling_day_not_allowed", "FAILED_PRECONDITION"},
    {"frequency_cap_exceeded", "RESOURCE_EXHAUSTED"},
    {"voice_usage_exhausted", "RESOURCE_EXHAUSTED"},
    {"no_active_subscription", "FAILED_PRECONDITION"},
    {"no_number_available", "RESOURCE_EXHAUSTED"},
    {"rate_limited", "RESOURCE_EXHAUSTED"},
    {"busy", "ABORTED"},
    {"no_answer", "ABORTED"},
    {"number_unreachable", "FAILED_PRECONDITION"},
    {"call_declined", "FAILED_PRECONDITION"},
    {"carrier_rejected", "FAILED_PRECONDITION"},
    {"voicemail_reached", "ABORTED"},
    {"room_creation_failed", "UNAVAILABLE"},
    {"agent_dispatch_failed", "UNAVAILABLE"},
    {"sip_gateway_failed", "UNAVAILABLE"},
    {"provider_api_error", "UNAVAILABLE"},
    {"internal_error", "INTERNAL"},
    {"validation_error", "INVALID_ARGUMENT"},
    {"unauthorized", "UNAUTHENTICATED"},
    {"forbidden", "PERMISSION_DENIED"},
    {"not_found", "NOT_FOUND"},
    {"idempotency_conflict", "ALREADY_EXISTS"},
};

TEST(GrpcCode, OfEachBuiltInCodeIsTheOneOfTheTable) {
  EXPECT_EQ(expected.size(), codes_count);
  for (const row& each : catalogue()) {
    ASSERT_TRUE(expected.contains(each.name)) << each.name;
    EXPECT_EQ(to_string(to_grpc_code(each.code)), expected.at(each.name)) << each.name;
    EXPECT_EQ(to_grpc_code(each), to_grpc_code(each.code)) << each.name;
  }
}

TEST(GrpcCode, OfWhatIsNotBuiltInIsUnknown) {
  for (int value = 0; value <= 0xFFFF; ++value) {
    const code c{static_cast<std::uint16_t>(value)};
    if (is_built_in(c)) continue;
    ASSERT_EQ(to_grpc_code(c), grpc_code::unknown) << value;
  }
}

struct status_case {
  std::uint16_t http_status;
  retry_hint hint;
  grpc_code expected;
};
constexpr status_case status_cases[] = {
    {400, retry_hint::never, grpc_code::invalid_argument},
    {401, retry_hint::never, grpc_code::unauthenticated},
    {402, retry_hint::never, grpc_code::resource_exhausted},
    {403, retry_hint::never, grpc_code::permission_denied},
    {404, retry_hint::never, grpc_code::not_found},
    {405, retry_hint::never, grpc_code::unimplemented},
    {408, retry_hint::backoff, grpc_code::deadline_exceeded},
    {409, retry_hint::never, grpc_code::failed_precondition},
    {409, retry_hint::later, grpc_code::failed_precondition},
    {409, retry_hint::backoff, grpc_code::aborted},
    {409, retry_hint::new_operation, grpc_code::aborted},
    {410, retry_hint::never, grpc_code::not_found},
    {413, retry_hint::never, grpc_code::resource_exhausted},
    {422, retry_hint::never, grpc_code::failed_precondition},
    {429, retry_hint::backoff, grpc_code::resource_exhausted},
    {499, retry_hint::never, grpc_code::cancelled},
    {500, retry_hint::backoff, grpc_code::internal},
    {501, retry_hint::never, grpc_code::unimplemented},
    {502, retry_hint::backoff, grpc_code::unavailable},
    {503, retry_hint::backoff, grpc_code::unavailable},
    {504, retry_hint::backoff, grpc_code::deadline_exceeded},
    {599, retry_hint::backoff, grpc_code::internal},
};

TEST(GrpcCode, OfAnOwnRowIsByItsStatus) {
  for (const status_case& each : status_cases) {
    const row own = http_row(own_code(1), each.http_status, each.hint, "own", "#own", "Own.");
    EXPECT_EQ(to_string(to_grpc_code(own)), to_string(each.expected)) << each.http_status;
  }
  EXPECT_EQ(to_grpc_code(async_row(own_code(1), category::unreachable, retryable::yes,
                                   retry_hint::new_operation, "own", "#own", "Own.")),
            grpc_code::aborted);
  EXPECT_EQ(to_grpc_code(async_row(own_code(1), category::unreachable, retryable::no,
                                   retry_hint::never, "own", "#own", "Own.")),
            grpc_code::failed_precondition);
}

TEST(GrpcCode, IsNeverOkForAnyRow) {
  for (int status = 0; status < 1000; ++status) {
    for (const retry_hint hint : {retry_hint::never, retry_hint::backoff}) {
      const auto wire = static_cast<std::uint16_t>(status);
      EXPECT_NE(to_grpc_code(http_row(own_code(1), wire, hint, "own", "#own", "Own.")),
                grpc_code::ok);
    }
  }
}

}  // namespace
}  // namespace parley::errors
