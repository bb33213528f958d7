// SPDX-License-Identifier: Apache-2.0
//
// Threads, timers and several engines, as if each were a process, over one store that answers late,
// loses answers, refuses and repeats claims. What happened is written down and must fit the
// promises of the room. A seed gives the same mix, not the same schedule.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"
#include "parley/idempotency/await.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace parley::idempotency {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// In parts of a hundred.
struct mischief {
  unsigned late = 0;     // answered by a thread of the store
  unsigned lose = 0;     // carried out, and the answer is that nobody knows
  unsigned refuse = 0;   // not carried out
  unsigned repeat = 0;   // claims that come once more, later
  unsigned no_room = 0;  // completions that never fit
};

class unruly_store final : public store {
 public:
  unruly_store(store& inner, mischief mix, std::uint64_t seed)
      : inner_(inner), mix_(mix), random_(seed) {
    for (std::thread& each : threads_) each = std::thread([this] { work(); });
  }
  ~unruly_store() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      changed_.notify_all();
    }
    for (std::thread& each : threads_) each.join();
    EXPECT_TRUE(pending_.empty());
  }

  /// Until as many have said false as have said true, renewals of `key` are refused.
  void starve(const digest& key, bool is) {
    const std::lock_guard lock(mutex_);
    if (is) {
      starved_.insert(key);
    } else {
      starved_.erase(starved_.find(key));
    }
  }
  /// From now on it obeys; waits for what is late.
  void calm() {
    std::unique_lock lock(mutex_);
    mix_ = {};
    changed_.notify_all();
    idle_.wait(lock, [this] { return pending_.empty() && working_ == 0; });
  }

 private:
  struct repeated final : claim_op {
    std::string id;
    void done() noexcept override {}
  };
  struct late {
    op_base* op = nullptr;  // null: nobody waits for it
    std::function<void(bool is_canceled)> carry_out;
  };

  template <class Op>
  static void fail(Op& op, const store_failure& why) {
    op.status = decltype(op.status)::failed;
    op.failure = why;
  }

  template <class Op>
  bool run(Op& op) noexcept {
    std::unique_lock lock(mutex_);
    const auto chance = [this](unsigned percent) { return random_() % 100 < percent; };
    const bool is_lost = chance(mix_.lose);
    bool is_refused = chance(mix_.refuse);
    store_failure why = {
        .why = store_errc::unavailable, .is_retryable = chance(80), .is_outcome_known = !is_lost};
    if constexpr (std::is_same_v<Op, renew_op>) is_refused |= starved_.contains(op.key);
    if constexpr (std::is_same_v<Op, complete_op>) {
      if (chance(mix_.no_room)) {
        is_refused = true;
        why = {.why = store_errc::full};
      }
    }
    if constexpr (std::is_same_v<Op, claim_op>) {
      if (chance(mix_.repeat)) repeat(op);
    }
    auto carry_out = [this, &op, is_lost, is_refused, why](bool is_canceled) {
      if (!is_refused) detail::start_op(inner_, op);
      if (is_canceled) return fail(op, {.why = store_errc::canceled, .is_outcome_known = false});
      if (is_refused || is_lost) fail(op, why);
    };
    if (chance(mix_.late)) {
      pending_.emplace(soon(), late{&op, carry_out});
      changed_.notify_one();
      return false;
    }
    lock.unlock();
    carry_out(false);
    return true;
  }

  // Now and then late enough for a lease to be over.
  clock::time_point soon() {
    const auto most = random_() % 50 == 0 ? 300'000u : 3'000u;
    return clock::now() + std::chrono::microseconds(random_() % most);
  }

  void repeat(const claim_op& op) {
    const auto again = std::make_shared<repeated>();
    again->key = op.key;
    again->fingerprint = op.fingerprint;
    again->scope = op.scope;
    again->nonce = op.nonce;
    again->id = op.request_id;
    again->request_id = again->id;
    again->lease = op.lease;
    again->retention = op.retention;
    again->unix_ms = op.unix_ms;
    again->rerun_marked = op.rerun_marked;
    pending_.emplace(soon(), late{nullptr, [this, again](bool) { inner_.claim(*again); }});
    changed_.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!ends_ || !pending_.empty()) {
      if (pending_.empty()) {
        changed_.wait(lock);
        continue;
      }
      // A copy: another thread may take it meanwhile.
      const clock::time_point due = pending_.begin()->first;
      if (due > clock::now() && !ends_) {
        changed_.wait_until(lock, due);
        continue;
      }
      const late next = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      ++working_;
      lock.unlock();
      next.carry_out(false);
      if (next.op != nullptr) next.op->done();
      lock.lock();
      --working_;
      if (pending_.empty() && working_ == 0) idle_.notify_all();
    }
  }

  bool do_claim(claim_op& op) noexcept override { return run(op); }
  bool do_complete(complete_op& op) noexcept override { return run(op); }
  bool do_release(release_op& op) noexcept override { return run(op); }
  bool do_renew(renew_op& op) noexcept override { return run(op); }
  bool do_mark(mark_op& op) noexcept override { return run(op); }
  void do_cancel(op_base& op) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto at =
        std::ranges::find(pending_, &op, [](const auto& each) { return each.second.op; });
    if (at == pending_.end()) return;
    pending_.emplace(clock::now(), late{&op, [carry_out = std::move(at->second.carry_out)](bool) {
                                          carry_out(true);
                                        }});
    pending_.erase(at);
    changed_.notify_one();
  }
  void do_shutdown() noexcept override { inner_.shutdown(); }

  store& inner_;
  mischief mix_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable idle_;
  std::mt19937_64 random_;
  std::multimap<clock::time_point, late> pending_;
  std::multiset<digest> starved_;
  unsigned working_ = 0;
  bool ends_ = false;
  std::array<std::thread, 2> threads_;
};

