// SPDX-License-Identifier: Apache-2.0
//
// Threads that use stores as services do, and write down what they asked and what they were told.
//
//   workload work({&a, &b}, {.seed = 7});
//   work.start();
//   ... faults ...
//   work.stop();
//   ... the end of all faults ...
//   work.sweep();
//   const verdict found = check(work.take());
//
// An attempt claims, under one nonce however often it has to ask; renews, marks, completes,
// releases or crashes; now and then it does so too late, or twice.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_WORKLOAD_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_WORKLOAD_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "idempotency_redis/support/history.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::testing_support {

struct workload_options {
  std::uint64_t seed = 1;
  std::size_t workers = 8;
  /// Attempts for each key, about; then another is taken up.
  std::uint32_t attempts_a_key = 8;
  std::chrono::milliseconds lease{100};
  /// Of a hundred attempts, those that go on when their lease is over.
  unsigned careless_percent = 25;
  /// Of most attempts; that of the others lasts as little as a store allows.
  std::chrono::milliseconds retention{60'000};
  /// An operation that has not ended by then has none, and the history says so.
  std::chrono::milliseconds time_max{10'000};
  /// Whether a key is taken up. Empty: each is.
  std::function<bool(std::uint32_t key)> uses = {};
  /// What a failover does to histories (history.hpp), and clocks that differ.
  bool may_undo_refusals = false;
  history_time clock_skew{0};
};

class workload {
 public:
  /// Outlived by the stores. Workers take turns at them.
  workload(std::vector<idempotency::store*> stores, workload_options options);
  workload(const workload&) = delete;
  workload& operator=(const workload&) = delete;
  /// Leaks what has not ended: the store may still use it.
  ~workload();

  void start();
  /// Attempts under way go on to their end.
  void stop();
  /// When nothing that was sent is under way any more: waits until every lease is over, then claims
  /// each key until it is answered.
  void sweep();
  history take();

  /// Operations so far.
  std::size_t size() const;
  /// Completions that were acknowledged so far.
  std::size_t acknowledged() const;
  /// One of those that are taken up last.
  std::uint32_t newest_key() const;
  /// Waits until there are so many more, or nothing has happened for time_max. False: that.
  bool wait_for_more(std::size_t operations);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_WORKLOAD_HPP
