// SPDX-License-Identifier: Apache-2.0
//
// Redis as Sentinel and as Cluster run it, every process a real one, and what can be done to it.
//
//   sentinel_deployment redis({.is_safe = true});
//   auto records = make_redis_store({.url = redis.url()});
//   redis.server(redis.master()).kill9();
//   redis.wait_until_whole();  // who is down is started again first
//
// A server goes by its number, which it keeps when it becomes a master or a replica. Timeouts are
// short: a lost master is replaced within two seconds. Members throw std::runtime_error where the
// servers do not do what they were told to.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_DEPLOYMENT_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_DEPLOYMENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "idempotency_redis/support/network_namespaces.hpp"
#include "idempotency_redis/support/redis_server.hpp"

namespace parley::testing_support {

struct deployment_options {
  /// Each process is put on a host of its own there. Null: all are on the loopback.
  virtual_network* network = nullptr;
  /// As the guide has it: appendfsync always, min-replicas-to-write 1. Else as Redis comes, without
  /// an append-only file.
  bool is_safe = false;
  /// Sentinels ask and tell each other every 200 ms, and not every 1, 2 and 10 s: a test is done
  /// sooner.
  bool hurries = true;
  std::string password = {};           ///< of the servers
  std::string sentinel_password = {};  ///< of the sentinels
  /// PEM files; where they are named every connection between servers has TLS, and clients may.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  std::string tls_authorities_file = {};
  std::vector<std::string> config = {};           ///< more lines for the servers
  std::vector<std::string> sentinel_config = {};  ///< and for the sentinels
};

/// What the two have in common.
class redis_deployment {
 public:
  redis_deployment(const redis_deployment&) = delete;
  redis_deployment& operator=(const redis_deployment&) = delete;
  virtual ~redis_deployment();

  virtual std::string url() const = 0;
  std::size_t size() const { return servers_.size(); }
  redis_server& server(std::size_t number) { return *servers_[number].process; }
  const redis_server& server(std::size_t number) const { return *servers_[number].process; }
  /// On the network that was given.
  virtual_network::host host(std::size_t number) const { return servers_[number].host; }
  virtual_network* network() const { return options_.network; }
  bool is_safe() const { return options_.is_safe; }

  /// Starts who is down, wakes who is stopped, heals the network.
  virtual void revive();
  /// Revives, and waits until all agree on who is a master, every replica has what its master has,
  /// and who was started again has its append-only file.
  void wait_until_whole();
  /// Until every server has read what had come to it.
  void drain() const;

 protected:
  struct placed {
    std::unique_ptr<redis_server> process;
    virtual_network::host host = 0;
  };

  explicit redis_deployment(deployment_options options);
  placed place(redis_server_options options) const;
  redis_server_options server_options(redis_kind kind) const;
  /// Null, or what is not so yet.
  virtual const char* what_is_missing() const = 0;
  bool has_append_only_file(std::size_t number) const;

  const deployment_options options_;
  std::vector<placed> servers_;
};

/// A master, a replica of it and three sentinels, of which two make a failover.
class sentinel_deployment final : public redis_deployment {
 public:
  explicit sentinel_deployment(deployment_options options = {});

  static constexpr std::size_t sentinels = 3;
  static constexpr const char* name = "calls";  ///< of the master

  std::string url() const override;
  /// With those hosts alone.
  std::string url(const std::vector<std::size_t>& of_sentinels) const;
  redis_server& sentinel(std::size_t number) { return *sentinels_[number].process; }
  virtual_network::host sentinel_host(std::size_t number) const { return sentinels_[number].host; }

  /// Which server most of the sentinels call the master.
  std::size_t master() const;
  std::size_t replica() const { return 1 - master(); }
  void wait_for_master(std::size_t number) const;
  /// Returns when most of them name the other, and it is the master.
  void fail_over_from(std::size_t number);
  void restart_sentinel(std::size_t number);
  void revive() override;

 private:
  const char* what_is_missing() const override;
  /// None: it is not there, or does not know.
  std::optional<std::size_t> master_of(std::size_t sentinel) const;
  void hurry(const redis_server& sentinel) const;

  std::vector<placed> sentinels_;
};

/// Three masters with a third of the slots each, and a replica of each. A server more can join.
class cluster_deployment final : public redis_deployment {
 public:
  explicit cluster_deployment(deployment_options options = {});

  static constexpr std::size_t masters = 3;
  static constexpr std::uint16_t slots = 16'384;

  std::string url() const override;
  /// As most of the servers see it.
  std::size_t owner(std::uint16_t slot) const;
  std::vector<std::uint16_t> slots_of(std::size_t master) const;
  std::size_t replica_of(std::size_t master) const;
  void wait_for_owner(std::uint16_t slot, std::size_t number);
  /// For four seconds after an election a server does not stand in another rightly: it takes the
  /// votes that it got for new ones (Redis 7.0.15, clusterHandleSlaveFailover), and nobody follows.
  void wait_until_electable(std::size_t number) const;
  /// The master's replica takes its place, and the master takes part in that.
  void fail_over(std::size_t master);

  /// As redis-cli reshards, in steps: begin, carry over keys, end.
  void begin_move(std::uint16_t slot, std::size_t from, std::size_t to);
  /// Some of its keys. False: there were none left.
  bool move_keys(std::uint16_t slot, std::size_t from, std::size_t to, unsigned keys);
  void end_move(std::uint16_t slot, std::size_t from, std::size_t to);
  void move(std::uint16_t slot, std::size_t from, std::size_t to);

  /// A master without a slot; its number.
  std::size_t add_server();
  /// The last one that was added, which has no slot.
  void remove_server();

 private:
  struct view {
    std::vector<std::optional<std::size_t>> owners = std::vector<std::optional<std::size_t>>(slots);
    std::vector<std::optional<std::size_t>> masters;  // of replicas, by their number
    friend bool operator==(const view&, const view&) = default;
  };
  const char* what_is_missing() const override;
  view view_of(std::size_t number) const;
  view common_view() const;
  bool know_each_other() const;
  void meet(std::size_t first, std::size_t other);

  std::vector<std::string> ids_;
  std::vector<std::chrono::steady_clock::time_point> elected_;  // as masters, by their number
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REDIS_DEPLOYMENT_HPP
