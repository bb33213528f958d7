// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <parley/idempotency_testing/conformance.hpp>
#include <parley/idempotency_testing/model_store.hpp>

namespace testing_kit = parley::idempotency_testing;

class model_harness final : public testing_kit::store_harness {
 public:
  parley::idempotency::store& records() override { return records_; }

 private:
  testing_kit::model_store records_;
};

int main() {
  const auto cases = testing_kit::conformance_cases();
  if (cases.empty()) return 1;
  const auto report =
      testing_kit::run_case(cases.front(), [] { return std::make_unique<model_harness>(); });
  return report.findings.empty() && report.skipped.empty() ? 0 : 1;
}
