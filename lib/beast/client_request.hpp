// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_BEAST_CLIENT_REQUEST_HPP
#define PARLEY_LIB_BEAST_CLIENT_REQUEST_HPP

#include <string>
#include <string_view>

#include "parley/client/message.hpp"
#include "parley/core/result.hpp"

namespace parley::beast {

/// The bytes of `what` but for its body, or what is wrong with it. Nothing in it can end a line or
/// the head, or speak of the connection: such a request would be another one, or two, to whoever
/// reads it (RFC 9112, 11.1 and 11.2).
result<std::string, std::string> write_head(const client::request& what,
                                            std::string_view authority);

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_REQUEST_HPP
