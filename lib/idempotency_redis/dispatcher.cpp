// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/dispatcher.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "idempotency_redis/backoff.hpp"
#include "idempotency_redis/cluster_reply.hpp"
#include "idempotency_redis/sentinel_reply.hpp"
#include "idempotency_redis/server.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency::store_errc;
using std::chrono::milliseconds;

// A subscription that says nothing for so long is asked whether it is there, and has as long again.
constexpr milliseconds subscription_silence(5'000);
// What waits is looked at no more often, however much of it there is.
constexpr milliseconds waiting_step(5);
// Of what a server says went wrong, as much is told.
constexpr std::size_t error_text_max = 128;

link_settings settings_of(const redis_store_options& options, const endpoint& server) {
  return {.user = options.user.empty() ? server.user : options.user,
          .password = options.password.empty() ? server.password : options.password,
          .database = server.database,
          .reply_bytes_max = options.reply_bytes_max,
          .connect_timeout = options.connect_timeout,
          .silence_timeout = 2 * options.operation_timeout,
          .wait_replicas = options.wait_replicas,
          .wait_timeout = options.wait_timeout};
}

// For people. Empty where there is no memory for it.
std::string place_of(const node_address& where) noexcept {
  try {
    if (where.host.starts_with('/')) return where.host;
    const bool has_colon = where.host.find(':') != std::string::npos;
    std::string made = has_colon ? '[' + where.host + ']' : where.host;
    return made += ':' + std::to_string(where.port);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

}  // namespace

dispatcher::dispatcher(const redis_store_options& options, deployment where, dispatcher_host& host,
                       connector& connects, std::uint32_t seed)
    : options_(options),
      where_(std::move(where)),
      host_(host),
      connects_(connects),
      settings_(settings_of(options, where_.server)),
      slots_(options.key_prefix),
      random_(seed) {
  context_.key_prefix = options.key_prefix;
  context_.waits = options.wait_replicas > 0;
  switch (where_.how) {
    case topology::single:
      nodes_.resize(1);
      nodes_[master_node].where = where_.hosts.front();
      nodes_[master_node].reconnect_at = time::min();
      break;
    case topology::sentinel:
      nodes_.resize(2);
      follower_.emplace(sentinel_options{.master = where_.master}, where_.hosts.size(), seed);
      subscriptions_.resize(where_.hosts.size());
      command(sentinel_commands_, 3)
          .word("SENTINEL")
          .word("get-master-addr-by-name")
          .word(where_.master);
      command(sentinel_commands_, 3).word("SENTINEL").word("MASTER").word(where_.master);
      break;
    case topology::cluster:
      cluster_.emplace(cluster_options{}, where_.hosts, seed);
      nodes_.resize(cluster_->nodes_end());
      break;
  }
}

redis_store_stats dispatcher::stats() const noexcept {
  const auto read = [](const std::atomic<std::uint64_t>& of) {
    return of.load(std::memory_order_relaxed);
  };
  return {.pending = 0,
          .connections = read(connections_),
          .disconnections = read(disconnections_),
          .resent = read(resent_),
          .redirected = read(redirected_),
          .unknown = read(unknown_)};
}

void dispatcher::settle() noexcept {
  if (has_ended_) return;
  expire();
  look_at_question();
  do {
    drop_failed();
    look_at_waiting();
    try {
      if (cluster_) look_at_cluster();
      if (follower_) {
        look_at_subscriptions();
        look_at_sentinels();
      }
    } catch (...) {  // no memory to ask: they are asked again
    }
    look_at_nodes();
    for (node& each : nodes_) {
      if (!each.connection) continue;
      try {
        each.connection->flush();
      } catch (...) {
        each.connection->give_up(disconnect_reason::closed, "out of memory");
      }
    }
  } while (std::ranges::any_of(
      nodes_, [](const node& each) { return each.connection && each.connection->failed(); }));
}

dispatcher::time dispatcher::next() const noexcept {
  if (has_ended_) return time::max();
  time when = waiting_due_;
  if (live_ != nullptr) when = std::min(when, live_->started + options_.operation_timeout);
  for (const node& each : nodes_) {
    when = std::min(when, each.connection ? each.connection->deadline() : each.reconnect_at);
  }
  if (cluster_) when = std::min(when, cluster_->next_poll());
  if (follower_) when = std::min(when, follower_->next_poll());
  for (const subscription& each : subscriptions_) when = std::min(when, each.look_at);
  return when;
}

// ---- Operations

void dispatcher::add(pending& added) noexcept {
  added.is_waiting = added.in_flight = added.may_be_done = false;
  added.before = live_last_;
  added.after = nullptr;
  (live_last_ == nullptr ? live_ : live_last_->after) = &added;
  live_last_ = &added;
  if (cluster_) {
    act(added, cluster_->begin(added.way, slots_[added.what.key()], now_));
  } else {
    place(added);
  }
}

void dispatcher::place(pending& of) noexcept {
  if (cluster_) {
    act(of, cluster_->again(of.way, now_));
  } else if (link* const to = nodes_[master_node].connection.get(); to && to->is_usable()) {
    send(of, *to, false);
  } else {
    wait(of, time::max());
  }
}

void dispatcher::act(pending& of, const route& next) noexcept {
  switch (next.step) {
    case route_step::send:
    case route_step::ask: {
      if (!grow()) {
        wait(of, now_ + waiting_step);
        return;
      }
      link* const to = nodes_[next.to].connection.get();
      if (to != nullptr && to->is_usable()) {
        send(of, *to, next.step == route_step::ask);
      } else {
        need(next.to);
        wait(of, time::max());
      }
      return;
    }
    case route_step::wait: wait(of, now_ + next.after); return;
    case route_step::fail:
      of.what.refuse(next.failure);
      end(of);
      return;
  }
}

void dispatcher::send(pending& of, link& to, bool is_asking) noexcept {
  try {
    to.send(of, context_, is_asking);
  } catch (const std::bad_alloc&) {
    fail(of, store_errc::out_of_memory, true);
    return;
  }
  if (std::exchange(of.is_waiting, false)) {
    --waiting_;
    if (of.may_be_done) count(resent_);
  }
  of.may_be_done = true;
}

// Until then, or until a server is there, gone or found.
void dispatcher::wait(pending& of, time again_at) noexcept {
  if (!std::exchange(of.is_waiting, true)) ++waiting_;
  of.again_at = again_at;
  if (!of.may_be_done) again_at = std::min(again_at, of.started + options_.offline_timeout);
  waiting_due_ = std::min(waiting_due_, std::max(again_at, now_ + waiting_step));
}

void dispatcher::take_back(pending& of) noexcept {
  of.in_flight = false;
  if (of.what.op() == nullptr) {
    host_.unused(of);
    return;
  }
  of.what.send_again();
  wait(of, time::max());
}

// Its answer is in the op.
void dispatcher::end(pending& of) noexcept {
  const bool is_unknown = of.what.is_outcome_unknown();
  (of.before == nullptr ? live_ : of.before->after) = of.after;
  (of.after == nullptr ? live_last_ : of.after->before) = of.before;
  if (of.is_waiting) --waiting_;
  if (is_unknown) {
    count(unknown_);
    if (options_.observer != nullptr) options_.observer->outcome_unknown();
  }
  host_.ended(of);
}

void dispatcher::fail(pending& of, store_errc why, bool is_retryable) noexcept {
  of.what.fail({.why = why, .is_retryable = is_retryable, .is_outcome_known = !of.may_be_done});
  end(of);
}

void dispatcher::end_all() noexcept {
  has_ended_ = true;
  while (live_ != nullptr) fail(*live_, store_errc::shut_down, false);
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    if (!nodes_[id].connection) continue;
    nodes_[id].connection->give_up(disconnect_reason::shut_down, "shut down");
    drop(static_cast<node_id>(id));
  }
  question_.reset();
  subscriptions_.clear();
}

// What has had its time, and links that have fallen silent.
void dispatcher::expire() noexcept {
  while (live_ != nullptr && live_->started + options_.operation_timeout <= now_) {
    fail(*live_, live_->may_be_done ? store_errc::timed_out : store_errc::unavailable, true);
  }
  for (node& each : nodes_) {
    if (each.connection) each.connection->look_at_time();
  }
}

void dispatcher::look_at_waiting() noexcept {
  const bool all = std::exchange(wakes_waiting_, false);
  if (!all && now_ < waiting_due_) return;
  waiting_due_ = time::max();
  if (waiting_ == 0) return;
  for (pending* each = live_; each != nullptr;) {
    pending* const next = each->after;
    if (each->is_waiting) {
      if (!each->may_be_done && each->started + options_.offline_timeout <= now_) {
        fail(*each, store_errc::unavailable, true);
      } else if (all || each->again_at <= now_) {
        place(*each);
      } else {
        wait(*each, each->again_at);
      }
    }
    each = next;
  }
}

// ---- What links tell

void dispatcher::on_answer(link& from, pending& of, const reply& r) noexcept {
  if (cluster_ && r.what == reply::kind::error) {
    try {
      const auto next = cluster_->on_error(of.way, id_of(from), r.text, now_);
      if (next) {
        of.may_be_done = of.what.may_be_done();
        if (next->step == route_step::send || next->step == route_step::ask) count(redirected_);
        act(of, *next);
        return;
      }
    } catch (const std::bad_alloc&) {
      of.what.refuse({.why = store_errc::out_of_memory, .is_retryable = true});
      end(of);
      return;
    }
  }
  const operation::next next = of.what.on_reply(r, context_);
  if (!of.what.unexpected().empty() && options_.observer != nullptr) {
    options_.observer->refused(of.what.unexpected());
  }
  switch (next) {
    case operation::next::send:
      // While a slot moves, its owner says anew where to.
      place(of);
      return;
    case operation::next::finished:
      if (context_.waits && of.what.is_acknowledged()) {
        try {
          from.hold(of);
          return;
        } catch (const std::bad_alloc&) {
          of.what.fail(
              {.why = store_errc::out_of_memory, .is_retryable = true, .is_outcome_known = false});
        }
      }
      end(of);
      return;
    case operation::next::reconnect:
      take_back(of);
      from.give_up(disconnect_reason::refused, "the server takes no writes");
      return;
  }
}

void dispatcher::on_replicated(pending& of, bool is_enough) noexcept {
  if (is_enough) {
    end(of);
  } else {
    fail(of, store_errc::unavailable, true);
  }
}

void dispatcher::on_greeting(link& from, const reply& info) noexcept {
  const node_id id = id_of(from);
  const bool is_error = info.what == reply::kind::error;
  const server_info said = parse_info(is_error ? "" : info.text);
  try {
    for (const judged_finding& each : judge(said, options_)) {
      // What was found in order before is not stopped by a setting that somebody changed; but a
      // server that cannot do the work is of no use.
      const bool is_hard = each.what == finding::too_old || each.what == finding::is_replica;
      const on_finding action =
          each.action == on_finding::refuse && nodes_[id].was_ready && !is_hard ? on_finding::warn
                                                                                : each.action;
      if (options_.observer != nullptr) {
        options_.observer->found(place_of(nodes_[id].where), each.what, action);
      }
      if (action == on_finding::refuse) {
        from.give_up(disconnect_reason::refused, to_string(each.what));
      }
    }
  } catch (const std::bad_alloc&) {
    from.give_up(disconnect_reason::closed, "out of memory");
  }
  if (from.failed()) return;
  if (follower_ && id == candidate_node) {
    promote(said);
  } else {
    on_ready(id);
  }
}

// The candidate has greeted: it is the master if it says so and still is what is looked for.
void dispatcher::promote(const server_info& said) noexcept {
  node& candidate = nodes_[candidate_node];
  if (said.is_replica != false) {
    candidate.connection->give_up(disconnect_reason::refused, "does not say that it is a master");
    return;
  }
  follower_->on_role(candidate.where, true, now_);
  if (follower_->master() == nullptr || *follower_->master() != candidate.where) {
    candidate.connection->give_up(disconnect_reason::replaced, "is not looked for any more");
    return;
  }
  if (link* const old = nodes_[master_node].connection.get(); old != nullptr) {
    old->give_up(disconnect_reason::replaced, "another server is the master");
    discard(nodes_[master_node]);
  }
  nodes_[master_node] = std::exchange(candidate, {});
  on_ready(master_node);
}

// ---- Servers

node_id dispatcher::id_of(const link& of) const noexcept {
  const auto found =
      std::ranges::find_if(nodes_, [&](const node& each) { return each.connection.get() == &of; });
  return static_cast<node_id>(found - nodes_.begin());
}

void dispatcher::open(node_id id) noexcept {
  node& to = nodes_[id];
  to.reconnect_at = time::max();
  try {
    if (cluster_) to.where = cluster_->address(id);
    to.connection = std::make_unique<link>(static_cast<link_owner&>(*this), settings_, now_);
    to.connection->open(connects_, to.where);
  } catch (...) {
    to.connection.reset();
    to.reconnect_at = now_ + pause(to);
  }
}

std::chrono::microseconds dispatcher::pause(node& of) noexcept {
  const backoff delay{options_.reconnect_min, options_.reconnect_max};
  return delay.after(of.failures++, random_);
}

// For nodes that the cluster has made known. False: there is no memory for them.
bool dispatcher::grow() noexcept {
  if (nodes_.size() >= cluster_->nodes_end()) return true;
  try {
    nodes_.resize(cluster_->nodes_end());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Unless it is there, or will be.
void dispatcher::need(node_id id) noexcept {
  if (!nodes_[id].connection && nodes_[id].reconnect_at == time::max()) open(id);
}

void dispatcher::on_ready(node_id id) noexcept {
  node& of = nodes_[id];
  of.connection->set_ready();
  of.failures = 0;
  of.was_ready = true;
  if (cluster_) cluster_->on_connected(id);
  count(connections_);
  wakes_waiting_ = true;
  update_ready();
  if (options_.observer != nullptr) options_.observer->connected(place_of(of.where));
}

void dispatcher::drop_failed() noexcept {
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    if (nodes_[id].connection && nodes_[id].connection->failed()) drop(static_cast<node_id>(id));
  }
}

// Its link has failed. What was under way on it is sent again, there or elsewhere.
void dispatcher::discard(node& of) noexcept {
  const std::unique_ptr<link> old = std::exchange(of.connection, nullptr);
  old->take_back([this](pending& each) { take_back(each); });
  wakes_waiting_ = true;
  update_ready();
  if (old->was_ready()) count(disconnections_);
  if (options_.observer != nullptr) {
    options_.observer->disconnected(place_of(of.where), *old->failed(), old->failed_text());
  }
}

void dispatcher::drop(node_id id) noexcept {
  discard(nodes_[id]);
  if (has_ended_) return;
  if (follower_) {
    if (id == candidate_node) {
      follower_->on_role(nodes_[id].where, false, now_);
    } else {
      follower_->on_lost(now_);
    }
  } else if (cluster_ && cluster_->is_retired(id)) {
    cluster_->forget(id);
    nodes_[id] = {};
  } else {
    if (cluster_) cluster_->on_lost(id, now_);
    nodes_[id].reconnect_at = now_ + pause(nodes_[id]);
  }
}

void dispatcher::look_at_nodes() noexcept {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto id = static_cast<node_id>(i);
    node& each = nodes_[i];
    if (cluster_ && cluster_->is_retired(id)) {
      if (!each.connection) {
        cluster_->forget(id);
        each = {};
      } else if (each.connection->is_idle()) {
        each.connection->give_up(disconnect_reason::replaced, "no part of the cluster any more");
      }
    } else if (each.reconnect_at <= now_) {
      if (!cluster_ || cluster_->owns_slots(id)) {
        open(id);
      } else {
        // Nobody waits for it; whoever is sent to it connects.
        each.reconnect_at = time::max();
        cluster_->on_connected(id);
      }
    }
  }
}

void dispatcher::update_ready() noexcept {
  const auto is_usable = [](const node& each) {
    return each.connection && each.connection->is_usable();
  };
  bool ready = false;
  if (!cluster_) {
    ready = is_usable(nodes_[master_node]);
  } else if (cluster_->has_layout()) {
    if (!was_whole_) {
      was_whole_ = true;
      for (std::size_t id = 0; id < nodes_.size(); ++id) {
        if (!is_usable(nodes_[id]) && cluster_->owns_slots(static_cast<node_id>(id))) {
          was_whole_ = false;
        }
      }
    }
    ready = was_whole_ && std::ranges::any_of(nodes_, is_usable);
  }
  is_ready_.store(ready && !has_ended_, std::memory_order_release);
}

// ---- Who is where

// Throws std::bad_alloc.
void dispatcher::ask(const node_address& whom, std::string_view user, std::string_view password,
                     std::string_view commands, std::size_t answers) {
  question_.reset();
  answers_due_ = answers;
  auto made = std::make_unique<inquiry>(user, password, commands);
  made->open(connects_, whom);
  question_ = std::move(made);
}

void dispatcher::look_at_question() noexcept {
  if (!question_) return;
  const bool is_answered = question_->answers().size() >= answers_due_;
  if (!is_answered && !question_->has_failed()) return;
  bool is_of_use = false;
  try {
    if (is_answered) is_of_use = cluster_ ? take_layout() : take_master();
  } catch (const std::bad_alloc&) {
    // Then it was of no use.
  }
  if (!is_of_use) lose_question();
  question_.reset();
}

void dispatcher::tell_lookup_failed(std::string_view what) noexcept {
  if (options_.observer == nullptr) return;
  const node_address& whom =
      cluster_ ? cluster_->address(static_cast<node_id>(asked_)) : where_.hosts[asked_];
  options_.observer->lookup_failed(place_of(whom), what);
}

// What was asked gave no answer, or none of use.
void dispatcher::lose_question() noexcept {
  std::string_view why = question_->failed_text();
  if (const auto& said = question_->answers(); why.empty() && !said.empty()) {
    why = said.front().error();
  }
  tell_lookup_failed(why.empty() ? "not an answer" : why.substr(0, error_text_max));
  if (cluster_) {
    cluster_->on_refresh_failed(static_cast<node_id>(asked_), now_);
  } else {
    try {
      follower_->on_answer(asked_, std::nullopt, now_);
    } catch (const std::bad_alloc&) {  // it comes to its end in time
    }
  }
}

bool dispatcher::take_layout() {
  const auto layout = read_slots(question_->answers().front());
  if (!layout) return false;
  if (!cluster_->on_layout(static_cast<node_id>(asked_), *layout, now_)) return false;
  if (!grow()) return true;  // what is sent to them makes room
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    if (cluster_->owns_slots(static_cast<node_id>(id))) need(static_cast<node_id>(id));
  }
  wakes_waiting_ = true;
  update_ready();
  return true;
}

