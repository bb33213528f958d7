// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/memory_store.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "parley/idempotency_testing/suite.hpp"

namespace parley::idempotency_testing {
namespace {

class memory_harness final : public store_harness {
 public:
  explicit memory_harness(idempotency::memory_store_options options) {
    options.clock = [this] { return std::chrono::steady_clock::time_point(now_.load()); };
    auto made = idempotency::make_memory_store(std::move(options));
    if (!made) throw std::runtime_error(made.error());
    records_ = std::move(*made);
  }
  idempotency::store& records() override { return *records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(std::chrono::milliseconds by) override { now_ = now_.load() + by; }

 private:
  std::atomic<std::chrono::milliseconds> now_{std::chrono::milliseconds(0)};
  std::unique_ptr<idempotency::memory_store> records_;
};

PARLEY_IDEMPOTENCY_CONFORMANCE(MemoryStore, [] {
  return std::make_unique<memory_harness>(idempotency::memory_store_options{});
});

// One lock, and a small table that has to be packed.
PARLEY_IDEMPOTENCY_CONFORMANCE(SmallMemoryStore, [] {
  return std::make_unique<memory_harness>(idempotency::memory_store_options{
      .entries_max = 2 * records_max, .bytes_max = 8U << 20, .scope_share = 1, .shards = 1});
});

}  // namespace
}  // namespace parley::idempotency_testing
