// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/cluster.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "idempotency_redis/backoff.hpp"
#include "idempotency_redis/server.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency::store_errc;
using std::chrono::milliseconds;

constexpr route go(route_step step, node_id to) noexcept {
  route made;
  made.step = step;
  made.to = to;
  return made;
}

route give_up() noexcept {
  route made;
  made.step = route_step::fail;
  made.failure = {store_errc::unavailable, true, true, milliseconds(100)};
  return made;
}

// Errors of a node that cannot take the command yet, or is not the one that can.
bool is_passing(std::string_view code) noexcept {
  constexpr std::string_view codes[] = {"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN",
                                        "READONLY"};
  return std::ranges::find(codes, code) != std::end(codes);
}

}  // namespace

cluster::cluster(cluster_options options, std::vector<node_address> seeds, std::uint32_t seed)
    : options_(options), random_(seed) {
  assert(!seeds.empty() && seeds.size() <= nodes_max);
  owners_.fill(no_node);
  for (node_address& each : seeds) {
    nodes_.push_back({std::move(each), presence::known, true});
  }
}

// ---- Operations

route cluster::begin(routing& way, std::uint16_t slot, time now) noexcept {
  way = {};
  way.slot = slot;
  return find(way, now);
}

route cluster::again(routing& way, time now) noexcept {
  way.redirects = 0;
  return find(way, now);
}

route cluster::find(routing& way, time now) noexcept {
  const node_id to = owners_[way.slot];
  if (to != no_node && !nodes_[to].is_down) return go(route_step::send, to);
  want_layout(now);
  return wait(way);
}

route cluster::wait(routing& way) noexcept {
  if (way.waits >= options_.waits_max) return give_up();
  const backoff delay{options_.retry_min, options_.retry_max};
  route made;
  made.after = delay.after(way.waits++, random_);
  return made;
}

std::optional<route> cluster::on_error(routing& way, node_id from, std::string_view text,
                                       time now) {
  const std::string_view code = error_word(text);
  const bool is_redirect = code == "MOVED" || code == "ASK";
  if (!is_redirect && !is_passing(code)) return std::nullopt;
  if (!is_redirect) {
    // While a slot is on its way, its owner is right and its keys are all that is not there yet.
    if (code != "TRYAGAIN") want_layout(now);
    return wait(way);
  }
  const std::optional<redirect> where = read_redirect(text);
  node_id to = no_node;
  if (where && where->slot == way.slot && where->port != 0) {
    to = intern(where->host.empty() ? std::string_view(nodes_[from].where.host) : where->host,
                where->port);
  }
  // An ASK is about one command: the slot is still its owner's.
  if (code == "MOVED") {
    if (to != no_node) assign(way.slot, to);
    want_layout(now);
  }
  if (to == no_node || nodes_[to].is_down || way.redirects >= options_.redirects_max) {
    want_layout(now);
    return wait(way);
  }
  ++way.redirects;
  return go(code == "ASK" ? route_step::ask : route_step::send, to);
}

// ---- Nodes

void cluster::on_lost(node_id node, time now) noexcept {
  nodes_[node].is_down = true;
  want_layout(now);
}

void cluster::forget(node_id node) noexcept {
  assert(is_retired(node));
  nodes_[node] = {};
}

// no_node: there are too many.
node_id cluster::intern(std::string_view host, std::uint16_t port) {
  std::size_t unused = nodes_.size();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    entry& each = nodes_[i];
    if (each.state == presence::none) {
      unused = std::min(unused, i);
    } else if (each.where.port == port && each.where.host == host) {
      each.state = presence::known;
      return static_cast<node_id>(i);
    }
  }
  entry made;
  made.where = {std::string(host), port};  // before nodes_ grows: it may be that of another node
  made.state = presence::known;
  if (unused < nodes_.size()) {
    nodes_[unused] = std::move(made);
  } else if (nodes_.size() < nodes_max) {
    nodes_.push_back(std::move(made));
  } else {
    return no_node;
  }
  return static_cast<node_id>(unused);
}

// ---- The map

void cluster::want_layout(time now) noexcept {
  if (asked_) {
    // What is on its way may have been said before this happened.
    wants_another_ = true;
    return;
  }
  const time soonest =
      asked_last_ == time::min() ? now : std::max(now, asked_last_ + options_.refresh_min);
  // Where the nodes have failed, the next attempt is set already.
  if (due_ == time::max()) due_ = soonest;
}

std::size_t cluster::candidates() const noexcept {
  return static_cast<std::size_t>(std::ranges::count(nodes_, presence::known, &entry::state));
}

std::optional<node_id> cluster::poll(time now) noexcept {
  if (asked_) {
    if (now < asked_->until) return std::nullopt;
    fail_refresh(now);
  }
  if (now < due_) return std::nullopt;
  // In turn; those that are down only where all are.
  const auto find = [&](bool may_be_down) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::size_t at = (next_ + i) % nodes_.size();
      const entry& each = nodes_[at];
      if (each.state == presence::known && (may_be_down || !each.is_down)) return at;
    }
    return std::nullopt;
  };
  auto found = find(false);
  if (!found) found = find(true);
  assert(found);  // a seed
  next_ = *found + 1;
  const auto whom = static_cast<node_id>(*found);
  asked_ = {whom, now + options_.refresh_timeout};
  asked_last_ = now;
  due_ = time::max();
  return whom;
}

void cluster::on_refresh_failed(node_id from, time now) noexcept {
  if (asked_ && asked_->whom == from) fail_refresh(now);
}

void cluster::fail_refresh(time now) noexcept {
  asked_.reset();
  wants_another_ = false;
  const std::size_t round = candidates();
  ++failures_;
  if (failures_ % round != 0) {
    due_ = std::max(now, asked_last_ + options_.refresh_min);
    return;
  }
  const backoff delay{options_.refresh_min, options_.refresh_max};
  due_ = now + delay.after(failures_ / static_cast<unsigned>(round) - 1, random_);
}

void cluster::assign(std::uint16_t slot, node_id owner) noexcept {
  if (owners_[slot] != no_node) --nodes_[owners_[slot]].slots;
  if (owner != no_node) ++nodes_[owner].slots;
  owners_[slot] = owner;
}

bool cluster::on_layout(node_id from, const slot_layout& layout, time now) {
  if (!asked_ || asked_->whom != from) return false;
  if (std::ranges::all_of(layout.owners, [](node_id owner) { return owner == no_node; })) {
    fail_refresh(now);
    return false;
  }
  const std::string asked_host = nodes_[from].where.host;
  std::vector<node_id> ids;
  ids.reserve(layout.nodes.size());
  for (const node_address& each : layout.nodes) {
    ids.push_back(intern(each.host.empty() ? asked_host : each.host, each.port));
  }
  std::vector<bool> is_named(nodes_.size());
  for (const node_id each : ids) {
    if (each != no_node) is_named[each] = true;
  }
  // Nothing throws from here on: no slot is left to a node that is retired.
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    entry& each = nodes_[i];
    if (each.state == presence::known && !each.is_seed && !is_named[i]) {
      each.state = presence::retired;
    }
  }
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const node_id said = layout.owners[slot];
    const node_id owner = said == no_node ? no_node : ids[said];
    if (owner != owners_[slot]) assign(static_cast<std::uint16_t>(slot), owner);
  }
  has_layout_ = true;
  failures_ = 0;
  asked_.reset();
  if (std::exchange(wants_another_, false)) want_layout(now);
  return true;
}

}  // namespace parley::idempotency_redis
