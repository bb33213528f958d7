// SPDX-License-Identifier: Apache-2.0
//
// The store's I/O: one connection, and the operations that wait, are under way or are to be sent
// again. All of it runs on one executor; callers only put operations into an inbox, under a lock.

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/ring.hpp"
#include "idempotency_redis/server.hpp"
#include "idempotency_redis/transport.hpp"
#include "idempotency_redis/url.hpp"
#include "parley/idempotency_redis/asio.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {
namespace {

namespace asio = boost::asio;
using idempotency::store_errc;
using idempotency::store_failure;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using error_code = boost::system::error_code;

// An operation from its start to its end, and then until the reply comes that nobody waits for.
struct slot {
  operation what;
  clock::time_point started;
  std::size_t bytes = 0;     // of its response
  bool was_sent = false;     // ever
  bool in_flight = false;    // on the present connection, or answered there and held for WAIT
  bool is_canceled = false;  // guarded by the lock
  // Neighbours among those that have not ended, in the order of their start. Of a slot in the inbox
  // or a free one only `after`.
  slot* before = nullptr;
  slot* after = nullptr;
};

// Memory for the one wake-up that is under way, so that none is allocated for it.
class wake_memory {
 public:
  void* take(std::size_t size) {
    if (size <= sizeof bytes_ && !is_taken_.exchange(true, std::memory_order_acquire)) {
      return bytes_;
    }
    return ::operator new(size);
  }
  void give(void* memory) noexcept {
    if (memory == bytes_) {
      is_taken_.store(false, std::memory_order_release);
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[256];
  std::atomic<bool> is_taken_ = false;
};

template <class T>
struct wake_allocator {
  using value_type = T;
  explicit wake_allocator(wake_memory& of) noexcept : memory(&of) {}
  template <class Other>
  wake_allocator(const wake_allocator<Other>& other) noexcept : memory(other.memory) {}
  T* allocate(std::size_t count) { return static_cast<T*>(memory->take(count * sizeof(T))); }
  void deallocate(T* pointer, std::size_t) noexcept { memory->give(pointer); }
  template <class Other>
  friend bool operator==(const wake_allocator& a, const wake_allocator<Other>& b) noexcept {
    return a.memory == b.memory;
  }
  wake_memory* memory;
};

class client final : public std::enable_shared_from_this<client> {
 public:
  // `own`: the context of the store's own thread, whose executor `executor` is; else null.
  client(asio::any_io_executor executor, asio::io_context* own, redis_store_options options,
         endpoint server, std::shared_ptr<asio::ssl::context> tls)
      : options_(std::move(options)),
        server_(std::move(server)),
        tls_(std::move(tls)),
        executor_(std::move(executor)),
        own_(own),
        timer_(executor_),
        connect_timer_(executor_),
        random_(std::random_device()()) {
    context_.key_prefix = options_.key_prefix;
    context_.waits = options_.wait_replicas > 0;
  }

  void start() {
    asio::post(executor_, [self = shared_from_this()] { self->run([&] { self->connect(); }); });
  }

  // From any thread. True: it ended at once.
  template <class Op>
  bool submit(operation_kind kind, Op& op, std::size_t bytes) noexcept {
    const clock::time_point now = clock::now();
    bool wakes = false;
    {
      const std::lock_guard lock(mutex_);
      op.store_data[0] = nullptr;
      if (const auto refused = admit(bytes)) {
        refuse(op, *refused);
        return true;
      }
      slot* const made = take_free();
      if (made == nullptr) {
        refuse(op, {.why = store_errc::out_of_memory, .is_retryable = true});
        return true;
      }
      made->what.begin(kind, op);
      made->started = now;
      made->bytes = bytes;
      made->was_sent = made->in_flight = made->is_canceled = false;
      made->before = made->after = nullptr;
      op.store_data[0] = made;
      ++stats_.pending;
      pending_bytes_ += bytes;
      (inbox_last_ == nullptr ? inbox_ : inbox_last_->after) = made;
      inbox_last_ = made;
      wakes = !std::exchange(is_awake_, true);
    }
    if (wakes) wake();
    return false;
  }

  void cancel(idempotency::op_base& op) noexcept {
    bool wakes = false;
    {
      const std::lock_guard lock(mutex_);
      auto* const found = static_cast<slot*>(op.store_data[0]);
      if (found == nullptr) return;  // done() runs or has run
      found->is_canceled = true;
      has_canceled_ = true;
      wakes = !std::exchange(is_awake_, true);
    }
    if (wakes) wake();
  }

  void shutdown() noexcept {
    bool wakes = false;
    {
      const std::lock_guard lock(mutex_);
      is_shut_down_ = true;
      wakes = !std::exchange(is_awake_, true);
    }
    if (wakes) wake();
  }

  bool ready() const noexcept { return is_ready_.load(std::memory_order_acquire); }

  redis_store_stats stats() const noexcept {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  // What a reply is the answer of.
  enum class asked : std::uint8_t { operation, wait, auth, select, info };
  struct expected {
    asked what = asked::operation;
    slot* of = nullptr;
    clock::time_point sent;
  };

  // One connection, from the attempt to its end. What is left of an old one comes to nothing.
  struct link final : reply_sink {
    explicit link(client& to)
        : owner(to), bytes(to.executor_, to.tls_), reader(*this, to.options_.reply_bytes_max) {}
    void on_reply(const reply& r) noexcept override { owner.on_reply(*this, r); }

    // To be dropped for it, when the batch is through. The first reason stands.
    void give_up(disconnect_reason why, std::string_view what) noexcept {
      if (failed) return;
      failed = why;
      try {
        failed_text = what;
      } catch (const std::bad_alloc&) {
      }
    }

    client& owner;
    transport bytes;
    reply_reader reader;
    std::array<char, std::size_t{16} << 10> input;
    std::string output;   // to be written
    std::string writing;  // being written
    ring<expected> in_flight;
    ring<slot*> held;           // answered, and held until the replicas have it
    bool is_connected = false;  // the transport is
    bool is_ready = false;      // and the server was found fit
    bool is_writing = false;
    bool needs_wait = false;  // what was written since the last WAIT may change records
    std::optional<disconnect_reason> failed;
    std::string failed_text;
  };

  // ---- From any thread, under the lock.

  std::optional<store_failure> admit(std::size_t bytes) const noexcept {
    if (is_shut_down_) return store_failure{.why = store_errc::shut_down};
    const bool has_room =
        stats_.pending + orphans_ < options_.pending_max &&
        (pending_bytes_ == 0 || pending_bytes_ + bytes <= options_.pending_bytes_max);
    if (has_room) return std::nullopt;
    return store_failure{
        .why = store_errc::busy, .is_retryable = true, .retry_after = milliseconds(100)};
  }

  slot* take_free() noexcept {
    if (slot* const made = free_; made != nullptr) {
      free_ = made->after;
      return made;
    }
    try {
      return &slots_.emplace_back();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  void give_back(slot& unused) noexcept {
    unused.after = free_;
    free_ = &unused;
  }

  static void refuse(idempotency::claim_op& op, const store_failure& why) noexcept {
    op.status = idempotency::claim_status::failed;
    op.failure = why;
  }
  static void refuse(idempotency::write_op& op, const store_failure& why) noexcept {
    op.status = idempotency::write_status::failed;
    op.failure = why;
  }

  // ---- From any thread.

  struct woken {
    using allocator_type = wake_allocator<char>;
    allocator_type get_allocator() const noexcept { return allocator; }
    void operator()() const {
      self->run([] {});
    }
    std::shared_ptr<client> self;
    allocator_type allocator;
  };

  void wake() noexcept {
    try {
      woken handler{shared_from_this(), wake_allocator<char>(wake_memory_)};
      if (own_ != nullptr) {
        asio::post(own_->get_executor(), std::move(handler));
      } else {
        asio::post(executor_, std::move(handler));
      }
    } catch (...) {
      end_inbox();
    }
  }

  // There is no memory to wake anybody: what waits for it ends here.
  void end_inbox() noexcept {
    slot* taken = nullptr;
    {
      const std::lock_guard lock(mutex_);
      taken = std::exchange(inbox_, nullptr);
      inbox_last_ = nullptr;
      is_awake_ = false;
    }
    while (taken != nullptr) {
      slot& each = *std::exchange(taken, taken->after);
      idempotency::op_base* const op = each.what.op();
      each.what.fail({.why = store_errc::out_of_memory, .is_retryable = true});
      {
        const std::lock_guard lock(mutex_);
        forget(each);
        give_back(each);
      }
      op->done();
    }
  }

  // Under the lock.
  void forget(slot& ended) noexcept {
    ended.what.op()->store_data[0] = nullptr;
    ended.what.forget();
    --stats_.pending;
    pending_bytes_ -= ended.bytes;
  }

  // ---- On the executor.

  // Runs `what`, then all that callers have put in meanwhile: nobody needs to wake us for that.
  template <class What>
  void run(What&& what) noexcept {
    {
      const std::lock_guard lock(mutex_);
      is_awake_ = true;
    }
    now_ = clock::now();
    try {
      what();
    } catch (...) {  // no memory to begin the next step
      if (link_) link_->give_up(disconnect_reason::closed, "out of memory");
    }
    while (take_inbox()) {
    }
    finish_batch();
  }

  bool take_inbox() noexcept {
    slot* taken = nullptr;
    bool has_canceled = false;
    bool ends = false;
    {
      const std::lock_guard lock(mutex_);
      taken = std::exchange(inbox_, nullptr);
      inbox_last_ = nullptr;
      has_canceled = std::exchange(has_canceled_, false);
      ends = is_shut_down_ && !has_ended_;
      if (taken == nullptr && !has_canceled && !ends) {
        is_awake_ = false;
        return false;
      }
    }
    while (taken != nullptr) {
      slot& each = *std::exchange(taken, taken->after);
      add_live(each);
      if (is_usable()) send(each);
    }
    if (has_canceled) end_canceled();
    if (ends) end_all();
    return true;
  }

  void finish_batch() noexcept {
    if (link_ && link_->failed) drop();
    try {
      flush();
      arm();
    } catch (...) {
      if (link_) {
        link_->give_up(disconnect_reason::closed, "out of memory");
        drop();
      }
    }
  }

  bool is_usable() const noexcept { return link_ && link_->is_ready && !link_->failed; }

  void add_live(slot& added) noexcept {
    added.before = live_last_;
    added.after = nullptr;
    (live_last_ == nullptr ? live_ : live_last_->after) = &added;
    live_last_ = &added;
  }

  void remove_live(slot& gone) noexcept {
    (gone.before == nullptr ? live_ : gone.before->after) = gone.after;
    (gone.after == nullptr ? live_last_ : gone.after->before) = gone.before;
  }

  // Its answer is in the op.
  void end(slot& ended) noexcept {
    idempotency::op_base* const op = ended.what.op();
    const bool is_unknown = ended.what.is_outcome_unknown();
    remove_live(ended);
    {
      const std::lock_guard lock(mutex_);
      if (is_unknown) ++stats_.unknown;
      forget(ended);
      if (ended.in_flight) {
        ++orphans_;
      } else {
        give_back(ended);
      }
    }
    if (is_unknown && options_.observer != nullptr) options_.observer->outcome_unknown();
    op->done();
  }

  // The reply of one that has ended is here, or will not come.
  void end_orphan(slot& orphan) noexcept {
    const std::lock_guard lock(mutex_);
    --orphans_;
    give_back(orphan);
  }

  void fail(slot& failed, store_errc why, bool is_retryable) noexcept {
    failed.what.fail(
        {.why = why, .is_retryable = is_retryable, .is_outcome_known = !failed.was_sent});
    end(failed);
  }

  void end_canceled() noexcept {
    for (slot* each = live_; each != nullptr;) {
      slot* const next = each->after;
      bool is_canceled = false;
      {
        const std::lock_guard lock(mutex_);
        is_canceled = each->is_canceled;
      }
      if (is_canceled) fail(*each, store_errc::canceled, false);
      each = next;
    }
  }

  void end_all() noexcept {
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
    }
    while (live_ != nullptr) fail(*live_, store_errc::shut_down, false);
    if (link_) link_->give_up(disconnect_reason::shut_down, "shut down");
    drop();
    timer_.cancel();
    connect_timer_.cancel();
  }

  // -- Operations on a connection

  void send(slot& next) noexcept {
    link& to = *link_;
    const std::size_t before = to.output.size();
    try {
      to.in_flight.reserve_one();
      next.what.write_command(context_, to.output);
    } catch (const std::bad_alloc&) {
      to.output.resize(before);
      fail(next, store_errc::out_of_memory, true);
      return;
    }
    next.was_sent = true;
    next.in_flight = true;
    to.needs_wait = to.needs_wait || next.what.writes();
    to.in_flight.push_back({asked::operation, &next, now_});
  }

  void on_reply(link& from, const reply& r) noexcept {
    if (from.failed) return;
    if (from.in_flight.empty()) {
      from.give_up(disconnect_reason::protocol, "a reply to nothing");
      return;
    }
    const expected front = from.in_flight.front();
    from.in_flight.pop_front();
    switch (front.what) {
      case asked::operation: on_answer(from, *front.of, r); return;
      case asked::wait: on_replicated(from, r); return;
      case asked::auth:
      case asked::select:
        if (r.what == reply::kind::error) {
          from.give_up(disconnect_reason::auth, error_word(r.text));
        }
        return;
      case asked::info: on_info(from, r); return;
    }
  }

  void on_answer(link& from, slot& of, const reply& r) noexcept {
    if (of.what.op() == nullptr) {
      end_orphan(of);
      return;
    }
    const operation::next next = of.what.on_reply(r, context_);
    if (!of.what.unexpected().empty() && options_.observer != nullptr) {
      options_.observer->refused(of.what.unexpected());
    }
    switch (next) {
      case operation::next::send:
        of.in_flight = false;
        send(of);
        return;
      case operation::next::finished:
        if (context_.waits && of.what.is_acknowledged() && hold(from, of)) return;
        of.in_flight = false;
        end(of);
        return;
      case operation::next::reconnect:
        of.in_flight = false;
        of.what.send_again();
        from.give_up(disconnect_reason::refused, "the server takes no writes");
        return;
    }
  }

  static bool hold(link& from, slot& of) noexcept {
    try {
      from.held.push_back(&of);
      return true;
    } catch (const std::bad_alloc&) {
      of.what.fail(
          {.why = store_errc::out_of_memory, .is_retryable = true, .is_outcome_known = false});
      return false;
    }
  }

  // The reply of a WAIT: of all that was answered before it.
  void on_replicated(link& from, const reply& r) noexcept {
    const bool is_enough = r.what == reply::kind::integer && r.integer >= 0 &&
                           static_cast<std::uint64_t>(r.integer) >= options_.wait_replicas;
    while (!from.held.empty()) {
      slot& each = *from.held.front();
      from.held.pop_front();
      if (each.what.op() == nullptr) {
        end_orphan(each);
        continue;
      }
      each.in_flight = false;
      if (is_enough) {
        end(each);
      } else {
        fail(each, store_errc::unavailable, true);
      }
    }
  }

  void flush() {
    if (!link_ || !link_->is_connected || link_->is_writing || link_->output.empty()) return;
    link& to = *link_;
    if (context_.waits && to.needs_wait) {
      to.in_flight.reserve_one();
      command(to.output, 3)
          .word("WAIT")
          .word(options_.wait_replicas)
          .word(static_cast<std::uint64_t>(options_.wait_timeout.count()));
      to.in_flight.push_back({asked::wait, nullptr, now_});
      to.needs_wait = false;
    }
    std::swap(to.output, to.writing);
    to.is_writing = true;
    to.bytes.write(asio::buffer(to.writing),
                   [self = shared_from_this(), of = link_](error_code error, std::size_t) {
                     self->run([&] { self->on_written(*of, error); });
                   });
  }

  void on_written(link& of, error_code error) {
    of.is_writing = false;
    // A large response should not keep its memory for the life of the connection.
    constexpr std::size_t kept_bytes = std::size_t{1} << 20;
    if (of.writing.capacity() > kept_bytes) of.writing = std::string();
    of.writing.clear();
    if (error && &of == link_.get()) of.give_up(disconnect_reason::closed, error.message());
  }

  void read() {
    link_->bytes.read_some(asio::buffer(link_->input), [self = shared_from_this(), of = link_](
                                                           error_code error, std::size_t size) {
      self->run([&] { self->on_read(*of, error, size); });
    });
  }

  void on_read(link& of, error_code error, std::size_t size) {
    if (&of != link_.get() || of.failed) return;
    if (error) {
      of.give_up(disconnect_reason::closed, error.message());
      return;
    }
    switch (of.reader.feed({of.input.data(), size})) {
      case reply_reader::status::ok: break;
      case reply_reader::status::protocol:
        of.give_up(disconnect_reason::protocol, "what came is not Redis");
        break;
      case reply_reader::status::too_large:
        of.give_up(disconnect_reason::protocol, "a reply above reply_bytes_max");
        break;
      case reply_reader::status::out_of_memory:
        of.give_up(disconnect_reason::closed, "out of memory");
        break;
    }
    if (!of.failed) read();
  }

  // -- Connections

  void connect() {
    if (has_ended_) return;
    link_ = std::make_shared<link>(*this);
    connect_timer_.expires_after(options_.connect_timeout);
    connect_timer_.async_wait([self = shared_from_this(), of = link_](error_code error) {
      if (error || of != self->link_ || of->is_ready) return;
      self->run([&] { of->give_up(disconnect_reason::connect, "not in time"); });
    });
    const std::string& name =
        options_.tls.server_name.empty() ? server_.host : options_.tls.server_name;
    link_->bytes.connect(
        server_, name, link_,
        [weak = weak_from_this(), of = link_.get()](error_code error, disconnect_reason step) {
          const auto self = weak.lock();
          if (!self || self->link_.get() != of) return;
          self->run([&] {
            if (error) {
              of->give_up(step, error.message());
            } else {
              self->on_connected();
            }
          });
        });
  }

  void on_connected() {
    link& to = *link_;
    to.is_connected = true;
    const std::string& user = options_.user.empty() ? server_.user : options_.user;
    const std::string& password = options_.password.empty() ? server_.password : options_.password;
    if (!password.empty()) {
      command made(to.output, user.empty() ? 2 : 3);
      made.word("AUTH");
      if (!user.empty()) made.word(user);
      made.word(password);
      to.in_flight.push_back({asked::auth, nullptr, now_});
    }
    if (server_.database != 0) {
      command(to.output, 2).word("SELECT").word(server_.database);
      to.in_flight.push_back({asked::select, nullptr, now_});
    }
    command(to.output, 1).word("INFO");
    to.in_flight.push_back({asked::info, nullptr, now_});
    read();
  }

  void on_info(link& from, const reply& r) noexcept {
    const bool is_error = r.what == reply::kind::error;
    if (is_error && (error_word(r.text) == "NOAUTH" || error_word(r.text) == "WRONGPASS")) {
      from.give_up(disconnect_reason::auth, error_word(r.text));
      return;
    }
    if (!is_error && r.what != reply::kind::bulk) {
      from.give_up(disconnect_reason::protocol, "what came is not the reply to INFO");
      return;
    }
    try {
      for (const judged_finding& each : judge(parse_info(is_error ? "" : r.text), options_)) {
        // What was found in order before is not stopped by a setting that somebody changed; but a
        // server that cannot do the work is of no use.
        const bool is_hard = each.what == finding::too_old || each.what == finding::is_replica;
        const on_finding action = each.action == on_finding::refuse && was_ready_ && !is_hard
                                      ? on_finding::warn
                                      : each.action;
        if (options_.observer != nullptr) options_.observer->found(each.what, action);
        if (action == on_finding::refuse) {
          from.give_up(disconnect_reason::refused, to_string(each.what));
        }
      }
    } catch (const std::bad_alloc&) {
      from.give_up(disconnect_reason::closed, "out of memory");
    }
    if (!from.failed) on_ready(from);
  }

  void on_ready(link& of) noexcept {
    of.is_ready = true;
    was_ready_ = true;
    failures_ = 0;
    connect_timer_.cancel();
    std::uint64_t resent = 0;
    for (slot* each = live_; each != nullptr;) {
      slot* const next = each->after;
      if (each->was_sent) ++resent;
      send(*each);
      each = next;
    }
    {
      const std::lock_guard lock(mutex_);
      ++stats_.connections;
      stats_.resent += resent;
    }
    is_ready_.store(true, std::memory_order_release);
    if (options_.observer != nullptr) options_.observer->connected();
  }

  // The connection is at its end. What was under way on it is sent again on the next.
  void drop() noexcept {
    if (!link_) return;
    const std::shared_ptr<link> old = std::exchange(link_, nullptr);
    is_ready_.store(false, std::memory_order_release);
    connect_timer_.cancel();
    old->bytes.close();
    for (; !old->in_flight.empty(); old->in_flight.pop_front()) {
      if (slot* const each = old->in_flight.front().of; each != nullptr) take_back(*each);
    }
    for (; !old->held.empty(); old->held.pop_front()) take_back(*old->held.front());
    if (old->is_ready) {
      const std::lock_guard lock(mutex_);
      ++stats_.disconnections;
    }
    if (options_.observer != nullptr) {
      options_.observer->disconnected(*old->failed, old->failed_text);
    }
    if (has_ended_) return;
    connect_timer_.expires_after(backoff());
    connect_timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->link_) self->run([&] { self->connect(); });
    });
  }

  void take_back(slot& of) noexcept {
    if (of.what.op() == nullptr) {
      end_orphan(of);
      return;
    }
    of.in_flight = false;
    of.what.send_again();
  }

  milliseconds backoff() noexcept {
    const milliseconds full =
        std::min(options_.reconnect_max, options_.reconnect_min * (std::int64_t{1} << failures_));
    failures_ = std::min(failures_ + 1, 20u);
    const auto half = static_cast<std::uint64_t>(full.count()) / 2;
    return full - milliseconds(static_cast<std::int64_t>(random_() % (half + 1)));
  }

  // -- Time

  // Ends what is over, and a connection that has fallen silent.
  void expire() noexcept {
    while (live_ != nullptr && live_->started + options_.operation_timeout <= now_) {
      fail(*live_, live_->was_sent ? store_errc::timed_out : store_errc::unavailable, true);
    }
    if (!is_usable()) {
      for (slot* each = live_; each != nullptr;) {
        slot* const next = each->after;
        if (!each->was_sent && each->started + options_.offline_timeout <= now_) {
          fail(*each, store_errc::unavailable, true);
        }
        each = next;
      }
    }
    if (link_ && !link_->in_flight.empty() &&
        link_->in_flight.front().sent + 2 * options_.operation_timeout <= now_) {
      link_->give_up(disconnect_reason::silence, "no reply");
    }
  }

  void arm() {
    const bool is_awaiting = link_ && !link_->in_flight.empty();
    if (has_ended_ || (live_ == nullptr && !is_awaiting)) return;
    constexpr milliseconds offline_step(25);
    clock::time_point when = clock::time_point::max();
    if (live_ != nullptr) {
      when = live_->started + options_.operation_timeout;
      if (!is_usable()) when = std::min(when, now_ + offline_step);
    }
    if (is_awaiting) {
      when = std::min(when, link_->in_flight.front().sent + 2 * options_.operation_timeout);
    }
    if (is_armed_ && armed_for_ <= when) return;
    armed_for_ = when;
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error) return;
      self->run([&] {
        self->is_armed_ = false;
        self->expire();
      });
    });
    is_armed_ = true;
  }

  const redis_store_options options_;
  const endpoint server_;
  const std::shared_ptr<asio::ssl::context> tls_;
  const asio::any_io_executor executor_;
  asio::io_context* const own_;
  wake_memory wake_memory_;
  std::atomic<bool> is_ready_ = false;

  mutable std::mutex mutex_;
  std::deque<slot> slots_;
  slot* free_ = nullptr;
  slot* inbox_ = nullptr;
  slot* inbox_last_ = nullptr;
  std::size_t pending_bytes_ = 0;
  std::size_t orphans_ = 0;  // slots that wait for a reply nobody wants
  bool is_awake_ = false;    // somebody will look into the inbox
  bool has_canceled_ = false;
  bool is_shut_down_ = false;
  bool has_ended_ = false;  // written under the lock on the executor, and read there without
  redis_store_stats stats_;

  // Of the executor alone.
  operation_context context_;
  std::shared_ptr<link> link_;
  slot* live_ = nullptr;
  slot* live_last_ = nullptr;
  clock::time_point now_;
  asio::steady_timer timer_;
  asio::steady_timer connect_timer_;
  bool is_armed_ = false;
  clock::time_point armed_for_;
  bool was_ready_ = false;
  unsigned failures_ = 0;
  std::minstd_rand random_;
};

