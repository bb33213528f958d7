// SPDX-License-Identifier: Apache-2.0
//
// In the steady state an operation of a store with a thread of its own allocates nothing, and a
// replay its response alone. (On an executor Asio's type-erased strand allocates for each batch.)

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "idempotency_redis/support/redis_server.hpp"
#include "parley/idempotency_redis/store.hpp"
#include "support/allocations.hpp"

namespace parley::idempotency_redis {
namespace {

using testing_support::allocations;

enum class loop_kind : std::uint8_t { pairs, replays };

// One operation after the other: all but the first start on the store's thread.
class loop {
 public:
  loop(idempotency::store& records, loop_kind kind) : records_(records), kind_(kind) {
    claim_.of = complete_.of = this;
    claim_.request_id = "req_0123456789abcdef";
    claim_.unix_ms = 1'700'000'000'000;
    complete_.operation_id = claim_.request_id;
    const std::string body(200, 'x');
    complete_.response = idempotency::response_ref::copy_of(std::as_bytes(std::span(body)));
  }

  void start(std::uint64_t count) {
    left_ = count;
    next();
  }
  void wait() const { is_over_.wait(false); }
  std::uint64_t failures() const { return failures_; }
  void watch_from(std::uint64_t half) { half_ = half; }
  std::size_t allocated() const { return at_end_ - at_half_; }

 private:
  struct claim_step final : idempotency::claim_op {
    void done() noexcept override { of->claimed(); }
    loop* of = nullptr;
  };
  struct complete_step final : idempotency::complete_op {
    void done() noexcept override { of->completed(); }
    loop* of = nullptr;
  };

  void next() {
    if (left_ == half_) at_half_ = allocations();
    if (left_ == 0) {
      at_end_ = allocations();
      is_over_ = true;
      is_over_.notify_all();
      return;
    }
    --left_;
    const std::uint64_t key = kind_ == loop_kind::pairs ? ++key_ : 1;
    std::memcpy(claim_.key.bytes.data(), &key, sizeof key);
    ++attempts_;
    std::memcpy(claim_.nonce.bytes.data(), &attempts_, sizeof attempts_);
    ASSERT_FALSE(records_.claim(claim_));
  }
  void claimed() {
    if (claim_.status == idempotency::claim_status::claimed) {
      complete_.key = claim_.key;
      complete_.nonce = claim_.nonce;
      complete_.fence = claim_.fence;
      ASSERT_FALSE(records_.complete(complete_));
      return;
    }
    if (claim_.status != idempotency::claim_status::completed) ++failures_;
    claim_.response = {};
    next();
  }
  void completed() {
    if (complete_.status != idempotency::write_status::applied) ++failures_;
    next();
  }

  idempotency::store& records_;
  const loop_kind kind_;
  claim_step claim_;
  complete_step complete_;
  std::uint64_t left_ = 0;
  std::uint64_t half_ = 0;
  std::uint64_t key_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint64_t failures_ = 0;
  std::size_t at_half_ = 0;
  std::size_t at_end_ = 0;
  std::atomic<bool> is_over_ = false;
};

class Allocation : public testing::Test {
 protected:
  // How many there were in the second half of 2,000 rounds.
  std::size_t second_half(loop_kind kind) {
    testing_support::redis_server server;
    redis_store_options options;
    options.url = server.url();
    options.operation_timeout = std::chrono::seconds(30);  // a sanitizer makes it slow
    auto records = make_redis_store(options);
    EXPECT_TRUE(records) << records.error();
    while (!(*records)->ready()) std::this_thread::yield();
    loop rounds(**records, kind);
    rounds.watch_from(1'000);
    rounds.start(2'000);
    rounds.wait();
    EXPECT_EQ(rounds.failures(), 0u);
    return rounds.allocated();
  }
};

TEST_F(Allocation, NoneForAClaimAndItsCompletion) { EXPECT_EQ(second_half(loop_kind::pairs), 0u); }

TEST_F(Allocation, OneForAReplay) { EXPECT_EQ(second_half(loop_kind::replays), 1'000u); }

}  // namespace
}  // namespace parley::idempotency_redis
