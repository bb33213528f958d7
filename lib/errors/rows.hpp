// SPDX-License-Identifier: Apache-2.0
//
// The built-in catalogue as a constant expression, for whoever derives text from it at compile time
// (the constant envelopes); everybody else calls the functions of parley/errors/catalogue.hpp. Each
// library that includes it has the table of its own build, so shared libraries of different
// versions must not be mixed (their SONAMEs differ).
//
// To add a code: append it to the enum and raise codes_count, append its row to the table of its
// tier in parley/errors/rows.hpp, adjust the counts below, and run lib/errors/gen/refresh.sh.
// catalogue.cpp checks the table while it compiles.

#ifndef PARLEY_LIB_ERRORS_ROWS_HPP
#define PARLEY_LIB_ERRORS_ROWS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/errors/catalogue.hpp"
#include "parley/errors/rows.hpp"

namespace parley::errors::detail {

inline constexpr std::size_t call_rows_count = 26;
inline constexpr std::size_t http_rows_count = 7;
inline constexpr std::size_t rows_count = call_rows_count + http_rows_count;
inline constexpr const std::array<row, rows_count>& rows = built_in_rows;

constexpr std::string_view name_of(category c) noexcept {
  switch (c) {
    case category::none: return "";
    case category::invalid_request: return "invalid_request";
    case category::compliance_blocked: return "compliance_blocked";
    case category::account_limit: return "account_limit";
    case category::unreachable: return "unreachable";
    case category::voicemail: return "voicemail";
    case category::provider_error: return "provider_error";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

// Where each code stands, by its value; `rows_count` in a tier that does not have it.
struct row_places {
  std::array<std::uint8_t, codes_count + 1> call{};
  std::array<std::uint8_t, codes_count + 1> http{};
};

consteval row_places place_rows() {
  row_places places;
  places.call.fill(rows_count);
  places.http.fill(rows_count);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& places_of_tier = rows[i].tier == tier::call ? places.call : places.http;
    places_of_tier[static_cast<std::size_t>(rows[i].code)] = static_cast<std::uint8_t>(i);
  }
  // From here on each code answers in both tiers, with the row that it has.
  for (std::size_t c = 0; c < places.call.size(); ++c) {
    if (places.call[c] == rows_count) places.call[c] = places.http[c];
    if (places.http[c] == rows_count) places.http[c] = places.call[c];
  }
  const auto fallback = places.http[static_cast<std::size_t>(code::internal_error)];
  places.call[0] = fallback;
  places.http[0] = fallback;
  return places;
}
inline constexpr row_places places = place_rows();

// The index that row_of() promises, for any value of the two enums.
constexpr std::size_t index_of(code c, tier wanted) noexcept {
  const auto value = static_cast<std::size_t>(c);
  const std::size_t known = value <= codes_count ? value : 0;
  return wanted == tier::http ? places.http[known] : places.call[known];
}

}  // namespace parley::errors::detail

#endif  // PARLEY_LIB_ERRORS_ROWS_HPP