bool dispatcher::take_master() {
  auto said = read_master_address(question_->answers()[0]);
  if (!said) return false;
  // While a failover is under way the two may differ, and this one's epoch is the old one's.
  if (const auto known = read_master(question_->answers()[1]);
      known && known->where == said->where) {
    said->epoch = known->epoch;
  }
  follower_->on_answer(asked_, std::move(said), now_);
  return true;
}

void dispatcher::look_at_cluster() {
  const auto whom = cluster_->poll(now_);
  if (!whom) return;
  if (question_) tell_lookup_failed("not in time");
  asked_ = *whom;
  std::string commands;
  command(commands, 2).word("CLUSTER").word("SLOTS");
  ask(cluster_->address(*whom), settings_.user, settings_.password, commands, 1);
}

void dispatcher::look_at_sentinels() {
  for (;;) {
    const sentinel_action next = follower_->poll(now_);
    if (next.step == sentinel_step::wait) break;
    if (next.step == sentinel_step::ask) {
      if (question_) tell_lookup_failed("not in time");
      asked_ = next.sentinel;
      ask(where_.hosts[asked_], options_.sentinel_user, options_.sentinel_password,
          sentinel_commands_, 2);
      continue;
    }
    node& candidate = nodes_[candidate_node];
    if (candidate.connection) {
      candidate.connection->give_up(disconnect_reason::replaced, "is not looked for any more");
      discard(candidate);
    }
    candidate = {};
    candidate.where = *follower_->candidate();
    candidate.was_ready =
        nodes_[master_node].was_ready && nodes_[master_node].where == candidate.where;
    open(candidate_node);
    candidate.reconnect_at = time::max();
    if (!candidate.connection) follower_->on_role(candidate.where, false, now_);
  }
  node& candidate = nodes_[candidate_node];
  const bool is_looked_for =
      follower_->candidate() != nullptr && *follower_->candidate() == candidate.where;
  if (candidate.connection && !is_looked_for) {
    candidate.connection->give_up(disconnect_reason::connect, "not in time");
  }
}

