// SPDX-License-Identifier: Apache-2.0
#include "parley/core/version.hpp"

namespace parley {

std::string_view linked_version() noexcept { return version; }

}  // namespace parley
