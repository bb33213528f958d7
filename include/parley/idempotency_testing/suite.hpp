// SPDX-License-Identifier: Apache-2.0
//
// The conformance kit as GoogleTest tests: one line in a test program runs all cases on a store.
//
//   PARLEY_IDEMPOTENCY_CONFORMANCE(MyStore, [] { return std::make_unique<my_harness>(); });
//
// GoogleTest shows them as MyStore/Conformance.FirstClaimIsClaimed and so on.

#ifndef PARLEY_IDEMPOTENCY_TESTING_SUITE_HPP
#define PARLEY_IDEMPOTENCY_TESTING_SUITE_HPP

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "parley/idempotency_testing/conformance.hpp"
#include "parley/idempotency_testing/harness.hpp"

namespace parley::idempotency_testing {

namespace detail {

// Inline, so that the library itself needs nothing of GoogleTest, which may be linked but once.
class conformance_test : public testing::Test {
 public:
  struct source {
    harness_factory make_harness;
    conformance_options options;
    const char* file;
    int line;
  };

  conformance_test(conformance_case which, std::shared_ptr<const source> from)
      : which_(which), from_(std::move(from)) {}

  void TestBody() override {
    if (which_.name.starts_with("Random")) {
      std::printf("seed %llu\n", static_cast<unsigned long long>(from_->options.seed));
    }
    const case_report report = run_case(which_, from_->make_harness, from_->options);
    for (const std::string& finding : report.findings) {
      ADD_FAILURE_AT(from_->file, from_->line) << which_.statement << "\n  " << finding;
    }
    if (!report.skipped.empty()) GTEST_SKIP() << report.skipped;
  }

 private:
  conformance_case which_;
  std::shared_ptr<const source> from_;
};

}  // namespace detail

/// Registers every case as a test of the suite `<name>/Conformance`; to be called before
/// RUN_ALL_TESTS(), once a name. `file` and `line` are where failures are shown. True.
inline bool register_conformance(const char* name, const char* file, int line,
                                 harness_factory make_harness, conformance_options options = {}) {
  using test = detail::conformance_test;
  const auto from = std::make_shared<const test::source>(
      test::source{std::move(make_harness), options, file, line});
  const std::string suite = std::string(name) + "/Conformance";
  for (const conformance_case& each : conformance_cases()) {
    testing::RegisterTest(suite.c_str(), std::string(each.name).c_str(), nullptr, nullptr, file,
                          line, [each, from] { return new test(each, from); });
  }
  return true;
}

}  // namespace parley::idempotency_testing

/// PARLEY_IDEMPOTENCY_CONFORMANCE(Name, make_harness [, options]), outside any function. Name is in
/// PascalCase; make_harness becomes a harness_factory, options are conformance_options.
#define PARLEY_IDEMPOTENCY_CONFORMANCE(Name, ...)                \
  [[maybe_unused]] static const bool parley_conformance_##Name = \
      ::parley::idempotency_testing::register_conformance(#Name, __FILE__, __LINE__, __VA_ARGS__)

#endif  // PARLEY_IDEMPOTENCY_TESTING_SUITE_HPP
