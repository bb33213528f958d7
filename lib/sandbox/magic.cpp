// SPDX-License-Identifier: Apache-2.0
#include "sandbox/magic.hpp"

#include <cstddef>
#include <utility>

namespace parley::sandbox {
namespace {

constexpr std::size_t first_behaviour = 40;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string destination_of(std::size_t number) {
  std::string made(magic_prefix);
  made.push_back(static_cast<char>('0' + number / 10));
  made.push_back(static_cast<char>('0' + number % 10));
  return made;
}

envelope::error bad_force(std::string_view explanation) {
  return envelope::error(errors::code::validation_error)
      .with_message("X-Sandbox-Force must name a fault.")
      .with_field(std::string(force_header), std::string(explanation));
}

envelope::error error_of(const errors::row& row, std::string_view field_name) {
  envelope::error error(row.code, row.tier);
  // G5: these two say which field it was.
  if (row.code == errors::code::destination_missing) {
    error.with_field(std::string(field_name), "Required");
  }
  if (row.code == errors::code::destination_invalid) {
    error.with_field(std::string(field_name), "Expected +<country><number>");
  }
  if (row.code == errors::code::validation_error) {
    error.with_field(std::string(field_name), "Refused as the sandbox was asked to");
  }
  if (row.code == errors::code::idempotency_conflict) {
    // E6 wants the original's request id; there is no original.
    error.with_field("conflicts_with", "req_00000000000000000000000000000000");
  }
  return error;
}

// A8: a client keeps what it does not know.
constexpr envelope::error_view unknown_code = {
    .code = "sandbox_unknown_code",
    .category = "invalid_request",
    .message = "This code is in no catalogue.",
    .doc_url = "https://docs.revdesk.com/api-reference/errors#invalid-request",
    .fields = {}};
constexpr envelope::error_view unknown_category = {
    .code = "caller_id_not_verified",
    .category = "sandbox_unknown_category",
    .message = "This category is in no catalogue.",
    .doc_url = "https://docs.revdesk.com/api-reference/errors#invalid-request",
    .fields = {}};

constexpr std::string_view bad_gateway =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

}  // namespace

std::vector<magic_number> magic_numbers() {
  std::vector<magic_number> all = {{.destination = destination_of(0)}};
  for (const errors::row& each : errors::catalogue()) {
    all.push_back({.destination = destination_of(all.size()), .row = &each});
  }
  for (const behaviour_row& each : behaviours) {
    const auto index = static_cast<std::size_t>(&each - behaviours.data());
    all.push_back({.destination = destination_of(first_behaviour + index), .behaviour = &each});
  }
  return all;
}

fault magic_fault(std::string_view destination) noexcept {
  if (destination.size() != magic_prefix.size() + 2 || !destination.starts_with(magic_prefix)) {
    return {};
  }
  const std::string_view digits = destination.substr(magic_prefix.size());
  if (!is_digit(digits[0]) || !is_digit(digits[1])) return {};
  const int shown = (digits[0] - '0') * 10 + (digits[1] - '0');
  const auto number = static_cast<std::size_t>(shown);
  const auto rows = errors::catalogue();
  if (number >= 1 && number <= rows.size()) {
    return {.code = rows[number - 1].code, .tier = rows[number - 1].tier};
  }
  if (number >= first_behaviour && number < first_behaviour + behaviours.size()) {
    return {.behaviour = behaviours[number - first_behaviour].behaviour};
  }
  return {};
}

result<fault, envelope::error> forced_fault(const http::request_view& request) {
  const std::size_t count = request.count(force_header);
  if (count == 0) return fault{};
  if (count > 1) return failure{bad_force("Expected once")};
  const auto parsed = parse_fault(*request.header(force_header));
  if (!parsed) return failure{bad_force(parsed.error())};
  if (parsed->is_outcome() && request.tier != errors::tier::call) {
    return failure{bad_force("This code is how a call ends: force it when placing one")};
  }
  return *parsed;
}

http::response fault_response(const fault& what, errors::tier of_route,
                              std::string_view field_name) {
  switch (what.behaviour) {
    case behaviour::html_502:
      return {.status = 502,
              .headers = {{"Content-Type", "text/html"}},
              .body = std::string(bad_gateway)};
    case behaviour::retry_after: {
      http::response r = http::to_response(  // G3: the request rate's
          envelope::error(errors::code::rate_limited, errors::tier::http));
      r.headers.push_back({"Retry-After", "1"});
      return r;
    }
    case behaviour::fail_twice:
      return http::to_response(envelope::error(errors::code::internal_error, of_route));
    case behaviour::unknown_code: return http::json_response(422, to_json(unknown_code));
    case behaviour::unknown_category: return http::json_response(422, to_json(unknown_category));
    case behaviour::none: return http::to_response(error_of(what.row(of_route), field_name));
    case behaviour::hang:
    case behaviour::reset:
    case behaviour::latency:
    case behaviour::truncated:
    case behaviour::response_lost: break;
  }
  // Not a success, which would be stored and replayed.
  return {.status = 503};
}

}  // namespace parley::sandbox
