// SPDX-License-Identifier: Apache-2.0
//
// What a case works with: attempts, operations that are waited for, and expectations. Every
// operation is kept until the harness is gone, so that a done() too many is seen.

#ifndef PARLEY_LIB_IDEMPOTENCY_TESTING_CONTEXT_HPP
#define PARLEY_LIB_IDEMPOTENCY_TESTING_CONTEXT_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "parley/idempotency/store.hpp"
#include "parley/idempotency_testing/conformance.hpp"
#include "parley/idempotency_testing/harness.hpp"

namespace parley::idempotency_testing::detail {

using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::digest;
using idempotency::mark_op;
using idempotency::release_op;
using idempotency::renew_op;
using idempotency::response_ref;
using idempotency::store;
using idempotency::store_errc;
using idempotency::store_failure;
using idempotency::write_op;
using idempotency::write_status;
using std::chrono::milliseconds;

/// Thrown by a case that cannot go on; its finding is noted. Never leaves run_case().
struct give_up {};

std::string describe(claim_status status);
std::string describe(write_status status);
std::string describe(store_errc why);
std::string describe(std::string_view text);  ///< quoted, bytes that are not ASCII in hex, cut
std::string describe(std::uint64_t number);
std::string describe(milliseconds time);
std::string describe(bool yes);

std::span<const std::byte> bytes_of(std::string_view text) noexcept;
std::string text_of(const response_ref& response);

/// One request's way to a key, and what its claim gave it.
struct attempt {
  digest key;
  digest fingerprint;
  digest scope;
  idempotency::nonce nonce;
  std::string request_id;
  milliseconds lease{0};
  milliseconds retention{0};
  std::uint64_t unix_ms = 0;
  bool rerun_marked = false;

  std::uint64_t fence = 0;
  std::string operation_id;
};

struct claim_answer {
  claim_status status;
  std::uint64_t fence;
  std::string operation_id;
  std::string note;
  response_ref response;
  milliseconds lease_left;
  store_failure failure;
};

struct write_answer {
  write_status status;
  store_failure failure;
};

// The part of a kept operation that is not the store's.
struct kept_state {
  kept_state(const char* name, std::string text) : what(name), views(std::move(text)) {}
  kept_state(const kept_state&) = delete;
  kept_state& operator=(const kept_state&) = delete;
  virtual ~kept_state() = default;

  const char* what;
  std::string views;           ///< what the operation's views look at
  std::function<void()> then;  ///< run by done()
  std::mutex mutex;
  std::condition_variable changed;
  int done_calls = 0;
  bool finished_at_once = false;
};

template <class Op>
struct kept_op final : Op, kept_state {
  using kept_state::kept_state;
  void done() noexcept override {
    if (then) then();
    const std::lock_guard lock(mutex);
    ++done_calls;
    changed.notify_all();
  }
};

inline bool start_op(store& records, claim_op& op) noexcept { return records.claim(op); }
inline bool start_op(store& records, complete_op& op) noexcept { return records.complete(op); }
inline bool start_op(store& records, release_op& op) noexcept { return records.release(op); }
inline bool start_op(store& records, renew_op& op) noexcept { return records.renew(op); }
inline bool start_op(store& records, mark_op& op) noexcept { return records.mark(op); }

/// What claims and completes say that is the same in most cases.
inline constexpr milliseconds day = std::chrono::hours(24);

class context {
 public:
  context(const conformance_case& which, std::unique_ptr<store_harness> harness,
          const conformance_options& options);

  // Making attempts. Digests, nonces and request ids are all different and the same in every run.

  digest fresh_digest() noexcept;
  idempotency::nonce fresh_nonce() noexcept;
  /// On a fresh key. Its lease is one that advance() can end, where the case needs that.
  attempt on_fresh_key();
  /// The same request again: same key and fingerprint, another nonce, a lease that outlasts the
  /// case.
  attempt retry_of(const attempt& first);
  /// Another request under the same key.
  attempt other_request(const attempt& first);

  // Operations. They return when the operation has ended, and may be called by any thread of
  // run_threads().

