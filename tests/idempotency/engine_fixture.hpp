// SPDX-License-Identifier: Apache-2.0
//
// A store whose answers can be lost, refused or held back, a timer that a test moves, and begin
// operations with short spellings.

#ifndef PARLEY_TESTS_IDEMPOTENCY_ENGINE_FIXTURE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_ENGINE_FIXTURE_HPP

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"
#include "idempotency/timed_heap.hpp"
#include "parley/idempotency/await.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/memory_store.hpp"

namespace parley::idempotency {

using namespace std::chrono_literals;

/// Its time stands still until advance().
class manual_timer final : public timer {
 public:
  steady_time now() const noexcept override {
    const std::lock_guard held(mutex_);
    return now_;
  }
  void arm(timer_op& op, steady_time when) noexcept override {
    const std::lock_guard held(mutex_);
    armed_.push(op, when);
  }
  bool cancel(timer_op& op) noexcept override {
    const std::lock_guard held(mutex_);
    if (!op.is_queued) return false;
    armed_.remove(op);
    return true;
  }
  /// Each operation expires at its own time.
  void advance(std::chrono::milliseconds by) {
    std::unique_lock held(mutex_);
    const steady_time end = now_ + by;
    while (armed_.top() != nullptr && armed_.top()->when <= end) {
      auto& op = static_cast<timer_op&>(*armed_.top());
      now_ = std::max(now_, op.when);
      armed_.remove(op);
      held.unlock();
      op.expired();
      held.lock();
    }
    now_ = std::max(now_, end);
  }

 private:
  mutable std::mutex mutex_;
  steady_time now_{std::chrono::hours(1000)};
  timed_heap armed_;
};

enum class op_kind : std::uint8_t { claim, complete, release, renew, mark };

/// What happens to one operation on its way.
struct fate {
  enum class kind : std::uint8_t {
    pass,
    refuse,  ///< not carried out; the answer is `failure`
    lose,    ///< carried out; the answer is `failure`
    hold,    ///< carried out when resume() is called
  };
  kind what = kind::pass;
  store_failure failure = {
      .why = store_errc::timed_out, .is_retryable = true, .is_outcome_known = false};
};

class scripted_store final : public store {
 public:
  explicit scripted_store(store& inner) : inner_(inner) {}

  /// Asked for every operation.
  std::function<fate(op_kind)> script = [](op_kind) { return fate(); };
  std::vector<op_kind> seen;

  void refuse(op_kind which,
              store_failure why = {.why = store_errc::unavailable, .is_retryable = true}) {
    script = [=](op_kind kind) { return kind == which ? fate{fate::kind::refuse, why} : fate(); };
  }
  void lose(op_kind which, int times) {
    script = [=](op_kind kind) mutable {
      return kind == which && times-- > 0 ? fate{.what = fate::kind::lose} : fate();
    };
  }
  void hold(op_kind which) {
    script = [=](op_kind kind) { return kind == which ? fate{.what = fate::kind::hold} : fate(); };
  }
  void pass() {
    script = [](op_kind) { return fate(); };
  }
  std::size_t held() const { return held_.size(); }
  void resume() {
    auto [op, carry_out] = std::move(held_.front());
    held_.pop_front();
    carry_out();
    op->done();
  }
  std::size_t count(op_kind which) const {
    return static_cast<std::size_t>(std::ranges::count(seen, which));
  }

 private:
  template <class Op>
  bool run(Op& op, op_kind kind) {
    seen.push_back(kind);
    const fate f = script(kind);
    switch (f.what) {
      case fate::kind::pass: return detail::start_op(inner_, op);
      case fate::kind::hold:
        held_.emplace_back(&op, [this, &op] { detail::start_op(inner_, op); });
        return false;
      case fate::kind::lose: detail::start_op(inner_, op); break;
      case fate::kind::refuse: break;
    }
    op.status = decltype(op.status)::failed;
    op.failure = f.failure;
    return true;
  }

