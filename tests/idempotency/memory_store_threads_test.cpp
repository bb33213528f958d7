// SPDX-License-Identifier: Apache-2.0
//
// Threads over few keys. What each sees must fit one order of events: for a key and its lease one
// holder, fences that rise, replays equal to the one completed response.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"
#include "parley/idempotency/memory_store.hpp"

namespace parley::idempotency {
namespace {

using ops::attempt;
using std::chrono::milliseconds;

constexpr unsigned threads_count = 4;

template <class F>
void run_threads(F f) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < threads_count; ++i) threads.emplace_back([&f, i] { f(i); });
  for (std::thread& each : threads) each.join();
}

std::unique_ptr<memory_store> make(memory_store_options options) {
  auto made = make_memory_store(std::move(options));
  return made ? std::move(*made) : nullptr;
}

TEST(MemoryStoreThreads, OneHoldsAKeyAtATime) {
  constexpr std::uint64_t keys = 8;
  const auto records = make({.shards = 2});
  struct {
    std::atomic<int> holders = 0;
    std::atomic<std::uint64_t> last_fence = 0;
    std::atomic<std::uint64_t> completed_by = 0;
  } state[keys];
  std::atomic<int> completions = 0;
  run_threads([&](unsigned thread) {
    std::mt19937_64 random(thread);
    // Until all are completed, however seldom a thread found one free.
    for (std::uint64_t turn = 1; turn <= 4000 || completions < static_cast<int>(keys); ++turn) {
      const std::uint64_t key = random() % keys;
      const std::uint64_t nonce = turn * threads_count + thread;
      // A lease that does not run out during the test: nobody may take over.
      const attempt by = {.key = key, .nonce = nonce, .lease = milliseconds(3'600'000)};
      const auto answer = ops::claim(*records, by);
      auto& of = state[key];
      if (answer.status == claim_status::completed) {
        ASSERT_EQ(ops::text_of(answer.response), std::to_string(of.completed_by.load()));
        continue;
      }
      if (answer.status == claim_status::running) continue;
      ASSERT_EQ(answer.status, claim_status::claimed);
      ASSERT_EQ(of.holders.fetch_add(1), 0);
      ASSERT_EQ(of.completed_by.load(), 0u);
      ASSERT_GT(answer.fence, of.last_fence.exchange(answer.fence));
      if (random() % 4 == 0) {
        ASSERT_EQ(ops::renew(*records, by).status, write_status::applied);
      }
      if (random() % 4 == 0) {
        ASSERT_EQ(ops::mark(*records, by, "note").status, write_status::applied);
      }
      of.holders.fetch_sub(1);
      if (random() % 100 == 0) {
        of.completed_by = nonce;
        ++completions;
        ASSERT_EQ(ops::complete(*records, by, std::to_string(nonce)).status, write_status::applied);
      } else {
        ASSERT_EQ(ops::release(*records, by).status, write_status::applied);
      }
    }
  });
  EXPECT_EQ(completions, static_cast<int>(keys));
}

TEST(MemoryStoreThreads, TakeoversLeaveOneWinner) {
  // The clock of the store jumps over the lease now and then: attempts are superseded.
  std::atomic<std::int64_t> now_ms = 0;
  const auto records =
      make({.shards = 1, .clock = [&now_ms] {
              return std::chrono::steady_clock::time_point(milliseconds(now_ms.load()));
            }});
  constexpr std::uint64_t keys = 200;
  std::atomic<int> winners[keys] = {};
  std::mutex mutex;
  std::string bodies[keys];
  run_threads([&](unsigned thread) {
    for (std::uint64_t key = 0; key < keys; ++key) {
      for (std::uint64_t turn = 1;; ++turn) {
        const std::uint64_t nonce = turn * threads_count + thread;
        const attempt by = {.key = key, .nonce = nonce, .lease = milliseconds(10)};
        const auto answer = ops::claim(*records, by);
        now_ms += 3;
        if (answer.status == claim_status::completed) {
          const std::lock_guard lock(mutex);
          if (bodies[key].empty()) bodies[key] = ops::text_of(answer.response);
          ASSERT_EQ(ops::text_of(answer.response), bodies[key]);
          break;
        }
        if (answer.status == claim_status::running) continue;
        ASSERT_EQ(answer.status, claim_status::claimed);
        if (turn % 3 != 0) continue;  // this holder dies
        const auto end = ops::complete(*records, by, std::to_string(nonce)).status;
        ASSERT_TRUE(end == write_status::applied || end == write_status::lost);
        if (end == write_status::applied) ++winners[key];
      }
    }
  });
  for (const auto& each : winners) EXPECT_EQ(each, 1);
}

TEST(MemoryStoreThreads, NeverExceedTheCaps) {
  std::atomic<std::int64_t> now_ms = 0;
  const auto records =
      make({.entries_max = 500, .bytes_max = 1 << 20, .scope_share = 4, .shards = 8, .clock = [&] {
              return std::chrono::steady_clock::time_point(milliseconds(now_ms.load()));
            }});
  std::atomic<int> refusals = 0;
  for (std::uint64_t round = 1; round <= 20; ++round) {
    run_threads([&](unsigned thread) {
      std::mt19937_64 random(round * threads_count + thread);
      for (std::uint64_t turn = 1; turn <= 300; ++turn) {
        const std::uint64_t name = (round * 1000 + turn) * threads_count + thread;
        const attempt by = {.key = name,
                            .nonce = name,
                            .scope = random() % 6,
                            .lease = milliseconds(1),
                            .retention = milliseconds(1001 + random() % 3000)};
        const auto answer = ops::claim(*records, by);
        now_ms += 1;
        if (answer.status == claim_status::failed) ++refusals;
        if (answer.status != claim_status::claimed) continue;
        const auto end = ops::complete(*records, by, std::string(random() % 3000, 'x'));
        if (end.status == write_status::failed) {
          ASSERT_TRUE(end.failure.why == store_errc::full ||
                      end.failure.why == store_errc::scope_full);
        }
      }
      if (round % 7 == 0 && thread == 0) records->clear();
    });
    EXPECT_LE(records->stats().entries, 500u);
    EXPECT_LE(records->stats().bytes, std::size_t{1} << 20);
  }
  EXPECT_GT(refusals, 0);
  // Nothing has leaked out of the budgets: alone again, one has the exact share of a scope.
  records->clear();
  for (std::uint64_t key = 1; key <= 125; ++key) {
    ASSERT_EQ(ops::claim(*records, {.key = key, .nonce = key}).status, claim_status::claimed);
  }
  EXPECT_EQ(ops::claim(*records, {.key = 126, .nonce = 126}).failure.why, store_errc::scope_full);
}

TEST(MemoryStoreThreads, StopAtShutdown) {
  const auto records = make({});
  run_threads([&](unsigned thread) {
    for (std::uint64_t turn = 1;; ++turn) {
      const std::uint64_t name = turn * threads_count + thread;
      const auto answer = ops::claim(*records, {.key = name, .nonce = name});
      if (answer.status == claim_status::failed) {
        ASSERT_EQ(answer.failure.why, store_errc::shut_down);
        return;
      }
      if (turn == 100) records->shutdown();
    }
  });
  EXPECT_LE(records->stats().entries, threads_count * 101u);
}

}  // namespace
}  // namespace parley::idempotency
