// SPDX-License-Identifier: Apache-2.0
#include "sandbox/magic.hpp"

#include "http/text.hpp"

namespace parley::sandbox {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

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

result<const errors::row*, envelope::error> forced_row(const http::request_view& request) {
  const std::size_t count = request.count(force_header);
  if (count == 0) return nullptr;
  if (count > 1) return failure{bad_force("Expected once")};
  const std::string_view header = *request.header(force_header);
  const std::size_t semicolon = header.find(';');
  const errors::code code = errors::find_code(http::trim_blanks(header.substr(0, semicolon)));
  if (code == errors::code::unknown) {
    return failure{bad_force("Expected a code of the catalogue")};
  }
  const errors::row* row = &errors::row_of(code, request.tier);
  if (semicolon != std::string_view::npos) {
    const std::string_view parameter = http::trim_blanks(header.substr(semicolon + 1));
    const bool wants_call = parameter == "tier=call";
    if (!wants_call && parameter != "tier=http") {
      return failure{bad_force("Expected tier=call or tier=http after the semicolon")};
    }
    row = &errors::row_of(code, wants_call ? errors::tier::call : errors::tier::http);
    if ((row->tier == errors::tier::call) != wants_call) {
      return failure{bad_force("This code is not in that tier")};
    }
  }
  if (row->delivery == errors::delivery::async && request.tier != errors::tier::call) {
    return failure{bad_force("This code is how a call ends: force it when placing one")};
  }
  return row;
}

envelope::error magic_error(const errors::row& row, std::string_view field_name) {
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

}  // namespace parley::sandbox
