// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/idempotency_testing.md, with the memory store for a store of one's own.

#include <chrono>
#include <cstdint>
#include <memory>

#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency_testing/suite.hpp"

namespace {

class my_harness final : public parley::idempotency_testing::store_harness {
 public:
  parley::idempotency::store& records() override { return **records_; }

 private:
  // One scope has all that the kit stores.
  parley::result<std::unique_ptr<parley::idempotency::memory_store>, std::string> records_ =
      parley::idempotency::make_memory_store({.entries_max = 100'000});
};

}  // namespace

using namespace parley::idempotency_testing;
PARLEY_IDEMPOTENCY_CONFORMANCE(MyStore, [] { return std::make_unique<my_harness>(); });
