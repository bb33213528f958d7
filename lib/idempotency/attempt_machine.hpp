// SPDX-License-Identifier: Apache-2.0
//
// What the holder of a claim does, as a state machine: which operation to send next, when, and what
// its answer means. No I/O and no clock: the engine drives it with a store and a timer, the
// explorer of the tests with every schedule there is.

#ifndef PARLEY_LIB_IDEMPOTENCY_ATTEMPT_MACHINE_HPP
#define PARLEY_LIB_IDEMPOTENCY_ATTEMPT_MACHINE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "parley/idempotency/store.hpp"
#include "parley/idempotency/timer.hpp"

namespace parley::idempotency {

/// What to do with the answer to a claim.
enum class claim_next : std::uint8_t {
  proceed,    ///< run
  answer,     ///< what the store said is the answer
  wait,       ///< the same request is running
  again,      ///< send it again, under the same nonce
  surrender,  ///< it may have been granted: release it under its nonce, and say that it failed
};

/// `tries`: claims sent under this nonce whose outcome is unknown, this one included. `holds`: the
/// lease that a grant began when the first of them was sent is not over yet; an answer that comes
/// later says nothing of who runs now.
constexpr claim_next after_claim(claim_status status, const store_failure& failure, unsigned tries,
                                 bool holds) noexcept {
  switch (status) {
    case claim_status::claimed: return holds ? claim_next::proceed : claim_next::surrender;
    case claim_status::running: return claim_next::wait;
    case claim_status::failed:
      // That it was not carried out this time says nothing of the times before.
      if (failure.is_outcome_known) return tries == 0 ? claim_next::answer : claim_next::surrender;
      return failure.is_retryable && tries < 2 ? claim_next::again : claim_next::surrender;
    default: return claim_next::answer;
  }
}

/// By how much a holder thinks its lease shorter than the store may: a store may end it up to 1 ms
/// early, and the two clocks may drift and step.
constexpr std::chrono::milliseconds lease_margin(std::chrono::milliseconds lease,
                                                 std::chrono::milliseconds clock_skew) noexcept {
  return std::chrono::milliseconds(2) + lease / 1'000 + clock_skew;
}

enum class holder_step : std::uint8_t {
  none,
  mark,
  renew,
  complete,
  bury,  ///< complete with a tombstone: the response cannot be stored, but nobody is to run again
  release,
};

enum class attempt_end : std::uint8_t {
  stored = 1,
  released,
  abandoned,     ///< the lease runs out
  outcome_lost,  ///< the handler has an outcome, and the store does not have it
};

class attempt_machine {
 public:
  using milliseconds = std::chrono::milliseconds;

