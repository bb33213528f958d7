// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/response_ref.hpp"

#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency {
namespace {

std::vector<std::byte> make_bytes(std::size_t size) {
  std::vector<std::byte> made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>(i * 131 + i / 256);
  return made;
}

std::vector<std::byte> to_vector(const response_ref& from) {
  return {from.bytes().begin(), from.bytes().end()};
}

TEST(ResponseRef, IsNullAtFirst) {
  const response_ref none;
  EXPECT_FALSE(none);
  EXPECT_TRUE(none.bytes().empty());
}

TEST(ResponseRef, KeepsTheBytesOfEverySize) {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 200u, 4096u, 1u << 20}) {
    std::vector<std::byte> bytes = make_bytes(size);
    const response_ref kept = response_ref::copy_of(bytes);
    const std::vector<std::byte> original = bytes;
    for (std::byte& each : bytes) each = ~each;
    ASSERT_TRUE(kept) << size;
    EXPECT_EQ(to_vector(kept), original) << size;
  }
}

TEST(ResponseRef, SharesOneBlock) {
  const response_ref first = response_ref::copy_of(make_bytes(100));
  const response_ref second = first;
  EXPECT_EQ(first.bytes().data(), second.bytes().data());
}

TEST(ResponseRef, OutlivesTheOneItWasCopiedFrom) {
  response_ref last;
  {
    const response_ref first = response_ref::copy_of(make_bytes(100));
    last = first;
  }
  EXPECT_EQ(to_vector(last), make_bytes(100));
}

TEST(ResponseRef, MovesAndLeavesNull) {
  response_ref from = response_ref::copy_of(make_bytes(10));
  response_ref to = std::move(from);
  EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): it is what is tested
  EXPECT_EQ(to_vector(to), make_bytes(10));
  from = std::move(to);
  EXPECT_EQ(to_vector(from), make_bytes(10));
}

TEST(ResponseRef, SurvivesAssignmentToItself) {
  response_ref one = response_ref::copy_of(make_bytes(10));
  const response_ref& same = one;
  one = same;
  EXPECT_EQ(to_vector(one), make_bytes(10));
}

TEST(ResponseRef, IsCopiedAndDroppedByThreadsAtOnce) {
  const response_ref shared = response_ref::copy_of(make_bytes(64));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([mine = shared] {
      for (int turn = 0; turn < 2000; ++turn) {
        const response_ref copy = mine;
        ASSERT_EQ(copy.bytes().size(), 64u);
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(to_vector(shared), make_bytes(64));
}

}  // namespace
}  // namespace parley::idempotency
