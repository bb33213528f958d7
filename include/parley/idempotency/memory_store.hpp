// SPDX-License-Identifier: Apache-2.0
//
// Records in this process's memory: for one process, for tests, and as the measure of what a store
// costs.
//
//   auto records = idempotency::make_memory_store({.entries_max = 1'000'000});
//   if (!records) return fail(records.error());
//
// Every operation finishes at once (its start gives true). Thread-safe. A restart forgets
// everything: a retry that comes after it runs again.
//
// There is no sweeper: an operation forgets at most two records that have ended, one that finds no
// room some more. Tables are allocated as records come and grow in steps of a few microseconds;
// what falls empty is given back.

#ifndef PARLEY_IDEMPOTENCY_MEMORY_STORE_HPP
#define PARLEY_IDEMPOTENCY_MEMORY_STORE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "parley/core/result.hpp"
#include "parley/idempotency/export.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::idempotency {

struct memory_store_options {
  /// Records at most; 1 to 2^31, and to 2^21 for each of the shards. Full of running claims and
  /// unexpired records the store refuses with `full`: it never forgets one of those.
  std::size_t entries_max = 1'000'000;
  /// Bytes at most, of tables, texts and responses, an allocator's rounding included. At least 1
  /// MiB, and 16 KiB for each of the shards. A record takes about 140 bytes, and its response.
  std::size_t bytes_max = std::size_t{1} << 30;
  /// A scope may use this part of either cap: one of `scope_share`, rounded up. 1: all of it, and
  /// scopes are not counted. Above: `scope_full`. Leaves at least 4 KiB of bytes_max for a scope,
  /// which itself takes about 70 bytes in each shard where it has records.
  unsigned scope_share = 8;
  /// A power of two from 1 to 1,024; each has a lock of its own.
  unsigned shards = 64;
  /// Judges leases and retentions. Called from any thread and with no lock held; must not throw.
  /// Where it goes back, records live longer. Empty: std::chrono::steady_clock.
  std::function<std::chrono::steady_clock::time_point()> clock = {};
};

/// What a memory store holds: exact where no operation runs beside, else added up shard by shard.
struct memory_store_stats {
  std::size_t entries = 0;  ///< expired ones too, until their place is needed
  std::size_t bytes = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t refused_scope_full = 0;
};

class PARLEY_IDEMPOTENCY_EXPORT memory_store : public store {
 public:
  virtual memory_store_stats stats() const = 0;
  /// Forgets every record; claims that run are `gone` to their holders. The shards go one after
  /// another.
  virtual void clear() noexcept = 0;
};

/// Fails with a sentence where the options contradict each other or break a limit.
PARLEY_IDEMPOTENCY_EXPORT result<std::unique_ptr<memory_store>, std::string> make_memory_store(
    memory_store_options options = {});

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_MEMORY_STORE_HPP
