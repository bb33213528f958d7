// SPDX-License-Identifier: Apache-2.0
//
// The 33 envelopes that the catalogue itself can say, as JSON in read-only memory. An error that
// was not given text of its own is a copy of one of them, and the writer takes over without a look
// at its bytes whatever part of another error comes from here: it knows them by their address.
//
// Costs 34 x 256 bytes.

#ifndef PARLEY_LIB_ENVELOPE_CONSTANT_HPP
#define PARLEY_LIB_ENVELOPE_CONSTANT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "errors/rows.hpp"
#include "parley/envelope/error.hpp"

namespace parley::envelope::detail {

// The text between the members; the writer uses the same.
inline constexpr std::string_view before_code = R"({"error":{"code":")";
inline constexpr std::string_view before_category = R"(","category":")";
inline constexpr std::string_view before_message = R"(","message":")";
inline constexpr std::string_view before_doc_url = R"(","doc_url":")";
inline constexpr std::string_view after_error = R"("}})";

struct text_range {
  std::uint8_t begin = 0;
  std::uint8_t size = 0;
};

struct alignas(64) constant {
  std::array<char, 240> bytes{};
  std::uint8_t size = 0;
  text_range code, category, message, doc_url;  // empty: the member is absent

  constexpr std::string_view json() const noexcept { return {bytes.data(), size}; }
  constexpr std::string_view text(text_range range) const noexcept {
    return {bytes.data() + range.begin, range.size};
  }
  constexpr error_view view() const noexcept {
    return {text(code), text(category), text(message), text(doc_url), {}};
  }
};
static_assert(sizeof(constant) == 256);

consteval constant make_constant(const errors::row& row) {
  constant made;
  // Writing past `bytes` would not compile.
  const auto append = [&made](std::string_view text) {
    const text_range range{made.size, static_cast<std::uint8_t>(text.size())};
    for (const char c : text) made.bytes[made.size++] = c;
    return range;
  };
  append(before_code);
  made.code = append(row.name);
  if (row.category != errors::category::none) {
    append(before_category);
    made.category = append(errors::detail::name_of(row.category));
  }
  append(before_message);
  made.message = append(row.message);
  if (row.tier == errors::tier::call) {  // G14: off in the HTTP tier
    append(before_doc_url);
    made.doc_url = append(errors::doc_base_url);
    made.doc_url.size = static_cast<std::uint8_t>(made.doc_url.size + append(row.doc_anchor).size);
  }
  append(after_error);
  return made;
}

consteval std::array<constant, errors::detail::rows_count> make_constants() {
  std::array<constant, errors::detail::rows_count> made;
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = make_constant(errors::detail::rows[i]);
  return made;
}

struct constant_table {
  std::array<constant, errors::detail::rows_count> rows = make_constants();
  constant padding{};  // lets a copy in blocks read past the end of any text
};

// One for the whole room, so that addresses can be compared: defined in constant.cpp.
extern const constant_table constants;

}  // namespace parley::envelope::detail

#endif  // PARLEY_LIB_ENVELOPE_CONSTANT_HPP
