// SPDX-License-Identifier: Apache-2.0
//
// Every operation ends, and once: when there is no room, no time or no store any more, and when its
// caller has lost interest.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/support/fault_proxy.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/scripted_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::store_errc;
using idempotency::write_status;
namespace ops = idempotency::ops;

// An operation that its thread need not wait for.
template <class Op>
class pending final : public Op {
 public:
  /// True: it ended at once.
  bool start(idempotency::store& records) {
    const bool at_once = idempotency::detail::start_op(records, *this);
    if (at_once) done();
    return at_once;
  }
  void done() noexcept override {
    const std::lock_guard lock(mutex_);
    ++ends_;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [this] { return ends_ > 0; });
  }
  int ends() {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int ends_ = 0;
};

std::unique_ptr<pending<claim_op>> claim_of(std::uint64_t key) {
  auto made = std::make_unique<pending<claim_op>>();
  static const std::string id = "request";
  ops::set(*made, {.key = key});
  made->request_id = id;
  return made;
}

void expect_failed(const claim_op& op, store_errc why, bool is_retryable, bool is_outcome_known) {
  EXPECT_EQ(op.status, claim_status::failed);
  EXPECT_EQ(op.failure.why, why);
  EXPECT_EQ(op.failure.is_retryable, is_retryable);
  EXPECT_EQ(op.failure.is_outcome_known, is_outcome_known);
}

// A server that is in order and answers no operation.
struct LimitsOfASilentServer : testing::Test {
  scripted_server server{[](const auto&) { return std::string(); }};

  bool has_operations(std::size_t count) {
    return eventually([&] { return server.operations() >= count; });
  }
};

TEST_F(LimitsOfASilentServer, OperationsThatArePendingHaveALimit) {
  redis_store_options options = patient(server.url());
  options.pending_max = 4;
  const observed_store store(options);
  std::vector<std::unique_ptr<pending<claim_op>>> held;
  for (std::uint64_t key = 1; key <= 4; ++key) {
    held.push_back(claim_of(key));
    EXPECT_FALSE(held.back()->start(*store));
  }
  EXPECT_EQ(store->stats().pending, 4u);
  const auto above = claim_of(5);
  EXPECT_TRUE(above->start(*store));
  expect_failed(*above, store_errc::busy, true, true);
  EXPECT_GT(above->failure.retry_after, 0ms);

  // One that was given up still waits for its reply, and counts.
  ASSERT_TRUE(has_operations(4));
  store->cancel(*held[0]);
  ASSERT_TRUE(held[0]->wait());
  EXPECT_EQ(store->stats().pending, 3u);
  const auto again = claim_of(6);
  EXPECT_TRUE(again->start(*store));
  EXPECT_EQ(again->failure.why, store_errc::busy);
  store->shutdown();
  for (const auto& each : held) EXPECT_TRUE(each->wait());
}

