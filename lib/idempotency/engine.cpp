// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/engine.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <string>
#include <utility>

#include "idempotency/engine_impl.hpp"
#include "idempotency/nonces.hpp"

namespace parley::idempotency {
namespace {

constexpr milliseconds busy_retry_after{1'000};
constexpr milliseconds hour = std::chrono::hours(1);

milliseconds system_now() {
  return std::chrono::duration_cast<milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

response_ref tombstone(stored_kind kind) {
  const std::byte byte{static_cast<std::uint8_t>(kind)};
  response_ref made = response_ref::copy_of({&byte, 1});
  if (!made) throw std::bad_alloc();
  return made;
}

void answer_busy(begin_op& op) noexcept {
  op.status = begin_status::busy;
  op.retry_after = busy_retry_after;
}

void answer_failed(begin_op& op, const store_failure& why) noexcept {
  op.status = begin_status::failed;
  op.failure = why;
}

// done() of requests that were waiting may run a handler, whose end lets the next request run its
// own: from here, one after the other, and not one inside the other.
thread_local begin_op* deferred_first = nullptr;
thread_local begin_op* deferred_last = nullptr;
thread_local bool is_delivering = false;

}  // namespace

observer::~observer() = default;

std::string_view to_string(event_kind kind) noexcept {
  switch (kind) {
    case event_kind::claimed: return "claimed";
    case event_kind::taken_over: return "taken_over";
    case event_kind::replayed: return "replayed";
    case event_kind::conflict: return "conflict";
    case event_kind::waited: return "waited";
    case event_kind::busy: return "busy";
    case event_kind::abandoned: return "abandoned";
    case event_kind::refused: return "refused";
    case event_kind::stored: return "stored";
    case event_kind::released: return "released";
    case event_kind::left: return "left";
    case event_kind::outcome_lost: return "outcome_lost";
    case event_kind::lease_lost: return "lease_lost";
    case event_kind::store_failure: return "store_failure";
  }
  return "unknown";
}

outbox::outbox(engine_impl& e) noexcept : e_(e), is_observed_(e.options.observer != nullptr) {}

void outbox::add(begin_op& op) noexcept {
  op.data.next_ = nullptr;
  if (first_ == nullptr) {
    first_ = &op;
  } else {
    last_->data.next_ = &op;
  }
  last_ = &op;
}

void outbox::flush(const attempt* of) noexcept {
  const std::size_t events = std::exchange(events_size_, 0);
  for (std::size_t i = 0; i < events; ++i) {
    assert(of != nullptr && "what is told is of an attempt");
    const bool has_failure = events_[i] == event_kind::store_failure;
    e_.tell({.kind = events_[i],
             .key = of->key,
             .request_id = of->request_id.view(),
             .operation_id = of->operation_id.view(),
             .fence = of->fence,
             .failure = has_failure ? &failure_ : nullptr});
  }
  const std::size_t steps = std::exchange(steps_size_, 0);
  for (std::size_t i = 0; i < steps; ++i) steps_[i]->done();

  begin_op* op = std::exchange(first_, nullptr);
  while (op != nullptr) {
    begin_op* const next = op->data.next_;
    const bool is_refused = op->status == begin_status::busy || op->status == begin_status::failed;
    if (is_refused && op->data.tries_ > 0) e_.surrender(*op);
    e_.tell_begun(*op);
    if (op == own_begin) {
      own_done = true;
    } else {
      op->data.next_ = nullptr;
      (deferred_first == nullptr ? deferred_first : deferred_last->data.next_) = op;
      deferred_last = op;
    }
    op = next;
  }
  if (is_delivering) return;
  is_delivering = true;
  while (deferred_first != nullptr) {
    begin_op* const first = deferred_first;
    deferred_first = first->data.next_;
    first->done();
  }
  is_delivering = false;
}

void shard::expired() noexcept { e->sweep(*this); }

engine_impl::engine_impl(store& records_, timer& when, engine_options options_)
    : records(records_),
      clock(when),
      options(std::move(options_)),
      margin(lease_margin(options.lease, options.clock_skew)),
      oversized(tombstone(stored_kind::oversized)),
      unstored(tombstone(stored_kind::unstored)),
      unix_offset_(system_now() -
                   std::chrono::duration_cast<milliseconds>(when.now().time_since_epoch())) {
  for (shard& each : shards_) each.e = this;
}

engine_impl::~engine_impl() {
  drain(milliseconds(0));
  // The store ends what it was given; the timer, what it is just calling.
  {
    lock held(drain_mutex_);
    while (living() != 0) {
      drained_.wait_for(held, milliseconds(10));
      held.unlock();
      // Again: a cancel that comes just before its operation is started cuts nothing off.
      give_up_background();
      held.lock();
    }
  }
  for (shard& each : shards_) {
    lock held(each.mutex);
    each.is_closing = true;
    if (each.is_armed && clock.cancel(each)) each.is_armed = false;
    each.calm.wait(held, [&each] { return !each.is_armed && each.sweeps == 0; });
  }
}

std::uint64_t engine_impl::unix_ms(steady_time now) const noexcept {
  if (options.unix_ms) return options.unix_ms();
  const auto steady = std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
  return static_cast<std::uint64_t>((steady + unix_offset_).count());
}

std::size_t engine_impl::living() const noexcept {
  std::size_t sum = 0;
  for (const shard& each : shards_) sum += each.living.load(std::memory_order_acquire);
  return sum;
}

void engine_impl::destroy(attempt& a) noexcept {
  shard& home = a.home;
  delete &a;
  // The last that is done here: who drains may destroy the engine as soon as it sees it.
  if (!is_draining_.load(std::memory_order_acquire)) {
    home.living.fetch_sub(1, std::memory_order_release);
    return;
  }
  const lock held(drain_mutex_);
  home.living.fetch_sub(1, std::memory_order_release);
  drained_.notify_all();
}

void engine_impl::tell_begun(const begin_op& op) const noexcept {
  if (options.observer == nullptr) return;
  event e{.key = op.key, .request_id = op.request_id, .operation_id = op.operation_id()};
  if (op.has_waited) {
    e.kind = event_kind::waited;
    e.waited = std::chrono::duration_cast<milliseconds>(clock.now() - op.data.started_);
    tell(e);
  }
  switch (op.status) {
    case begin_status::proceed:
      e.fence = op.data.asked_.fence;
      e.kind = op.operation_id() == op.request_id.substr(0, operation_id_bytes_max)
                   ? event_kind::claimed
                   : event_kind::taken_over;
      break;
    case begin_status::replay:
    case begin_status::tombstone: e.kind = event_kind::replayed; break;
    case begin_status::conflict: e.kind = event_kind::conflict; break;
    case begin_status::busy: e.kind = event_kind::busy; break;
    case begin_status::abandoned: e.kind = event_kind::abandoned; break;
    case begin_status::failed:
      e.kind = event_kind::refused;
      e.failure = &op.failure;
      break;
  }
  tell(e);
}

// Attempts and times.

void engine_impl::list(attempt& a) noexcept {
  attempt*& head = a.home.attempts[digest_hash()(a.key) % a.home.attempts.size()];
  a.next_attempt = head;
  a.link = &head;
  if (head != nullptr) head->link = &a.next_attempt;
  head = &a;
  a.is_listed = true;
}

void engine_impl::unlist(attempt& a) noexcept {
  *a.link = a.next_attempt;
  if (a.next_attempt != nullptr) a.next_attempt->link = a.link;
  a.is_listed = false;
}

bool engine_impl::has_local(const shard& s, const digest& key) const noexcept {
  const steady_time now = clock.now();
  const attempt* each = s.attempts[digest_hash()(key) % s.attempts.size()];
  for (; each != nullptr; each = each->next_attempt) {
    if (each->key == key && each->machine.holds(now)) return true;
  }
  return false;
}

void engine_impl::arm(shard& s) noexcept {
  if (s.is_closing) return;
  steady_time first = steady_time::max();
  for (const timed_heap* each : {&s.attempt_times, &s.waiter_times, &s.poll_times}) {
    if (each->top() != nullptr) first = std::min(first, each->top()->when);
  }
  if (first == steady_time::max()) return;
  if (s.is_armed) {
    // Early is no harm: the sweep looks, and arms again.
    if (first >= s.armed_for) return;
    if (!clock.cancel(s)) return;  // the sweep is on its way
  }
  s.is_armed = true;
  s.armed_for = first;
  clock.arm(s, first);
}

void engine_impl::sweep(shard& s) noexcept {
  lock held(s.mutex);
  s.is_armed = false;
  ++s.sweeps;
  // Armed again before done() is called: where the timer has more threads, one that is long in it
  // holds up none of the others' renewals.
  while (true) {
    const steady_time now = clock.now();
    const auto due = [now](const timed_heap& heap) {
      return heap.top() != nullptr && heap.top()->when <= now;
    };
    outbox out(*this);
    if (due(s.attempt_times)) {
      auto& a = static_cast<attempt&>(*s.attempt_times.top());
      s.attempt_times.remove(a);
      ++a.users;
      arm(s);
      a.run(held, out, now);
    } else if (due(s.waiter_times)) {
      begin_op& op = *static_cast<begin_data::wait_node*>(s.waiter_times.top())->op;
      s.waiter_times.remove(op.data.deadline_);
      const auto queue = find_queue(s, op.key, op.fingerprint);
      if (queue->second.prober == &op) {
        op.data.is_late_ = true;  // its claim is with the store: that answer decides
        continue;
      }
      unlink(s, queue, op);
      answer_busy(op);
      out.add(op);
      arm(s);
      held.unlock();
      out.flush(nullptr);
    } else if (due(s.poll_times)) {
      auto& queue = static_cast<waiting&>(*s.poll_times.top());
      s.poll_times.remove(queue);
      if (has_local(s, queue.key)) {
        poll_later(s, queue, now + options.poll_max);  // it wakes them, unless it loses its lease
        continue;
      }
      begin_op* const op = probe(queue, now);
      arm(s);
      held.unlock();
      if (op != nullptr) send(op, out);
    } else {
      break;
    }
    held.lock();
  }
  arm(s);
  if (--s.sweeps == 0) s.calm.notify_all();
}

// Requests.

bool engine_impl::renew_nonce(begin_op& op, steady_time now) noexcept {
  op.data.tries_ = 0;
  op.data.first_sent_ = now;
  op.data.asked_.unix_ms = unix_ms(now);
  if (options.nonces) {
    op.data.asked_.nonce = options.nonces();
    return true;
  }
  const auto made = next_nonce();
  if (made) op.data.asked_.nonce = *made;
  return made.has_value();
}

bool engine_impl::begin(begin_op& op) noexcept {
  // Not when the next one is put there: that is done under a lock, which this takes.
  if (op.held) op.held.abandon();
  const steady_time now = clock.now();
  op.retry_after = milliseconds(0);
  op.data.engine_ = this;
  op.data.tries_ = 0;
  op.has_waited = op.data.is_late_ = false;
  op.data.started_ = now;
  claim_op& inner = op.data.asked_;
  inner.key = op.key;
  inner.fingerprint = op.fingerprint;
  inner.scope = op.scope;
  inner.request_id = op.request_id;
  inner.lease = options.lease;
  inner.retention = options.retention;
  inner.rerun_marked = op.rerun_marked;
  const bool is_shut = is_draining_.load(std::memory_order_relaxed);
  if (is_shut || !renew_nonce(op, now)) {
    answer_failed(op, {.why = is_shut ? store_errc::shut_down : store_errc::unavailable,
                       .is_retryable = true});
    tell_begun(op);
    return true;
  }
  if (!records.claim(inner)) return false;
  if (inner.status == claim_status::completed || inner.status == claim_status::conflict) {
    read_response(op);
    tell_begun(op);
    return true;
  }
  outbox out(*this);
  out.own_begin = &op;
  begin_op* const next = answered(op, out);
  if (next != nullptr) send(next, out);
  return out.own_done;
}

// Of a claim that was answered with `completed` or `conflict`.
void engine_impl::read_response(begin_op& op) const noexcept {
  if (op.data.asked_.status == claim_status::conflict) {
    op.status = begin_status::conflict;
    return;
  }
  const auto bytes = op.data.asked_.response.bytes();
  switch (bytes.empty() ? stored_kind{} : static_cast<stored_kind>(bytes.front())) {
    case stored_kind::response: op.status = begin_status::replay; return;
    case stored_kind::oversized:
    case stored_kind::unstored: op.status = begin_status::tombstone; return;
  }
  answer_failed(op, {.why = store_errc::corrupt_record});
}

bool engine_impl::send(begin_op* op, outbox& out) noexcept {
  while (op != nullptr) {
    if (!records.claim(op->data.asked_)) return false;
    op = answered(*op, out);
  }
  return true;
}

void engine_impl::count_try(begin_op& op) noexcept {
  const claim_op& inner = op.data.asked_;
  if (inner.status != claim_status::failed) {
    op.data.tries_ = 0;
  } else if (!inner.failure.is_outcome_known) {
    ++op.data.tries_;
  }
}

begin_op* engine_impl::answered(begin_op& op, outbox& out) noexcept {
  if (op.has_waited) return answered_waiting(op, out);
  const claim_op& inner = op.data.asked_;
  count_try(op);
  switch (after_claim(inner.status, inner.failure, op.data.tries_, holds(op))) {
    case claim_next::again: return &op;
    case claim_next::wait: return start_waiting(op, out);
    case claim_next::proceed: {
      lock held(shard_of(op.key).mutex);
      take_up(op, held, out);
      break;
    }
    case claim_next::surrender:  // by the outbox
      if (inner.status == claim_status::claimed) {
        op.data.tries_ = 1;  // it was granted
        answer_failed(op, {.why = store_errc::timed_out, .is_retryable = true});
        out.add(op);
        break;
      }
      [[fallthrough]];
    case claim_next::answer:
      switch (inner.status) {
        case claim_status::abandoned: op.status = begin_status::abandoned; break;
        case claim_status::failed: answer_failed(op, inner.failure); break;
        default: read_response(op); break;
      }
      out.add(op);
      break;
  }
  out.flush(nullptr);
  return nullptr;
}

// Of a claim that was granted; of any other it does not matter.
bool engine_impl::holds(const begin_op& op) const noexcept {
  return op.data.asked_.status != claim_status::claimed ||
         clock.now() < op.data.first_sent_ + options.lease - margin;
}

std::unique_ptr<attempt> engine_impl::make_attempt(const begin_op& op, shard& in) const noexcept {
  std::unique_ptr<attempt> made(
      new (std::nothrow) attempt(const_cast<engine_impl&>(*this), in,
                                 attempt_machine(options.lease, margin, op.data.first_sent_)));
  if (!made) return made;
  in.living.fetch_add(1, std::memory_order_relaxed);
  made->key = op.key;
  made->fingerprint = op.fingerprint;
  made->scope = op.scope;
  made->nonce = op.data.asked_.nonce;
  made->fence = op.data.asked_.fence;
  made->request_id.assign(op.request_id);
  made->operation_id = op.data.asked_.operation_id;
  return made;
}

// The claim was granted.
void engine_impl::take_up(begin_op& op, lock& held, outbox& out) noexcept {
  shard& s = shard_of(op.key);
  attempt* const made = make_attempt(op, s).release();
  if (made == nullptr) {
    // Nothing can end it now but its lease.
    answer_failed(op, {.why = store_errc::out_of_memory, .is_retryable = true});
  } else {
    made->users = 1;
    made->has_claim = true;
    list(*made);
    s.attempt_times.push(*made, made->machine.wake());
    arm(s);
    op.status = begin_status::proceed;
    op.held = claim(*made);
  }
  held.unlock();
  out.add(op);
}

// The claim may have been granted, and nobody runs under it.
void engine_impl::surrender(const begin_op& op) noexcept {
  shard& s = shard_of(op.key);
  attempt* const made = make_attempt(op, s).release();
  if (made == nullptr) return;
  made->users = 1;
  made->operation_id.assign(op.request_id);
  made->fence = std::max(op.data.asked_.fence, op.data.asked_.unix_ms);
  made->machine.want_release(clock.now());
  outbox out(*this);
  lock held(s.mutex);
  list(*made);
  made->run(held, out, clock.now());
}

// Waiting.

engine_impl::queue_iterator engine_impl::find_queue(shard& s, const digest& key,
                                                    const digest& fingerprint) noexcept {
  auto [first, last] = s.queues.equal_range(key);
  for (; first != last; ++first) {
    if (first->second.fingerprint == fingerprint) return first;
  }
  return s.queues.end();
}

begin_op* engine_impl::start_waiting(begin_op& op, outbox& out) noexcept {
  shard& s = shard_of(op.key);
  lock held(s.mutex);
  auto queue = find_queue(s, op.key, op.fingerprint);
  const bool is_new = queue == s.queues.end();
  bool may_wait = options.wait > options.wait.zero() && options.waiters_per_key_max > 0 &&
                  !is_draining_.load(std::memory_order_relaxed) &&
                  (is_new || queue->second.size < options.waiters_per_key_max);
  if (may_wait && waiters_.fetch_add(1, std::memory_order_relaxed) >= options.waiters_max) {
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    may_wait = false;
  }
  if (may_wait && is_new) {
    try {
      queue = s.queues.emplace(op.key, waiting());
    } catch (const std::bad_alloc&) {
      waiters_.fetch_sub(1, std::memory_order_relaxed);
      may_wait = false;
    }
  }
  if (!may_wait) {
    held.unlock();
    answer_busy(op);
    out.add(op);
    out.flush(nullptr);
    return nullptr;
  }
  waiting& in = queue->second;
  if (is_new) {
    in.key = op.key;
    in.fingerprint = op.fingerprint;
    in.backoff = options.poll_first;
  }
  op.has_waited = true;
  op.data.tries_ = 0;
  op.data.next_ = nullptr;
  op.data.prev_ = in.last;
  (in.last == nullptr ? in.first : in.last->data.next_) = &op;
  in.last = &op;
  ++in.size;
  op.data.deadline_.op = &op;
  s.waiter_times.push(op.data.deadline_, op.data.started_ + options.wait);
  arm(s);
  // Whoever ends from now on sees that somebody waits. One that ended a moment ago, or is of
  // another process, is seen by looking once more.
  if (!is_new) return nullptr;
  if (has_local(s, op.key)) {
    poll_later(s, in, clock.now() + options.poll_max);
    return nullptr;
  }
  return probe(in, clock.now());
}

void engine_impl::unlink(shard& s, queue_iterator at, begin_op& op) noexcept {
  waiting& in = at->second;
  (op.data.prev_ == nullptr ? in.first : op.data.prev_->data.next_) = op.data.next_;
  (op.data.next_ == nullptr ? in.last : op.data.next_->data.prev_) = op.data.prev_;
  s.waiter_times.remove(op.data.deadline_);
  waiters_.fetch_sub(1, std::memory_order_relaxed);
  if (--in.size > 0) return;
  s.poll_times.remove(in);
  s.queues.erase(at);
}

void engine_impl::finish_all(shard& s, queue_iterator at, const begin_op* except, outbox& out,
                             void (*answer)(begin_op& op, const void* from),
                             const void* from) noexcept {
  begin_op* each = at->second.first;
  while (each != nullptr) {
    begin_op& op = *each;
    each = op.data.next_;
    if (&op == except) continue;
    const bool is_last = at->second.size == 1;
    unlink(s, at, op);
    answer(op, from);
    out.add(op);
    if (is_last) return;
  }
}

void engine_impl::poll_later(shard& s, waiting& queue, steady_time when) noexcept {
  s.poll_times.remove(queue);
  s.poll_times.push(queue, when);
  arm(s);
}

// Whose claim is to be sent now; null: one is with the store already.
begin_op* engine_impl::probe(waiting& queue, steady_time now) noexcept {
  if (queue.prober != nullptr) {
    queue.probe_again = true;
    return nullptr;
  }
  begin_op& op = *queue.first;
  queue.prober = &op;
  queue.probe_again = false;
  // Under the same nonce where that may have been granted; else a duplicate of an older claim, on
  // its way still, could be taken for this one.
  if (op.data.tries_ == 0) renew_nonce(op, now);
  return &op;
}

begin_op* engine_impl::wake_waiting(attempt& a, outbox& out) noexcept {
  shard& s = a.home;
  if (s.queues.empty()) return nullptr;
  begin_op* next = nullptr;
  auto [at, last] = s.queues.equal_range(a.key);
  while (at != last) {
    const auto queue = at++;
    waiting& in = queue->second;
    const steady_time now = clock.now();
    if (a.machine.end() == attempt_end::stored && a.response) {
      // The prober's claim is with the store, and may have come there before.
      in.probe_again = in.prober != nullptr;
      finish_all(
          s, queue, in.prober, out,
          [](begin_op& op, const void* from) {
            const auto& ended = *static_cast<const attempt*>(from);
            op.data.asked_.operation_id = ended.operation_id;
            op.data.asked_.status = ended.fingerprint == op.fingerprint ? claim_status::completed
                                                                        : claim_status::conflict;
            if (op.data.asked_.status == claim_status::completed)
              op.data.asked_.response = ended.response;
            ended.e.read_response(op);
          },
          &a);
    } else if (a.machine.end() == attempt_end::released && next == nullptr) {
      in.backoff = options.poll_first;
      next = probe(in, now);
    } else {
      in.backoff = options.poll_first;
      poll_later(s, in, a.machine.end() == attempt_end::released ? now : now + in.backoff);
    }
  }
  return next;
}

begin_op* engine_impl::answered_waiting(begin_op& op, outbox& out) noexcept {
  shard& s = shard_of(op.key);
  lock held(s.mutex);
  const steady_time now = clock.now();
  const auto at = find_queue(s, op.key, op.fingerprint);
  waiting& in = at->second;
  claim_op& inner = op.data.asked_;
  in.prober = nullptr;
  count_try(op);
  begin_op* next = nullptr;

  const auto finish_with = [&](auto applies) {
    begin_op* each = in.first;
    std::size_t left = in.size;
    for (; left > 0; --left) {
      begin_op& waiter = *each;
      each = waiter.data.next_;
      if (&waiter != &op && !applies(waiter)) continue;
      unlink(s, at, waiter);
      if (&waiter != &op) {
        waiter.data.asked_.status = inner.status;
        waiter.data.asked_.operation_id = inner.operation_id;
        waiter.data.asked_.note = inner.note;
        waiter.data.asked_.response = inner.response;
        waiter.failure = inner.failure;
      }
      switch (inner.status) {
        case claim_status::abandoned: waiter.status = begin_status::abandoned; break;
        case claim_status::failed: answer_failed(waiter, inner.failure); break;
        default: read_response(waiter); break;
      }
      out.add(waiter);
    }
  };

  switch (inner.status) {
    case claim_status::claimed: {
      if (!holds(op)) {
        // Too late to run: when the release is done, somebody in the queue claims again.
        poll_later(s, in, now + in.backoff);
        held.unlock();
        surrender(op);
        break;
      }
      const bool is_last = in.size == 1;
      unlink(s, at, op);
      // The others wait for this one; but it may lose its lease, and run on.
      if (!is_last) poll_later(s, in, now + options.poll_max);
      take_up(op, held, out);
      break;
    }
    case claim_status::completed:
    case claim_status::conflict: finish_with([](const begin_op&) { return true; }); break;
    case claim_status::abandoned: {
      // Others may have another policy, and then run.
      bool some_stay = false;
      for (const begin_op* each = in.first; each != nullptr; each = each->data.next_) {
        some_stay |= each != &op && each->rerun_marked;
      }
      finish_with([](const begin_op& waiter) { return !waiter.rerun_marked; });
      if (some_stay) next = probe(in, now);
      break;
    }
    case claim_status::failed:
      if (inner.failure.is_outcome_known && !inner.failure.is_retryable) {
        finish_with([](const begin_op&) { return true; });
        break;
      }
      [[fallthrough]];  // it is running, for all that is known
    case claim_status::running: {
      const bool probe_again = std::exchange(in.probe_again, false);
      if (op.data.is_late_ || is_draining_.load(std::memory_order_relaxed)) {
        const bool is_last = in.size == 1;
        unlink(s, at, op);
        answer_busy(op);
        out.add(op);
        if (!is_last) poll_later(s, in, now);
        break;
      }
      if (probe_again) {
        next = probe(in, now);
        break;
      }
      if (has_local(s, op.key)) {
        poll_later(s, in, now + options.poll_max);
        break;
      }
      milliseconds pause = in.backoff;
      if (inner.status == claim_status::running) {
        // A store of one's own may say anything.
        const milliseconds left = std::clamp(inner.lease_left, milliseconds(0), options.poll_max);
        pause = std::min(pause, left + milliseconds(1));
      }
      in.backoff = std::min(in.backoff * 2, options.poll_max);
      poll_later(s, in, now + pause);
      break;
    }
  }
  if (held.owns_lock()) held.unlock();
  out.flush(nullptr);
  return next;
}

void begin_data::asked::done() noexcept {
  engine_impl& e = *of_.data.engine_;
  outbox out(e);
  if (begin_op* const next = e.answered(of_, out)) e.send(next, out);
}

bool engine_impl::drain(milliseconds deadline) noexcept {
  is_draining_ = true;
  const auto until = std::chrono::steady_clock::now() + std::clamp(deadline, milliseconds(0), hour);
  for (shard& s : shards_) {
    outbox out(*this);
    lock held(s.mutex);
    for (auto at = s.queues.begin(); at != s.queues.end();) {
      const auto queue = at++;
      if (queue->second.prober != nullptr) queue->second.prober->data.is_late_ = true;
      finish_all(
          s, queue, queue->second.prober, out, [](begin_op& op, const void*) { answer_busy(op); },
          nullptr);
    }
    held.unlock();
    out.flush(nullptr);
  }
  lock held(drain_mutex_);
  while (living() != 0 && std::chrono::steady_clock::now() < until) {
    drained_.wait_until(held, std::min(until, std::chrono::steady_clock::now() + milliseconds(10)));
  }
  if (living() == 0) return true;
  held.unlock();
  give_up_background();
  return false;
}

void engine_impl::give_up_background() noexcept {
  const unsigned round = rounds_.fetch_add(1, std::memory_order_relaxed) + 1;
  for (shard& s : shards_) {
    lock of_shard(s.mutex);
    while (attempt* const a = find_background(s, round)) {
      a->given_up_in = round;
      ++a->users;
      outbox out(*this);
      if (a->machine.sent() == holder_step::none) {
        a->machine.give_up();
      } else {
        op_base& sent = *a->op();
        of_shard.unlock();
        records.cancel(sent);
        of_shard.lock();
      }
      a->run(of_shard, out, clock.now());
      of_shard.lock();
    }
  }
}

// An attempt that nobody holds the claim of, and that was not given up in this round.
attempt* engine_impl::find_background(shard& s, unsigned round) noexcept {
  for (attempt* each : s.attempts) {
    for (; each != nullptr; each = each->next_attempt) {
      if (!each->has_claim && each->given_up_in < round) return each;
    }
  }
  return nullptr;
}

engine::engine(std::unique_ptr<engine_impl> made) noexcept : impl_(std::move(made)) {}
engine::~engine() = default;

bool engine::begin(begin_op& op) noexcept { return impl_->begin(op); }
bool engine::drain(milliseconds deadline) noexcept { return impl_->drain(deadline); }
const engine_options& engine::options() const noexcept { return impl_->options; }

namespace {

// Empty: nothing is wrong.
std::string contradiction(const engine_options& o) {
  const auto text = [](milliseconds d) { return std::to_string(d.count()) + " ms"; };
  const milliseconds zero{0};
  if (o.lease < milliseconds(250)) return "lease is " + text(o.lease) + ", below 250 ms";
  if (o.retention > retention_max) {
    return "retention is " + text(o.retention) + ", above " + text(retention_max);
  }
  if (o.lease > retention_max || o.retention < o.lease + retention_margin) {
    return "retention is " + text(o.retention) + ", which does not outlast the lease of " +
           text(o.lease) + " by " + text(retention_margin);
  }
  if (o.clock_skew < zero) return "clock_skew is negative";
  if (o.clock_skew > o.lease || 4 * lease_margin(o.lease, o.clock_skew) >= o.lease) {
    return "lease is " + text(o.lease) + ", not above four times its margin: see clock_skew";
  }
  if (o.wait < zero || o.wait > hour) return "wait is " + text(o.wait) + ", not 0 to an hour";
  if (o.poll_first < milliseconds(1) || o.poll_max > hour || o.poll_first > o.poll_max) {
    return "poll_first and poll_max are not 1 ms <= poll_first <= poll_max <= 1 h";
  }
  if (o.persist_wait < zero || o.persist_wait > o.lease) {
    return "persist_wait is " + text(o.persist_wait) + ", not 0 to the lease";
  }
  if (o.waiters_per_key_max > o.waiters_max) return "waiters_per_key_max is above waiters_max";
  if (o.response_bytes_max > std::size_t{512} << 20) return "response_bytes_max is above 512 MiB";
  return {};
}

}  // namespace

result<std::unique_ptr<engine>, std::string> make_engine(store& records, timer& when,
                                                         engine_options options) {
  if (std::string why = contradiction(options); !why.empty()) return failure{std::move(why)};
  if (!options.nonces && !next_nonce()) return failure{std::string("there are no random bytes")};
  return std::unique_ptr<engine>(
      new engine(std::make_unique<engine_impl>(records, when, std::move(options))));
}

}  // namespace parley::idempotency
