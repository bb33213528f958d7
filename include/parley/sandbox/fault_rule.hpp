// SPDX-License-Identifier: Apache-2.0
//
// What shall go wrong, how often and where: a rule for server::add_fault, or the body of
// POST /sandbox/faults.
//
//   api->add_fault({.route = "POST /v1/calls/dial", .fault = "response_lost", .probability = 0.1});
//
// A rule is asked about every request to its route that is authorised, also one that an earlier
// response answers; where it hits, the fault stands in front of the API: nothing is run for a fault
// that gives no response of the API. A code that tells how a call ended (busy) is asked about every
// call that is placed instead.

#ifndef PARLEY_SANDBOX_FAULT_RULE_HPP
#define PARLEY_SANDBOX_FAULT_RULE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace parley::sandbox {

inline constexpr std::size_t fault_rules_max = 100;
inline constexpr std::chrono::milliseconds fault_delay_max = std::chrono::minutes(10);

struct fault_rule {
  /// The method and template of a route, as "GET /v1/calls/{id}"; "*": every /v1 route; "webhook":
  /// every event that is sent to a webhook.
  std::string route = "*";
  /// A name that GET /sandbox/magic lists, of a behaviour or a code: "hang", "dnc_suppressed". A
  /// code of both tiers takes the route's, or the one named: "rate_limited; tier=http". Of webhooks
  /// "webhook_delay", "webhook_duplicate" or "webhook_reorder".
  std::string fault = {};
  double probability = 1;  ///< 0 to 1
  /// Whether the n-th request is hit follows from the seed, n and the probability alone. None: the
  /// rule's number.
  std::optional<std::uint64_t> seed = {};
  /// Hits at most, from 1 on. None: no end.
  std::optional<std::uint64_t> times = {};
  /// How long the response is held back, at most fault_delay_max. None: options::latency for
  /// "latency" and "webhook_delay", else not at all.
  std::optional<std::chrono::milliseconds> delay = {};
};

}  // namespace parley::sandbox

#endif  // PARLEY_SANDBOX_FAULT_RULE_HPP
