// SPDX-License-Identifier: Apache-2.0
//
// Attempts and the claims on them.

#include <algorithm>
#include <cassert>
#include <type_traits>
#include <utility>

#include "idempotency/engine_impl.hpp"

namespace parley::idempotency {

bool attempt::send(holder_step kind, steady_time now, lock& held) noexcept {
  const auto fill = [this](auto& op) {
    op.key = key;
    op.nonce = nonce;
  };
  // The op is set up under the lock. It stays: the next one is sent when this one was answered.
  switch (kind) {
    case holder_step::none: break;
    case holder_step::mark: {
      auto& op = op_.emplace<sent<mark_op>>(*this);
      fill(op);
      op.note = marking->note;
      break;
    }
    case holder_step::renew: {
      auto& op = op_.emplace<sent<renew_op>>(*this);
      fill(op);
      op.lease = e.options.lease;
      break;
    }
    case holder_step::complete:
    case holder_step::bury: {
      auto& op = op_.emplace<sent<complete_op>>(*this);
      fill(op);
      op.fingerprint = fingerprint;
      op.scope = scope;
      op.operation_id = operation_id.view();
      op.fence = fence;
      op.lease_holds = machine.holds(now);
      if (kind == holder_step::bury) response = e.unstored;
      op.response = response;
      op.retention = e.options.retention;
      break;
    }
    case holder_step::release: {
      auto& op = op_.emplace<sent<release_op>>(*this);
      fill(op);
      op.scope = scope;
      op.fence = fence;
      break;
    }
  }
  held.unlock();
  switch (kind) {
    case holder_step::none: break;
    case holder_step::mark: return e.records.mark(std::get<sent<mark_op>>(op_));
    case holder_step::renew: return e.records.renew(std::get<sent<renew_op>>(op_));
    case holder_step::complete:
    case holder_step::bury: return e.records.complete(std::get<sent<complete_op>>(op_));
    case holder_step::release: return e.records.release(std::get<sent<release_op>>(op_));
  }
  return true;
}

void attempt::settle_marking(write_status status, const store_failure& failure,
                             outbox& out) noexcept {
  if (marking == nullptr) return;
  marking->status = status;
  marking->failure = failure;
  out.add(*std::exchange(marking, nullptr));
}

void attempt::settle_ending(write_status status, const store_failure& failure,
                            outbox& out) noexcept {
  if (ending == nullptr) return;
  ending->status = status;
  ending->failure = failure;
  out.add(*std::exchange(ending, nullptr));
  answer_by = steady_time::max();
}

void attempt::settle(outbox& out) noexcept {
  const holder_step kind = machine.sent();
  write_status status = write_status::failed;
  store_failure failure;
  std::visit(
      [&](const auto& op) {
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(op)>, std::monostate>) {
          status = op.status;
          failure = op.failure;
        }
      },
      op_);
  // Only failures are timed.
  machine.answered(status, failure,
                   status == write_status::failed ? e.clock.now() : steady_time::min());
  if (given_up_in != 0) machine.give_up();
  if (status == write_status::failed) out.add(failure);
  if (kind == holder_step::mark) {
    settle_marking(status, failure, out);
  } else if (machine.is_over()) {
    settle_ending(status, failure, out);
  }
  // What was stored before, and not heard of, is the response itself.
  if (kind == holder_step::bury && status == write_status::already_applied) response = {};
}

void attempt::schedule() noexcept {
  home.attempt_times.remove(*this);
  if (machine.is_over()) return;
  steady_time first = std::min(machine.wake(), answer_by);
  if (has_claim && !is_loss_told) first = std::min(first, machine.deadline());
  if (first == steady_time::max()) return;
  home.attempt_times.push(*this, first);
  e.arm(home);
}