void dispatcher::look_at_subscriptions() {
  const backoff delay{options_.reconnect_min, options_.reconnect_max};
  for (std::size_t sentinel = 0; sentinel < subscriptions_.size(); ++sentinel) {
    subscription& each = subscriptions_[sentinel];
    if (each.on) {
      auto& told = each.on->answers();
      for (; !told.empty(); told.pop_front()) {
        each.failures = 0;
        each.awaits_pong = false;
        each.look_at = now_ + subscription_silence;
        if (const auto event = read_switch(told.front())) {
          follower_->on_switch(sentinel, *event, now_);
        }
      }
      const bool is_silent = now_ >= each.look_at && (each.awaits_pong || !each.on->is_connected());
      if (each.on->has_failed() || is_silent) {
        each.on.reset();
        each.look_at = now_ + delay.after(each.failures++, random_);
      }
    }
    if (now_ < each.look_at) continue;
    each.look_at = now_ + subscription_silence;
    std::string made;
    if (each.on) {
      each.awaits_pong = true;
      command(made, 1).word("PING");
      each.on->send(made);
    } else {
      each.awaits_pong = false;
      command(made, 2).word("SUBSCRIBE").word("+switch-master");
      each.on = std::make_unique<inquiry>(options_.sentinel_user, options_.sentinel_password, made);
      each.on->open(connects_, where_.hosts[sentinel]);
    }
  }
}

}  // namespace parley::idempotency_redis