/// One run of a handler.
struct attempt_seen {
  std::uint64_t fingerprint = 0;
  clock::time_point asked;   // before begin()
  clock::time_point began;   // when it was told to proceed
  clock::time_point held{};  // the last time that holds() was asked and said yes; 0: never
  std::uint64_t fence = 0;
  std::string body = {};                                // empty: it did not complete
  bool is_marked = false;                               // acknowledged
  bool is_abandoned = false;                            // without a word
  clock::time_point stored = clock::time_point::max();  // acknowledged
};

struct replay_seen {
  std::uint64_t fingerprint = 0;
  std::string body;
};

struct key_history {
  std::vector<attempt_seen> attempts;
  std::vector<replay_seen> replays;
  std::uint64_t tombstones = 0;
};

class history {
 public:
  void add(std::uint64_t key, attempt_seen seen) {
    const std::lock_guard lock(mutex_);
    keys_[key].attempts.push_back(std::move(seen));
  }
  void add(std::uint64_t key, replay_seen seen) {
    const std::lock_guard lock(mutex_);
    keys_[key].replays.push_back(std::move(seen));
  }
  void add_tombstone(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    ++keys_[key].tombstones;
  }

  const std::map<std::uint64_t, key_history>& keys() const { return keys_; }

  /// `may_rerun`: marked attempts of this key may be run again.
  static void check(const key_history& of, bool may_rerun) {
    const auto& attempts = of.attempts;
    for (const attempt_seen& a : attempts) {
      for (const attempt_seen& b : attempts) {
        if (&a == &b) continue;
        EXPECT_FALSE(a.began < b.began && a.held > b.began && b.held > b.began)
            << "two held it at a time: fences " << a.fence << " and " << b.fence;
        EXPECT_FALSE(a.began < b.asked && a.fence >= b.fence) << "a fence fell";
        EXPECT_FALSE(a.stored < b.asked) << "ran after " << a.body << " was stored";
        EXPECT_FALSE(a.is_marked && a.is_abandoned && !may_rerun && a.began < b.asked)
            << "ran after a marked attempt that nobody knows the end of";
      }
    }
    EXPECT_LE(std::ranges::count_if(
                  attempts, [](const auto& a) { return a.stored != clock::time_point::max(); }),
              1);
    for (const replay_seen& each : of.replays) {
      EXPECT_EQ(each.body, of.replays.front().body);
      EXPECT_EQ(of.tombstones, 0u) << "a tombstone, and a replay";
      const auto from = std::ranges::find(attempts, each.body, &attempt_seen::body);
      ASSERT_NE(from, attempts.end()) << "nobody completed with " << each.body;
      EXPECT_EQ(from->fingerprint, each.fingerprint);
      for (const attempt_seen& a : attempts) {
        EXPECT_FALSE(a.stored != clock::time_point::max() && a.body != each.body)
            << a.body << " was stored, and " << each.body << " is replayed";
      }
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, key_history> keys_;
};

class counting_observer final : public observer {
 public:
  void on_event(const event& e) noexcept override {
    switch (e.kind) {
      case event_kind::claimed:
      case event_kind::taken_over: ++begun; break;
      case event_kind::stored:
      case event_kind::released:
      case event_kind::left:
      case event_kind::outcome_lost: ++ended; break;
      default: break;
    }
  }
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> ended = 0;
};

std::string text_of(const begin_op& op) {
  const auto bytes = op.response();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct plan {
  std::uint64_t seed = 1;
  unsigned threads = 16;
  unsigned requests = 50;  // by each thread
  std::uint64_t keys = 4;  // at a time
  std::uint64_t requests_per_key = 40;
  bool drains_early = false;
};

class Round {
 public:
  explicit Round(const plan& by) : by_(by), records_(*memory_, mix_of(by.seed), by.seed) {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      engine_options options;
      options.lease = 250ms;
      options.wait = i == 0 ? 20ms : 300ms;
      options.poll_first = 1ms;
      options.poll_max = 20ms;
      options.persist_wait = i == 0 ? 0ms : 30ms;
      options.clock_skew = 0ms;
      options.waiters_per_key_max = 8;
      options.waiters_max = 20;
      options.observer = &events_;
      engines_[i] = *make_engine(records_, *timers_[i % timers_.size()], std::move(options));
    }
  }

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < by_.threads; ++i) threads.emplace_back([this, i] { request_all(i); });
    if (by_.drains_early) {
      while (asked_.load() < by_.threads * by_.requests / 2) std::this_thread::yield();
      std::vector<std::thread> drains;
      for (auto& each : engines_) drains.emplace_back([&each] { each->drain(0ms); });
      for (std::thread& each : drains) each.join();
    }
    for (std::thread& each : threads) each.join();
    // What has no thread of its own.
    for (std::size_t left = in_flight_; left != 0; left = in_flight_) in_flight_.wait(left);
    for (auto& each : engines_) {
      // Every claim has ended, and every lease does.
      EXPECT_TRUE(by_.drains_early || each->drain(60s));
      each.reset();
    }
    EXPECT_EQ(answered_, asked_);
    EXPECT_GE(events_.ended, events_.begun);
    EXPECT_EQ(events_.begun, proceeded_);
    records_.calm();
    look_at_all();
    for (const auto& [key, of] : seen_.keys()) {
      SCOPED_TRACE(testing::Message() << "key " << key);
      history::check(of, reruns(key));
    }
  }

