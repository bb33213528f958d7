// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/store.hpp"

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"

namespace parley::idempotency {
namespace {

using std::chrono::milliseconds;

// Says yes to all that gets through.
class open_store final : public store {
 public:
  int calls = 0;

 private:
  bool do_claim(claim_op& op) noexcept override {
    ++calls;
    op.status = claim_status::claimed;
    return true;
  }
  bool apply(write_op& op) noexcept {
    ++calls;
    op.status = write_status::applied;
    return true;
  }
  bool do_complete(complete_op& op) noexcept override { return apply(op); }
  bool do_release(release_op& op) noexcept override { return apply(op); }
  bool do_renew(renew_op& op) noexcept override { return apply(op); }
  bool do_mark(mark_op& op) noexcept override { return apply(op); }
  void do_cancel(op_base&) noexcept override {}
  void do_shutdown() noexcept override {}
};

constexpr milliseconds longest_lease{0xffff'ffff - 1'000};

struct time_case {
  const char* name;
  milliseconds lease;
  milliseconds retention;
  bool is_valid;
};
constexpr time_case claim_times[] = {
    {"LeaseNone", milliseconds(0), milliseconds(60'000), false},
    {"LeaseShortest", milliseconds(1), milliseconds(60'000), true},
    {"LeaseNegative", milliseconds(-1), milliseconds(60'000), false},
    {"LeaseMostNegative", milliseconds::min(), milliseconds(60'000), false},
    {"LeaseLongest", longest_lease, retention_max, true},
    {"LeaseTooLong", longest_lease + milliseconds(1), retention_max, false},
    {"LeaseHuge", milliseconds::max(), retention_max, false},
    {"RetentionNone", milliseconds(1), milliseconds(0), false},
    {"RetentionNegative", milliseconds(1), milliseconds(-1), false},
    {"RetentionMostNegative", milliseconds(1), milliseconds::min(), false},
    {"MarginJustKept", milliseconds(1), milliseconds(1'001), true},
    {"MarginJustMissed", milliseconds(1), milliseconds(1'000), false},
    {"RetentionLongest", milliseconds(1), retention_max, true},
    {"RetentionTooLong", milliseconds(1), retention_max + milliseconds(1), false},
    {"RetentionHuge", milliseconds(1), milliseconds::max(), false},
};

class ClaimTimes : public testing::TestWithParam<time_case> {};

TEST_P(ClaimTimes, AreChecked) {
  open_store records;
  const auto answer =
      ops::claim(records, {.lease = GetParam().lease, .retention = GetParam().retention});
  EXPECT_EQ(records.calls, GetParam().is_valid ? 1 : 0);
  if (GetParam().is_valid) {
    EXPECT_EQ(answer.status, claim_status::claimed);
  } else {
    EXPECT_EQ(answer.status, claim_status::failed);
    EXPECT_EQ(answer.failure.why, store_errc::invalid);
    EXPECT_FALSE(answer.failure.is_retryable);
    EXPECT_TRUE(answer.failure.is_outcome_known);
  }
}

INSTANTIATE_TEST_SUITE_P(, ClaimTimes, testing::ValuesIn(claim_times),
                         [](const auto& each) { return std::string(each.param.name); });

void expect_write(const ops::write_answer& answer, bool is_valid) {
  EXPECT_EQ(answer.status, is_valid ? write_status::applied : write_status::failed);
  if (!is_valid) {
    EXPECT_EQ(answer.failure.why, store_errc::invalid);
    EXPECT_FALSE(answer.failure.is_retryable);
  }
}

TEST(StoreLimits, OperationIds) {
  struct {
    std::size_t size;
    bool is_valid;
  } constexpr cases[] = {{0, false}, {1, true}, {36, true}, {128, true}, {129, false}};
  for (const auto& each : cases) {
    SCOPED_TRACE(each.size);
    open_store records;
    const ops::attempt by = {.id = std::string(each.size, 'x')};
    EXPECT_EQ(ops::claim(records, by).status,
              each.is_valid ? claim_status::claimed : claim_status::failed);
    expect_write(ops::complete(records, by, "body"), each.is_valid);
    EXPECT_EQ(records.calls, each.is_valid ? 2 : 0);
  }
}

TEST(StoreLimits, Notes) {
  struct {
    std::size_t size;
    bool is_valid;
  } constexpr cases[] = {{0, true}, {1, true}, {256, true}, {257, false}};
  for (const auto& each : cases) {
    open_store records;
    expect_write(ops::mark(records, {}, std::string(each.size, 'n')), each.is_valid);
  }
}

TEST(StoreLimits, RenewedLeases) {
  struct {
    milliseconds lease;
    bool is_valid;
  } constexpr cases[] = {{milliseconds(-1), false},
                         {milliseconds(0), false},
                         {milliseconds(1), true},
                         {longest_lease, true},
                         {longest_lease + milliseconds(1), false},
                         {milliseconds::max(), false}};
  for (const auto& each : cases) {
    open_store records;
    expect_write(ops::renew(records, {.lease = each.lease}), each.is_valid);
  }
}

TEST(StoreLimits, CompletedRetentions) {
  struct {
    milliseconds retention;
    bool is_valid;
  } constexpr cases[] = {{milliseconds(0), false},
                         {milliseconds(1), true},
                         {retention_max, true},
                         {retention_max + milliseconds(1), false},
                         {milliseconds::min(), false}};
  for (const auto& each : cases) {
    open_store records;
    expect_write(ops::complete(records, {.retention = each.retention}, "body"), each.is_valid);
  }
}

TEST(StoreLimits, ResponsesThatAreNull) {
  open_store records;
  expect_write(ops::complete(records, {}, ops::completion{}), false);
  expect_write(ops::complete(records, {}, ""), true);
}

TEST(StoreErrc, HasAName) {
  struct {
    store_errc e;
    std::string_view name;
  } constexpr cases[] = {
      {store_errc::full, "full"},
      {store_errc::scope_full, "scope_full"},
      {store_errc::out_of_memory, "out_of_memory"},
      {store_errc::unavailable, "unavailable"},
      {store_errc::timed_out, "timed_out"},
      {store_errc::busy, "busy"},
      {store_errc::canceled, "canceled"},
      {store_errc::corrupt_record, "corrupt_record"},
      {store_errc::spent_nonce, "spent_nonce"},
      {store_errc::invalid, "invalid"},
      {store_errc::shut_down, "shut_down"},
      {static_cast<store_errc>(0), "unknown"},
      {static_cast<store_errc>(12), "unknown"},
  };
  for (const auto& each : cases) EXPECT_EQ(to_string(each.e), each.name);
}

TEST(BoundedText, KeepsTheFirstBytes) {
  bounded_text<4> text;
  EXPECT_TRUE(text.empty());
  text.assign("abcd");
  EXPECT_EQ(text.view(), "abcd");
  text.assign("abcde");
  EXPECT_EQ(text.view(), "abcd");
  text.assign({});
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace parley::idempotency
