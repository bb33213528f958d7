// SPDX-License-Identifier: Apache-2.0
#include "sandbox/calls.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "sandbox/ids.hpp"

namespace parley::sandbox {
namespace {

// The contract names one pair, busy and user_busy, and no more (D4, D5). The reasons are ours:
// cause names of ITU-T Q.850 where there is one.
struct ending {
  errors::code code;
  std::string_view status;
  std::string_view outcome;
  std::string_view reason;
};
constexpr ending endings[] = {
    {errors::code::busy, "busy", "busy", "user_busy"},
    {errors::code::no_answer, "no_answer", "no_answer", "no_answer_from_user"},
    {errors::code::number_unreachable, "failed", "failed", "unallocated_number"},
    {errors::code::call_declined, "failed", "failed", "call_rejected"},
    {errors::code::carrier_rejected, "failed", "failed", "network_out_of_order"},
    {errors::code::voicemail_reached, "completed", "voicemail", "normal_clearing"},
};

}  // namespace

call_state state_of(const call& c, time_point now) noexcept {
  if (c.canceled_at) {
    return {.status = "canceled",
            .outcome = "canceled",
            .failure_code = {},
            .failure_category = {},
            .disconnection_reason = "canceled",
            .ended_at = c.canceled_at};
  }
  call_state state;
  if (now < c.created_at + ended_after) {
    state.status = now < c.created_at + answered_after ? "queued" : "in_progress";
    return state;
  }
  state.ended_at = c.created_at + ended_after;
  if (c.failure == nullptr) {
    state.status = "completed";
    state.outcome = "completed";
    state.disconnection_reason = "normal_clearing";
    return state;
  }
  const auto* end = std::ranges::find(endings, c.failure->code, &ending::code);
  assert(end != std::end(endings) && "every asynchronous code has an ending");
  state.status = end->status;
  state.outcome = end->outcome;
  state.failure_code = c.failure->name;
  state.failure_category = errors::to_string(c.failure->category);
  state.disconnection_reason = end->reason;
  return state;
}

std::optional<std::string> call_book::place(std::string scope, std::string from_number,
                                            std::string to_number, const errors::row* failure,
                                            const std::function<time_point()>& now) {
  const std::lock_guard lock(mutex_);
  const time_point created_at = now();
  if (at_once_max_ != 0 && is_busy(scope, created_at)) return std::nullopt;
  const std::uint64_t number = next_number(created_at);
  std::string id = format_call_id(number);
  auto& of_scope = by_scope_[scope];
  of_scope.insert(of_scope.end(), number);
  try {
    calls_.emplace_hint(calls_.end(), number,
                        call{.number = number,
                             .id = id,
                             .scope = std::move(scope),
                             .from_number = std::move(from_number),
                             .to_number = std::move(to_number),
                             .created_at = created_at,
                             .failure = failure});
  } catch (...) {
    of_scope.erase(number);
    throw;
  }
  last_number_ = number;
  ++drawn_;
  if (calls_.size() > calls_max) forget_oldest();
  ++placed_;
  return id;
}

std::uint64_t call_book::next_number(time_point now) const noexcept {
  if (seed_) return seeded_call_number(*seed_, drawn_, last_number_);
  const auto time =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
  return std::max(last_number_ + 1, time);
}

// From the newest call back to the first that has run its time.
bool call_book::is_busy(const std::string& scope, time_point now) const {
  const auto of_scope = by_scope_.find(scope);
  if (of_scope == by_scope_.end()) return false;
  std::size_t in_progress = 0;
  for (auto it = of_scope->second.rbegin(); it != of_scope->second.rend(); ++it) {
    const call& each = calls_.find(*it)->second;
    if (each.created_at + ended_after <= now) break;
    if (!each.canceled_at && ++in_progress >= at_once_max_) return true;
  }
  return false;
}

void call_book::forget_oldest() {
  const auto oldest = calls_.begin();
  const auto of_scope = by_scope_.find(oldest->second.scope);
  of_scope->second.erase(oldest->first);
  if (of_scope->second.empty()) by_scope_.erase(of_scope);
  calls_.erase(oldest);
}

call* call_book::find_locked(std::string_view scope, std::string_view id) {
  const auto number = parse_call_id(id);
  const auto found = number ? calls_.find(*number) : calls_.end();
  // Another key's call does not exist for this one (C30).
  const bool is_it = found != calls_.end() && found->second.scope == scope;
  return is_it ? &found->second : nullptr;
}

std::optional<call> call_book::find(std::string_view scope, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const call* found = const_cast<call_book*>(this)->find_locked(scope, id);
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

std::optional<call> call_book::cancel(std::string_view scope, std::string_view id, time_point now) {
  const std::lock_guard lock(mutex_);
  call* found = find_locked(scope, id);
  if (found == nullptr) return std::nullopt;
  if (!state_of(*found, now).ended_at) found->canceled_at = now;
  return *found;
}

result<call, call_book::patch_errc> call_book::patch(std::string_view scope, std::string_view id,
                                                     const metadata_patch& changes) {
  const std::lock_guard lock(mutex_);
  call* found = find_locked(scope, id);
  if (found == nullptr) return failure{patch_errc::not_found};
  metadata changed = found->metadata;
  for (const auto& [key, value] : changes) {
    if (value) {
      changed.insert_or_assign(key, *value);
    } else {
      changed.erase(key);
    }
  }
  if (changed.size() > metadata_keys_max) return failure{patch_errc::too_many_keys};
  found->metadata = std::move(changed);
  return *found;
}

call_book::page call_book::list(std::string_view scope, bool ascending,
                                std::optional<std::uint64_t> after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  page found;
  const auto of_scope = by_scope_.find(scope);
  if (of_scope == by_scope_.end()) return found;
  const std::set<std::uint64_t>& numbers = of_scope->second;
  found.total = numbers.size();
  const auto take = [&](auto from, const auto& end) {
    for (; from != end && found.calls.size() < limit; ++from) {
      found.calls.push_back(calls_.find(*from)->second);
    }
  };
  if (ascending) {
    take(after ? numbers.upper_bound(*after) : numbers.begin(), numbers.end());
  } else {
    take(std::make_reverse_iterator(after ? numbers.lower_bound(*after) : numbers.end()),
         numbers.rend());
  }
  return found;
}

std::vector<call> call_book::newest(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<call> found;
  for (auto it = calls_.rbegin(); it != calls_.rend() && found.size() < limit; ++it) {
    found.push_back(it->second);
  }
  return found;
}

std::uint64_t call_book::placed() const {
  const std::lock_guard lock(mutex_);
  return placed_;
}

void call_book::clear() {
  const std::lock_guard lock(mutex_);
  calls_.clear();
  by_scope_.clear();
  placed_ = 0;
  if (seed_) last_number_ = drawn_ = 0;
}

}  // namespace parley::sandbox