  std::string summary() const {
    return std::to_string(asked_) + " requests, " + std::to_string(proceeded_) + " runs, " +
           std::to_string(seen_.keys().size()) + " keys, " + std::to_string(replayed_) + " replays";
  }

 private:
  using random_engine = std::mt19937_64;

  // Deletes itself when it is answered and, where it says proceed, has run.
  class request final : public begin_op {
   public:
    request(Round& of, std::uint64_t key_number, std::uint64_t fingerprint_number,
            std::uint64_t number, std::uint64_t seed, bool has_thread)
        : id(std::to_string(number)),
          key_of(key_number),
          fingerprint_of(fingerprint_number),
          random(seed),
          of_(of),
          has_thread_(has_thread) {
      key = ops::named<digest>(key_number * 0x9e3779b97f4a7c15u);
      // Shards are told apart by the last byte.
      key.bytes[15] = std::byte{static_cast<std::uint8_t>(key_number % 2)};
      fingerprint = ops::named<digest>(fingerprint_number);
      scope = ops::named<digest>(1);
      request_id = id;
      rerun_marked = reruns(key_number);
    }
    void start(engine& on) {
      asked = clock::now();
      const bool has_thread = has_thread_;
      if (on.begin(*this)) return answered();
      if (!has_thread) return;  // and may be gone
      is_done.acquire();
      answered();
    }
    void done() noexcept override {
      if (has_thread_) {
        is_done.release();
      } else {
        answered();
      }
    }

    std::string id;
    std::uint64_t key_of;
    std::uint64_t fingerprint_of;
    random_engine random;
    clock::time_point asked;
    std::binary_semaphore is_done{0};  // a second release is more than it takes

   private:
    void answered() {
      ++of_.answered_;
      of_.handle(*this, has_thread_);
      Round& of = of_;
      delete this;
      if (of.in_flight_.fetch_sub(1) == 1) of.in_flight_.notify_all();
    }
    Round& of_;
    const bool has_thread_;
  };

  // Of a request that has no thread to wait on.
  struct complete_and_go final : complete_step {
    complete_and_go(Round& round, std::uint64_t key_number, attempt_seen attempt)
        : of(round), key_of(key_number), seen(std::move(attempt)) {
      body = std::as_bytes(std::span(seen.body));
    }
    void done() noexcept override {
      of.completed(key_of, std::move(seen), *this);
      Round& round = of;
      delete this;
      if (round.in_flight_.fetch_sub(1) == 1) round.in_flight_.notify_all();
    }
    Round& of;
    std::uint64_t key_of;
    attempt_seen seen;
  };

