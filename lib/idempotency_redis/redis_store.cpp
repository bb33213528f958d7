// SPDX-License-Identifier: Apache-2.0
//
// The store's rim: operations come in from any thread, under a lock, and bytes go in and out by
// Asio. What is done with them, the dispatcher decides, on one executor.

#include <array>
#include <atomic>
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

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "idempotency_redis/channel.hpp"
#include "idempotency_redis/dispatcher.hpp"
#include "idempotency_redis/limits.hpp"
#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/pending.hpp"
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

class client final : public std::enable_shared_from_this<client>, dispatcher_host, connector {
 public:
  // `own`: the context of the store's own thread, whose executor `executor` is; else null.
  client(asio::any_io_executor executor, asio::io_context* own, redis_store_options options,
         deployment where, std::shared_ptr<asio::ssl::context> tls)
      : options_(std::move(options)),
        server_(where.server),
        tls_(std::move(tls)),
        executor_(std::move(executor)),
        own_(own),
        timer_(executor_),
        sends_(options_, std::move(where), *this, *this, std::random_device()()) {}

  void start() {
    asio::post(executor_, [self = shared_from_this()] { self->run([] {}); });
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
      pending* const made = take_free();
      if (made == nullptr) {
        refuse(op, {.why = store_errc::out_of_memory, .is_retryable = true});
        return true;
      }
      made->what.begin(kind, op);
      made->started = now;
      made->bytes = bytes;
      made->is_canceled = false;
      made->after = nullptr;
      op.store_data[0] = made;
      ++pending_count_;
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
      auto* const found = static_cast<pending*>(op.store_data[0]);
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

  bool ready() const noexcept { return sends_.is_ready(); }

  redis_store_stats stats() const noexcept {
    redis_store_stats made = sends_.stats();
    const std::lock_guard lock(mutex_);
    made.pending = pending_count_;
    return made;
  }

 private:
  // ---- From any thread, under the lock.

  std::optional<store_failure> admit(std::size_t bytes) const noexcept {
    if (is_shut_down_) return store_failure{.why = store_errc::shut_down};
    const bool has_room =
        pending_count_ + orphans_ < options_.pending_max &&
        (pending_bytes_ == 0 || pending_bytes_ + bytes <= options_.pending_bytes_max);
    if (has_room) return std::nullopt;
    return store_failure{
        .why = store_errc::busy, .is_retryable = true, .retry_after = milliseconds(100)};
  }

  pending* take_free() noexcept {
    if (pending* const made = free_; made != nullptr) {
      free_ = made->after;
      return made;
    }
    try {
      return &all_.emplace_back();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  void give_back(pending& unused) noexcept {
    unused.after = free_;
    free_ = &unused;
  }

  void forget(pending& ended) noexcept {
    ended.what.op()->store_data[0] = nullptr;
    ended.what.forget();
    --pending_count_;
    pending_bytes_ -= ended.bytes;
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
    pending* taken = nullptr;
    {
      const std::lock_guard lock(mutex_);
      taken = std::exchange(inbox_, nullptr);
      inbox_last_ = nullptr;
      is_awake_ = false;
    }
    while (taken != nullptr) {
      pending& each = *std::exchange(taken, taken->after);
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

  // ---- On the executor.

  // Runs `what`, then all that callers have put in meanwhile: nobody needs to wake us for that.
  template <class What>
  void run(What&& what) noexcept {
    {
      const std::lock_guard lock(mutex_);
      is_awake_ = true;
    }
    sends_.set_now(clock::now());
    what();
    while (take_inbox()) {
    }
    sends_.settle();
    arm();
  }

  bool take_inbox() noexcept {
    pending* taken = nullptr;
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
    while (taken != nullptr) sends_.add(*std::exchange(taken, taken->after));
    if (has_canceled) {
      sends_.cancel([this](const pending& each) {
        const std::lock_guard lock(mutex_);
        return each.is_canceled;
      });
    }
    if (ends) {
      has_ended_ = true;
      sends_.end_all();
      timer_.cancel();
    }
    return true;
  }

  void ended(pending& of) noexcept override {
    idempotency::op_base* const op = of.what.op();
    {
      const std::lock_guard lock(mutex_);
      forget(of);
      if (of.in_flight) {
        ++orphans_;
      } else {
        give_back(of);
      }
    }
    op->done();
  }

  void unused(pending& of) noexcept override {
    const std::lock_guard lock(mutex_);
    --orphans_;
    give_back(of);
  }

  void arm() noexcept {
    const clock::time_point when = sends_.next();
    if (has_ended_ || when == clock::time_point::max()) return;
    if (is_armed_ && armed_for_ <= when) return;
    try {
      timer_.expires_at(when);
      timer_.async_wait([self = shared_from_this()](error_code error) {
        if (error) return;
        self->is_armed_ = false;
        self->run([] {});
      });
      armed_for_ = when;
      is_armed_ = true;
    } catch (...) {  // no memory: whatever happens next tries again
      is_armed_ = false;
    }
  }

  // ---- Connections

  // The I/O of one. What is left of it when nobody uses it any more comes to nothing. Handlers hold
  // it and the client, and it does not hold the client: what never runs is freed with its context.
  struct wire final : std::enable_shared_from_this<wire> {
    wire(client& of, channel_user& by) : owner(of), user(&by), bytes(of.executor_, of.tls_) {}

    void connect(const node_address& where) {
      endpoint to = owner.server_;
      to.host = where.host;
      to.port = where.port;
      const std::string& name = owner.options_.tls.server_name;
      bytes.connect(
          to, name.empty() ? where.host : name, shared_from_this(),
          [this, weak = owner.weak_from_this()](error_code error, disconnect_reason step) {
            const auto keep = weak.lock();
            if (!keep) return;
            tell([&] {
              if (error) {
                user->on_closed(step, error.message());
              } else {
                user->on_connected();
                read();
              }
            });
          });
    }

    void write(std::string& taken) {
      std::swap(taken, writing);
      try {
        bytes.write(
            asio::buffer(writing),
            [self = shared_from_this(), keep = owner.shared_from_this()](
                error_code error, std::size_t) { self->tell([&] { self->on_written(error); }); });
      } catch (...) {
        std::swap(taken, writing);
        throw;
      }
    }

    void on_written(error_code error) {
      // A large response should not keep its memory for the life of the connection.
      constexpr std::size_t kept_bytes = std::size_t{1} << 20;
      if (writing.capacity() > kept_bytes) writing = std::string();
      writing.clear();
      if (error) {
        user->on_closed(disconnect_reason::closed, error.message());
      } else {
        user->on_written();
      }
    }

    void read() {
      bytes.read_some(asio::buffer(input),
                      [self = shared_from_this(), keep = owner.shared_from_this()](
                          error_code error, std::size_t size) {
                        self->tell([&] { self->on_read(error, size); });
                      });
    }

    void on_read(error_code error, std::size_t size) {
      if (error) {
        user->on_closed(disconnect_reason::closed, error.message());
      } else {
        user->on_bytes({input.data(), size});
        read();
      }
    }

    template <class What>
    void tell(What&& what) noexcept {
      if (user == nullptr) return;
      owner.run([&] {
        try {
          what();
        } catch (...) {
          user->on_closed(disconnect_reason::closed, "out of memory");
        }
      });
    }

    client& owner;
    channel_user* user;  // null: there is none any more
    transport bytes;
    std::array<char, std::size_t{16} << 10> input;
    std::string writing;
  };

  class wire_channel final : public channel {
   public:
    explicit wire_channel(std::shared_ptr<wire> of) : wire_(std::move(of)) {}
    ~wire_channel() override {
      wire_->user = nullptr;
      wire_->bytes.close();
    }
    void write(std::string& bytes) override { wire_->write(bytes); }

   private:
    const std::shared_ptr<wire> wire_;
  };

  std::unique_ptr<channel> connect(const node_address& where, channel_user& user) override {
    auto made = std::make_shared<wire>(*this, user);
    auto end = std::make_unique<wire_channel>(made);
    made->connect(where);
    return end;
  }

  const redis_store_options options_;
  const endpoint server_;  // but for its host and port
  const std::shared_ptr<asio::ssl::context> tls_;
  const asio::any_io_executor executor_;
  asio::io_context* const own_;
  wake_memory wake_memory_;

  mutable std::mutex mutex_;
  std::deque<pending> all_;
  pending* free_ = nullptr;
  pending* inbox_ = nullptr;
  pending* inbox_last_ = nullptr;
  std::size_t pending_count_ = 0;
  std::size_t pending_bytes_ = 0;
  std::size_t orphans_ = 0;  // they wait for a reply that nobody wants
  bool is_awake_ = false;    // somebody will look into the inbox
  bool has_canceled_ = false;
  bool is_shut_down_ = false;

  // Of the executor alone.
  bool has_ended_ = false;
  asio::steady_timer timer_;
  bool is_armed_ = false;
  clock::time_point armed_for_;
  dispatcher sends_;
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
  if (const std::string_view fault = fault_of_shared(o); !fault.empty()) return fault;
  if (!is_time(o.offline_timeout)) return "offline_timeout is not 1 ms to 1 h";
  if (!is_time(o.reconnect_min) || !is_time(o.reconnect_max) || o.reconnect_min > o.reconnect_max) {
    return "reconnect_min and reconnect_max are not 1 ms to 1 h, in this order";
  }
  if (o.pending_max < 1 || o.pending_max > (std::size_t{1} << 20)) {
    return "pending_max is not 1 to 2^20";
  }
  if (o.pending_bytes_max < 1) return "pending_bytes_max is 0";
  if (o.wait_replicas > 100) return "wait_replicas is above 100";
  if (!is_time(o.wait_timeout) || o.wait_timeout > o.operation_timeout) {
    return "wait_timeout is not 1 ms to operation_timeout";
  }
  if (!o.user.empty() && o.password.empty()) return "user is given without a password";
  if (!o.sentinel_user.empty() && o.sentinel_password.empty()) {
    return "sentinel_user is given without a password";
  }
  return {};
}

struct checked_options {
  deployment where;
  std::shared_ptr<asio::ssl::context> tls;
};

result<checked_options, std::string> check(const redis_store_options& options) {
  if (const std::string_view fault = fault_of(options); !fault.empty()) {
    return failure{std::string(fault)};
  }
  auto where = parse_deployment(options.url);
  if (!where) return failure{where.error()};
  auto tls = make_tls_context(where->server, options.tls);
  if (!tls) return failure{tls.error()};
  return checked_options{std::move(*where), std::move(*tls)};
}

}  // namespace

result<std::unique_ptr<redis_store>, std::string> make_redis_store(redis_store_options options) {
  auto checked = check(options);
  if (!checked) return failure{checked.error()};
  return std::unique_ptr<redis_store>(
      std::make_unique<store_with_thread>([&](asio::io_context& context) {
        auto made = std::make_shared<client>(context.get_executor(), &context, std::move(options),
                                             std::move(checked->where), std::move(checked->tls));
        made->start();
        return made;
      }));
}

result<std::unique_ptr<redis_store>, std::string> make_redis_store(asio::any_io_executor executor,
                                                                   redis_store_options options) {
  auto checked = check(options);
  if (!checked) return failure{checked.error()};
  auto made = std::make_shared<client>(asio::make_strand(executor), nullptr, std::move(options),
                                       std::move(checked->where), std::move(checked->tls));
  made->start();
  return std::unique_ptr<redis_store>(std::make_unique<store_on_executor>(std::move(made)));
}

}  // namespace parley::idempotency_redis
