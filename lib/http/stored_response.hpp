// SPDX-License-Identifier: Apache-2.0
//
// The bytes that a response is kept as: a head, and its body as it is.
//
//   version (1 byte: 1), status (2), code name (1 + n), headers (2), and for each header
//   name (2 + n) and value (2 + n); numbers are little-endian.

#ifndef PARLEY_LIB_HTTP_STORED_RESPONSE_HPP
#define PARLEY_LIB_HTTP_STORED_RESPONSE_HPP

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/http/message.hpp"

namespace parley::http {

/// Whether a header of a response belongs to that one message or connection, and not to its replay.
bool is_of_one_response(std::string_view name) noexcept;

/// The head of `r`, which is_sendable; std::nullopt: it has more than 65,535 headers. `unstored`:
/// names that are left out, in any case, beside those of is_of_one_response. A code that
/// neither `catalogue` nor the built-in one holds is kept as none.
std::optional<std::string> encode_head(const response& r, const std::vector<std::string>& unstored,
                                       errors::catalogue_view catalogue = {});

/// Head and body; std::nullopt: this is not what encode_head wrote, or no response that
/// is_sendable. A code that neither catalogue holds is `unknown`.
std::optional<response> decode_response(std::span<const std::byte> stored,
                                        errors::catalogue_view catalogue = {});

}  // namespace parley::http

#endif  // PARLEY_LIB_HTTP_STORED_RESPONSE_HPP
