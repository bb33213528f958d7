// SPDX-License-Identifier: Apache-2.0
//
// idempotency_redis/cluster/<stores>/<in flight>: mutations (a claim and its complete, 200 bytes)
// on one master and on a cluster of three, turn by turn in one run, so that the machine's drift
// hits both. The servers are this program's own and write nothing to disk; each store is one
// thread, and those in flight are shared out among them.
//   one_per_second, three_per_second, ratio  mutations
//   <which>_client_us, <which>_servers_us    processor time a mutation, all threads and servers
//   <which>_cores                            how many cores all of them had
//   <which>_busiest                          share of a core that the busiest server had
//   <which>_unshared                         mutations a second if each thread and each server had
//                                            a core of its own and its processor time stayed so
// idempotency_redis/cluster/redis_benchmark: the servers without our client, one_per_second and
// three_per_second commands of a claim.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "idempotency_redis/load.hpp"
#include "idempotency_redis/server.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace {

using namespace std::chrono_literals;
using parley::bench::cpu_seconds;
using parley::bench::load;
using parley::bench::new_keys;
using parley::bench::redis_cluster;
using parley::bench::redis_server;
using parley::bench::run;
using parley::idempotency_redis::redis_store;

constexpr std::size_t mutations_a_turn = 40'000;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

redis_cluster& three_masters() {
  static redis_cluster only(3);
  return only;
}

// Servers, stores on them, and what both have used.
class side {
 public:
  side(const std::string& url, std::vector<const redis_server*> servers, std::size_t stores)
      : servers_(std::move(servers)), server_seconds_(servers_.size()) {
    for (std::size_t i = 0; i < stores; ++i) {
      auto made =
          parley::idempotency_redis::make_redis_store({.url = url, .operation_timeout = 10s});
      while (!(*made)->ready()) std::this_thread::yield();
      stores_.push_back(*std::move(made));
    }
  }
  ~side() {
    for (const auto& store : stores_) store->shutdown();
  }

  void take_turn(std::size_t in_flight) {
    const std::vector<double> before = server_seconds();
    const double client = cpu_seconds();
    const auto begin = std::chrono::steady_clock::now();
    load all{.in_flight = in_flight / stores_.size(),
             .count = mutations_a_turn / stores_.size(),
             .first = new_keys(mutations_a_turn)};
    std::vector<std::thread> threads;
    for (const auto& store : stores_) {
      threads.emplace_back([this, &store = *store, all] { failures_ += run(store, all); });
      all.first += all.count;
    }
    for (std::thread& thread : threads) thread.join();
    seconds_ += seconds_since(begin);
    client_seconds_ += cpu_seconds() - client;
    const std::vector<double> after = server_seconds();
    for (std::size_t i = 0; i < after.size(); ++i) server_seconds_[i] += after[i] - before[i];
    mutations_ += static_cast<double>(mutations_a_turn);
    for (const redis_server* const server : servers_) server->command({"FLUSHALL"});
  }

  double per_second() const { return mutations_ / seconds_; }
  std::size_t failures() const { return failures_; }

  void report(benchmark::State& state, const std::string& name) const {
    double all = 0;
    for (const double each : server_seconds_) all += each;
    const double busiest = *std::ranges::max_element(server_seconds_);
    state.counters[name + "_per_second"] = per_second();
    state.counters[name + "_client_us"] = client_seconds_ * 1e6 / mutations_;
    state.counters[name + "_servers_us"] = all * 1e6 / mutations_;
    state.counters[name + "_cores"] = (client_seconds_ + all) / seconds_;
    state.counters[name + "_busiest"] = busiest / seconds_;
    state.counters[name + "_unshared"] =
        mutations_ / std::max(client_seconds_ / static_cast<double>(stores_.size()), busiest);
  }

 private:
  std::vector<double> server_seconds() const {
    std::vector<double> made;
    made.reserve(servers_.size());
    for (const redis_server* const server : servers_) {
      made.push_back(server->number("used_cpu_user") + server->number("used_cpu_sys"));
    }
    return made;
  }

  const std::vector<const redis_server*> servers_;
  std::vector<std::unique_ptr<redis_store>> stores_;
  std::vector<double> server_seconds_;
  double client_seconds_ = 0;
  double seconds_ = 0;
  double mutations_ = 0;
  std::atomic<std::size_t> failures_{0};
};

std::vector<const redis_server*> all_of(const redis_cluster& cluster) {
  std::vector<const redis_server*> made;
  made.reserve(cluster.servers().size());
  for (const auto& server : cluster.servers()) made.push_back(server.get());
  return made;
}

void one_and_three(benchmark::State& state) {
  const auto stores = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  const redis_server& single = redis_server::instance();
  side one(single.url(), {&single}, stores);
  side three(three_masters().url(), all_of(three_masters()), stores);
  for (auto _ : state) {
    one.take_turn(in_flight);
    three.take_turn(in_flight);
  }
  one.report(state, "one");
  three.report(state, "three");
  state.counters["ratio"] = three.per_second() / one.per_second();
  if (one.failures() + three.failures() > 0) state.SkipWithError("an operation failed");
}

double redis_benchmark(const std::string& arguments) {
  const std::string command = "redis-benchmark -n 2000000 -r 1000000000 --csv " + arguments +
                              " SET 'parley:00000000000000000000__rand_int__{tag}' " +
                              std::string(73, 'r') + " NX GET PX 86400000 2>&1";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "r"), pclose);
  char line[4096];
  double per_second = 0;
  while (output && std::fgets(line, sizeof line, output.get()) != nullptr) {
    // "SET ...","123456.78",...
    const char* const at = std::strstr(line, "\",\"");
    if (at != nullptr && at[3] >= '0' && at[3] <= '9') per_second = std::strtod(at + 3, nullptr);
  }
  return per_second;
}

void servers_alone(benchmark::State& state) {
  const redis_server& single = redis_server::instance();
  const redis_server& node = *three_masters().servers().front();
  const std::string depth = " -P " + std::to_string(state.range(0)) + " ";
  for (auto _ : state) {
    const double one = redis_benchmark("-c 1 -p " + std::to_string(single.port()) + depth);
    const double three =
        redis_benchmark("-c 3 --cluster -p " + std::to_string(node.port()) + depth);
    if (one == 0 || three == 0) state.SkipWithError("there is no redis-benchmark");
    state.counters["one_per_second"] = one;
    state.counters["three_per_second"] = three;
    state.counters["ratio"] = three / one;
  }
  single.command({"FLUSHALL"});
  for (const redis_server* const each : all_of(three_masters())) each->command({"FLUSHALL"});
}

[[maybe_unused]] const bool registered = [] {
  benchmark::RegisterBenchmark("idempotency_redis/cluster", one_and_three)
      ->ArgsProduct({{1, 2}, {256, 1'024}})
      ->MinTime(4)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("idempotency_redis/cluster/redis_benchmark", servers_alone)
      ->Arg(256)
      ->Iterations(1)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
