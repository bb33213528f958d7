// SPDX-License-Identifier: Apache-2.0
//
// Destinations and a header that make the sandbox answer as asked, and the answers.

#ifndef PARLEY_LIB_SANDBOX_MAGIC_HPP
#define PARLEY_LIB_SANDBOX_MAGIC_HPP

#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/message.hpp"
#include "sandbox/faults.hpp"

namespace parley::sandbox {

/// +1 202 555 01NN, of the block that the North American plan keeps for fiction.
inline constexpr std::string_view magic_prefix = "+120255501";
inline constexpr std::string_view force_header = "X-Sandbox-Force";

/// A magic destination: row NN of the catalogue from 01 on, a behaviour from 40 on, a success at
/// 00.
struct magic_number {
  std::string destination;
  const errors::row* row = nullptr;
  const behaviour_row* behaviour = nullptr;
};

/// All of them, in the order of their numbers.
std::vector<magic_number> magic_numbers();

/// What a destination asks for; an empty fault: the call succeeds.
fault magic_fault(std::string_view destination) noexcept;

/// What X-Sandbox-Force asks for, an empty fault where it is absent. "rate_limited" means the tier
/// of the endpoint, "rate_limited; tier=http" that tier.
result<fault, envelope::error> forced_fault(const http::request_view& request);

/// The response of a fault that replaces_response(), or what stands for it where none is sent.
/// `field_name` is what was wrong in the request, where the code wants to say so.
http::response fault_response(const fault& what, errors::tier of_route,
                              std::string_view field_name);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_MAGIC_HPP
