// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/await.hpp"

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"

namespace parley::idempotency {
namespace {

// Finishes at once, or later on a thread of its own, or on that thread before the start returns.
enum class finishing { at_once, later, early };

class slow_store final : public store {
 public:
  explicit slow_store(finishing when) : when_(when) {
    if (when != finishing::at_once) thread_ = std::thread([this] { run(); });
  }
  ~slow_store() override {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  std::thread::id thread_id() const { return thread_.get_id(); }

 private:
  bool start(op_base& op) noexcept {
    if (when_ == finishing::at_once) return true;
    if (when_ == finishing::early) {
      // By a thread that is waited for: done() has run when this returns.
      std::thread([&op] { op.done(); }).join();
      return false;
    }
    const std::lock_guard lock(mutex_);
    pending_.push_back(&op);
    changed_.notify_all();
    return false;
  }
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return is_ending_ || !pending_.empty(); });
      if (pending_.empty()) return;
      op_base* const op = pending_.front();
      pending_.pop_front();
      lock.unlock();
      op->done();
      lock.lock();
    }
  }
  bool do_claim(claim_op& op) noexcept override {
    op.status = claim_status::claimed;
    op.fence = 42;
    return start(op);
  }
  bool apply(write_op& op) noexcept {
    op.status = write_status::applied;
    return start(op);
  }
  bool do_complete(complete_op& op) noexcept override { return apply(op); }
  bool do_release(release_op& op) noexcept override { return apply(op); }
  bool do_renew(renew_op& op) noexcept override { return apply(op); }
  bool do_mark(mark_op& op) noexcept override { return apply(op); }
  void do_cancel(op_base&) noexcept override {}
  void do_shutdown() noexcept override {}

  const finishing when_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<op_base*> pending_;
  bool is_ending_ = false;
  std::thread thread_;
};

// What the coroutine saw, and a way to wait for its end.
struct outcome {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_over = false;
  claim_status claimed = claim_status::failed;
  std::uint64_t fence = 0;
  std::vector<write_status> written;
  std::thread::id thread;

  void end() {
    const std::lock_guard lock(mutex);
    is_over = true;
    changed.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return is_over; });
  }
};

struct eager {
  struct promise_type {
    eager get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

eager use_all(store& records, outcome& seen) {
  const ops::attempt by;
  {
    awaitable_op<claim_op> claim;
    ops::set(claim, by);
    co_await claim.start(records);
    seen.claimed = claim.status;
    seen.fence = claim.fence;
  }
  {
    awaitable_op<mark_op> mark;
    ops::set(mark, by);
    co_await mark.start(records);
    seen.written.push_back(mark.status);
  }
  {
    awaitable_op<renew_op> renew;
    ops::set(renew, by);
    co_await renew.start(records);
    seen.written.push_back(renew.status);
  }
  {
    awaitable_op<complete_op> complete;
    ops::set(complete, by);
    complete.operation_id = by.id;
    complete.response = ops::response("body");
    co_await complete.start(records);
    seen.written.push_back(complete.status);
  }
  {
    awaitable_op<release_op> release;
    ops::set(release, by);
    co_await release.start(records);
    seen.written.push_back(release.status);
  }
  seen.thread = std::this_thread::get_id();
  seen.end();
}

class Await : public testing::TestWithParam<finishing> {};

TEST_P(Await, ResumesACoroutineWithTheAnswer) {
  slow_store records(GetParam());
  outcome seen;
  use_all(records, seen);
  seen.wait();
  EXPECT_EQ(seen.claimed, claim_status::claimed);
  EXPECT_EQ(seen.fence, 42u);
  EXPECT_EQ(seen.written, std::vector<write_status>(4, write_status::applied));
  if (GetParam() != finishing::early) {
    EXPECT_EQ(seen.thread,
              GetParam() == finishing::at_once ? std::this_thread::get_id() : records.thread_id());
  }
}

TEST_P(Await, BlocksUntilTheAnswer) {
  slow_store records(GetParam());
  for (int turn = 0; turn < 100; ++turn) {
    EXPECT_EQ(ops::claim(records, {}).fence, 42u);
    EXPECT_EQ(ops::complete(records, {}, "body").status, write_status::applied);
    EXPECT_EQ(ops::mark(records, {}, "note").status, write_status::applied);
    EXPECT_EQ(ops::renew(records, {}).status, write_status::applied);
    EXPECT_EQ(ops::release(records, {}).status, write_status::applied);
  }
}

TEST_P(Await, RunsABlockingOperationAgain) {
  slow_store records(GetParam());
  blocking_op<claim_op> claim;
  ops::set(claim, {});
  claim.request_id = "request-1";
  for (int turn = 0; turn < 3; ++turn) {
    claim.status = claim_status::failed;
    claim.run(records);
    EXPECT_EQ(claim.status, claim_status::claimed);
  }
}

INSTANTIATE_TEST_SUITE_P(, Await,
                         testing::Values(finishing::at_once, finishing::later, finishing::early),
                         [](const auto& each) {
                           switch (each.param) {
                             case finishing::at_once: return "AtOnce";
                             case finishing::later: return "Later";
                             case finishing::early: return "BeforeTheStartReturns";
                           }
                           return "";
                         });

}  // namespace
}  // namespace parley::idempotency
