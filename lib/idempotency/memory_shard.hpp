// SPDX-License-Identifier: Apache-2.0
//
// A shard of the memory store: its records, and what finds, orders and counts them. What an
// operation does to a record is decided elsewhere (record.hpp, memory_store.cpp).

#ifndef PARLEY_LIB_IDEMPOTENCY_MEMORY_SHARD_HPP
#define PARLEY_LIB_IDEMPOTENCY_MEMORY_SHARD_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "idempotency/budget.hpp"
#include "idempotency/digest_index.hpp"
#include "idempotency/expiry_order.hpp"
#include "idempotency/memory_record.hpp"
#include "idempotency/scope_directory.hpp"
#include "idempotency/slab.hpp"
#include "parley/idempotency/record.hpp"
#include "parley/idempotency/response_ref.hpp"

namespace parley::idempotency::detail {

/// Responses of records that are gone, kept until the lock is released: to free one may take long.
class leftovers {
 public:
  static constexpr unsigned max = 18;

  leftovers() = default;
  ~leftovers() {
    for (unsigned i = 0; i < size_; ++i) kept_[i].response.~response_ref();
  }
  leftovers(const leftovers&) = delete;
  leftovers& operator=(const leftovers&) = delete;

  void add(response_ref response) noexcept {
    new (&kept_[size_++].response) response_ref(std::move(response));
  }

 private:
  // Not constructed: most operations have none.
  union place {
    place() noexcept {}
    ~place() {}
    response_ref response;
  };
  place kept_[max];
  unsigned size_ = 0;
};

/// Everything but the mutex and `earliest` is guarded by the mutex.
class alignas(64) shard {
 public:
  /// `scopes` null: no quotas.
  shard(budget& whole, scope_directory* scopes, unsigned place_bits) noexcept
      : costs_(whole), scopes_(scopes), index_(place_bits), uses_index_(place_bits) {}
  ~shard() { destroy_all(records_); }

  std::mutex mutex;
  /// When the first record ends, for those who do not hold the lock.
  std::atomic<std::int64_t> earliest{never};

  const amount& used() const noexcept { return costs_.used; }
  record& operator[](std::uint32_t place) noexcept { return records_[place]; }

  void prefetch(std::uint64_t hash) const noexcept { index_.prefetch(hash); }
  void prefetch_scope(const digest& scope) const noexcept {
    if (scopes_ != nullptr) uses_index_.prefetch(hash_of(scope));
  }

  /// Forgets at most `count` records that have ended; how many it were.
  unsigned reclaim(std::int64_t now, unsigned count, leftovers& out) noexcept {
    unsigned done = 0;
    for (; done < count && order_.earliest() <= now; ++done) erase(order_.first(), out);
    return done;
  }

  /// The place of a record that has not ended, or no_place. One that has is forgotten.
  std::uint32_t find(std::uint64_t hash, const digest& key, std::int64_t now,
                     leftovers& out) noexcept {
    const std::uint32_t place = index_.find(hash, [&](std::uint32_t candidate) {
      const record& at = records_[candidate];
      __builtin_prefetch(&at.fence);  // the second line
      return at.key == key;
    });
    if (place == no_place || now < records_[place].expires) return place;
    erase(place, out);
    return no_place;
  }

  /// Makes a record that is to be filed, charged with `bytes` beside its own.
  shortage insert(std::uint64_t hash, const digest& key, const digest& scope, std::int64_t bytes,
                  std::uint32_t& place) noexcept {
    const auto hash_at = [&](std::uint32_t at) { return hash_of(records_[at].key); };
    shortage lack = make_room(costs_, records_, [&] { return records_.grow(); });
    if (lack == shortage::none) {
      lack = make_room(
          costs_, index_, [&] { return index_.grow(hash, hash_at); }, hash);
    }
    if (lack == shortage::none) lack = make_order_room();
    std::uint32_t use = no_place;
    if (lack == shortage::none) lack = charge_new(scope, bytes, use);
    if (lack != shortage::none) return lack;
    place = records_.take();
    if (place >= index_.places_max()) {
      costs_.give_bytes(records_.put(place));
      refund(use, {1, record_bytes + bytes}, {1, bytes});
      return shortage::full;
    }
    record& made = *new (&records_[place]) record;
    made.key = key;
    made.scope = use;
    index_.insert(hash, place);
    return shortage::none;
  }

