// SPDX-License-Identifier: Apache-2.0
#include "sandbox/deliveries.hpp"

#include <algorithm>

namespace parley::sandbox {
namespace {

std::chrono::milliseconds pause_after(unsigned attempts) noexcept {
  auto pause = delivery_pause_first;
  for (; attempts > 1 && pause < delivery_pause_max; --attempts) pause *= 2;
  return std::min(pause, delivery_pause_max);
}

}  // namespace

void delivery_queue::schedule(events::iterator of, time_point due) {
  of->second.due = due;
  schedule_.emplace(due, of->first);
}

void delivery_queue::unschedule(events::iterator of) {
  schedule_.erase({of->second.due, of->first});
}

void delivery_queue::erase(events::iterator of) {
  unschedule(of);
  let_go(of->second);
  if (const auto found = by_call_.find(of->second.call_id);
      found != by_call_.end() && found->second == of->first) {
    by_call_.erase(found);
  }
  events_.erase(of);
  counts_.pending = events_.size();
}

void delivery_queue::add(std::string id, std::string scope, std::string call_id,
                         time_point ended_at, const delivery_fault& fault) {
  if (events_.size() >= deliveries_max && !schedule_.empty()) {
    erase(events_.find(schedule_.begin()->second));
    ++counts_.given_up;
  }
  time_point::duration lateness = fault.delay;
  if (fault.is_held) lateness += delivery_held_max;
  const time_point due = ended_at + lateness;
  by_call_.insert_or_assign(call_id, id);
  const auto [made, is_new] =
      events_.emplace(std::move(id), event{.scope = std::move(scope),
                                           .call_id = std::move(call_id),
                                           .due = due,
                                           .lateness = lateness,
                                           .is_duplicated = fault.is_duplicated,
                                           .is_held = fault.is_held});
  if (is_new) {
    schedule(made, due);
    held_ += fault.is_held ? 1 : 0;
  }
  counts_.pending = events_.size();
}

void delivery_queue::hasten(std::string_view call_id, time_point ended_at) {
  const auto id = by_call_.find(call_id);
  if (id == by_call_.end()) return;
  const auto found = events_.find(id->second);
  event& of = found->second;
  const time_point due = ended_at + of.lateness;
  if (of.attempts > 0 || of.due <= due) return;
  unschedule(found);
  schedule(found, due);
}

void delivery_queue::forget(std::string_view scope) {
  for (auto each = events_.begin(); each != events_.end();) {
    const auto next = std::next(each);
    if (each->second.scope == scope) erase(each);
    each = next;
  }
}

void delivery_queue::clear() {
  events_.clear();
  schedule_.clear();
  by_call_.clear();
  held_ = 0;
  counts_ = {};
}

std::optional<time_point> delivery_queue::next_due() const {
  if (schedule_.empty()) return std::nullopt;
  return schedule_.begin()->first;
}

std::vector<delivery_queue::attempt> delivery_queue::take_due(time_point now) {
  std::vector<attempt> taken;
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const auto next = events_.find(schedule_.begin()->second);
    unschedule(next);
    event& of = next->second;
    let_go(of);
    if (of.attempts == 0) of.first_sent = now;
    of.ticket = ++last_ticket_;
    ++counts_.attempts;
    taken.push_back({next->first, of.scope, of.call_id, ++of.attempts, of.ticket});
  }
  return taken;
}

// What was held back to come behind this one, and whose call has ended.
void delivery_queue::release_held(const std::string& scope, time_point now) {
  if (held_ == 0) return;
  for (auto each = events_.begin(); each != events_.end(); ++each) {
    event& e = each->second;
    if (!e.is_held || e.scope != scope) continue;
    if (e.due - delivery_held_max > now) continue;
    unschedule(each);
    let_go(e);
    schedule(each, now);
  }
}

void delivery_queue::let_go(event& of) {
  held_ -= of.is_held ? 1 : 0;
  of.is_held = false;
}

// The ticket, as with a seed the calls after a reset have the ids of those before it.
delivery_queue::events::iterator delivery_queue::find(const attempt& of) {
  const auto found = events_.find(of.id);
  return found != events_.end() && found->second.ticket == of.ticket ? found : events_.end();
}

void delivery_queue::give_up(const attempt& of) {
  const auto found = find(of);
  if (found == events_.end()) return;
  ++counts_.given_up;
  erase(found);
}

void delivery_queue::attempted(const attempt& what, bool is_taken, time_point now) {
  const auto found = find(what);
  if (found == events_.end()) return;
  event& of = found->second;
  of.ticket = 0;
  release_held(of.scope, now);
  if (is_taken) {
    ++counts_.delivered;
    if (!of.is_duplicated) return erase(found);
    of.is_duplicated = false;
    return schedule(found, now);
  }
  const time_point next = now + pause_after(of.attempts);
  if (next >= of.first_sent + delivery_window) {
    ++counts_.given_up;
    return erase(found);
  }
  schedule(found, next);
}

}  // namespace parley::sandbox
