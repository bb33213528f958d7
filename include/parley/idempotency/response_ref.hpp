// SPDX-License-Identifier: Apache-2.0
//
// A stored response: bytes that never change, shared by everybody who replays them.
//
//   const auto kept = response_ref::copy_of(encoded);
//   if (!kept) return out_of_memory;
//   send(kept.bytes());

#ifndef PARLEY_IDEMPOTENCY_RESPONSE_REF_HPP
#define PARLEY_IDEMPOTENCY_RESPONSE_REF_HPP

#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>

#include "parley/idempotency/export.hpp"

namespace parley::idempotency {

/// Reference-counted; null or a block of bytes, what they mean is the business of who stores them.
/// Copies share the block and may be used by different threads; it outlives the store it came from.
class PARLEY_IDEMPOTENCY_EXPORT response_ref {
 public:
  constexpr response_ref() noexcept = default;
  response_ref(const response_ref& other) noexcept;
  response_ref(response_ref&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  response_ref& operator=(response_ref other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~response_ref();

  /// One allocation; null where there is no memory. No bytes give a block of none, which is not
  /// null.
  static response_ref copy_of(std::span<const std::byte> bytes) noexcept;
  /// The same of several pieces, one after the other.
  static response_ref copy_of(std::initializer_list<std::span<const std::byte>> pieces) noexcept;

  explicit operator bool() const noexcept { return block_ != nullptr; }
  /// Empty where null. Lives as long as any copy of *this.
  std::span<const std::byte> bytes() const noexcept;

 private:
  struct block;
  block* block_ = nullptr;
};

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_RESPONSE_REF_HPP
