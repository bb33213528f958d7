// SPDX-License-Identifier: Apache-2.0

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other;
// and it takes a reference to the empty allocator of use_future for a use of its value.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "parley/idempotency_asio/async.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "idempotency/ops.hpp"
#include "idempotency_testing/deferred_store.hpp"
#include "parley/idempotency_asio/timer.hpp"

namespace parley::idempotency_asio {
namespace {

namespace asio = boost::asio;
using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::mark_op;
using idempotency::memory_store;
using idempotency::release_op;
using idempotency::renew_op;
using idempotency::store_errc;
using idempotency::write_status;
using idempotency_testing::deferred_store;
namespace ops = idempotency::ops;

const ops::attempt attempt;  // operations look at its text

// What every store here stands on. The slow one finishes on a thread of its own.
struct stores {
  std::unique_ptr<memory_store> memory = std::move(*idempotency::make_memory_store({}));
  deferred_store deferred{*memory};
};

enum class finishing { at_once, later };

class Async : public testing::TestWithParam<finishing> {
 protected:
  Async() {
    if (GetParam() == finishing::later) all.deferred.start_thread();
  }
  idempotency::store& records() {
    if (GetParam() == finishing::later) return all.deferred;
    return *all.memory;
  }
  stores all;
  asio::io_context context;
};

TEST_P(Async, CallsBackOnTheExecutor) {
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  std::thread::id ran_on;
  claim.async_start(records(),
                    asio::bind_executor(context, [&] { ran_on = std::this_thread::get_id(); }));
  EXPECT_EQ(ran_on, std::thread::id());
  EXPECT_EQ(context.run(), 1u);  // it has work until then
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(claim.status, claim_status::claimed);
}

TEST_P(Async, CallsBackInAStrand) {
  const auto strand = asio::make_strand(context);
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  bool was_inside = false;
  claim.async_start(records(), asio::bind_executor(
                                   strand, [&] { was_inside = strand.running_in_this_thread(); }));
  context.run();
  EXPECT_TRUE(was_inside);
}

TEST_P(Async, CallsBackWithoutAnExecutor) {
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  std::promise<std::thread::id> ran_on;
  claim.async_start(records(), [&] { ran_on.set_value(std::this_thread::get_id()); });
  EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(claim.status, claim_status::claimed);
}

// A handler may throw: that is the business of who runs the context.
TEST_P(Async, LetsAHandlerThrow) {
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  claim.async_start(records(),
                    asio::bind_executor(context, [] { throw std::runtime_error("handler"); }));
  EXPECT_THROW(context.run(), std::runtime_error);
  EXPECT_EQ(context.run(), 0u);  // the store's thread is out of it then
}

TEST_P(Async, GivesAFuture) {
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  std::future<void> done =
      claim.async_start(records(), asio::bind_executor(context, asio::use_future));
  context.run();
  done.get();
  EXPECT_EQ(claim.status, claim_status::claimed);
}

TEST_P(Async, StartsNothingUntilADeferredOneIsCalled) {
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  auto start = claim.async_start(records(), asio::deferred);
  EXPECT_EQ(context.run(), 0u);
  EXPECT_EQ(claim.status, claim_status::failed);
  bool was_called = false;
  std::move(start)(asio::bind_executor(context, [&] { was_called = true; }));
  context.restart();
  context.run();
  EXPECT_TRUE(was_called);
  EXPECT_EQ(claim.status, claim_status::claimed);
}

asio::awaitable<void> use_all(idempotency::store& records, std::uint64_t key, std::string& seen) {
  const ops::attempt by = {.key = key};
  asio_op<claim_op> claim;
  ops::set(claim, by);
  co_await claim.async_start(records, asio::use_awaitable);
  seen += claim.status == claim_status::claimed ? "claimed " : "? ";
  asio_op<renew_op> renew;
  ops::set(renew, by);
  co_await renew.async_start(records, asio::use_awaitable);
  seen += renew.status == write_status::applied ? "renewed " : "? ";
  asio_op<mark_op> mark;
  ops::set(mark, by);
  co_await mark.async_start(records, asio::use_awaitable);
  seen += mark.status == write_status::applied ? "marked " : "? ";
  asio_op<complete_op> complete;
  ops::set(complete, by);
  complete.operation_id = claim.operation_id.view();
  complete.response = ops::response("body");
  co_await complete.async_start(records, asio::use_awaitable);
  seen += complete.status == write_status::applied ? "completed " : "? ";
  asio_op<release_op> release;
  ops::set(release, by);
  co_await release.async_start(records, asio::use_awaitable);
  seen += release.status == write_status::lost ? "lost " : "? ";
  co_await claim.async_start(records, asio::use_awaitable);
  seen += claim.status == claim_status::completed ? ops::text_of(claim.response) : "?";
}

TEST_P(Async, ResumesACoroutine) {
  std::string seen;
  asio::co_spawn(context, use_all(records(), 1, seen), asio::detached);
  context.run();
  EXPECT_EQ(seen, "claimed renewed marked completed lost body");
}

TEST_P(Async, ResumesManyOnManyThreads) {
  std::vector<std::string> seen(400);
  for (std::size_t key = 0; key < seen.size(); ++key) {
    asio::co_spawn(asio::make_strand(context), use_all(records(), key, seen[key]), asio::detached);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([this] { context.run(); });
  for (std::thread& each : threads) each.join();
  for (const std::string& each : seen) {
    EXPECT_EQ(each, "claimed renewed marked completed lost body");
  }
}

TEST_P(Async, ResumesOnAThreadPool) {
  asio::thread_pool pool(2);
  std::string seen;
  asio::co_spawn(pool, use_all(records(), 1, seen), asio::detached);
  pool.join();
  EXPECT_EQ(seen, "claimed renewed marked completed lost body");
}

// The operation goes with its handler, and starts anew from within.
TEST_P(Async, IsStartedAgainAndDestroyedByItsHandler) {
  auto claim = std::make_unique<asio_op<claim_op>>();
  ops::set(*claim, attempt);
  struct handler {
    using executor_type = asio::io_context::executor_type;
    executor_type get_executor() const noexcept { return context.get_executor(); }
    void operator()() {
      if (--turns == 0) {
        claim.reset();
      } else {
        claim->async_start(records, *this);
      }
    }
    idempotency::store& records;
    asio::io_context& context;
    std::unique_ptr<asio_op<claim_op>>& claim;
    int& turns;
  };
  int turns = 1'000;
  claim->async_start(records(), handler{records(), context, claim, turns});
  context.run();
  EXPECT_EQ(turns, 0);
  EXPECT_EQ(claim, nullptr);
}

// Counts what is out, and may be told to have none.
struct memory_book {
  std::atomic<int> out = 0;
  std::atomic<int> taken = 0;
  bool is_empty = false;
};

template <class T>
struct booked_allocator {
  using value_type = T;
  explicit booked_allocator(memory_book& in) : book(&in) {}
  template <class U>
  booked_allocator(const booked_allocator<U>& other) : book(other.book) {}
  T* allocate(std::size_t count) {
    if (book->is_empty) throw std::bad_alloc();
    ++book->out;
    ++book->taken;
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* block, std::size_t count) {
    --book->out;
    std::allocator<T>().deallocate(block, count);
  }
  template <class U>
  bool operator==(const booked_allocator<U>& other) const {
    return book == other.book;
  }
  memory_book* book;
};

TEST_P(Async, TakesMemoryFromTheHandlersAllocator) {
  memory_book book;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  int out_in_handler = -1;
  claim.async_start(records(), asio::bind_executor(
                                   context, asio::bind_allocator(booked_allocator<void>(book), [&] {
                                     out_in_handler = book.out;
                                   })));
  context.run();
  EXPECT_EQ(book.taken, 2);  // for the handler, and by Asio for the post
  EXPECT_EQ(out_in_handler, 0);
}

TEST_P(Async, StartsNothingWithoutMemory) {
  memory_book book;
  book.is_empty = true;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  EXPECT_THROW(
      claim.async_start(
          records(), asio::bind_executor(context, asio::bind_allocator(booked_allocator<void>(book),
                                                                       [] { ADD_FAILURE(); }))),
      std::bad_alloc);
  EXPECT_EQ(context.run(), 0u);
  EXPECT_EQ(ops::claim(*all.memory, {.nonce = 2}).status, claim_status::claimed);
}

INSTANTIATE_TEST_SUITE_P(, Async, testing::Values(finishing::at_once, finishing::later),
                         [](const auto& each) {
                           return each.param == finishing::at_once ? "AtOnce" : "Later";
                         });

TEST(AsyncPending, KeepsTheContextAtWork) {
  stores all;
  asio::io_context context;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  bool was_called = false;
  claim.async_start(all.deferred, asio::bind_executor(context, [&] { was_called = true; }));
  EXPECT_EQ(context.poll(), 0u);
  EXPECT_FALSE(context.stopped());
  ASSERT_TRUE(all.deferred.run_one());
  EXPECT_FALSE(was_called);
  EXPECT_EQ(context.poll(), 1u);
  EXPECT_TRUE(was_called);
  EXPECT_TRUE(context.stopped());
}

TEST(AsyncPending, GoesWithAContextThatNeverRuns) {
  stores all;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  const auto held = std::make_shared<int>();
  {
    asio::io_context context;
    claim.async_start(*all.memory, asio::bind_executor(context, [held] { ADD_FAILURE(); }));
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(AsyncCancel, EndsAPendingOperation) {
  stores all;
  asio::io_context context;
  asio::cancellation_signal signal;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  bool was_called = false;
  claim.async_start(all.deferred,
                    asio::bind_cancellation_slot(
                        signal.slot(), asio::bind_executor(context, [&] { was_called = true; })));
  signal.emit(asio::cancellation_type::terminal);
  signal.emit(asio::cancellation_type::total);
  EXPECT_EQ(context.poll(), 0u);
  ASSERT_TRUE(all.deferred.run_one());
  signal.emit(asio::cancellation_type::terminal);  // too late, and harmless
  context.run();
  EXPECT_TRUE(was_called);
  EXPECT_EQ(claim.status, claim_status::failed);
  EXPECT_EQ(claim.failure.why, store_errc::canceled);
  EXPECT_FALSE(signal.slot().has_handler());
}

TEST(AsyncCancel, EndsACoroutinesOperation) {
  stores all;
  asio::io_context context;
  asio::cancellation_signal signal;
  asio_op<claim_op> claim;
  ops::set(claim, attempt);
  const auto run = [&]() -> asio::awaitable<void> {
    co_await claim.async_start(all.deferred, asio::use_awaitable);
  };
  asio::co_spawn(context, run(), asio::bind_cancellation_slot(signal.slot(), asio::detached));
  context.poll();
  signal.emit(asio::cancellation_type::terminal);
  context.poll();  // co_spawn() passes it on by way of the executor
  ASSERT_TRUE(all.deferred.run_one());
  context.run();
  EXPECT_EQ(claim.failure.why, store_errc::canceled);
}

// Its operations end as the test says; cancel() is what the test makes it.
class scripted_store final : public idempotency::store {
 public:
  std::function<void(idempotency::op_base&)> on_cancel = [](auto&) {};
  bool is_at_once = false;
  int cancels = 0;

 private:
  bool do_claim(claim_op&) noexcept override { return is_at_once; }
  bool do_complete(complete_op&) noexcept override { return is_at_once; }
  bool do_release(release_op&) noexcept override { return is_at_once; }
  bool do_renew(renew_op&) noexcept override { return is_at_once; }
  bool do_mark(mark_op&) noexcept override { return is_at_once; }
  void do_cancel(idempotency::op_base& op) noexcept override {
    ++cancels;
    on_cancel(op);
  }
  void do_shutdown() noexcept override {}
};

struct canceled_claim {
  canceled_claim() { ops::set(*claim, attempt); }
  void start() {
    claim->async_start(
        records, asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, [this] {
                                                claim.reset();
                                                was_called = true;
                                              })));
  }
  scripted_store records;
  asio::io_context context;
  asio::cancellation_signal signal;
  std::unique_ptr<asio_op<claim_op>> claim = std::make_unique<asio_op<claim_op>>();
  bool was_called = false;
};

TEST(AsyncCancel, LeavesAloneWhatIsDone) {
  for (const bool is_at_once : {false, true}) {
    canceled_claim of;
    of.records.is_at_once = is_at_once;
    of.start();
    if (!is_at_once) of.claim->done();
    of.signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(of.records.cancels, 0);
    of.context.run();
    EXPECT_TRUE(of.was_called);
    of.signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(of.records.cancels, 0);
  }
}

// The store still looks at the operation, so its handler, which destroys it, must not run yet.
TEST(AsyncCancel, HoldsTheHandlerUntilCancelHasReturned) {
  for (const bool on_another_thread : {false, true}) {
    canceled_claim of;
    std::size_t ran_inside = 99;
    of.records.on_cancel = [&](idempotency::op_base& op) {
      if (on_another_thread) {
        std::thread([&] { op.done(); }).join();
      } else {
        op.done();
      }
      ran_inside = of.context.poll();
      op.store_data[0] = &of;
    };
    of.start();
    of.signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(of.records.cancels, 1);
    EXPECT_EQ(ran_inside, 0u);
    of.context.run();
    EXPECT_TRUE(of.was_called);
  }
}

// done() and cancel() at the same time, on two threads, again and again.
TEST(AsyncCancel, RacesWithDone) {
  std::unique_ptr<memory_store> memory = std::move(*idempotency::make_memory_store({}));
  deferred_store deferred(*memory);
  deferred.start_thread();
  asio::thread_pool pool(2);
  struct session {
    asio::cancellation_signal signal;
    asio_op<claim_op> claim;
    ops::attempt by;
  };
  std::atomic<int> ended = 0;
  for (std::uint64_t key = 0; key < 2'000; ++key) {
    const auto strand = asio::make_strand(pool);
    const auto one = std::make_shared<session>();
    one->by.key = key;
    ops::set(one->claim, one->by);
    asio::post(strand, [&, one, strand] {
      one->claim.async_start(
          deferred, asio::bind_cancellation_slot(
                        one->signal.slot(), asio::bind_executor(strand, [&ended, one] {
                          const bool is_canceled = one->claim.status == claim_status::failed &&
                                                   one->claim.failure.why == store_errc::canceled;
                          if (is_canceled || one->claim.status == claim_status::claimed) {
                            ++ended;
                          }
                        })));
      asio::post(strand, [one] { one->signal.emit(asio::cancellation_type::terminal); });
    });
  }
  pool.join();
  EXPECT_EQ(ended, 2'000);
}

// Not a store: what the room's own engine will be.
struct counter {
  int count = 0;
  void cancel(idempotency::op_base&) noexcept {}
};
struct count_op : idempotency::op_base {
  int seen = 0;

 protected:
  ~count_op() = default;
};
bool start_op(counter& target, count_op& op) noexcept {
  op.seen = ++target.count;
  return true;
}

TEST(AsyncTarget, MayBeAnyThatBringsItsStart) {
  asio::io_context context;
  counter target;
  asio_op<count_op> op;
  op.async_start(target, asio::bind_executor(context, [] {}));
  context.run();
  EXPECT_EQ(op.seen, 1);
}

// The engine on a timer of Asio, its operations by coroutine.
TEST(AsyncEngine, BeginsMarksAndCompletes) {
  asio::io_context context;
  const auto records = std::move(*idempotency::make_memory_store({}));
  asio_timer timer(context.get_executor());
  const auto engine = std::move(*idempotency::make_engine(*records, timer));
  std::size_t replayed = 0;
  const auto request = [&]() -> asio::awaitable<void> {
    asio_op<idempotency::begin_op> begin;
    begin.key = ops::named<idempotency::digest>(1);
    begin.request_id = "req-1";
    co_await begin.async_start(*engine, asio::use_awaitable);
    if (begin.status == idempotency::begin_status::replay) {
      replayed = begin.response().size();
      co_return;
    }
    asio_op<idempotency::mark_step> mark;
    co_await mark.async_start(begin.held, asio::use_awaitable);
    EXPECT_TRUE(mark.is_done());
    asio_op<idempotency::complete_step> complete;
    complete.body = std::as_bytes(std::span("four", 4));
    co_await complete.async_start(begin.held, asio::use_awaitable);
    EXPECT_TRUE(complete.is_done());
  };
  int running = 2;
  const auto ended = [&](std::exception_ptr) {
    if (--running == 0) context.stop();  // the engine still has its timer armed
  };
  asio::co_spawn(context, request(), ended);
  asio::co_spawn(context, request(), ended);
  context.run();
  EXPECT_EQ(replayed, 4u);
}

}  // namespace
}  // namespace parley::idempotency_asio
