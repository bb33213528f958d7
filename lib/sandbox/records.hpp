// SPDX-License-Identifier: Apache-2.0
//
// The sandbox's idempotency records: the store, what clears it, and what it can tell of itself.

#ifndef PARLEY_LIB_SANDBOX_RECORDS_HPP
#define PARLEY_LIB_SANDBOX_RECORDS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "parley/beast/server.hpp"
#include "parley/core/result.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/store.hpp"
#include "parley/idempotency/timer.hpp"
#include "parley/sandbox/sandbox.hpp"
#include "sandbox/clock.hpp"

namespace parley::sandbox {

/// What the memory store holds, records that have ended too until their place is needed.
struct records_held {
  std::size_t entries = 0;
  std::size_t bytes = 0;
};

struct record_counts {
  std::uint64_t running = 0;
  std::uint64_t completed = 0;
  std::uint64_t replayed = 0;
  std::uint64_t conflicts = 0;
};

/// Counts what the requests to this sandbox came to. Thread-safe.
class record_counter final : public idempotency::observer {
 public:
  void on_event(const idempotency::event& e) noexcept override;
  record_counts read() const noexcept;
  /// All but those that run.
  void clear() noexcept { completed_ = replayed_ = conflicts_ = 0; }

 private:
  std::atomic<std::int64_t> running_ = 0;
  std::atomic<std::uint64_t> completed_ = 0;
  std::atomic<std::uint64_t> replayed_ = 0;
  std::atomic<std::uint64_t> conflicts_ = 0;
};

/// What a start makes and hands to the server. The engine is the last to come and the first to go.
struct idempotency_parts {
  std::unique_ptr<record_counter> counter;
  std::unique_ptr<idempotency::store> records;
  std::function<bool()> clear;         ///< false: the store does not answer
  std::function<records_held()> held;  ///< empty: the store is not in memory
  std::unique_ptr<idempotency::timer> timer;
  std::unique_ptr<idempotency::engine> engine;
};

bool is_in_memory(const options& chosen);

result<idempotency::digester, beast::start_failure> make_digester(const options& chosen);

/// Records in memory end by `clock`, which outlives them; requests wait by the real time.
result<idempotency_parts, beast::start_failure> make_idempotency(const options& chosen,
                                                                 const manual_clock& clock);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_RECORDS_HPP
