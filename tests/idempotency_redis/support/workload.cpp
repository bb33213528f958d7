// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/workload.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "parley/idempotency/await.hpp"

namespace parley::testing_support {
namespace {

using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::mark_op;
using idempotency::release_op;
using idempotency::renew_op;
using idempotency::response_ref;
using idempotency::write_status;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

template <class T>
T named(std::uint64_t number) {
  T made;
  std::memcpy(made.bytes.data(), &number, sizeof number);
  return made;
}

std::string text_of_operation(std::uint32_t nonce) { return "operation-" + std::to_string(nonce); }

// The number that `text` begins with; foreign: none.
std::uint32_t leading_number(std::string_view text) {
  std::uint32_t number = foreign;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint32_t number_of(std::string_view id) {
  const std::uint32_t nonce = leading_number(id.substr(std::min(id.size(), id.find('-') + 1)));
  return id == text_of_operation(nonce) ? nonce : foreign;
}

// Of many sizes, and every byte tells whose it is.
std::string text_of_response(std::uint32_t nonce) {
  std::string made = std::to_string(nonce) + ":";
  std::minstd_rand random(nonce + 1);
  const std::size_t size = random() % (nonce % 50 == 0 ? 40'000 : 400);
  while (made.size() < size) made += static_cast<char>(random());
  return made;
}
std::uint32_t number_of(const response_ref& response) {
  const std::string_view text(reinterpret_cast<const char*>(response.bytes().data()),
                              response.bytes().size());
  const std::uint32_t nonce = leading_number(text);
  return text == text_of_response(nonce) ? nonce : foreign;
}

// Kept until all is over, so that an end too many is seen.
struct pending {
  pending() = default;
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;
  virtual ~pending() = default;

  recorded what;
  std::string views;
  std::mutex mutex;
  std::condition_variable changed;
  clock::time_point ended;
};

template <class Op>
struct pending_op final : Op, pending {
  void done() noexcept override {
    const std::lock_guard lock(mutex);
    if (what.ends++ == 0) ended = clock::now();
    changed.notify_all();
  }
};

}  // namespace

class workload::impl {
 public:
  impl(std::vector<idempotency::store*> stores, workload_options options)
      : stores_(std::move(stores)), options_(std::move(options)) {}
  ~impl() {
    stop();
    for (std::unique_ptr<pending>& each : all_) {
      bool has_ended = false;
      {
        const std::lock_guard lock(each->mutex);
        has_ended = each->what.ends > 0;
      }
      if (!has_ended) [[maybe_unused]]
        auto* const leaked = each.release();
    }
  }

  void start() {
    for (std::size_t i = 0; i < options_.workers; ++i) {
      threads_.emplace_back([this, i] { worker(*this, i).run(); });
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
      stopped_.notify_all();
    }
    for (std::thread& each : threads_) each.join();
    threads_.clear();
  }

  void sweep() {
    settled_ = now();
    // The clock that judges leases is the server's, and cannot be moved.
    std::this_thread::sleep_for(options_.lease +
                                2 * std::chrono::ceil<milliseconds>(margin_of(options_.lease)));
    std::set<std::uint32_t> keys;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& each : all_) keys.insert(each->what.key);
    }
    worker sweeper(*this, 0);
    for (const std::uint32_t key : keys) sweeper.claim_once(key);
  }

  history take() {
    history made;
    made.settled = settled_;
    made.time_max = options_.time_max;
    made.may_undo_refusals = options_.may_undo_refusals;
    made.clock_skew = options_.clock_skew;
    const std::lock_guard lock(mutex_);
    for (const std::unique_ptr<pending>& each : all_) {
      const std::lock_guard its_lock(each->mutex);
      made.operations.push_back(each->what);
    }
    return made;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }
  std::size_t acknowledged() const { return acknowledged_; }
  std::uint32_t newest_key() const { return nonces_ / options_.attempts_a_key + far_back; }

