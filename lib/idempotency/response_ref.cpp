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
  return copy_of({bytes});
}

response_ref response_ref::copy_of(
    std::initializer_list<std::span<const std::byte>> pieces) noexcept {
  response_ref made;
  std::size_t size = 0;
  for (const auto& piece : pieces) {
    if (piece.size() > static_cast<std::size_t>(-1) - sizeof(block) - size) return made;
    size += piece.size();
  }
  void* memory = ::operator new(sizeof(block) + size, std::nothrow);
  if (memory == nullptr) return made;
  made.block_ = new (memory) block{1, size};
  std::byte* out = made.block_->bytes();
  for (const auto& piece : pieces) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  }
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
