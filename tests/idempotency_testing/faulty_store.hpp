// SPDX-License-Identifier: Apache-2.0
//
// A store with one mistake, of those that stores have, to show that the kit sees it. Without one it
// is right.

#ifndef PARLEY_TESTS_IDEMPOTENCY_TESTING_FAULTY_STORE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_TESTING_FAULTY_STORE_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "parley/idempotency/store.hpp"

namespace parley::idempotency_testing {

enum class fault : std::uint8_t {
  none,
  // Who may write.
  complete_without_compare,
  release_without_compare,
  renew_without_compare,
  mark_without_compare,
  complete_replaces,
  complete_of_released,
  complete_again_is_lost,
  complete_trusts_lease_holds,
  complete_needs_the_lease,
  complete_never_stores_forgotten,
  complete_always_stores_forgotten,
  complete_of_forgotten_drops_the_id,
  complete_of_forgotten_lives_an_hour,
  renew_needs_the_lease,
  release_needs_the_lease,
  release_of_completed,
  release_again_is_lost,
  release_of_marked_is_lost,
  writes_make_records,
  mark_of_released,
  mark_again_is_lost,
  mark_hides_the_attempt,
  // Who may run.
  claims_are_not_recorded,
  claim_is_not_atomic,
  takeover_ignores_the_lease,
  takeover_takes_a_new_id,
  claim_retry_without_nonce,
  claim_retry_never_after_the_lease,
  claim_retry_makes_a_new_fence,
  superseded_claim_resumes,
  own_completed_runs_again,
  fingerprint_is_ignored,
  fingerprint_is_ignored_after_the_lease,
  fingerprint_of_64_bits,
  key_of_64_bits,
  nonce_of_64_bits,
  scope_in_the_key,
  digests_are_c_strings,
  policy_ignores_the_lease,
  abandoned_reruns_unasked,
  abandoned_reruns_after_a_second,
  abandoned_never_reruns,
  abandoned_may_not_end,
  released_blocks_other_requests,
  released_keeps_its_id,
  release_deletes,
  release_of_nothing_is_not_recorded,
  // What is told.
  replay_of_another_key,
  replay_names_the_retry,
  conflict_names_the_other,
  empty_response_is_none,
  responses_are_cut_at_64_kib,
  responses_are_c_strings,
  id_of_64_bytes,
  note_of_64_bytes,
  note_is_lost,
  note_is_replaced,
  lease_left_is_the_lease,
  lease_left_is_too_long,
  // Fences.
  fence_is_the_clock,
  fence_is_a_counter,
  fence_is_a_double,
  fence_restarts_after_release,
  // Times.
  lease_in_seconds,
  lease_of_24_bits,
  resume_extends,
  running_extends,
  mark_extends,
  renew_adds_to_the_end,
  renew_keeps_the_lease_of_the_claim,
  renew_forgets_the_mark,
  renew_does_not_move_the_retention,
  renew_moves_just_the_retention,
  record_dies_with_its_lease,
  expiry_counts_from_the_claim,
  expiry_is_that_of_the_claim,
  replay_extends,
  takeover_keeps_the_expiry,
  mark_moves_the_expiry,
  released_dies_at_once,
  released_lives_a_day,
  retention_of_31_bits,
  never_expires,
  // Operations.
  done_twice,
  done_after_true,
  never_done,
  cancel_undoes,
  shutdown_is_ignored,
  // Reopening.
  reopen_forgets_all,
  reopen_forgets_running,
  reopen_forgets_marks,
  reopen_forgets_released,
};

class faulty_store final : public idempotency::store {
 public:
  explicit faulty_store(fault mistake) : mistake_(mistake) {}

