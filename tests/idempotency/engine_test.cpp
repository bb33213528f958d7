// SPDX-License-Identifier: Apache-2.0
#include "idempotency/engine_fixture.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "idempotency/allocations.hpp"

namespace parley::idempotency {
namespace {

using Engine = EngineTest;

TEST_F(Engine, RunsOnceAndReplays) {
  const auto e = make();
  request first(1, "req-1");
  ASSERT_TRUE(first.start(*e));
  ASSERT_EQ(first.status, begin_status::proceed);
  EXPECT_EQ(first.held.operation_id(), "req-1");
  EXPECT_TRUE(first.held.holds());
  EXPECT_FALSE(first.held.is_marked());
  counted<complete_step> step;
  step.head = bytes_of("head ");
  step.body = bytes_of("body");
  ASSERT_TRUE(std::move(first.held).complete(step));
  EXPECT_EQ(step.status, write_status::applied);
  EXPECT_FALSE(first.held);

  request second(1, "req-2");
  ASSERT_TRUE(second.start(*e));
  EXPECT_EQ(second.status, begin_status::replay);
  EXPECT_EQ(second.text(), "head body");
  EXPECT_EQ(second.operation_id(), "req-1");

  time.advance(24h - 1ms);
  request third(1, "req-3");
  ASSERT_TRUE(third.start(*e));
  EXPECT_EQ(third.status, begin_status::replay);
  time.advance(1ms);
  request fresh(1, "req-4");
  ASSERT_TRUE(fresh.start(*e));
  EXPECT_EQ(fresh.status, begin_status::proceed);
  EXPECT_EQ(fresh.held.operation_id(), "req-4");
  EXPECT_EQ(step.answers, 0) << "a step that ended at once calls nothing";
}

TEST_F(Engine, AnotherRequestUnderTheKeyIsAConflict) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request other(1, "req-2", 2);
  ASSERT_TRUE(other.start(*e)) << "it does not wait, while the first still runs";
  EXPECT_EQ(other.status, begin_status::conflict);
  EXPECT_EQ(other.operation_id(), "req-1");
  complete(std::move(first.held), "done");
  request again(1, "req-3", 2);
  ASSERT_TRUE(again.start(*e));
  EXPECT_EQ(again.status, begin_status::conflict);
  EXPECT_EQ(again.operation_id(), "req-1");
}

TEST_F(Engine, ReleasedRunsAgainAlsoAsAnotherRequest) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  counted<release_step> step;
  ASSERT_TRUE(std::move(first.held).release(step));
  EXPECT_TRUE(step.is_done());
  request second(1, "req-2", 2);
  ASSERT_TRUE(second.start(*e));
  ASSERT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(second.held.operation_id(), "req-2");
  EXPECT_GT(second.held.fence(), 0u);
  std::move(second.held).release();
}

TEST_F(Engine, FencesRise) {
  const auto e = make();
  std::uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    request each(1, "req");
    each.start(*e);
    ASSERT_EQ(each.status, begin_status::proceed);
    EXPECT_GT(each.held.fence(), last);
    last = each.held.fence();
    std::move(each.held).release();
  }
}

TEST_F(Engine, WaitersAreWokenAndDoNotPoll) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  request third(1, "req-3");
  ASSERT_FALSE(second.start(*e));
  ASSERT_FALSE(third.start(*e));
  const std::size_t claims = records.count(op_kind::claim);
  time.advance(9s);
  EXPECT_EQ(records.count(op_kind::claim), claims);
  EXPECT_EQ(second.answers + third.answers, 0);
  complete(std::move(first.held), "done");
  for (const request* each : {&second, &third}) {
    EXPECT_EQ(each->answers, 1);
    EXPECT_EQ(each->status, begin_status::replay);
    EXPECT_EQ(each->text(), "done");
    EXPECT_EQ(each->operation_id(), "req-1");
  }
  EXPECT_EQ(records.count(op_kind::claim), claims) << "they were given the response";
  EXPECT_EQ(log.text(), "claimed stored waited replayed waited replayed");
}

TEST_F(Engine, OnReleaseOneWaiterRunsAndTheOthersWaitForIt) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  request third(1, "req-3");
  second.start(*e);
  third.start(*e);
  std::move(first.held).release();
  ASSERT_EQ(second.answers, 1);
  ASSERT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(third.answers, 0);
  complete(std::move(second.held), "done");
  EXPECT_EQ(third.answers, 1);
  EXPECT_EQ(third.status, begin_status::replay);
}

TEST_F(Engine, WaitsAsLongAsItMay) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  second.start(*e);
  time.advance(10s - 1ms);
  EXPECT_EQ(second.answers, 0);
  time.advance(1ms);
  ASSERT_EQ(second.answers, 1);
  EXPECT_EQ(second.status, begin_status::busy);
  EXPECT_EQ(second.retry_after, 1s);
  complete(std::move(first.held), "done");
  EXPECT_EQ(second.answers, 1);
}

