// SPDX-License-Identifier: Apache-2.0
//
// Servers that are not there: what Redis 7 does with our commands, alone, behind sentinels or in a
// cluster, and the sentinels. Writes go to replicas later; a failover promotes what a replica has
// got, and counts what it has not. Who watches the servers sees as far as the network lets a
// majority see.
//
// Of a cluster there is a fourth master, with replicas, that may join, be drained of its slots and
// leave.
//
// Slots are moved by a tool that never fails in the middle: a move during which a node fails is
// Redis' own to lose, and nothing that a client does saves it.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_FLEET_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_FLEET_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "idempotency_redis/node_address.hpp"
#include "idempotency_redis/scripts.hpp"
#include "idempotency_redis/simulator/network.hpp"

namespace parley::testing_support::simulator {

enum class topology : std::uint8_t { standalone, sentinel, cluster };

/// What a killed server still knows of what it was told: nothing, all but the end of it, or all.
enum class append_log : std::uint8_t { none, every_second, always };

struct fleet_options {
  topology shape = topology::standalone;
  append_log appends = append_log::always;
  unsigned replicas = 0;          ///< of each master
  unsigned min_replicas = 0;      ///< min-replicas-to-write
  std::vector<std::string> keys;  ///< that are used
};

class fleet;

/// A connection, at the other end.
class session : public end_point {
 public:
  session(network& ways, connection_ref on) : ways_(ways), on_(std::move(on)) {}
  virtual ~session() = default;
  void on_bytes(std::string_view bytes) override {
    input_ += bytes;
    run();
  }
  void on_closed() override { on_.reset(); }
  bool is_closed() const { return on_ == nullptr; }
  void drop();

 protected:
  /// One command, from words_; its reply goes to output_.
  virtual void execute() = 0;
  /// What has come, unless it is held up, and sends what there is to be said.
  void run();

  std::string output_;
  std::vector<std::string_view> words_;  // into what has come
  bool is_held_up_ = false;

 private:
  network& ways_;
  connection_ref on_;
  std::string input_;
};

class server {
 public:
  server(fleet& of, int process);
  ~server();
  int process() const { return process_; }
  bool is_master() const { return is_master_; }

 private:
  friend class fleet;
  class client_session;
  struct entry {
    std::string key;
    std::string value;
    std::int64_t expires_ms = 0;
  };
  struct change {
    std::string key;
    std::optional<std::string> value;  // none: moved away
    std::int64_t expires_ms = 0;
  };
  struct undo {
    sim_time when;
    std::string key;
    std::optional<entry> before;
  };
  struct follower {
    int process = 0;
    bool is_synced = false;  // it gets the changes
    bool is_asked = false;   // something is on its way to it
    sim_time asked_at{0};
    std::uint64_t acked = 0;
    sim_time acked_at{0};
  };
  /// The owner of each slot that is used, and of each third of the others.
  struct view {
    std::vector<int> used;
    std::array<int, 3> thirds{};
    std::uint64_t epoch = 0;
  };

  fleet& of_;
  int process_;
  bool is_master_ = false;
  int master_ = -1;
  unsigned shard_ = 0;
  std::vector<entry> data_;
  std::vector<change> changes_;  // since changes_from_
  std::uint64_t changes_from_ = 0;
  std::uint64_t offset_ = 0;
  unsigned generation_ = 0;        // of the data
  std::uint64_t replaced_at_ = 0;  // how far the replica had come that was promoted
  sim_time replaced_when_ = never;
  std::vector<follower> followers_;
  std::vector<client_session*> waiting_;  // in the order of their WAIT
  std::vector<std::unique_ptr<client_session>> sessions_;
  std::vector<undo> undo_;     // what may not be on disk yet
  sim_time on_disk_until_{0};  // of one that was killed
  sim_time is_loading_until_{0};
  unsigned scripts_ = 0;  // that it knows
  bool is_full_ = false;
  sim_time clock_offset_{0};
  // Of a cluster's.
  view view_;
  std::vector<int> migrating_;  // by used slot, to whom; -1: it stays
  std::vector<int> importing_;
  sim_time alone_since_ = never;  // without the majority
  bool is_down_ = false;          // CLUSTERDOWN
  bool is_reset_ = false;         // it is of no cluster
};

class sentinel {
 public:
  sentinel(network& ways, int process, int master);
  ~sentinel();

