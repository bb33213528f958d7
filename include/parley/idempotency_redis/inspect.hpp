// SPDX-License-Identifier: Apache-2.0
//
// For operators: what stands under a key, what is running, and a release for an attempt that will
// not come back.
//
//   auto records = idempotency_redis::make_inspector({.url = "redis://127.0.0.1:6379"});
//   if (!records) return fail(records.error());
//   const auto found = (*records)->find(digests.key(digests.scope({tenant}), key));
//   if (!found) return fail(found.error().what);
//   if (*found) print((*found)->operation_id);
//
// Blocking, by one thread at a time, over a connection of its own: made at the first call, and anew
// where it has ended. Connecting takes connect_timeout at most (and as long as the system takes for
// the name of the host), each exchange with the server operation_timeout. Ages and leases are by
// the server's clock.

#ifndef PARLEY_IDEMPOTENCY_REDIS_INSPECT_HPP
#define PARLEY_IDEMPOTENCY_REDIS_INSPECT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/idempotency/record.hpp"
#include "parley/idempotency/response_ref.hpp"
#include "parley/idempotency_redis/export.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// Why there is no answer. The values are ABI: append, never reorder.
enum class inspect_errc : std::uint8_t {
  unavailable = 1,  ///< not connected, or not any more
  timed_out,
  refused,         ///< by the server: a password, a right, its state
  malformed,       ///< what came is not an answer, or is above reply_bytes_max
  corrupt_record,  ///< what stands under the key is no record of this version; it is left as it is
};
/// The stable, lower-case name: "timed_out". Any other value: "unknown".
PARLEY_IDEMPOTENCY_REDIS_EXPORT std::string_view to_string(inspect_errc e) noexcept;

struct inspect_failure {
  inspect_errc why = inspect_errc::unavailable;
  std::string what;  ///< for a person, without secrets
};

/// A record as it stood at one moment.
struct record_info {
  idempotency::digest key;
  idempotency::record_state state = idempotency::record_state::running;
  /// Since the lease began or was renewed, the response was stored or the attempt released.
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds time_left{0};  ///< until the record is forgotten
  /// Of a running or marked one. Zero: it is over, and a marked record is abandoned.
  std::chrono::milliseconds lease_left{0};
  std::uint64_t fence = 0;
  idempotency::nonce owner;  ///< the attempt that wrote it last
  std::string operation_id;  ///< the id of the request that ran first; empty of a released one
  std::string note;
  std::size_t response_bytes = 0;
  idempotency::response_ref response;  ///< null, unless it was asked for
};

/// What running() looked at.
struct scan_summary {
  std::size_t examined = 0;  ///< records, of any state
  std::size_t corrupt = 0;   ///< keys of the prefix that hold none
  bool is_complete = true;   ///< false: there may be more than the limit
};

enum class release_status : std::uint8_t {
  applied = 1,
  already,  ///< released before, under this nonce
  lost,     ///< completed, or another attempt has the record: it is left as it is
  gone,     ///< there is no record, and nothing was written
  corrupt,  ///< no record of this version: it is left as it is
};
/// The stable, lower-case name: "applied". Any other value: "unknown".
PARLEY_IDEMPOTENCY_REDIS_EXPORT std::string_view to_string(release_status s) noexcept;

class PARLEY_IDEMPOTENCY_REDIS_EXPORT inspector {
 public:
  inspector() = default;
  inspector(const inspector&) = delete;
  inspector& operator=(const inspector&) = delete;
  virtual ~inspector();

  /// None: there is no record.
  virtual result<std::optional<record_info>, inspect_failure> find(const idempotency::digest& key,
                                                                   bool with_response = false) = 0;

  /// Calls `each` for every running and every marked record, `limit` at most, each once and without
  /// its response. Goes through the whole database in small steps (SCAN), which the server takes
  /// between other commands; a record that is written meanwhile may be missed. Memory is bounded by
  /// `limit` keys. What `each` throws comes out of it.
  virtual result<scan_summary, inspect_failure> running(
      std::size_t limit, const std::function<void(const record_info&)>& each) = 0;

  /// Says for the attempt `owner` that certainly nothing happened: the key may run again. An
  /// attempt that is alive all the same finds its claim lost, but runs on. A record that has gone
  /// over to another attempt, or is completed, is not touched.
  virtual result<release_status, inspect_failure> release(const idempotency::digest& key,
                                                          const idempotency::nonce& owner) = 0;

  /// Deletes every key of the prefix, and says how many. For tests and sandboxes: what is running
  /// is lost to its holder, and what is retried runs again. A record that is written meanwhile may
  /// stay.
  virtual result<std::size_t, inspect_failure> clear() = 0;
};

/// Does not connect. Of the options it uses the server's, the prefix, both timeouts and
/// reply_bytes_max. The URL is of one server; of a cluster, each master has records of its own.
/// Fails with a sentence where one of those breaks a limit or a file of `tls` cannot be used; it
/// has no secret in it. The limits are a store's, but for reply_bytes_max: 1 MiB at least.
PARLEY_IDEMPOTENCY_REDIS_EXPORT result<std::unique_ptr<inspector>, std::string> make_inspector(
    redis_store_options options = {});

}  // namespace parley::idempotency_redis

#endif  // PARLEY_IDEMPOTENCY_REDIS_INSPECT_HPP