TEST_F(Engine, WaitOfNothingIsBusyAtOnce) {
  const auto e = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  ASSERT_TRUE(second.start(*e));
  EXPECT_EQ(second.status, begin_status::busy);
}

TEST_F(Engine, WaitersAreBounded) {
  const auto e = make({.waiters_per_key_max = 2, .waiters_max = 3});
  request holder(1, "req-1");
  request other(2, "req-2");
  holder.start(*e);
  other.start(*e);
  request a(1, "a"), b(1, "b"), c(1, "c"), d(2, "d"), f(2, "f");
  EXPECT_FALSE(a.start(*e));
  EXPECT_FALSE(b.start(*e));
  EXPECT_TRUE(c.start(*e)) << "two wait for this key";
  EXPECT_EQ(c.status, begin_status::busy);
  EXPECT_FALSE(d.start(*e));
  EXPECT_TRUE(f.start(*e)) << "three wait in all";
  complete(std::move(holder.held), "done");
  EXPECT_FALSE(f.start(*e)) << "two have gone";
  complete(std::move(other.held), "done");
  EXPECT_EQ(a.answers + b.answers + d.answers, 3);
}

TEST_F(Engine, WaitsForAnotherProcessByPolling) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  const std::size_t before = records.count(op_kind::claim);
  time.advance(5s);
  const std::size_t polls = records.count(op_kind::claim) - before;
  EXPECT_GE(polls, 10u);
  EXPECT_LE(polls, 16u) << "20, 40, 80, 160, 320 ms, then every half second";
  complete(std::move(first.held), "done");
  EXPECT_EQ(second.answers, 0);
  time.advance(500ms);
  ASSERT_EQ(second.answers, 1);
  EXPECT_EQ(second.status, begin_status::replay);
  EXPECT_EQ(second.text(), "done");
}

TEST_F(Engine, OneOfAHundredPolls) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  std::vector<std::unique_ptr<request>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<request>(1, "req"));
    all.back()->start(*here);
  }
  const std::size_t before = records.count(op_kind::claim);
  time.advance(5s);
  EXPECT_LE(records.count(op_kind::claim) - before, 16u);
  complete(std::move(first.held), "done");
  time.advance(500ms);
  for (const auto& each : all) EXPECT_EQ(each->status, begin_status::replay);
}

TEST_F(Engine, RenewsForAsLongAsTheClaimLives) {
  const auto e = make();
  const auto there = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*e);
  time.advance(5min);
  EXPECT_TRUE(first.held.holds());
  EXPECT_EQ(records.count(op_kind::renew), 20u) << "every 15 s";
  request other(1, "req-2");
  other.start(*there);
  EXPECT_EQ(other.status, begin_status::busy);
  EXPECT_EQ(complete(std::move(first.held), "done"), write_status::applied);
  time.advance(1h);
  EXPECT_EQ(records.count(op_kind::renew), 20u);
}

TEST_F(Engine, AnAbandonedClaimIsTakenOverWhenItsLeaseIsOver) {
  const auto e = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*e);
  const std::uint64_t fence = first.held.fence();
  first.held = {};
  time.advance(30s - 1ms);
  request early(1, "req-2");
  early.start(*e);
  EXPECT_EQ(early.status, begin_status::busy);
  time.advance(1ms);
  request second(1, "req-3");
  second.start(*e);
  ASSERT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(second.held.operation_id(), "req-1") << "the operation keeps its id";
  EXPECT_GT(second.held.fence(), fence);
  EXPECT_EQ(log.text(), "claimed left busy taken_over");
}

TEST_F(Engine, WaitersOfAnAbandonedClaimTakeItOver) {
  const auto e = make({.lease = 5s});
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  second.start(*e);
  first.held = {};
  time.advance(5s + 1ms);
  ASSERT_EQ(second.answers, 1);
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AMarkedAndAbandonedAttemptIsNotRunAgainUnasked) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  EXPECT_EQ(mark(first.held, "call-7"), write_status::applied);
  EXPECT_TRUE(first.held.is_marked());
  first.held = {};
  time.advance(30s);
  request second(1, "req-2");
  ASSERT_TRUE(second.start(*e));
  EXPECT_EQ(second.status, begin_status::abandoned);
  EXPECT_EQ(second.operation_id(), "req-1");
  EXPECT_EQ(second.note(), "call-7");
  second.rerun_marked = true;  // having read the note
  ASSERT_TRUE(second.start(*e));
  ASSERT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(second.held.operation_id(), "req-1");
}

TEST_F(Engine, WaitersOfAMarkedAttemptAreToldByTheirPolicy) {
  const auto e = make({.lease = 5s});
  request first(1, "req-1");
  first.start(*e);
  mark(first.held, "note");
  request asks(1, "req-2"), reruns(1, "req-3");
  reruns.rerun_marked = true;
  asks.start(*e);
  reruns.start(*e);
  first.held = {};
  time.advance(6s);
  EXPECT_EQ(asks.status, begin_status::abandoned);
  EXPECT_EQ(asks.note(), "note");
  EXPECT_EQ(reruns.status, begin_status::proceed);
}

