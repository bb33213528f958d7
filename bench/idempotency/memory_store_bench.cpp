// SPDX-License-Identifier: Apache-2.0
//
// idempotency/request/<what>[/latency]: a million live keys; of all requests 50 % are new (claim,
// run nothing, complete with 200 bytes), 45 % replays and 5 % conflicts. Each begins with the text
// of a key (45 bytes), of which ours makes a digest with SipHash, and a peer the hash of its map. A
// peer keeps the same fields, copies the operation id and shares the response as we do, and forgets
// what has ended in the order of completion. Time is a counter: one millisecond a new key.
//   request/*/latency   each request is timed: p50, p99, p999 and worst, in ns
//   fill/<what>         bytes_record: of the heap, for each of a million records without the 200
//                       bytes of its response; bytes_beside: without all that the response
//                       allocates
//   replay/*            one key, direct and awaited

#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#ifdef PARLEY_BENCH_ABSL
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>
#endif
#ifdef PARLEY_BENCH_TBB
#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_queue.h>
#endif

#include "parley/idempotency/await.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "support/allocations.hpp"

namespace {

namespace idempotency = parley::idempotency;
using idempotency::digest;
using idempotency::nonce;
using std::chrono::milliseconds;

constexpr std::uint64_t live_keys = 1'000'000;
constexpr std::size_t response_size = 200;
constexpr milliseconds retention{live_keys};

std::atomic<std::int64_t> now_ms = 0;

// The texts of a request: what a server has in its hands.

std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

constexpr auto hex_pairs = [] {
  std::array<char, 512> made{};
  for (unsigned i = 0; i < 256; ++i) {
    made[2 * i] = "0123456789abcdef"[i / 16];
    made[2 * i + 1] = "0123456789abcdef"[i % 16];
  }
  return made;
}();

class key_text {
 public:
  explicit key_text(std::uint64_t id) noexcept {
    std::memcpy(text_, "acct_", 5);
    put(5, id % 256);
    put(7, id / 256 % 4);  // 1,024 scopes
    const std::uint64_t halves[2] = {mix(id), mix(id + 0x9e37'79b9'7f4a'7c15)};
    constexpr unsigned places[16] = {9, 11, 13, 15, 18, 20, 23, 25, 28, 30, 33, 35, 37, 39, 41, 43};
    for (unsigned i = 0; i < 16; ++i) put(places[i], halves[i / 8] >> (i % 8 * 8) & 255);
    text_[17] = text_[22] = text_[27] = text_[32] = '-';
  }
  std::string_view view() const noexcept { return {text_, sizeof(text_)}; }
  std::string_view scope() const noexcept { return view().substr(0, 9); }
  std::string_view request_id() const noexcept { return view().substr(9); }

 private:
  void put(unsigned at, std::uint64_t byte) noexcept {
    std::memcpy(text_ + at, &hex_pairs[2 * byte], 2);
  }
  char text_[45];
};

// SipHash-2-4 with 128 bits, as published by its authors; the keyed digest.
digest sip_hash(std::string_view text) noexcept {
  std::uint64_t v0 = 0x736f'6d65'7073'6575 ^ 1;
  std::uint64_t v1 = 0x646f'7261'6e64'6f6d ^ 2 ^ 0xee;
  std::uint64_t v2 = 0x6c79'6765'6e65'7261 ^ 1;
  std::uint64_t v3 = 0x7465'6462'7974'6573 ^ 2;
  const auto rounds = [&](int count) {
    for (; count > 0; --count) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    absorb(word);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    last |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  absorb(last);
  std::uint64_t halves[2];
  v2 ^= 0xee;
  rounds(4);
  halves[0] = v0 ^ v1 ^ v2 ^ v3;
  v1 ^= 0xdd;
  rounds(4);
  halves[1] = v0 ^ v1 ^ v2 ^ v3;
  digest made;
  std::memcpy(made.bytes.data(), halves, sizeof(halves));
  return made;
}

digest fingerprint_of(std::uint64_t id) noexcept {
  const std::uint64_t halves[2] = {id, ~id};
  digest made;
  std::memcpy(made.bytes.data(), halves, sizeof(halves));
  return made;
}

nonce nonce_of(std::uint64_t id) noexcept {
  const std::uint64_t halves[2] = {id, mix(id)};
  nonce made;
  std::memcpy(made.bytes.data(), halves, sizeof(halves));
  return made;
}

std::byte response_bytes[response_size];

// What a request met.
enum class met : std::uint8_t { claimed, completed, conflict, other };

std::uint64_t next_attempt() noexcept {
  thread_local std::uint64_t last = 0;
  thread_local const std::uint64_t base = mix(reinterpret_cast<std::uintptr_t>(&last));
  return base + ++last;
}

// The store finishes at once.
template <class Op>
struct inline_op final : Op {
  void done() noexcept override {}
};

class ours {
 public:
  ours() {
    auto made =
        idempotency::make_memory_store({.entries_max = live_keys * 2, .clock = [] {
                                          return std::chrono::steady_clock::time_point(
                                              milliseconds(now_ms.load(std::memory_order_relaxed)));
                                        }});
    store_ = std::move(*made);
  }

  met request(std::uint64_t id, std::uint64_t fingerprint) noexcept {
    const key_text text(id);
    inline_op<idempotency::claim_op> claim;
    claim.key = sip_hash(text.view());
    claim.fingerprint = fingerprint_of(fingerprint);
    claim.scope = scopes_[id % 1024];
    claim.nonce = nonce_of(next_attempt());
    claim.request_id = text.request_id();
    claim.lease = milliseconds(10'000);
    claim.retention = retention;
    store_->claim(claim);
    benchmark::DoNotOptimize(claim.operation_id.view().data());
    switch (claim.status) {
      case idempotency::claim_status::claimed: break;
      case idempotency::claim_status::completed:
        benchmark::DoNotOptimize(claim.response.bytes().data());
        return met::completed;
      case idempotency::claim_status::conflict: return met::conflict;
      default: return met::other;
    }
    inline_op<idempotency::complete_op> complete;
    complete.key = claim.key;
    complete.nonce = claim.nonce;
    complete.fingerprint = claim.fingerprint;
    complete.scope = claim.scope;
    complete.operation_id = claim.operation_id.view();
    complete.fence = claim.fence;
    complete.lease_holds = true;
    complete.response = idempotency::response_ref::copy_of(response_bytes);
    complete.retention = retention;
    store_->complete(complete);
    return complete.status == idempotency::write_status::applied ? met::claimed : met::other;
  }
  idempotency::memory_store& store() noexcept { return *store_; }

 private:
  // The digest of a credential is made once and kept with it.
  std::vector<digest> scopes_ = [] {
    std::vector<digest> made;
    for (std::uint64_t id = 0; id < 1024; ++id) made.push_back(sip_hash(key_text(id).scope()));
    return made;
  }();
  std::unique_ptr<idempotency::memory_store> store_;
};

// What one writes over a map: the same fields, the same answers.
using shared_response = std::shared_ptr<const std::byte[]>;
struct peer_record {
  digest fingerprint;
  nonce owner;
  std::uint64_t fence = 0;
  std::int64_t lease_end = 0;
  std::int64_t expires = 0;
  idempotency::record_state state = idempotency::record_state::running;
  std::string operation_id;
  shared_response response;
};

shared_response make_response() {
  auto made = std::make_shared<std::byte[]>(response_size);
  std::memcpy(made.get(), response_bytes, response_size);
  return made;
}

struct peer_answer {
  met what = met::other;
  char operation_id[128];
  shared_response response;
};

void answer_found(const peer_record& found, const digest& fingerprint, peer_answer& answer) {
  std::memcpy(answer.operation_id, found.operation_id.data(), found.operation_id.size());
  if (found.fingerprint != fingerprint) {
    answer.what = met::conflict;
  } else if (found.state == idempotency::record_state::completed) {
    answer.response = found.response;
    answer.what = met::completed;
  }
}

void begin(peer_record& made, const digest& fingerprint, const nonce& owner, std::string_view id,
           std::int64_t now, peer_answer& answer) {
  made.fingerprint = fingerprint;
  made.owner = owner;
  made.fence = static_cast<std::uint64_t>(now);
  made.lease_end = now + 10'000;
  made.expires = now + retention.count();
  made.operation_id = id;
  std::memcpy(answer.operation_id, id.data(), id.size());
  answer.what = met::claimed;
}

// A map and a queue of its keys in the order of their end, behind one lock. The views stay valid: a
// key of 45 bytes stands on the heap, also where the map moves its string.
template <class Map, class Key, class Mutex, class Lock>
class map_shard {
 public:
  void claim(const Key& key, const digest& fingerprint, const nonce& owner, std::string_view id,
             std::int64_t now, peer_answer& answer) {
    const Lock lock(&mutex_);
    forget(now);
    auto [at, is_new] = map_.try_emplace(key);
    if (!is_new && now < at->second.expires) {
      answer_found(at->second, fingerprint, answer);
    } else {
      begin(at->second, fingerprint, owner, id, now, answer);
    }
  }
  bool complete(const Key& key, const nonce& owner, shared_response response, std::int64_t now) {
    const Lock lock(&mutex_);
    const auto at = map_.find(key);
    if (at == map_.end() || at->second.owner != owner) return false;
    at->second.state = idempotency::record_state::completed;
    at->second.response = std::move(response);
    at->second.expires = now + retention.count();
    order_.emplace_back(at->second.expires, std::string_view(at->first));
    return true;
  }

 private:
  void forget(std::int64_t now) {
    for (int i = 0; i < 2 && !order_.empty() && order_.front().first <= now; ++i) {
      const std::string_view key = order_.front().second;
      order_.pop_front();
      const auto at = map_.find(Key(key.data(), key.size()));
      if (at != map_.end()) map_.erase(at);
    }
  }

  Map map_;
  Mutex mutex_;
  std::deque<std::pair<std::int64_t, std::string_view>> order_;
};

template <class Shard>
class map_peer {
 public:
  met request(std::uint64_t id, std::uint64_t fingerprint) {
    const key_text text(id);
    const typename Shard::key key(text.view().data(), text.view().size());
    const std::int64_t now = now_ms.load(std::memory_order_relaxed);
    Shard& in = shards_[Shard::shard_of(key)];
    const nonce owner = nonce_of(id);
    peer_answer answer;
    in.claim(key, fingerprint_of(fingerprint), owner, text.request_id(), now, answer);
    benchmark::DoNotOptimize(answer.operation_id);
    if (answer.what != met::claimed) return answer.what;
    return in.complete(key, owner, make_response(), now) ? met::claimed : met::other;
  }

 private:
  std::unique_ptr<Shard[]> shards_ = std::make_unique<Shard[]>(Shard::shards);
};

struct std_lock {
  explicit std_lock(std::mutex* m) : guard(*m) {}
  std::lock_guard<std::mutex> guard;
};
struct std_shard
    : map_shard<std::unordered_map<std::string, peer_record>, std::string, std::mutex, std_lock> {
  using key = std::string;
  static constexpr unsigned shards = 1;
  static std::size_t shard_of(const key&) noexcept { return 0; }
};

#ifdef PARLEY_BENCH_ABSL
struct absl_shard : map_shard<absl::flat_hash_map<std::string, peer_record>, absl::string_view,
                              absl::Mutex, absl::MutexLock> {
  using key = absl::string_view;
  static constexpr unsigned shards = 64;
  static std::size_t shard_of(key k) noexcept { return absl::Hash<key>{}(k) % shards; }
};
#endif

#ifdef PARLEY_BENCH_TBB
class tbb_peer {
 public:
  met request(std::uint64_t id, std::uint64_t fingerprint) {
    const key_text text(id);
    const std::string key(text.view());
    const std::int64_t now = now_ms.load(std::memory_order_relaxed);
    forget(now);
    const nonce owner = nonce_of(id);
    peer_answer answer;
    {
      map::accessor at;
      if (!map_.insert(at, key) && now < at->second.expires) {
        answer_found(at->second, fingerprint_of(fingerprint), answer);
      } else {
        begin(at->second, fingerprint_of(fingerprint), owner, text.request_id(), now, answer);
      }
    }
    benchmark::DoNotOptimize(answer.operation_id);
    if (answer.what != met::claimed) return answer.what;
    shared_response response = make_response();
    map::accessor at;
    if (!map_.find(at, key) || at->second.owner != owner) return met::other;
    at->second.state = idempotency::record_state::completed;
    at->second.response = std::move(response);
    at->second.expires = now + retention.count();
    order_.push({at->second.expires, key});
    return met::claimed;
  }

 private:
  using map = tbb::concurrent_hash_map<std::string, peer_record>;

  // The queue cannot be looked at: what has come too early is kept for the next time.
  void forget(std::int64_t now) {
    const std::unique_lock lock(early_mutex_, std::try_to_lock);
    if (!lock) return;
    for (int i = 0; i < 2; ++i) {
      if (early_.first == 0 && !order_.try_pop(early_)) return;
      if (early_.first > now) return;
      map_.erase(early_.second);
      early_.first = 0;
    }
  }

  std::mutex early_mutex_;
  std::pair<std::int64_t, std::string> early_;
  map map_;
  tbb::concurrent_queue<std::pair<std::int64_t, std::string>> order_;
};
#endif

// Ids of a thread count up from its own million millions.
constexpr std::uint64_t ids_of(unsigned thread) noexcept {
  return std::uint64_t{thread + 1} * 1'000'000'000'000;
}

template <class Store>
class traffic {
 public:
  traffic(Store& store, unsigned thread, unsigned threads)
      : store_(store),
        ids_(ids_of(thread)),

        window_(live_keys / threads * 3 / 5),
        random_(thread + 1) {}

  void one() {
    random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
    const auto kind = static_cast<unsigned>(random_ >> 32) % 20;
    if (kind < 10 || next_ < window_) {
      make_new();
      return;
    }
    const std::uint64_t id = ids_ + next_ - 1 - random_ % 0x1'0000'0000 * window_ / 0x1'0000'0000;
    const bool is_conflict = kind == 19;
    const met what = store_.request(id, is_conflict ? id + 1 : id);
    if (what != (is_conflict ? met::conflict : met::completed)) ++unexpected_;
  }
  void make_new() {
    // In steps, so that the threads do not wait for the line of the clock.
    if (next_ % 64 == 0) now_ms.fetch_add(64, std::memory_order_relaxed);
    const std::uint64_t id = ids_ + next_++;
    if (store_.request(id, id) != met::claimed) ++unexpected_;
  }
  std::uint64_t unexpected() const noexcept { return unexpected_; }

 private:
  Store& store_;
  const std::uint64_t ids_;
  const std::uint64_t window_;
  std::uint64_t random_;
  std::uint64_t next_ = 0;
  std::uint64_t unexpected_ = 0;
};

// Two times the live keys, so that what is measured is the steady state of a store that forgets.
template <class Store>
struct filled {
  filled(unsigned threads) {
    now_ms = 1'000'000;
    for (unsigned i = 0; i < threads; ++i) all.emplace_back(store, i, threads);
    for (std::uint64_t i = 0; i < 2 * live_keys / threads; ++i) {
      for (auto& each : all) each.make_new();
    }
  }
  Store store;
  std::vector<traffic<Store>> all;
};

template <class Store>
filled<Store>* current = nullptr;

template <class Store>
void set_up(const benchmark::State& state) {
  current<Store> = new filled<Store>(static_cast<unsigned>(state.threads()));
}
template <class Store>
void tear_down(const benchmark::State&) {
  delete std::exchange(current<Store>, nullptr);
  malloc_trim(0);
}

template <class Store>
void request(benchmark::State& state) {
  auto& mine = current<Store>->all[static_cast<unsigned>(state.thread_index())];
  for (auto _ : state) mine.one();
  state.SetItemsProcessed(state.iterations());
  state.counters["unexpected"] = static_cast<double>(mine.unexpected());
}

template <class Store>
void latency(benchmark::State& state) {
  auto& mine = current<Store>->all[static_cast<unsigned>(state.thread_index())];
  std::vector<std::uint32_t> all;
  all.reserve(static_cast<std::size_t>(state.max_iterations));
  for (auto _ : state) {
    const auto before = std::chrono::steady_clock::now();
    mine.one();
    all.push_back(static_cast<std::uint32_t>((std::chrono::steady_clock::now() - before).count()));
  }
  std::sort(all.begin(), all.end());
  const auto at = [&](double part) {
    return benchmark::Counter(
        all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * part)],
        benchmark::Counter::kAvgThreads);
  };
  state.counters["p50"] = at(0.5);
  state.counters["p99"] = at(0.99);
  state.counters["p999"] = at(0.999);
  state.counters["worst"] = at(1);
}

std::size_t heap_bytes() noexcept {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <class Store>
void fill(benchmark::State& state) {
  std::size_t responses = 0;
  {
    const std::size_t before = heap_bytes();
    std::vector<idempotency::response_ref> all(1000);
    for (auto& each : all) each = idempotency::response_ref::copy_of(response_bytes);
    responses = (heap_bytes() - before - all.size() * sizeof(all[0])) * (live_keys / 1000);
  }
  for (auto _ : state) {
    state.PauseTiming();
    now_ms = 1'000'000;
    const std::size_t before = heap_bytes();
    auto store = std::make_unique<Store>();
    auto one = std::make_unique<traffic<Store>>(*store, 0, 1);
    state.ResumeTiming();
    for (std::uint64_t i = 0; i < live_keys; ++i) one->make_new();
    state.PauseTiming();
    const auto grown = static_cast<double>(heap_bytes() - before);
    const auto keys = static_cast<double>(live_keys);
    state.counters["bytes_record"] = grown / keys - response_size;
    state.counters["bytes_beside"] = (grown - static_cast<double>(responses)) / keys;
    if constexpr (std::is_same_v<Store, ours>) {
      state.counters["bytes_own_count"] =
          static_cast<double>(store->store().stats().bytes) / keys - response_size;
    }
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(live_keys) * state.iterations());
}

template <class Store>
void add(const std::string& name) {
  for (const int threads : {1, 2}) {
    for (const bool is_timed : {false, true}) {
      benchmark::RegisterBenchmark(
          ("idempotency/request/" + name + (is_timed ? "/latency" : "")).c_str(),
          is_timed ? latency<Store> : request<Store>)
          ->Setup(set_up<Store>)
          ->Teardown(tear_down<Store>)
          ->Threads(threads)
          ->Iterations(3'000'000 / threads)
          ->UseRealTime();
    }
  }
  benchmark::RegisterBenchmark(("idempotency/fill/" + name).c_str(), fill<Store>)
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool is_registered = [] {
  add<ours>("memory_store");
  add<map_peer<std_shard>>("unordered_map_mutex");
#ifdef PARLEY_BENCH_ABSL
  add<map_peer<absl_shard>>("absl_64_shards");
#endif
#ifdef PARLEY_BENCH_TBB
  add<tbb_peer>("tbb_concurrent_hash_map");
#endif
  return true;
}();

// The awaiter over a store that finishes at once.

template <class Op>
void set_claim(Op& claim) {
  claim.key = fingerprint_of(1);
  claim.fingerprint = fingerprint_of(2);
  claim.nonce = nonce_of(3);
  claim.request_id = "00000000-0000-0000-0000-000000000000";
}

void store_one(ours& records) {
  inline_op<idempotency::claim_op> claim;
  set_claim(claim);
  records.store().claim(claim);
  inline_op<idempotency::complete_op> complete;
  complete.key = claim.key;
  complete.nonce = claim.nonce;
  complete.operation_id = claim.operation_id.view();
  complete.response = idempotency::response_ref::copy_of(response_bytes);
  records.store().complete(complete);
}

void replay_direct(benchmark::State& state) {
  ours records;
  store_one(records);
  idempotency::awaitable_op<idempotency::claim_op> claim;
  set_claim(claim);
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    records.store().claim(claim);
    benchmark::DoNotOptimize(claim.response.bytes().data());
  }
}
BENCHMARK(replay_direct)->Name("idempotency/replay/direct");

struct eager {
  struct promise_type {
    eager get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

eager replay_all(benchmark::State& state, idempotency::memory_store& records) {
  idempotency::awaitable_op<idempotency::claim_op> claim;
  set_claim(claim);
  const parley::bench::allocation_counter count(state);
  for (auto _ : state) {
    co_await claim.start(records);
    benchmark::DoNotOptimize(claim.response.bytes().data());
  }
}
void replay_awaited(benchmark::State& state) {
  ours records;
  store_one(records);
  replay_all(state, records.store());
}
BENCHMARK(replay_awaited)->Name("idempotency/replay/awaited");

}  // namespace
