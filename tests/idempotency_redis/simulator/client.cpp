// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/simulator/client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "idempotency_redis/backoff.hpp"
#include "idempotency_redis/support/reply_text.hpp"

namespace parley::testing_support::simulator {
namespace {

using idempotency::store_errc;
using idempotency_redis::operation;
using idempotency_redis::operation_kind;
using idempotency_redis::reply;
using idempotency_redis::route_step;

}  // namespace

struct client::slot {
  operation what;
  idempotency::nonce* nonce = nullptr;
  sim_time* sent_last = nullptr;
  idempotency_redis::routing way;
  std::uint16_t key_slot = 0;
  bool was_sent = false;
  bool has_ended = false;
};

// One attempt to connect, or a connection, from its beginning to its end.
struct client::link final : end_point, idempotency_redis::reply_sink {
  enum class asked : std::uint8_t { operation, asking, wait, layout, role };
  struct expected {
    asked what = asked::operation;
    slot_ref of;
    bool is_asking = false;
    sim_time sent{0};
  };
  struct queued {
    slot_ref of;
    bool is_asking = false;
  };

  link(client& to, int where) : owner(to), process(where), reader(*this, std::size_t{1} << 20) {}
  void on_bytes(std::string_view bytes) override {
    const bool is_fine =
        reader.feed(bytes) == idempotency_redis::reply_reader::status::ok && !is_failed;
    if (!is_fine && connected) owner.drop(*this, true);
    owner.settle();
  }
  void on_closed() override {
    owner.drop(*this, true);
    owner.settle();
  }
  void on_reply(const reply& r) noexcept override {
    if (is_failed) return;
    if (r.what == reply::kind::array) {
      tree.add(r);
      if (tree.is_whole()) owner.on_tree(*this);
      return;
    }
    owner.on_reply(*this, r);
  }
  void on_part(const reply& r) noexcept override {
    if (is_failed) return;
    tree.add(r);
    if (tree.is_whole()) owner.on_tree(*this);
  }

