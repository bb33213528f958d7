// SPDX-License-Identifier: Apache-2.0
//
// Two services on a Redis of several servers, what they do while it fails, and what is to be said
// of it. For sentinel_fault_test.cpp and cluster_fault_test.cpp.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_TOPOLOGY_WORLD_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_TOPOLOGY_WORLD_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "idempotency_redis/support/history.hpp"
#include "idempotency_redis/support/network_namespaces.hpp"
#include "idempotency_redis/support/redis_deployment.hpp"
#include "idempotency_redis/support/store_fixture.hpp"
#include "idempotency_redis/support/workload.hpp"

namespace parley::testing_support {

/// Of the repetitions of every fault; more where there is time: ctest -C deep -L deep
inline unsigned fault_scale() {
  const char* const given = std::getenv("PARLEY_FAULT_SCALE");
  return given == nullptr ? 1 : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}
inline std::uint64_t fault_seed() {
  const char* const given = std::getenv("PARLEY_FAULT_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

/// What a store is told to do for a deployment that is as the guide has it: its only replica has
/// all that is acknowledged.
inline idempotency_redis::redis_store_options fitting(idempotency_redis::redis_store_options made,
                                                      const redis_deployment& redis) {
  made.wait_replicas = redis.is_safe() ? 1 : 0;
  return made;
}

/// A store whose traffic comes from `where`, if there is a network.
inline std::unique_ptr<observed_store> make_store_on(
    const redis_deployment& redis, virtual_network::host where,
    const idempotency_redis::redis_store_options& options) {
  std::unique_ptr<observed_store> made;
  const auto make = [&] { made = std::make_unique<observed_store>(options); };
  if (redis.network() == nullptr) {
    make();
  } else {
    redis.network()->run_on(where, make);
  }
  return made;
}

class topology_world {
 public:
  /// The redis outlives it. `uses`: as workload_options has it.
  explicit topology_world(redis_deployment& redis, std::function<bool(std::uint32_t)> uses = {})
      : redis_(redis),
        hosts_{add_host(), add_host()},
        stores_{make_store(0), make_store(1)},
        work_({&**stores_[0], &**stores_[1]}, {.seed = fault_seed(),
                                               .workers = 16,
                                               .lease = std::chrono::milliseconds(150),
                                               .uses = std::move(uses),
                                               .may_undo_refusals = true,
                                               .clock_skew = std::chrono::milliseconds(20)}) {}

  workload& work() { return work_; }
  const observed_store& store(std::size_t number) const { return *stores_[number]; }
  virtual_network::host host(std::size_t number) const { return hosts_[number]; }
  std::uint64_t random() { return random_(); }
  std::size_t faults = 0;

  /// Until so many completions more are acknowledged.
  void pass(std::size_t completions) {
    const std::size_t wanted = work_.acknowledged() + completions;
    ASSERT_TRUE(wait_until([&] { return work_.acknowledged() >= wanted; })) << "nothing goes on";
  }
  /// Until a caller has been left in doubt, or a store knows that it is cut off.
  void leave_in_doubt() {
    const auto troubles = [&] {
      std::size_t count = 0;
      for (const auto& each : stores_) {
        for (const char* what : {"outcome_unknown", "connect", "silence", "closed"}) {
          count += each->told().count(what);
        }
      }
      return count;
    };
    const std::size_t before = troubles();
    ASSERT_TRUE(wait_until([&] { return troubles() > before; })) << "no fault is felt";
  }

  /// To the end of all faults: everything that was sent has been carried out, or never will be.
  void settle() {
    redis_.wait_until_whole();
    work_.stop();
    for (const auto& each : stores_) {
      // Keys enough to have some on each master.
      for (int i = 0; i < 20; ++i) {
        const std::uint64_t name = 1'000'000 + ++settled_;
        ASSERT_TRUE(wait_until([&] {
          return idempotency::ops::claim(**each, {.key = name, .nonce = name}).status ==
                 idempotency::claim_status::claimed;
        })) << "the store does not come back";
      }
    }
    // The kernel goes on to send what was written to a connection that has been closed since.
    for (const virtual_network::host each : hosts_) {
      ASSERT_TRUE(wait_until([&] {
        return redis_.network() == nullptr || !redis_.network()->has_unsent(each);
      })) << "something is still on its way";
    }
    redis_.drain();
  }

  /// Operations that a server sent to another.
  std::uint64_t redirected() const {
    return (*stores_[0])->stats().redirected + (*stores_[1])->stats().redirected;
  }

  verdict judge(const std::string& name) {
    work_.sweep();
    const history told = work_.take();
    const verdict found = check(told);
    std::cout << to_table(name, found, faults);
    if (!found.violations.empty()) std::cout << to_text(told, found.violations.front().key);
    return found;
  }

 private:
  virtual_network::host add_host() const {
    return redis_.network() == nullptr ? 0 : redis_.network()->add_host();
  }
  std::unique_ptr<observed_store> make_store(std::size_t number) const {
    return make_store_on(redis_, hosts_[number], fitting(hasty(redis_.url()), redis_));
  }

  redis_deployment& redis_;
  const virtual_network::host hosts_[2];
  const std::unique_ptr<observed_store> stores_[2];
  workload work_;
  std::mt19937_64 random_{fault_seed()};
  std::uint64_t settled_ = 0;
};

/// That no promise was broken, in a history in which enough happened for that to say something.
inline void expect_kept(const verdict& found) {
  EXPECT_TRUE(found.violations.empty());
  EXPECT_EQ(found.contradicted, 0u);
  EXPECT_GT(found.acknowledged, 10u);
  EXPECT_GT(found.replays, 10u);
  EXPECT_LE(found.undecided, found.keys / 10);
}
/// That completions were forgotten, and nothing worse.
inline void expect_lost(const verdict& found) {
  EXPECT_GT(found.contradicted, 0u);
  EXPECT_EQ(found.count(property::everything_ends), 0u);
  EXPECT_EQ(found.count(property::refusals_are_harmless), 0u);
}

/// Asks for a key again and again, as a client with a retry does, and measures for how long it is
/// not served.
class prober {
 public:
  prober(idempotency::store& records, std::uint64_t key)
      : thread_([this, &records, key] { run(records, key); }) {}
  prober(const prober&) = delete;
  prober& operator=(const prober&) = delete;
  ~prober() {
    is_stopped_ = true;
    thread_.join();
  }

  /// Until it has been served a few times from now on.
  void wait_for_service() const {
    const std::size_t wanted = served_ + 20;
    if (!wait_until([&] { return served_ >= wanted; })) {
      throw std::runtime_error("nothing is served any more");
    }
  }
  /// The longest time between two answers.
  double longest_seconds() const {
    return std::chrono::duration<double>(std::chrono::microseconds(longest_us_)).count();
  }

 private:
  void run(idempotency::store& records, std::uint64_t key) {
    auto last = std::chrono::steady_clock::now();
    while (!is_stopped_) {
      const auto said = idempotency::ops::claim(records, {.key = key, .nonce = key});
      if (said.status != idempotency::claim_status::claimed) continue;
      const auto now = std::chrono::steady_clock::now();
      const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now - last).count();
      if (served_++ > 0) longest_us_ = std::max<std::int64_t>(longest_us_, since);
      last = now;
    }
  }

  std::atomic<bool> is_stopped_{false};
  std::atomic<std::size_t> served_{0};
  std::atomic<std::int64_t> longest_us_{0};
  std::thread thread_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_TOPOLOGY_WORLD_HPP
