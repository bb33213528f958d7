// SPDX-License-Identifier: Apache-2.0
#include "capacity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "idempotency_redis/record.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::examples {
namespace {

static_assert(record_header_bytes == idempotency_redis::record_header_bytes);

TEST(CapacityBytes, NameIsThatOfTheStore) {
  EXPECT_EQ(key_bytes, idempotency_redis::redis_store_options{}.key_prefix.size() +
                           idempotency_redis::key_hex_bytes);
}

struct allocation_case {
  std::size_t asked, given;
};
// The size classes of jemalloc's manual, on both sides of some.
constexpr allocation_case allocation_cases[] = {
    {1, 16},
    {16, 16},
    {17, 32},
    {112, 112},
    {113, 128},
    {128, 128},
    {129, 160},
    {160, 160},
    {161, 192},
    {256, 256},
    {257, 320},
    {320, 320},
    {321, 384},
    {1024, 1024},
    {1025, 1280},
    {14337, 16384},
    {16384, 16384},
    {16385, 20480},
    {65536, 65536},
    {65537, 81920},
    {536'870'912, 536'870'912},
    {536'870'913, 671'088'640},
};
TEST(CapacityBytes, AllocationsComeInClasses) {
  for (const auto& [asked, given] : allocation_cases) {
    EXPECT_EQ(allocation_bytes(asked), given) << asked;
  }
}

// A string's header grows with its length.
TEST(CapacityBytes, StringsHaveAHeaderAndANul) {
  EXPECT_EQ(string_bytes(108), 112u);
  EXPECT_EQ(string_bytes(109), 128u);
  EXPECT_EQ(string_bytes(252), 256u);
  EXPECT_EQ(string_bytes(255), 320u);
  EXPECT_EQ(string_bytes(65'535), 81'920u);
  EXPECT_EQ(string_bytes(81'910), 81'920u);
  EXPECT_EQ(string_bytes(81'911), 98'304u);
}

struct memory_case {
  record_shape shape;
  double bytes;
};
// As Redis 7.0.15 with jemalloc 5.3.0 had them, when its tables were full (bench/idempotency_redis,
// capacity/record). Where the tables have just doubled it is 16 bytes more.
constexpr memory_case memory_cases[] = {
    {{.operation_id_bytes = 20, .response_bytes = 0, .is_cluster = false}, 224},
    {{.operation_id_bytes = 20, .response_bytes = 200, .is_cluster = false}, 464},
    {{.operation_id_bytes = 20, .response_bytes = 1'024, .is_cluster = false}, 1'424},
    {{.operation_id_bytes = 20, .response_bytes = 4'096, .is_cluster = false}, 5'264},
    {{.operation_id_bytes = 20, .response_bytes = 65'536, .is_cluster = false}, 82'064},
    {{.operation_id_bytes = 20, .response_bytes = 0}, 240},
    {{.operation_id_bytes = 20, .response_bytes = 200}, 480},
    {{.operation_id_bytes = 20, .response_bytes = 65'536}, 82'080},
};
TEST(CapacityBytes, RecordsTakeWhatWasMeasured) {
  for (const auto& [shape, bytes] : memory_cases) {
    record_shape full = shape;
    full.table_places = 1;
    EXPECT_EQ(memory_bytes(full), bytes) << shape.response_bytes;
    EXPECT_EQ(memory_bytes(shape), bytes + 16) << shape.response_bytes;
  }
}

// Redis's file format without its compression, which left 311 of the 325; and sizes of each width.
TEST(CapacityBytes, FilesTakeAtMost) {
  EXPECT_EQ(file_bytes({.operation_id_bytes = 20, .response_bytes = 200}), 325u);
  EXPECT_EQ(file_bytes({.operation_id_bytes = 1, .response_bytes = 9}), 50u + 1 + 63);
  EXPECT_EQ(file_bytes({.operation_id_bytes = 1, .response_bytes = 10}), 50u + 2 + 64);
  EXPECT_EQ(file_bytes({.operation_id_bytes = 1, .response_bytes = 16'329}), 50u + 2 + 16'383);
  EXPECT_EQ(file_bytes({.operation_id_bytes = 1, .response_bytes = 16'330}), 50u + 5 + 16'384);
}

TEST(CapacityBytes, BulksCountTheirDigits) {
  EXPECT_EQ(bulk_bytes(0), 6u);
  EXPECT_EQ(bulk_bytes(9), 15u);
  EXPECT_EQ(bulk_bytes(10), 17u);
  EXPECT_EQ(bulk_bytes(99), 106u);
  EXPECT_EQ(bulk_bytes(100), 108u);
  EXPECT_EQ(array_bytes(9), 4u);
  EXPECT_EQ(array_bytes(10), 5u);
}

// As INFO counted them (bench/idempotency_redis, capacity/claim, complete, replay and pair).
TEST(CapacityBytes, CommandsTakeWhatWasMeasured) {
  const payloads sent = payloads_of({.operation_id_bytes = 20, .response_bytes = 200});
  EXPECT_EQ(sent.claim.in, 178);
  EXPECT_EQ(sent.claim.out, 5);
  EXPECT_EQ(sent.complete.in, 437);
  EXPECT_EQ(sent.complete.out, 4);
  EXPECT_EQ(sent.replay.in, 178);
  EXPECT_EQ(sent.replay.out, 281);
  EXPECT_EQ(sent.claim.logged + sent.complete.logged, 539);
  EXPECT_EQ(sent.expiry.logged, 59);
  EXPECT_EQ(sent.replay.logged, 0);
}

// ---- Masters

struct masters_case {
  const char* name;
  double need, each;
  std::optional<double> masters;
};
constexpr masters_case masters_cases[] = {
    {"nothing", 0, 10, 1},
    {"just one", 10, 10, 1},
    {"above one it is a cluster", 10.0001, 10, 3},
    {"three", 16'384, 5'462, 3},
    {"almost three", 16'384, 5'461.99, 4},
    {"four", 16'384, 4'096, 4},
    {"above four", 16'385, 4'096, 5},
    // A master has whole slots: one that could have 1.9 has one.
    {"two slots each", 16'384, 2, 8'192},
    {"almost two slots each", 16'384, 1.9, 16'384},
    {"one slot each", 16'384, 1, 16'384},
    {"less than a slot", 16'384, 0.999, std::nullopt},
};
TEST(CapacityMasters, CountsWholeSlots) {
  for (const masters_case& each : masters_cases) {
    EXPECT_EQ(masters_for(each.need, each.each), each.masters) << each.name;
  }
}

// So many masters can carry it, and the fullest of one fewer could not.
TEST(CapacityMasters, IsTheLeast) {
  for (const double each : {3.0, 7.0, 100.0, 1'000.0, 4'000.0, 5'000.0}) {
    const double masters = masters_for(slots, each).value_or(0);
    ASSERT_GT(masters, 0);
    EXPECT_LE(fullest_share(masters) * slots, each) << each;
    if (masters > cluster_masters_min) {
      EXPECT_GT(fullest_share(masters - 1) * slots, each) << each;
    }
  }
}

// Where a number of slots is just enough, rounding takes none of them away.
TEST(CapacityMasters, LosesNoSlotToRounding) {
  for (int each = 1; each < 16'384; ++each) {
    EXPECT_EQ(masters_for(slots / each, 1), std::max(3.0, std::ceil(slots / each))) << each;
  }
}

TEST(CapacityShare, HasTheSlotsThatAreOver) {
  EXPECT_EQ(fullest_share(1), 1);
  EXPECT_EQ(fullest_share(4), 0.25);
  EXPECT_EQ(fullest_share(3), 5'462 / slots);
  EXPECT_EQ(fullest_share(8'193), 2 / slots);
  EXPECT_EQ(fullest_share(16'384), 1 / slots);
}

// ---- The plan

constexpr capacity_input small{.mutations_per_second = 100,
                               .mean_percent = 100,
                               .replays_percent = 0,
                               .response_bytes = 200,
                               .retention_hours = 24,
                               .replicas = 0,
                               .wait_replicas = 0};

TEST(CapacityPlan, CountsWhatIsKept) {
  capacity_input in = small;
  EXPECT_EQ(plan_capacity(in).records, 8'640'000);
  EXPECT_EQ(plan_capacity(in).record_bytes, 496);
  EXPECT_EQ(plan_capacity(in).memory_bytes, 8'640'000.0 * 496 * 1.1);
  EXPECT_EQ(plan_capacity(in).operations_per_second, 200);
  EXPECT_EQ(plan_capacity(in).master_file_bytes, 3 * 8'640'000.0 * 1.1 * (50 + 2 + 289));
  in.retention_hours = 1;
  EXPECT_EQ(plan_capacity(in).records, 360'000);
  in.mean_percent = 50;
  EXPECT_EQ(plan_capacity(in).records, 180'000);
  EXPECT_EQ(plan_capacity(in).operations_per_second, 200);  // of the peak
}

// A replay leaves no record, and is one operation; with WAIT it writes, which is another.
TEST(CapacityPlan, CountsReplays) {
  capacity_input in = small;
  in.replays_percent = 25;
  EXPECT_EQ(plan_capacity(in).records, 6'480'000);
  EXPECT_EQ(plan_capacity(in).operations_per_second, 175);
  in.replicas = in.wait_replicas = 1;
  EXPECT_EQ(plan_capacity(in).operations_per_second, 200);
  in.replays_percent = 100;
  EXPECT_EQ(plan_capacity(in).records, 0);
  EXPECT_EQ(plan_capacity(in).masters, 1);
}

TEST(CapacityPlan, OneServerUntilItIsFull) {
  capacity_input in = small;
  in.headroom_percent = 0;
  in.expired_percent = 0;
  in.node_memory_gib = 8'640'000.0 * 496 / gib;
  capacity_plan plan = plan_capacity(in);
  EXPECT_EQ(plan.masters, 1);
  EXPECT_EQ(plan.nodes, 1);
  EXPECT_EQ(plan.master_memory_bytes, plan.memory_bytes);
  in.mutations_per_second = 100.001;
  plan = plan_capacity(in);
  EXPECT_EQ(plan.masters, 3);
  EXPECT_EQ(plan.binds, binding::memory);
  EXPECT_EQ(plan.by_memory, 3);
  EXPECT_EQ(plan.by_processor, 1);
  EXPECT_EQ(plan.by_network, 1);
}

TEST(CapacityPlan, SaysWhatDecides) {
  capacity_input in = small;
  in.mutations_per_second = 100'000;
  in.retention_hours = 0.01;
  in.operations_a_core = 100'000;
  in.utilization_percent = 50;
  capacity_plan plan = plan_capacity(in);  // 200,000 operations a second, 50,000 on each
  EXPECT_EQ(plan.binds, binding::processor);
  EXPECT_EQ(plan.by_processor, 4);
  EXPECT_EQ(plan.masters, 4);
  in.operations_a_core = 99'000;
  EXPECT_EQ(plan_capacity(in).masters, 5);
  in.operations_a_core = 10'000'000;
  in.node_gbits = 0.1;
  plan = plan_capacity(in);
  EXPECT_EQ(plan.binds, binding::network);
  EXPECT_GT(plan.by_network, 3);
  EXPECT_EQ(plan.masters, plan.by_network);
  EXPECT_LE(plan.master_in_gbits, 0.05);
}

// A cluster has 1,000 nodes at most: 500 masters with a replica each, with 33 slots the fullest.
TEST(CapacityPlan, BeyondAClusterThereAreSeveral) {
  capacity_input in = small;
  in.replicas = 1;
  in.headroom_percent = 0;
  in.expired_percent = 0;
  const double slot_bytes = gib / 33;
  in.node_memory_gib = 1;
  in.mutations_per_second = slot_bytes * slots / 496 / 86'400 * 0.999;
  capacity_plan plan = plan_capacity(in);
  EXPECT_EQ(plan.clusters, 1);
  EXPECT_EQ(plan.masters, 497);
  EXPECT_EQ(plan.nodes, 994);
  in.mutations_per_second *= 1.002;
  plan = plan_capacity(in);
  EXPECT_EQ(plan.by_memory, 512);
  EXPECT_EQ(plan.clusters, 2);
  EXPECT_LE(plan.nodes, 2 * cluster_nodes_max);
  EXPECT_LE(plan.master_memory_bytes, gib);
  in.replicas = 0;  // 1,000 masters: one cluster again
  EXPECT_EQ(plan_capacity(in).clusters, 1);
}

TEST(CapacityPlan, MoreThanASlotOnANodeIsNoCluster) {
  capacity_input in = small;
  in.mutations_per_second = 10'000'000;
  in.node_memory_gib = 1;
  const capacity_plan plan = plan_capacity(in);
  EXPECT_EQ(plan.by_memory, std::nullopt);
  EXPECT_GT(plan.clusters, 1);
  EXPECT_LE(plan.master_memory_bytes, gib / 2);
}

// 10 million a second, 24 h, 64 KiB: 56 PB. And the end of every limit.
TEST(CapacityPlan, OverflowsNowhere) {
  capacity_input in = small;
  in.mutations_per_second = 10'000'000;
  in.response_bytes = 65'536;
  capacity_plan plan = plan_capacity(in);
  EXPECT_EQ(plan.records, 864e9);
  EXPECT_EQ(plan.memory_bytes, 864e9 * (82'080 + 16) * 1.1);
  in = {.mutations_per_second = 1e9,
        .mean_percent = 100,
        .replays_percent = 0,
        .response_bytes = 536'870'912,
        .retention_hours = 1'193,
        .replicas = 5,
        .wait_replicas = 5,
        .node_memory_gib = 1,
        .headroom_percent = 90,
        .expired_percent = 100,
        .node_gbits = 0.1,
        .operations_a_core = 1'000,
        .utilization_percent = 1};
  ASSERT_EQ(check(in), "");
  plan = plan_capacity(in);
  for (const double each :
       {plan.records, plan.memory_bytes, plan.operations_per_second, plan.clusters, plan.masters,
        plan.nodes, plan.master_memory_bytes, plan.master_in_gbits, plan.master_out_gbits}) {
    EXPECT_TRUE(std::isfinite(each)) << each;
    EXPECT_GT(each, 0);
  }
  EXPECT_LE(plan.masters * 6, cluster_nodes_max);
  EXPECT_LE(plan.master_memory_bytes, gib / 10);
}

// What the plan gives is enough: nothing of the fullest master is above its node.
TEST(CapacityPlan, FitsIntoItsNodes) {
  for (const double rate : {1.0, 999.0, 12'345.0, 100'000.0, 1e6, 1e7, 1e9}) {
    for (const double response : {0.0, 200.0, 65'536.0}) {
      for (const double replicas : {0.0, 1.0, 2.0, 5.0}) {
        capacity_input in;
        in.mutations_per_second = rate;
        in.response_bytes = response;
        in.replicas = in.wait_replicas = replicas;
        const capacity_plan plan = plan_capacity(in);
        EXPECT_LE(plan.master_memory_bytes, in.node_memory_gib * gib / 2) << rate;
        EXPECT_LE(plan.master_in_gbits, in.node_gbits * 0.6) << rate;
        EXPECT_LE(plan.master_out_gbits, in.node_gbits * 0.6) << rate;
        EXPECT_LE(plan.operations_per_second / plan.clusters * fullest_share(plan.masters),
                  in.operations_a_core * 0.6)
            << rate;
        EXPECT_LE(plan.masters * (1 + replicas), cluster_nodes_max) << rate;
      }
    }
  }
}

// ---- Limits

struct limit_case {
  const char* name;
  double capacity_input::*value;
  double least, most, below, above;
};
constexpr limit_case limit_cases[] = {
    {"--mutations", &capacity_input::mutations_per_second, 1, 1e9, 0.999, 1e9 + 1},
    {"--mean-percent", &capacity_input::mean_percent, 1, 100, 0.999, 100.001},
    {"--replays-percent", &capacity_input::replays_percent, 0, 100, -0.001, 100.001},
    {"--response-bytes", &capacity_input::response_bytes, 0, 536'870'912, -1, 536'870'913},
    {"--retention-hours", &capacity_input::retention_hours, 0.01, 1'193, 0.009, 1'193.1},
    {"--replicas", &capacity_input::replicas, 1, 5, -1, 6},  // 0: below --wait-replicas
    {"--wait-replicas", &capacity_input::wait_replicas, 0, 1, -1, 6},
    {"--node-memory-gib", &capacity_input::node_memory_gib, 1, 24'576, 0.999, 24'577},
    {"--headroom-percent", &capacity_input::headroom_percent, 0, 90, -0.001, 90.001},
    {"--expired-percent", &capacity_input::expired_percent, 0, 100, -0.001, 100.001},
    {"--node-gbits", &capacity_input::node_gbits, 0.1, 800, 0.099, 801},
    {"--operations-a-core", &capacity_input::operations_a_core, 1'000, 10'000'000, 999, 10'000'001},
    {"--utilization-percent", &capacity_input::utilization_percent, 1, 100, 0.999, 100.001},
};
TEST(CapacityLimits, HasBothEndsOfEachLimit) {
  for (const limit_case& each : limit_cases) {
    capacity_input in;
    for (const double good : {each.least, each.most}) {
      in.*each.value = good;
      EXPECT_EQ(check(in), "") << each.name << ' ' << good;
    }
    for (const double bad : {each.below, each.above, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
      in.*each.value = bad;
      EXPECT_EQ(check(in).find(std::string(each.name) + ": not "), 0u) << each.name << ' ' << bad;
    }
  }
}

TEST(CapacityLimits, WantsWholeNumbers) {
  capacity_input in;
  in.replicas = 1.5;
  EXPECT_EQ(check(in), "--replicas: not a whole number, 0 to 5");
  in = {};
  in.response_bytes = 0.5;
  EXPECT_EQ(check(in), "--response-bytes: not a whole number, 0 to 536870912");
  in = {};
  in.retention_hours = 0;
  EXPECT_EQ(check(in), "--retention-hours: not 0.01 to 1193");
}

TEST(CapacityLimits, WaitsForNoMoreThanThereAre) {
  capacity_input in;
  in.replicas = 2;
  in.wait_replicas = 2;
  EXPECT_EQ(check(in), "");
  in.wait_replicas = 3;
  EXPECT_EQ(check(in), "--wait-replicas: more than --replicas");
}

}  // namespace
}  // namespace parley::examples
