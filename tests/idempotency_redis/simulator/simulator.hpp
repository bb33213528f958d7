// SPDX-License-Identifier: Apache-2.0
//
// A history of services, a network and servers that are all simulated, from one seed: the same seed
// gives the same history, and nothing of it takes time.
//
//   const scenario of{.seed = 7, .shape = topology::cluster, .is_supported = true};
//   if (!run(of).is_fine()) std::cout << to_text(shrink(of));

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_SIMULATOR_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_SIMULATOR_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/simulator/client.hpp"
#include "idempotency_redis/simulator/fleet.hpp"
#include "idempotency_redis/support/history.hpp"

namespace parley::testing_support::simulator {

/// What of a scenario is kept; the rest of it comes from the seed.
struct scenario {
  std::uint64_t seed = 1;
  topology shape = topology::standalone;
  /// Everything is set up so that nothing acknowledged is lost: appendfsync always, WAIT for every
  /// replica, min-replicas-to-write.
  bool is_supported = true;
  planted mistake = planted::none;
  unsigned attempts = 0xffff;         ///< at most
  std::uint64_t faults = UINT64_MAX;  ///< by bits: which of those of the seed happen
};

struct outcome {
  std::vector<std::string> violations;
  std::uint64_t digest = 0;  ///< of all that was asked and answered, and when
  std::size_t operations = 0;
  std::size_t attempts = 0;
  std::vector<std::string> faults;  ///< those that happened, in words
  std::size_t failovers = 0;
  std::size_t unknown = 0;
  std::size_t acknowledged = 0;  ///< completions
  std::size_t contradicted = 0;  ///< promises broken by servers that forgot what they had taken
  std::size_t lost_keys = 0;     ///< of which a server has forgotten something
  /// Keys on which a claim was refused for the sake of an attempt that a failover then undid.
  std::size_t hasty_refusals = 0;
  std::uint64_t reroutes = 0;  ///< operations sent again, or to another node
  std::string text;            ///< all operations on the keys that are violated

  bool is_fine() const { return violations.empty(); }
};

outcome run(const scenario& of);

/// The smallest scenario found that fails as `of` does: fewer attempts, fewer faults.
scenario shrink(scenario of);

/// "cluster/supported/seed/attempts/faults", for PARLEY_SIMULATOR_REPLAY.
std::string to_text(const scenario& of);
/// Back. The last two may be left out.
std::optional<scenario> parse_scenario(std::string_view text);

std::string_view to_string(topology of);

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_SIMULATOR_HPP
