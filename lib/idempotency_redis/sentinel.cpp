// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/sentinel.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "idempotency_redis/backoff.hpp"

namespace parley::idempotency_redis {

sentinel_follower::sentinel_follower(sentinel_options options, std::size_t sentinels,
                                     std::uint32_t seed)
    : options_(std::move(options)), random_(seed), order_(sentinels) {
  assert(sentinels > 0);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
}

sentinel_follower::time sentinel_follower::next_poll() const noexcept {
  if (state_ == state::idle) return due_;
  return is_said_ ? until_ : time::min();
}

sentinel_action sentinel_follower::poll(time now) noexcept {
  if (state_ == state::idle && now >= due_) begin_search(now);
  if (state_ == state::asking && is_said_ && now >= until_) ask_next(now);
  if (state_ == state::checking && is_said_ && now >= until_) fail_search(now);
  if (state_ == state::idle || std::exchange(is_said_, true)) return {};
  if (state_ == state::checking) {
    until_ = now + options_.check_timeout;
    return {sentinel_step::check, 0};
  }
  until_ = now + options_.ask_timeout;
  return {sentinel_step::ask, order_[asked_]};
}

void sentinel_follower::begin_search(time now) noexcept {
  state_ = state::asking;
  is_said_ = false;
  asked_ = 0;
  due_ = time::max();
  searched_last_ = now;
  searches_again_ = false;
}

void sentinel_follower::fail_search(time now) noexcept {
  // Whoever named a server that is no master is asked last.
  if (state_ == state::checking) move(0, order_.size() - 1);
  state_ = state::idle;
  searches_again_ = false;
  const backoff delay{options_.search_min, options_.search_max};
  due_ = now + delay.after(failures_++, random_);
}

void sentinel_follower::ask_next(time now) noexcept {
  is_said_ = false;
  if (++asked_ == order_.size()) fail_search(now);
}

// The others keep their order.
void sentinel_follower::move(std::size_t from, std::size_t to) noexcept {
  const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
  if (from < to) {
    std::rotate(at(from), at(from + 1), at(to + 1));
  } else {
    std::rotate(at(to), at(from), at(from + 1));
  }
}

sentinel_follower::time sentinel_follower::soonest(time now) const noexcept {
  return searched_last_ == time::min() ? now : std::max(now, searched_last_ + options_.search_min);
}

void sentinel_follower::on_answer(std::size_t sentinel, std::optional<master_address> said,
                                  time now) {
  if (state_ != state::asking || !is_said_ || order_[asked_] != sentinel) return;
  const bool is_old = said && said->epoch && *said->epoch < epoch_;
  if (!said || is_old) {
    ask_next(now);
    return;
  }
  move(asked_, 0);
  candidate_ = *std::move(said);
  if (is_up_ && candidate_.where == master_.where) {
    state_ = state::idle;
    failures_ = 0;
    epoch_ = std::max(epoch_, candidate_.epoch.value_or(0));
    if (std::exchange(searches_again_, false)) due_ = soonest(now);
    return;
  }
  state_ = state::checking;
  is_said_ = false;
}

void sentinel_follower::on_role(const node_address& from, bool is_master, time now) noexcept {
  if (state_ != state::checking || !is_said_ || from != candidate_.where) return;
  if (!is_master) {
    fail_search(now);
    return;
  }
  state_ = state::idle;
  failures_ = 0;
  master_ = std::move(candidate_);
  is_up_ = true;
  epoch_ = std::max(epoch_, master_.epoch.value_or(0));
  if (std::exchange(searches_again_, false)) due_ = soonest(now);
}

void sentinel_follower::on_switch(std::size_t sentinel, const switch_event& event,
                                  time now) noexcept {
  if (event.master != options_.master) return;
  if (is_up_ && event.host == master_.where.host && event.port == master_.where.port) return;
  if (state_ != state::idle) {
    searches_again_ = true;
    return;
  }
  // It has heard of it first.
  const auto found = std::ranges::find(order_, sentinel);
  if (found == order_.end()) return;
  move(static_cast<std::size_t>(found - order_.begin()), 0);
  // What has failed before has set the time already; an event is news.
  due_ = std::min(due_, soonest(now));
}

void sentinel_follower::on_lost(time now) noexcept {
  if (!std::exchange(is_up_, false)) return;
  if (state_ != state::idle) {
    searches_again_ = true;
    return;
  }
  due_ = std::min(due_, soonest(now));
}

}  // namespace parley::idempotency_redis
