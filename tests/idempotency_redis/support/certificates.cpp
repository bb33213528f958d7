// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

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
struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("certificate: ") + what);
}

certificate_ptr make(EVP_PKEY* key, const std::string& name, X509* issuer, EVP_PKEY* issuer_key,
                     const char* constraints, const std::string& names) {
  certificate_ptr made(X509_new());
  require(made != nullptr, "no memory");
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_set_version(made.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  X509_NAME* const subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* const signer = issuer == nullptr ? made.get() : issuer;
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, made.get(), nullptr, nullptr, 0);
  const auto extend = [&](int what, const char* value) {
    const extension_ptr added(X509V3_EXT_conf_nid(nullptr, &context, what, value));
    require(added != nullptr && X509_add_ext(made.get(), added.get(), -1) == 1, value);
  };
  extend(NID_basic_constraints, constraints);
  if (!names.empty()) extend(NID_subject_alt_name, names.c_str());
  require(X509_sign(made.get(), issuer_key, EVP_sha256()) > 0, "not signed");
  return made;
}

template <class Write>
void save(const std::string& file, Write write) {
  const std::unique_ptr<std::FILE, close_file> to(std::fopen(file.c_str(), "w"));
  require(to != nullptr && write(to.get()) == 1, file.c_str());
}

}  // namespace

struct certificate_authority::impl {
  key_ptr key{EVP_EC_gen("P-256")};
  certificate_ptr certificate;
};

certificate_authority::certificate_authority(std::filesystem::path folder, std::string name)
    : folder_(std::move(folder)),
      file_((folder_ / (name + ".pem")).string()),
      impl_(std::make_unique<impl>()) {
  impl_->certificate =
      make(impl_->key.get(), name, nullptr, impl_->key.get(), "critical,CA:TRUE", {});
  save(file_, [&](std::FILE* to) { return PEM_write_X509(to, impl_->certificate.get()); });
}

certificate_authority::~certificate_authority() = default;

certificate_files certificate_authority::issue(const std::string& file_name,
                                               const std::string& names) {
  const key_ptr key(EVP_EC_gen("P-256"));
  const certificate_ptr made = make(key.get(), file_name, impl_->certificate.get(),
                                    impl_->key.get(), "critical,CA:FALSE", names);
  certificate_files files{(folder_ / (file_name + ".pem")).string(),
                          (folder_ / (file_name + ".key")).string()};
  save(files.certificate, [&](std::FILE* to) { return PEM_write_X509(to, made.get()); });
  save(files.key, [&](std::FILE* to) {
    return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace parley::testing_support
