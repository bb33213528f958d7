// SPDX-License-Identifier: Apache-2.0
//
// From patterns to one automaton: the tables that tables.hpp describes.

#ifndef PARLEY_LIB_E164_GEN_COMPILE_HPP
#define PARLEY_LIB_E164_GEN_COMPILE_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "e164/gen/plan.hpp"
#include "e164/tables.hpp"
#include "parley/core/result.hpp"

namespace parley::e164::gen {

struct compiled {
  std::string version;
  std::vector<std::int16_t> root;
  std::vector<std::uint64_t> leaves;
  std::vector<std::uint16_t> blocked;
  std::vector<std::uint64_t> codes;
  std::vector<std::string> regions;  ///< the first is empty: no region

  /// Valid as long as this.
  detail::tables tables() const noexcept;
  /// What they take in a program.
  std::size_t bytes() const noexcept;
  static constexpr std::size_t region_bytes = 4;
};

/// The error names the calling code and the pattern.
result<compiled, std::string> compile(const plan& from);

}  // namespace parley::e164::gen

#endif  // PARLEY_LIB_E164_GEN_COMPILE_HPP
