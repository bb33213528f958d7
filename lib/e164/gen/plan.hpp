// SPDX-License-Identifier: Apache-2.0
//
// plan.txt, read.

#ifndef PARLEY_LIB_E164_GEN_PLAN_HPP
#define PARLEY_LIB_E164_GEN_PLAN_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"

namespace parley::e164::gen {

/// What a region's patterns are of. Of the types, the first that matches is the number's type: the
/// order is libphonenumber's.
enum class slot : std::uint8_t {
  premium_rate,
  toll_free,
  shared_cost,
  voip,
  personal_number,
  pager,
  uan,
  voicemail,
  fixed_line,
  mobile,
  general,
  leading_digits,
  emergency,
  short_toll_free,
  short_code,
};
inline constexpr std::size_t slot_count = 15;

std::string_view to_string(slot s) noexcept;

struct description {
  std::string pattern;        ///< empty: there is none
  std::uint32_t lengths = 0;  ///< bit n: n digits are possible; 0: what the general one says
};

struct region_plan {
  std::string name;  ///< ISO 3166-1, two letters; 001 where a code belongs to no region
  std::array<description, slot_count> of;
  bool mobile_as_fixed_line = false;

  const description& operator[](slot s) const { return of[static_cast<std::size_t>(s)]; }
};

struct code_plan {
  unsigned code = 0;
  std::vector<region_plan> regions;  ///< the main one first
};

struct plan {
  std::string version;        ///< of libphonenumber
  std::string plans;          ///< the package that the numbering plans are from
  std::string short_numbers;  ///< the package that the short numbers are from
  std::vector<code_plan> codes;
};

/// The error names the line.
result<plan, std::string> read_plan(std::string_view text);

}  // namespace parley::e164::gen

#endif  // PARLEY_LIB_E164_GEN_PLAN_HPP
