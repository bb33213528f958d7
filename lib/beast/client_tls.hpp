// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_BEAST_CLIENT_TLS_HPP
#define PARLEY_LIB_BEAST_CLIENT_TLS_HPP

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "beast/client_url.hpp"
#include "parley/beast/client.hpp"
#include "parley/core/result.hpp"

namespace parley::beast {

/// Reads the files. The error names the file.
result<std::shared_ptr<boost::asio::ssl::context>, std::string> make_tls_context(
    const tls_options& options);

/// Says whom a connection is for: in the handshake (RFC 6066, 3), and to check the certificate
/// against. False: no memory.
bool set_server_name(SSL* connection, const origin& to) noexcept;

/// Why a handshake failed, where it was for the certificate; empty otherwise.
std::string certificate_error(const SSL* connection);

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_TLS_HPP
