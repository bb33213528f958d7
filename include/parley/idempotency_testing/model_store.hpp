// SPDX-License-Identifier: Apache-2.0
//
// The simplest store that is right: what others are compared with, and a fake for tests of what
// uses a store.
//
//   idempotency_testing::model_store records;
//   records.advance(std::chrono::hours(24));     // its clock stands still otherwise
//   records.fail_all({{.why = idempotency::store_errc::unavailable, .is_retryable = true}});
//
// Every operation finishes at once. Thread-safe. Nothing limits its memory.

#ifndef PARLEY_IDEMPOTENCY_TESTING_MODEL_STORE_HPP
#define PARLEY_IDEMPOTENCY_TESTING_MODEL_STORE_HPP

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "parley/idempotency/store.hpp"
#include "parley/idempotency_testing/export.hpp"

namespace parley::idempotency_testing {

class PARLEY_IDEMPOTENCY_TESTING_EXPORT model_store final : public idempotency::store {
 public:
  model_store();
  ~model_store() override;

  /// Moves its clock ahead.
  void advance(std::chrono::milliseconds by) noexcept;
  /// From now on every operation fails so and changes nothing; null: no more.
  void fail_all(std::optional<idempotency::store_failure> why) noexcept;
  /// Records that have not expired.
  std::size_t size() const noexcept;

 private:
  struct entry {
    idempotency::record_view view;
    std::chrono::milliseconds lease_end{0};
    std::chrono::milliseconds expires{0};
    std::chrono::milliseconds retention{0};
    std::string operation_id;
    std::string note;
    idempotency::response_ref response;
  };

  // `body` is given the record, or null, and answers in `op`; under the lock.
  template <class Op, class Body>
  bool run(Op& op, Body body) noexcept;

  bool do_claim(idempotency::claim_op& op) noexcept override;
  bool do_complete(idempotency::complete_op& op) noexcept override;
  bool do_release(idempotency::release_op& op) noexcept override;
  bool do_renew(idempotency::renew_op& op) noexcept override;
  bool do_mark(idempotency::mark_op& op) noexcept override;
  void do_cancel(idempotency::op_base& op) noexcept override;
  void do_shutdown() noexcept override;

  mutable std::mutex mutex_;
  std::map<idempotency::digest, entry> entries_;
  std::chrono::milliseconds now_{0};
  std::optional<idempotency::store_failure> failure_;
  bool is_shut_down_ = false;
};

}  // namespace parley::idempotency_testing

#endif  // PARLEY_IDEMPOTENCY_TESTING_MODEL_STORE_HPP
