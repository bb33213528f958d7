// SPDX-License-Identifier: Apache-2.0
//
// Certificates in a folder of the test, where redis-server and the store read them.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATE_FILES_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATE_FILES_HPP

#include <filesystem>
#include <string>

#include "support/certificates.hpp"

namespace parley::testing_support {

struct certificate_files {
  std::string certificate;
  std::string key;
};

class certificate_authority {
 public:
  /// Its files lie in `folder`; that of its own certificate begins with `name`.
  certificate_authority(std::filesystem::path folder, const std::string& name);

  const std::string& file() const { return file_; }
  /// For `names`, as a subjectAltName has them: "DNS:localhost,IP:127.0.0.1".
  certificate_files issue(const std::string& file_name, const std::string& names) const;

 private:
  const std::filesystem::path folder_;
  const std::string file_;
  const authority signing_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATE_FILES_HPP
