// SPDX-License-Identifier: Apache-2.0
//
// What the conformance kit must be given to hold a store against it.
//
//   class my_harness final : public idempotency_testing::store_harness {
//    public:
//     idempotency::store& records() override { return records_; }
//     clock_kind clock() const override { return clock_kind::manual; }
//     void advance(std::chrono::milliseconds by) override { now_ += by; }
//    private:
//     my_clock now_;
//     my_store records_{now_};
//   };
//
// A case makes a harness of its own, and destroys it when every operation has finished. Except for
// records(), which several threads call at once, a harness is used by one thread.

#ifndef PARLEY_IDEMPOTENCY_TESTING_HARNESS_HPP
#define PARLEY_IDEMPOTENCY_TESTING_HARNESS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "parley/idempotency/store.hpp"
#include "parley/idempotency_testing/export.hpp"

namespace parley::idempotency_testing {

/// What a case stores at most, all under one scope: a store whose room or quota is smaller fails
/// cases for want of it.
inline constexpr std::size_t records_max = 1'000;
inline constexpr std::size_t response_bytes_max = std::size_t{1} << 20;

/// Whose clock the store under test judges leases and retentions by.
enum class clock_kind : std::uint8_t {
  fixed = 1,  ///< advance() cannot be called: cases in which time passes are skipped
  real,       ///< advance() waits; cases that ask for a millisecond are skipped
  manual,     ///< moved by advance(), and by nothing else
};

class PARLEY_IDEMPOTENCY_TESTING_EXPORT store_harness {
 public:
  store_harness() = default;
  store_harness(const store_harness&) = delete;
  store_harness& operator=(const store_harness&) = delete;
  virtual ~store_harness();

  /// The store under test, empty at first. The same one until reopen().
  virtual idempotency::store& records() = 0;

  virtual clock_kind clock() const { return clock_kind::fixed; }
  /// Moves the store's clock ahead: by just this if it is manual, else by at least this.
  virtual void advance(std::chrono::milliseconds) {}
  /// Of a real clock: the lease of an attempt that is to run out. What the case does before that
  /// may take longer.
  virtual std::chrono::milliseconds short_lease() const { return std::chrono::milliseconds(100); }

  /// For a store that needs its caller's thread to finish an operation: runs what is ready, waiting
  /// for a few milliseconds at most. False: nothing was. Called while a case waits.
  virtual bool pump() { return false; }

  /// Closes the store and opens it again over the same records. False: it keeps none, and the cases
  /// that need it are skipped.
  virtual bool reopen() { return false; }
};

/// Called once by every case. Null: the case is skipped, as where a server is not there.
using harness_factory = std::function<std::unique_ptr<store_harness>()>;

}  // namespace parley::idempotency_testing

#endif  // PARLEY_IDEMPOTENCY_TESTING_HARNESS_HPP