TEST_F(Engine, ASupersededHolderChangesNothing) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.refuse(op_kind::renew);
  time.advance(31s);
  EXPECT_FALSE(first.held.holds());
  request second(1, "req-2");
  second.start(*e);
  ASSERT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(mark(first.held, "late"), write_status::lost);
  EXPECT_EQ(complete(std::move(first.held), "late"), write_status::lost);
  EXPECT_EQ(complete(std::move(second.held), "right"), write_status::applied);
  request third(1, "req-3");
  third.start(*e);
  EXPECT_EQ(third.text(), "right");
  const std::string told = log.text();
  EXPECT_NE(told.find("lease_lost"), std::string::npos) << told;
  EXPECT_NE(told.find("outcome_lost"), std::string::npos) << told;
}

TEST_F(Engine, CompletingAfterTheLeaseIsStoredIfNobodyTookOver) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.refuse(op_kind::renew);
  time.advance(10min);
  EXPECT_EQ(complete(std::move(first.held), "late"), write_status::applied);
}

TEST_F(Engine, ACompletionThatFindsNothingIsStoredWhileTheLeaseHolds) {
  const auto e = make();
  request first(1, "req-1"), second(2, "req-2");
  first.start(*e);
  second.start(*e);
  memory->clear();
  EXPECT_EQ(complete(std::move(first.held), "done"), write_status::applied);
  time.advance(31s);  // the renewal at 15 s found nothing
  EXPECT_FALSE(second.held.holds());
  EXPECT_EQ(complete(std::move(second.held), "late"), write_status::gone);
}

TEST_F(Engine, CompletesInTheBackgroundWhenTheStoreIsAway) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request waits(1, "req-2");
  waits.start(*e);
  records.refuse(op_kind::complete);
  counted<complete_step> step;
  step.body = bytes_of("done");
  ASSERT_FALSE(std::move(first.held).complete(step));
  time.advance(1s - 1ms);
  EXPECT_EQ(step.answers, 0);
  time.advance(1ms);
  ASSERT_EQ(step.answers, 1) << "the response goes out after persist_wait";
  EXPECT_EQ(step.status, write_status::failed);
  EXPECT_EQ(step.failure.why, store_errc::timed_out);
  EXPECT_FALSE(step.failure.is_outcome_known);
  records.pass();
  time.advance(1s);
  EXPECT_EQ(waits.status, begin_status::replay);
  EXPECT_EQ(waits.text(), "done");
  EXPECT_EQ(step.answers, 1);
  EXPECT_TRUE(e->drain(0ms));
}

TEST_F(Engine, GivesUpACompletionAfterALeaseWithATombstone) {
  const auto e = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*e);
  int completions = 0;
  // What the store has no room for, until the last try.
  records.script = [&](op_kind kind) {
    if (kind != op_kind::complete) return fate();
    ++completions;
    return time.now() < steady_time(1000h) + 30s
               ? fate{fate::kind::refuse, {.why = store_errc::full, .is_retryable = true}}
               : fate();
  };
  counted<complete_step> step;
  step.body = bytes_of("done");
  ASSERT_FALSE(std::move(first.held).complete(step));
  time.advance(31s);
  EXPECT_GT(completions, 20);
  request second(1, "req-2");
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::tombstone) << "better than to run it again";
  EXPECT_EQ(second.operation_id(), "req-1");
}

TEST_F(Engine, SaysThatAnOutcomeIsLost) {
  const auto e = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*e);
  records.refuse(op_kind::complete);
  counted<complete_step> step;
  std::move(first.held).complete(step);
  time.advance(31s);
  EXPECT_EQ(log.events().back().kind, event_kind::outcome_lost);
  EXPECT_EQ(log.events().back().operation_id, "req-1");
}

TEST_F(Engine, AResponseThatWillNeverFitBecomesATombstoneAtOnce) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  int tries = 0;
  records.script = [&tries](op_kind kind) {
    const bool refuses = kind == op_kind::complete && tries++ == 0;
    return refuses ? fate{fate::kind::refuse, {.why = store_errc::full}} : fate();
  };
  EXPECT_EQ(complete(std::move(first.held), "large"), write_status::applied);
  request second(1, "req-2");
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::tombstone);
}

TEST_F(Engine, OversizedResponsesBecomeTombstones) {
  const auto e = make({.response_bytes_max = 10});
  struct row {
    std::string body;
    bool is_tombstone;
    begin_status later;
  };
  const row rows[] = {{"", false, begin_status::replay},
                      {"0123456789", false, begin_status::replay},
                      {"0123456789x", false, begin_status::tombstone},
                      {"x", true, begin_status::tombstone}};
  std::uint64_t key = 1;
  for (const auto& [body, is_tombstone, later] : rows) {
    SCOPED_TRACE(body);
    request first(key, "req-1");
    first.start(*e);
    counted<complete_step> step;
    step.head = bytes_of("the head does not count");
    step.body = bytes_of(body);
    step.is_tombstone = is_tombstone;
    ASSERT_TRUE(std::move(first.held).complete(step));
    EXPECT_TRUE(step.is_done());
    request second(key++, "req-2");
    second.start(*e);
    EXPECT_EQ(second.status, later);
    EXPECT_EQ(second.operation_id(), "req-1");
  }
}