  static bool reruns(std::uint64_t key) { return key % 3 == 0; }

  static mischief mix_of(std::uint64_t seed) {
    constexpr mischief mixes[] = {
        {.late = 40, .lose = 5, .refuse = 5, .repeat = 5, .no_room = 2},
        {.late = 100, .lose = 20, .refuse = 10, .repeat = 20, .no_room = 5},
        {.late = 5, .lose = 30, .refuse = 20, .repeat = 5, .no_room = 20},
        {.late = 60},
    };
    return mixes[seed % std::size(mixes)];
  }

  void request_all(unsigned thread) {
    random_engine random(by_.seed * 1000 + thread);
    for (unsigned turn = 0; turn < by_.requests; ++turn) {
      const std::uint64_t number = ++asked_;
      const std::uint64_t key =
          1 + number / (by_.requests_per_key * by_.keys) * by_.keys + random() % by_.keys;
      const std::uint64_t fingerprint = random() % 8 == 0 ? 2 : 1;
      ++in_flight_;
      auto* const made = new request(*this, key, fingerprint, number, random(), random() % 3 != 0);
      made->start(*engines_[random() % engines_.size()]);
    }
  }

  void handle(request& r, bool has_thread) {
    switch (r.status) {
      case begin_status::proceed: {
        ++proceeded_;
        attempt_seen seen = {.fingerprint = r.fingerprint_of,
                             .asked = r.asked,
                             .began = clock::now(),
                             .fence = r.held.fence()};
        return run_handler(r, std::move(seen), has_thread);
      }
      case begin_status::replay:
        ++replayed_;
        return seen_.add(r.key_of, replay_seen{r.fingerprint_of, text_of(r)});
      case begin_status::tombstone: return seen_.add_tombstone(r.key_of);
      case begin_status::abandoned: EXPECT_FALSE(reruns(r.key_of)); return;
      case begin_status::failed: EXPECT_NE(r.failure.why, store_errc::corrupt_record); return;
      case begin_status::conflict:
      case begin_status::busy: return;
    }
  }

  static void look(const claim& held, attempt_seen& seen) {
    const auto now = clock::now();
    if (held.holds()) seen.held = now;
  }

  void run_handler(request& r, attempt_seen seen, bool has_thread) {
    claim held = std::move(r.held);
    look(held, seen);
    const auto percent = r.random() % 100;
    if (has_thread && percent < 50) {
      blocking_op<mark_step> mark;
      mark.note = "note";
      mark.run(held);
      seen.is_marked = mark.is_done();
      look(held, seen);
    }
    const bool overruns = has_thread && percent % 10 == 0;
    if (overruns) overrun(r, held, seen);
    for (unsigned i = r.random() % 8; i > 0; --i) {
      std::this_thread::yield();
      look(held, seen);
    }
    const auto end = overruns ? r.random() % 50 : r.random() % 100;
    if (end < 20) {
      seen.body = r.id + " under " + std::to_string(seen.fence);
      if (has_thread) {
        blocking_op<complete_step> step;
        step.body = std::as_bytes(std::span(seen.body));
        step.run(held);
        return completed(r.key_of, std::move(seen), step);
      }
      ++in_flight_;
      auto* const step = new complete_and_go(*this, r.key_of, std::move(seen));
      if (std::move(held).complete(*step)) step->done();
      return;
    }
    seen.is_abandoned = end >= 85;
    seen_.add(r.key_of, std::move(seen));
    if (end < 50) {
      std::move(held).release();
    } else if (end < 85 && has_thread) {
      blocking_op<release_step> step;
      step.run(held);
    } else if (end < 85) {
      std::move(held).release();
    }
  }

  // Holds it beyond its lease, or beyond that which a renewal gave.
  void overrun(request& r, const claim& held, attempt_seen& seen) {
    const auto from = seen.began + (r.random() % 2 == 0 ? 0ms : 150ms);
    bool is_starved = false;
    while (held.holds()) {
      look(held, seen);
      if (!is_starved && clock::now() >= from) records_.starve(r.key, is_starved = true);
      std::this_thread::sleep_for(1ms);
    }
    // Whoever may run now does it beside this one.
    for (int i = 0; i < 30; ++i) {
      look(held, seen);
      std::this_thread::sleep_for(1ms);
    }
    if (is_starved) records_.starve(r.key, false);
  }

  void completed(std::uint64_t key, attempt_seen seen, const complete_step& step) {
    if (step.is_done()) seen.stored = clock::now();
    seen_.add(key, std::move(seen));
  }

