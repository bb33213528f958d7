// SPDX-License-Identifier: Apache-2.0
//
// Records in Redis 7.0 or later, shared by every process that uses the server: one server, a master
// that Redis Sentinel watches, or a Redis Cluster. Only the URL differs.
//
//   auto records = idempotency_redis::make_redis_store({.url = "redis://user:secret@redis/2"});
//   if (!records) return fail(records.error());
//   auto engine = idempotency::make_engine(**records, timer);
//
// One connection to each master, one round trip an operation, all operations pipelined. A store is
// made whether or not the servers are there: until they are, operations fail with `unavailable` and
// nothing runs. What was sent and not answered is sent again after a reconnection, a failover or a
// redirection, under the same nonce; what is not answered in time fails with an unknown outcome.
// Every operation ends, and once.
//
// Thread-safe. done() runs on the store's own thread, or, of a store on an executor (asio.hpp), on
// that. To destroy a store with operations pending is a precondition failure: call shutdown() and
// wait for them.

#ifndef PARLEY_IDEMPOTENCY_REDIS_STORE_HPP
#define PARLEY_IDEMPOTENCY_REDIS_STORE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/idempotency/store.hpp"
#include "parley/idempotency_redis/export.hpp"

namespace parley::idempotency_redis {

/// What a store looks at on the server (INFO; never CONFIG, which managed servers forbid).
enum class finding : std::uint8_t {
  too_old = 1,      ///< below 7.0: SET has no NX with GET
  evicts,           ///< maxmemory is set and maxmemory_policy is not noeviction: records get lost
  no_append_only,   ///< appendonly is off: a crash forgets records
  no_replicas,      ///< fewer replicas than wait_replicas
  is_replica,       ///< the server is a replica and takes no writes
  unknown_setting,  ///< INFO was refused, or does not say
};
/// The stable, lower-case name: "evicts". Any other value: "unknown".
PARLEY_IDEMPOTENCY_REDIS_EXPORT std::string_view to_string(finding f) noexcept;

enum class on_finding : std::uint8_t {
  ignore = 0,
  warn,    ///< tell the observer
  refuse,  ///< do not use the server; once it was in use as warn, but for too_old and is_replica
};

/// Why a connection ended or was not made.
enum class disconnect_reason : std::uint8_t {
  resolve = 1,  ///< no address for the host
  connect,      ///< refused, unreachable, or not in time
  tls,          ///< the handshake or the certificate
  auth,         ///< the password, user or database was refused
  refused,      ///< by a finding
  protocol,     ///< what came is not Redis, or a reply above reply_bytes_max
  silence,      ///< a command was not answered for twice operation_timeout
  closed,       ///< by the server or the network
  shut_down,    ///< by the store
  replaced,     ///< another server is the master now, or the cluster has no use for this one
};
PARLEY_IDEMPOTENCY_REDIS_EXPORT std::string_view to_string(disconnect_reason r) noexcept;

/// Told on the store's thread or executor; must not throw, nor block for long. Outlives the store.
/// `server`: "host:port", "[address]:port" or the path of a unix socket; it lives until the call
/// returns.
class PARLEY_IDEMPOTENCY_REDIS_EXPORT observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer();

  /// The server was found fit, and operations are sent to it.
  virtual void connected(std::string_view /*server*/) noexcept {}
  /// `what`: for a log, without secrets; lives until this returns. Also after each attempt to
  /// connect that failed.
  virtual void disconnected(std::string_view /*server*/, disconnect_reason,
                            std::string_view /*what*/) noexcept {}
  virtual void found(std::string_view /*server*/, finding, on_finding) noexcept {}
  /// A sentinel, or a node of the cluster, could not say which servers are the masters. Others are
  /// asked; what is known is used on. `what` as above.
  virtual void lookup_failed(std::string_view /*server*/, std::string_view /*what*/) noexcept {}
  /// An operation ended, and nobody knows whether the server carried it out.
  virtual void outcome_unknown() noexcept {}
  /// An error reply that the store does not expect; `code` is its first word, as "NOPERM".
  virtual void refused(std::string_view /*code*/) noexcept {}
};

