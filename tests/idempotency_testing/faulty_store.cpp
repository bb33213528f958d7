// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/faulty_store.hpp"

namespace parley::idempotency_testing {

using namespace idempotency;

claim_verdict faulty_store::judge(entry* found, const claim_op& op) {
  record_view* view = found == nullptr ? nullptr : &found->view;
  const digest fingerprint = fingerprint_of(op.fingerprint);
  nonce claimer = nonce_of(op.nonce);
  claim_verdict verdict = judge_claim(view, fingerprint, claimer, op.rerun_marked);
  if (view == nullptr) return verdict;

  const bool is_ours = view->owner == claimer;
  const bool is_held = view->state == record_state::running || view->state == record_state::marked;
  const auto as_another = [&] {
    claimer.bytes[0] ^= std::byte{1};
    return judge_claim(view, fingerprint, claimer, op.rerun_marked);
  };
  if (is(fault::claim_retry_without_nonce) && is_ours) return as_another();
  if (is(fault::claim_retry_never_after_the_lease) && is_ours && view->lease_over && is_held) {
    return claim_verdict::running;
  }
  if (is(fault::superseded_claim_resumes) && is_held && found->first_owner == op.nonce) {
    return claim_verdict::resume;
  }
  if (is(fault::own_completed_runs_again) && is_ours && verdict == claim_verdict::replay) {
    return claim_verdict::take;
  }
  const bool over_held = is_held && view->lease_over && verdict == claim_verdict::conflict;
  if ((is(fault::fingerprint_is_ignored) && verdict == claim_verdict::conflict) ||
      (is(fault::fingerprint_is_ignored_after_the_lease) && over_held)) {
    return judge_claim(view, view->fingerprint, claimer, op.rerun_marked);
  }
  if (is(fault::takeover_ignores_the_lease) && verdict == claim_verdict::running) {
    return claim_verdict::take_over;
  }
  if (is(fault::policy_ignores_the_lease) && op.rerun_marked && verdict == claim_verdict::running) {
    return claim_verdict::take_over;
  }
  if (verdict == claim_verdict::abandoned) {
    if (is(fault::abandoned_reruns_unasked)) return claim_verdict::take_over;
    if (is(fault::abandoned_reruns_after_a_second) &&
        now_ >= found->lease_end + std::chrono::seconds(1)) {
      return claim_verdict::take_over;
    }
  }
  if (is(fault::abandoned_never_reruns) && view->state == record_state::marked &&
      verdict == claim_verdict::take_over) {
    return claim_verdict::abandoned;
  }
  if (is(fault::released_blocks_other_requests) && verdict == claim_verdict::take &&
      view->fingerprint != fingerprint) {
    return claim_verdict::conflict;
  }
  return verdict;
}

bool faulty_store::do_claim(claim_op& op) noexcept {
  return run(op, [&](std::unique_lock<std::mutex>& lock) {
    const digest key = key_of(op.key, &op.scope);
    entry* found = find(key);
    const claim_verdict verdict = judge(found, op);
    if (is(fault::claim_is_not_atomic) &&
        (verdict == claim_verdict::take || verdict == claim_verdict::take_over)) {
      // Until another has read the same, or none comes.
      const int before = ++between_;
      lock.unlock();
      for (int i = 0; i < 2'000 && between_ == before; ++i) std::this_thread::yield();
      lock.lock();
    }
    switch (verdict) {
      case claim_verdict::take:
      case claim_verdict::take_over: {
        entry fresh;
        fresh.view = {record_state::running, fingerprint_of(op.fingerprint), nonce_of(op.nonce),
                      fence_after(found, op.unix_ms)};
        fresh.first_owner = op.nonce;
        fresh.lease_end = lease_end(op.lease);
        fresh.lease = op.lease;
        fresh.retention = op.retention;
        fresh.expires = expiry(is(fault::record_dies_with_its_lease) ? op.lease : op.retention);
        fresh.operation_id = cut(op.request_id, fault::id_of_64_bytes);
        const bool keeps_id =
            verdict == claim_verdict::take_over && !is(fault::takeover_takes_a_new_id);
        if (found != nullptr && (keeps_id || is(fault::released_keeps_its_id))) {
          fresh.operation_id = found->operation_id;
        }
        if (verdict == claim_verdict::take_over) {
          fresh.first_owner = found->first_owner;
          if (is(fault::takeover_keeps_the_expiry)) fresh.expires = found->expires;
        }
        op.status = claim_status::claimed;
        op.fence = fresh.view.fence;
        op.operation_id.assign(fresh.operation_id);
        if (!is(fault::claims_are_not_recorded)) entries_.insert_or_assign(key, fresh);
        return;
      }
      case claim_verdict::resume:
        op.status = claim_status::claimed;
        if (is(fault::claim_retry_makes_a_new_fence)) ++found->view.fence;
        op.fence = found->view.fence;
        if (is(fault::resume_extends)) found->lease_end = lease_end(op.lease);
        break;
      case claim_verdict::replay:
        op.status = claim_status::completed;
        op.response = is(fault::replay_of_another_key) ? last_response_ : found->response;
        if (is(fault::empty_response_is_none) && op.response.bytes().empty()) op.response = {};
        if (is(fault::replay_extends)) found->expires = expiry(op.retention);
        break;
      case claim_verdict::conflict:
        op.status = claim_status::conflict;
        if (is(fault::conflict_names_the_other)) {
          op.operation_id.assign(op.request_id);
          return;
        }
        break;
      case claim_verdict::running:
        op.status = claim_status::running;
        op.lease_left = found->lease_end - now_;
        if (is(fault::lease_left_is_the_lease)) op.lease_left = found->lease;
        if (is(fault::lease_left_is_too_long)) op.lease_left += milliseconds(1);
        if (is(fault::running_extends)) found->lease_end = lease_end(found->lease);
        break;
      case claim_verdict::abandoned:
        op.status = claim_status::abandoned;
        op.note.assign(is(fault::note_is_lost) ? std::string() : found->note);
        break;
      case claim_verdict::spent:
        op.status = claim_status::failed;
        op.failure = {.why = store_errc::spent_nonce};
        return;
    }
    op.operation_id.assign(found->operation_id);
    if (is(fault::replay_names_the_retry) && op.status == claim_status::completed) {
      op.operation_id.assign(op.request_id);
    }
  });
}

bool faulty_store::applies(write_op& op, write_verdict verdict) {
  switch (verdict) {
    case write_verdict::apply: op.status = write_status::applied; break;
    case write_verdict::already: op.status = write_status::already_applied; break;
    case write_verdict::lost: op.status = write_status::lost; break;
    case write_verdict::gone: op.status = write_status::gone; break;
  }
  return verdict == write_verdict::apply;
}

bool faulty_store::do_complete(complete_op& op) noexcept {
  return run(op, [&](auto&) {
    const digest key = key_of(op.key, &op.scope);
    entry* found = find(key);
    const nonce holder = nonce_of(op.nonce);
    write_verdict verdict =
        judge_complete(found == nullptr ? nullptr : &found->view, holder, op.lease_holds);
    if (found == nullptr) {
      if (is(fault::complete_never_stores_forgotten)) verdict = write_verdict::gone;
      if (is(fault::complete_always_stores_forgotten)) verdict = write_verdict::apply;
    } else {
      const bool is_held = found->view.state != record_state::completed &&
                           found->view.state != record_state::released;
      const bool is_over = is_held && found->view.lease_over;
      if (is(fault::complete_without_compare) && is_held) verdict = write_verdict::apply;
      if (is(fault::complete_trusts_lease_holds) && op.lease_holds && is_held) {
        verdict = write_verdict::apply;
      }
      if (is(fault::complete_of_released) && found->view.owner == holder &&
          found->view.state == record_state::released) {
        verdict = write_verdict::apply;
      }
      if (is(fault::complete_needs_the_lease) && is_over) verdict = write_verdict::lost;
      if (is(fault::abandoned_may_not_end) && is_over &&
          found->view.state == record_state::marked) {
        verdict = write_verdict::lost;
      }
      if (is(fault::complete_replaces) && verdict == write_verdict::already) {
        found->response = kept(op.response);
      }
      if (is(fault::complete_again_is_lost) && verdict == write_verdict::already) {
        verdict = write_verdict::lost;
      }
    }
    if (!applies(op, verdict)) return;
    const bool is_forgotten = found == nullptr;
    if (is_forgotten) {
      entry fresh;
      fresh.view = {record_state::completed, fingerprint_of(op.fingerprint), holder, op.fence};
      if (!is(fault::complete_of_forgotten_drops_the_id)) fresh.operation_id = op.operation_id;
      found = &entries_.insert_or_assign(key, std::move(fresh)).first->second;
    }
    found->view.state = record_state::completed;
    found->response = kept(op.response);
    last_response_ = found->response;
    if (is(fault::expiry_counts_from_the_claim)) {
      found->expires += op.retention - found->retention;
    } else {
      found->expires =
          expiry(is(fault::expiry_is_that_of_the_claim) && !is_forgotten ? found->retention
                                                                         : op.retention);
    }
    if (is(fault::complete_of_forgotten_lives_an_hour) && is_forgotten) {
      found->expires = now_ + std::chrono::hours(1);
    }
  });
}

bool faulty_store::do_release(release_op& op) noexcept {
  return run(op, [&](auto&) {
    const digest key = key_of(op.key, &op.scope);
    entry* found = find(key);
    const nonce holder = nonce_of(op.nonce);
    write_verdict verdict = judge_release(found == nullptr ? nullptr : &found->view, holder);
    if (found == nullptr) {
      if (is(fault::release_of_nothing_is_not_recorded)) {
        op.status = write_status::applied;
        return;
      }
    } else {
      const bool is_held =
          found->view.state == record_state::running || found->view.state == record_state::marked;
      const bool is_over = is_held && found->view.lease_over;
      if (is(fault::release_without_compare) && is_held) verdict = write_verdict::apply;
      if (is(fault::release_needs_the_lease) && is_over) verdict = write_verdict::lost;
      if (is(fault::abandoned_may_not_end) && is_over &&
          found->view.state == record_state::marked) {
        verdict = write_verdict::lost;
      }
      if (is(fault::release_of_completed) && found->view.state == record_state::completed) {
        verdict = write_verdict::apply;
      }
      if (is(fault::release_again_is_lost) && verdict == write_verdict::already) {
        verdict = write_verdict::lost;
      }
      if (is(fault::release_of_marked_is_lost) && found->view.state == record_state::marked) {
        verdict = write_verdict::lost;
      }
    }
    if (!applies(op, verdict)) return;
    if (is(fault::release_deletes)) {
      entries_.erase(key);
      return;
    }
    if (found == nullptr) {
      entry fresh;
      fresh.view = {record_state::released, {}, holder, op.fence};
      found = &entries_.insert_or_assign(key, std::move(fresh)).first->second;
    }
    found->view.state = record_state::released;
    found->expires = now_ + released_retention;
    if (is(fault::released_dies_at_once)) found->expires = now_ + milliseconds(1);
    if (is(fault::released_lives_a_day)) found->expires = now_ + std::chrono::hours(24);
  });
}

bool faulty_store::do_renew(renew_op& op) noexcept {
  return run(op, [&](auto&) {
    const digest key = key_of(op.key, nullptr);
    entry* found = find(key);
    const nonce holder = nonce_of(op.nonce);
    write_verdict verdict = judge_renew(found == nullptr ? nullptr : &found->view, holder);
    if (found == nullptr) {
      if (is(fault::writes_make_records)) {
        entry fresh;
        fresh.view.owner = holder;
        fresh.expires = now_ + std::chrono::hours(1);
        found = &entries_.insert_or_assign(key, std::move(fresh)).first->second;
      }
    } else {
      const bool is_held =
          found->view.state == record_state::running || found->view.state == record_state::marked;
      if (is(fault::renew_without_compare) && is_held) verdict = write_verdict::apply;
      if (is(fault::renew_needs_the_lease) && found->view.lease_over) verdict = write_verdict::lost;
    }
    if (!applies(op, verdict)) return;
    if (is(fault::renew_forgets_the_mark)) found->view.state = record_state::running;
    found->lease_end =
        is(fault::renew_adds_to_the_end) ? found->lease_end + op.lease : lease_end(op.lease);
    if (is(fault::renew_keeps_the_lease_of_the_claim)) found->lease_end = lease_end(found->lease);
    found->lease = op.lease;
    if (is(fault::renew_does_not_move_the_retention)) return;
    found->expires = expiry(is(fault::renew_moves_just_the_retention)
                                ? found->retention
                                : std::max(found->retention, op.lease + retention_margin));
  });
}

bool faulty_store::do_mark(mark_op& op) noexcept {
  return run(op, [&](auto&) {
    const digest key = key_of(op.key, nullptr);
    entry* found = find(key);
    write_verdict verdict =
        judge_mark(found == nullptr ? nullptr : &found->view, nonce_of(op.nonce));
    if (found != nullptr) {
      const bool is_held =
          found->view.state == record_state::running || found->view.state == record_state::marked;
      if (is(fault::mark_without_compare) && is_held) verdict = write_verdict::apply;
      if (is(fault::mark_of_released) && found->view.state == record_state::released) {
        verdict = write_verdict::apply;
      }
      if (is(fault::mark_again_is_lost) && verdict == write_verdict::already) {
        verdict = write_verdict::lost;
      }
      if (is(fault::note_is_replaced) && verdict == write_verdict::already) {
        found->note = op.note;
      }
    }
    if (!applies(op, verdict)) return;
    found->view.state = record_state::marked;
    found->note = cut(op.note, fault::note_of_64_bytes);
    if (is(fault::mark_extends)) found->lease_end = lease_end(found->lease);
    if (is(fault::mark_moves_the_expiry)) found->expires = expiry(found->retention);
    if (is(fault::mark_hides_the_attempt)) found->expires = now_;
  });
}

void faulty_store::do_cancel(op_base& op) noexcept {
  if (!is(fault::cancel_undoes)) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& each) {
    const auto* claim = dynamic_cast<claim_op*>(&op);
    return claim != nullptr && each.first == claim->key;
  });
}

void faulty_store::do_shutdown() noexcept {
  std::vector<op_base*> pending;
  {
    const std::lock_guard lock(mutex_);
    is_shut_down_ = true;
    pending.swap(pending_);
  }
  for (op_base* each : pending) each->done();
}

}  // namespace parley::idempotency_testing
