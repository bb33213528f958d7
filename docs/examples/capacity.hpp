// SPDX-License-Identifier: Apache-2.0
//
// What records of idempotency_redis need of Redis: memory, processor, network and disk, and how
// many masters that is. Pure arithmetic, in double: an estimate needs no more than its 53 bits, and
// nothing within the limits of check() overflows.
//
// The layout of a record is that of docs/guide/idempotency_redis.md, the commands are those that
// the store sends. What they take was measured; the tests hold it against a server.

#ifndef PARLEY_DOCS_EXAMPLES_CAPACITY_HPP
#define PARLEY_DOCS_EXAMPLES_CAPACITY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace parley::examples {

// ---- Bytes

inline constexpr std::size_t record_header_bytes = 53;
inline constexpr std::size_t key_bytes = 39;         // `parley:` and 32 digits
inline constexpr std::size_t request_id_bytes = 36;  // as http::service makes them
inline constexpr double gib = 1024.0 * 1024 * 1024;

struct record_shape {
  std::size_t operation_id_bytes = request_id_bytes;
  std::size_t response_bytes = 200;  ///< as it is stored: with parley::http the head, too
  bool is_cluster = true;
  /// Of a key in each of the two tables. A table doubles when it is full, so 1 to 2.
  double table_places = 2;

  constexpr std::size_t value_bytes() const noexcept {
    return record_header_bytes + operation_id_bytes + response_bytes;
  }
};

