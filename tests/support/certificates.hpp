// SPDX-License-Identifier: Apache-2.0
//
// Certificates made by the test, in memory.

#ifndef PARLEY_TESTS_SUPPORT_CERTIFICATES_HPP
#define PARLEY_TESTS_SUPPORT_CERTIFICATES_HPP

#include <memory>
#include <string>

namespace parley::testing_support {

/// In PEM.
struct identity {
  std::string certificate;
  std::string key;
};

struct validity {
  long from_seconds = -60;  ///< from now
  long to_seconds = 3600;
};

class authority {
 public:
  authority();
  ~authority();

  /// Its certificate, in PEM.
  const std::string& pem() const { return pem_; }
  /// For `names`, as a subjectAltName has them: "DNS:localhost,IP:127.0.0.1". Empty: none.
  identity issue(const std::string& names, const std::string& common_name = "server",
                 validity when = {}) const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
  std::string pem_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_SUPPORT_CERTIFICATES_HPP