TEST_F(Engine, ARecordThatIsNoneOfOursIsNotReplayed) {
  const auto e = make();
  for (const std::string_view stored : {std::string_view(""), std::string_view("\x09x")}) {
    ops::attempt by{.key = 7};
    by.nonce = stored.size() + 1;
    memory->clear();
    ops::claim(*memory, by);
    ops::complete(*memory, by, stored);
    request second(7, "req-2");
    ASSERT_TRUE(second.start(*e));
    EXPECT_EQ(second.status, begin_status::failed);
    EXPECT_EQ(second.failure.why, store_errc::corrupt_record);
  }
}

TEST_F(Engine, AClaimWhoseAnswerWasLostIsSentAgain) {
  const auto e = make();
  records.lose(op_kind::claim, 1);
  request first(1, "req-1");
  ASSERT_TRUE(first.start(*e));
  EXPECT_EQ(first.status, begin_status::proceed) << "it met its own nonce";
}

TEST_F(Engine, AClaimOfUnknownOutcomeIsReleased) {
  const auto e = make({.wait = 0ms});
  records.lose(op_kind::claim, 2);
  request first(1, "req-1");
  ASSERT_TRUE(first.start(*e));
  EXPECT_EQ(first.status, begin_status::failed);
  EXPECT_EQ(first.failure.why, store_errc::timed_out);
  request second(1, "req-2", 2);
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::proceed) << "the key is free, for any request";
}

TEST_F(Engine, TheReleaseOfAnUnknownClaimIsTriedUntilItsLeaseIsOver) {
  const auto e = make({.wait = 0ms});
  records.script = [](op_kind kind) {
    if (kind == op_kind::claim) return fate{.what = fate::kind::lose};
    return fate{fate::kind::refuse, {.why = store_errc::unavailable, .is_retryable = true}};
  };
  request first(1, "req-1");
  first.start(*e);
  time.advance(29s);
  const std::size_t tries = records.count(op_kind::release);
  EXPECT_GT(tries, 20u);
  time.advance(1h);
  EXPECT_LE(records.count(op_kind::release), tries + 2);
  EXPECT_TRUE(e->drain(0ms));
}

TEST_F(Engine, AGrantThatIsHeardOfAfterItsLeaseIsReleasedAndNotRun) {
  const auto e = make({.wait = 0ms});
  records.hold(op_kind::claim);
  request first(1, "req-1");
  ASSERT_FALSE(first.start(*e));
  time.advance(30s);
  records.pass();
  records.resume();
  EXPECT_EQ(first.answers, 1);
  EXPECT_EQ(first.status, begin_status::failed);
  EXPECT_EQ(first.failure.why, store_errc::timed_out);
  EXPECT_EQ(records.count(op_kind::release), 1u);
  request second(1, "req-2");
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AWaiterThatHearsOfItsGrantTooLateClaimsAgain) {
  const auto here = make({.lease = 5s});
  const auto there = make({.lease = 5s});
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  ASSERT_FALSE(second.start(*here));
  records.hold(op_kind::claim);
  time.advance(500ms);
  ASSERT_EQ(records.held(), 1u);
  std::move(first.held).release();
  time.advance(5s);
  records.pass();
  records.resume();
  ASSERT_EQ(second.answers, 1) << "as soon as the late grant was released";
  EXPECT_EQ(second.status, begin_status::proceed);
  EXPECT_EQ(records.count(op_kind::release), 2u);
}

TEST_F(Engine, AClaimRefusedAfterAnUnknownOneIsReleasedToo) {
  const auto e = make({.wait = 0ms});
  int claims = 0;
  records.script = [&claims](op_kind kind) {
    if (kind != op_kind::claim) return fate();
    ++claims;
    if (claims == 1) return fate{.what = fate::kind::lose};
    if (claims == 2)
      return fate{fate::kind::refuse, {.why = store_errc::busy, .is_retryable = true}};
    return fate();
  };
  request first(1, "req-1");
  first.start(*e);
  EXPECT_EQ(first.failure.why, store_errc::busy);
  request second(1, "req-2");
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AStoreThatIsAwayFailsTheRequest) {
  const auto e = make();
  records.refuse(op_kind::claim);
  request first(1, "req-1");
  ASSERT_TRUE(first.start(*e));
  EXPECT_EQ(first.status, begin_status::failed);
  EXPECT_EQ(first.failure.why, store_errc::unavailable);
  EXPECT_EQ(records.seen.size(), 1u);
  EXPECT_EQ(log.text(), "refused");
}

