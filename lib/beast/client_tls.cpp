// SPDX-License-Identifier: Apache-2.0
#include "beast/client_tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>

namespace parley::beast {
namespace {

namespace ssl = boost::asio::ssl;

// All certificates of the text: Asio's add_certificate_authority() reads just the first in some
// releases.
bool add_authorities(SSL_CTX* to, const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> from(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  if (!from) return false;
  X509_STORE* const store = SSL_CTX_get_cert_store(to);
  std::size_t added = 0;
  for (;; ++added) {
    const std::unique_ptr<X509, decltype(&X509_free)> each(
        PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!each) break;
    if (X509_STORE_add_cert(store, each.get()) != 1) return false;
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return added > 0 && is_at_end;
}

}  // namespace

result<std::shared_ptr<ssl::context>, std::string> make_tls_context(const tls_options& options) {
  auto made = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX* const native = made->native_handle();
  boost::system::error_code error;
  const auto cannot_use = [](const std::string& file) {
    return failure{"tls: cannot use the file " + file};
  };
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  static constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(native, protocols, sizeof protocols);

  const bool verifies = !options.insecure_skip_verification;
  made->set_verify_mode(verifies ? ssl::verify_peer : ssl::verify_none, error);
  if (options.ca_file.empty() && options.ca_pem.empty() && verifies) {
    made->set_default_verify_paths(error);
    if (error) return failure{std::string("tls: the system has no authorities")};
  }
  if (!options.ca_file.empty()) {
    made->load_verify_file(options.ca_file, error);
    if (error) return cannot_use(options.ca_file);
  }
  if (!options.ca_pem.empty() && !add_authorities(native, options.ca_pem)) {
    return failure{std::string("tls: ca_pem holds no certificates, or more than that")};
  }
  if (options.certificate_file.empty() != options.private_key_file.empty()) {
    return failure{std::string("tls: a certificate and a private key go together")};
  }
  if (!options.certificate_file.empty()) {
    made->use_certificate_chain_file(options.certificate_file, error);
    if (error) return cannot_use(options.certificate_file);
    made->use_private_key_file(options.private_key_file, ssl::context::pem, error);
    if (error) return cannot_use(options.private_key_file);
  }
  return made;
}

bool set_server_name(SSL* connection, const origin& to) noexcept {
  if (to.is_address) {
    // An address is not sent as a name, but the certificate has to have it.
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), to.host.c_str()) == 1;
  }
  SSL_set_hostflags(connection,
                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(connection, to.host.c_str()) == 1 &&
         SSL_set1_host(connection, to.host.c_str()) == 1;
}

std::string certificate_error(const SSL* connection) {
  const long verified = SSL_get_verify_result(connection);
  return verified == X509_V_OK ? std::string() : X509_verify_cert_error_string(verified);
}

}  // namespace parley::beast
