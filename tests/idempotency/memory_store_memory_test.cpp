// SPDX-License-Identifier: Apache-2.0
//
// The memory of a memory store: what it takes, that it comes back, and what happens where there is
// none. This program's operator new counts, and fails when told to.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "idempotency/allocations.hpp"
#include "idempotency/ops.hpp"
#include "parley/idempotency/memory_store.hpp"

namespace {

std::atomic<std::int64_t> blocks_held = 0;
std::atomic<std::int64_t> bytes_held = 0;
thread_local std::int64_t allocations_left = -1;

constexpr std::size_t header = 64;  // keeps every alignment that is asked for here

void* allocate(std::size_t size) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  void* const block = std::aligned_alloc(64, (size + header + 63) / 64 * 64);
  if (block == nullptr) return nullptr;
  *static_cast<std::size_t*>(block) = size;
  ++blocks_held;
  bytes_held += static_cast<std::int64_t>(size);
  return static_cast<std::byte*>(block) + header;
}
void* allocate_or_throw(std::size_t size) {
  if (void* const block = allocate(size)) return block;
  throw std::bad_alloc();
}
void deallocate(void* memory) noexcept {
  if (memory == nullptr) return;
  void* const block = static_cast<std::byte*>(memory) - header;
  --blocks_held;
  bytes_held -= static_cast<std::int64_t>(*static_cast<std::size_t*>(block));
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t) { return allocate_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { deallocate(memory); }
void operator delete(void* memory, std::size_t) noexcept { deallocate(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { deallocate(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { deallocate(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { deallocate(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  deallocate(memory);
}
void operator delete[](void* memory) noexcept { deallocate(memory); }
void operator delete[](void* memory, std::size_t) noexcept { deallocate(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { deallocate(memory); }

namespace parley::idempotency {

void allow_allocations(std::int64_t count) noexcept { allocations_left = count; }

namespace {

using ops::attempt;
using std::chrono::hours;
using std::chrono::milliseconds;

std::int64_t now_ms = 0;

std::unique_ptr<memory_store> make(memory_store_options options = {}) {
  options.clock = [] { return std::chrono::steady_clock::time_point(milliseconds(now_ms)); };
  auto made = make_memory_store(std::move(options));
  return made ? std::move(*made) : nullptr;
}

constexpr const char* long_id = "an operation id that is too long to stand inside of a record";

// Runs an operation with no memory, and again with one allocation more for as long as it lacks it.
template <class Op>
int run_starved(Op& op, memory_store& records) {
  for (int allowed = 0;; ++allowed) {
    op.failure = {};
    allow_allocations(allowed);
    op.run(records);
    allow_allocations(-1);
    if (op.failure.why != store_errc::out_of_memory || allowed == 100) return allowed;
    EXPECT_TRUE(op.failure.is_retryable);
    EXPECT_TRUE(op.failure.is_outcome_known);
  }
}

TEST(MemoryStoreOutOfMemory, IsAnAnswerAtEveryAllocation) {
  for (const unsigned share : {1u, 8u}) {
    const std::int64_t blocks_before = blocks_held;
    {
      const auto records = make({.scope_share = share, .shards = 1});
      int failures = 0;
      const response_ref body = ops::response("body");
      for (std::uint64_t key = 1; key <= 3000; ++key) {
        // Each with a retention of its own, so that the heap grows too.
        const attempt by = {.key = key,
                            .nonce = key,
                            .scope = key % 700,
                            .id = long_id,
                            .retention = milliseconds(86'400'000 + key)};
        blocking_op<claim_op> claim;
        ops::set(claim, by);
        failures += run_starved(claim, *records);
        ASSERT_EQ(claim.status, claim_status::claimed);
        ASSERT_EQ(claim.operation_id.view(), long_id);
        blocking_op<mark_op> mark;
        ops::set(mark, by);
        mark.note = "a note";
        failures += run_starved(mark, *records);
        ASSERT_EQ(mark.status, write_status::applied);
        blocking_op<complete_op> complete;
        ops::set(complete, by);
        complete.operation_id = by.id;
        complete.response = body;
        complete.retention = by.retention;
        failures += run_starved(complete, *records);
        ASSERT_EQ(complete.status, write_status::applied);
        // What was there before is still there.
        const auto seen = ops::claim(*records, {.key = 1 + key * 7919 % key, .nonce = 1'000'000});
        ASSERT_EQ(seen.status, claim_status::completed);
        ASSERT_EQ(ops::text_of(seen.response), "body");
        ASSERT_EQ(seen.id, long_id);
      }
      EXPECT_EQ(records->stats().entries, 3000u);
      EXPECT_GT(failures, 6000);  // two blocks of text a key at least
    }
    EXPECT_EQ(blocks_held, blocks_before);
  }
}

TEST(MemoryStoreOutOfMemory, ResponsesAreNull) {
  const std::int64_t blocks_before = blocks_held;
  const std::byte bytes[100] = {};
  allow_allocations(0);
  const response_ref none = response_ref::copy_of(bytes);
  allow_allocations(-1);
  EXPECT_FALSE(none);
  EXPECT_EQ(blocks_held, blocks_before);
}

TEST(MemoryStoreMemory, IsCountedHonestly) {
  // What stats() tells is what the allocator was asked for, give or take its own rounding.
  const std::int64_t before = bytes_held;
  const auto records = make({.entries_max = 100'000, .scope_share = 8, .shards = 8});
  for (std::uint64_t key = 1; key <= 20'000; ++key) {
    const attempt by = {.key = key, .nonce = key, .scope = key % 50, .id = long_id};
    ASSERT_EQ(ops::claim(*records, by).status, claim_status::claimed);
    if (key % 3 != 0) {
      ASSERT_EQ(ops::complete(*records, by, std::string(key % 500, 'x')).status,
                write_status::applied);
    }
  }
  const auto held = static_cast<double>(bytes_held - before);
  const auto told = static_cast<double>(records->stats().bytes);
  EXPECT_GT(told, held * 0.99);
  EXPECT_LT(told, held * 1.08);
}

TEST(MemoryStoreMemory, ComesBackWhenRecordsEnd) {
  now_ms = 0;
  const auto records = make({.shards = 2});
  const std::int64_t empty = bytes_held;
  for (std::uint64_t key = 1; key <= 20'000; ++key) {
    ops::claim(*records, {.key = key, .nonce = key, .scope = key % 1000, .id = long_id});
  }
  const std::int64_t full = bytes_held;
  now_ms += milliseconds(hours(24)).count();
  for (std::uint64_t key = 1; key <= 20'000; ++key) ops::renew(*records, {.key = key});
  EXPECT_EQ(records->stats().entries, 0u);
  EXPECT_LT(bytes_held - empty, (full - empty) / 8);
  records->clear();
  EXPECT_LT(bytes_held - empty, 40'000);  // tables of scopes
}

TEST(MemoryStoreMemory, IsNotAllocatedInTheSteadyState) {
  const auto records = make();
  const attempt by = {.id = "01234567-89ab-cdef-0123-456789abcdef"};
  ops::claim(*records, by);
  ops::complete(*records, by, "body");
  blocking_op<claim_op> replay;
  ops::set(replay, {.nonce = 2});
  replay.request_id = "x";
  allow_allocations(0);
  replay.run(*records);
  allow_allocations(-1);
  EXPECT_EQ(replay.status, claim_status::completed);
}

// Many more keys than the cap, with time going on: the store forgets what has ended, refuses what
// has no room, and its memory stays where it is.
void flood(std::uint64_t keys, std::size_t cap) {
  now_ms = 0;
  const std::int64_t before = bytes_held;
  const auto records = make({.entries_max = cap, .scope_share = 1});
  std::int64_t most = 0;
  std::uint64_t refused = 0;
  blocking_op<claim_op> claim;
  blocking_op<complete_op> complete;
  const response_ref body = ops::response(std::string(200, 'x'));
  for (std::uint64_t key = 1; key <= keys; ++key) {
    const milliseconds retention(2'000 + key * 7919 % 3 * 1'000);
    ops::set(claim, {.key = key, .nonce = key, .lease = milliseconds(1), .retention = retention});
    claim.request_id = "01234567-89ab-cdef-0123-456789abcdef";
    claim.run(*records);
    if (claim.status == claim_status::claimed) {
      complete.key = claim.key;
      complete.nonce = claim.nonce;
      complete.operation_id = claim.request_id;
      complete.response = body;
      complete.retention = retention;
      complete.run(*records);
      ASSERT_EQ(complete.status, write_status::applied);
    } else {
      ASSERT_EQ(claim.failure.why, store_errc::full);
      ++refused;
    }
    if (key % 20 == 0) ++now_ms;
    if (key % 1024 == 0) most = std::max(most, bytes_held - before);
  }
  EXPECT_LE(records->stats().entries, cap);
  EXPECT_EQ(records->stats().refused_full, refused);
  // At twenty keys a millisecond and three seconds on average some 60,000 want to live.
  EXPECT_EQ(refused == 0, cap >= 100'000);
  EXPECT_LT(most, static_cast<std::int64_t>(cap) * 160 + 2'000'000);
}

// PARLEY_FLOOD_KEYS is for the deep run.
TEST(MemoryStoreMemory, IsHeldByTheCap) {
  const char* keys = std::getenv("PARLEY_FLOOD_KEYS");
  flood(keys != nullptr ? std::strtoull(keys, nullptr, 10) : 300'000, 100'000);
  flood(300'000, 20'000);
}

}  // namespace
}  // namespace parley::idempotency
