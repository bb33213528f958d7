// SPDX-License-Identifier: Apache-2.0
//
// The cases that a store must pass, as functions. suite.hpp makes GoogleTest tests of them; another
// test framework can do the same with what stands here.
//
//   for (const conformance_case& each : conformance_cases()) {
//     const case_report report = run_case(each, make_my_harness);
//     for (const std::string& finding : report.findings) complain(each.name, finding);
//   }

#ifndef PARLEY_IDEMPOTENCY_TESTING_CONFORMANCE_HPP
#define PARLEY_IDEMPOTENCY_TESTING_CONFORMANCE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parley/idempotency_testing/export.hpp"
#include "parley/idempotency_testing/harness.hpp"

namespace parley::idempotency_testing {

namespace detail {
class context;
}

/// What the harness must be able to do for a case; where it is not, the case is skipped.
enum class case_need : std::uint8_t {
  nothing = 1,
  clock,         ///< let time pass
  manual_clock,  ///< to the millisecond
  reopen,
};

struct conformance_case {
  std::string_view name;       ///< "FirstClaimIsClaimed"
  std::string_view statement;  ///< what is promised, in a sentence
  case_need need = case_need::nothing;
  void (*run)(detail::context&) = nullptr;  ///< for run_case()
};

/// All of them, in the order of the guide. Names are unique, and stay as they are.
PARLEY_IDEMPOTENCY_TESTING_EXPORT std::vector<conformance_case> conformance_cases();

struct conformance_options {
  /// Of all that is random. A finding of a random case names it: the same seed does the same again.
  std::uint64_t seed = 1;
  /// Operations of the case RandomOperationsMatchTheModel.
  std::size_t random_operations = 4'000;
  /// Of the cases in which threads compete.
  std::size_t threads = 64;
  /// An operation that takes longer has failed.
  std::chrono::milliseconds operation_timeout{10'000};
};

struct case_report {
  std::vector<std::string> findings;  ///< what is wrong with the store, a sentence each
  std::string skipped;                ///< why the case was not run; empty: it was
};

/// Never throws for what the store or the harness does. If an operation never ends, not even by
/// shutdown(), the harness and its store are leaked, for they may still use it.
PARLEY_IDEMPOTENCY_TESTING_EXPORT case_report run_case(const conformance_case& which,
                                                       const harness_factory& make_harness,
                                                       const conformance_options& options = {});

}  // namespace parley::idempotency_testing

#endif  // PARLEY_IDEMPOTENCY_TESTING_CONFORMANCE_HPP
