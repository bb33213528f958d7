// SPDX-License-Identifier: Apache-2.0
//
// What the engine keeps: attempts that run in this process, and requests that wait for one. Both
// lie in shards by their key, each with a lock and one timer. Stores, observers and done() are
// called without a lock.

#ifndef PARLEY_LIB_IDEMPOTENCY_ENGINE_IMPL_HPP
#define PARLEY_LIB_IDEMPOTENCY_ENGINE_IMPL_HPP

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <variant>

#include "idempotency/attempt_machine.hpp"
#include "idempotency/timed_heap.hpp"
#include "parley/idempotency/engine.hpp"

namespace parley::idempotency {

using lock = std::unique_lock<std::mutex>;
using milliseconds = std::chrono::milliseconds;

// The first byte of what is stored; the rest is the caller's.
enum class stored_kind : std::uint8_t {
  response = 1,
  oversized,  // a tombstone: the response is above response_bytes_max
  unstored,   // a tombstone: the store would not take the response
};

struct shard;

/// An attempt of this process. Under its shard's lock, but for what does not change while it runs.
class attempt : public timed_node {
 public:
  attempt(engine_impl& of, shard& in, attempt_machine started)
      : e(of), home(in), machine(started) {}

  /// Carries out what the machine wants, and lets go of one of the `users`. Called with the lock,
  /// returns without.
  void run(lock& held, class outbox& out, steady_time now) noexcept;
  /// The operation that was sent has been answered; the store's call counts as a user.
  void answered() noexcept;
  /// What was sent.
  op_base* op() noexcept;

  engine_impl& e;
  shard& home;
  digest key;
  digest fingerprint;
  digest scope;
  idempotency::nonce nonce;
  std::uint64_t fence = 0;
  bounded_text<operation_id_bytes_max> operation_id;
  bounded_text<operation_id_bytes_max> request_id;

  attempt_machine machine;
  response_ref response;  // to be stored; then null where the store has another
  mark_step* marking = nullptr;
  step* ending = nullptr;
  steady_time answer_by = steady_time::max();  // of `ending`
  unsigned given_up_in = 0;                    // a round of drains; 0: in none
  unsigned users = 0;  // the claim, and everybody who runs it or waits for the store
  bool has_claim = false;
  bool is_listed = false;
  bool is_loss_told = false;

  // The shard's list of attempts with this hash.
  attempt* next_attempt = nullptr;
  attempt** link = nullptr;

 private:
  template <class Op>
  class sent final : public Op {
   public:
    explicit sent(attempt& of) noexcept : of_(of) {}
    void done() noexcept override { of_.answered(); }

   private:
    attempt& of_;
  };

  bool send(holder_step kind, steady_time now, lock& held) noexcept;
  void settle(outbox& out) noexcept;
  void settle_marking(write_status status, const store_failure& failure, outbox& out) noexcept;
  void settle_ending(write_status status, const store_failure& failure, outbox& out) noexcept;
  void schedule() noexcept;

  std::variant<std::monostate, sent<mark_op>, sent<renew_op>, sent<complete_op>, sent<release_op>>
      op_;
};

/// Requests that wait for the same request. Its time is that of the next look at the store.
struct waiting : timed_node {
  digest key;
  digest fingerprint;
  begin_op* first = nullptr;
  begin_op* last = nullptr;
  std::size_t size = 0;
  begin_op* prober = nullptr;  // whose claim is with the store
  bool probe_again = false;    // something happened since
  milliseconds backoff{0};
};

struct digest_hash {
  std::size_t operator()(const digest& d) const noexcept {
    std::size_t word = 0;
    std::memcpy(&word, d.bytes.data(), sizeof(word));
    return word;
  }
};

struct alignas(64) shard final : timer_op {
  void expired() noexcept override;

  engine_impl* e = nullptr;
  std::mutex mutex;
  std::array<attempt*, 64> attempts{};
  std::unordered_multimap<digest, waiting, digest_hash> queues;
  timed_heap attempt_times;
  timed_heap waiter_times;
  timed_heap poll_times;
  steady_time armed_for = steady_time::max();
  unsigned sweeps = 0;
  bool is_armed = false;
  bool is_closing = false;
  std::condition_variable calm;
  std::atomic<std::size_t> living = 0;  // attempts
};

/// What is to be told and called when no lock is held.
class outbox {
 public:
  explicit outbox(engine_impl& e) noexcept;
  outbox(const outbox&) = delete;
  outbox& operator=(const outbox&) = delete;