  /// Sets fence and operation_id of `by` where it is claimed.
  claim_answer claim(attempt& by);
  write_answer complete(const attempt& by, std::string_view bytes, bool lease_holds = true);
  write_answer complete_for(const attempt& by, std::string_view bytes, milliseconds retention);
  write_answer release(const attempt& by);
  write_answer renew(const attempt& by, milliseconds lease);
  write_answer mark(const attempt& by, std::string_view note);

  template <class Op>
  kept_op<Op>& make(const char* what, const attempt& by, std::string views = {});
  template <class Op>
  void start(kept_op<Op>& op) {
    // Told to this thread alone before the end, and to check_ends() after it.
    op.finished_at_once = start_op(records(), op);
  }
  /// Waits for done(), unless the operation finished at once.
  void wait(kept_state& op);
  template <class Op>
  void run(kept_op<Op>& op) {
    start(op);
    wait(op);
  }

  // The world.

  store& records() { return harness_->records(); }
  void advance(milliseconds by);
  /// Runs out the lease of a claim made, or renewed, just now.
  void end_lease(const attempt& of) { advance(of.lease); }
  void reopen();
  /// Runs `body(0)` to `body(count - 1)` at a time, and waits. What they expect is noted after it,
  /// by the case.
  void run_threads(std::size_t count, const std::function<void(std::size_t)>& body);
  const conformance_options& options() const noexcept { return options_; }
  clock_kind clock() const noexcept { return clock_; }
  std::uint64_t unix_ms() const noexcept { return unix_ms_; }

  // Expectations. `where` names the step: "the second claim".

  void fail(std::string finding);
  template <class T>
  bool expect(std::string_view where, const T& got, const T& expected) {
    if (got == expected) return true;
    fail(std::string(where) + ": got " + describe(got) + ", expected " + describe(expected));
    return false;
  }
  void expect_true(std::string_view statement, bool holds) {
    if (!holds) fail("not so: " + std::string(statement));
  }
  void expect_above(std::string_view where, std::uint64_t got, std::uint64_t least);

  // A step and what it must answer. A claim that ought to be claimed and is not ends the case.

  void claims(std::string_view where, attempt& by);
  void replays(std::string_view where, attempt by, std::string_view bytes,
               std::string_view operation_id);
  void conflicts(std::string_view where, attempt by, std::string_view operation_id);
  void finds_running(std::string_view where, attempt by, std::string_view operation_id);
  void finds_abandoned(std::string_view where, attempt by, std::string_view operation_id,
                       std::string_view note);
  void is_spent(std::string_view where, attempt by);
  void answers(std::string_view where, const write_answer& got, write_status expected);
  void is_invalid(std::string_view where, const store_failure& failure, bool failed);

  // For run_case().

  /// Lets go of the harness and then looks at the ends of all operations.
  void close();
  /// Each case ends in it.
  std::vector<std::string> take_findings();

 private:
  claim_answer answer_of(const kept_op<claim_op>& op) const;
  static write_answer answer_of(const write_op& op) { return {op.status, op.failure}; }
  std::uint64_t next_number() noexcept;
  void check_ends();

  const case_need need_;
  const conformance_options options_;
  const std::thread::id owner_ = std::this_thread::get_id();
  std::unique_ptr<store_harness> harness_;
  const clock_kind clock_;
  std::uint64_t unix_ms_;
  std::atomic<std::uint64_t> numbers_{0};
  std::atomic<bool> is_stuck_{false};

  std::mutex mutex_;  // of the two below
  std::vector<std::unique_ptr<kept_state>> kept_;
  std::vector<std::string> findings_;
};

template <class Op>
kept_op<Op>& context::make(const char* what, const attempt& by, std::string views) {
  auto made = std::make_unique<kept_op<Op>>(what, std::move(views));
  made->key = by.key;
  made->nonce = by.nonce;
  kept_op<Op>& op = *made;
  const std::lock_guard lock(mutex_);
  kept_.push_back(std::move(made));
  return op;
}

}  // namespace parley::idempotency_testing::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_TESTING_CONTEXT_HPP
