// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/response_ref.hpp"

#include <atomic>
#include <cstring>
#include <new>

namespace parley::idempotency {

// The bytes follow the header in the same allocation.
struct response_ref::block {
  std::atomic<std::size_t> references;
  std::size_t size;

  std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

response_ref response_ref::copy_of(std::span<const std::byte> bytes) noexcept {
  response_ref made;
  if (bytes.size() > static_cast<std::size_t>(-1) - sizeof(block)) return made;
  void* memory = ::operator new(sizeof(block) + bytes.size(), std::nothrow);
  if (memory == nullptr) return made;
  made.block_ = new (memory) block{1, bytes.size()};
  if (!bytes.empty()) std::memcpy(made.block_->bytes(), bytes.data(), bytes.size());
  return made;
}

response_ref::response_ref(const response_ref& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
}

response_ref::~response_ref() {
  if (block_ == nullptr) return;
  // Acquire and release: the last to go must see that all others have finished reading.
  if (block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block_->~block();
  ::operator delete(block_);
}

std::span<const std::byte> response_ref::bytes() const noexcept {
  if (block_ == nullptr) return {};
  return {block_->bytes(), block_->size};
}

}  // namespace parley::idempotency