  /// The caller's own: marked instead of called.
  step* own_step = nullptr;
  begin_op* own_begin = nullptr;
  bool own_done = false;

  void add(step& s) noexcept {
    if (&s == own_step) {
      own_done = true;
    } else {
      steps_[steps_size_++] = &s;
    }
  }
  void add(event_kind kind) noexcept {
    if (is_observed_) events_[events_size_++] = kind;
  }
  void add(const store_failure& failure) noexcept {
    failure_ = failure;
    add(event_kind::store_failure);
  }
  /// Not linked to any other.
  void add(begin_op& op) noexcept;

  bool is_empty() const noexcept {
    return steps_size_ == 0 && events_size_ == 0 && first_ == nullptr;
  }
  /// Events that are about `of`, and all the rest. Without a lock.
  void flush(const attempt* of) noexcept;

 private:
  engine_impl& e_;
  const bool is_observed_;
  // Between two flushes an attempt is answered at most once, and ends at most once.
  std::array<step*, 4> steps_;
  std::array<event_kind, 4> events_;
  store_failure failure_;
  std::size_t steps_size_ = 0;
  std::size_t events_size_ = 0;
  begin_op* first_ = nullptr;
  begin_op* last_ = nullptr;
};

class engine_impl {
 public:
  engine_impl(store& records, timer& when, engine_options options);
  ~engine_impl();

  bool begin(begin_op& op) noexcept;
  bool drain(milliseconds deadline) noexcept;

  /// The claim of `op` was answered. What it gives back is to be sent next.
  begin_op* answered(begin_op& op, outbox& out) noexcept;
  /// Sends the claim of `op`, and what comes of it. True: it was answered at once.
  bool send(begin_op* op, outbox& out) noexcept;
  void sweep(shard& s) noexcept;
  /// `a` has ended: tells those who wait for it. Gives what is to be sent next.
  begin_op* wake_waiting(attempt& a, outbox& out) noexcept;
  void list(attempt& a) noexcept;
  void unlist(attempt& a) noexcept;
  void arm(shard& s) noexcept;
  void destroy(attempt& a) noexcept;
  void tell(const event& e) const noexcept {
    if (options.observer != nullptr) options.observer->on_event(e);
  }
  void tell_begun(const begin_op& op) const noexcept;
  std::uint64_t unix_ms(steady_time now) const noexcept;

  store& records;
  timer& clock;
  const engine_options options;
  const milliseconds margin;
  const response_ref oversized;
  const response_ref unstored;

 private:
  using queue_iterator = std::unordered_multimap<digest, waiting, digest_hash>::iterator;
  friend class outbox;

  shard& shard_of(const digest& key) noexcept {
    return shards_[std::to_integer<std::size_t>(key.bytes[15]) % shards_.size()];
  }
  bool renew_nonce(begin_op& op, steady_time now) noexcept;
  static void count_try(begin_op& op) noexcept;
  begin_op* answered_waiting(begin_op& op, outbox& out) noexcept;
  begin_op* start_waiting(begin_op& op, outbox& out) noexcept;
  void take_up(begin_op& op, lock& held, outbox& out) noexcept;
  void surrender(const begin_op& op) noexcept;
  bool holds(const begin_op& op) const noexcept;
  std::unique_ptr<attempt> make_attempt(const begin_op& op, shard& in) const noexcept;
  void read_response(begin_op& op) const noexcept;
  bool has_local(const shard& s, const digest& key) const noexcept;
  static queue_iterator find_queue(shard& s, const digest& key, const digest& fingerprint) noexcept;
  void unlink(shard& s, queue_iterator queue, begin_op& op) noexcept;
  void finish_all(shard& s, queue_iterator queue, const begin_op* except, outbox& out,
                  void (*answer)(begin_op& op, const void* from), const void* from) noexcept;
  begin_op* probe(waiting& queue, steady_time now) noexcept;
  void poll_later(shard& s, waiting& queue, steady_time when) noexcept;
  std::size_t living() const noexcept;
  void give_up_background() noexcept;
  static attempt* find_background(shard& s, unsigned round) noexcept;

  const milliseconds unix_offset_;
  std::atomic<std::size_t> waiters_ = 0;
  std::atomic<unsigned> rounds_ = 0;
  std::atomic<bool> is_draining_ = false;
  std::mutex drain_mutex_;
  std::condition_variable drained_;
  std::array<shard, 32> shards_;
};

}  // namespace parley::idempotency

#endif  // PARLEY_LIB_IDEMPOTENCY_ENGINE_IMPL_HPP
