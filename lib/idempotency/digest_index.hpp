// SPDX-License-Identifier: Apache-2.0
//
// Finds the place of a digest: extendible hashing, over open tables of at most 1,024 entries of 32
// bits. Growing splits one table, so that no operation waits for more than some 800 entries.
//
// An entry is a place + 1, and above it bits of the hash. Their lowest ten name the entry's home in
// its table, so that a removal shifts entries back, without a look at what they stand for.

#ifndef PARLEY_LIB_IDEMPOTENCY_DIGEST_INDEX_HPP
#define PARLEY_LIB_IDEMPOTENCY_DIGEST_INDEX_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "idempotency/slab.hpp"
#include "parley/idempotency/record.hpp"

namespace parley::idempotency::detail {

/// A digest of ours is as good as random. The few steps more are for users who pass numbers.
inline std::uint64_t hash_of(const digest& d) noexcept {
  std::uint64_t half[2];
  std::memcpy(half, d.bytes.data(), sizeof(half));
  std::uint64_t h = (half[0] ^ std::rotl(half[1], 29)) * 0x9e37'79b9'7f4a'7c15;
  h = (h ^ (h >> 32)) * 0xd6e8'feb8'6659'fd93;
  return h ^ (h >> 29);
}

/// The highest bits of a hash choose the shard, the next the table, the lowest the entry.
inline constexpr unsigned hash_shard_bits = 10;

class digest_index {
 public:
  /// Places stay below 2^place_bits - 1; at most 22 bits.
  explicit digest_index(unsigned place_bits) noexcept : place_bits_(place_bits) {}
  digest_index(digest_index&& other) noexcept
      : tables_(std::exchange(other.tables_, nullptr)),
        place_bits_(other.place_bits_),
        depth_(std::exchange(other.depth_, 0)) {}
  digest_index& operator=(digest_index&&) = delete;
  ~digest_index() {
    if (tables_ == nullptr) return;
    for (std::size_t i = 0; i < std::size_t{1} << depth_;) {
      const std::size_t next = i + (std::size_t{1} << (depth_ - tables_[i]->depth));
      ::operator delete(tables_[i]);
      i = next;
    }
    ::operator delete(tables_);
  }

  std::uint32_t places_max() const noexcept { return (std::uint32_t{1} << place_bits_) - 1; }

  void prefetch(std::uint64_t hash) const noexcept {
    if (tables_ == nullptr) return;
    const table& in = *tables_[table_of(hash)];
    __builtin_prefetch(&in.slots()[hash & in.mask()]);
  }

  /// The place for which `matches(place)`, or no_place.
  template <class Matches>
  std::uint32_t find(std::uint64_t hash, Matches matches) const noexcept {
    if (tables_ == nullptr) return no_place;
    const table& in = *tables_[table_of(hash)];
    const std::uint32_t tag = tag_of(hash);
    for (std::uint32_t at = static_cast<std::uint32_t>(hash) & in.mask();;
         at = (at + 1) & in.mask()) {
      const std::uint32_t entry = in.slots()[at];
      if (entry == 0) return no_place;
      const std::uint32_t place = (entry & places_max()) - 1;
      if ((entry & ~places_max()) == tag && matches(place)) return place;
    }
  }

  /// Whether insert() may be called.
  bool has_room(std::uint64_t hash) const noexcept {
    return tables_ != nullptr && tables_[table_of(hash)]->has_room();
  }
  /// What one grow() would allocate. It may take several until there is room.
  std::size_t growth_bytes(std::uint64_t hash) const noexcept {
    if (tables_ == nullptr) return sizeof(table*) + table_bytes(log_slots_min);
    const table& full = *tables_[table_of(hash)];
    if (full.log_slots < log_slots_max) {
      return table_bytes(full.log_slots + 1u) - table_bytes(full.log_slots);
    }
    return table_bytes(log_slots_max) +
           (full.depth == depth_ ? (std::size_t{1} << depth_) * sizeof(table*) : 0);
  }
  /// False: there is no memory, and nothing has changed. `hash_at(place)` is the hash of a place.
  template <class HashAt>
  bool grow(std::uint64_t hash, HashAt hash_at) noexcept {
    if (tables_ == nullptr) return start();
    table& full = *tables_[table_of(hash)];
    return full.log_slots < log_slots_max ? enlarge(hash) : split(hash, hash_at);
  }

  void insert(std::uint64_t hash, std::uint32_t place) noexcept {
    tables_[table_of(hash)]->add(tag_of(hash) | (place + 1), place_bits_);
  }

