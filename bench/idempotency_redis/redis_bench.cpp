// SPDX-License-Identifier: Apache-2.0
//
// idempotency_redis/<operation>/<in flight>[/<peer>], against one redis-server that this program
// starts, over TCP on the loopback. A response has 200 bytes; every key is new but for `replay`.
//   claim     SET NX GET
//   complete  the script that compares the nonce
//   pair      a claim, then its complete: two operations
//   replay    a claim that finds a completed record
//   replicated_pair[/wait]  a pair on a server that has a replica; each answer waits for it (WAIT)
// Peers, each a single thread with hiredis, its commands pipelined as the store's are:
//   raw       the same commands, their bytes made in advance; pair is SET NX GET and a plain SET
//   hash      a hash a key, claimed and completed by scripts
//   redis_benchmark  the program of that name with the command of a claim
// Counters: operations a second (items_per_second), processor time of this process an operation
// (cpu_us).

#include <hiredis/hiredis.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "idempotency_redis/load.hpp"
#include "idempotency_redis/server.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace {

using parley::bench::cpu_seconds;
using parley::bench::load;
using parley::bench::new_keys;
using parley::bench::operation;
using parley::bench::redis_server;
using parley::bench::request_id;
using parley::bench::run;
using parley::bench::unix_ms;

constexpr std::size_t response_bytes = load{}.response_bytes;
constexpr std::chrono::milliseconds retention = load{}.retention;

std::size_t batch_of(std::size_t in_flight) { return in_flight == 1 ? 2'000 : 40'000; }

// ---- Ours

void report(benchmark::State& state, std::size_t operations, double cpu) {
  state.SetItemsProcessed(static_cast<std::int64_t>(operations));
  state.counters["cpu_us"] = cpu * 1e6 / static_cast<double>(operations);
}

void ours(benchmark::State& state, operation what, redis_server& server,
          unsigned wait_replicas = 0) {
  parley::idempotency_redis::redis_store_options options;
  options.url = server.url();
  options.operation_timeout = std::chrono::seconds(10);
  options.wait_replicas = wait_replicas;
  auto records = parley::idempotency_redis::make_redis_store(options);
  while (!(*records)->ready()) std::this_thread::yield();
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  const std::size_t count = batch_of(in_flight);
  std::size_t operations = 0;
  std::size_t failures = 0;
  double cpu = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint64_t first = new_keys(count);
    if (what == operation::complete) {
      failures += run(**records, {.what = operation::claim, .count = count, .first = first});
    } else if (what == operation::replay) {
      failures += run(**records, {.what = operation::pair, .count = count, .first = first});
    }
    const double before = cpu_seconds();
    state.ResumeTiming();
    failures +=
        run(**records, {.what = what, .in_flight = in_flight, .count = count, .first = first});
    state.PauseTiming();
    cpu += cpu_seconds() - before;
    operations += what == operation::pair ? 2 * count : count;
    state.ResumeTiming();
  }
  report(state, operations, cpu);
  if (failures > 0) state.SkipWithError("an operation failed");
  (*records)->shutdown();
  server.command({"FLUSHALL"});
}

// ---- Peers

class pipeline {
 public:
  pipeline() : context_(redis_server::instance().connect(), redisFree) {}

  // `make(i)` gives the words of the i-th command; so many are in flight at a time.
  template <class Make>
  std::size_t run(std::size_t count, std::size_t in_flight, Make make) {
    std::size_t sent = 0;
    std::size_t failures = 0;
    for (; sent < std::min(count, in_flight); ++sent) append(make(sent));
    for (std::size_t got = 0; got < count; ++got) {
      void* reply = nullptr;
      if (redisGetReply(context_.get(), &reply) != REDIS_OK) return count;
      failures += static_cast<redisReply*>(reply)->type == REDIS_REPLY_ERROR ? 1 : 0;
      freeReplyObject(reply);
      if (sent < count) append(make(sent++));
    }
    return failures;
  }

 private:
  void append(std::span<const std::string_view> words) {
    const char* texts[12];
    std::size_t sizes[12];
    for (std::size_t i = 0; i < words.size(); ++i) {
      texts[i] = words[i].data();
      sizes[i] = words[i].size();
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), texts, sizes);
  }

  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

std::string key_name(std::uint64_t key) {
  std::string name = "parley:00000000000000000000000000000000";
  key *= 0x9E3779B97F4A7C15u;
  for (std::size_t i = 0; i < 16; ++i) name[7 + i] = "0123456789abcdef"[key >> (4 * i) & 15];
  return name;
}

// A record's size without and with its response, of any bytes.
const std::string running_value(53 + request_id.size(), 'r');
const std::string completed_value(53 + request_id.size() + response_bytes, 'd');
const std::string retention_text = std::to_string(retention.count());

