// SPDX-License-Identifier: Apache-2.0
//
// Counts calls of operator new, which allocations.cpp replaces in the program of tests that builds
// it in. It is a file of its own: where compilers see both sides of the replacement they warn of a
// mismatch.

#ifndef PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP
#define PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP

#include <cstddef>

namespace parley::testing_support {

/// Calls by this thread so far.
std::size_t allocations() noexcept;

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP
