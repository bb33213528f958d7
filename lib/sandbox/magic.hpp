// SPDX-License-Identifier: Apache-2.0
//
// Destinations and a header that make the sandbox answer as asked.

#ifndef PARLEY_LIB_SANDBOX_MAGIC_HPP
#define PARLEY_LIB_SANDBOX_MAGIC_HPP

#include <optional>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/message.hpp"

namespace parley::sandbox {

/// +1 202 555 01NN, of the block that the North American plan keeps for fiction.
inline constexpr std::string_view magic_prefix = "+120255501";
inline constexpr std::string_view force_header = "X-Sandbox-Force";

/// The destination of row `index` (0-based) of the catalogue; index -1: the one that succeeds.
std::string magic_destination(int index);

/// The row that a destination asks for; null: none, the call succeeds.
const errors::row* magic_row(std::string_view destination) noexcept;

/// The row that X-Sandbox-Force asks for, null where it is absent. "rate_limited" means the tier of
/// the endpoint, "rate_limited; tier=http" that tier.
result<const errors::row*, envelope::error> forced_row(const http::request_view& request);

/// The error of a row that was asked for. `field_name` is what was wrong in the request.
envelope::error magic_error(const errors::row& row, std::string_view field_name);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_MAGIC_HPP
