// SPDX-License-Identifier: Apache-2.0
//
// Requests that somebody else's page makes a developer's browser send. They reach a port of the
// loopback address as the developer's own do, and need no key for what controls the sandbox.

#ifndef PARLEY_LIB_SANDBOX_FOREIGN_HPP
#define PARLEY_LIB_SANDBOX_FOREIGN_HPP

#include <optional>
#include <string_view>

#include "parley/envelope/error.hpp"
#include "parley/http/message.hpp"

namespace parley::sandbox {

/// Whether a text is an address, without brackets, that only this machine has. Pure.
bool is_loopback(std::string_view address);

/// "localhost", a loopback address, or a name that nobody can register: below "localhost", "test"
/// (RFC 6761, 6.2 and 6.3) or "internal" (reserved by ICANN in 2024; containers know their host by
/// it). With or without a port. Pure.
bool is_local_host(std::string_view host);

/// Why a request is not taken, as the error that answers it:
///   Host               where `on_loopback`, another name than a local one: its owner lets it point
///                      here, and a browser takes the two for one (DNS rebinding)
///   Origin             of what changes something: another one than http:// and Host
///   Sec-Fetch-Site     of what changes something: the browser says that another site asked
/// What sends none of the latter two is no page of a browser. Pure.
std::optional<envelope::error> refuse_foreign(const http::request_view& request, bool on_loopback);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_FOREIGN_HPP
