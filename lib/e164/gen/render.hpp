// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_E164_GEN_RENDER_HPP
#define PARLEY_LIB_E164_GEN_RENDER_HPP

#include <string>

#include "e164/gen/compile.hpp"

namespace parley::e164::gen {

/// The text of lib/e164/shipped_tables.cpp.
std::string render(const plan& from, const compiled& made);

}  // namespace parley::e164::gen

#endif  // PARLEY_LIB_E164_GEN_RENDER_HPP
