// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/memory_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "idempotency/ops.hpp"

namespace parley::idempotency {
namespace {

using ops::attempt;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds day = hours(24);

class MemoryStore : public testing::Test {
 protected:
  MemoryStore() { remake({}); }
  void remake(memory_store_options options) {
    options.clock = [this] { return now_; };
    auto made = make_memory_store(std::move(options));
    ASSERT_TRUE(made) << made.error();
    records_ = std::move(*made);
  }
  void advance(nanoseconds by) { now_ += by; }

  ops::claim_answer claim(const attempt& by) { return ops::claim(*records_, by); }
  write_status complete(const attempt& by, std::string_view text = "body") {
    return ops::complete(*records_, by, text).status;
  }
  write_status release(const attempt& by) { return ops::release(*records_, by).status; }
  write_status renew(const attempt& by) { return ops::renew(*records_, by).status; }
  write_status mark(const attempt& by, std::string_view note = "note") {
    return ops::mark(*records_, by, note).status;
  }
  // Claims and completes a key of its own.
  claim_status put(std::uint64_t key, std::size_t size = 10, milliseconds retention = day) {
    const attempt by = {.key = key, .nonce = key, .scope = key, .retention = retention};
    const claim_status status = claim(by).status;
    if (status == claim_status::claimed) complete(by, std::string(size, 'r'));
    return status;
  }

  steady_clock::time_point now_{};
  std::unique_ptr<memory_store> records_;
};

const attempt first = {.nonce = 1, .id = "request-1"};
const attempt again = {.nonce = 2, .id = "request-2"};
const attempt other = {.nonce = 3, .fingerprint = 2, .id = "request-3"};

TEST_F(MemoryStore, ClaimsWhatIsNotThere) {
  const auto answer = claim(first);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.fence, first.unix_ms);
  EXPECT_EQ(answer.id, "request-1");
  EXPECT_EQ(records_->stats().entries, 1u);
}

TEST_F(MemoryStore, ReplaysWhatWasCompleted) {
  claim(first);
  EXPECT_EQ(complete(first, "the body"), write_status::applied);
  const auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::completed);
  EXPECT_EQ(ops::text_of(answer.response), "the body");
  EXPECT_EQ(answer.id, "request-1");
}

TEST_F(MemoryStore, NamesTheOriginalInEveryConflict) {
  claim(first);
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  mark(first);
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  advance(seconds(31));
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  complete(first);
  const auto answer = claim(other);
  EXPECT_EQ(answer.status, claim_status::conflict);
  EXPECT_EQ(answer.id, "request-1");
  EXPECT_FALSE(answer.response);
}

TEST_F(MemoryStore, TellsHowLongALeaseLasts) {
  claim(first);
  auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::running);
  EXPECT_EQ(answer.lease_left, seconds(30));
  EXPECT_EQ(answer.id, "request-1");
  advance(seconds(30) - nanoseconds(1));
  answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::running);
  EXPECT_EQ(answer.lease_left, milliseconds(1));
}

TEST_F(MemoryStore, TakesOverWhenTheLeaseIsOver) {
  claim(first);
  advance(seconds(30));
  const auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.fence, first.unix_ms + 1);
  EXPECT_EQ(answer.id, "request-1");
  EXPECT_EQ(claim({.nonce = 4}).lease_left, seconds(30));
  EXPECT_EQ(complete(first, "late"), write_status::lost);
  EXPECT_EQ(renew(first), write_status::lost);
  EXPECT_EQ(mark(first), write_status::lost);
  EXPECT_EQ(release(first), write_status::lost);
  EXPECT_EQ(complete(again, "second"), write_status::applied);
  EXPECT_EQ(ops::text_of(claim({.nonce = 4}).response), "second");
}

TEST_F(MemoryStore, RaisesTheFenceWithEveryAttempt) {
  std::uint64_t last = claim(first).fence;
  for (std::uint64_t nonce = 2; nonce < 10; ++nonce) {
    attempt next = {.nonce = nonce, .unix_ms = nonce % 3 * 1000};
    if (nonce % 2 == 0) {
      advance(seconds(30));
    } else {
      ASSERT_EQ(release({.nonce = nonce - 1}), write_status::applied);
    }
    const auto answer = claim(next);
    ASSERT_EQ(answer.status, claim_status::claimed);
    EXPECT_GT(answer.fence, last);
    last = answer.fence;
  }
}

