// SPDX-License-Identifier: Apache-2.0
//
// Counts calls of operator new, which allocations.cpp replaces in the program of the tests. It is a
// file of its own: where compilers see both sides of the replacement they warn of a mismatch.

#ifndef PARLEY_TESTS_IDEMPOTENCY_ASIO_ALLOCATIONS_HPP
#define PARLEY_TESTS_IDEMPOTENCY_ASIO_ALLOCATIONS_HPP

#include <cstddef>

namespace parley::idempotency_asio {

// Calls by this thread so far.
std::size_t allocations() noexcept;

}  // namespace parley::idempotency_asio

#endif  // PARLEY_TESTS_IDEMPOTENCY_ASIO_ALLOCATIONS_HPP