/// What jemalloc 5 gives for so many bytes: multiples of 16, from 128 on four sizes a doubling.
constexpr std::size_t allocation_bytes(std::size_t bytes) noexcept {
  std::size_t step = 16;
  while (8 * step < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

/// A string of Redis: a header, the bytes and a NUL.
constexpr std::size_t string_bytes(std::size_t length) noexcept {
  const std::size_t header = length < 256 ? 3 : length < 65'536 ? 5 : 9;
  return allocation_bytes(header + length + 1);
}

/// Of Redis 7.0: the key's name, its entry and that of its expiry, their places in the tables, the
/// object and its string. An entry of a cluster also links the keys of its slot.
constexpr double memory_bytes(const record_shape& r) noexcept {
  const std::size_t entries = allocation_bytes(r.is_cluster ? 40 : 24) + allocation_bytes(24);
  return static_cast<double>(string_bytes(key_bytes) + entries + allocation_bytes(16) +
                             string_bytes(r.value_bytes())) +
         2 * sizeof(void*) * r.table_places;
}

/// In a file of Redis (RDB), uncompressed: end of life, type, key and value.
constexpr std::size_t file_bytes(const record_shape& r) noexcept {
  const std::size_t value = r.value_bytes();
  const std::size_t size = value < 64 ? 1 : value < 16'384 ? 2 : 5;
  return 9 + 1 + 1 + key_bytes + size + value;
}

constexpr std::size_t digits(std::size_t n) noexcept { return n < 10 ? 1 : 1 + digits(n / 10); }

/// A bulk string of the protocol, and the head of an array of them.
constexpr std::size_t bulk_bytes(std::size_t length) noexcept {
  return 1 + digits(length) + 2 + length + 2;
}
constexpr std::size_t array_bytes(std::size_t words) noexcept { return 1 + digits(words) + 2; }

struct payload {
  double in = 0, out = 0;  ///< of a master and its clients
  double logged = 0;       ///< to each replica, and to the append-only file
};

struct payloads {
  payload claim, complete, replay, touch, expiry;
};

/// Without the framing of TCP and TLS, and without WAIT, which is one for each batch.
constexpr payloads payloads_of(const record_shape& r) noexcept {
  const std::size_t retention_digits = 8;  // 86400000
  const std::size_t time_digits = 13;      // PXAT, Unix time in ms
  const std::size_t key = bulk_bytes(key_bytes);
  const std::size_t running = bulk_bytes(record_header_bytes + r.operation_id_bytes);
  const std::size_t completed = bulk_bytes(r.value_bytes());
  const std::size_t set = array_bytes(5) + bulk_bytes(3) + key + bulk_bytes(4);
  const std::size_t evalsha = array_bytes(6) + bulk_bytes(7) + bulk_bytes(40) + bulk_bytes(1) + key;
  const std::size_t claim = array_bytes(7) + 2 * bulk_bytes(3) + 2 * bulk_bytes(2) + key + running +
                            bulk_bytes(retention_digits);
  const auto make = [](std::size_t in, std::size_t out, std::size_t logged) {
    return payload{static_cast<double>(in), static_cast<double>(out), static_cast<double>(logged)};
  };
  return {
      .claim = make(claim, 5, set + running + bulk_bytes(time_digits)),
      .complete = make(evalsha + bulk_bytes(18) + completed + bulk_bytes(retention_digits), 4,
                       set + completed + bulk_bytes(time_digits)),
      .replay = make(claim, completed, 0),
      .touch = make(evalsha + bulk_bytes(17), 4,
                    array_bytes(4) + bulk_bytes(8) + key + bulk_bytes(1) + bulk_bytes(17)),
      .expiry = make(0, 0, array_bytes(2) + bulk_bytes(3) + key),
  };
}

// ---- The plan

struct capacity_input {
  double mutations_per_second = 100'000;  ///< requests with a key, at the peak
  double mean_percent = 100;              ///< of that rate, over the retention
  double replays_percent = 5;             ///< of them
  double response_bytes = 200;
  double retention_hours = 24;
  double replicas = 1;
  double wait_replicas = 1;
  double node_memory_gib = 64;
  /// Of the memory, left free: what is copied while a file is written, fragmentation, buffers.
  double headroom_percent = 50;
  /// Of the records: those whose retention is over and that Redis has not come to remove.
  double expired_percent = 10;
  double node_gbits = 10;
  double operations_a_core = 130'000;
  double utilization_percent = 60;  ///< of the core and of the network, at the peak
};

// Redis Cluster specification: 16,384 slots, and a design for up to 1,000 nodes.
inline constexpr double slots = 16'384;
inline constexpr double cluster_nodes_max = 1'000;
inline constexpr double cluster_masters_min = 3;

enum class binding : std::uint8_t { memory = 1, processor, network };

struct capacity_plan {
  double records = 0;
  double record_bytes = 0;
  double memory_bytes = 0;  ///< of one copy of all records, and of those that are over
  double operations_per_second = 0;

  /// Masters of one cluster, for each need alone. None: a single slot is more than a node holds.
  std::optional<double> by_memory, by_processor, by_network;
  binding binds = binding::memory;

  double clusters = 1;  ///< each within cluster_nodes_max
  double masters = 1;   ///< of each cluster; 1: no cluster is needed
  double nodes = 1;     ///< in all, replicas among them

  // Of the fullest master, at the peak.
  double master_records = 0;
  double master_memory_bytes = 0;
  double master_in_gbits = 0;
  double master_out_gbits = 0;         ///< its replicas among it
  double master_log_bytes_second = 0;  ///< appended to the file
  /// Of all records, what is appended until it is as much again, and the one that takes their
  /// place.
  double master_file_bytes = 0;
};

/// How many masters it takes where a slot is not divided: the fullest has the slots that do not
/// share out evenly, too.
inline std::optional<double> masters_for(double need, double each) noexcept {
  if (need <= each) return 1;
  // What was rounded down below a whole slot is one.
  const double slots_each = std::floor(each * slots / need + 1e-9);
  if (slots_each < 1) return std::nullopt;
  return std::max(cluster_masters_min, std::ceil(slots / slots_each));
}

/// The share of everything that the fullest of so many masters has.
inline double fullest_share(double masters) noexcept { return std::ceil(slots / masters) / slots; }

/// A sentence about the first value that is out of its limits; empty: all are within.
inline std::string check(const capacity_input& in) {
  struct limit {
    const char* name;
    double value, least, most;
    bool is_whole;
  };
  const limit limits[] = {
      {"--mutations", in.mutations_per_second, 1, 1e9, false},
      {"--mean-percent", in.mean_percent, 1, 100, false},
      {"--replays-percent", in.replays_percent, 0, 100, false},
      {"--response-bytes", in.response_bytes, 0, 536'870'912, true},
      {"--retention-hours", in.retention_hours, 0.01, 1'193, false},
      {"--replicas", in.replicas, 0, 5, true},
      {"--wait-replicas", in.wait_replicas, 0, 5, true},
      {"--node-memory-gib", in.node_memory_gib, 1, 24'576, false},
      {"--headroom-percent", in.headroom_percent, 0, 90, false},
      {"--expired-percent", in.expired_percent, 0, 100, false},
      {"--node-gbits", in.node_gbits, 0.1, 800, false},
      {"--operations-a-core", in.operations_a_core, 1'000, 10'000'000, false},
      {"--utilization-percent", in.utilization_percent, 1, 100, false},
  };
  const auto text = [](double n) {
    std::string made = std::to_string(n);
    made.erase(made.find_last_not_of('0') + 1);
    if (made.ends_with('.')) made.pop_back();
    return made;
  };
  for (const limit& each : limits) {
    // Not the other way round: a NaN is within no limits.
    if (!(each.value >= each.least && each.value <= each.most) ||
        (each.is_whole && each.value != std::floor(each.value))) {
      return std::string(each.name) + ": not " + (each.is_whole ? "a whole number, " : "") +
             text(each.least) + " to " + text(each.most);
    }
  }
  if (in.wait_replicas > in.replicas) return "--wait-replicas: more than --replicas";
  return {};
}

/// `in` is within the limits of check().
inline capacity_plan plan_capacity(const capacity_input& in) {
  const double replayed = in.replays_percent / 100;
  const double made = 1 - replayed;
  const record_shape shape{.response_bytes = static_cast<std::size_t>(in.response_bytes)};
  const payloads bytes = payloads_of(shape);
  // With WAIT, what is told once must be there after a failover: a replay writes, too.
  const double touched = in.wait_replicas > 0 ? replayed : 0;

  capacity_plan plan;
  plan.records = in.mutations_per_second * in.mean_percent / 100 * made * in.retention_hours * 3600;
  plan.record_bytes = memory_bytes(shape);
  plan.memory_bytes = plan.records * plan.record_bytes * (1 + in.expired_percent / 100);
  const double rate = in.mutations_per_second;
  plan.operations_per_second = rate * (2 * made + replayed + touched);

  const auto sum = [&](double payload::*part) {
    return rate * (made * (bytes.claim.*part + bytes.complete.*part + bytes.expiry.*part) +
                   replayed * bytes.replay.*part + touched * bytes.touch.*part);
  };
  const double log = sum(&payload::logged);
  // 1,448 bytes of payload in a full segment take 1,538 of Ethernet.
  constexpr double bits = 8 * 1'538.0 / 1'448 / 1e9;
  const double in_gbits = sum(&payload::in) * bits;
  const double out_gbits = (sum(&payload::out) + in.replicas * log) * bits;

  const double memory_each = in.node_memory_gib * gib * (1 - in.headroom_percent / 100);
  const double share = in.utilization_percent / 100;
  struct need {
    double of_all, of_each;
    binding what;
  };
  const need needs[] = {
      {plan.memory_bytes, memory_each, binding::memory},
      {plan.operations_per_second, in.operations_a_core * share, binding::processor},
      {std::max(in_gbits, out_gbits), in.node_gbits * share, binding::network},
  };
  plan.by_memory = masters_for(needs[0].of_all, needs[0].of_each);
  plan.by_processor = masters_for(needs[1].of_all, needs[1].of_each);
  plan.by_network = masters_for(needs[2].of_all, needs[2].of_each);

  // The slots that a master may have at most where all nodes are used say what a cluster holds.
  const double copies = 1 + in.replicas;
  const double slots_least = std::ceil(slots / std::floor(cluster_nodes_max / copies));
  double most = 0;
  for (const need& each : needs) {
    const double fill = each.of_all / each.of_each;
    if (fill > most) plan.binds = each.what;
    most = std::max(most, fill);
  }
  if (most > 1) plan.clusters = std::max(1.0, std::ceil(most * slots_least / slots));
  plan.masters = masters_for(most / plan.clusters, 1).value_or(slots);
  plan.nodes = plan.clusters * plan.masters * copies;

  const double fullest = fullest_share(plan.masters) / plan.clusters;
  plan.master_records = plan.records * fullest;
  plan.master_memory_bytes = plan.memory_bytes * fullest;
  plan.master_in_gbits = in_gbits * fullest;
  plan.master_out_gbits = out_gbits * fullest;
  plan.master_log_bytes_second = log * fullest;
  plan.master_file_bytes = 3 * plan.records * (1 + in.expired_percent / 100) *
                           static_cast<double>(file_bytes(shape)) * fullest;
  return plan;
}

}  // namespace parley::examples

#endif  // PARLEY_DOCS_EXAMPLES_CAPACITY_HPP