  client& owner;
  const int process;
  idempotency_redis::node_id node = idempotency_redis::no_node;
  idempotency_redis::reply_reader reader;
  idempotency_redis::reply_tree tree;
  connection_ref connected;
  std::string output;
  std::deque<expected> in_flight;
  std::deque<slot_ref> held;
  std::vector<queued> queue;  // until it is ready
  bool wants_layout = false;
  bool is_connecting = false;
  bool is_ready = false;
  bool is_candidate = false;  // its role is asked for
  bool needs_wait = false;
  bool is_failed = false;
  unsigned failures = 0;
};

client::client(events& time, network& ways, fleet& servers, random_stream random,
               client_options options, const idempotency_redis::operation_context& context,
               topology shape, int process)
    : time_(time),
      ways_(ways),
      servers_(servers),
      random_(random),
      options_(options),
      context_(context),
      slots_(context.key_prefix),
      shape_(shape),
      process_(process) {
  context_.waits = options.wait_replicas > 0;
  const auto seed = static_cast<std::uint32_t>(random_.next());
  if (shape_ == topology::cluster) {
    std::vector<idempotency_redis::node_address> seeds;
    for (int i = 0; i < 2; ++i) seeds.push_back(fleet::address_of(servers_.first() + i));
    map_.emplace(
        idempotency_redis::cluster_options{.refresh_min = std::chrono::milliseconds(10),
                                           .refresh_max = std::chrono::milliseconds(40),
                                           .refresh_timeout = std::chrono::milliseconds(30),
                                           .retry_min = std::chrono::milliseconds(2),
                                           .retry_max = std::chrono::milliseconds(20)},
        std::move(seeds), seed);
  } else if (shape_ == topology::sentinel) {
    follower_.emplace(
        idempotency_redis::sentinel_options{.master = "mymaster",
                                            .ask_timeout = std::chrono::milliseconds(10),
                                            .check_timeout = std::chrono::milliseconds(30),
                                            .search_min = std::chrono::milliseconds(5),
                                            .search_max = std::chrono::milliseconds(40)},
        fleet::sentinels, seed);
  }
  in(std::chrono::microseconds(0), [this] {
    if (shape_ == topology::standalone) connect(link_to(servers_.first()));
    settle();
  });
}

client::~client() = default;

idempotency_redis::cluster::time client::steady() const {
  return idempotency_redis::cluster::time(time_.now() + std::chrono::hours(1));
}

template <class What>
void client::in(std::chrono::microseconds after, What what) {
  ways_.in_process(process_, time_.now() + after, std::move(what));
}

// After every event: what the machines want next.
void client::settle() {
  if (map_) look_at_map();
  if (follower_) look_at_sentinels();
  for (const auto& [process, each] : links_) flush(*each);
}

// ---- Operations

void client::start(operation_kind kind, idempotency::op_base& op, const idempotency::digest& key,
                   idempotency::nonce& nonce, sim_time& sent_last) {
  const auto made = std::make_shared<slot>();
  made->what.begin(kind, op);
  made->nonce = &nonce;
  made->sent_last = &sent_last;
  made->key_slot = slots_[key];
  in(options_.operation_timeout, [this, made] {
    if (made->has_ended) return;
    fail(made, made->was_sent ? store_errc::timed_out : store_errc::unavailable);
    settle();
  });
  in(options_.offline_timeout, [this, made] {
    if (made->has_ended || made->was_sent) return;
    fail(made, store_errc::unavailable);
    settle();
  });
  if (map_) {
    act(made, map_->begin(made->way, made->key_slot, steady()));
  } else {
    dispatch(made);
  }
  settle();
}

// To the one server that there is.
void client::dispatch(const slot_ref& of) {
  const int to = shape_ == topology::standalone ? servers_.first() : master_;
  if (to >= 0 && links_.contains(to) && links_.at(to)->is_ready) {
    put(of, *links_.at(to), false);
  } else {
    waiting_.push_back(of);
  }
}

void client::act(const slot_ref& of, const idempotency_redis::route& next) {
  switch (next.step) {
    case route_step::send:
    case route_step::ask: {
      const int to = fleet::process_of(map_->address(next.to));
      const bool is_asking = next.step == route_step::ask;
      const auto known = learned_.try_emplace(of->key_slot, -1).first;
      if (!is_asking && misrouted_.empty() && known->second >= 0 && known->second != to) {
        misrouted_ = "slot " + std::to_string(of->key_slot) + " is sent to server " +
                     std::to_string(to) + ", and server " + std::to_string(known->second) +
                     " was last said to have it";
      }
      link& on = link_to(to);
      on.node = next.to;
      put(of, on, is_asking);
      return;
    }
    case route_step::wait:
      in(next.after, [this, of] {
        if (of->has_ended) return;
        act(of, map_->again(of->way, steady()));
        settle();
      });
      return;
    case route_step::fail:
      of->what.refuse(next.failure);
      end(of);
      return;
  }
}

void client::put(const slot_ref& of, link& on, bool is_asking) {
  if (on.is_ready) {
    write(of, on, is_asking);
    return;
  }
  on.queue.push_back({of, is_asking});
  if (!on.is_connecting) connect(on);
}

void client::write(const slot_ref& of, link& on, bool is_asking) {
  if (of->has_ended) return;
  if (is_asking) {
    idempotency_redis::command(on.output, 1).word("ASKING");
    on.in_flight.push_back({link::asked::asking, nullptr, false, time_.now()});
  }
  of->what.write_command(context_, on.output);
  of->was_sent = true;
  *of->sent_last = time_.now();
  on.needs_wait = on.needs_wait || of->what.writes();
  on.in_flight.push_back({link::asked::operation, of, is_asking, time_.now()});
  in(2 * options_.operation_timeout, [this, process = on.process, made = on.connected] {
    const auto found = links_.find(process);
    if (found == links_.end() || found->second->connected != made) return;
    link& silent = *found->second;
    if (!silent.in_flight.empty() &&
        silent.in_flight.front().sent + 2 * options_.operation_timeout <= time_.now()) {
      drop(silent, true);
      settle();
    }
  });
}

void client::plant_new_nonce(slot& of) {
  ++reroutes_;
  if (options_.mistake != planted::new_nonce_when_rerouted) return;
  const std::uint64_t number =
      0xbad'0000'0000 + static_cast<std::uint64_t>(process_) * 1'000'000 + ++nonces_;
  std::memcpy(of.nonce->bytes.data(), &number, sizeof number);
}

// Its connection is gone.
void client::take_back(const slot_ref& of) {
  if (of->has_ended) return;
  of->what.send_again();
  plant_new_nonce(*of);
  if (map_) {
    act(of, map_->again(of->way, steady()));
  } else {
    dispatch(of);
  }
}

void client::end(const slot_ref& of) {
  idempotency::op_base* const op = of->what.op();
  of->has_ended = true;
  of->what.forget();
  op->done();
}

void client::fail(const slot_ref& of, store_errc why) {
  of->what.fail({.why = why, .is_retryable = true, .is_outcome_known = !of->was_sent});
  end(of);
}

// ---- Connections

client::link& client::link_to(int process) {
  auto& found = links_[process];
  if (!found) found = std::make_unique<link>(*this, process);
  return *found;
}

void client::connect(link& to) {
  to.is_connecting = true;
  const int process = to.process;
  const auto is_over = std::make_shared<bool>(false);
  const auto of_this = [this, process, is_over](connection_ref made) {
    if (std::exchange(*is_over, true)) {
      if (made) ways_.close(made, way::to_server);
      return;
    }
    const auto found = links_.find(process);
    if (found == links_.end()) {
      if (made) ways_.close(made, way::to_server);
      return;
    }
    on_connected(*found->second, std::move(made));
    settle();
  };
  ways_.connect(
      process_, process,
      [this, process](const connection_ref& on) { return servers_.accept(on, process); }, of_this);
  in(options_.connect_timeout, [of_this] { of_this(nullptr); });
}

void client::on_connected(link& of, connection_ref made) {
  of.is_connecting = false;
  if (!made) {
    drop(of, true);
    return;
  }
  made->ends[static_cast<std::size_t>(way::to_client)] = &of;
  of.connected = std::move(made);
  if (of.is_candidate) {
    idempotency_redis::command(of.output, 1).word("ROLE");
    of.in_flight.push_back({link::asked::role, nullptr, false, time_.now()});
    return;
  }
  on_ready(of);
}

void client::on_ready(link& of) {
  of.is_ready = true;
  of.failures = 0;
  if (map_ && of.node != idempotency_redis::no_node) map_->on_connected(of.node);
  if (std::exchange(of.wants_layout, false)) {
    idempotency_redis::command(of.output, 2).word("CLUSTER").word("SLOTS");
    of.in_flight.push_back({link::asked::layout, nullptr, false, time_.now()});
  }
  for (const auto& each : std::exchange(of.queue, {})) write(each.of, of, each.is_asking);
  if (!map_) {
    for (const slot_ref& each : std::exchange(waiting_, {})) {
      if (!each->has_ended) put(each, of, false);
    }
  }
}

// `is_lost`: it ended; else nobody needs it any more.
void client::drop(link& of, bool is_lost) {
  if (of.is_failed) return;
  of.is_failed = true;
  if (of.connected) {
    of.connected->ends[static_cast<std::size_t>(way::to_client)] = nullptr;
    ways_.close(of.connected, way::to_server);
  }
  const auto found = links_.find(of.process);
  std::unique_ptr<link> old = std::move(found->second);
  links_.erase(found);
  const bool was_asked_for_layout =
      old->wants_layout || std::ranges::any_of(old->in_flight, [](const auto& each) {
        return each.what == link::asked::layout;
      });
  if (map_ && is_lost) {
    if (old->node != idempotency_redis::no_node) map_->on_lost(old->node, steady());
    if (was_asked_for_layout) map_->on_refresh_failed(old->node, steady());
  }
  if (follower_) {
    if (old->is_candidate && !old->is_ready) {
      follower_->on_role(fleet::address_of(old->process), std::nullopt, steady());
    }
    if (old->process == master_) {
      master_ = -1;
      follower_->on_lost(steady());
    }
  }
  const bool comes_again = shape_ == topology::standalone ||
                           (map_ && is_lost && old->node != idempotency_redis::no_node);
  if (comes_again) {
    const idempotency_redis::backoff delay{options_.reconnect_min, options_.reconnect_max};
    std::minstd_rand jitter(static_cast<std::uint32_t>(random_.next()));
    link& next = link_to(old->process);
    next.failures = old->failures + 1;
    next.node = old->node;
    next.is_connecting = true;
    in(delay.after(old->failures, jitter), [this, process = old->process] {
      const auto again = links_.find(process);
      if (again != links_.end() && !again->second->connected) connect(*again->second);
      settle();
    });
  }
  for (const auto& each : old->in_flight) {
    if (each.of) take_back(each.of);
  }
  for (const slot_ref& each : old->held) take_back(each);
  for (const auto& each : old->queue) {
    if (each.of->has_ended) continue;
    if (map_) {
      act(each.of, map_->again(each.of->way, steady()));
    } else {
      dispatch(each.of);
    }
  }
  old_links_.push_back(std::move(old));  // it may be what called us
}

void client::flush(link& of) {
  if (!of.connected || of.output.empty()) return;
  if (context_.waits && std::exchange(of.needs_wait, false)) {
    idempotency_redis::command(of.output, 3)
        .word("WAIT")
        .word(options_.wait_replicas)
        .word(static_cast<std::uint64_t>(options_.wait_timeout.count()));
    of.in_flight.push_back({link::asked::wait, nullptr, false, time_.now()});
  }
  ways_.send(of.connected, way::to_server, std::exchange(of.output, {}));
}

void client::on_reply(link& from, const reply& r) {
  if (from.in_flight.empty()) {
    drop(from, true);
    return;
  }
  const link::expected front = std::move(from.in_flight.front());
  from.in_flight.pop_front();
  switch (front.what) {
    case link::asked::asking: return;
    case link::asked::operation:
      if (front.of->has_ended) return;
      if (map_ && r.what == reply::kind::error) {
        const auto next = map_->on_error(front.of->way, from.node, r.text, steady());
        if (next) {
          const auto where = idempotency_redis::read_redirect(r.text);
          if (where && !where->is_ask && where->port != 0) {
            learned_[where->slot] = fleet::process_of({std::string(where->host), where->port});
          }
          if (where && where->is_ask && options_.mistake == planted::ask_updates_the_map) {
            idempotency_redis::routing way = front.of->way;
            map_->on_error(way, from.node, "MOVED" + std::string(r.text.substr(3)), steady());
          }
          plant_new_nonce(*front.of);
          act(front.of, *next);
          return;
        }
      }
      on_answer(from, front.of, r);
      return;
    case link::asked::wait: on_replicated(from, r); return;
    case link::asked::layout: map_->on_refresh_failed(from.node, steady()); return;
    case link::asked::role: drop(from, true); return;
  }
}

void client::on_answer(link& from, const slot_ref& of, const reply& r) {
  switch (of->what.on_reply(r, context_)) {
    case operation::next::send:
      // On a slot that is on its way the owner says again where to.
      if (map_) {
        act(of, map_->again(of->way, steady()));
      } else {
        write(of, from, false);
      }
      return;
    case operation::next::finished:
      if (context_.waits && of->what.is_acknowledged()) {
        from.held.push_back(of);
      } else {
        end(of);
      }
      return;
    case operation::next::reconnect:
      of->what.send_again();
      from.held.push_back(of);  // goes with the others
      drop(from, true);
      return;
  }
}

void client::on_replicated(link& from, const reply& r) {
  const bool is_enough = r.what == reply::kind::integer &&
                         r.integer >= static_cast<std::int64_t>(options_.wait_replicas);
  for (const slot_ref& each : std::exchange(from.held, {})) {
    if (each->has_ended) continue;
    if (is_enough) {
      end(each);
    } else {
      fail(each, store_errc::unavailable);
    }
  }
}

// ---- Topology

void client::on_tree(link& from) {
  if (from.in_flight.empty()) return;
  const link::expected front = std::move(from.in_flight.front());
  from.in_flight.pop_front();
  if (front.what == link::asked::layout) {
    const auto layout = idempotency_redis::read_slots(from.tree);
    if (!layout) {
      map_->on_refresh_failed(from.node, steady());
      return;
    }
    if (!map_->on_layout(from.node, *layout, steady())) return;
    for (auto& [number, owner] : learned_) {
      owner = fleet::process_of(layout->nodes[layout->owners[number]]);
    }
    return;
  }
  if (front.what == link::asked::role) {
    const auto where = fleet::address_of(from.process);
    follower_->on_role(where, idempotency_redis::read_role(from.tree), steady());
    if (follower_->master() == nullptr || *follower_->master() != where) {
      from.is_candidate = false;
      drop(from, false);
      return;
    }
    const int before = std::exchange(master_, from.process);
    on_ready(from);
    if (before >= 0 && before != from.process && links_.contains(before)) {
      drop(*links_.at(before), false);
    }
    return;
  }
}

void client::look_at_map() {
  if (const auto node = map_->poll(steady())) {
    link& to = link_to(fleet::process_of(map_->address(*node)));
    to.node = *node;
    if (to.is_ready) {
      idempotency_redis::command(to.output, 2).word("CLUSTER").word("SLOTS");
      to.in_flight.push_back({link::asked::layout, nullptr, false, time_.now()});
    } else {
      to.wants_layout = true;
      if (!to.is_connecting) connect(to);
    }
  }
  poll_at(map_->next_poll(), map_poll_at_);
}

void client::look_at_sentinels() {
  for (;;) {
    const auto next = follower_->poll(steady());
    if (next.step == idempotency_redis::sentinel_step::wait) break;
    if (next.step == idempotency_redis::sentinel_step::ask) {
      ask_sentinel(next.sentinel);
      continue;
    }
    const int to = fleet::process_of(*follower_->candidate());
    if (const auto old = links_.find(to); old != links_.end()) {
      old->second->is_candidate = false;
      drop(*old->second, false);
    }
    link& made = link_to(to);
    made.is_candidate = true;
    connect(made);
  }
  poll_at(follower_->next_poll(), sentinels_poll_at_);
}

void client::ask_sentinel(std::size_t sentinel) {
  const int to =
      servers_.first() + static_cast<int>(servers_.server_count()) + static_cast<int>(sentinel);
  ways_.in_process(to, time_.now() + ways_.delay(), [this, to, sentinel] {
    if (ways_.is_apart(process_, to)) return;
    ways_.in_process(process_, time_.now() + ways_.delay(),
                     [this, to, sentinel, said = servers_.ask_sentinel(to)] {
                       if (ways_.is_apart(process_, to)) return;
                       follower_->on_answer(sentinel,
                                            idempotency_redis::read_master_address(tree_of(said)),
                                            steady());
                       settle();
                     });
  });
}

void client::on_switch(int sentinel, const std::string& payload) {
  if (!follower_ || ways_.is_apart(process_, sentinel)) return;
  const auto tree = tree_of(bulks({"message", "+switch-master", payload}));
  const auto number =
      static_cast<std::size_t>(sentinel - servers_.first()) - servers_.server_count();
  follower_->on_switch(number, *idempotency_redis::read_switch(tree), steady());
  settle();
}

void client::poll_at(idempotency_redis::cluster::time next, sim_time& armed_for) {
  if (next == idempotency_redis::cluster::time::max()) return;
  const auto when = std::chrono::ceil<sim_time>(next.time_since_epoch()) - std::chrono::hours(1);
  if (armed_for != never && armed_for <= when) return;
  armed_for = when;
  in(when - time_.now(), [this, when, &armed_for] {
    if (armed_for == when) armed_for = never;
    settle();
  });
}

}  // namespace parley::testing_support::simulator