  /// Pays for bytes that a record gains; negative: gets them back.
  shortage charge(const record& for_whom, std::int64_t bytes) noexcept {
    if (bytes <= 0) {
      refund(for_whom.scope, {0, -bytes}, {0, -bytes});
      return shortage::none;
    }
    scope_use* const use = scopes_ == nullptr ? nullptr : &uses_[for_whom.scope];
    if (use != nullptr && !use->of.take({0, bytes})) {
      note_scope_full(*use);
      return shortage::scope_full;
    }
    if (costs_.take({0, bytes})) return shortage::none;
    if (use != nullptr) use->of.give({0, bytes});
    return shortage::full;
  }

  shortage make_order_room() noexcept {
    return make_room(costs_, order_, [&] { return order_.grow(); });
  }
  /// There is room for it.
  void file(std::uint32_t place, std::int64_t expires, std::int64_t retention) noexcept {
    records_[place].expires = expires;
    order_.file(records_, place, retention);
  }
  void refile(std::uint32_t place, std::int64_t expires, std::int64_t retention) noexcept {
    order_.remove(records_, place);
    file(place, expires, retention);
  }

  /// At the end of an operation: tells `earliest`, and prefetches what the next reclaim() will
  /// touch. The record that is now first was prefetched when it was the second.
  void finish() noexcept {
    if (earliest.load(std::memory_order_relaxed) != order_.earliest()) {
      earliest.store(order_.earliest(), std::memory_order_relaxed);
    }
    const std::uint32_t first = order_.first();
    if (first == warm_ || first == no_place) return;
    warm_ = first;
    const record& at = records_[first];
    index_.prefetch(hash_of(at.key));
    if (at.scope != no_place) __builtin_prefetch(&uses_[at.scope], 1);
    if (at.state == record_state::completed) {
      const void* block = nullptr;
      static_assert(sizeof(block) == sizeof(at.response));
      std::memcpy(&block, static_cast<const void*>(&at.response), sizeof(block));
      __builtin_prefetch(block, 1);
    }
    if (at.next != no_place) {
      const record& next = records_[at.next];
      __builtin_prefetch(&next, 1);
      __builtin_prefetch(&next.fence, 1);
    }
  }

  /// What scope_full leaves for those who release the lock and then make room.
  struct full_scope {
    digest scope;
    bool are_returns_due = false;  ///< it has just become tight: see budget::tighten()
  };
  const full_scope& last_full_scope() const noexcept { return last_full_scope_; }
  void return_purse() noexcept { costs_.return_purse(); }
  void return_purse(const digest& scope) noexcept {
    if (scope_use* const use = find_use(hash_of(scope), scope)) use->of.return_purse();
  }

  /// Forgets every record. What they were is handed over, to be destroyed without the lock.
  slab<record> clear() noexcept {
    uses_.for_each([&](scope_use& use) { end_use(use); });
    // Into objects that end here: each gives its memory back.
    slab<record> records(std::move(records_));
    { const slab<scope_use> uses(std::move(uses_)); }
    { const digest_index index(std::move(index_)); }
    { const digest_index index(std::move(uses_index_)); }
    { const expiry_order<record> order(std::move(order_)); }
    costs_.give(costs_.used);
    costs_.return_purse();
    warm_ = no_place;
    earliest.store(never, std::memory_order_relaxed);
    return records;
  }
  static void destroy_all(slab<record>& records) noexcept {
    records.for_each([](record& each) { each.~record(); });
  }

  /// What a record is charged to its scope, beside its texts and its response.
  static constexpr std::int64_t record_bytes = sizeof(record) + 8;

