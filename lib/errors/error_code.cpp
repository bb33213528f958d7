// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/error_code.hpp"

namespace parley::errors {
namespace {

// What `unknown` and category::none become: above all values of the enums.
constexpr int value_of_zero = 0x10000;

template <class Enum>
constexpr int to_value(Enum e) noexcept {
  const int value = static_cast<int>(e);
  return value == 0 ? value_of_zero : value;
}

constexpr code from_value(int value) noexcept {
  const bool is_code = value > 0 && value < value_of_zero;
  return is_code ? code{static_cast<std::uint16_t>(value)} : code::unknown;
}

// The category of a kind of condition: its values are those of an enum.
template <class Enum>
class condition_category final : public std::error_category {
 public:
  constexpr explicit condition_category(const char* name) noexcept : name_(name) {}
  const char* name() const noexcept override { return name_; }
  std::string message(int value) const override {
    const int known = value == value_of_zero ? 0 : value;
    const std::string_view text =
        known < 0 || known > 255 ? "unknown" : to_string(static_cast<Enum>(known));
    return std::string(text.empty() ? "none" : text);
  }

 private:
  const char* name_;
};

// One of each kind, in this file: an inline one would be doubled under hidden visibility, and is
// compared by its address.
const std::error_category& categories() noexcept {
  static const condition_category<category> made("parley.errors.category");
  return made;
}
const std::error_category& retryables() noexcept {
  static const condition_category<retryable> made("parley.errors.retryable");
  return made;
}
const std::error_category& hints() noexcept {
  static const condition_category<retry_hint> made("parley.errors.retry_hint");
  return made;
}

}  // namespace

code_category::code_category(const char* name, catalogue_view codes) noexcept
    : name_(name), codes_(codes) {}
code_category::~code_category() = default;

std::error_code code_category::make(code c) const noexcept { return {to_value(c), *this}; }

const char* code_category::name() const noexcept { return name_; }

std::string code_category::message(int value) const {
  const row* const found = codes_.find(from_value(value), tier::call);
  if (found != nullptr) return std::string(found->message);
  return value == value_of_zero ? "a code that the catalogue does not hold"
                                : "code " + std::to_string(value) + ", not of this catalogue";
}

bool code_category::equivalent(int value, const std::error_condition& condition) const noexcept {
  const row* const found = codes_.find(from_value(value), tier::call);
  if (found != nullptr) {
    if (condition.category() == categories()) {
      return condition.value() == to_value(found->category);
    }
    if (condition.category() == retryables()) {
      return condition.value() == to_value(found->retryable);
    }
    if (condition.category() == hints()) return condition.value() == to_value(found->hint);
  }
  return std::error_category::equivalent(value, condition);
}

const code_category& built_in_codes() noexcept {
  static const code_category made("parley.errors", catalogue());
  return made;
}

std::error_code make_error_code(code c) noexcept { return built_in_codes().make(c); }

code to_code(const std::error_code& ec) noexcept {
  const bool has_codes = dynamic_cast<const code_category*>(&ec.category()) != nullptr;
  return has_codes ? from_value(ec.value()) : code::unknown;
}

std::error_condition make_error_condition(category c) noexcept {
  return {to_value(c), categories()};
}
std::error_condition make_error_condition(retryable r) noexcept {
  return {to_value(r), retryables()};
}
std::error_condition make_error_condition(retry_hint h) noexcept { return {to_value(h), hints()}; }

}  // namespace parley::errors
