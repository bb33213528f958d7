// SPDX-License-Identifier: Apache-2.0
//
// idempotency_redis/capacity/...: what a mutation costs servers, for docs/guide/scale.md. The
// servers are this program's own. A response has 200 bytes unless said otherwise.
//   record[/cluster]/<bytes>   memory and file of records with a response of so many bytes, and
//                              what the formulas say
//   claim, complete, replay    one operation, 256 in flight
//   pair/<servers>/<in flight> a claim and its complete: a mutation
//   pair/connections/<n>       the same from n stores, four in flight in each
//   steady/<servers>[/<rate>][/effort10]
//                              from when as many records are forgotten as are made, 20 s after
//                              their completion; mutations at full speed or that rate, and
//                              active-expire-effort 1 or 10
//   rewrite[/<rate>]           the same while the append-only file is rewritten
// Servers: one (nothing on disk), everysec, always (appendfsync), replica, wait (WAIT 1), supported
// (appendfsync always on both, WAIT 1, min-replicas-to-write 1).
// Counters are for each mutation or operation, but for those that say otherwise: processor time of
// the server, of its replica and of this process in microseconds (server_us, replica_us,
// client_us), payload bytes that the server gets and sends, sends to its replica and appends to its
// file (in, out, to_replica, aof); server_busy is the share of a core that it had. A live record is
// one whose retention has not ended; `copied` and `resident` are shares of used_memory.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "docs/examples/capacity.hpp"
#include "idempotency_redis/load.hpp"
#include "idempotency_redis/server.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace {

using namespace std::chrono_literals;
using parley::bench::append_only;
using parley::bench::cpu_seconds;
using parley::bench::load;
using parley::bench::new_keys;
using parley::bench::operation;
using parley::bench::redis_server;
using parley::bench::request_id;
using parley::bench::run;
using parley::idempotency_redis::redis_store;

struct setting {
  const char* name;
  append_only appends = append_only::no;
  bool has_replica = false;
  bool waits = false;
  bool needs_replica = false;  ///< min-replicas-to-write
};

constexpr setting one{.name = "one"};
constexpr setting every_second{.name = "everysec", .appends = append_only::every_second};
constexpr setting settings[] = {
    one,
    every_second,
    {.name = "always", .appends = append_only::always},
    {.name = "replica", .has_replica = true},
    {.name = "wait", .has_replica = true, .waits = true},
    {.name = "supported",
     .appends = append_only::always,
     .has_replica = true,
     .waits = true,
     .needs_replica = true},
};

// A file is rewritten where a benchmark says so.
const std::vector<std::string> no_rewrite = {"--auto-aof-rewrite-percentage", "0"};

// The servers of a setting, and stores on them.
class servers {
 public:
  explicit servers(const setting& s)
      : setting_(s), master_({.appends = s.appends, .more = no_rewrite}) {
    if (s.has_replica) {
      replica_ = std::make_unique<redis_server>(parley::bench::redis_server_options{
          .replica_of = master_.port(), .appends = s.appends, .more = no_rewrite});
      master_.wait_for_replicas(1);
      if (s.needs_replica) master_.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    }
  }

  std::unique_ptr<redis_store> make_store() const {
    auto made =
        parley::idempotency_redis::make_redis_store({.url = master_.url(),
                                                     .operation_timeout = 10s,
                                                     .wait_replicas = setting_.waits ? 1u : 0u,
                                                     .wait_timeout = 5s});
    while (!(*made)->ready()) std::this_thread::yield();
    return *std::move(made);
  }
  redis_server& master() { return master_; }
  redis_server* replica() { return replica_.get(); }

 private:
  const setting setting_;
  redis_server master_;
  std::unique_ptr<redis_server> replica_;
};

// What servers and this process have used.
class meter {
 public:
  explicit meter(servers& of) : of_(of) {}
  void start() { from_ = now(); }
  void stop() {
    const sample to = now();
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += to[i] - from_[i];
  }

  void report(benchmark::State& state, std::size_t count) const {
    state.SetItemsProcessed(static_cast<std::int64_t>(count));
    const auto each = static_cast<double>(count);
    constexpr const char* names[] = {"server_us", "replica_us", "client_us", "in",
                                     "out",       "to_replica", "aof"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
      state.counters[names[i]] = sum_[i] * (i < 3 ? 1e6 : 1) / each;
    }
    state.counters["server_busy"] = sum_[0] / sum_[7];
    if (of_.replica() != nullptr && sum_[5] == 0) state.SkipWithError("the replica got nothing");
  }

 private:
  using sample = std::array<double, 8>;

