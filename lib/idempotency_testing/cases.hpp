// SPDX-License-Identifier: Apache-2.0
//
// The cases, by subject. Each is a function from a context; its row says what it shows.

#ifndef PARLEY_LIB_IDEMPOTENCY_TESTING_CASES_HPP
#define PARLEY_LIB_IDEMPOTENCY_TESTING_CASES_HPP

#include <span>

#include "parley/idempotency_testing/conformance.hpp"

namespace parley::idempotency_testing::detail {

std::span<const conformance_case> claim_cases() noexcept;      // who may run
std::span<const conformance_case> end_cases() noexcept;        // complete, release, replay
std::span<const conformance_case> lease_cases() noexcept;      // leases, takeover, fences
std::span<const conformance_case> mark_cases() noexcept;       // mark, abandoned
std::span<const conformance_case> time_cases() noexcept;       // how long records live
std::span<const conformance_case> operation_cases() noexcept;  // limits, cancel, shutdown, done()
std::span<const conformance_case> thread_cases() noexcept;     // competing threads
std::span<const conformance_case> reopen_cases() noexcept;     // what is kept on disk
std::span<const conformance_case> random_cases() noexcept;     // against the model

}  // namespace parley::idempotency_testing::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_TESTING_CASES_HPP