  void advance(std::chrono::milliseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

  void reopen() {
    using idempotency::record_state;
    std::erase_if(entries_, [this](const auto& each) {
      const record_state state = each.second.view.state;
      return is(fault::reopen_forgets_all) ||
             (is(fault::reopen_forgets_running) && state == record_state::running) ||
             (is(fault::reopen_forgets_released) && state == record_state::released);
    });
    for (auto& [key, found] : entries_) {
      if (is(fault::reopen_forgets_marks) && found.view.state == record_state::marked) {
        found.view.state = record_state::running;
      }
    }
  }

 private:
  using milliseconds = std::chrono::milliseconds;
  using bytes16 = std::array<std::byte, 16>;

  struct entry {
    idempotency::record_view view;
    idempotency::nonce first_owner;
    milliseconds lease_end{0};
    milliseconds lease{0};
    milliseconds expires{0};
    milliseconds retention{0};
    std::string operation_id;
    std::string note;
    idempotency::response_ref response;
  };

  bool is(fault mistake) const { return mistake_ == mistake; }

  static bytes16 first_half(bytes16 bytes) {
    std::fill(bytes.begin() + 8, bytes.end(), std::byte{0});
    return bytes;
  }
  static bytes16 c_string(bytes16 bytes) {
    std::fill(std::ranges::find(bytes, std::byte{0}), bytes.end(), std::byte{0});
    // A text of no characters is no value.
    if (bytes[0] == std::byte{0}) bytes[0] = std::byte{0xff};
    if (bytes[0] == std::byte{0xff}) bytes.fill(std::byte{0xff});
    return bytes;
  }

  idempotency::digest key_of(const idempotency::digest& key, const idempotency::digest* scope) {
    idempotency::digest used = key;
    if (is(fault::key_of_64_bits)) used.bytes = first_half(used.bytes);
    if (is(fault::digests_are_c_strings)) used.bytes = c_string(used.bytes);
    if (is(fault::scope_in_the_key) && scope != nullptr) used.bytes[0] ^= scope->bytes[0];
    return used;
  }
  idempotency::nonce nonce_of(idempotency::nonce nonce) const {
    if (is(fault::nonce_of_64_bits)) nonce.bytes = first_half(nonce.bytes);
    return nonce;
  }
  idempotency::digest fingerprint_of(idempotency::digest fingerprint) const {
    if (is(fault::fingerprint_of_64_bits)) fingerprint.bytes = first_half(fingerprint.bytes);
    return fingerprint;
  }

  milliseconds lease_end(milliseconds lease) const {
    if (is(fault::lease_of_24_bits)) lease = milliseconds(lease.count() & 0xff'ffff);
    const milliseconds end = now_ + lease;
    if (!is(fault::lease_in_seconds)) return end;
    return std::chrono::ceil<std::chrono::seconds>(end);
  }
  milliseconds expiry(milliseconds retention) const {
    if (is(fault::never_expires)) return milliseconds::max();
    if (is(fault::retention_of_31_bits)) retention = milliseconds(retention.count() & 0x7fff'ffff);
    return now_ + retention;
  }

  std::uint64_t fence_after(const entry* found, std::uint64_t unix_ms) {
    using idempotency::record_state;
    if (is(fault::fence_is_the_clock)) return unix_ms;
    if (is(fault::fence_is_a_counter)) return ++counter_;
    const bool released = found != nullptr && found->view.state == record_state::released;
    if (is(fault::fence_restarts_after_release) && released) return unix_ms;
    const std::uint64_t fence =
        idempotency::next_fence(found == nullptr ? nullptr : &found->view, unix_ms);
    if (is(fault::fence_is_a_double)) {
      return static_cast<std::uint64_t>(static_cast<double>(fence));
    }
    return fence;
  }

  std::string cut(std::string_view text, fault mistake) const {
    return std::string(is(mistake) ? text.substr(0, 64) : text);
  }

  idempotency::response_ref kept(const idempotency::response_ref& response) {
    std::span<const std::byte> bytes = response.bytes();
    if (is(fault::responses_are_cut_at_64_kib)) {
      bytes = bytes.first(std::min<std::size_t>(bytes.size(), 0x1'0000));
    }
    if (is(fault::responses_are_c_strings)) {
      const auto end = std::ranges::find(bytes, std::byte{0});
      bytes = bytes.first(static_cast<std::size_t>(end - bytes.begin()));
    }
    if (bytes.size() == response.bytes().size()) return response;
    return idempotency::response_ref::copy_of(bytes);
  }

  entry* find(const idempotency::digest& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.expires <= now_) return nullptr;
    found->second.view.lease_over = found->second.lease_end <= now_;
    return &found->second;
  }

  template <class Op, class Body>
  bool run(Op& op, Body body) {
    using status = decltype(op.status);
    std::unique_lock lock(mutex_);
    if (is_shut_down_ && !is(fault::shutdown_is_ignored)) {
      op.status = status::failed;
      op.failure = {.why = idempotency::store_errc::shut_down};
      return true;
    }
    body(lock);
    if (is(fault::never_done)) {
      pending_.push_back(&op);
      return false;
    }
    lock.unlock();
    if (is(fault::done_twice)) {
      op.done();
      op.done();
      return false;
    }
    if (is(fault::done_after_true)) op.done();
    return true;
  }

  bool do_claim(idempotency::claim_op& op) noexcept override;
  bool do_complete(idempotency::complete_op& op) noexcept override;
  bool do_release(idempotency::release_op& op) noexcept override;
  bool do_renew(idempotency::renew_op& op) noexcept override;
  bool do_mark(idempotency::mark_op& op) noexcept override;
  void do_cancel(idempotency::op_base& op) noexcept override;
  void do_shutdown() noexcept override;

  idempotency::claim_verdict judge(entry* found, const idempotency::claim_op& op);
  static bool applies(idempotency::write_op& op, idempotency::write_verdict verdict);

  const fault mistake_;
  std::mutex mutex_;
  std::map<idempotency::digest, entry> entries_;
  std::vector<idempotency::op_base*> pending_;
  idempotency::response_ref last_response_;
  milliseconds now_{0};
  std::uint64_t counter_ = 0;
  std::atomic<int> between_{0};  // claims that have read and then waited to write
  bool is_shut_down_ = false;
};

}  // namespace parley::idempotency_testing

#endif  // PARLEY_TESTS_IDEMPOTENCY_TESTING_FAULTY_STORE_HPP