TEST_F(Engine, AWaiterOutlastsAStoreThatIsAwayForAMoment) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  records.refuse(op_kind::claim);
  time.advance(3s);
  EXPECT_EQ(second.answers, 0);
  records.pass();
  complete(std::move(first.held), "done");
  time.advance(1s);
  EXPECT_EQ(second.status, begin_status::replay);
}

TEST_F(Engine, AWaiterWhoseClaimWasGrantedUnheardTakesItUp) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  records.lose(op_kind::claim, 1);
  std::move(first.held).release();
  time.advance(2s);
  ASSERT_EQ(second.answers, 1);
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AWaiterThatGoesWithAnUnknownClaimReleasesIt) {
  const auto here = make({.wait = 500ms});
  const auto there = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  records.lose(op_kind::claim, 1'000);
  std::move(first.held).release();
  time.advance(1s);
  ASSERT_EQ(second.answers, 1);
  EXPECT_EQ(second.status, begin_status::busy);
  records.pass();
  request third(1, "req-3");
  third.start(*there);
  EXPECT_EQ(third.status, begin_status::proceed);
}

TEST_F(Engine, StepsGoOneAfterTheOther) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.hold(op_kind::renew);
  time.advance(15s);
  ASSERT_EQ(records.held(), 1u);
  counted<mark_step> marking;
  EXPECT_FALSE(first.held.mark(marking));
  EXPECT_EQ(records.count(op_kind::mark), 0u);
  counted<complete_step> completing;
  EXPECT_FALSE(std::move(first.held).complete(completing));
  records.resume();
  EXPECT_EQ(marking.answers, 1);
  EXPECT_TRUE(marking.is_done());
  EXPECT_EQ(completing.answers, 1);
  EXPECT_TRUE(completing.is_done());
  using enum op_kind;
  EXPECT_EQ(records.seen, (std::vector{claim, renew, op_kind::mark, op_kind::complete}));
}

TEST_F(Engine, AClaimDroppedWhileAnOperationIsOutEndsWithIt) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.hold(op_kind::renew);
  time.advance(15s);
  first.held = {};
  EXPECT_FALSE(e->drain(0ms)) << "the renewal was cut off";
  EXPECT_EQ(log.events().back().kind, event_kind::left);
}

TEST_F(Engine, AFailedMarkIsToldAndMayBeTriedAgain) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.refuse(op_kind::mark);
  EXPECT_EQ(mark(first.held, "note"), write_status::failed);
  EXPECT_FALSE(first.held.is_marked());
  records.pass();
  EXPECT_EQ(mark(first.held, "note"), write_status::applied);
  EXPECT_EQ(mark(first.held, "note"), write_status::already_applied);
  counted<mark_step> too_long;
  const std::string note(note_bytes_max + 1, 'n');
  too_long.note = note;
  EXPECT_TRUE(first.held.mark(too_long));
  EXPECT_EQ(too_long.failure.why, store_errc::invalid);
}

TEST_F(Engine, DrainEndsWhatWaitsAndBeginsNoMore) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  request second(1, "req-2");
  second.start(*e);
  EXPECT_FALSE(e->drain(0ms)) << "the first still runs";
  EXPECT_EQ(second.status, begin_status::busy);
  request third(2, "req-3");
  ASSERT_TRUE(third.start(*e));
  EXPECT_EQ(third.failure.why, store_errc::shut_down);
  EXPECT_EQ(complete(std::move(first.held), "done"), write_status::applied);
  EXPECT_TRUE(e->drain(0ms));
}

TEST_F(Engine, DrainGivesUpWhatTheStoreDoesNotTake) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.hold(op_kind::complete);
  counted<complete_step> step;
  std::move(first.held).complete(step);
  EXPECT_FALSE(e->drain(0ms));
  EXPECT_EQ(step.answers, 1);
  EXPECT_EQ(step.failure.why, store_errc::canceled);
  EXPECT_EQ(log.events().back().kind, event_kind::outcome_lost);
  EXPECT_TRUE(e->drain(0ms));
}

