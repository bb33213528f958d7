// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/simulator/fleet.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/simulator/command_text.hpp"
#include "idempotency_redis/support/reply_text.hpp"

namespace parley::testing_support::simulator {
namespace {

using idempotency_redis::script;
using std::chrono::milliseconds;

// Of the servers and of who watches them; what takes many seconds in life takes less here.
constexpr sim_time tick_step = milliseconds(100);
constexpr sim_time down_after = milliseconds(600);
constexpr sim_time replica_lag_max = milliseconds(500);
// Of appendfsync everysec.
constexpr sim_time fsync_step = milliseconds(1'000);
constexpr std::string_view master_name = "mymaster";

std::string error(std::string_view text) { return "-" + std::string(text) + "\r\n"; }

std::uint32_t load_u32(std::string_view from, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(from[at + i]);
  return value;
}

}  // namespace

// ---- A connection, at the other end

void session::drop() {
  if (!on_) return;
  ways_.close(on_, way::to_client);
  on_closed();
}

void session::run() {
  std::size_t used = 0;
  while (!is_held_up_ && take_command(input_, used, words_)) execute();
  input_.erase(0, used);
  if (on_) ways_.send(on_, way::to_client, std::exchange(output_, {}));
}

class server::client_session final : public session {
 public:
  client_session(server& of, connection_ref on) : session(of.of_.ways_, std::move(on)), of_(of) {}

  void on_closed() override {
    std::erase(of_.waiting_, this);
    session::on_closed();
  }

  // The replicas have got on, or its time is over.
  void look_at_wait() {
    const std::size_t got = replicas_at(wait_for_);
    if (got < wait_replicas_ && of_.of_.time_.now() < wait_until_) return;
    end_wait(integer(static_cast<std::int64_t>(got)));
  }
  void end_wait(const std::string& with) {
    std::erase(of_.waiting_, this);
    is_held_up_ = false;
    output_ += with;
    run();
  }

 private:
  fleet& fleet_of() const { return of_.of_; }

