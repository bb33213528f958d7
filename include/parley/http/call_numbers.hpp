// SPDX-License-Identifier: Apache-2.0
//
// The two numbers of a call, from a request's body to numbers or to the error that the API answers
// with (contract C1, C2 and G4, G5).
//
//   const auto numbers = http::read_call_numbers({"to_number", to}, {"from_number", from});
//   if (!numbers) return http::to_response(numbers.error());
//   place_call(numbers->destination, numbers->caller);
//
// Callable from any thread.

#ifndef PARLEY_HTTP_CALL_NUMBERS_HPP
#define PARLEY_HTTP_CALL_NUMBERS_HPP

#include <optional>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/export.hpp"

namespace parley::http {

/// A number as a body has it.
struct number_field {
  std::string_view name;  ///< the body's own: "to_number" or "destination"
  /// None: the body has no such member, or null. Empty is the same.
  std::optional<std::string_view> text = {};
  /// What is wrong with it already, as "Expected a string"; `text` is then not looked at. Empty:
  /// nothing.
  std::string_view problem = {};
};

struct call_numbers {
  e164::number destination;
  e164::number caller;
};

/// The code for a destination that is not valid: destination_blocked for status::blocked, else
/// destination_invalid.
PARLEY_HTTP_EXPORT errors::code to_code(e164::status destination) noexcept;

/// Both numbers, or the one error that names what is wrong with each in `fields`:
/// - destination_missing or destination_invalid, 400, where that is so, also of one that `calls`
///   does not allow; destination_blocked, 403, of an emergency or special-service number;
/// - else validation_error, 400, where the caller's number is missing or not valid. `calls` is not
///   asked about it.
/// The texts are for people and may change; they repeat nothing that the request sent.
PARLEY_HTTP_EXPORT result<call_numbers, envelope::error> read_call_numbers(
    const number_field& destination, const number_field& caller,
    const e164::policy& calls = e164::policy());

}  // namespace parley::http

#endif  // PARLEY_HTTP_CALL_NUMBERS_HPP