TEST_F(LimitsOfASilentServer, BytesThatArePendingHaveALimit) {
  redis_store_options options = patient(server.url());
  options.pending_bytes_max = 1'000;
  const observed_store store(options);
  const auto completion_of = [](std::size_t bytes) {
    auto made = std::make_unique<pending<complete_op>>();
    ops::set(*made, {});
    made->operation_id = "operation";
    made->response = ops::response(std::string(bytes, 'r'));
    return made;
  };
  // One is taken whatever its size: else it could never be stored.
  const auto large = completion_of(5'000);
  EXPECT_FALSE(large->start(*store));
  const auto beside = completion_of(1);
  EXPECT_TRUE(beside->start(*store));
  EXPECT_EQ(beside->status, write_status::failed);
  EXPECT_EQ(beside->failure.why, store_errc::busy);
  const auto of_none = claim_of(1);
  EXPECT_TRUE(of_none->start(*store)) << "above the limit nothing more comes in";
  ASSERT_TRUE(has_operations(1));
  store->cancel(*large);
  ASSERT_TRUE(large->wait());

  const auto half = completion_of(500);
  const auto other_half = completion_of(500);
  EXPECT_FALSE(half->start(*store));
  EXPECT_FALSE(other_half->start(*store));
  const auto above = completion_of(1);
  EXPECT_TRUE(above->start(*store));
  store->shutdown();
  EXPECT_TRUE(half->wait());
  EXPECT_TRUE(other_half->wait());
}

TEST_F(LimitsOfASilentServer, OperationThatWasSentTimesOutWithAnUnknownOutcome) {
  const observed_store store(hasty(server.url()));
  ASSERT_TRUE(store.wait_until_ready());
  const auto op = claim_of(1);
  EXPECT_FALSE(op->start(*store));
  ASSERT_TRUE(op->wait());
  expect_failed(*op, store_errc::timed_out, true, false);
  EXPECT_TRUE(store.told().wait_for("silence")) << "and the connection is given up";
  EXPECT_TRUE(store.told().wait_for("connected", 2));
  EXPECT_EQ(store->stats().unknown, 1u);
  EXPECT_EQ(store->stats().disconnections, 1u);
}

TEST_F(LimitsOfASilentServer, CancelOfWhatWasSentLeavesTheOutcomeUnknown) {
  const observed_store store(patient(server.url()));
  const auto op = claim_of(1);
  EXPECT_FALSE(op->start(*store));
  ASSERT_TRUE(has_operations(1));
  store->cancel(*op);
  ASSERT_TRUE(op->wait());
  expect_failed(*op, store_errc::canceled, false, false);
  store->cancel(*op);  // too late, and harmless
  EXPECT_EQ(op->ends(), 1);
  EXPECT_EQ(store->stats().pending, 0u);
}

TEST_F(LimitsOfASilentServer, ShutdownEndsWhatIsPendingAndWhatComes) {
  const observed_store store(patient(server.url()));
  const auto sent = claim_of(1);
  EXPECT_FALSE(sent->start(*store));
  ASSERT_TRUE(has_operations(1));
  store->shutdown();
  ASSERT_TRUE(sent->wait());
  expect_failed(*sent, store_errc::shut_down, false, false);
  const auto late = claim_of(2);
  EXPECT_TRUE(late->start(*store));
  expect_failed(*late, store_errc::shut_down, false, true);
  store->shutdown();
  store->cancel(*sent);
  EXPECT_TRUE(store.told().wait_for("shut_down"));
  EXPECT_FALSE(store->ready());
  EXPECT_EQ(sent->ends(), 1);
}

// Nobody is there.
struct LimitsOffline : testing::Test {
  std::string url = "redis://127.0.0.1:" + std::to_string(find_free_port());
};

TEST_F(LimitsOffline, OperationThatWasNotSentFailsSoonWithAKnownOutcome) {
  redis_store_options options = hasty(url);
  options.operation_timeout = 1h;
  const observed_store store(options);
  const auto op = claim_of(1);
  EXPECT_FALSE(op->start(*store));
  ASSERT_TRUE(op->wait());
  expect_failed(*op, store_errc::unavailable, true, true);
  EXPECT_EQ(store->stats().unknown, 0u);
}

TEST_F(LimitsOffline, CancelOfWhatWasNotSentLeavesTheOutcomeKnown) {
  const observed_store store(patient(url));
  const auto op = claim_of(1);
  EXPECT_FALSE(op->start(*store));
  store->cancel(*op);
  ASSERT_TRUE(op->wait());
  expect_failed(*op, store_errc::canceled, false, true);
}

TEST_F(LimitsOffline, ShutdownOfWhatWasNotSentLeavesTheOutcomeKnown) {
  const observed_store store(patient(url));
  const auto op = claim_of(1);
  EXPECT_FALSE(op->start(*store));
  store->shutdown();
  ASSERT_TRUE(op->wait());
  expect_failed(*op, store_errc::shut_down, false, true);
}

// The reply to one that was canceled comes, and is nobody else's.
TEST(Limits, LateReplyOfACanceledOperationIsThrownAway) {
  const redis_server server;
  fault_proxy network(server.port());
  const observed_store store(patient(network.url()));
  ASSERT_TRUE(store.wait_until_ready());
  const auto sent_before = network.forwarded(way::to_server);
  network.delay(way::to_client, 20s);
  const auto canceled = claim_of(1);
  EXPECT_FALSE(canceled->start(*store));
  ASSERT_TRUE(eventually([&] { return network.forwarded(way::to_server) > sent_before; }));
  store->cancel(*canceled);
  ASSERT_TRUE(canceled->wait());
  expect_failed(*canceled, store_errc::canceled, false, false);
  const auto next = claim_of(2);
  EXPECT_FALSE(next->start(*store));
  network.calm();
  ASSERT_TRUE(next->wait());
  EXPECT_EQ(next->status, claim_status::claimed);
  EXPECT_EQ(ops::claim(*store, {.key = 1, .nonce = 2}).status, claim_status::running)
      << "it was carried out";
  EXPECT_EQ(canceled->ends(), 1);
  EXPECT_EQ(store->stats().disconnections, 0u);
}

// What was sent on a connection that ended is sent again, and known as the same.
TEST(Limits, OperationsAreSentAgainOnTheNextConnection) {
  const redis_server server;
  fault_proxy network(server.port());
  const observed_store store(patient(network.url()));
  ASSERT_TRUE(store.wait_until_ready());
  network.swallow(way::to_client, true);
  std::vector<std::unique_ptr<pending<claim_op>>> all;
  for (std::uint64_t key = 1; key <= 20; ++key) {
    all.push_back(claim_of(key));
    EXPECT_FALSE(all.back()->start(*store));
  }
  ASSERT_TRUE(eventually(
      [&] { return server.command({"DBSIZE"}).integer == 20 && network.counts().swallowed > 0; }));
  network.calm();  // and ends the connection, which has lost something
  for (const auto& each : all) {
    ASSERT_TRUE(each->wait());
    EXPECT_EQ(each->status, claim_status::claimed);
    EXPECT_EQ(each->fence, 1'000u);
  }
  EXPECT_EQ(store->stats().resent, 20u);
  EXPECT_EQ(store->stats().unknown, 0u);
}

// The first time it was carried out, and the server that it is sent to again refuses it: nobody may
// be told that it certainly did not happen.
TEST(Limits, RefusalOfWhatWasSentAgainLeavesTheOutcomeUnknown) {
  const redis_server server;
  fault_proxy network(server.port());
  const observed_store store(patient(network.url()));
  ASSERT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  ASSERT_EQ(ops::claim(*store, {.key = 2}).status, claim_status::claimed);
  ASSERT_EQ(ops::complete(*store, {.key = 2}, "so that the script is there").status,
            write_status::applied);
  network.swallow(way::to_client, true);
  pending<complete_op> completion;
  ops::set(completion, {});
  completion.fingerprint = ops::named<idempotency::digest>(1);
  completion.operation_id = "request-1";
  completion.response = ops::response("done");
  EXPECT_FALSE(completion.start(*store));
  const auto is_stored = [&] {
    const std::string value = server.command({"GET", key_name(1)}).text;
    return decode(value)->state == idempotency::record_state::completed;
  };
  ASSERT_TRUE(eventually([&] { return is_stored() && network.counts().swallowed > 0; }));
  server.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
  network.calm();  // and ends the connection, which has lost something
  ASSERT_TRUE(completion.wait());
  if (completion.status == write_status::failed) {
    EXPECT_FALSE(completion.failure.is_outcome_known);
  } else {
    EXPECT_EQ(completion.status, write_status::already_applied);
  }
}

TEST(Limits, RefusedClaimThatWasSentAgainLeavesTheOutcomeUnknown) {
  std::atomic<bool> is_first = true;
  scripted_server server([&](const std::vector<std::string>&) -> std::string {
    if (is_first.exchange(false)) return "!";  // after which no connection goes on
    return "-LOADING Redis is loading the dataset in memory\r\n";
  });
  const observed_store store(patient(server.url()));
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.status, claim_status::failed);
  EXPECT_EQ(said.failure.why, store_errc::unavailable);
  EXPECT_TRUE(said.failure.is_retryable);
  EXPECT_FALSE(said.failure.is_outcome_known);
  EXPECT_EQ(server.operations(), 2u);
}

TEST(Limits, EachBreachOfAStatedLimitIsInvalid) {
  const redis_server server;
  const observed_store store(patient(server.url()));
  EXPECT_EQ(ops::claim(*store, {.id = ""}).failure.why, store_errc::invalid);
  EXPECT_EQ(ops::claim(*store, {.id = std::string(129, 'i')}).failure.why, store_errc::invalid);
  EXPECT_EQ(ops::mark(*store, {}, std::string(257, 'n')).failure.why, store_errc::invalid);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
}

// done() starts the next operation, cancels meet the end, and the store is shut down in the middle.
TEST(Limits, EverythingEndsOnceWhoeverInterferes) {
  const redis_server server;
  fault_proxy network(server.port());
  for (unsigned round = 0; round < 10; ++round) {
    const observed_store store(hasty(network.url()));
    std::vector<std::thread> threads;
    std::vector<std::vector<std::unique_ptr<pending<claim_op>>>> all(4);
    for (unsigned i = 0; i < all.size(); ++i) {
      threads.emplace_back([&, i] {
        std::minstd_rand random(round * 10 + i + 1);
        for (int n = 0; n < 200; ++n) {
          all[i].push_back(claim_of(random() % 50));
          all[i].back()->start(*store);
          if (random() % 3 == 0) store->cancel(*all[i][random() % all[i].size()]);
        }
      });
    }
    network.reset_all();
    if (round % 2 == 0) {
      EXPECT_TRUE(eventually([&] { return store.told().count("connected") > 0; }));
      store->shutdown();
    }
    for (std::thread& each : threads) each.join();
    for (const auto& some : all) {
      for (const auto& each : some) EXPECT_TRUE(each->wait());
    }
    EXPECT_EQ(store->stats().pending, 0u);
    store->shutdown();
    for (const auto& some : all) {
      for (const auto& each : some) EXPECT_EQ(each->ends(), 1);
    }
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