  std::size_t replicas_at(std::uint64_t offset) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        of_.followers_,
        [&](const server::follower& each) { return each.is_synced && each.acked >= offset; }));
  }

  void execute() override {
    const std::string_view name = words_[0];
    const bool is_asking = std::exchange(is_asking_, false);
    const std::string_view key = key_of(words_);
    if (name == "INFO") {
      output_ += bulk(info());
    } else if (name == "CLUSTER") {
      output_ += layout();
    } else if (fleet_of().time_.now() < of_.is_loading_until_) {
      output_ += error("LOADING Redis is loading the dataset in memory");
    } else if (name == "ASKING") {
      is_asking_ = true;
      output_ += "+OK\r\n";
    } else if (name == "WAIT") {
      wait();
    } else if (!key.empty()) {
      // It does not know yet that another is the master, and what it says is old.
      if (of_.replaced_when_ != never) fleet_of().lose(key, of_.replaced_when_);
      const auto refused = redirect(key, is_asking);
      output_ += refused ? *refused : name == "SET" ? set() : name == "GET" ? get(key) : eval(key);
    } else {
      output_ += error("ERR unknown command");
    }
  }

  std::string info() const {
    const auto synced = std::ranges::count(of_.followers_, true, &server::follower::is_synced);
    const bool appends = fleet_of().options_.appends != append_log::none;
    return std::string("redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n") +
           "aof_enabled:" + (appends ? "1" : "0") +
           "\r\nrole:" + (of_.is_master_ ? "master" : "slave") +
           "\r\nconnected_slaves:" + std::to_string(synced) + "\r\n";
  }

  void wait() {
    if (!of_.is_master_) {
      output_ += error("ERR WAIT cannot be used with replica instances.");
      return;
    }
    wait_for_ = wrote_;
    wait_replicas_ = static_cast<std::size_t>(number_of(words_[1]));
    wait_until_ = fleet_of().time_.now() + milliseconds(number_of(words_[2]));
    const std::size_t got = replicas_at(wait_for_);
    if (got >= wait_replicas_) {
      output_ += integer(static_cast<std::int64_t>(got));
      return;
    }
    is_held_up_ = true;
    of_.waiting_.push_back(this);
    fleet_of().ways_.in_process(of_.process_, wait_until_, [owner = &of_, self = this] {
      if (std::ranges::find(owner->waiting_, self) != owner->waiting_.end()) self->look_at_wait();
    });
  }

  // ---- Cluster

  std::string where(int process) const {
    return fleet::address_of(process).host + ":" + std::to_string(fleet::address_of(process).port);
  }

  std::optional<std::string> redirect(std::string_view key, bool is_asking) {
    if (fleet_of().options_.shape != topology::cluster) return std::nullopt;
    if (of_.is_reset_) return error("CLUSTERDOWN Hash slot not served");
    if (of_.is_down_) return error("CLUSTERDOWN The cluster is down");
    const std::size_t used = fleet_of().used_of(key);
    const std::string slot = std::to_string(fleet_of().used_[used]);
    const int owner = of_.view_.used[used];
    if (owner == of_.process_ && of_.is_master_) {
      const int to = of_.migrating_[used];
      if (to >= 0 && find(key) == nullptr) return error("ASK " + slot + " " + where(to));
      return std::nullopt;
    }
    if (of_.is_master_ && of_.importing_[used] >= 0 && is_asking) return std::nullopt;
    if (owner == of_.process_) return error("CLUSTERDOWN The cluster is down");
    return error("MOVED " + slot + " " + where(owner));
  }

  // A part of the map, the master first and then its replicas.
  std::string range(std::int64_t first, std::int64_t last, int owner) const {
    const auto node = [](int process) {
      const auto at = fleet::address_of(process);
      return array({bulk(at.host), integer(at.port), bulk("id"), array({})});
    };
    std::vector<std::string> parts = {integer(first), integer(last), node(owner)};
    for (const auto& each : fleet_of().servers_) {
      if (each->shard_ != fleet_of().at(owner).shard_ || each->process_ == owner) continue;
      parts.push_back(node(each->process_));
    }
    return array(parts);
  }

  std::string layout() const {
    if (of_.is_reset_) return array({});
    const fleet& all = of_.of_;
    std::vector<std::size_t> order(all.used_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return all.used_[i]; });
    std::vector<std::string> ranges;
    std::int64_t begin = 0;
    const auto add = [&](std::int64_t first, std::int64_t last, int owner) {
      if (first <= last) ranges.push_back(range(first, last, owner));
    };
    const auto fill_up_to = [&](std::int64_t end) {
      while (begin < end) {
        const std::int64_t third = begin * 3 / 16'384;
        const std::int64_t last = std::min(end, ((third + 1) * 16'384 + 2) / 3) - 1;
        add(begin, last, of_.view_.thirds[static_cast<std::size_t>(third)]);
        begin = last + 1;
      }
    };
    for (const std::size_t i : order) {
      if (begin > all.used_[i]) continue;  // two keys of one slot
      fill_up_to(all.used_[i]);
      add(begin, begin, of_.view_.used[i]);
      ++begin;
    }
    fill_up_to(16'384);
    return array(ranges);
  }

  // ---- Records

  server::entry* find(std::string_view key) {
    const auto found = std::ranges::find(of_.data_, key, &server::entry::key);
    if (found == of_.data_.end()) return nullptr;
    return fleet_of().clock_ms(of_) > found->expires_ms ? nullptr : &*found;
  }

  // What stands against writing.
  std::optional<std::string> refusal() {
    if (!of_.is_master_) return error("READONLY You can't write against a read only replica.");
    if (of_.is_full_) return error("OOM command not allowed when used memory > 'maxmemory'.");
    const sim_time now = fleet_of().time_.now();
    const auto good = std::ranges::count_if(of_.followers_, [&](const server::follower& each) {
      return each.is_synced && (fleet_of().is_stopped_ || now - each.acked_at <= replica_lag_max);
    });
    if (good < static_cast<std::ptrdiff_t>(fleet_of().options_.min_replicas)) {
      return error("NOREPLICAS Not enough good replicas to write.");
    }
    return std::nullopt;
  }

  // `expires_ms`: 0: as it was.
  std::string write(std::string_view key, std::string value, std::int64_t expires_ms,
                    const std::string& answer) {
    if (auto refused = refusal()) return *std::move(refused);
    fleet_of().changed(of_, {std::string(key), std::move(value), expires_ms});
    wrote_ = of_.offset_;
    return answer;
  }
  std::int64_t in(std::string_view ms) { return fleet_of().clock_ms(of_) + number_of(ms); }

  // SET key value NX GET PX ms.
  std::string set() {
    if (auto refused = refusal()) return *std::move(refused);
    if (const server::entry* const found = find(words_[1])) return bulk(found->value);
    return write(words_[1], std::string(words_[2]), in(words_[6]), nil());
  }
  std::string get(std::string_view key) {
    const server::entry* const found = find(key);
    return found == nullptr ? nil() : bulk(found->value);
  }

  std::string eval(std::string_view key) {
    using idempotency_redis::script_count;
    for (std::size_t i = 0; i < script_count; ++i) {
      const auto which = static_cast<script>(i);
      const bool is_by_name = words_[0] == "EVALSHA";
      if (words_[1] != (is_by_name ? fleet_of().scripts_[which] : text_of(which))) continue;
      if (is_by_name && (of_.scripts_ >> i & 1) == 0) break;
      of_.scripts_ |= 1u << i;
      return run_script(which, key);
    }
    return error("NOSCRIPT No matching script.");
  }

  std::string_view argument(std::size_t i) const { return words_[3 + i]; }

  // As scripts.cpp has them.
  std::string run_script(script which, std::string_view key) {
    const server::entry* const found = find(key);
    const std::string_view v = found == nullptr ? std::string_view() : found->value;
    switch (which) {
      case script::take_over: return take_over(key, found);
      case script::complete:
      case script::release: return end(which, key, v);
      case script::renew: {
        if (v.empty()) return integer(4);
        if (v.substr(1, 16) != argument(1) || v[0] > 2) return integer(3);
        std::string value(v);
        value.replace(26, 4, argument(2));
        return write(key, std::move(value), fleet_of().clock_ms(of_) + load_u32(v, 30), integer(1));
      }
      case script::mark: {
        if (v.empty()) return integer(4);
        if (v.substr(1, 16) != argument(1) || v[0] > 2) return integer(3);
        if (v[0] == 2) return integer(2);
        const auto id_bytes = static_cast<unsigned char>(v[50]);
        std::string value = "\2";
        value.append(v.substr(1, 50)).append(argument(2)).append(v.substr(53, id_bytes));
        value += argument(3);
        return write(key, std::move(value), found->expires_ms, integer(1));
      }
      case script::touch:
        if (v.substr(0, 17) != argument(1)) return integer(3);
        return write(key, std::string(v), found->expires_ms, integer(1));
    }
    std::abort();
  }

  std::string take_over(std::string_view key, const server::entry* found) {
    if (found == nullptr) return nil();
    const std::string_view v = found->value;
    if (v != argument(1)) return bulk(v);
    if (v[0] == 1 || v[0] == 2) {
      const std::int64_t left = found->expires_ms - fleet_of().clock_ms(of_);
      const std::int64_t lease = std::int64_t{load_u32(v, 26)} - (load_u32(v, 30) - left);
      if (lease > 0) return integer(lease);
      if (v[0] == 2 && argument(4) != "1") return integer(0);
    }
    return write(key, std::string(argument(2)), in(argument(3)), integer(-1));
  }

  std::string end(script which, std::string_view key, std::string_view v) {
    const char done = which == script::complete ? '\3' : '\4';
    const std::string_view head = argument(1);
    if (v.empty()) {
      if (which == script::complete && words_.size() > 3 + 4) return integer(4);
    } else if (v.substr(0, 18) != head) {
      if (v.substr(1, 17) != head.substr(1)) return integer(3);
      if (v[0] == done) return integer(2);
      if (v[0] > 2) return integer(3);
    }
    return write(key, std::string(argument(2)), in(argument(3)), integer(1));
  }

  server& of_;
  bool is_asking_ = false;
  std::uint64_t wrote_ = 0;
  std::uint64_t wait_for_ = 0;
  std::size_t wait_replicas_ = 0;
  sim_time wait_until_{0};
};

server::server(fleet& of, int process) : of_(of), process_(process) {}
server::~server() = default;

class sentinel::client_session final : public session {
 public:
  client_session(sentinel& of, connection_ref on) : session(of.ways_, std::move(on)), of_(of) {}

  // +switch-master <name> <old host> <old port> <new host> <new port>.
  void tell_switch(int from, int to) {
    if (!is_subscribed_) return;
    const auto before = fleet::address_of(from);
    const auto now = fleet::address_of(to);
    output_ +=
        bulks({"message", "+switch-master",
               std::string(master_name) + " " + before.host + " " + std::to_string(before.port) +
                   " " + now.host + " " + std::to_string(now.port)});
    run();
  }

 private:
  void execute() override {
    const auto where = fleet::address_of(of_.told_);
    const std::string port = std::to_string(where.port);
    const bool is_about_it = words_.size() == 3 && words_[2] == master_name;
    if (words_[0] == "SUBSCRIBE") {
      is_subscribed_ = true;
      output_ += array({bulk("subscribe"), bulk(words_[1]), integer(1)});
    } else if (words_[0] == "PING") {
      output_ += is_subscribed_ ? bulks({"pong", ""}) : "+PONG\r\n";
    } else if (words_[0] == "SENTINEL" && words_[1] == "get-master-addr-by-name" && is_about_it) {
      output_ += bulks({where.host, port});
    } else if (words_[0] == "SENTINEL" && words_[1] == "MASTER" && is_about_it) {
      output_ += bulks({"name", master_name, "ip", where.host, "port", port, "flags", "master",
                        "config-epoch", std::to_string(of_.epoch_), "quorum", "2"});
    } else {
      output_ += error("ERR unknown command");
    }
  }

  sentinel& of_;
  bool is_subscribed_ = false;
};

sentinel::sentinel(network& ways, int process, int master)
    : ways_(ways), process_(process), told_(master) {}
sentinel::~sentinel() = default;

// ---- The fleet

fleet::fleet(events& time, network& ways, random_stream random, fleet_options options,
             const idempotency_redis::script_names& scripts, int first_process)
    : time_(time),
      ways_(ways),
      random_(random),
      options_(std::move(options)),
      scripts_(scripts),
      first_(first_process) {
  const unsigned shards = options_.shape == topology::cluster ? 4 : 1;
  for (const std::string& key : options_.keys) used_.push_back(idempotency_redis::slot_of(key));
  lost_from_.assign(used_.size(), never);
  is_moving_.assign(used_.size(), false);
  down_since_.assign(shards, never);
  for (unsigned shard = 0; shard < shards; ++shard) {
    masters_.push_back(first_ + static_cast<int>(shard));
    if (shard < config_.thirds.size()) config_.thirds[shard] = masters_[shard];
  }
  for (const std::uint16_t slot : used_) {
    const std::size_t third = shards == 1 ? 0 : std::size_t{slot} * 3 / 16'384;
    config_.used.push_back(config_.thirds[third]);
  }
  for (std::size_t i = 0; i < servers_of(options_); ++i) {
    auto made = std::make_unique<server>(*this, first_ + static_cast<int>(i));
    made->shard_ = static_cast<unsigned>(i) % shards;
    made->is_master_ = i < shards;
    made->view_ = config_;
    made->is_reset_ = made->shard_ == config_.thirds.size();
    made->migrating_.assign(used_.size(), -1);
    made->importing_.assign(used_.size(), -1);
    if (!made->is_master_) {
      made->master_ = masters_[made->shard_];
      at(made->master_).followers_.push_back({made->process_, true});
    }
    servers_.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < sentinels_of(options_); ++i) {
    const int process = first_ + static_cast<int>(servers_.size() + i);
    sentinels_.push_back(std::make_unique<sentinel>(ways_, process, masters_[0]));
  }
  if (options_.shape != topology::standalone) tick();
}

fleet::~fleet() = default;

std::size_t fleet::servers_of(const fleet_options& options) {
  return (options.shape == topology::cluster ? 4u : 1u) * (1 + options.replicas);
}

idempotency_redis::node_address fleet::address_of(int process) {
  return {"10.0.0." + std::to_string(process), 6'379};
}
int fleet::process_of(const idempotency_redis::node_address& where) {
  return static_cast<int>(number_of(std::string_view(where.host).substr(7)));
}

std::string fleet::url() const {
  const auto text = [](int process) {
    const auto where = address_of(process);
    return where.host + ":" + std::to_string(where.port);
  };
  switch (options_.shape) {
    case topology::standalone: return "redis://" + text(first_);
    case topology::cluster: return "redis+cluster://" + text(first_) + "," + text(first_ + 1);
    case topology::sentinel: break;
  }
  std::string made = "redis+sentinel://";
  for (const auto& each : sentinels_) made += text(each->process_) + ",";
  made.back() = '/';
  return made + std::string(master_name);
}

end_point* fleet::accept(const connection_ref& on, int process) {
  const auto add = [&](auto& to, auto made) {
    std::erase_if(to, [](const auto& each) { return each->is_closed(); });
    return to.emplace_back(std::move(made)).get();
  };
  if (is_server(process)) {
    server& s = at(process);
    return add(s.sessions_, std::make_unique<server::client_session>(s, on));
  }
  sentinel& s = sentinel_at(process);
  return add(s.sessions_, std::make_unique<sentinel::client_session>(s, on));
}

std::size_t fleet::used_of(std::string_view key) const {
  const auto found = std::ranges::find(options_.keys, key);
  return static_cast<std::size_t>(found - options_.keys.begin());
}

std::int64_t fleet::clock_ms(const server& of) const {
  return std::chrono::floor<milliseconds>(time_.now() + of.clock_offset_).count() + 1'000'000;
}

void fleet::lose(std::string_view key, sim_time when) {
  sim_time& since = lost_from_[used_of(key)];
  since = std::min(since, when);
}

// ---- Replication

void fleet::apply(server& on, const server::change& what) {
  ++on.offset_;
  const auto found = std::ranges::find(on.data_, what.key, &server::entry::key);
  if (!what.value) {
    if (found != on.data_.end()) on.data_.erase(found);
  } else if (found != on.data_.end()) {
    found->value = *what.value;
    found->expires_ms = what.expires_ms;
  } else {
    on.data_.push_back({what.key, *what.value, what.expires_ms});
  }
}

void fleet::changed(server& on, server::change what) {
  if (options_.appends == append_log::every_second) {
    const auto found = std::ranges::find(on.data_, what.key, &server::entry::key);
    std::erase_if(on.undo_,
                  [&](const server::undo& each) { return each.when < time_.now() - fsync_step; });
    on.undo_.push_back(
        {time_.now(), what.key, found == on.data_.end() ? std::nullopt : std::optional(*found)});
  }
  apply(on, what);
  if (servers_.size() == 1) return;
  on.changes_.push_back(std::move(what));
  for (server::follower& each : on.followers_) pump(on, each);
}

void fleet::pump(server& from, server::follower& to) {
  if (!to.is_synced || to.is_asked) return;
  to.is_asked = true;
  to.asked_at = time_.now();
  ways_.in_process(
      to.process, time_.now() + ways_.delay(),
      [this, master = from.process_, of = &at(to.process), upto = from.offset_,
       generation = from.generation_] {
        server& source = at(master);
        if (of->master_ != master || source.generation_ != generation ||
            !ways_.reaches(master, of->process_) || of->offset_ < source.changes_from_) {
          return;
        }
        while (of->offset_ < upto) {
          apply(*of, source.changes_[of->offset_ - source.changes_from_]);
        }
        ways_.in_process(
            master, time_.now() + ways_.delay(), [this, master, of, offset = of->offset_] {
              server& told = at(master);
              const auto by =
                  std::ranges::find(told.followers_, of->process_, &server::follower::process);
              if (by == told.followers_.end() || ways_.is_apart(master, of->process_)) return;
              by->is_asked = false;
              by->acked = std::max(by->acked, offset);
              by->acked_at = time_.now();
              if (by->acked < told.offset_) pump(told, *by);
              const auto waiting = told.waiting_;
              for (server::client_session* const each : waiting) each->look_at_wait();
            });
      });
}

// The whole of it: of a new replica, and of one that came back.
void fleet::sync(server& from, server::follower& to) {
  if (to.is_asked) return;
  to.is_asked = true;
  to.asked_at = time_.now();
  ways_.in_process(
      to.process, time_.now() + ways_.delay() + random_.time(milliseconds(10), milliseconds(100)),
      [this, master = from.process_, of = &at(to.process), generation = from.generation_] {
        server& source = at(master);
        const auto by =
            std::ranges::find(source.followers_, of->process_, &server::follower::process);
        if (by == source.followers_.end() || source.generation_ != generation) return;
        by->is_asked = false;
        if (!ways_.reaches(master, of->process_) || of->master_ != master) return;
        of->data_ = source.data_;
        of->undo_.clear();
        of->offset_ = source.offset_;
        ++of->generation_;
        by->is_synced = true;
        by->acked = of->offset_;
        by->acked_at = time_.now();
      });
}

// ---- Those who watch

bool fleet::is_with_majority(int process) const {
  std::size_t together = 0;
  if (options_.shape == topology::cluster) {
    std::size_t voters = 0;  // masters that have slots
    for (unsigned shard = 0; shard < masters_.size(); ++shard) {
      const int each = masters_[shard];
      const bool votes = shard < config_.thirds.size() ||
                         std::ranges::find(config_.used, each) != config_.used.end();
      voters += votes;
      together += votes && (each == process || ways_.reaches(each, process));
    }
    return 2 * together > voters;
  }
  for (const auto& each : sentinels_) together += ways_.reaches(each->process_, process);
  return together >= 2;
}

void fleet::tick() {
  if (is_stopped_) return;
  const sim_time now = time_.now();
  for (const auto& each : servers_) {
    server& s = *each;
    if (!ways_.is_alive(s.process_) || ways_.is_paused(s.process_)) continue;
    if (is_with_majority(s.process_)) {
      s.alone_since_ = never;
      // A node that has been alone learns first what has changed meanwhile.
      if (s.is_reset_ || s.view_.epoch == config_.epoch) s.is_down_ = false;
    } else {
      s.alone_since_ = std::min(s.alone_since_, now);
      if (now - s.alone_since_ > down_after) s.is_down_ = options_.shape == topology::cluster;
    }
    if (!s.is_master_) continue;
    for (server::follower& of : s.followers_) {
      if (!ways_.reaches(s.process_, of.process) || ways_.is_paused(of.process)) continue;
      if (now - of.asked_at > 3 * tick_step) of.is_asked = false;  // it was lost on its way
      of.is_synced ? pump(s, of) : sync(s, of);
    }
  }
  for (unsigned shard = 0; shard < masters_.size(); ++shard) watch_shard(shard);
  if (options_.shape == topology::cluster) {
    watch_spare();
    gossip();
  }
  tell_sentinels();
  time_.at(now + tick_step, [this] { tick(); });
}

void fleet::watch_shard(unsigned shard) {
  const int master = masters_[shard];
  const sim_time now = time_.now();
  const bool is_there = ways_.is_alive(master) && !ways_.is_paused(master);
  if (is_there && is_with_majority(master)) {
    down_since_[shard] = never;
    // It may be one that has come back and has not heard of anything.
    for (const auto& each : servers_) {
      server& s = *each;
      if (s.shard_ != shard || s.process_ == master || !ways_.is_alive(s.process_) ||
          ways_.is_paused(s.process_) || !ways_.reaches(master, s.process_)) {
        continue;
      }
      const auto& followers = at(master).followers_;
      const bool follows =
          std::ranges::find(followers, s.process_, &server::follower::process) != followers.end();
      if (s.is_master_ || s.master_ != master || !follows) demote(s, master);
    }
    return;
  }
  down_since_[shard] = std::min(down_since_[shard], now);
  if (now - down_since_[shard] < down_after) return;
  const server* best = nullptr;
  for (const server::follower& each : at(master).followers_) {
    const server& s = at(each.process);
    if (!each.is_synced || !ways_.is_alive(each.process) || ways_.is_paused(each.process) ||
        s.master_ != master || !is_with_majority(each.process)) {
      continue;
    }
    if (best == nullptr || s.offset_ > best->offset_) best = &s;
  }
  if (best != nullptr) promote(shard, best->process_);
}

void fleet::promote(unsigned shard, int process) {
  ++failovers_;
  server& old = at(masters_[shard]);
  server& made = at(process);
  old.replaced_at_ = made.offset_;
  old.replaced_when_ = time_.now();
  made.is_master_ = true;
  made.master_ = -1;
  made.changes_.clear();
  made.changes_from_ = made.offset_;
  made.followers_.clear();
  ++made.generation_;
  masters_[shard] = process;
  down_since_[shard] = never;
  ++config_.epoch;
  for (int& each : config_.used) each = each == old.process_ ? process : each;
  for (int& each : config_.thirds) each = each == old.process_ ? process : each;
  made.view_ = config_;
  made.is_down_ = false;
}

// What it took since its replica had the last of it is forgotten.
void fleet::forget(server& s) {
  if (s.replaced_when_ == never) return;
  for (std::uint64_t i = std::max(s.replaced_at_, s.changes_from_); i < s.offset_; ++i) {
    lose(s.changes_[i - s.changes_from_].key, s.replaced_when_);
  }
}

void fleet::demote(server& s, int master) {
  forget(s);
  s.replaced_when_ = never;
  s.is_master_ = false;
  s.master_ = master;
  const auto waiting = s.waiting_;
  for (server::client_session* const each : waiting) {
    each->end_wait(
        error("UNBLOCKED force unblock from blocking operation, instance state changed"));
  }
  if (options_.shape == topology::sentinel) {
    for (const auto& each : s.sessions_) each->drop();
  } else {
    s.view_ = config_;
  }
  s.followers_.clear();
  auto& followers = at(master).followers_;
  if (std::ranges::find(followers, s.process_, &server::follower::process) == followers.end()) {
    followers.push_back({s.process_, false});
  }
}

void fleet::gossip() {
  for (const auto& each : servers_) {
    server& s = *each;
    if (s.is_reset_ || s.view_.epoch == config_.epoch || !is_with_majority(s.process_)) continue;
    ways_.in_process(s.process_, time_.now() + random_.time(milliseconds(10), milliseconds(200)),
                     [&s, told = config_] {
                       if (told.epoch > s.view_.epoch) s.view_ = told;
                     });
  }
}

void fleet::tell_sentinels() {
  for (const auto& each : sentinels_) {
    sentinel& s = *each;
    std::size_t together = 0;
    for (const auto& other : sentinels_) together += ways_.reaches(other->process_, s.process_);
    if (together < 2 || s.told_ == masters_[0] || ways_.is_paused(s.process_)) continue;
    ways_.in_process(s.process_, time_.now() + random_.time(milliseconds(0), milliseconds(150)),
                     [this, &s, to = masters_[0], epoch = config_.epoch] {
                       if (epoch != config_.epoch || s.told_ == to) return;
                       const int from = std::exchange(s.told_, to);
                       s.epoch_ = epoch;
                       for (const auto& told : s.sessions_) told->tell_switch(from, to);
                     });
  }
}

// ---- Faults

void fleet::kill(int process, sim_time until) {
  if (!ways_.is_alive(process)) return;
  ways_.kill(process);
  time_.at(until, [this, process] { start(process); });
  if (!is_server(process)) {
    for (const auto& each : sentinel_at(process).sessions_) each->on_closed();
    return;
  }
  server& s = at(process);
  for (const auto& each : s.sessions_) each->on_closed();
  s.on_disk_until_ = time_.now() - random_.time(sim_time(0), fsync_step);
  s.scripts_ = 0;
  s.is_down_ = options_.shape == topology::cluster;
}

void fleet::start(int process) {
  ways_.start(process);
  if (!is_server(process)) return;
  server& s = at(process);
  if (random_.chance(50)) {
    s.is_loading_until_ = time_.now() + random_.time(milliseconds(1), milliseconds(300));
  }
  if (options_.appends != append_log::always) {
    forget(s);
    const bool loses = s.is_master_ && masters_[s.shard_] == process;
    if (options_.appends == append_log::none) {
      for (const server::entry& each : s.data_) {
        if (loses) lose(each.key, time_.now());
      }
      s.data_.clear();
    }
    for (auto each = s.undo_.rbegin(); each != s.undo_.rend(); ++each) {
      if (each->when <= s.on_disk_until_) break;
      if (loses) lose(each->key, time_.now());
      std::erase_if(s.data_, [&](const server::entry& e) { return e.key == each->key; });
      if (each->before) s.data_.push_back(*each->before);
    }
    s.undo_.clear();
    s.changes_.clear();
    s.changes_from_ = s.offset_;
    ++s.generation_;
    for (server::follower& each : s.followers_) each.is_synced = false;
  }
  // A replica asks for all of it again.
  for (const auto& each : servers_) {
    for (server::follower& of : each->followers_) {
      if (of.process == process) of.is_synced = false;
    }
  }
}

// A step each time, while both are there.
void fleet::move_slot(std::size_t used, int from, int to, int step) {
  const auto again = [this, used, from, to](int next) {
    time_.at(time_.now() + random_.time(milliseconds(10), milliseconds(400)),
             [this, used, from, to, next] { move_slot(used, from, to, next); });
  };
  const auto is_there = [&](int process) {
    return ways_.is_alive(process) && !ways_.is_paused(process) && at(process).is_master_ &&
           masters_[at(process).shard_] == process;
  };
  server& source = at(from);
  server& target = at(to);
  if (!ways_.reaches(from, to) || !is_there(from) || !is_there(to)) {
    if (is_stopped_ || config_.used[used] != from || masters_[target.shard_] != to) {
      // A failover forgets that a slot was on its way, and what was on it.
      lose(options_.keys[used], time_.now());
      source.migrating_[used] = target.importing_[used] = -1;
      is_moving_[used] = false;
      return;
    }
    again(step);
    return;
  }
  switch (step) {
    case 0: target.importing_[used] = from; break;
    case 1: source.migrating_[used] = to; break;
    case 2: {
      const auto found = std::ranges::find(source.data_, options_.keys[used], &server::entry::key);
      if (found != source.data_.end()) {
        // MIGRATE finds no key that has expired, and the target may have a new one by then.
        if (clock_ms(source) <= found->expires_ms) {
          changed(target, {found->key, found->value, found->expires_ms});
        }
        changed(source, {options_.keys[used], std::nullopt, 0});
      }
      break;
    }
    case 3:
      ++config_.epoch;
      config_.used[used] = to;
      target.view_ = config_;
      target.importing_[used] = -1;
      break;
    default:
      if (source.view_.epoch < config_.epoch) source.view_ = config_;
      source.migrating_[used] = -1;
      is_moving_[used] = false;
      return;
  }
  again(step + 1);
}

void fleet::begin_move(std::size_t used, int to) {
  const int from = config_.used[used];
  if (from == to || is_moving_[used] || std::ranges::count(used_, used_[used]) > 1) return;
  is_moving_[used] = true;
  move_slot(used, from, to, 0);
}

void fleet::reshard(std::size_t key) {
  if (options_.shape != topology::cluster) return;
  const std::size_t targets = config_.thirds.size() + (spare_ == presence::joined ? 1 : 0);
  begin_move(key, masters_[random_.below(targets)]);
}

bool fleet::join(std::size_t key) {
  if (options_.shape != topology::cluster || spare_ != presence::away) return false;
  spare_ = presence::joined;
  for (const auto& each : servers_) {
    if (each->is_reset_) each->view_ = config_;
    each->is_reset_ = false;
  }
  begin_move(key, masters_.back());
  return true;
}

bool fleet::drain() {
  if (spare_ != presence::joined) return false;
  spare_ = presence::leaving;
  return true;
}

void fleet::watch_spare() {
  if (spare_ != presence::leaving) return;
  const int spare = masters_.back();
  bool is_empty = std::ranges::find(is_moving_, true) == is_moving_.end();
  for (std::size_t used = 0; used < used_.size(); ++used) {
    if (config_.used[used] != spare) continue;
    is_empty = false;
    begin_move(used, masters_[random_.below(config_.thirds.size())]);
  }
  if (!is_empty) return;
  spare_ = presence::away;
  for (const auto& each : servers_) {
    if (each->shard_ == config_.thirds.size()) each->is_reset_ = true;
  }
}

bool fleet::is_at_rest() const {
  for (const auto& each : servers_) {
    const server& s = *each;
    if (!ways_.is_alive(s.process_) || ways_.is_paused(s.process_) || s.is_down_) return false;
    if (time_.now() < s.is_loading_until_) return false;
    if (s.is_master_ != (masters_[s.shard_] == s.process_)) return false;
    if (options_.shape == topology::cluster && !s.is_reset_ && s.view_.epoch != config_.epoch) {
      return false;
    }
    if (!s.is_master_) continue;
    if (s.followers_.size() != options_.replicas) return false;
    for (const server::follower& of : s.followers_) {
      if (!of.is_synced || of.is_asked || of.acked < s.offset_) return false;
    }
  }
  if (std::ranges::find(is_moving_, true) != is_moving_.end()) return false;
  return spare_ != presence::leaving && std::ranges::all_of(sentinels_, [&](const auto& each) {
           return each->told_ == masters_[0] && ways_.is_alive(each->process_) &&
                  !ways_.is_paused(each->process_);
         });
}

}  // namespace parley::testing_support::simulator
