// SPDX-License-Identifier: Apache-2.0
#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

envelope::error bad_force(std::string explanation) {
  return envelope::error(errors::code::validation_error)
      .with_message("X-Sandbox-Force must name an error code.")
      .with_field(std::string(force_header), std::move(explanation));
}

}  // namespace

std::string magic_destination(int index) {
  const int number = index + 1;
  std::string destination(magic_prefix);
  destination.push_back(static_cast<char>('0' + number / 10));
  destination.push_back(static_cast<char>('0' + number % 10));
  return destination;
}

const errors::row* magic_row(std::string_view destination) noexcept {
  if (destination.size() != magic_prefix.size() + 2 || !destination.starts_with(magic_prefix)) {
    return nullptr;
  }
  const std::string_view digits = destination.substr(magic_prefix.size());
  if (!is_digit(digits[0]) || !is_digit(digits[1])) return nullptr;
  const auto number = static_cast<std::size_t>((digits[0] - '0') * 10 + (digits[1] - '0'));
  const auto rows = errors::catalogue();
  return number >= 1 && number <= rows.size() ? &rows[number - 1] : nullptr;
}

result<const errors::row*, envelope::error> forced_row(const http::request_view& request,
                                                       errors::tier endpoint) {
  const auto header = request.header(force_header);
  if (!header) return nullptr;
  const std::size_t semicolon = header->find(';');
  const errors::code code = errors::find_code(trim(header->substr(0, semicolon)));
  if (code == errors::code::unknown) {
    return failure{bad_force("Expected a code of the catalogue")};
  }
  errors::tier tier = endpoint;
  if (semicolon != std::string_view::npos) {
    const std::string_view parameter = trim(header->substr(semicolon + 1));
    if (parameter != "tier=call" && parameter != "tier=http") {
      return failure{bad_force("Expected tier=call or tier=http after the semicolon")};
    }
    tier = parameter == "tier=call" ? errors::tier::call : errors::tier::http;
  }
  const errors::row& row = errors::row_of(code, tier);
  if (row.delivery == errors::delivery::async && endpoint != errors::tier::call) {
    return failure{bad_force("This code is how a call ends: force it when placing one")};
  }
  return &row;
}

envelope::error magic_error(const errors::row& row, std::string_view destination_name) {
  envelope::error error(row.code, row.tier);
  if (row.code == errors::code::validation_error) {
    error.with_field(std::string(destination_name), "Refused as the sandbox was asked to");
  }
  if (row.code == errors::code::idempotency_conflict) {
    // E6 wants the original's request id; there is no original.
    error.with_field("conflicts_with", "req_00000000000000000000000000000000");
  }
  return error;
}

}  // namespace parley::sandbox
