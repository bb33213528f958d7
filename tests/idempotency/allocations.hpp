// SPDX-License-Identifier: Apache-2.0
//
// memory_store_memory_test.cpp replaces operator new for the whole program of the tests: it counts,
// and fails when told to.

#ifndef PARLEY_TESTS_IDEMPOTENCY_ALLOCATIONS_HPP
#define PARLEY_TESTS_IDEMPOTENCY_ALLOCATIONS_HPP

#include <cstdint>

namespace parley::idempotency {

/// Of this thread: how many allocations still succeed. Negative: all.
void allow_allocations(std::int64_t count) noexcept;

}  // namespace parley::idempotency

#endif  // PARLEY_TESTS_IDEMPOTENCY_ALLOCATIONS_HPP
