// SPDX-License-Identifier: Apache-2.0
//
// What the engine adds to a store in memory, both with the clocks that they have by default: a
// replay, and a request that runs and is stored.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include <benchmark/benchmark.h>

#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "support/allocations.hpp"

namespace {

using namespace parley::idempotency;

constexpr std::byte body[200] = {};
constexpr std::string_view id = "00000000-0000-0000-0000-000000000000";

template <class Op>
struct inline_op final : Op {
  void done() noexcept override {}
};

template <class Digest>
Digest named(std::uint64_t number) {
  Digest made;
  number *= 0x9e3779b97f4a7c15u;
  std::memcpy(made.bytes.data(), &number, sizeof(number));
  std::memcpy(made.bytes.data() + 8, &number, sizeof(number));
  return made;
}

std::unique_ptr<memory_store> make_records() {
  return *make_memory_store(
      {.entries_max = 4'000'000, .bytes_max = std::size_t{2} << 30, .scope_share = 1});
}

struct running {
  std::unique_ptr<memory_store> records = make_records();
  std::unique_ptr<timer> clock = *make_thread_timer();
  std::unique_ptr<engine> of = *make_engine(*records, *clock);
};

void begin_as(begin_op& op, std::uint64_t key) {
  op.key = named<digest>(key);
  op.fingerprint = named<digest>(1);
  op.scope = named<digest>(2);
  op.request_id = id;
}

void run(engine& of, std::uint64_t key, benchmark::State& state) {
  inline_op<begin_op> begin;
  begin_as(begin, key);
  of.begin(begin);
  if (begin.status != begin_status::proceed) return state.SkipWithError("not claimed");
  inline_op<complete_step> complete;
  complete.body = body;
  std::move(begin.held).complete(complete);
}

void claim_as(claim_op& op, std::uint64_t key, std::uint64_t nonce_number) {
  op.key = named<digest>(key);
  op.fingerprint = named<digest>(1);
  op.scope = named<digest>(2);
  op.request_id = id;
  op.nonce = named<nonce>(nonce_number);
}

void run(store& records, std::uint64_t key, benchmark::State& state) {
  inline_op<claim_op> claim;
  claim_as(claim, key, key);
  records.claim(claim);
  if (claim.status != claim_status::claimed) return state.SkipWithError("not claimed");
  inline_op<complete_op> complete;
  complete.key = claim.key;
  complete.nonce = claim.nonce;
  complete.fingerprint = claim.fingerprint;
  complete.scope = claim.scope;
  complete.operation_id = claim.operation_id.view();
  complete.fence = claim.fence;
  complete.lease_holds = true;
  complete.response = response_ref::copy_of(body);
  records.complete(complete);
}

void replay_store(benchmark::State& state) {
  const running on;
  run(*on.records, 1, state);
  inline_op<claim_op> claim;
  claim_as(claim, 1, 7);
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    on.records->claim(claim);
    benchmark::DoNotOptimize(claim.response.bytes().data());
  }
}
BENCHMARK(replay_store)->Name("idempotency/engine/replay/store");

void replay_engine(benchmark::State& state) {
  const running on;
  run(*on.of, 1, state);
  inline_op<begin_op> begin;
  begin_as(begin, 1);
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    on.of->begin(begin);
    benchmark::DoNotOptimize(begin.response().data());
  }
}
BENCHMARK(replay_engine)->Name("idempotency/engine/replay/engine");

void run_store(benchmark::State& state) {
  const running on;
  std::uint64_t key = 0;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) run(*on.records, ++key, state);
}
BENCHMARK(run_store)->Name("idempotency/engine/run/store")->Iterations(1'000'000);

void run_engine(benchmark::State& state) {
  const running on;
  std::uint64_t key = 0;
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) run(*on.of, ++key, state);
}
BENCHMARK(run_engine)->Name("idempotency/engine/run/engine")->Iterations(1'000'000);

}  // namespace
