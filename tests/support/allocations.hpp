// SPDX-License-Identifier: Apache-2.0
//
// Counts calls of operator new and makes one fail; allocations.cpp replaces it in the program of
// tests that builds it in. It is a file of its own: where compilers see both sides of the
// replacement they warn of a mismatch.

#ifndef PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP
#define PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP

#include <cstddef>

namespace parley::testing_support {

/// Calls by this thread so far.
std::size_t allocations() noexcept;

/// Makes the `nth` call by this thread from now on fail, and no other. One at a time.
class failing_allocation {
 public:
  explicit failing_allocation(std::size_t nth) noexcept;
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;
  ~failing_allocation();
  bool has_failed() const noexcept { return allocations() >= at_; }

 private:
  const std::size_t at_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_SUPPORT_ALLOCATIONS_HPP
