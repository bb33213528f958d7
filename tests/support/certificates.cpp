// SPDX-License-Identifier: Apache-2.0
#include "support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace parley::testing_support {
namespace {

template <class T, void (*Free)(T*)>
struct freed_by {
  void operator()(T* object) const { Free(object); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509, X509_free>>;
using extension_ptr =
    std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION, X509_EXTENSION_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO, BIO_free_all>>;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("certificate: ") + what);
}

template <class Write>
std::string to_pem(Write write) {
  const bio_ptr to(BIO_new(BIO_s_mem()));
  require(to != nullptr && write(to.get()) == 1, "not written");
  char* text = nullptr;
  const long size = BIO_get_mem_data(to.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  return to_pem([&](BIO* to) { return PEM_write_bio_X509(to, certificate); });
}

struct subject {
  std::string common_name;
  std::string names;
  const char* constraints;
  validity when;
};

certificate_ptr make(const subject& of, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  certificate_ptr made(X509_new());
  require(made != nullptr, "no memory");
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_set_version(made.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), of.when.from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), of.when.to_seconds);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(of.common_name.c_str()), -1, -1,
                             0);
  X509* const signer = issuer == nullptr ? made.get() : issuer;
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, made.get(), nullptr, nullptr, 0);
  const auto extend = [&](int what, const char* value) {
    const extension_ptr added(X509V3_EXT_conf_nid(nullptr, &context, what, value));
    require(added != nullptr && X509_add_ext(made.get(), added.get(), -1) == 1, value);
  };
  extend(NID_basic_constraints, of.constraints);
  if (!of.names.empty()) extend(NID_subject_alt_name, of.names.c_str());
  require(X509_sign(made.get(), issuer_key, EVP_sha256()) > 0, "not signed");
  return made;
}

}  // namespace

struct authority::impl {
  key_ptr key{EVP_EC_gen("P-256")};
  certificate_ptr certificate;
};

authority::authority() : impl_(std::make_unique<impl>()) {
  // A name of its own: issuers are found by it.
  static int made = 0;
  impl_->certificate = make({"authority " + std::to_string(made++), {}, "critical,CA:TRUE", {}},
                            impl_->key.get(), nullptr, impl_->key.get());
  pem_ = to_pem(impl_->certificate.get());
}

authority::~authority() = default;

identity authority::issue(const std::string& names, const std::string& common_name,
                          validity when) const {
  const key_ptr key(EVP_EC_gen("P-256"));
  const certificate_ptr made = make({common_name, names, "critical,CA:FALSE", when}, key.get(),
                                    impl_->certificate.get(), impl_->key.get());
  return {to_pem(made.get()), to_pem([&](BIO* to) {
            return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace parley::testing_support