struct tls_options {
  /// PEM files. Authorities: empty for those of the system.
  std::string authorities_file = {};
  std::string certificate_file = {};  ///< of this client, if the server asks for one
  std::string private_key_file = {};
  /// The name that every server's certificate must have, and that is sent (SNI). Empty: the host
  /// that the URL, a sentinel or the cluster names, often an address.
  std::string server_name = {};
};

struct redis_store_options {
  /// One server: redis://[[user]:password@]host[:port][/database], or
  /// unix://[[user]:password@]/path[?db=database].
  /// Sentinel: redis+sentinel://[[user]:password@]sentinel[:port][,sentinel[:port]...]/master
  /// [/database], where `master` is the name that the sentinels know it by. User, password and
  /// database are the master's. The port of a sentinel is 26379 if none is given.
  /// Cluster: redis+cluster://[[user]:password@]node[:port][,node[:port]...]; nodes from which the
  /// others are learned.
  /// rediss for redis: with TLS to all of them, always verified. Percent escapes are decoded. 64
  /// hosts at most.
  std::string url = "redis://127.0.0.1:6379";
  /// Win over those of the URL, which may end up in logs and listings.
  std::string user = {};
  std::string password = {};
  /// What the sentinels ask for, if they do.
  std::string sentinel_user = {};
  std::string sentinel_password = {};
  tls_options tls = {};

  /// Before every key's name. A key is this and 32 hexadecimal digits.
  std::string key_prefix = "parley:";

  /// An operation that is not answered by then fails with `timed_out`.
  std::chrono::milliseconds operation_timeout{500};
  /// One that could not be sent by then fails with `unavailable`.
  std::chrono::milliseconds offline_timeout{250};
  std::chrono::milliseconds connect_timeout{1'000};
  /// Between attempts to connect: doubling, less up to a half at random.
  std::chrono::milliseconds reconnect_min{50};
  std::chrono::milliseconds reconnect_max{2'000};

  /// Operations, and bytes of their responses, that are pending at most; then `busy`.
  std::size_t pending_max = 65'536;
  std::size_t pending_bytes_max = std::size_t{64} << 20;
  /// A reply above this ends the connection. Above the largest response that is stored.
  std::size_t reply_bytes_max = std::size_t{8} << 20;

  /// Above 0: what changes a record is answered only once so many replicas of its master have it
  /// (WAIT, one for each batch), within `wait_timeout`; else its outcome is unknown.
  unsigned wait_replicas = 0;
  std::chrono::milliseconds wait_timeout{250};

  on_finding when_evicts = on_finding::refuse;
  on_finding when_no_append_only = on_finding::warn;
  on_finding when_no_replicas = on_finding::warn;
  on_finding when_unknown = on_finding::warn;

  idempotency_redis::observer* observer = nullptr;
};

struct redis_store_stats {
  std::size_t pending = 0;        ///< operations that have not ended
  std::uint64_t connections = 0;  ///< made since the start
  std::uint64_t disconnections = 0;
  std::uint64_t resent = 0;      ///< operations sent again after a reconnection
  std::uint64_t redirected = 0;  ///< operations that a node of a cluster sent to another
  std::uint64_t unknown = 0;     ///< ended with an unknown outcome
};

class PARLEY_IDEMPOTENCY_REDIS_EXPORT redis_store : public idempotency::store {
 public:
  /// Connected, and no finding stands against it: for a readiness probe. An operation that starts
  /// now may still fail. Of a cluster: connected to every master that has slots, and later to one
  /// at least; a service should not be taken away for the keys that it cannot serve.
  virtual bool ready() const noexcept = 0;
  virtual redis_store_stats stats() const noexcept = 0;
};

/// With a thread of its own. Does not wait for the server. Fails with a sentence where an option
/// breaks a limit or a file of `tls` cannot be read; it has no secret in it.
PARLEY_IDEMPOTENCY_REDIS_EXPORT result<std::unique_ptr<redis_store>, std::string> make_redis_store(
    redis_store_options options = {});

}  // namespace parley::idempotency_redis

#endif  // PARLEY_IDEMPOTENCY_REDIS_STORE_HPP
