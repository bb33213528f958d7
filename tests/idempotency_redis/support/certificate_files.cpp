// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/certificate_files.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

namespace parley::testing_support {
namespace {

std::string save(const std::filesystem::path& file, const std::string& pem) {
  std::ofstream to(file, std::ios::binary);
  to << pem;
  if (!to.flush()) throw std::runtime_error("cannot write " + file.string());
  return file.string();
}

}  // namespace

certificate_authority::certificate_authority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), file_((folder_ / (name + ".pem")).string()) {
  save(file_, signing_.pem());
}

certificate_files certificate_authority::issue(const std::string& file_name,
                                               const std::string& names) const {
  const identity made = signing_.issue(names, file_name);
  return {save(folder_ / (file_name + ".pem"), made.certificate),
          save(folder_ / (file_name + ".key"), made.key)};
}

}  // namespace parley::testing_support