  bool do_claim(claim_op& op) noexcept override { return run(op, op_kind::claim); }
  bool do_complete(complete_op& op) noexcept override { return run(op, op_kind::complete); }
  bool do_release(release_op& op) noexcept override { return run(op, op_kind::release); }
  bool do_renew(renew_op& op) noexcept override { return run(op, op_kind::renew); }
  bool do_mark(mark_op& op) noexcept override { return run(op, op_kind::mark); }
  void do_cancel(op_base& op) noexcept override {
    for (auto& [held, carry_out] : held_) {
      if (held != &op) continue;
      // Of the operations, only writes are ever canceled.
      auto& write = static_cast<write_op&>(op);
      carry_out = [&write] {
        write.status = write_status::failed;
        write.failure = {.why = store_errc::canceled, .is_outcome_known = false};
      };
      std::swap(held_.front(), *std::ranges::find(held_, held, &held_op::op));
      return resume();
    }
  }
  void do_shutdown() noexcept override { inner_.shutdown(); }

  struct held_op {
    op_base* op;
    std::function<void()> carry_out;
    held_op(op_base* o, std::function<void()> f) : op(o), carry_out(std::move(f)) {}
  };
  store& inner_;
  std::deque<held_op> held_;
};

/// A request: how often it was answered, and what follows at once.
class request final : public begin_op {
 public:
  explicit request(std::uint64_t key_number, std::string_view id,
                   std::uint64_t fingerprint_number = 1) {
    key = ops::named<digest>(key_number);
    fingerprint = ops::named<digest>(fingerprint_number);
    scope = ops::named<digest>(1);
    request_id = id;
  }

  void done() noexcept override {
    ++answers;
    if (then) then(*this);
  }
  /// True: answered at once.
  bool start(engine& of) {
    const bool at_once = of.begin(*this);
    answers += at_once ? 1 : 0;
    return at_once;
  }
  std::string text() const {
    const auto bytes = response();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::function<void(request&)> then;
  int answers = 0;
};

template <class Step>
class counted final : public Step {
 public:
  void done() noexcept override { ++answers; }
  int answers = 0;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline write_status complete(claim&& held, std::string_view body) {
  counted<complete_step> step;
  step.body = bytes_of(body);
  EXPECT_TRUE(std::move(held).complete(step));
  return step.status;
}

inline write_status mark(claim& held, std::string_view note) {
  counted<mark_step> step;
  step.note = note;
  EXPECT_TRUE(held.mark(step));
  return step.status;
}

struct seen_event {
  event_kind kind;
  std::string request_id;
  std::string operation_id;
};

class event_log final : public observer {
 public:
  void on_event(const event& e) noexcept override {
    const std::lock_guard held(mutex_);
    events_.push_back({e.kind, std::string(e.request_id), std::string(e.operation_id)});
  }
  void reserve() {
    const std::lock_guard held(mutex_);
    events_.reserve(events_.size() + 100);
  }
  /// "claimed stored replayed"
  std::string text() const {
    const std::lock_guard held(mutex_);
    std::string all;
    for (const seen_event& each : events_) {
      if (!all.empty()) all += ' ';
      all += to_string(each.kind);
    }
    return all;
  }
  std::vector<seen_event> events() const {
    const std::lock_guard held(mutex_);
    return events_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<seen_event> events_;
};

class EngineTest : public testing::Test {
 protected:
  std::unique_ptr<engine> make(engine_options options = {}) {
    options.observer = &log;
    auto made = make_engine(records, time, std::move(options));
    if (!made) throw std::runtime_error(made.error());
    return *std::move(made);
  }

  manual_timer time;
  std::unique_ptr<memory_store> memory =
      *make_memory_store({.clock = [this] { return time.now(); }});
  scripted_store records{*memory};
  event_log log;
};

}  // namespace parley::idempotency

#endif  // PARLEY_TESTS_IDEMPOTENCY_ENGINE_FIXTURE_HPP