  void erase(std::uint64_t hash, std::uint32_t place) noexcept {
    table& from = *tables_[table_of(hash)];
    const std::uint32_t mask = from.mask();
    std::uint32_t* const slots = from.slots();
    std::uint32_t gap = static_cast<std::uint32_t>(hash) & mask;
    while (slots[gap] != (tag_of(hash) | (place + 1))) gap = (gap + 1) & mask;
    for (std::uint32_t at = gap;;) {
      at = (at + 1) & mask;
      if (slots[at] == 0) break;
      const std::uint32_t home = (slots[at] >> place_bits_) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;  // its way does not cross the gap
      slots[gap] = slots[at];
      gap = at;
    }
    slots[gap] = 0;
    --from.used;
  }

 private:
  struct table {
    std::uint8_t depth;  // how many bits of the hash its entries share
    std::uint8_t log_slots;
    std::uint16_t used;

    std::uint32_t* slots() noexcept { return reinterpret_cast<std::uint32_t*>(this + 1); }
    const std::uint32_t* slots() const noexcept {
      return reinterpret_cast<const std::uint32_t*>(this + 1);
    }
    std::uint32_t mask() const noexcept { return (std::uint32_t{1} << log_slots) - 1; }
    // Three quarters: a search that finds nothing then looks at no more than 9 entries on average.
    bool has_room() const noexcept { return (used + 1u) * 4 <= (mask() + 1) * 3; }
    void add(std::uint32_t entry, unsigned place_bits) noexcept {
      std::uint32_t at = (entry >> place_bits) & mask();
      while (slots()[at] != 0) at = (at + 1) & mask();
      slots()[at] = entry;
      ++used;
    }
  };
  static constexpr unsigned log_slots_min = 5;
  static constexpr unsigned log_slots_max = 10;
  static constexpr unsigned depth_max = 24;

  static std::size_t table_bytes(unsigned log_slots) noexcept {
    return sizeof(table) + (sizeof(std::uint32_t) << log_slots);
  }
  static table* make_table(unsigned depth, unsigned log_slots) noexcept {
    void* memory = ::operator new(table_bytes(log_slots), std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* made = new (memory)
        table{static_cast<std::uint8_t>(depth), static_cast<std::uint8_t>(log_slots), 0};
    std::fill_n(made->slots(), std::size_t{1} << log_slots, 0u);
    return made;
  }
  std::size_t table_of(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>(((hash << hash_shard_bits) >> 1) >> (63 - depth_));
  }
  std::uint32_t tag_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash << place_bits_);
  }

  bool start() noexcept {
    auto** tables = static_cast<table**>(::operator new(sizeof(table*), std::nothrow));
    table* first = tables == nullptr ? nullptr : make_table(0, log_slots_min);
    if (first == nullptr) {
      ::operator delete(tables);
      return false;
    }
    tables_ = tables;
    tables_[0] = first;
    return true;
  }

  // Only the first table is ever small: it has no siblings yet.
  bool enlarge(std::uint64_t hash) noexcept {
    table*& at = tables_[table_of(hash)];
    table* made = make_table(at->depth, at->log_slots + 1u);
    if (made == nullptr) return false;
    std::for_each_n(at->slots(), at->mask() + 1, [&](std::uint32_t entry) {
      if (entry != 0) made->add(entry, place_bits_);
    });
    ::operator delete(std::exchange(at, made));
    return true;
  }

  template <class HashAt>
  bool split(std::uint64_t hash, HashAt hash_at) noexcept {
    table& low = *tables_[table_of(hash)];
    if (low.depth == depth_max) return false;
    table* const high = make_table(low.depth + 1u, log_slots_max);
    if (high == nullptr) return false;
    if (low.depth == depth_ && !double_directory()) {
      ::operator delete(high);
      return false;
    }
    ++low.depth;
    const std::size_t run = std::size_t{1} << (depth_ - low.depth);
    const std::size_t first_high = (table_of(hash) & ~(2 * run - 1)) + run;
    std::fill_n(tables_ + first_high, run, high);

    std::uint32_t entries[std::size_t{1} << log_slots_max];
    std::size_t count = 0;
    std::for_each_n(low.slots(), low.mask() + 1, [&](std::uint32_t& entry) {
      if (entry != 0) entries[count++] = std::exchange(entry, 0);
    });
    low.used = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t moved = hash_at((entries[i] & places_max()) - 1);
      tables_[table_of(moved)]->add(entries[i], place_bits_);
    }
    return true;
  }

  bool double_directory() noexcept {
    const std::size_t size = std::size_t{1} << depth_;
    auto** made = static_cast<table**>(::operator new(2 * size * sizeof(table*), std::nothrow));
    if (made == nullptr) return false;
    for (std::size_t i = 0; i < size; ++i) made[2 * i] = made[2 * i + 1] = tables_[i];
    ::operator delete(std::exchange(tables_, made));
    ++depth_;
    return true;
  }

  table** tables_ = nullptr;
  unsigned place_bits_;
  unsigned depth_ = 0;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_DIGEST_INDEX_HPP