// Every handler fails, and so lets the next one run: one after the other, not one inside the other.
TEST_F(Engine, AThousandWaitersThatFailDoNotFillTheStack) {
  const auto e = make({.waiters_per_key_max = 16'000});
  request first(1, "req");
  first.start(*e);
  std::vector<std::unique_ptr<request>> all;
  int depth = 0;
  int deepest = 0;
  int runs = 0;
  for (int i = 0; i < 16'000; ++i) {
    all.push_back(std::make_unique<request>(1, "req"));
    all.back()->then = [&](request& each) {
      deepest = std::max(deepest, ++depth);
      if (each.status == begin_status::proceed) {
        ++runs;
        std::move(each.held).release();
      }
      --depth;
    };
    ASSERT_FALSE(all.back()->start(*e));
  }
  std::move(first.held).release();
  EXPECT_EQ(runs, 16'000);
  EXPECT_EQ(deepest, 1);
}

TEST_F(Engine, AnotherRequestThatTookAReleasedKeyIsAConflictForThoseWhoWait) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  request waits(1, "req-2");
  waits.start(*here);
  std::move(first.held).release();
  request other(1, "req-3", 2);
  other.start(*here);
  ASSERT_EQ(other.status, begin_status::proceed);
  complete(std::move(other.held), "of another request");
  ASSERT_EQ(waits.answers, 1);
  EXPECT_EQ(waits.status, begin_status::conflict);
  EXPECT_EQ(waits.operation_id(), "req-3");
}

TEST_F(Engine, TheClocksOfAStoreAndItsUserMayJump) {
  const auto e = make({.wait = 0ms});
  auto offset = std::make_shared<std::chrono::milliseconds>(0);
  const auto jumpy = *make_memory_store({.clock = [this, offset] { return time.now() + *offset; }});
  const auto on_jumpy = *make_engine(*jumpy, time, {.wait = 0ms});
  request first(1, "req-1");
  first.start(*on_jumpy);
  *offset = -1h;  // back: the lease lives longer
  time.advance(40s);
  request second(1, "req-2");
  second.start(*on_jumpy);
  EXPECT_EQ(second.status, begin_status::busy);
  *offset = 1h;  // ahead: the lease is over for the store, and a superseded holder loses
  request third(1, "req-3");
  third.start(*on_jumpy);
  ASSERT_EQ(third.status, begin_status::proceed);
  EXPECT_EQ(complete(std::move(first.held), "late"), write_status::lost);
  EXPECT_EQ(complete(std::move(third.held), "right"), write_status::applied);
}

// Attempts of one process on one key: the one that took over may lose its lease in turn.
TEST_F(Engine, WhoWaitsLooksOnWhenAnotherOfThemTookItUp) {
  const auto here = make({.lease = 2s});
  const auto there = make({.lease = 2s, .wait = 0ms});
  request first(1, "req-1"), second(1, "req-2"), third(1, "req-3");
  first.start(*there);
  second.start(*here);
  third.start(*here);
  std::move(first.held).release();
  time.advance(500ms);
  ASSERT_EQ(second.status, begin_status::proceed);
  records.refuse(op_kind::renew);
  time.advance(3s);
  ASSERT_EQ(third.answers, 1) << "req-2 has a claim still, but not the key";
  ASSERT_EQ(third.status, begin_status::proceed);
  EXPECT_EQ(complete(std::move(second.held), "late"), write_status::lost);
}

TEST_F(Engine, BeginningAgainAbandonsWhatWasHeld) {
  const auto e = make();
  request one(1, "req-1");
  one.start(*e);
  ASSERT_EQ(one.status, begin_status::proceed);
  one.key = ops::named<digest>(2);
  ASSERT_TRUE(one.start(*e));
  EXPECT_EQ(one.status, begin_status::proceed);
  EXPECT_EQ(log.text(), "claimed left claimed");
}

TEST_F(Engine, AClaimRefusedAfterOneOfUnknownOutcomeIsReleased) {
  const auto e = make({.wait = 0ms});
  int claims = 0;
  records.script = [&claims](op_kind kind) {
    if (kind != op_kind::claim || claims > 1) return fate();
    if (claims++ == 0) return fate{.what = fate::kind::lose};
    return fate{fate::kind::refuse, {.why = store_errc::busy, .is_retryable = true}};
  };
  request first(1, "req-1");
  ASSERT_TRUE(first.start(*e));
  EXPECT_EQ(first.status, begin_status::failed);
  EXPECT_EQ(first.failure.why, store_errc::busy);
  request second(1, "req-2", 2);
  second.start(*e);
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AWaiterKnowsItsUnheardClaimAlsoAfterARefusal) {
  const auto here = make();
  const auto there = make();
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  int claims = 0;
  records.script = [&claims](op_kind kind) {
    if (kind != op_kind::claim || claims > 1) return fate();
    if (claims++ == 0) return fate{.what = fate::kind::lose};
    return fate{fate::kind::refuse, {.why = store_errc::busy, .is_retryable = true}};
  };
  std::move(first.held).release();
  time.advance(1s);
  ASSERT_EQ(second.answers, 1) << "it takes its own claim for another's";
  EXPECT_EQ(second.status, begin_status::proceed);
}

TEST_F(Engine, AWaiterThatIsDrainedReleasesItsUnknownClaim) {
  const auto here = make();
  const auto there = make({.wait = 0ms});
  request first(1, "req-1");
  first.start(*there);
  request second(1, "req-2");
  second.start(*here);
  records.lose(op_kind::claim, 1);
  std::move(first.held).release();
  time.advance(20ms);
  EXPECT_TRUE(here->drain(0ms));
  EXPECT_EQ(second.status, begin_status::busy);
  request third(1, "req-3");
  third.start(*there);
  EXPECT_EQ(third.status, begin_status::proceed);
}

TEST_F(Engine, RenewsWhileWhoIsToldOfAStepIsBusy) {
  struct busy_mark final : mark_step {
    void done() noexcept override {
      time->advance(1ms);
      renewals = records->count(op_kind::renew);
    }
    manual_timer* time = nullptr;
    const scripted_store* records = nullptr;
    std::size_t renewals = 0;
  };
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.hold(op_kind::mark);
  busy_mark step;
  step.time = &time;
  step.records = &records;
  ASSERT_FALSE(first.held.mark(step));
  time.advance(15s);  // a renewal is due, and the mark is out
  ASSERT_EQ(records.count(op_kind::renew), 0u);
  records.resume();
  EXPECT_TRUE(step.is_done());
  EXPECT_EQ(step.renewals, 1u) << "it is not for done() to hold up";
}

TEST_F(Engine, RenewsWhileWhoWaitedIsBusy) {
  const auto e = make({.wait = 1s});
  request first(1, "req-1"), waits(1, "req-2");
  first.start(*e);
  waits.start(*e);
  std::size_t renewals = 0;
  waits.then = [&](request&) {
    time.advance(14s);  // as on another thread of the timer
    renewals = records.count(op_kind::renew);
  };
  time.advance(1s);
  EXPECT_EQ(waits.status, begin_status::busy);
  EXPECT_EQ(renewals, 1u);
}

TEST_F(Engine, AResponseThatWasStoredUnheardIsReplayedAndNotItsTombstone) {
  const auto e = make({.wait = 1min, .poll_max = 1h});  // it is woken, or hears nothing
  request first(1, "req-1"), waits(1, "req-2");
  first.start(*e);
  waits.start(*e);
  int completions = 0;
  records.script = [&](op_kind kind) {
    if (kind != op_kind::complete) return fate();
    if (++completions == 1) return fate{.what = fate::kind::lose};
    return time.now() < steady_time(1000h) + 30s
               ? fate{fate::kind::refuse, {.why = store_errc::unavailable, .is_retryable = true}}
               : fate();
  };
  counted<complete_step> step;
  step.body = bytes_of("done");
  ASSERT_FALSE(std::move(first.held).complete(step));
  time.advance(31s);
  ASSERT_EQ(waits.answers, 1);
  EXPECT_EQ(waits.status, begin_status::replay);
  EXPECT_EQ(waits.text(), "done");
}

TEST_F(Engine, DrainAnswersAMarkThatWaitsForARenewal) {
  const auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.hold(op_kind::renew);
  time.advance(15s);
  counted<mark_step> step;
  ASSERT_FALSE(first.held.mark(step));
  first.held = {};
  EXPECT_FALSE(e->drain(0ms));
  EXPECT_EQ(step.answers, 1);
  EXPECT_EQ(step.status, write_status::failed);
  EXPECT_EQ(log.events().back().kind, event_kind::left);
}

TEST_F(Engine, CutsOffAnOperationThatWasJustBeingStarted) {
  auto e = make();
  request first(1, "req-1");
  first.start(*e);
  records.script = [&](op_kind kind) {
    if (kind != op_kind::complete) return fate();
    EXPECT_FALSE(e->drain(0ms)) << "the store does not know yet what it is to cancel";
    return fate{.what = fate::kind::hold};
  };
  counted<complete_step> step;
  ASSERT_FALSE(std::move(first.held).complete(step));
  EXPECT_EQ(step.answers, 0);
  e.reset();
  EXPECT_EQ(step.answers, 1);
  EXPECT_EQ(step.failure.why, store_errc::canceled);
}

// A store of one's own may say anything of how long a lease still lasts.
TEST_F(Engine, LooksNeitherAlwaysNorNeverForAnyLeaseThatIsLeft) {
  class busy_store final : public store {
   public:
    std::chrono::milliseconds lease_left{0};
    int claims = 0;

   private:
    bool do_claim(claim_op& op) noexcept override {
      ++claims;
      op.status = claim_status::running;
      op.lease_left = lease_left;
      return true;
    }
    bool do_complete(complete_op&) noexcept override { return true; }
    bool do_release(release_op&) noexcept override { return true; }
    bool do_renew(renew_op&) noexcept override { return true; }
    bool do_mark(mark_op&) noexcept override { return true; }
    void do_cancel(op_base&) noexcept override {}
    void do_shutdown() noexcept override {}
  };
  using std::chrono::milliseconds;
  struct row {
    milliseconds left;
    int claims_min;
    int claims_max;
  };
  // In a second: 20, 40, 80, 160, 320 ms and 500 ms after the one before; or each millisecond.
  for (const auto& [left, least, most] :
       {row{milliseconds::max(), 6, 7}, row{30s, 6, 7}, row{0ms, 900, 1'100}, row{-1ms, 900, 1'100},
        row{milliseconds::min(), 900, 1'100}}) {
    SCOPED_TRACE(left.count());
    busy_store busy;
    busy.lease_left = left;
    const auto e = *make_engine(busy, time);
    request waits(1, "req-1");
    ASSERT_FALSE(waits.start(*e));
    time.advance(1s);
    EXPECT_GE(busy.claims, least);
    EXPECT_LE(busy.claims, most);
    e->drain(0ms);
    EXPECT_EQ(waits.status, begin_status::busy);
  }
}

TEST_F(Engine, IsOutOfMemoryAtEveryAllocation) {
  const auto e = make({.wait = 0ms});
  const auto waits = make();
  int failures = 0;
  for (std::int64_t allowed = 0; allowed < 100; ++allowed) {
    request first(1, "req-1");
    log.reserve();
    records.seen.reserve(1'000);
    allow_allocations(allowed);
    first.start(*e);
    allow_allocations(-1);
    if (first.status == begin_status::failed) {
      ++failures;
      EXPECT_EQ(first.failure.why, store_errc::out_of_memory);
      time.advance(31s);  // what the store granted runs out
      continue;
    }
    ASSERT_EQ(first.status, begin_status::proceed);
    request second(1, "req-2");
    allow_allocations(0);
    const bool is_answered = second.start(*waits);
    allow_allocations(-1);
    EXPECT_TRUE(is_answered);
    EXPECT_EQ(second.status, begin_status::busy) << "there is no place to wait in";
    counted<complete_step> step;
    step.body = bytes_of("done");
    allow_allocations(0);
    const bool is_over = std::move(first.held).complete(step);
    allow_allocations(-1);
    ASSERT_TRUE(is_over);
    EXPECT_TRUE(step.is_done());
    break;
  }
  EXPECT_GE(failures, 2) << "a record, and an attempt";
  request third(1, "req-3");
  third.start(*e);
  EXPECT_EQ(third.status, begin_status::tombstone) << "there was an outcome";
}

TEST_F(Engine, RefusesOptionsThatContradictEachOther) {
  struct row {
    engine_options options;
    std::string_view named;  // empty: they are fine
  };
  const row rows[] = {
      {{}, ""},
      {{.lease = 0ms}, "lease"},
      {{.lease = -1ms}, "lease"},
      {{.lease = 249ms, .persist_wait = 0ms, .clock_skew = 0ms}, "lease"},
      {{.lease = 250ms, .persist_wait = 0ms, .clock_skew = 0ms}, ""},
      {{.lease = std::chrono::milliseconds::max()}, "lease"},
      {{.lease = std::chrono::milliseconds::min()}, "lease"},
      {{.lease = 30s, .retention = 31s}, ""},
      {{.lease = 30s, .retention = 31s - 1ms}, "retention"},
      {{.retention = 0ms}, "retention"},
      {{.retention = -1ms}, "retention"},
      {{.retention = std::chrono::milliseconds::min()}, "retention"},
      {{.retention = retention_max}, ""},
      {{.retention = retention_max + 1ms}, "retention"},
      {{.retention = std::chrono::milliseconds::max()}, "retention"},
      {{.wait = -1ms}, "wait"},
      {{.wait = 1h}, ""},
      {{.wait = 1h + 1ms}, "wait"},
      {{.poll_first = 0ms}, "poll"},
      {{.poll_first = 1ms, .poll_max = 1ms}, ""},
      {{.poll_first = 2ms, .poll_max = 1ms}, "poll"},
      {{.poll_max = 1h + 1ms}, "poll"},
      {{.persist_wait = -1ms}, "persist_wait"},
      {{.persist_wait = 30s}, ""},
      {{.persist_wait = 30s + 1ms}, "persist_wait"},
      {{.clock_skew = -1ms}, "clock_skew"},
      {{.lease = 1s, .clock_skew = 246ms}, ""},
      {{.lease = 1s, .clock_skew = 247ms}, "clock_skew"},
      {{.clock_skew = std::chrono::milliseconds::max()}, "clock_skew"},
      {{.waiters_per_key_max = 10, .waiters_max = 9}, "waiters_per_key_max"},
      {{.response_bytes_max = std::size_t{512} << 20}, ""},
      {{.response_bytes_max = (std::size_t{512} << 20) + 1}, "response_bytes_max"},
  };
  int row_number = 0;
  for (const auto& [options, named] : rows) {
    SCOPED_TRACE(testing::Message() << "row " << row_number++);
    const auto made = make_engine(records, time, options);
    ASSERT_EQ(made.has_value(), named.empty()) << (made ? "" : made.error());
    if (!made) {
      EXPECT_NE(made.error().find(named), std::string::npos) << made.error();
    }
  }
}

TEST_F(Engine, NamesItsEvents) {
  EXPECT_EQ(to_string(event_kind::claimed), "claimed");
  EXPECT_EQ(to_string(event_kind::store_failure), "store_failure");
  EXPECT_EQ(to_string(event_kind{}), "unknown");
}

}  // namespace
}  // namespace parley::idempotency