TEST_F(MemoryStore, KnowsItsOwnClaimAgain) {
  const auto sent = claim(first);
  advance(seconds(10));
  auto answer = claim(first);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.fence, sent.fence);
  EXPECT_EQ(claim(again).lease_left, seconds(20));  // it is not extended
  advance(seconds(30));
  EXPECT_EQ(claim(first).fence, sent.fence);
  mark(first);
  EXPECT_EQ(claim(first).status, claim_status::claimed);
  complete(first);
  EXPECT_EQ(claim(first).status, claim_status::completed);
}

TEST_F(MemoryStore, AbandonsWhatWasMarked) {
  claim(first);
  EXPECT_EQ(mark(first, "dialled +15550100"), write_status::applied);
  EXPECT_EQ(mark(first, "another"), write_status::already_applied);
  EXPECT_EQ(claim(again).status, claim_status::running);
  advance(seconds(30));
  const auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::abandoned);
  EXPECT_EQ(answer.id, "request-1");
  EXPECT_EQ(answer.note, "dialled +15550100");
  EXPECT_EQ(complete(first), write_status::applied);  // late, but not superseded
}

TEST_F(MemoryStore, RerunsWhatWasMarkedWhereThePolicySaysSo) {
  claim(first);
  mark(first);
  attempt rerun = again;
  rerun.rerun_marked = true;
  EXPECT_EQ(claim(rerun).status, claim_status::running);
  advance(seconds(30));
  const auto answer = claim(rerun);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.id, "request-1");
  // The new attempt is not marked.
  advance(seconds(30));
  EXPECT_EQ(claim({.nonce = 4}).status, claim_status::claimed);
}

TEST_F(MemoryStore, FreesTheKeyWhenItIsReleased) {
  const auto before = claim(first);
  EXPECT_EQ(release(first), write_status::applied);
  EXPECT_EQ(release(first), write_status::already_applied);
  const auto spent = claim(first);
  EXPECT_EQ(spent.status, claim_status::failed);
  EXPECT_EQ(spent.failure.why, store_errc::spent_nonce);
  EXPECT_FALSE(spent.failure.is_retryable);
  EXPECT_EQ(complete(first), write_status::lost);
  const auto answer = claim(other);  // also for another request
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.fence, before.fence + 1);
  EXPECT_EQ(answer.id, "request-3");
}

TEST_F(MemoryStore, ForgetsAReleaseAfterTenMinutes) {
  claim(first);
  release(first);
  advance(released_retention - nanoseconds(1));
  EXPECT_EQ(claim(first).failure.why, store_errc::spent_nonce);
  advance(nanoseconds(1));
  EXPECT_EQ(claim(first).status, claim_status::claimed);
}

TEST_F(MemoryStore, RecordsAReleaseThatFindsNothing) {
  EXPECT_EQ(ops::release(*records_, first, 5000).status, write_status::applied);
  EXPECT_EQ(claim(first).failure.why, store_errc::spent_nonce);
  const auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.fence, 5001u);
}

TEST_F(MemoryStore, CompletesLateIfNobodyCameBetween) {
  claim(first);
  advance(hours(23));
  EXPECT_EQ(complete(first), write_status::applied);
  EXPECT_EQ(complete(first), write_status::already_applied);
  advance(hours(23));
  EXPECT_EQ(claim(again).status, claim_status::completed);  // its life began with the completion
}

TEST_F(MemoryStore, CompletesWhatItHasForgottenWhileTheLeaseHolds) {
  claim(first);
  records_->clear();
  EXPECT_EQ(records_->stats().entries, 0u);
  EXPECT_EQ(complete(first), write_status::gone);
  EXPECT_EQ(mark(first), write_status::gone);
  EXPECT_EQ(renew(first), write_status::gone);
  const ops::completion with = {.response = ops::response("kept"), .lease_holds = true};
  EXPECT_EQ(ops::complete(*records_, first, with).status, write_status::applied);
  EXPECT_EQ(ops::complete(*records_, first, with).status, write_status::already_applied);
  const auto answer = claim(again);
  EXPECT_EQ(answer.status, claim_status::completed);
  EXPECT_EQ(ops::text_of(answer.response), "kept");
  EXPECT_EQ(answer.id, "request-1");
  EXPECT_EQ(claim(other).status, claim_status::conflict);
}