class store_on_executor : public redis_store {
 public:
  explicit store_on_executor(std::shared_ptr<client> made) : client_(std::move(made)) {}
  ~store_on_executor() override { client_->shutdown(); }

  bool ready() const noexcept override { return client_->ready(); }
  redis_store_stats stats() const noexcept override { return client_->stats(); }

 private:
  bool do_claim(idempotency::claim_op& op) noexcept override {
    return client_->submit(operation_kind::claim, op, 0);
  }
  bool do_complete(idempotency::complete_op& op) noexcept override {
    return client_->submit(operation_kind::complete, op, op.response.bytes().size());
  }
  bool do_release(idempotency::release_op& op) noexcept override {
    return client_->submit(operation_kind::release, op, 0);
  }
  bool do_renew(idempotency::renew_op& op) noexcept override {
    return client_->submit(operation_kind::renew, op, 0);
  }
  bool do_mark(idempotency::mark_op& op) noexcept override {
    return client_->submit(operation_kind::mark, op, 0);
  }
  void do_cancel(idempotency::op_base& op) noexcept override { client_->cancel(op); }
  void do_shutdown() noexcept override { client_->shutdown(); }

  std::shared_ptr<client> client_;
};

// The thread, made before the store and ended after it.
class own_thread {
 public:
  own_thread() : work_(context_.get_executor()), thread_([this] { context_.run(); }) {}
  ~own_thread() {
    work_.reset();
    thread_.join();
  }
  asio::io_context& context() noexcept { return context_; }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

class store_with_thread final : own_thread, public store_on_executor {
 public:
  template <class Make>
  explicit store_with_thread(Make make) : own_thread(), store_on_executor(make(this->context())) {}
};

// What is wrong with the options; empty: nothing.
std::string_view fault_of(const redis_store_options& o) {
  constexpr milliseconds longest = std::chrono::hours(1);
  const auto is_time = [=](milliseconds t) { return t >= milliseconds(1) && t <= longest; };
  if (!is_time(o.operation_timeout)) return "operation_timeout is not 1 ms to 1 h";
  if (!is_time(o.offline_timeout)) return "offline_timeout is not 1 ms to 1 h";
  if (!is_time(o.connect_timeout)) return "connect_timeout is not 1 ms to 1 h";
  if (!is_time(o.reconnect_min) || !is_time(o.reconnect_max) || o.reconnect_min > o.reconnect_max) {
    return "reconnect_min and reconnect_max are not 1 ms to 1 h, in this order";
  }
  if (o.pending_max < 1 || o.pending_max > (std::size_t{1} << 20)) {
    return "pending_max is not 1 to 2^20";
  }
  if (o.pending_bytes_max < 1) return "pending_bytes_max is 0";
  if (o.reply_bytes_max < (std::size_t{64} << 10) || o.reply_bytes_max > (std::size_t{512} << 20)) {
    return "reply_bytes_max is not 64 KiB to 512 MiB";
  }
  if (o.wait_replicas > 100) return "wait_replicas is above 100";
  if (!is_time(o.wait_timeout) || o.wait_timeout > o.operation_timeout) {
    return "wait_timeout is not 1 ms to operation_timeout";
  }
  if (o.key_prefix.size() > 128) return "key_prefix is longer than 128 bytes";
  if (std::ranges::any_of(o.key_prefix, [](char c) { return c <= 0x20 || c == 0x7f; })) {
    return "key_prefix has a blank, a control character or a byte that is not ASCII";
  }
  if (!o.user.empty() && o.password.empty()) return "user is given without a password";
  return {};
}

struct checked_options {
  endpoint server;
  std::shared_ptr<asio::ssl::context> tls;
};

result<checked_options, std::string> check(const redis_store_options& options) {
  if (const std::string_view fault = fault_of(options); !fault.empty()) {
    return failure{std::string(fault)};
  }
  auto server = parse_url(options.url);
  if (!server) return failure{server.error()};
  auto tls = make_tls_context(*server, options.tls);
  if (!tls) return failure{tls.error()};
  return checked_options{std::move(*server), std::move(*tls)};
}

}  // namespace

result<std::unique_ptr<redis_store>, std::string> make_redis_store(redis_store_options options) {
  auto checked = check(options);
  if (!checked) return failure{checked.error()};
  return std::unique_ptr<redis_store>(
      std::make_unique<store_with_thread>([&](asio::io_context& context) {
        auto made = std::make_shared<client>(context.get_executor(), &context, std::move(options),
                                             std::move(checked->server), std::move(checked->tls));
        made->start();
        return made;
      }));
}

result<std::unique_ptr<redis_store>, std::string> make_redis_store(asio::any_io_executor executor,
                                                                   redis_store_options options) {
  auto checked = check(options);
  if (!checked) return failure{checked.error()};
  auto made =
      std::make_shared<client>(asio::make_strand(std::move(executor)), nullptr, std::move(options),
                               std::move(checked->server), std::move(checked->tls));
  made->start();
  return std::unique_ptr<redis_store>(std::make_unique<store_on_executor>(std::move(made)));
}

}  // namespace parley::idempotency_redis
