// SPDX-License-Identifier: Apache-2.0
//
// Whichever allocation of a store's thread fails: the operation ends once, what it says is true,
// and asked again the store answers as ever. (On an executor Boost.Asio ends the program where its
// type-erased strand has no memory.)

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"
#include "support/allocations.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace testing_support;
using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::store_failure;
using idempotency::write_status;
namespace ops = idempotency::ops;

const ops::attempt mine{.nonce = 5, .id = "an id that no short string holds"};
const ops::attempt another{.nonce = 6};

// An operation that starts on the store's thread, whose nth allocation from then on fails.
template <class Op>
class asked final : public Op {
 public:
  asked() { ops::set(*this, mine); }

  // 0: none fails. True: there were so many allocations.
  bool run(idempotency::store& records, std::size_t nth) {
    records_ = &records;
    nth_ = nth;
    ops::set(first_, {.key = 99});
    first_.of = this;
    if (records.renew(first_)) throw std::runtime_error("it has not begun to wait");
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_over_; });
    return has_failed_;
  }
  void done() noexcept override {
    if (failing_) has_failed_ = failing_->has_failed();
    failing_.reset();
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }

 private:
  struct first_step final : idempotency::renew_op {
    void done() noexcept override { of->start(); }
    asked* of = nullptr;
  };
  void start() noexcept {
    if (nth_ > 0) failing_.emplace(nth_);
    if (idempotency::detail::start_op(*records_, *this)) done();
  }

  idempotency::store* records_ = nullptr;
  std::size_t nth_ = 0;
  first_step first_;
  std::optional<failing_allocation> failing_;
  bool has_failed_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
};

struct said {
  int status = 0;  // 0: it has failed
  store_failure failure = {};
  bool has_failed_once = false;  // the allocation that was to fail
};

struct memory_case {
  const char* name;
  bool (*prepare)(idempotency::store& with);
  said (*ask)(idempotency::store& of, std::size_t nth);
  int status;
  int again;  // the status when it was done the first time
};
void PrintTo(const memory_case& of, std::ostream* to) { *to << of.name; }

template <class Op>
said run(idempotency::store& of, std::size_t nth, asked<Op>& op) {
  const bool has_failed_once = op.run(of, nth);
  return {op.status == decltype(op.status)::failed ? 0 : static_cast<int>(op.status), op.failure,
          has_failed_once};
}
said claim_it(idempotency::store& of, std::size_t nth) {
  asked<claim_op> op;
  op.request_id = mine.id;
  return run(of, nth, op);
}
said complete_it(idempotency::store& of, std::size_t nth) {
  asked<complete_op> op;
  op.operation_id = mine.id;
  op.response = ops::response(std::string(100'000, 'r'));
  return run(of, nth, op);
}

bool claimed(idempotency::store& with) {
  return ops::claim(with, mine).status == claim_status::claimed;
}
bool claimed_by_another(idempotency::store& with) {
  return ops::claim(with, another).status == claim_status::claimed;
}
bool completed_by_another(idempotency::store& with) {
  return claimed_by_another(with) &&
         ops::complete(with, another, "done").status == write_status::applied;
}
bool released_by_another(idempotency::store& with) {
  return claimed_by_another(with) && ops::release(with, another).status == write_status::applied;
}

constexpr int number_of(claim_status of) { return static_cast<int>(of); }
constexpr int number_of(write_status of) { return static_cast<int>(of); }

constexpr memory_case memory_cases[] = {
    {"ClaimOfARunningOne", claimed_by_another, claim_it, number_of(claim_status::running),
     number_of(claim_status::running)},
    {"ClaimOfACompletedOne", completed_by_another, claim_it, number_of(claim_status::completed),
     number_of(claim_status::completed)},
    {"ClaimOfAReleasedOne", released_by_another, claim_it, number_of(claim_status::claimed),
     number_of(claim_status::claimed)},
    {"Complete", claimed, complete_it, number_of(write_status::applied),
     number_of(write_status::already_applied)},
};

class NoMemory : public testing::TestWithParam<memory_case> {
 protected:
  redis_server server;
  observed_store helper{patient(server.url())};

  std::string value() const { return server.command({"GET", key_name(mine.key)}).text; }

  // False: there are not so many allocations.
  bool fail_one(std::size_t nth) {
    server.command({"FLUSHALL"});
    EXPECT_TRUE(GetParam().prepare(*helper));
    const std::string before = value();
    const observed_store records(patient(server.url()));
    EXPECT_TRUE(records.wait_until_ready());
    const said first = GetParam().ask(*records, nth);
    const std::string after = value();
    if (first.status == 0) {
      EXPECT_TRUE(first.failure.is_retryable) << nth;
      if (first.failure.is_outcome_known) {
        EXPECT_EQ(after, before) << nth;
      }
    } else {
      EXPECT_EQ(first.status, GetParam().status) << nth;
    }
    const bool was_done = first.status != 0 || after != before;
    EXPECT_EQ(GetParam().ask(*records, 0).status, was_done ? GetParam().again : GetParam().status)
        << nth;
    return first.has_failed_once;
  }
};

TEST_P(NoMemory, EndsTheOperationOnceAndTellsTheTruth) {
  std::size_t nth = 1;
  while (fail_one(nth) && !HasFailure()) ++nth;
  EXPECT_GT(nth, 1u) << "none has failed";
}

INSTANTIATE_TEST_SUITE_P(, NoMemory, testing::ValuesIn(memory_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- Connections.

// Makes the nth allocation of the store's thread fail, from the end of a connection to the next.
class reconnection final : public observer {
 public:
  explicit reconnection(std::size_t nth) : nth_(nth) {}
  void connected(std::string_view) noexcept override {
    if (failing_) has_failed_ = failing_->has_failed();
    failing_.reset();
    ++connections_;
  }
  void disconnected(std::string_view, disconnect_reason, std::string_view) noexcept override {
    if (connections_ == 1 && !failing_) failing_.emplace(nth_);
  }
  bool wait_for(int connections) const {
    return eventually([&] { return connections_ >= connections; });
  }
  bool has_failed() const { return has_failed_; }

 private:
  const std::size_t nth_;
  std::optional<failing_allocation> failing_;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> has_failed_ = false;
};

TEST(NoMemoryToConnect, IsTriedAgain) {
  const redis_server server({.password = "a password that no short string holds"});
  std::size_t nth = 0;
  for (bool has_failed = true; has_failed && !testing::Test::HasFailure();) {
    reconnection watch(++nth);
    redis_store_options options = patient(server.url() + "/7");
    options.password = "a password that no short string holds";
    options.observer = &watch;
    const auto records = make_redis_store(options);
    ASSERT_TRUE(records.has_value()) << records.error();
    ASSERT_TRUE(watch.wait_for(1));
    server.command({"CLIENT", "KILL", "TYPE", "normal"});
    ASSERT_TRUE(watch.wait_for(2)) << nth;
    has_failed = watch.has_failed();
    EXPECT_EQ(ops::claim(**records, {.key = nth}).status, claim_status::claimed) << nth;
    EXPECT_TRUE((*records)->ready()) << nth;
  }
  EXPECT_GT(nth, 5u);
}

}  // namespace
}  // namespace parley::idempotency_redis
