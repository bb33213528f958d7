// SPDX-License-Identifier: Apache-2.0
//
// Codes as std::error_code, and what one asks of them as std::error_condition. A header of its own,
// as <system_error> takes longer to compile than the catalogue.
//
//   std::error_code ec = errors::code::agent_dispatch_failed;
//   if (ec == errors::retry_hint::backoff) ...        // or errors::category::provider_error,
//   if (ec == errors::retryable::yes) ...             // or the contract's own column
//
// A code of both tiers is judged by its row of the call tier, as an error_code has no tier. Every
// function may be called from any thread.

#ifndef PARLEY_ERRORS_ERROR_CODE_HPP
#define PARLEY_ERRORS_ERROR_CODE_HPP

#include <string>
#include <string_view>
#include <system_error>

#include "parley/errors/catalogue.hpp"
#include "parley/errors/export.hpp"

namespace parley::errors {

/// The std::error_category of a catalogue. Categories are compared by address: define one for a
/// catalogue, in a source file.
///
///     const errors::code_category own_codes("my_api", errors::catalogue<rows>());
class PARLEY_ERRORS_EXPORT code_category final : public std::error_category {
 public:
  /// `name` is static text.
  code_category(const char* name, catalogue_view codes) noexcept;
  ~code_category() override;

  /// Never zero, which would read as success: `unknown` has a value of its own.
  std::error_code make(code c) const noexcept;

  const char* name() const noexcept override;
  /// The default message; of a code that the catalogue does not hold, one that says so.
  std::string message(int value) const override;
  bool equivalent(int value, const std::error_condition& condition) const noexcept override;
  using std::error_category::equivalent;

 private:
  const char* name_;
  catalogue_view codes_;
};

/// The category of the built-in catalogue: "parley.errors".
PARLEY_ERRORS_EXPORT const code_category& built_in_codes() noexcept;

/// In the category of the built-in catalogue. `unknown` is not zero.
PARLEY_ERRORS_EXPORT std::error_code make_error_code(code c) noexcept;

/// The code in it, or `unknown` where its category is no code_category.
PARLEY_ERRORS_EXPORT code to_code(const std::error_code& ec) noexcept;

/// Equal to the codes of that category; category::none, to those of the HTTP tier alone.
PARLEY_ERRORS_EXPORT std::error_condition make_error_condition(category c) noexcept;
/// Equal to the codes of which the contract says so.
PARLEY_ERRORS_EXPORT std::error_condition make_error_condition(retryable r) noexcept;
/// Equal to the codes with that hint.
PARLEY_ERRORS_EXPORT std::error_condition make_error_condition(retry_hint h) noexcept;

}  // namespace parley::errors

template <>
struct std::is_error_code_enum<parley::errors::code> : std::true_type {};
template <>
struct std::is_error_condition_enum<parley::errors::category> : std::true_type {};
template <>
struct std::is_error_condition_enum<parley::errors::retryable> : std::true_type {};
template <>
struct std::is_error_condition_enum<parley::errors::retry_hint> : std::true_type {};

#endif  // PARLEY_ERRORS_ERROR_CODE_HPP
