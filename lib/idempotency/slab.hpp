// SPDX-License-Identifier: Apache-2.0
//
// Places for objects, in chunks of 64 that never move, numbered by 32 bits. A chunk that falls
// empty is given back, but for the last one with free places.
//
// A place is raw memory: its user constructs the object after take() and destroys it before put().

#ifndef PARLEY_LIB_IDEMPOTENCY_SLAB_HPP
#define PARLEY_LIB_IDEMPOTENCY_SLAB_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace parley::idempotency::detail {

inline constexpr std::uint32_t no_place = 0xffff'ffff;

template <class T>
class slab {
 public:
  slab() = default;
  slab(slab&& other) noexcept
      : chunks_(std::exchange(other.chunks_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        with_room_(std::exchange(other.with_room_, no_place)),
        holes_(std::exchange(other.holes_, no_place)) {}
  slab& operator=(slab&&) = delete;
  ~slab() {
    for (std::uint32_t i = 0; i < size_; ++i) free_slots(chunks_[i].slots);
    ::operator delete(chunks_);
  }

  T& operator[](std::uint32_t place) noexcept {
    return chunks_[place / chunk_slots].slots[place % chunk_slots];
  }

  /// Whether take() may be called.
  bool has_room() const noexcept { return with_room_ != no_place; }
  /// What grow() would allocate.
  std::size_t growth_bytes() const noexcept {
    return chunk_bytes + (needs_capacity() ? (next_capacity() - capacity_) * sizeof(chunk) : 0);
  }
  /// False: there is no memory, and nothing has changed.
  bool grow() noexcept {
    if (needs_capacity() && !grow_capacity()) return false;
    void* slots = ::operator new (chunk_bytes, std::align_val_t{alignment}, std::nothrow);
    if (slots == nullptr) return false;
    std::uint32_t at = holes_;
    if (at == no_place) {
      at = size_++;
    } else {
      holes_ = chunks_[at].next;
    }
    chunks_[at].slots = static_cast<T*>(slots);
    chunks_[at].free = all_free;
    link(at);
    return true;
  }

  std::uint32_t take() noexcept {
    const std::uint32_t at = with_room_;
    chunk& from = chunks_[at];
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(from.free));
    from.free &= from.free - 1;
    if (from.free == 0) unlink(at);
    return at * chunk_slots + slot;
  }

  /// Returns the bytes that were given back to the system.
  std::size_t put(std::uint32_t place) noexcept {
    const std::uint32_t at = place / chunk_slots;
    chunk& to = chunks_[at];
    if (to.free == 0) link(at);
    to.free |= std::uint64_t{1} << (place % chunk_slots);
    const bool is_only = with_room_ == at && to.next == no_place;
    if (to.free != all_free || is_only) return 0;
    unlink(at);
    free_slots(std::exchange(to.slots, nullptr));
    to.next = holes_;
    holes_ = at;
    return chunk_bytes;
  }

  /// Calls `f` with each object.
  template <class F>
  void for_each(F f) noexcept {
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (chunks_[i].slots == nullptr) continue;
      for (std::uint64_t used = ~chunks_[i].free; used != 0; used &= used - 1) {
        f(chunks_[i].slots[std::countr_zero(used)]);
      }
    }
  }

 private:
  struct chunk {
    T* slots;
    std::uint64_t free;  // a bit a slot
    std::uint32_t next;  // of the chunks with room, or of the holes
    std::uint32_t prev;
  };
  static constexpr std::uint32_t chunk_slots = 64;
  static constexpr std::uint64_t all_free = ~std::uint64_t{0};
  static constexpr std::size_t chunk_bytes = chunk_slots * sizeof(T);
  static constexpr std::size_t alignment = alignof(T) > 64 ? alignof(T) : 64;

  static void free_slots(T* slots) noexcept {
    ::operator delete (static_cast<void*>(slots), std::align_val_t{alignment});
  }
  bool needs_capacity() const noexcept { return holes_ == no_place && size_ == capacity_; }
  std::uint32_t next_capacity() const noexcept { return capacity_ == 0 ? 2 : capacity_ * 2; }
  bool grow_capacity() noexcept {
    const std::uint32_t capacity = next_capacity();
    void* made = ::operator new(capacity * sizeof(chunk), std::nothrow);
    if (made == nullptr) return false;
    if (size_ != 0) std::memcpy(made, chunks_, size_ * sizeof(chunk));
    ::operator delete(chunks_);
    chunks_ = static_cast<chunk*>(made);
    capacity_ = capacity;
    return true;
  }
  void link(std::uint32_t at) noexcept {
    chunks_[at].prev = no_place;
    chunks_[at].next = with_room_;
    if (with_room_ != no_place) chunks_[with_room_].prev = at;
    with_room_ = at;
  }
  void unlink(std::uint32_t at) noexcept {
    const chunk& out = chunks_[at];
    if (out.next != no_place) chunks_[out.next].prev = out.prev;
    (out.prev != no_place ? chunks_[out.prev].next : with_room_) = out.next;
  }

  chunk* chunks_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t with_room_ = no_place;
  std::uint32_t holes_ = no_place;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_SLAB_HPP