  static constexpr milliseconds backoff_first{50};
  static constexpr milliseconds backoff_max{1'000};

  /// `first_sent`: when the claim was sent first under its nonce: the store may have granted it as
  /// early as that.
  attempt_machine(milliseconds lease, milliseconds margin, steady_time first_sent) noexcept
      : lease_(lease),
        margin_(margin),
        deadline_(first_sent + lease - margin),
        renew_at_(first_sent + lease / 2) {}

  // What the holder wants. An end is wanted once.
  void want_mark() noexcept { wants_mark_ = true; }
  void want_complete(steady_time now) noexcept {
    phase_ = phase::completing;
    retry_at_ = now;
    give_up_at_ = now + lease_;
  }
  void want_release(steady_time now) noexcept {
    phase_ = phase::releasing;
    retry_at_ = now;
  }
  void want_abandon() noexcept { phase_ = phase::abandoning; }

  /// What to send now; it then counts as sent. One operation at a time.
  holder_step next(steady_time now) noexcept {
    const holder_step step = decide(now);
    if (step == holder_step::none) return step;  // one may be out
    if (step == holder_step::renew) renew_sent_ = now;
    sent_ = step;
    return step;
  }

  /// Of what next() had sent.
  void answered(write_status status, const store_failure& failure, steady_time now) noexcept {
    const holder_step step = std::exchange(sent_, holder_step::none);
    switch (step) {
      case holder_step::none: break;
      case holder_step::mark: return mark_answered(status);
      case holder_step::renew: return renew_answered(status, failure, now);
      case holder_step::complete:
      case holder_step::bury: return complete_answered(step, status, failure, now);
      case holder_step::release: return release_answered(status, failure, now);
    }
  }

  /// Ends it as it is. Nothing is sent.
  void give_up() noexcept {
    if (is_over_) return;
    over(phase_ == phase::completing ? attempt_end::outcome_lost : attempt_end::abandoned);
  }

  /// When next() may have something to send, as far as is known now.
  steady_time wake() const noexcept {
    if (is_over_ || sent_ != holder_step::none) return steady_time::max();
    switch (phase_) {
      case phase::holding: return renew_at_;
      case phase::completing: return std::min({retry_at_, renew_at_, give_up_at_});
      case phase::releasing: return retry_at_;
      case phase::abandoning: break;
    }
    return steady_time::min();
  }

  bool is_over() const noexcept { return is_over_; }
  attempt_end end() const noexcept { return end_; }
  holder_step sent() const noexcept { return sent_; }
  bool is_marked() const noexcept { return is_marked_; }
  /// As far as the holder can tell, nobody else may run.
  bool holds(steady_time now) const noexcept { return !is_superseded_ && now < deadline_; }
  steady_time deadline() const noexcept { return deadline_; }

 private:
  enum class phase : std::uint8_t { holding, completing, releasing, abandoning };

  holder_step decide(steady_time now) noexcept {
    if (is_over_ || sent_ != holder_step::none) return holder_step::none;
    if (std::exchange(wants_mark_, false)) return holder_step::mark;
    switch (phase_) {
      case phase::holding: return now >= renew_at_ ? holder_step::renew : holder_step::none;
      case phase::completing:
        // Last of all: a record that nobody runs again is better than none.
        if (now >= give_up_at_) return holder_step::bury;
        if (now >= retry_at_) return holder_step::complete;
        return now >= renew_at_ ? holder_step::renew : holder_step::none;
      case phase::releasing:
        if (now < retry_at_) return holder_step::none;
        if (now < deadline_ || !has_failed_) return holder_step::release;
        [[fallthrough]];  // the lease has run out: that frees the key too
      case phase::abandoning: over(attempt_end::abandoned); break;
    }
    return holder_step::none;
  }

  void mark_answered(write_status status) noexcept {
    if (status == write_status::applied || status == write_status::already_applied) {
      is_marked_ = true;
    } else if (status == write_status::lost) {
      superseded();
    }
  }

  void renew_answered(write_status status, const store_failure& failure, steady_time now) noexcept {
    renew_at_ = steady_time::max();
    switch (status) {
      case write_status::applied:
      case write_status::already_applied:
        deadline_ = renew_sent_ + lease_ - margin_;
        renew_at_ = renew_sent_ + lease_ / 2;
        break;
      case write_status::lost: superseded(); break;
      case write_status::gone: break;  // the deadline passes, or complete() stores it again
      case write_status::failed:
        if (failure.is_retryable && now < deadline_) {
          renew_at_ = now + std::clamp(lease_ / 8, milliseconds(1), backoff_max);
        }
        break;
    }
  }

  void complete_answered(holder_step step, write_status status, const store_failure& failure,
                         steady_time now) noexcept {
    switch (status) {
      case write_status::applied:
      case write_status::already_applied: return over(attempt_end::stored);
      case write_status::lost:
      case write_status::gone: return over(attempt_end::outcome_lost);
      case write_status::failed: break;
    }
    if (step == holder_step::bury) return over(attempt_end::outcome_lost);
    if (failure.is_retryable) return retry_later(now);
    const bool is_full = failure.why == store_errc::full || failure.why == store_errc::scope_full ||
                         failure.why == store_errc::out_of_memory;
    if (!is_full) return over(attempt_end::outcome_lost);
    give_up_at_ = now;  // never will it have room for the response; for a tombstone it may
  }

  void release_answered(write_status status, const store_failure& failure,
                        steady_time now) noexcept {
    switch (status) {
      case write_status::applied:
      case write_status::already_applied: return over(attempt_end::released);
      case write_status::lost:  // somebody else has it, or it never was ours
      case write_status::gone: return over(attempt_end::abandoned);
      case write_status::failed: break;
    }
    if (!failure.is_retryable) return over(attempt_end::abandoned);
    retry_later(now);
  }

  void retry_later(steady_time now) noexcept {
    has_failed_ = true;
    retry_at_ = now + backoff_;
    backoff_ = std::min(backoff_ * 2, backoff_max);
  }

  void superseded() noexcept {
    is_superseded_ = true;
    renew_at_ = steady_time::max();
  }

  void over(attempt_end how) noexcept {
    is_over_ = true;
    end_ = how;
  }

  milliseconds lease_;
  milliseconds margin_;
  milliseconds backoff_ = backoff_first;
  steady_time deadline_;
  steady_time renew_at_;
  steady_time renew_sent_{};
  steady_time retry_at_ = steady_time::max();
  steady_time give_up_at_ = steady_time::max();
  phase phase_ = phase::holding;
  holder_step sent_ = holder_step::none;
  attempt_end end_ = attempt_end::abandoned;
  bool wants_mark_ = false;
  bool is_marked_ = false;
  bool is_superseded_ = false;
  bool has_failed_ = false;
  bool is_over_ = false;
};

}  // namespace parley::idempotency

#endif  // PARLEY_LIB_IDEMPOTENCY_ATTEMPT_MACHINE_HPP