  bool wait_for_more(std::size_t operations) {
    std::unique_lock lock(mutex_);
    const std::size_t wanted = all_.size() + operations;
    while (all_.size() < wanted) {
      const std::size_t before = all_.size();
      if (!grown_.wait_for(lock, options_.time_max, [&] { return all_.size() > before; })) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::uint32_t far_back = 60;  // keys

  history_time now() const {
    return std::chrono::duration_cast<history_time>(clock::now() - start_);
  }

  struct request {
    std::uint32_t key;
    std::uint32_t nonce;
    std::uint8_t fingerprint;
    bool rerun_marked;
    milliseconds retention;
    std::uint64_t fence = 0;
    std::uint32_t operation_id = 0;
    history_time deadline{0};
  };

  class worker {
   public:
    worker(impl& of, std::size_t number)
        : of_(of),
          store_(*of.stores_[number % of.stores_.size()]),
          random_(of.options_.seed * 1000 + number) {}

    void run() {
      while (!of_.is_stopped()) attempt();
    }

    void claim_once(std::uint32_t key) {
      request by = make(key);
      by.fingerprint = 0;
      for (int i = 0; i < 50; ++i) {
        if (claim(by).claim != claim_status::failed) break;
      }
    }

   private:
    bool chance(unsigned percent) { return random_() % 100 < percent; }

    void think(milliseconds most) {
      const auto time = milliseconds(random_() % static_cast<std::uint64_t>(most.count() + 1));
      std::unique_lock lock(of_.mutex_);
      of_.stopped_.wait_for(lock, time, [this] { return of_.is_stopped_; });
    }

    request make(std::uint32_t key) {
      const milliseconds shortest = of_.options_.lease + idempotency::retention_margin;
      return {.key = key,
              .nonce = ++of_.nonces_,
              .fingerprint = static_cast<std::uint8_t>(chance(15) ? 1 : 0),
              .rerun_marked = key % 4 == 0,
              .retention = chance(25) ? shortest : of_.options_.retention};
    }

    std::uint32_t choose_key() {
      for (;;) {
        // Most at a few keys at once, and some at those of which the leases are over by now.
        const auto back = static_cast<std::uint32_t>(random_() % (chance(30) ? far_back : 4));
        const std::uint32_t key = of_.newest_key() - back;
        if (!of_.options_.uses || of_.options_.uses(key)) return key;
      }
    }

    void attempt() {
      request by = make(choose_key());
      const history_time first = of_.now();
      if (!claim_until_known(by)) return;
      by.deadline = first + of_.options_.lease - margin_of(of_.options_.lease);
      const milliseconds lease = of_.options_.lease;
      const bool is_careless = chance(of_.options_.careless_percent);
      if (!is_careless && of_.now() >= by.deadline) return end(by, operation_type::release);
      think(is_careless ? 3 * lease : lease / 3);
      if (chance(35)) renew(by);
      bool is_marked = false;
      if (chance(40)) {
        if (!mark(by)) return;
        is_marked = true;
        think(lease / 4);
        if (chance(30)) renew(by);
      }
      if (chance(15)) return;  // crashes
      if (!is_careless && of_.now() >= by.deadline) return;
      end(by, is_marked || chance(75) ? operation_type::complete : operation_type::release);
    }

    // False: it is not for us to run.
    bool claim_until_known(request& by) {
      const history_time patience = of_.now() + 20 * of_.options_.lease;
      bool is_doubtful = false;
      for (;;) {
        const recorded got = claim(by);
        if (got.claim == claim_status::claimed) return true;
        if (got.claim != claim_status::failed) {
          // Let the others come to something.
          think(of_.options_.lease / 8);
          return false;
        }
        is_doubtful = is_doubtful || !got.is_outcome_known;
        if (of_.now() > patience || of_.is_stopped()) break;
        think(of_.options_.lease / 4);
      }
      if (is_doubtful) end(by, operation_type::release);
      return false;
    }

    void end(request& by, operation_type how) {
      const history_time patience = of_.now() + 20 * of_.options_.lease;
      for (;;) {
        const recorded got = how == operation_type::complete ? complete(by) : release(by);
        if (got.write != write_status::failed) break;
        if (of_.now() > patience || of_.is_stopped()) return;
        think(of_.options_.lease / 4);
      }
      // Late duplicates.
      if (chance(15)) claim(by);
      if (chance(10)) how == operation_type::complete ? complete(by) : release(by);
    }

    template <class Op>
    recorded run(operation_type type, const request& by,
                 const std::function<void(Op&, pending&)>& ask) {
      auto made = std::make_unique<pending_op<Op>>();
      pending_op<Op>& op = *made;
      op.key = named<idempotency::digest>(by.key);
      op.nonce = named<idempotency::nonce>(by.nonce);
      op.what.type = type;
      op.what.key = by.key;
      op.what.nonce = by.nonce;
      op.what.fingerprint = by.fingerprint;
      ask(op, op);
      {
        const std::lock_guard lock(of_.mutex_);
        of_.all_.push_back(std::move(made));
        of_.grown_.notify_all();
      }
      op.what.invoked = of_.now();
      const bool at_once = idempotency::detail::start_op(store_, op);
      std::unique_lock lock(op.mutex);
      if (at_once && op.what.ends++ == 0) op.ended = clock::now();
      const bool has_ended =
          op.changed.wait_for(lock, of_.options_.time_max * 2, [&] { return op.what.ends > 0; });
      if (!has_ended) {  // the rules will say so
        recorded lost = op.what;
        lost.is_outcome_known = false;
        return lost;
      }
      // From here the clock may not be read before the answer: it is what others rely on.
      op.what.answered =
          std::chrono::duration_cast<history_time>(op.ended - of_.start_) + history_time(1);
      read(op);
      return op.what;
    }

    static void read(pending_op<claim_op>& op) {
      op.what.claim = op.status;
      if (op.status == claim_status::failed) {
        op.what.why = op.failure.why;
        op.what.is_outcome_known = op.failure.is_outcome_known;
        return;
      }
      op.what.operation_id = number_of(op.operation_id.view());
      if (op.status == claim_status::claimed) op.what.fence = op.fence;
      if (op.status == claim_status::completed) op.what.response = number_of(op.response);
    }
    template <class Op>
    static void read(pending_op<Op>& op) {
      op.what.write = op.status;
      if (op.status != write_status::failed) return;
      op.what.why = op.failure.why;
      op.what.is_outcome_known = op.failure.is_outcome_known;
    }

    recorded claim(request& by) {
      const recorded got = run<claim_op>(operation_type::claim, by, [&](claim_op& op, pending& to) {
        to.views = text_of_operation(by.nonce);
        op.fingerprint = named<idempotency::digest>(by.fingerprint);
        op.request_id = to.views;
        op.lease = to.what.lease = of_.options_.lease;
        op.retention = to.what.retention = by.retention;
        op.rerun_marked = to.what.rerun_marked = by.rerun_marked;
        op.unix_ms = to.what.unix_ms =
            static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(
                                           std::chrono::system_clock::now().time_since_epoch())
                                           .count());
      });
      if (got.claim == claim_status::claimed) {
        by.fence = got.fence;
        by.operation_id = got.operation_id;
      }
      return got;
    }
    recorded complete(const request& by) {
      const recorded got =
          run<complete_op>(operation_type::complete, by, [&](complete_op& op, pending& to) {
            to.views = text_of_operation(by.operation_id);
            op.fingerprint = named<idempotency::digest>(by.fingerprint);
            op.operation_id = to.views;
            to.what.sent_operation_id = by.operation_id;
            op.fence = to.what.fence = by.fence;
            op.lease_holds = to.what.lease_holds = of_.now() < by.deadline;
            const std::string response = text_of_response(by.nonce);
            op.response = response_ref::copy_of(std::as_bytes(std::span(response)));
            op.retention = to.what.retention = by.retention;
          });
      if (is_success(got)) ++of_.acknowledged_;
      return got;
    }
    recorded release(const request& by) {
      return run<release_op>(operation_type::release, by, [&](release_op& op, pending& to) {
        op.fence = to.what.fence = by.fence;
      });
    }
    void renew(request& by) {
      const milliseconds lease = of_.options_.lease;
      const history_time sent = of_.now();
      const recorded got = run<renew_op>(operation_type::renew, by, [&](renew_op& op, pending& to) {
        op.lease = to.what.lease = lease;
      });
      const bool is_renewed = got.write == write_status::applied && of_.now() < by.deadline;
      if (is_renewed) by.deadline = std::max(by.deadline, sent + lease - margin_of(lease));
    }
    static bool is_success(const recorded& got) {
      return got.write == write_status::applied || got.write == write_status::already_applied;
    }
    // False: not to be gone on with.
    bool mark(const request& by) {
      for (int i = 0; i < 4; ++i) {
        const recorded got = run<mark_op>(operation_type::mark, by, [&](mark_op& op, pending& to) {
          to.views = "may have begun " + std::to_string(by.nonce);
          op.note = to.views;
        });
        if (got.write == write_status::failed) continue;
        return is_success(got);
      }
      return false;
    }

    impl& of_;
    idempotency::store& store_;
    std::mt19937_64 random_;
  };

  bool is_stopped() const {
    const std::lock_guard lock(mutex_);
    return is_stopped_;
  }

  const std::vector<idempotency::store*> stores_;
  const workload_options options_;
  const clock::time_point start_ = clock::now();
  std::atomic<std::uint32_t> nonces_{0};
  std::atomic<std::size_t> acknowledged_{0};
  history_time settled_{0};
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable stopped_;
  std::condition_variable grown_;
  bool is_stopped_ = false;
  std::deque<std::unique_ptr<pending>> all_;
};

workload::workload(std::vector<idempotency::store*> stores, workload_options options)
    : impl_(std::make_unique<impl>(std::move(stores), std::move(options))) {}
workload::~workload() = default;

void workload::start() { impl_->start(); }
void workload::stop() { impl_->stop(); }
void workload::sweep() { impl_->sweep(); }
history workload::take() { return impl_->take(); }
std::size_t workload::size() const { return impl_->size(); }
std::size_t workload::acknowledged() const { return impl_->acknowledged(); }
std::uint32_t workload::newest_key() const { return impl_->newest_key(); }
bool workload::wait_for_more(std::size_t operations) { return impl_->wait_for_more(operations); }

}  // namespace parley::testing_support
