// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/simulator/network.hpp"

#include <algorithm>
#include <utility>

namespace parley::testing_support::simulator {
namespace {

using std::chrono::milliseconds;

// How often a sender tries whether the way is open again.
constexpr sim_time resend_step = milliseconds(50);

std::size_t index(way to) { return static_cast<std::size_t>(to); }
way opposite(way to) { return to == way::to_server ? way::to_client : way::to_server; }

}  // namespace

void events::at(sim_time when, std::function<void()> what) {
  heap_.push_back({std::max(when, now_), ++count_, std::move(what)});
  std::ranges::push_heap(heap_, later());
}

bool events::run_one(sim_time end) {
  if (heap_.empty() || heap_.front().when > end) return false;
  std::ranges::pop_heap(heap_, later());
  event next = std::move(heap_.back());
  heap_.pop_back();
  now_ = next.when;
  next.what();
  return true;
}

void network::kill(int process) {
  at(process).is_alive = false;
  ++at(process).number;
  for (const std::weak_ptr<connection>& each : all_) {
    const connection_ref on = each.lock();
    if (on && (on->client == process || on->server == process)) break_down(on);
  }
}

void network::in_process(int process, sim_time when, std::function<void()> what) {
  time_.at(when, [this, process, life = at(process).number, what = std::move(what)]() mutable {
    const auto& of = at(process);
    if (!of.is_alive || of.number != life) return;
    if (of.paused_until > time_.now()) {
      in_process(process, of.paused_until, std::move(what));
    } else {
      what();
    }
  });
}

sim_time network::delay() {
  sim_time made = random_.time(sim_time(500), milliseconds(4));
  if (random_.chance(2)) made += random_.time(sim_time(0), milliseconds(200));
  if (time_.now() < slow_until_) made += random_.time(sim_time(0), slow_by_);
  return made;
}

void network::connect(int client, int server,
                      std::function<end_point*(const connection_ref&)> accept,
                      std::function<void(connection_ref)> done) {
  if (!is_alive(server)) {
    in_process(client, time_.now() + delay(), [=, this] {
      if (!is_apart(client, server)) done(nullptr);
    });
    return;
  }
  in_process(server, time_.now() + delay(), [=, this] {
    if (is_apart(client, server)) return;
    const auto made = std::make_shared<connection>();
    made->client = client;
    made->server = server;
    made->ends[index(way::to_server)] = accept(made);
    std::erase_if(all_, [](const auto& each) { return each.expired(); });
    all_.push_back(made);
    in_process(client, time_.now() + delay(), [=] { done(made); });
  });
}

void network::send(const connection_ref& on, way to, std::string bytes) {
  auto& of = on->ways_[index(to)];
  if (on->is_broken_ && !bytes.empty()) return answer_reset(on, to);
  if (of.is_swallowed || bytes.empty()) return;
  if (bytes.size() > 1 && random_.chance(5)) {
    const std::size_t first = 1 + random_.below(bytes.size() - 1);
    send_piece(on, to, bytes.substr(0, first));
    bytes.erase(0, first);
  }
  send_piece(on, to, std::move(bytes));
}

void network::send_piece(const connection_ref& on, way to, std::string bytes) {
  auto& of = on->ways_[index(to)];
  of.under_way.push_back(std::move(bytes));
  of.last = std::max(of.last, time_.now() + delay());
  const int receiver = to == way::to_server ? on->server : on->client;
  in_process(receiver, of.last, [this, on, to] { deliver(on, to); });
}

// One for each send, so that the order is kept whichever of them is held up.
void network::deliver(const connection_ref& on, way to) {
  auto& of = on->ways_[index(to)];
  if (on->is_broken_ || of.is_swallowed) return;
  if (is_apart(on->client, on->server)) {
    const int receiver = to == way::to_server ? on->server : on->client;
    in_process(receiver, time_.now() + resend_step, [this, on, to] { deliver(on, to); });
    return;
  }
  std::string bytes = std::move(of.under_way.front());
  of.under_way.pop_front();
  const bool is_cut = bytes.size() > of.left;
  if (is_cut) bytes.resize(of.left);
  if (of.left != SIZE_MAX) of.left -= std::min(of.left, bytes.size());
  if (end_point* const end = on->ends[index(to)]; end != nullptr && !bytes.empty()) {
    end->on_bytes(bytes);
  }
  if (is_cut) break_down(on);
}

void network::close(const connection_ref& on, way to) {
  on->ends[index(opposite(to))] = nullptr;
  if (on->is_broken_) return;
  // Behind what is under way.
  auto& of = on->ways_[index(to)];
  of.last = std::max(of.last, time_.now() + delay());
  const int receiver = to == way::to_server ? on->server : on->client;
  in_process(receiver, of.last, [this, on, to] { tell_closed(on, to); });
}

// The other end knows of no such connection: the one that sends hears it as soon as it can.
void network::answer_reset(const connection_ref& on, way to) {
  const int sender = to == way::to_server ? on->client : on->server;
  in_process(sender, time_.now() + std::max(delay(), resend_step), [this, on, to] {
    if (is_apart(on->client, on->server)) return answer_reset(on, to);
    tell_closed(on, opposite(to));
  });
}

void network::tell_closed(const connection_ref& on, way to) {
  if (!on->ways_[index(to)].under_way.empty() && !on->is_broken_ &&
      !on->ways_[index(to)].is_swallowed) {
    const int receiver = to == way::to_server ? on->server : on->client;
    in_process(receiver, time_.now() + resend_step, [this, on, to] { tell_closed(on, to); });
    return;
  }
  if (end_point* const end = std::exchange(on->ends[index(to)], nullptr); end != nullptr) {
    end->on_closed();
  }
}

void network::break_down(const connection_ref& on) {
  if (std::exchange(on->is_broken_, true)) return;
  for (const way to : {way::to_server, way::to_client}) {
    on->ways_[index(to)].under_way.clear();
    const int receiver = to == way::to_server ? on->server : on->client;
    if (!is_alive(receiver)) {
      on->ends[index(to)] = nullptr;
      continue;
    }
    // Who is cut off from the other end hears nothing of it.
    if (is_apart(on->client, on->server)) continue;
    in_process(receiver, time_.now() + delay(), [this, on, to] { tell_closed(on, to); });
  }
}

connection_ref network::pick(int client) {
  std::vector<connection_ref> open;
  for (const auto& each : all_) {
    const connection_ref on = each.lock();
    if (on && on->client == client && !on->is_broken_ && on->ends[1] != nullptr) {
      open.push_back(on);
    }
  }
  return open.empty() ? nullptr : open[random_.below(open.size())];
}

bool network::swallow(int client, way to) {
  const connection_ref on = pick(client);
  if (on) on->ways_[index(to)].is_swallowed = true;
  return on != nullptr;
}

bool network::cut_after(int client, way to, std::size_t bytes) {
  const connection_ref on = pick(client);
  if (on) on->ways_[index(to)].left = bytes;
  return on != nullptr;
}

bool network::reset(int client) {
  const connection_ref on = pick(client);
  if (on) break_down(on);
  return on != nullptr;
}

void network::heal() {
  island_ = 0;
  slow_until_ = sim_time(0);
  for (const auto& each : all_) {
    const connection_ref on = each.lock();
    if (on && (on->ways_[0].is_swallowed || on->ways_[1].is_swallowed)) break_down(on);
  }
}

}  // namespace parley::testing_support::simulator
