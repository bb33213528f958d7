// SPDX-License-Identifier: Apache-2.0
//
// What keeps the records of idempotency, and the operations on it. Implement `store` for a database
// of your own; hold it against the conformance kit (parley::idempotency_testing).
//
//   struct claim_and_go final : idempotency::claim_op {
//     void done() noexcept override { /* runs once, on some thread, if claim() gave false */ }
//   };
//   if (records.claim(op)) use(op);  // true: the answer is in op, and done() will not be called
//
// await.hpp has the same for coroutines and for blocking code.
//
// An operation and every view in it live, unchanged by the caller, until done() has run and every
// cancel() of it has returned. Operations of one store may be started from any thread.

#ifndef PARLEY_IDEMPOTENCY_STORE_HPP
#define PARLEY_IDEMPOTENCY_STORE_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "parley/idempotency/export.hpp"
#include "parley/idempotency/record.hpp"
#include "parley/idempotency/response_ref.hpp"

namespace parley::idempotency {

inline constexpr std::size_t operation_id_bytes_max = 128;
inline constexpr std::size_t note_bytes_max = 256;

/// How long the record of a released attempt is kept, so that a late duplicate of its claim is
/// known.
inline constexpr std::chrono::milliseconds released_retention = std::chrono::minutes(10);

/// A retention outlasts its lease by at least this.
inline constexpr std::chrono::milliseconds retention_margin{1'000};
/// 2^32 - 1 ms, near 50 days.
inline constexpr std::chrono::milliseconds retention_max{0xffff'ffff};

/// A short text inside an operation: an answer must not need memory that is not there.
template <std::size_t Max>
class bounded_text {
 public:
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  bool empty() const noexcept { return size_ == 0; }
  /// Keeps the first Max bytes.
  void assign(std::string_view text) noexcept {
    size_ = static_cast<std::uint16_t>(std::min(text.size(), Max));
    std::copy_n(text.data(), size_, bytes_.data());
  }

 private:
  static_assert(Max <= 0xffff);
  std::array<char, Max> bytes_;
  std::uint16_t size_ = 0;
};

/// Why a store did not answer. The values are ABI: append, never reorder.
enum class store_errc : std::uint8_t {
  full = 1,    ///< no room, and nothing that may be forgotten
  scope_full,  ///< the scope has used up its share
  out_of_memory,
  unavailable,  ///< the store was not reached
  timed_out,
  busy,  ///< too many operations are pending
  canceled,
  corrupt_record,  ///< what was found is no record of ours; it is left as it is
  spent_nonce,     ///< the nonce of an attempt that was released
  invalid,         ///< the operation breaks a limit that is stated here
  shut_down,
};

PARLEY_IDEMPOTENCY_EXPORT std::string_view to_string(store_errc e) noexcept;

struct store_failure {
  store_errc why = store_errc::unavailable;
  /// The same operation, under the same nonce, may succeed later.
  bool is_retryable = false;
  /// False: it may have been carried out.
  bool is_outcome_known = true;
  /// Where the store can tell: when to come again. Zero: it cannot.
  std::chrono::milliseconds retry_after{0};
};

/// What every operation begins with.
class op_base {
 public:
  op_base(const op_base&) = delete;
  op_base& operator=(const op_base&) = delete;

  /// Called by the store, once, for an operation whose start gave false: from any thread, with no
  /// lock of the store held. May start other operations and destroy this one.
  virtual void done() noexcept = 0;

  /// For the store that carries the operation out, while it does.
  void* store_data[2] = {nullptr, nullptr};

 protected:
  op_base() = default;
  ~op_base() = default;
};

enum class claim_status : std::uint8_t {
  claimed = 1,  ///< run; `fence` and `operation_id` are set
  completed,    ///< replay `response`; `operation_id` is set
  conflict,     ///< another request has the key; `operation_id` names its attempt
  running,      ///< the same request is running, for `lease_left` at most; `operation_id` names it
  abandoned,    ///< it was marked and then lost; `operation_id` and `note` are set
  failed,       ///< see `failure`
};

/// Asks for the right to run. The answer follows judge_claim().
class claim_op : public op_base {
 public:
  digest key;
  digest fingerprint;
  digest scope;  ///< for quotas
  idempotency::nonce nonce;
  /// Of this attempt, 1 to operation_id_bytes_max bytes. Becomes the operation's id, unless an
  /// attempt is taken over: that keeps its own.
  std::string_view request_id;
  std::chrono::milliseconds lease{30'000};  ///< at least 1 ms
  std::chrono::milliseconds retention{std::chrono::hours(24)};
  std::uint64_t unix_ms = 0;  ///< the claimer's time, for the fence
  bool rerun_marked = false;  ///< see judge_claim()

  // The answer.
  claim_status status = claim_status::failed;
  std::uint64_t fence = 0;
  bounded_text<operation_id_bytes_max> operation_id;
  bounded_text<note_bytes_max> note;
  response_ref response;
  std::chrono::milliseconds lease_left{0};
  store_failure failure;

 protected:
  claim_op() = default;
  ~claim_op() = default;
};

enum class write_status : std::uint8_t {
  applied = 1,
  already_applied,  ///< before, under this nonce: success
  lost,             ///< another attempt has the record, or ours has ended in another way
  gone,             ///< there is no record
  failed,           ///< see `failure`
};

/// What the operations of a holder share.
class write_op : public op_base {
 public:
  digest key;
  idempotency::nonce nonce;

  write_status status = write_status::failed;
  store_failure failure;

 protected:
  write_op() = default;
  ~write_op() = default;
};

/// Stores the response. The answer follows judge_complete().
class complete_op : public write_op {
 public:
  /// The whole record, for a store that has forgotten it.
  digest fingerprint;
  digest scope;
  std::string_view operation_id;  ///< as the claim gave it
  std::uint64_t fence = 0;
  /// The holder's deadline has not passed.
  bool lease_holds = false;
  /// Not null. Its life begins now.
  response_ref response;
  std::chrono::milliseconds retention{std::chrono::hours(24)};

 protected:
  complete_op() = default;
  ~complete_op() = default;
};

/// Says that certainly nothing happened: the key may run again. The answer follows judge_release().
class release_op : public write_op {
 public:
  digest scope;
  std::uint64_t fence = 0;

 protected:
  release_op() = default;
  ~release_op() = default;
};

/// Extends the lease from now on. The answer follows judge_renew().
class renew_op : public write_op {
 public:
  std::chrono::milliseconds lease{30'000};

 protected:
  renew_op() = default;
  ~renew_op() = default;
};

/// Says that the side effect may begin once this is answered. The answer follows judge_mark().
class mark_op : public write_op {
 public:
  std::string_view note;  ///< at most note_bytes_max bytes, for whoever finds the record abandoned

 protected:
  mark_op() = default;
  ~mark_op() = default;
};

/// The records of idempotency. To destroy one with operations pending is a precondition failure.
class PARLEY_IDEMPOTENCY_EXPORT store {
 public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store();

  /// Each starts an operation. True: it is finished, and done() will not be called. False: done()
  /// is called exactly once, later or even before this returns, on some thread. An operation that
  /// breaks a stated limit is failed with `invalid`.
  bool claim(claim_op& op) noexcept;
  bool complete(complete_op& op) noexcept;
  bool release(release_op& op) noexcept;
  bool renew(renew_op& op) noexcept;
  bool mark(mark_op& op) noexcept;

  /// Asks to finish an operation that was started soon; done() is still called, and what it reports
  /// may be that the outcome is unknown. May run beside done().
  void cancel(op_base& op) noexcept { do_cancel(op); }

  /// Fails what is pending and all that is started from now on with `shut_down`.
  void shutdown() noexcept { do_shutdown(); }

 private:
  virtual bool do_claim(claim_op& op) noexcept = 0;
  virtual bool do_complete(complete_op& op) noexcept = 0;
  virtual bool do_release(release_op& op) noexcept = 0;
  virtual bool do_renew(renew_op& op) noexcept = 0;
  virtual bool do_mark(mark_op& op) noexcept = 0;
  virtual void do_cancel(op_base& op) noexcept = 0;
  virtual void do_shutdown() noexcept = 0;
};

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_STORE_HPP