void raw(benchmark::State& state, operation what) {
  pipeline connection;
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  const std::size_t count = batch_of(in_flight);
  const bool is_pair = what == operation::pair;
  std::size_t operations = 0;
  std::size_t failures = 0;
  double cpu = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint64_t first = new_keys(count);
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(key_name(first + i));
    std::string_view words[7];
    const auto claim = [&](std::size_t i) {
      words[0] = "SET", words[1] = keys[i], words[2] = running_value, words[3] = "NX";
      words[4] = "GET", words[5] = "PX", words[6] = retention_text;
      return std::span<const std::string_view>(words);
    };
    const auto set = [&](std::size_t i) {
      words[0] = "SET", words[1] = keys[i], words[2] = completed_value, words[3] = "PX";
      words[4] = retention_text;
      return std::span<const std::string_view>(words, 5);
    };
    if (what == operation::replay) failures += connection.run(count, 256, set);
    const double before = cpu_seconds();
    state.ResumeTiming();
    // The SET of a key goes behind its claim by as many as are in flight.
    failures +=
        is_pair ? connection.run(2 * count, in_flight,
                                 [&](std::size_t i) {
                                   const std::size_t block = i / (2 * in_flight);
                                   const std::size_t at = i % (2 * in_flight);
                                   const std::size_t base = block * in_flight;
                                   const std::size_t width = std::min(in_flight, count - base);
                                   return at < width ? claim(base + at) : set(base + at - width);
                                 })
                : connection.run(count, in_flight, claim);
    state.PauseTiming();
    cpu += cpu_seconds() - before;
    operations += is_pair ? 2 * count : count;
    state.ResumeTiming();
  }
  report(state, operations, cpu);
  if (failures > 0) state.SkipWithError("a command failed");
  redis_server::instance().command({"FLUSHALL"});
}

constexpr const char* hash_claim = R"(
local s = redis.call('HMGET', KEYS[1], 's', 'f', 'b')
if s[1] then return s end
redis.call('HSET', KEYS[1], 's', 'r', 'n', ARGV[1], 'f', ARGV[2], 'id', ARGV[3], 'at', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1)";
constexpr const char* hash_complete = R"(
if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 's', 'd', 'b', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1)";

void hash(benchmark::State& state, operation what) {
  redis_server& server = redis_server::instance();
  const std::string claim_name = server.command({"SCRIPT", "LOAD", hash_claim});
  const std::string complete_name = server.command({"SCRIPT", "LOAD", hash_complete});
  pipeline connection;
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  const std::size_t count = batch_of(in_flight);
  const std::string body(response_bytes, 'x');
  const std::string time = std::to_string(unix_ms);
  std::size_t operations = 0;
  std::size_t failures = 0;
  double cpu = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint64_t first = new_keys(count);
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(key_name(first + i));
    std::string_view words[9];
    const auto claim = [&](std::size_t i) {
      const std::string_view name = keys[i];
      words[0] = "EVALSHA", words[1] = claim_name, words[2] = "1", words[3] = name;
      words[4] = name.substr(7, 16), words[5] = name.substr(7, 16), words[6] = request_id;
      words[7] = time, words[8] = retention_text;
      return std::span<const std::string_view>(words);
    };
    const auto complete = [&](std::size_t i) {
      const std::string_view name = keys[i];
      words[0] = "EVALSHA", words[1] = complete_name, words[2] = "1", words[3] = name;
      words[4] = name.substr(7, 16), words[5] = body, words[6] = retention_text;
      return std::span<const std::string_view>(words, 7);
    };
    const double before = cpu_seconds();
    state.ResumeTiming();
    failures += connection.run(count, in_flight, claim);
    if (what == operation::pair) failures += connection.run(count, in_flight, complete);
    state.PauseTiming();
    cpu += cpu_seconds() - before;
    operations += what == operation::pair ? 2 * count : count;
    state.ResumeTiming();
  }
  report(state, operations, cpu);
  if (failures > 0) state.SkipWithError("a command failed");
  server.command({"FLUSHALL"});
}

// What redis-benchmark makes of a claim's command. It stands behind by what it takes itself, and
// its keys repeat now and then.
void redis_benchmark(benchmark::State& state) {
  redis_server& server = redis_server::instance();
  const std::string command = "redis-benchmark -p " + std::to_string(server.port()) + " -c 1 -P " +
                              std::to_string(state.range(0)) + " -n " +
                              std::to_string(5 * batch_of(256)) +
                              " -r 1000000000 --csv SET parley:00000000000000000000__rand_int__ " +
                              running_value + " NX GET PX " + retention_text;
  double per_second = 0;
  for (auto _ : state) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "r"),
                                                                 pclose);
    char line[4096];
    while (output && std::fgets(line, sizeof line, output.get()) != nullptr) {
      // "SET ...","123456.78",...
      const char* const at = std::strstr(line, "\",\"");
      if (at != nullptr && at[3] >= '0' && at[3] <= '9') per_second = std::strtod(at + 3, nullptr);
    }
  }
  if (per_second == 0) state.SkipWithError("there is no redis-benchmark");
  state.counters["items_per_second"] = per_second;
  server.command({"FLUSHALL"});
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(("idempotency_redis/" + name).c_str(), function)
        ->Arg(1)
        ->Arg(16)
        ->Arg(256)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  const std::pair<const char*, operation> all[] = {{"claim", operation::claim},
                                                   {"complete", operation::complete},
                                                   {"pair", operation::pair},
                                                   {"replay", operation::replay}};
  for (const auto& [name, what] : all) {
    add(name,
        [what = what](benchmark::State& state) { ours(state, what, redis_server::instance()); });
    if (what != operation::complete) {
      add(std::string(name) + "/raw", [what = what](benchmark::State& state) { raw(state, what); });
    }
    if (what == operation::claim || what == operation::pair) {
      add(std::string(name) + "/hash",
          [what = what](benchmark::State& state) { hash(state, what); });
    }
  }
  benchmark::RegisterBenchmark("idempotency_redis/claim/redis_benchmark", redis_benchmark)
      ->Arg(1)
      ->Arg(16)
      ->Arg(256)
      ->Iterations(1)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  for (const unsigned replicas : {0u, 1u}) {
    add(replicas == 0 ? "replicated_pair" : "replicated_pair/wait",
        [replicas](benchmark::State& state) {
          ours(state, operation::pair, redis_server::replicated(), replicas);
        });
  }
  return true;
}();

}  // namespace