 private:
  friend class fleet;
  class client_session;

  network& ways_;
  const int process_;
  int told_;  // the master, as far as it knows
  std::uint64_t epoch_ = 0;
  std::vector<std::unique_ptr<client_session>> sessions_;
};

class fleet {
 public:
  fleet(events& time, network& ways, random_stream random, fleet_options options,
        const idempotency_redis::script_names& scripts, int first_process);
  ~fleet();

  static std::size_t servers_of(const fleet_options& options);
  static std::size_t sentinels_of(const fleet_options& options) {
    return options.shape == topology::sentinel ? 3 : 0;
  }

  /// Processes: servers first, then sentinels.
  int first() const { return first_; }
  std::size_t server_count() const { return servers_.size(); }
  std::size_t process_count() const { return servers_.size() + sentinels_.size(); }
  /// As the services are given them: a server, all sentinels or some nodes.
  std::string url() const;
  const std::vector<std::uint16_t>& used_slots() const { return used_; }
  end_point* accept(const connection_ref& on, int process);

  static idempotency_redis::node_address address_of(int process);
  static int process_of(const idempotency_redis::node_address& where);

  // ---- Faults

  void kill(int process, sim_time until);
  void step_clock(int process, sim_time to) { at(process).clock_offset_ = to; }
  void flush_scripts(int process) { at(process).scripts_ = 0; }
  void fill(int process, bool is_full) { at(process).is_full_ = is_full; }
  /// Moves the slot of a key to another master.
  void reshard(std::size_t key);
  /// The fourth master joins, and gets the slot of a key; or is drained, and leaves. False: it
  /// cannot do so now.
  bool join(std::size_t key);
  bool drain();
  int master_of_shard(unsigned shard) const { return masters_[shard]; }
  unsigned shards() const { return static_cast<unsigned>(masters_.size()); }

  /// Nothing is wrong any more, and nothing moves.
  bool is_at_rest() const;
  /// Keys of which something was forgotten that a server had taken, and when for the first time.
  const std::vector<sim_time>& lost_from() const { return lost_from_; }
  std::size_t failovers() const { return failovers_; }
  void stop() { is_stopped_ = true; }

 private:
  friend class server;
  friend class server::client_session;

  server& at(int process) { return *servers_[static_cast<std::size_t>(process - first_)]; }
  const server& at(int process) const {
    return *servers_[static_cast<std::size_t>(process - first_)];
  }
  void tick();
  sentinel& sentinel_at(int process) {
    return *sentinels_[static_cast<std::size_t>(process - first_) - servers_.size()];
  }
  bool is_server(int process) const { return process - first_ < static_cast<int>(servers_.size()); }
  bool is_with_majority(int process) const;
  void watch_shard(unsigned shard);
  void promote(unsigned shard, int process);
  void demote(server& s, int master);
  void tell_sentinels();
  void gossip();
  void start(int process);
  void changed(server& on, server::change what);
  static void apply(server& on, const server::change& what);
  void pump(server& from, server::follower& to);
  void sync(server& from, server::follower& to);
  void lose(std::string_view key, sim_time when);
  void forget(server& s);
  std::size_t used_of(std::string_view key) const;
  std::int64_t clock_ms(const server& of) const;
  void begin_move(std::size_t used, int to);
  void move_slot(std::size_t used, int from, int to, int step);
  void watch_spare();

  events& time_;
  network& ways_;
  random_stream random_;
  const fleet_options options_;
  const idempotency_redis::script_names& scripts_;
  const int first_;
  std::vector<std::unique_ptr<server>> servers_;
  std::vector<int> masters_;
  std::vector<sim_time> down_since_;
  std::vector<std::uint16_t> used_;  // the slot of each key
  server::view config_;
  std::vector<bool> is_moving_;
  std::vector<std::unique_ptr<sentinel>> sentinels_;
  enum class presence : std::uint8_t { away, joined, leaving } spare_ = presence::away;
  std::vector<sim_time> lost_from_;
  std::size_t failovers_ = 0;
  bool is_stopped_ = false;
};

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_FLEET_HPP
