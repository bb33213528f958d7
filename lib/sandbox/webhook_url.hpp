// SPDX-License-Identifier: Apache-2.0
//
// Where a webhook is sent to, in the parts that a client needs.

#ifndef PARLEY_LIB_SANDBOX_WEBHOOK_URL_HPP
#define PARLEY_LIB_SANDBOX_WEBHOOK_URL_HPP

#include <optional>
#include <string>
#include <string_view>

namespace parley::sandbox {

/// "http://127.0.0.1:8090/hooks?a=b" as the address of a client and the target of its requests.
struct webhook_url {
  std::string base;    ///< the scheme and what stands before the path; the client judges it
  std::string target;  ///< begins with a slash, and can be sent
};

/// std::nullopt: no scheme, or a path or query that cannot be sent, as one with a fragment. Pure.
std::optional<webhook_url> parse_webhook_url(std::string_view url);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_WEBHOOK_URL_HPP
