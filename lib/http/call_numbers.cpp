// SPDX-License-Identifier: Apache-2.0
#include "parley/http/call_numbers.hpp"

#include <string>
#include <utility>

namespace parley::http {
namespace {

// A field that was looked at: a number, or what is wrong with it.
struct checked_field {
  std::optional<e164::number> number;
  std::string_view problem;  // where there is no number
  e164::status status = e164::status::not_e164;
  bool is_missing = false;
};

std::string_view problem_of(e164::status status, std::string_view text) {
  switch (status) {
    case e164::status::unknown_calling_code: return "No country has this calling code";
    case e164::status::blocked: return "Emergency and special-service numbers cannot be called";
    case e164::status::invalid_length:
    case e164::status::invalid:
      if (e164::without_trunk_zero(text)) return "Leave out the 0 behind the calling code";
      return status == e164::status::invalid ? "No numbering plan has this number"
                                             : "Too short or too long for its calling code";
    case e164::status::ok:
    case e164::status::not_e164:
    case e164::status::too_long: break;
  }
  return "Expected +<country><number>";
}

checked_field check(const number_field& field) {
  if (!field.problem.empty()) return {{}, field.problem};
  if (!field.text || field.text->empty()) {
    return {{}, "Required", e164::status::not_e164, true};
  }
  const auto parsed = e164::parse(*field.text);
  if (parsed) return {*parsed, {}, e164::status::ok};
  const e164::status status = parsed.error().status();
  return {{}, problem_of(status, *field.text), status};
}

}  // namespace

errors::code to_code(e164::status destination) noexcept {
  return destination == e164::status::blocked ? errors::code::destination_blocked
                                              : errors::code::destination_invalid;
}

result<call_numbers, envelope::error> read_call_numbers(const number_field& destination,
                                                        const number_field& caller,
                                                        const e164::policy& calls) {
  checked_field to = check(destination);
  const checked_field from = check(caller);
  if (to.number && calls.check(*to.number) != e164::verdict::allowed) {
    to = {{}, "Numbers of this kind are not called"};
  }
  if (to.number && from.number) return call_numbers{*to.number, *from.number};

  const auto name_caller = [&](envelope::error& error) {
    if (!from.number) error.with_field(std::string(caller.name), std::string(from.problem));
  };
  if (!to.number) {
    // The destination's code wins where both are wrong, and the fields name both (G5).
    envelope::error error(to.is_missing ? errors::code::destination_missing : to_code(to.status));
    error.with_field(std::string(destination.name), std::string(to.problem));
    name_caller(error);
    return failure{std::move(error)};
  }
  envelope::error error(errors::code::validation_error);
  const std::string_view rule = from.is_missing ? " is required" : " must be E.164 format";
  error.with_message(std::string(caller.name).append(rule));
  name_caller(error);
  return failure{std::move(error)};
}

}  // namespace parley::http