  // After all: what was acknowledged is there, for every request.
  void look_at_all() {
    const auto of = *make_engine(*memory_, *timers_[0], {.wait = 0ms});
    for (const auto& [key, all] : std::map(seen_.keys())) {
      const bool is_stored = std::ranges::any_of(
          all.attempts, [](const auto& a) { return a.stored != clock::time_point::max(); });
      for (const std::uint64_t fingerprint : {1u, 2u}) {
        const request at(*this, key, fingerprint, 1, 1, true);
        blocking_op<begin_op> last;
        last.key = at.key;
        last.fingerprint = at.fingerprint;
        last.scope = at.scope;
        last.request_id = "last";
        last.run(*of);
        if (last.status == begin_status::replay) {
          seen_.add(key, replay_seen{fingerprint, text_of(last)});
        } else if (last.status == begin_status::tombstone) {
          seen_.add_tombstone(key);
        } else {
          EXPECT_FALSE(is_stored && last.status != begin_status::conflict)
              << "key " << key << " was stored, and is gone";
        }
      }
    }
  }

  const plan by_;
  const std::unique_ptr<memory_store> memory_ = *make_memory_store();
  unruly_store records_;
  const std::array<std::unique_ptr<timer>, 2> timers_ = {*make_thread_timer(),
                                                         *make_thread_timer()};
  counting_observer events_;
  history seen_;
  std::atomic<std::uint64_t> asked_ = 0;
  std::atomic<std::uint64_t> answered_ = 0;
  std::atomic<std::uint64_t> proceeded_ = 0;
  std::atomic<std::uint64_t> replayed_ = 0;
  std::atomic<std::size_t> in_flight_ = 0;
  std::array<std::unique_ptr<engine>, 3> engines_;
};

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// PARLEY_ENGINE_SECONDS: for how long, at least; PARLEY_ENGINE_SEED: from which seed on.
TEST(EngineThreads, KeepThePromises) {
  const auto until = clock::now() + std::chrono::seconds(number_of("PARLEY_ENGINE_SECONDS", 0));
  const std::uint64_t first = number_of("PARLEY_ENGINE_SEED", 0);
  for (std::uint64_t seed = first; seed < first + 3 || clock::now() < until; ++seed) {
    SCOPED_TRACE(testing::Message() << "PARLEY_ENGINE_SEED=" << seed);
    plan by = {.seed = seed, .drains_early = seed % 5 == 4};
    if (seed % 3 == 1) {  // many keys
      by.keys = 64;
      by.requests_per_key = 6;
    }
    if (seed % 3 == 2) {  // one at a time
      by.keys = 1;
      by.requests_per_key = 100;
    }
    Round round(by);
    round.run();
    if (HasFailure() || until > clock::now()) {
      std::cout << "seed " << seed << ": " << round.summary() << '\n';
    }
    if (HasFailure()) return;
  }
}

struct crowd_case {
  const char* name;
  mischief mix;
};

class EngineCrowd : public testing::TestWithParam<crowd_case> {};

TEST_P(EngineCrowd, RunsOnceForTwoHundredThreads) {
  constexpr unsigned size = 200;
  const auto memory = *make_memory_store();
  unruly_store records(*memory, GetParam().mix, 1);
  const auto when = *make_thread_timer();
  const auto of = *make_engine(records, *when, {.wait = 10min});
  std::atomic<unsigned> begun = 0;
  std::atomic<unsigned> runs = 0;
  std::atomic<unsigned> replays = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < size; ++i) {
    threads.emplace_back([&, id = std::to_string(i)] {
      blocking_op<begin_op> begin;
      begin.key = ops::named<digest>(1);
      begin.request_id = id;
      ++begun;
      begin.run(*of);
      if (begin.status == begin_status::replay) {
        replays += text_of(begin) == "the only one" ? 1 : 0;
        return;
      }
      if (begin.status != begin_status::proceed) return;
      ++runs;
      while (begun != size) std::this_thread::yield();
      blocking_op<complete_step> step;
      const std::string_view text = "the only one";
      step.body = std::as_bytes(std::span(text));
      step.run(begin.held);
      EXPECT_TRUE(step.is_done());
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(runs, 1u);
  EXPECT_EQ(replays, size - 1);
  EXPECT_TRUE(of->drain(60s));
}

INSTANTIATE_TEST_SUITE_P(, EngineCrowd,
                         testing::Values(crowd_case{"Inline", {}},
                                         crowd_case{"Late", {.late = 100}}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::idempotency