 private:
  /// A scope that has records here. It names the scope itself: the entry may be in no cache.
  struct alignas(64) scope_use {
    explicit scope_use(scope_entry& e) noexcept : of(e.quota), entry(&e), scope(e.scope) {}
    account of;
    scope_entry* entry;
    digest scope;
  };
  static_assert(sizeof(void*) != 8 || sizeof(scope_use) == 64);

  scope_use* find_use(std::uint64_t hash, const digest& scope) noexcept {
    const std::uint32_t at = uses_index_.find(
        hash, [&](std::uint32_t candidate) { return uses_[candidate].scope == scope; });
    return at == no_place ? nullptr : &uses_[at];
  }

  void note_scope_full(scope_use& use) noexcept {
    last_full_scope_ = {use.scope, use.of.of.tighten()};
  }

  shortage charge_new(const digest& scope, std::int64_t bytes, std::uint32_t& use) noexcept {
    if (scopes_ == nullptr) return costs_.take({1, bytes}) ? shortage::none : shortage::full;
    const std::uint64_t hash = hash_of(scope);
    use = uses_index_.find(
        hash, [&](std::uint32_t candidate) { return uses_[candidate].scope == scope; });
    if (use == no_place) {
      const shortage lack = begin_use(hash, scope, use);
      if (lack != shortage::none) return lack;
    }
    scope_use& in = uses_[use];
    shortage lack = shortage::scope_full;
    if (in.of.take({1, record_bytes + bytes})) {
      if (costs_.take({1, bytes})) return shortage::none;
      in.of.give({1, record_bytes + bytes});
      lack = shortage::full;
    } else {
      note_scope_full(in);
    }
    drop_if_unused(use);
    return lack;
  }

  shortage begin_use(std::uint64_t hash, const digest& scope, std::uint32_t& use) noexcept {
    const auto hash_at = [&](std::uint32_t at) { return hash_of(uses_[at].scope); };
    shortage lack = make_room(costs_, uses_, [&] { return uses_.grow(); });
    if (lack == shortage::none) {
      lack = make_room(
          costs_, uses_index_, [&] { return uses_index_.grow(hash, hash_at); }, hash);
    }
    scope_entry* entry = nullptr;
    if (lack == shortage::none) lack = scopes_->acquire(scope, entry);
    if (lack != shortage::none) return lack;
    use = uses_.take();
    if (use >= uses_index_.places_max()) {
      costs_.give_bytes(uses_.put(use));
      scopes_->release(*entry);
      return shortage::full;
    }
    new (&uses_[use]) scope_use(*entry);
    uses_index_.insert(hash, use);
    return shortage::none;
  }

  void end_use(scope_use& use) noexcept {
    use.of.give(use.of.used);
    use.of.return_purse();
    scopes_->release(*use.entry);
    use.~scope_use();
  }

  void drop_if_unused(std::uint32_t use) noexcept {
    if (uses_[use].of.used.entries != 0) return;
    uses_index_.erase(hash_of(uses_[use].scope), use);
    end_use(uses_[use]);
    costs_.give_bytes(uses_.put(use));
  }

  void refund(std::uint32_t use, amount to_scope, amount to_whole) noexcept {
    costs_.give(to_whole);
    if (scopes_ == nullptr) return;
    uses_[use].of.give(to_scope);
    drop_if_unused(use);
  }

  void erase(std::uint32_t place, leftovers& out) noexcept {
    record& gone = records_[place];
    order_.remove(records_, place);
    index_.erase(hash_of(gone.key), place);
    std::int64_t bytes = gone.text_bytes();
    if (gone.state == record_state::completed) {
      bytes += response_bytes(gone.response);
      out.add(gone.take_response());
    }
    const std::uint32_t use = gone.scope;
    gone.~record();
    refund(use, {1, record_bytes + bytes},
           {1, bytes + static_cast<std::int64_t>(records_.put(place))});
  }

  account costs_;  // of the whole store's cap
  scope_directory* const scopes_;
  slab<record> records_;
  digest_index index_;
  expiry_order<record> order_;
  slab<scope_use> uses_;
  digest_index uses_index_;
  std::uint32_t warm_ = no_place;
  full_scope last_full_scope_;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_MEMORY_SHARD_HPP
