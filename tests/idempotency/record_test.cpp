// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/record.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency {
namespace {

constexpr nonce ours = {{std::byte{1}}};
constexpr nonce others = {{std::byte{2}}};
constexpr digest same = {{std::byte{3}}};
constexpr digest different = {{std::byte{4}}};

enum class flag : std::uint8_t { no, yes, any };

constexpr bool fits(flag pattern, bool value) {
  return pattern == flag::any || (pattern == flag::yes) == value;
}

constexpr record_state states[] = {record_state::running, record_state::marked,
                                   record_state::completed, record_state::released};

record_view make_view(record_state state, bool is_ours, bool is_lease_over) {
  return {.state = state,
          .fingerprint = same,
          .owner = is_ours ? ours : others,
          .fence = 7,
          .lease_over = is_lease_over};
}

// The table of the engine, and before it the rows of one's own nonce.
struct claim_row {
  record_state state;
  flag is_ours;
  flag is_same;
  flag is_lease_over;
  flag may_rerun;
  claim_verdict verdict;
};
using enum flag;
constexpr claim_row claim_rows[] = {
    {record_state::running, yes, any, any, any, claim_verdict::resume},
    {record_state::running, no, no, any, any, claim_verdict::conflict},
    {record_state::running, no, yes, no, any, claim_verdict::running},
    {record_state::running, no, yes, yes, any, claim_verdict::take_over},
    {record_state::marked, yes, any, any, any, claim_verdict::resume},
    {record_state::marked, no, no, any, any, claim_verdict::conflict},
    {record_state::marked, no, yes, no, any, claim_verdict::running},
    {record_state::marked, no, yes, yes, no, claim_verdict::abandoned},
    {record_state::marked, no, yes, yes, yes, claim_verdict::take_over},
    {record_state::completed, yes, any, any, any, claim_verdict::replay},
    {record_state::completed, no, yes, any, any, claim_verdict::replay},
    {record_state::completed, no, no, any, any, claim_verdict::conflict},
    {record_state::released, yes, any, any, any, claim_verdict::spent},
    {record_state::released, no, any, any, any, claim_verdict::take},
};

TEST(JudgeClaim, FollowsTheTableEverywhere) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    const record_state state = states[bits % 4];
    const bool is_ours = (bits & 4) != 0;
    const bool is_same = (bits & 8) != 0;
    const bool is_lease_over = (bits & 16) != 0;
    const bool may_rerun = (bits & 32) != 0;
    const record_view found = make_view(state, is_ours, is_lease_over);
    std::vector<claim_verdict> expected;
    for (const claim_row& row : claim_rows) {
      if (row.state == state && fits(row.is_ours, is_ours) && fits(row.is_same, is_same) &&
          fits(row.is_lease_over, is_lease_over) && fits(row.may_rerun, may_rerun)) {
        expected.push_back(row.verdict);
      }
    }
    ASSERT_EQ(expected.size(), 1u) << bits;
    EXPECT_EQ(judge_claim(&found, is_same ? same : different, ours, may_rerun), expected[0])
        << bits;
  }
}

TEST(JudgeClaim, TakesWhatIsNotThere) {
  EXPECT_EQ(judge_claim(nullptr, same, ours, false), claim_verdict::take);
  EXPECT_EQ(judge_claim(nullptr, same, ours, true), claim_verdict::take);
}

struct write_row {
  record_state state;
  write_verdict complete;
  write_verdict release;
  write_verdict renew;
  write_verdict mark;
};
using enum write_verdict;
// Of one's own record; of another's each is lost.
constexpr write_row write_rows[] = {
    {record_state::running, apply, apply, apply, apply},
    {record_state::marked, apply, apply, apply, already},
    {record_state::completed, already, lost, lost, lost},
    {record_state::released, lost, already, lost, lost},
};

TEST(JudgeWrite, FollowsTheTableEverywhere) {
  for (const write_row& row : write_rows) {
    for (const bool flagged : {false, true}) {
      const record_view mine = make_view(row.state, true, flagged);
      EXPECT_EQ(judge_complete(&mine, ours, flagged), row.complete);
      EXPECT_EQ(judge_complete(&mine, ours, !flagged), row.complete);
      EXPECT_EQ(judge_release(&mine, ours), row.release);
      EXPECT_EQ(judge_renew(&mine, ours), row.renew);
      EXPECT_EQ(judge_mark(&mine, ours), row.mark);
      const record_view foreign = make_view(row.state, false, flagged);
      EXPECT_EQ(judge_complete(&foreign, ours, flagged), lost);
      EXPECT_EQ(judge_complete(&foreign, ours, !flagged), lost);
      EXPECT_EQ(judge_release(&foreign, ours), lost);
      EXPECT_EQ(judge_renew(&foreign, ours), lost);
      EXPECT_EQ(judge_mark(&foreign, ours), lost);
    }
  }
}

TEST(JudgeWrite, FindsNothing) {
  EXPECT_EQ(judge_complete(nullptr, ours, true), apply);
  EXPECT_EQ(judge_complete(nullptr, ours, false), gone);
  EXPECT_EQ(judge_release(nullptr, ours), apply);
  EXPECT_EQ(judge_renew(nullptr, ours), gone);
  EXPECT_EQ(judge_mark(nullptr, ours), gone);
}

TEST(NextFence, IsAboveTheLastAndNotBelowTheTime) {
  record_view found = make_view(record_state::running, false, true);
  for (const std::uint64_t fence : {std::uint64_t{0}, std::uint64_t{99}, std::uint64_t{100},
                                    std::uint64_t{101}, std::uint64_t{1} << 40}) {
    found.fence = fence;
    const std::uint64_t next = next_fence(&found, 100);
    EXPECT_GT(next, fence);
    EXPECT_GE(next, 100u);
    EXPECT_TRUE(next == fence + 1 || next == 100) << fence;
  }
  EXPECT_EQ(next_fence(nullptr, 100), 100u);
  EXPECT_EQ(next_fence(nullptr, 0), 0u);
}

}  // namespace
}  // namespace parley::idempotency
