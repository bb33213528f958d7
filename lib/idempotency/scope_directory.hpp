// SPDX-License-Identifier: Apache-2.0
//
// The scopes that have records, each with its budget. A scope goes with the last of its records.

#ifndef PARLEY_LIB_IDEMPOTENCY_SCOPE_DIRECTORY_HPP
#define PARLEY_LIB_IDEMPOTENCY_SCOPE_DIRECTORY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

#include "idempotency/budget.hpp"
#include "idempotency/digest_index.hpp"
#include "idempotency/slab.hpp"
#include "parley/idempotency/record.hpp"

namespace parley::idempotency::detail {

/// Why an operation finds no place.
enum class shortage : std::uint8_t { none, full, scope_full, too_large, out_of_memory };

/// What one lock guards of a budget: what was drawn and not used, and what is used.
struct account {
  explicit account(budget& b) noexcept : of(b) {}

  bool take(amount need) noexcept {
    if (!of.take(purse, need)) return false;
    used.entries += need.entries;
    used.bytes += need.bytes;
    return true;
  }
  bool take_bytes(std::size_t bytes) noexcept {
    return take({.bytes = static_cast<std::int64_t>(bytes)});
  }
  void give(amount back) noexcept {
    used.entries -= back.entries;
    used.bytes -= back.bytes;
    of.give(purse, back);
  }
  void give_bytes(std::size_t bytes) noexcept { give({.bytes = static_cast<std::int64_t>(bytes)}); }
  void return_purse() noexcept { of.return_all(purse); }

  budget& of;
  amount purse;
  amount used;
};

/// Grows `what` by as many steps as it needs, and pays for them. Its state is as before each step
/// that fails.
template <class What, class... Args>
shortage make_room(account& payer, What& what, const auto& grow, const Args&... args) noexcept {
  while (!what.has_room(args...)) {
    const std::size_t bytes = what.growth_bytes(args...);
    if (!payer.take_bytes(bytes)) return shortage::full;
    if (!grow()) {
      payer.give_bytes(bytes);
      return shortage::out_of_memory;
    }
  }
  return shortage::none;
}

struct scope_entry {
  scope_entry(const digest& name, amount cap, unsigned shards) noexcept
      : scope(name), quota(cap, shards) {}

  digest scope;
  budget quota;
  std::uint32_t users = 0;  // shards in which it has records
  std::uint32_t place = no_place;
};

/// Thread-safe; its locks are the innermost.
class scope_directory {
 public:
  scope_directory(budget& whole, amount quota, unsigned shards) noexcept
      : quota_(quota),
        shards_(shards),
        parts_{part(whole), part(whole), part(whole), part(whole)} {}
  ~scope_directory() = default;
  scope_directory(const scope_directory&) = delete;
  scope_directory& operator=(const scope_directory&) = delete;

  const amount& quota() const noexcept { return quota_; }

  shortage acquire(const digest& scope, scope_entry*& entry) noexcept {
    const std::uint64_t hash = hash_of(scope);
    part& in = part_of(hash);
    const std::lock_guard lock(in.mutex);
    auto& entries = in.entries;
    std::uint32_t place = in.index.find(
        hash, [&](std::uint32_t candidate) { return entries[candidate].scope == scope; });
    if (place == no_place) {
      const auto hash_at = [&](std::uint32_t at) { return hash_of(entries[at].scope); };
      shortage lack = make_room(in.costs, entries, [&] { return entries.grow(); });
      if (lack == shortage::none) {
        lack = make_room(
            in.costs, in.index, [&] { return in.index.grow(hash, hash_at); }, hash);
      }
      in.costs.return_purse();
      if (lack != shortage::none) return lack;
      place = entries.take();
      if (place >= in.index.places_max()) {
        in.costs.give_bytes(entries.put(place));
        return shortage::full;
      }
      new (&entries[place]) scope_entry(scope, quota_, shards_);
      entries[place].place = place;
      in.index.insert(hash, place);
    }
    entry = &entries[place];
    ++entry->users;
    return shortage::none;
  }

  void release(scope_entry& entry) noexcept {
    const std::uint64_t hash = hash_of(entry.scope);
    part& in = part_of(hash);
    const std::lock_guard lock(in.mutex);
    if (--entry.users != 0) return;
    const std::uint32_t place = entry.place;
    in.index.erase(hash, place);
    entry.~scope_entry();
    in.costs.give_bytes(in.entries.put(place));
    in.costs.return_purse();
  }

  std::int64_t bytes() noexcept {
    std::int64_t sum = 0;
    for (part& each : parts_) {
      const std::lock_guard lock(each.mutex);
      sum += each.costs.used.bytes;
    }
    return sum;
  }

 private:
  struct alignas(64) part {
    explicit part(budget& whole) noexcept : costs(whole) {}
    std::mutex mutex;
    slab<scope_entry> entries;
    digest_index index{22};
    account costs;
  };

  part& part_of(std::uint64_t hash) noexcept { return parts_[hash >> 62]; }

  const amount quota_;
  const unsigned shards_;
  std::array<part, 4> parts_;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_SCOPE_DIRECTORY_HPP