  static double server_seconds(const redis_server& server) {
    return server.number("used_cpu_user") + server.number("used_cpu_sys");
  }
  sample now() const {
    const redis_server& master = of_.master();
    const std::string to_replica = master.info("total_net_repl_output_bytes");
    const double replicated = to_replica.empty() ? 0 : std::stod(to_replica);
    const std::string aof = master.info("aof_current_size");
    return {
        server_seconds(master),
        of_.replica() == nullptr ? 0 : server_seconds(*of_.replica()),
        cpu_seconds(),
        master.number("total_net_input_bytes"),
        master.number("total_net_output_bytes") - replicated,
        replicated,
        aof.empty() ? 0 : std::stod(aof),
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }

  servers& of_;
  sample from_{};
  sample sum_{};
};

void one_load(benchmark::State& state, const setting& s, operation what, std::size_t stores,
              std::size_t in_flight) {
  servers of(s);
  std::vector<std::unique_ptr<redis_store>> all;
  all.reserve(stores);
  for (std::size_t i = 0; i < stores; ++i) all.push_back(of.make_store());
  const std::size_t count = (in_flight == 1 && stores == 1 ? 4'000 : 40'000) / stores;
  std::size_t done = 0;
  std::atomic<std::size_t> failures{0};
  meter used(of);
  for (auto _ : state) {
    state.PauseTiming();
    load each{.what = what, .in_flight = in_flight, .count = count};
    each.first = new_keys(count * stores);
    if (what == operation::complete || what == operation::replay) {
      load before = each;
      before.what = what == operation::complete ? operation::claim : operation::pair;
      failures += run(*all[0], before);
    }
    used.start();
    state.ResumeTiming();
    if (stores == 1) {
      failures += run(*all[0], each);
    } else {
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < stores; ++i) {
        load part = each;
        part.first += i * count;
        threads.emplace_back([&failures, &store = *all[i], part] { failures += run(store, part); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    state.PauseTiming();
    used.stop();
    done += count * stores;
    state.ResumeTiming();
  }
  used.report(state, done);
  if (failures > 0) state.SkipWithError("an operation failed");
  for (const auto& store : all) store->shutdown();
}

// A table of Redis has a power of two of places: the formula is held against one that is full.
void record_bytes(benchmark::State& state, bool is_cluster_node) {
  const redis_server server({.is_cluster_node = is_cluster_node});
  if (is_cluster_node) {
    server.command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
    while (server.command({"CLUSTER", "INFO"}).find("cluster_state:ok") == std::string::npos) {
      std::this_thread::sleep_for(10ms);
    }
  }
  auto records =
      parley::idempotency_redis::make_redis_store({.url = server.url(), .operation_timeout = 10s});
  while (!(*records)->ready()) std::this_thread::yield();
  const auto response_bytes = static_cast<std::size_t>(state.range(0));
  const std::size_t count = response_bytes <= 1'024 ? 262'144 : 16'384;
  for (auto _ : state) {
    // The first record makes what is there once: scripts, buffers of the connection.
    load all{.in_flight = 16, .count = 1, .first = new_keys(1), .response_bytes = response_bytes};
    run(**records, all);
    server.command({"FLUSHALL"});
    const double before = server.number("used_memory");
    all.count = count;
    all.first = new_keys(count);
    if (run(**records, all) > 0) state.SkipWithError("an operation failed");
    state.counters["record_bytes"] =
        (server.number("used_memory") - before) / static_cast<double>(count);
    const parley::examples::record_shape shape{.operation_id_bytes = request_id.size(),
                                               .response_bytes = response_bytes,
                                               .is_cluster = is_cluster_node,
                                               .table_places = 1};
    state.counters["formula_bytes"] = parley::examples::memory_bytes(shape);
    if (response_bytes <= 4'096) {  // begins a file with a rewrite
      server.command({"CONFIG", "SET", "appendonly", "yes"});
      while (server.number("aof_rewrite_scheduled") + server.number("aof_rewrite_in_progress") >
             0) {
        std::this_thread::sleep_for(10ms);
      }
      state.counters["file_bytes"] = server.number("aof_base_size") / static_cast<double>(count);
      state.counters["file_formula"] = static_cast<double>(parley::examples::file_bytes(shape));
    }
  }
  (*records)->shutdown();
}

struct steady_case {
  setting on = one;
  unsigned rate = 0;           // mutations a second; 0: as many as there can be
  unsigned expire_effort = 1;  // active-expire-effort, 1 to 10
  bool rewrites = false;

  std::string name() const {
    std::string made = rewrites ? "rewrite" : "steady/" + std::string(on.name);
    if (rate > 0) made += "/" + std::to_string(rate);
    if (expire_effort > 1) made += "/effort" + std::to_string(expire_effort);
    return made;
  }
};

void steady(benchmark::State& state, const steady_case& of_case) {
  servers of(of_case.on);
  of.master().command(
      {"CONFIG", "SET", "active-expire-effort", std::to_string(of_case.expire_effort)});
  const double rate = of_case.rate;
  auto records = of.make_store();
  const redis_server& master = of.master();
  constexpr std::chrono::seconds retention = 20s;
  meter used(of);
  std::size_t done = 0;
  std::size_t failures = 0;
  auto due = std::chrono::steady_clock::now();
  const auto run_one = [&] {
    load each{.in_flight = 256, .count = rate > 0 ? 256u : 20'000u, .retention = retention};
    if (rate > 0) {
      std::this_thread::sleep_until(due);
      const std::chrono::duration<double> time(static_cast<double>(each.count) / rate);
      due += std::chrono::duration_cast<std::chrono::nanoseconds>(time);
    }
    each.first = new_keys(each.count);
    failures += run(*records, each);
    done += each.count;
  };
  const auto run_for = [&](std::chrono::seconds time) {
    for (const auto end = std::chrono::steady_clock::now() + time;
         std::chrono::steady_clock::now() < end;) {
      run_one();
    }
  };
  const auto seconds_since = [](std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  for (auto _ : state) {
    state.PauseTiming();
    const double at_first = master.number("used_memory");
    due = std::chrono::steady_clock::now();
    run_for(retention + 10s);
    done = 0;
    used.start();
    state.ResumeTiming();
    const auto begin = std::chrono::steady_clock::now();
    if (of_case.rewrites) {
      const double memory = master.number("used_memory");
      master.command({"BGREWRITEAOF"});
      double copied = 0;
      double resident = 0;
      while (master.info("aof_rewrite_in_progress") == "1") {
        run_one();
        copied = std::max(copied, master.number("current_cow_peak"));
        resident = std::max(resident, master.number("used_memory_rss"));
      }
      state.counters["seconds"] = seconds_since(begin);
      state.counters["copied"] = std::max(copied, master.number("aof_last_cow_size")) / memory;
      state.counters["resident"] = resident / memory;
    } else {
      run_for(retention);
      const double live = static_cast<double>(done) * 20 / seconds_since(begin);
      state.counters["live"] = live;
      state.counters["memory_a_live_record"] = (master.number("used_memory") - at_first) / live;
      state.counters["keys_a_live_record"] = std::stod(master.command({"DBSIZE"})) / live;
      state.counters["resident"] = master.number("mem_fragmentation_ratio");
    }
    state.PauseTiming();
    used.stop();
    state.ResumeTiming();
  }
  used.report(state, done);
  if (failures > 0) state.SkipWithError("an operation failed");
  records->shutdown();
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto function) {
    return benchmark::RegisterBenchmark(("idempotency_redis/capacity/" + name).c_str(), function)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const bool is_cluster : {false, true}) {
    auto* const each = add(is_cluster ? "record/cluster" : "record",
                           [is_cluster](benchmark::State& s) { record_bytes(s, is_cluster); });
    for (const int bytes : {0, 200, 1'024, 4'096, 65'536}) each->Arg(bytes);
    each->Iterations(1);
  }
  const std::pair<const char*, operation> operations[] = {{"claim", operation::claim},
                                                          {"complete", operation::complete},
                                                          {"replay", operation::replay}};
  for (const auto& [name, what] : operations) {
    add(name, [chosen = what](benchmark::State& s) { one_load(s, one, chosen, 1, 256); });
  }
  for (const setting& s : settings) {
    for (const std::size_t in_flight : {1u, 16u, 256u}) {
      add("pair/" + std::string(s.name) + "/" + std::to_string(in_flight),
          [s, in_flight](benchmark::State& state) {
            one_load(state, s, operation::pair, 1, in_flight);
          });
    }
  }
  for (const std::size_t stores : {4u, 64u}) {
    add("pair/connections/" + std::to_string(stores),
        [stores](benchmark::State& state) { one_load(state, one, operation::pair, stores, 4); });
  }
  const setting& supported = settings[std::size(settings) - 1];
  for (const steady_case& each : {steady_case{.rate = 2'000},
                                  {.rate = 2'000, .expire_effort = 10},
                                  {.rate = 30'000},
                                  {.rate = 30'000, .expire_effort = 10},
                                  {.rate = 0},
                                  {.rate = 0, .expire_effort = 10},
                                  {.on = supported, .rate = 10'000},
                                  {.on = supported},
                                  {.on = every_second, .rate = 30'000, .rewrites = true},
                                  {.on = every_second, .rewrites = true}}) {
    add(each.name(), [each](benchmark::State& s) { steady(s, each); })->Iterations(1);
  }
  return true;
}();

}  // namespace