void attempt::run(lock& held, outbox& out, steady_time now) noexcept {
  begin_op* probe = nullptr;
  while (!machine.is_over()) {
    if (!out.is_empty()) {
      // Before the next is sent, and with the timer set: what is told now may take long, and the
      // lease must be renewed while it does.
      schedule();
      held.unlock();
      out.flush(this);
      held.lock();
      now = e.clock.now();
      continue;
    }
    const holder_step kind = machine.next(now);
    if (kind == holder_step::none) {
      if (now >= answer_by) {
        settle_ending(
            write_status::failed,
            {.why = store_errc::timed_out, .is_retryable = true, .is_outcome_known = false}, out);
      }
      if (has_claim && !is_loss_told && !machine.is_over() && !machine.holds(now)) {
        is_loss_told = true;
        out.add(event_kind::lease_lost);
      }
      break;
    }
    schedule();  // while it is with the store, `ending` may have to be answered
    if (!send(kind, now, held)) return;  // answered() goes on, and *this may be gone
    held.lock();
    settle(out);
    if (!machine.is_over()) now = e.clock.now();
  }
  schedule();
  if (machine.is_over() && is_listed) {
    e.unlist(*this);
    constexpr store_failure given_up = {.why = store_errc::unavailable, .is_outcome_known = false};
    settle_marking(write_status::failed, given_up, out);
    settle_ending(write_status::failed, given_up, out);
    switch (machine.end()) {
      case attempt_end::stored: out.add(event_kind::stored); break;
      case attempt_end::released: out.add(event_kind::released); break;
      case attempt_end::abandoned: out.add(event_kind::left); break;
      case attempt_end::outcome_lost: out.add(event_kind::outcome_lost); break;
    }
    probe = e.wake_waiting(*this, out);
  }
  if (probe != nullptr || !out.is_empty()) {
    held.unlock();
    out.flush(this);
    if (probe != nullptr) e.send(probe, out);
    held.lock();
  }
  const bool is_last = --users == 0 && machine.is_over();
  held.unlock();
  if (is_last) e.destroy(*this);
}

op_base* attempt::op() noexcept {
  return std::visit(
      [](auto& op) -> op_base* {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(op)>, std::monostate>) {
          return nullptr;
        } else {
          return &op;
        }
      },
      op_);
}

void attempt::answered() noexcept {
  outbox out(e);
  lock held(home.mutex);
  settle(out);
  run(held, out, e.clock.now());
}

std::uint64_t claim::fence() const noexcept {
  assert(of_ != nullptr);
  return of_->fence;
}

std::string_view claim::operation_id() const noexcept {
  assert(of_ != nullptr);
  return of_->operation_id.view();
}

bool claim::is_marked() const noexcept {
  const lock held(of_->home.mutex);
  return of_->machine.is_marked();
}

bool claim::holds() const noexcept {
  const lock held(of_->home.mutex);
  return of_->machine.holds(of_->e.clock.now());
}

bool claim::mark(mark_step& s) noexcept {
  outbox out(of_->e);
  out.own_step = &s;
  lock held(of_->home.mutex);
  assert(of_->marking == nullptr && "one mark at a time");
  of_->marking = &s;
  ++of_->users;
  of_->machine.want_mark();
  of_->run(held, out, of_->e.clock.now());
  return out.own_done;
}

bool claim::complete(complete_step& s) && noexcept {
  attempt* const of = std::exchange(of_, nullptr);
  const engine_options& options = of->e.options;
  response_ref response;
  if (s.is_tombstone) {
    response = of->e.unstored;
  } else if (s.body.size() > options.response_bytes_max) {
    response = of->e.oversized;
  } else {
    constexpr std::byte kind{static_cast<std::uint8_t>(stored_kind::response)};
    response = response_ref::copy_of({{&kind, 1}, s.head, s.body});
    // There is an outcome, whatever becomes of its response.
    if (!response) response = of->e.unstored;
  }
  outbox out(of->e);
  out.own_step = &s;
  lock held(of->home.mutex);
  const steady_time now = of->e.clock.now();
  of->has_claim = false;  // its user is this call from here on
  of->response = std::move(response);
  of->ending = &s;
  of->answer_by = now + options.persist_wait;
  of->machine.want_complete(now);
  of->run(held, out, now);
  return out.own_done;
}

bool claim::release(release_step& s) && noexcept {
  attempt* const of = std::exchange(of_, nullptr);
  outbox out(of->e);
  out.own_step = &s;
  lock held(of->home.mutex);
  const steady_time now = of->e.clock.now();
  of->has_claim = false;
  of->ending = &s;
  of->answer_by = now + of->e.options.persist_wait;
  of->machine.want_release(now);
  of->run(held, out, now);
  return out.own_done;
}

void claim::release() && noexcept {
  attempt* const of = std::exchange(of_, nullptr);
  outbox out(of->e);
  lock held(of->home.mutex);
  of->has_claim = false;
  const steady_time now = of->e.clock.now();
  of->machine.want_release(now);
  of->run(held, out, now);
}

void claim::abandon() noexcept {
  attempt* const of = std::exchange(of_, nullptr);
  if (of == nullptr) return;
  outbox out(of->e);
  lock held(of->home.mutex);
  of->has_claim = false;
  of->machine.want_abandon();
  of->run(held, out, of->e.clock.now());
}

}  // namespace parley::idempotency
