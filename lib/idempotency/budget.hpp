// SPDX-License-Identifier: Apache-2.0
//
// A cap in entries and bytes that many shards draw on. Each shard keeps a little of it in a purse
// of its own, so that they do not all write to one cache line; when the budget runs short it is
// made tight, and from then on purses keep nothing, so that the cap is exact.

#ifndef PARLEY_LIB_IDEMPOTENCY_BUDGET_HPP
#define PARLEY_LIB_IDEMPOTENCY_BUDGET_HPP

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace parley::idempotency::detail {

struct amount {
  std::int64_t entries = 0;
  std::int64_t bytes = 0;
};

class budget {
 public:
  budget(amount cap, unsigned shards) noexcept
      : cap_(cap),
        // All purses together hold at most half of the cap.
        batch_{std::min<std::int64_t>(cap.entries / (4 * std::int64_t{shards}), 32),
               std::min<std::int64_t>(cap.bytes / (4 * std::int64_t{shards}), 32'768)},
        entries_(cap.entries),
        bytes_(cap.bytes) {}

  const amount& cap() const noexcept { return cap_; }

  /// All or nothing. The lock of the purse's shard is held for this and the two below.
  bool take(amount& purse, amount need) noexcept {
    if (purse.entries < need.entries &&
        !draw(entries_, purse.entries, need.entries, batch_.entries)) {
      return false;
    }
    if (purse.bytes < need.bytes && !draw(bytes_, purse.bytes, need.bytes, batch_.bytes)) {
      if (is_tight()) return_all(purse);
      return false;
    }
    purse.entries -= need.entries;
    purse.bytes -= need.bytes;
    return true;
  }

  void give(amount& purse, amount back) noexcept {
    purse.entries += back.entries;
    purse.bytes += back.bytes;
    if (is_tight()) {
      return_all(purse);
      if (has_plenty()) is_tight_.store(false, std::memory_order_relaxed);
      return;
    }
    put_back(entries_, purse.entries, batch_.entries);
    put_back(bytes_, purse.bytes, batch_.bytes);
  }

  void return_all(amount& purse) noexcept {
    if (purse.entries != 0) entries_.fetch_add(purse.entries, std::memory_order_relaxed);
    if (purse.bytes != 0) bytes_.fetch_add(purse.bytes, std::memory_order_relaxed);
    purse = {};
  }

  /// True: it was not tight before, and every purse has to be returned once.
  bool tighten() noexcept {
    return !is_tight() && !is_tight_.exchange(true, std::memory_order_relaxed);
  }

 private:
  bool is_tight() const noexcept { return is_tight_.load(std::memory_order_relaxed); }
  bool has_plenty() const noexcept {
    return entries_.load(std::memory_order_relaxed) > cap_.entries / 4 &&
           bytes_.load(std::memory_order_relaxed) > cap_.bytes / 4;
  }

  bool draw(std::atomic<std::int64_t>& from, std::int64_t& purse, std::int64_t need,
            std::int64_t batch) noexcept {
    const std::int64_t lack = need - purse;
    const std::int64_t wanted = lack + (is_tight() ? 0 : batch);
    std::int64_t left = from.load(std::memory_order_relaxed);
    std::int64_t drawn = 0;
    do {
      if (left < lack) return false;
      drawn = std::min(left, wanted);
    } while (!from.compare_exchange_weak(left, left - drawn, std::memory_order_relaxed));
    purse += drawn;
    return true;
  }

  static void put_back(std::atomic<std::int64_t>& to, std::int64_t& purse,
                       std::int64_t batch) noexcept {
    if (purse <= 2 * batch) return;
    to.fetch_add(purse - batch, std::memory_order_relaxed);
    purse = batch;
  }

  const amount cap_;
  const amount batch_;
  std::atomic<std::int64_t> entries_;
  std::atomic<std::int64_t> bytes_;
  std::atomic<bool> is_tight_ = false;
};

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_BUDGET_HPP
