// SPDX-License-Identifier: Apache-2.0
//
// The records of a shard by the time of their end. Retentions are few as a rule, and of equal ones
// the later begun is the later to end: each of the first few has a list, in which a record stands
// behind those filed before. What fits in no list goes into a heap.

#ifndef PARLEY_LIB_IDEMPOTENCY_EXPIRY_ORDER_HPP
#define PARLEY_LIB_IDEMPOTENCY_EXPIRY_ORDER_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "idempotency/slab.hpp"

namespace parley::idempotency::detail {

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// `T` has the fields expires, next, prev and filed_in, of which the last three are ours.
template <class T>
class expiry_order {
 public:
  expiry_order() = default;
  expiry_order(expiry_order&& other) noexcept { swap(other); }
  expiry_order& operator=(expiry_order&&) = delete;
  ~expiry_order() { ::operator delete(heap_); }

  /// The time of the first end, and whose it is; never and no_place.
  std::int64_t earliest() const noexcept { return earliest_; }
  std::uint32_t first() const noexcept { return first_; }

  /// Whether file() may be called.
  bool has_room() const noexcept { return heap_size_ < heap_capacity_; }
  std::size_t growth_bytes() const noexcept {
    return (next_capacity() - heap_capacity_) * sizeof(heap_entry);
  }
  bool grow() noexcept {
    void* made = ::operator new(next_capacity() * sizeof(heap_entry), std::nothrow);
    if (made == nullptr) return false;
    if (heap_size_ != 0) std::memcpy(made, heap_, heap_size_ * sizeof(heap_entry));
    ::operator delete(heap_);
    heap_ = static_cast<heap_entry*>(made);
    heap_capacity_ = next_capacity();
    return true;
  }

  /// Files `place`, whose `expires` is set. `retention` only picks the list: a wrong one is slow.
  void file(slab<T>& all, std::uint32_t place, std::int64_t retention) noexcept {
    list* const in = find_list(retention);
    if (in == nullptr || !append(all, *in, place)) push(all, place);
    find_first();
  }

  void remove(slab<T>& all, std::uint32_t place) noexcept {
    T& out = all[place];
    if (out.filed_in == in_heap) {
      drop(all, out.prev);
    } else {
      list& from = lists_[out.filed_in];
      (out.next != no_place ? all[out.next].prev : from.tail) = out.prev;
      if (out.prev != no_place) {
        all[out.prev].next = out.next;
      } else {
        from.head = out.next;
        from.head_expires = out.next == no_place ? never : all[out.next].expires;
      }
    }
    find_first();
  }

 private:
  struct list {
    std::int64_t head_expires = never;
    std::int64_t retention = -1;
    std::uint32_t head = no_place;
    std::uint32_t tail = no_place;
  };
  struct heap_entry {
    std::int64_t expires;
    std::uint32_t place;
  };
  static constexpr std::uint8_t lists_max = 4;
  static constexpr std::uint8_t in_heap = lists_max;
  // Threads that read the clock before they lock arrive a little out of order.
  static constexpr int steps_max = 8;

  void swap(expiry_order& other) noexcept {
    std::swap(lists_, other.lists_);
    std::swap(earliest_, other.earliest_);
    std::swap(first_, other.first_);
    std::swap(heap_, other.heap_);
    std::swap(heap_size_, other.heap_size_);
    std::swap(heap_capacity_, other.heap_capacity_);
  }

  list* find_list(std::int64_t retention) noexcept {
    list* spare = nullptr;
    for (list& each : lists_) {
      if (each.retention == retention) return &each;
      if (each.head == no_place) spare = &each;
    }
    if (spare != nullptr) spare->retention = retention;
    return spare;
  }

  bool append(slab<T>& all, list& to, std::uint32_t place) noexcept {
    T& in = all[place];
    std::uint32_t before = to.tail;
    std::uint32_t behind = no_place;
    for (int steps = 0; before != no_place && all[before].expires > in.expires; ++steps) {
      if (steps == steps_max) return false;
      behind = before;
      before = all[before].prev;
    }
    in.filed_in = static_cast<std::uint8_t>(&to - lists_);
    in.prev = before;
    in.next = behind;
    (behind != no_place ? all[behind].prev : to.tail) = place;
    if (before != no_place) {
      all[before].next = place;
    } else {
      to.head = place;
      to.head_expires = in.expires;
    }
    return true;
  }

  void find_first() noexcept {
    earliest_ = heap_size_ == 0 ? never : heap_[0].expires;
    first_ = heap_size_ == 0 ? no_place : heap_[0].place;
    for (const list& each : lists_) {
      if (each.head == no_place || each.head_expires > earliest_) continue;
      earliest_ = each.head_expires;
      first_ = each.head;
    }
  }

  // A binary heap; `prev` of a record in it is its position.

  std::uint32_t next_capacity() const noexcept {
    return heap_capacity_ == 0 ? 8 : heap_capacity_ * 2;
  }
  void set(slab<T>& all, std::uint32_t at, heap_entry entry) noexcept {
    heap_[at] = entry;
    all[entry.place].prev = at;
  }
  void push(slab<T>& all, std::uint32_t place) noexcept {
    all[place].filed_in = in_heap;
    all[place].next = no_place;
    rise(all, heap_size_++, {all[place].expires, place});
  }
  void rise(slab<T>& all, std::uint32_t at, heap_entry entry) noexcept {
    for (; at != 0 && heap_[(at - 1) / 2].expires > entry.expires; at = (at - 1) / 2) {
      set(all, at, heap_[(at - 1) / 2]);
    }
    set(all, at, entry);
  }
  void drop(slab<T>& all, std::uint32_t at) noexcept {
    const heap_entry last = heap_[--heap_size_];
    if (at == heap_size_) return;
    if (at != 0 && heap_[(at - 1) / 2].expires > last.expires) return rise(all, at, last);
    for (;;) {
      std::size_t child = std::size_t{at} * 2 + 1;
      if (child + 1 < heap_size_ && heap_[child + 1].expires < heap_[child].expires) ++child;
      if (child >= heap_size_ || heap_[child].expires >= last.expires) break;
      set(all, at, heap_[child]);
      at = static_cast<std::uint32_t>(child);
    }
    set(all, at, last);
  }

  list lists_[lists_max];
  std::int64_t earliest_ = never;
  std::uint32_t first_ = no_place;
  std::uint32_t heap_size_ = 0;
  std::uint32_t heap_capacity_ = 0;
  heap_entry* heap_ = nullptr;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_EXPIRY_ORDER_HPP
