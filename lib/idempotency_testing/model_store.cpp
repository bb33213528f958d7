// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_testing/model_store.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace parley::idempotency_testing {

using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::claim_verdict;
using idempotency::record_state;
using idempotency::record_view;
using idempotency::store_errc;
using idempotency::store_failure;
using idempotency::write_op;
using idempotency::write_status;
using idempotency::write_verdict;

namespace {

void fail(claim_op& op, const store_failure& why) noexcept {
  op.status = claim_status::failed;
  op.failure = why;
}

void fail(write_op& op, const store_failure& why) noexcept {
  op.status = write_status::failed;
  op.failure = why;
}

write_status status_of(write_verdict verdict) noexcept {
  switch (verdict) {
    case write_verdict::apply: return write_status::applied;
    case write_verdict::already: return write_status::already_applied;
    case write_verdict::lost: return write_status::lost;
    case write_verdict::gone: return write_status::gone;
  }
  return write_status::failed;
}

}  // namespace

model_store::model_store() = default;
model_store::~model_store() = default;

void model_store::advance(std::chrono::milliseconds by) noexcept {
  const std::lock_guard lock(mutex_);
  now_ += by;
}

void model_store::fail_all(std::optional<store_failure> why) noexcept {
  const std::lock_guard lock(mutex_);
  failure_ = why;
}

std::size_t model_store::size() const noexcept {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      entries_, [this](const auto& each) { return each.second.expires > now_; }));
}

template <class Op, class Body>
bool model_store::run(Op& op, Body body) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_shut_down_) {
    fail(op, {.why = store_errc::shut_down});
    return true;
  }
  if (failure_) {
    fail(op, *failure_);
    return true;
  }
  auto found = entries_.find(op.key);
  if (found != entries_.end() && found->second.expires <= now_) {
    entries_.erase(found);
    found = entries_.end();
  }
  entry* const record = found == entries_.end() ? nullptr : &found->second;
  if (record != nullptr) record->view.lease_over = record->lease_end <= now_;
  try {
    body(record);
  } catch (const std::bad_alloc&) {
    fail(op, {.why = store_errc::out_of_memory, .is_retryable = true});
  }
  return true;
}

bool model_store::do_claim(claim_op& op) noexcept {
  return run(op, [&](entry* found) {
    const record_view* view = found == nullptr ? nullptr : &found->view;
    switch (judge_claim(view, op.fingerprint, op.nonce, op.rerun_marked)) {
      case claim_verdict::take: {
        entry fresh;
        fresh.view = {record_state::running, op.fingerprint, op.nonce,
                      next_fence(view, op.unix_ms)};
        fresh.lease_end = now_ + op.lease;
        fresh.expires = now_ + op.retention;
        fresh.retention = op.retention;
        fresh.operation_id = op.request_id;
        op.status = claim_status::claimed;
        op.fence = fresh.view.fence;
        op.operation_id.assign(op.request_id);
        entries_.insert_or_assign(op.key, std::move(fresh));
        return;
      }
      case claim_verdict::take_over:
        found->view.state = record_state::running;
        found->view.owner = op.nonce;
        found->view.fence = next_fence(view, op.unix_ms);
        found->lease_end = now_ + op.lease;
        found->expires = now_ + op.retention;
        found->retention = op.retention;
        found->note.clear();
        [[fallthrough]];
      case claim_verdict::resume:
        op.status = claim_status::claimed;
        op.fence = found->view.fence;
        break;
      case claim_verdict::replay:
        op.status = claim_status::completed;
        op.response = found->response;
        break;
      case claim_verdict::conflict: op.status = claim_status::conflict; break;
      case claim_verdict::running:
        op.status = claim_status::running;
        op.lease_left = found->lease_end - now_;
        break;
      case claim_verdict::abandoned:
        op.status = claim_status::abandoned;
        op.note.assign(found->note);
        break;
      case claim_verdict::spent: fail(op, {.why = store_errc::spent_nonce}); return;
    }
    op.operation_id.assign(found->operation_id);
  });
}

bool model_store::do_complete(idempotency::complete_op& op) noexcept {
  return run(op, [&](entry* found) {
    const write_verdict verdict =
        judge_complete(found == nullptr ? nullptr : &found->view, op.nonce, op.lease_holds);
    op.status = status_of(verdict);
    if (verdict != write_verdict::apply) return;
    if (found == nullptr) {
      entry forgotten;
      forgotten.view = {record_state::completed, op.fingerprint, op.nonce, op.fence};
      forgotten.operation_id = op.operation_id;
      found = &entries_.insert_or_assign(op.key, std::move(forgotten)).first->second;
    }
    found->view.state = record_state::completed;
    found->response = op.response;
    found->expires = now_ + op.retention;
  });
}

bool model_store::do_release(idempotency::release_op& op) noexcept {
  return run(op, [&](entry* found) {
    const write_verdict verdict =
        judge_release(found == nullptr ? nullptr : &found->view, op.nonce);
    op.status = status_of(verdict);
    if (verdict != write_verdict::apply) return;
    if (found == nullptr) {
      entry nothing;
      nothing.view = {record_state::released, {}, op.nonce, op.fence};
      found = &entries_.insert_or_assign(op.key, std::move(nothing)).first->second;
    }
    found->view.state = record_state::released;
    found->expires = now_ + idempotency::released_retention;
  });
}

bool model_store::do_renew(idempotency::renew_op& op) noexcept {
  return run(op, [&](entry* found) {
    const write_verdict verdict = judge_renew(found == nullptr ? nullptr : &found->view, op.nonce);
    op.status = status_of(verdict);
    if (verdict != write_verdict::apply) return;
    found->lease_end = now_ + op.lease;
    // However long the lease has become, the record outlasts it.
    found->expires = now_ + std::max(found->retention, op.lease + idempotency::retention_margin);
  });
}

bool model_store::do_mark(idempotency::mark_op& op) noexcept {
  return run(op, [&](entry* found) {
    const write_verdict verdict = judge_mark(found == nullptr ? nullptr : &found->view, op.nonce);
    op.status = status_of(verdict);
    if (verdict != write_verdict::apply) return;
    found->note = op.note;
    found->view.state = record_state::marked;
  });
}

// Nothing is ever pending.
void model_store::do_cancel(idempotency::op_base&) noexcept {}

void model_store::do_shutdown() noexcept {
  const std::lock_guard lock(mutex_);
  is_shut_down_ = true;
}

}  // namespace parley::idempotency_testing
