// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_E164_SHIPPED_TABLES_HPP
#define PARLEY_LIB_E164_SHIPPED_TABLES_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "e164/tables.hpp"

namespace parley::e164::detail {

inline constexpr std::size_t region_bytes = 4;  // three characters at most, then NUL

// Defined in shipped_tables.cpp, which is generated.
extern const std::string_view shipped_version;
extern const char shipped_regions[][region_bytes];
extern const std::int16_t shipped_root[];
extern const std::uint64_t shipped_leaves[];
extern const std::uint16_t shipped_blocked[];
extern const std::uint64_t shipped_codes[];

inline constexpr tables shipped = {shipped_root, shipped_leaves, shipped_blocked, shipped_codes};

}  // namespace parley::e164::detail

#endif  // PARLEY_LIB_E164_SHIPPED_TABLES_HPP