TEST_F(MemoryStore, RenewsFromNowOn) {
  claim(first);
  advance(seconds(20));
  EXPECT_EQ(renew(first), write_status::applied);
  EXPECT_EQ(claim(again).lease_left, seconds(30));
  advance(seconds(30));
  EXPECT_EQ(renew(first), write_status::applied);  // late, but not superseded
  EXPECT_EQ(claim(again).status, claim_status::running);
}

TEST_F(MemoryStore, KeepsARecordLongerThanItsRenewedLease) {
  attempt brief = {.lease = milliseconds(100), .retention = milliseconds(1'100)};
  claim(brief);
  advance(milliseconds(1'000));
  EXPECT_EQ(renew(brief), write_status::applied);
  advance(milliseconds(1'099));
  EXPECT_EQ(renew(brief), write_status::applied);
  brief.lease = seconds(10);  // above what the record was to live
  EXPECT_EQ(renew(brief), write_status::applied);
  advance(milliseconds(10'999));
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  advance(milliseconds(1));
  EXPECT_EQ(renew(brief), write_status::gone);
}

struct life_case {
  const char* name;
  milliseconds retention;
};
constexpr life_case lives[] = {
    {"OneMillisecond", milliseconds(1)}, {"OneDay", day}, {"TheLongest", retention_max}};

class MemoryStoreLife : public MemoryStore, public testing::WithParamInterface<life_case> {};

TEST_P(MemoryStoreLife, EndsExactly) {
  attempt by = first;
  claim(by);
  advance(milliseconds(5));
  by.retention = GetParam().retention;
  ASSERT_EQ(complete(by), write_status::applied);
  advance(GetParam().retention - nanoseconds(1));
  EXPECT_EQ(claim(again).status, claim_status::completed);
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  advance(nanoseconds(1));
  const auto answer = claim(other);
  EXPECT_EQ(answer.status, claim_status::claimed);
  EXPECT_EQ(answer.id, "request-3");
}

INSTANTIATE_TEST_SUITE_P(, MemoryStoreLife, testing::ValuesIn(lives),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(MemoryStore, ForgetsARunningRecordPastItsRetention) {
  claim({.lease = seconds(1), .retention = seconds(2)});
  advance(seconds(2) - nanoseconds(1));
  EXPECT_EQ(claim(other).status, claim_status::conflict);
  advance(nanoseconds(1));
  EXPECT_EQ(claim(other).status, claim_status::claimed);
  EXPECT_EQ(records_->stats().entries, 1u);
}

TEST_F(MemoryStore, GivesARecordItsOwnRetentionInAnyMix) {
  std::mt19937_64 random(7);
  std::map<std::uint64_t, milliseconds> ends;
  const milliseconds few[] = {seconds(10), seconds(20), hours(1)};
  milliseconds time{0};
  remake({.shards = 1});
  for (std::uint64_t key = 1; key <= 5000; ++key) {
    const milliseconds retention =
        random() % 2 == 0 ? few[random() % 3] : milliseconds(1 + random() % 60'000);
    const attempt by = {.key = key + 1'000'000, .nonce = key, .retention = retention};
    const ops::completion with = {.response = ops::response("x"), .lease_holds = true};
    ASSERT_EQ(ops::complete(*records_, by, with).status, write_status::applied);
    ends[by.key] = time + retention;
    // Not always forwards.
    const milliseconds step(static_cast<std::int64_t>(random() % 9) - 2);
    advance(step);
    time += step;
    const std::uint64_t probe = 1'000'000 + 1 + random() % key;
    const bool is_alive = time < ends[probe];
    const auto status = claim({.key = probe, .nonce = 9'000'000 + key}).status;
    ASSERT_EQ(status, is_alive ? claim_status::completed : claim_status::claimed) << key;
    if (!is_alive) ends[probe] = time + day;
    if (!is_alive) {
      ASSERT_EQ(complete({.key = probe, .nonce = 9'000'000 + key}), write_status::applied);
    }
  }
  for (const auto& [key, end] : ends) {
    const bool is_alive = time < end;
    EXPECT_EQ(claim({.key = key, .nonce = 99'000'000}).status,
              is_alive ? claim_status::completed : claim_status::claimed);
  }
}

TEST_F(MemoryStore, ReclaimsEveryRecordThatHasEnded) {
  remake({.shards = 2});
  for (std::uint64_t key = 1; key <= 3000; ++key) {
    put(key, 100, milliseconds(31'000 + key * 7919 % 50'000));
  }
  EXPECT_EQ(records_->stats().entries, 3000u);
  const std::size_t full = records_->stats().bytes;
  advance(day);
  // A claim takes two with it, in its own shard.
  for (std::uint64_t key = 10'001; key <= 14'000; ++key) claim({.key = key, .nonce = key});
  EXPECT_EQ(records_->stats().entries, 4000u);
  advance(2 * day);
  for (int turn = 0; turn < 4000; ++turn) {
    renew({.key = static_cast<std::uint64_t>(turn)});
  }
  EXPECT_EQ(records_->stats().entries, 0u);
  EXPECT_LT(records_->stats().bytes, full / 4);
}

TEST_F(MemoryStore, DoesNotForgetWhenTheClockGoesBack) {
  advance(day);
  put(1);
  advance(-hours(1));
  EXPECT_EQ(claim({.nonce = 9}).status, claim_status::completed);
  put(2);
  advance(day - nanoseconds(1));
  EXPECT_EQ(claim({.key = 2, .nonce = 9}).status, claim_status::completed);
  advance(nanoseconds(1));
  EXPECT_EQ(claim({.key = 2, .nonce = 9}).status, claim_status::claimed);
  EXPECT_EQ(claim({.key = 1, .nonce = 9}).status, claim_status::completed);
  advance(hours(1));
  EXPECT_EQ(claim({.key = 1, .nonce = 9}).status, claim_status::claimed);
}

TEST_F(MemoryStore, HoldsNoEndAgainstTheEndOfTime) {
  now_ = steady_clock::time_point::max() - hours(1);
  claim(first);
  complete(first);
  EXPECT_EQ(claim(again).status, claim_status::completed);
}

TEST_F(MemoryStore, KeepsTextsOfEveryLength) {
  claim(first);  // a table or two stay where they were made
  for (const std::size_t size : {1u, 35u, 36u, 37u, 127u, 128u}) {
    for (const std::size_t note : {0u, 1u, 256u}) {
      SCOPED_TRACE(size * 1000 + note);
      records_->clear();
      const std::size_t empty = records_->stats().bytes;
      const attempt by = {.id = std::string(size, 'i')};
      EXPECT_EQ(claim(by).id, by.id);
      EXPECT_EQ(mark(by, std::string(note, 'n')), write_status::applied);
      EXPECT_EQ(claim(again).id, by.id);
      advance(seconds(30));
      const auto answer = claim(again);
      EXPECT_EQ(answer.status, claim_status::abandoned);
      EXPECT_EQ(answer.id, by.id);
      EXPECT_EQ(answer.note, std::string(note, 'n'));
      EXPECT_EQ(complete(by), write_status::applied);
      EXPECT_EQ(claim(again).id, by.id);
      records_->clear();
      EXPECT_EQ(records_->stats().bytes, empty);
    }
  }
}

TEST_F(MemoryStore, KeepsAnIdThroughMarkTakeoverAndMark) {
  const attempt by = {.id = std::string(100, 'i')};
  claim(by);
  mark(by, "one");
  advance(seconds(30));
  attempt rerun = again;
  rerun.rerun_marked = true;
  EXPECT_EQ(claim(rerun).id, by.id);
  EXPECT_EQ(mark(rerun, ""), write_status::applied);
  advance(seconds(30));
  const auto answer = claim({.nonce = 4});
  EXPECT_EQ(answer.status, claim_status::abandoned);
  EXPECT_EQ(answer.id, by.id);
  EXPECT_EQ(answer.note, "");
}

TEST_F(MemoryStore, KeepsResponsesOfEverySize) {
  std::string binary(256, '\0');
  for (std::size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<char>(i);
  for (const std::string& text : {std::string(), binary, std::string(1 << 20, 'x')}) {
    records_->clear();
    claim(first);
    ASSERT_EQ(complete(first, text), write_status::applied);
    const auto answer = claim(again);
    EXPECT_TRUE(answer.response);
    EXPECT_EQ(ops::text_of(answer.response), text);
  }
}

TEST_F(MemoryStore, LetsAReplayOutliveIt) {
  claim(first);
  complete(first, "kept");
  const auto one = claim(again);
  records_->clear();
  EXPECT_EQ(ops::text_of(one.response), "kept");
  claim(first);
  complete(first, "kept too");
  const auto two = claim(again);
  records_.reset();
  EXPECT_EQ(ops::text_of(two.response), "kept too");
}

TEST_F(MemoryStore, FailsEverythingAfterShutdown) {
  claim(first);
  records_->shutdown();
  records_->shutdown();
  EXPECT_EQ(claim(again).failure.why, store_errc::shut_down);
  EXPECT_FALSE(claim(again).failure.is_retryable);
  EXPECT_TRUE(claim(again).failure.is_outcome_known);
  EXPECT_EQ(ops::complete(*records_, first, "x").failure.why, store_errc::shut_down);
  EXPECT_EQ(ops::release(*records_, first).failure.why, store_errc::shut_down);
  EXPECT_EQ(ops::renew(*records_, first).failure.why, store_errc::shut_down);
  EXPECT_EQ(ops::mark(*records_, first, "").failure.why, store_errc::shut_down);
}

TEST_F(MemoryStore, FinishesAtOnce) {
  blocking_op<claim_op> op;
  ops::set(op, first);
  EXPECT_TRUE(records_->claim(op));
  records_->cancel(op);
  EXPECT_EQ(op.status, claim_status::claimed);
}

TEST_F(MemoryStore, DropsTheAnswerOfTheClaimBefore) {
  claim(first);
  complete(first);
  blocking_op<claim_op> op;
  ops::set(op, again);
  op.run(*records_);
  ASSERT_TRUE(op.response);
  op.key = ops::named<digest>(2);
  op.run(*records_);
  EXPECT_EQ(op.status, claim_status::claimed);
  EXPECT_FALSE(op.response);
}

TEST_F(MemoryStore, FindsKeysThatDifferInAnyByte) {
  // No digests, as a test or a careless user would pass: each must be a key of its own.
  std::uint64_t nonce = 0;
  for (std::size_t byte = 0; byte < 16; ++byte) {
    for (unsigned value = 1; value < 256; ++value) {
      blocking_op<claim_op> op;
      ops::set(op, {.nonce = ++nonce});
      op.request_id = "id";
      op.key = {};
      op.key.bytes[byte] = static_cast<std::byte>(value);
      op.run(*records_);
      ASSERT_EQ(op.status, claim_status::claimed) << byte << ' ' << value;
    }
  }
  EXPECT_EQ(records_->stats().entries, 16u * 255u);
}

// Caps.

class MemoryStoreCaps : public MemoryStore {};

TEST_F(MemoryStoreCaps, EntriesAreExact) {
  for (const std::size_t cap : {1u, 2u, 63u, 64u, 65u, 1000u, 20'000u}) {
    for (const unsigned shards : {1u, 64u}) {
      SCOPED_TRACE(cap * 100 + shards);
      remake({.entries_max = cap, .scope_share = 1, .shards = shards});
      for (std::uint64_t key = 1; key <= cap; ++key) {
        ASSERT_EQ(claim({.key = key, .nonce = key}).status, claim_status::claimed) << key;
        advance(milliseconds(1));
      }
      const auto answer = claim({.key = cap + 1, .nonce = cap + 1});
      EXPECT_EQ(answer.status, claim_status::failed);
      EXPECT_EQ(answer.failure.why, store_errc::full);
      EXPECT_TRUE(answer.failure.is_retryable);
      EXPECT_TRUE(answer.failure.is_outcome_known);
      EXPECT_EQ(answer.failure.retry_after, day - milliseconds(cap));
      EXPECT_EQ(records_->stats().entries, cap);
      EXPECT_EQ(records_->stats().refused_full, 1u);
      // What is there still works, and a completion needs no entry.
      EXPECT_EQ(complete({.key = cap, .nonce = cap}), write_status::applied);
      EXPECT_EQ(claim({.key = cap, .nonce = cap + 9}).status, claim_status::completed);
      // At the promised time there is room for one, wherever it is.
      advance(answer.failure.retry_after);
      if (cap > 1) {
        EXPECT_EQ(claim({.key = cap + 1, .nonce = cap + 1}).status, claim_status::claimed);
        EXPECT_EQ(claim({.key = cap + 2, .nonce = cap + 2}).failure.why, store_errc::full);
      }
    }
  }
}

TEST_F(MemoryStoreCaps, AReleaseOrACompletionThatFindsNothingNeedsAnEntry) {
  remake({.entries_max = 1, .scope_share = 1});
  claim({.key = 1});
  const attempt by = {.key = 2, .nonce = 2};
  EXPECT_EQ(ops::release(*records_, by).failure.why, store_errc::full);
  const ops::completion with = {.response = ops::response("x"), .lease_holds = true};
  EXPECT_EQ(ops::complete(*records_, by, with).failure.why, store_errc::full);
  EXPECT_EQ(release({.key = 1}), write_status::applied);
  advance(released_retention);
  EXPECT_EQ(ops::complete(*records_, by, with).status, write_status::applied);
}

TEST_F(MemoryStoreCaps, BytesAreNeverExceeded) {
  const std::size_t cap = std::size_t{1} << 20;
  remake({.bytes_max = cap, .scope_share = 1});
  std::uint64_t key = 0;
  ops::write_answer last = {};
  do {
    ++key;
    const attempt by = {.key = key, .nonce = key};
    ASSERT_EQ(claim(by).status, claim_status::claimed);
    last = ops::complete(*records_, by, std::string(10'000, 'x'));
    ASSERT_LE(records_->stats().bytes, cap);
  } while (last.status == write_status::applied);
  EXPECT_EQ(last.failure.why, store_errc::full);
  EXPECT_TRUE(last.failure.is_retryable);
  EXPECT_GT(records_->stats().bytes, cap - 20'000);
  EXPECT_GT(key, 40u);
  // The claim holds, and a smaller response still fits.
  const attempt by = {.key = key, .nonce = key};
  EXPECT_EQ(claim({.key = key, .nonce = 9999}).status, claim_status::running);
  EXPECT_EQ(complete(by, "small"), write_status::applied);
  // All that was taken comes back.
  advance(day);
  EXPECT_EQ(put(1'000'000, 300'000), claim_status::claimed);
  EXPECT_EQ(claim({.key = 1'000'000, .nonce = 9}).status, claim_status::completed);
}

TEST_F(MemoryStoreCaps, AResponseThatCanNeverFitIsNotRetryable) {
  remake({.bytes_max = std::size_t{1} << 20, .scope_share = 1});
  claim(first);
  const auto answer = ops::complete(*records_, first, std::string(1 << 20, 'x'));
  EXPECT_EQ(answer.status, write_status::failed);
  EXPECT_EQ(answer.failure.why, store_errc::full);
  EXPECT_FALSE(answer.failure.is_retryable);
  EXPECT_EQ(claim(again).status, claim_status::running);
}

TEST_F(MemoryStoreCaps, AScopeHasItsShareOfTheEntries) {
  for (const unsigned shards : {1u, 16u}) {
    remake({.entries_max = 8000, .scope_share = 8, .shards = shards});
    for (std::uint64_t key = 1; key <= 1000; ++key) {
      ASSERT_EQ(claim({.key = key, .nonce = key, .scope = 1}).status, claim_status::claimed);
    }
    const auto answer = claim({.key = 1001, .nonce = 1001, .scope = 1});
    EXPECT_EQ(answer.failure.why, store_errc::scope_full);
    EXPECT_TRUE(answer.failure.is_retryable);
    EXPECT_GT(answer.failure.retry_after, milliseconds(0));
    EXPECT_EQ(records_->stats().refused_scope_full, 1u);
    EXPECT_EQ(records_->stats().refused_full, 0u);
    // Others are not affected.
    for (std::uint64_t scope = 2; scope <= 8; ++scope) {
      for (std::uint64_t key = 1; key <= 1000; ++key) {
        const std::uint64_t name = scope * 10'000 + key;
        ASSERT_EQ(claim({.key = name, .nonce = name, .scope = scope}).status,
                  claim_status::claimed);
      }
    }
    EXPECT_EQ(claim({.key = 5, .nonce = 99'999, .scope = 9}).status, claim_status::running);
    EXPECT_EQ(claim({.key = 99'999, .nonce = 99'999, .scope = 9}).failure.why, store_errc::full);
    advance(day);
    EXPECT_EQ(claim({.key = 1001, .nonce = 1001, .scope = 1}).status, claim_status::claimed);
  }
}

TEST_F(MemoryStoreCaps, AScopeHasItsShareOfTheBytes) {
  remake({.bytes_max = std::size_t{8} << 20, .scope_share = 8, .shards = 4});
  std::uint64_t key = 0;
  ops::write_answer last = {};
  std::size_t stored = 0;
  do {
    ++key;
    const attempt by = {.key = key, .nonce = key, .scope = 1};
    ASSERT_EQ(claim(by).status, claim_status::claimed);
    last = ops::complete(*records_, by, std::string(10'000, 'x'));
    if (last.status == write_status::applied) stored += 10'000;
  } while (last.status == write_status::applied);
  EXPECT_EQ(last.failure.why, store_errc::scope_full);
  EXPECT_LT(stored, std::size_t{1} << 20);
  EXPECT_GT(stored, (std::size_t{1} << 20) - 30'000);
  const attempt neighbour = {.key = 5'000, .nonce = 5'000, .scope = 2};
  claim(neighbour);
  EXPECT_EQ(complete(neighbour, std::string(500'000, 'x')), write_status::applied);
}

TEST_F(MemoryStoreCaps, ForgetsScopesWithTheirRecords) {
  remake({.shards = 4});
  std::size_t bytes_before = 0;
  for (std::uint64_t turn = 0; turn < 5; ++turn) {
    for (std::uint64_t key = 1; key <= 4000; ++key) {
      const std::uint64_t name = turn * 10'000 + key;
      ASSERT_EQ(claim({.key = name, .nonce = name, .scope = name}).status, claim_status::claimed);
    }
    const std::size_t bytes = records_->stats().bytes;
    if (turn >= 2) {
      EXPECT_LT(bytes, bytes_before + bytes_before / 4);
    }
    bytes_before = bytes;
    advance(day);
  }
  records_->clear();
  const std::size_t empty = records_->stats().bytes;
  EXPECT_LT(empty, 200'000u);
}

// Options.

struct options_case {
  const char* name;
  memory_store_options options;
  const char* complaint;  // null: they are valid
};
const options_case options_cases[] = {
    {"Default", {}, nullptr},
    {"NoEntries", {.entries_max = 0}, "entries_max"},
    {"OneEntry", {.entries_max = 1}, nullptr},
    {"MostEntries", {.entries_max = std::size_t{1} << 31, .shards = 1024}, nullptr},
    {"TooManyEntries", {.entries_max = (std::size_t{1} << 31) + 1, .shards = 1024}, "entries_max"},
    {"MostEntriesOfAShard", {.entries_max = std::size_t{1} << 21, .shards = 1}, nullptr},
    {"TooManyEntriesOfAShard", {.entries_max = (std::size_t{1} << 21) + 1, .shards = 1}, "shards"},
    {"FewestBytes", {.bytes_max = std::size_t{1} << 20}, nullptr},
    {"TooFewBytes", {.bytes_max = (std::size_t{1} << 20) - 1}, "bytes_max"},
    {"MostBytes", {.bytes_max = std::numeric_limits<std::size_t>::max() / 2}, nullptr},
    {"TooManyBytes", {.bytes_max = std::numeric_limits<std::size_t>::max() / 2 + 1}, "bytes_max"},
    {"FewestBytesOfAShard", {.bytes_max = std::size_t{16} << 20, .shards = 1024}, nullptr},
    {"TooFewBytesOfAShard", {.bytes_max = (std::size_t{16} << 20) - 1, .shards = 1024}, "shards"},
    {"NoShare", {.scope_share = 0}, "scope_share"},
    {"WholeShare", {.scope_share = 1}, nullptr},
    {"SmallestShare", {.bytes_max = std::size_t{1} << 20, .scope_share = 256}, nullptr},
    {"TooSmallShare", {.bytes_max = std::size_t{1} << 20, .scope_share = 257}, "scope_share"},
    {"NoShards", {.shards = 0}, "shards"},
    {"OneShard", {.shards = 1}, nullptr},
    {"ThreeShards", {.shards = 3}, "shards"},
    {"TooManyShards", {.bytes_max = std::size_t{1} << 30, .shards = 2048}, "shards"},
};

class MemoryStoreOptions : public testing::TestWithParam<options_case> {};

TEST_P(MemoryStoreOptions, AreChecked) {
  auto made = make_memory_store(GetParam().options);
  ASSERT_EQ(made.has_value(), GetParam().complaint == nullptr);
  if (!made) {
    EXPECT_NE(made.error().find(GetParam().complaint), std::string::npos) << made.error();
    return;
  }
  // With the real clock.
  EXPECT_EQ(ops::claim(**made, first).status, claim_status::claimed);
  EXPECT_EQ(ops::complete(**made, first, "x").status, write_status::applied);
  EXPECT_EQ(ops::claim(**made, again).status, claim_status::completed);
}

INSTANTIATE_TEST_SUITE_P(, MemoryStoreOptions, testing::ValuesIn(options_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::idempotency
