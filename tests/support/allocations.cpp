// SPDX-License-Identifier: Apache-2.0
#include "support/allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t calls = 0;
thread_local std::size_t fails_at = 0;  // 0: none

void* allocate(std::size_t size) noexcept {
  return ++calls == fails_at ? nullptr : std::malloc(size == 0 ? 1 : size);
}

}  // namespace

namespace parley::testing_support {

std::size_t allocations() noexcept { return calls; }

failing_allocation::failing_allocation(std::size_t nth) noexcept : at_(calls + nth) {
  fails_at = at_;
}
failing_allocation::~failing_allocation() { fails_at = 0; }

}  // namespace parley::testing_support

void* operator new(std::size_t size) {
  if (void* const block = allocate(size)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
