// SPDX-License-Identifier: Apache-2.0
//
// Certificates for an hour, made in a folder of the test.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATES_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATES_HPP

#include <filesystem>
#include <memory>
#include <string>

namespace parley::testing_support {

struct certificate_files {
  std::string certificate;
  std::string key;
};

class certificate_authority {
 public:
  /// Its files lie in `folder` and begin with `name`.
  certificate_authority(std::filesystem::path folder, std::string name);
  ~certificate_authority();

  const std::string& file() const { return file_; }
  /// For `names`, as a subjectAltName has them: "DNS:localhost,IP:127.0.0.1".
  certificate_files issue(const std::string& file_name, const std::string& names);

 private:
  struct impl;
  std::filesystem::path folder_;
  std::string file_;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CERTIFICATES_HPP
