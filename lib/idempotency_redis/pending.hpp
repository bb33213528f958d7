// SPDX-License-Identifier: Apache-2.0
//
// An operation from its start to its end, and then until the reply comes that nobody waits for.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_PENDING_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_PENDING_HPP

#include <chrono>
#include <cstddef>

#include "idempotency_redis/cluster.hpp"
#include "idempotency_redis/operation.hpp"

namespace parley::idempotency_redis {

struct pending {
  using time = std::chrono::steady_clock::time_point;

  // Of whoever holds it.
  operation what;
  time started;
  std::size_t bytes = 0;     // of its response
  bool is_canceled = false;  // guarded by the holder's lock

  // Of the dispatcher.
  routing way;
  /// Where it waits to be sent: until then at the latest.
  time again_at;
  bool is_waiting = false;
  bool in_flight = false;    ///< a link has it: sent, or answered and held for WAIT
  bool may_be_done = false;  ///< a server may have carried it out

  // Neighbours among those that have not ended, in the order of their start. Otherwise `after` is
  // the holder's.
  pending* before = nullptr;
  pending* after = nullptr;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_PENDING_HPP
