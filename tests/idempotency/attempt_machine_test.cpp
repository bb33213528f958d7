// SPDX-License-Identifier: Apache-2.0
#include "idempotency/attempt_machine.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace parley::idempotency {
namespace {

using std::chrono::milliseconds;

// Renewed after 2,000 ms, certain for 3,900, and superseded after 4,000 at the earliest.
constexpr milliseconds lease{4'000};
constexpr milliseconds margin{100};
constexpr int never = -1;
constexpr int at_once = -2;

constexpr steady_time at(int ms) {
  if (ms == never) return steady_time::max();
  if (ms == at_once) return steady_time::min();
  return steady_time(milliseconds(1'000'000 + ms));
}

attempt_machine granted() { return {lease, margin, at(0)}; }

constexpr store_failure unknown = {
    .why = store_errc::timed_out, .is_retryable = true, .is_outcome_known = false};
constexpr store_failure busy = {.why = store_errc::busy, .is_retryable = true};
constexpr store_failure full = {.why = store_errc::full};
constexpr store_failure scope_full = {.why = store_errc::scope_full};
constexpr store_failure out_of_memory = {.why = store_errc::out_of_memory};
constexpr store_failure corrupt = {.why = store_errc::corrupt_record};
constexpr store_failure shut_down = {.why = store_errc::shut_down, .is_outcome_known = false};

struct claim_case {
  const char* name;
  claim_status status;
  store_failure failure;
  unsigned tries;
  claim_next next;
  bool holds = true;
};
constexpr claim_case claim_cases[] = {
    {"Claimed", claim_status::claimed, {}, 0, claim_next::proceed},
    {"ClaimedAfterUnknown", claim_status::claimed, {}, 2, claim_next::proceed},
    {"ClaimedTooLate", claim_status::claimed, {}, 0, claim_next::surrender, false},
    {"ClaimedTooLateAfterUnknown", claim_status::claimed, {}, 2, claim_next::surrender, false},
    {"Completed", claim_status::completed, {}, 0, claim_next::answer},
    {"CompletedLate", claim_status::completed, {}, 0, claim_next::answer, false},
    {"Conflict", claim_status::conflict, {}, 0, claim_next::answer},
    {"Abandoned", claim_status::abandoned, {}, 0, claim_next::answer},
    {"Running", claim_status::running, {}, 0, claim_next::wait},
    {"KnownFailure", claim_status::failed, full, 0, claim_next::answer},
    {"KnownFailureThatMayBeRetried", claim_status::failed, busy, 0, claim_next::answer},
    {"KnownFailureAfterUnknown", claim_status::failed, busy, 1, claim_next::surrender},
    {"FinalFailureAfterUnknown", claim_status::failed, full, 1, claim_next::surrender},
    {"Unknown", claim_status::failed, unknown, 1, claim_next::again},
    {"UnknownAgain", claim_status::failed, unknown, 2, claim_next::surrender},
    {"UnknownAndFinal", claim_status::failed, shut_down, 1, claim_next::surrender},
};

class AfterClaim : public testing::TestWithParam<claim_case> {};

TEST_P(AfterClaim, SaysWhatIsNext) {
  const claim_case& row = GetParam();
  EXPECT_EQ(after_claim(row.status, row.failure, row.tries, row.holds), row.next);
}

INSTANTIATE_TEST_SUITE_P(, AfterClaim, testing::ValuesIn(claim_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(LeaseMargin, GrowsWithTheLeaseAndTheSkew) {
  EXPECT_EQ(lease_margin(milliseconds(0), milliseconds(0)), milliseconds(2));
  EXPECT_EQ(lease_margin(milliseconds(999), milliseconds(0)), milliseconds(2));
  EXPECT_EQ(lease_margin(milliseconds(1'000), milliseconds(0)), milliseconds(3));
  EXPECT_EQ(lease_margin(milliseconds(30'000), milliseconds(100)), milliseconds(132));
}

// A machine that has just sent a step: a mark at 100, a renewal at 2,000, a completion or a release
// at 100, and a burial at 4,100, of a completion that has failed once.
attempt_machine sent(holder_step step) {
  attempt_machine made = granted();
  int now = 100;
  switch (step) {
    case holder_step::none: return made;
    case holder_step::mark: made.want_mark(); break;
    case holder_step::renew: now = 2'000; break;
    case holder_step::complete: made.want_complete(at(100)); break;
    case holder_step::bury:
      made.want_complete(at(100));
      EXPECT_EQ(made.next(at(100)), holder_step::complete);
      made.answered(write_status::failed, unknown, at(200));
      now = 4'100;
      break;
    case holder_step::release: made.want_release(at(100)); break;
  }
  EXPECT_EQ(made.next(at(now)), step);
  return made;
}

struct open_case {
  const char* name;
  holder_step step;
  write_status status;
  store_failure failure;
  int when;
  int wake;
  int deadline = 3'900;
  bool is_marked = false;
  bool is_superseded = false;
};
using enum write_status;
constexpr open_case open_cases[] = {
    {"MarkApplied", holder_step::mark, applied, {}, 200, 2'000, 3'900, true},
    {"MarkAlready", holder_step::mark, already_applied, {}, 200, 2'000, 3'900, true},
    {"MarkLost", holder_step::mark, lost, {}, 200, never, 3'900, false, true},
    {"MarkGone", holder_step::mark, gone, {}, 200, 2'000},
    {"MarkUnknown", holder_step::mark, failed, unknown, 200, 2'000},
    {"MarkBusy", holder_step::mark, failed, busy, 200, 2'000},
    {"MarkFull", holder_step::mark, failed, full, 200, 2'000},
    // Counted from when the renewal was sent.
    {"RenewApplied", holder_step::renew, applied, {}, 2'300, 4'000, 5'900},
    {"RenewAlready", holder_step::renew, already_applied, {}, 2'300, 4'000, 5'900},
    {"RenewAppliedAfterTheDeadline", holder_step::renew, applied, {}, 3'950, 4'000, 5'900},
    {"RenewLost", holder_step::renew, lost, {}, 2'300, never, 3'900, false, true},
    {"RenewGone", holder_step::renew, gone, {}, 2'300, never},
    {"RenewUnknown", holder_step::renew, failed, unknown, 2'300, 2'800},
    {"RenewBusy", holder_step::renew, failed, busy, 2'300, 2'800},
    {"RenewBusyJustBeforeTheDeadline", holder_step::renew, failed, busy, 3'899, 4'399},
    {"RenewBusyAtTheDeadline", holder_step::renew, failed, busy, 3'900, never},
    {"RenewFull", holder_step::renew, failed, full, 2'300, never},
    {"CompleteUnknown", holder_step::complete, failed, unknown, 300, 350},
    {"CompleteBusy", holder_step::complete, failed, busy, 300, 350},
    // The renewal is due first, and has been for long.
    {"CompleteBusyJustBeforeItGivesUp", holder_step::complete, failed, busy, 4'099, 2'000},
    {"CompleteBusyWhenItGivesUp", holder_step::complete, failed, busy, 4'100, 2'000},
    // Buried at once.
    {"CompleteFull", holder_step::complete, failed, full, 300, 100},
    {"CompleteScopeFull", holder_step::complete, failed, scope_full, 300, 100},
    {"CompleteOutOfMemory", holder_step::complete, failed, out_of_memory, 300, 100},
    {"ReleaseUnknown", holder_step::release, failed, unknown, 300, 350},
    {"ReleaseBusy", holder_step::release, failed, busy, 300, 350},
};

class AttemptGoesOn : public testing::TestWithParam<open_case> {};

TEST_P(AttemptGoesOn, AfterTheAnswer) {
  const open_case& row = GetParam();
  attempt_machine machine = sent(row.step);
  EXPECT_EQ(machine.sent(), row.step);
  EXPECT_EQ(machine.wake(), at(never));
  machine.answered(row.status, row.failure, at(row.when));
  EXPECT_FALSE(machine.is_over());
  EXPECT_EQ(machine.sent(), holder_step::none);
  EXPECT_EQ(machine.wake(), at(row.wake));
  EXPECT_EQ(machine.deadline(), at(row.deadline));
  EXPECT_EQ(machine.holds(at(row.deadline - 1)), !row.is_superseded);
  EXPECT_FALSE(machine.holds(at(row.deadline)));
  EXPECT_EQ(machine.is_marked(), row.is_marked);
}

INSTANTIATE_TEST_SUITE_P(, AttemptGoesOn, testing::ValuesIn(open_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct end_case {
  const char* name;
  holder_step step;
  write_status status;
  store_failure failure;
  int when;
  attempt_end end;
};
constexpr end_case end_cases[] = {
    {"CompleteApplied", holder_step::complete, applied, {}, 300, attempt_end::stored},
    {"CompleteAlready", holder_step::complete, already_applied, {}, 300, attempt_end::stored},
    {"CompleteLost", holder_step::complete, lost, {}, 300, attempt_end::outcome_lost},
    {"CompleteGone", holder_step::complete, gone, {}, 300, attempt_end::outcome_lost},
    {"CompleteCorrupt", holder_step::complete, failed, corrupt, 300, attempt_end::outcome_lost},
    {"CompleteShutDown", holder_step::complete, failed, shut_down, 300, attempt_end::outcome_lost},
    {"BuryApplied", holder_step::bury, applied, {}, 4'200, attempt_end::stored},
    {"BuryAlready", holder_step::bury, already_applied, {}, 4'200, attempt_end::stored},
    {"BuryLost", holder_step::bury, lost, {}, 4'200, attempt_end::outcome_lost},
    {"BuryGone", holder_step::bury, gone, {}, 4'200, attempt_end::outcome_lost},
    {"BuryUnknown", holder_step::bury, failed, unknown, 4'200, attempt_end::outcome_lost},
    {"BuryBusy", holder_step::bury, failed, busy, 4'200, attempt_end::outcome_lost},
    {"BuryFull", holder_step::bury, failed, full, 4'200, attempt_end::outcome_lost},
    {"ReleaseApplied", holder_step::release, applied, {}, 300, attempt_end::released},
    {"ReleaseAlready", holder_step::release, already_applied, {}, 300, attempt_end::released},
    {"ReleaseLost", holder_step::release, lost, {}, 300, attempt_end::abandoned},
    {"ReleaseGone", holder_step::release, gone, {}, 300, attempt_end::abandoned},
    {"ReleaseFull", holder_step::release, failed, full, 300, attempt_end::abandoned},
};

class AttemptEnds : public testing::TestWithParam<end_case> {};

TEST_P(AttemptEnds, WithTheAnswer) {
  const end_case& row = GetParam();
  attempt_machine machine = sent(row.step);
  EXPECT_FALSE(machine.is_over());
  machine.answered(row.status, row.failure, at(row.when));
  EXPECT_TRUE(machine.is_over());
  EXPECT_EQ(machine.end(), row.end);
  EXPECT_EQ(machine.wake(), at(never));
  EXPECT_EQ(machine.next(at(100'000)), holder_step::none);
  machine.give_up();
  EXPECT_EQ(machine.end(), row.end);
}

INSTANTIATE_TEST_SUITE_P(, AttemptEnds, testing::ValuesIn(end_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(AttemptMachine, RenewsFromHalfTheLeaseOn) {
  attempt_machine machine = granted();
  EXPECT_EQ(machine.wake(), at(2'000));
  EXPECT_EQ(machine.next(at(1'999)), holder_step::none);
  EXPECT_EQ(machine.next(at(2'000)), holder_step::renew);
}

TEST(AttemptMachine, HoldsForTheLeaseLessTheMarginSinceTheFirstSend) {
  const attempt_machine machine = granted();
  EXPECT_EQ(machine.deadline(), at(3'900));
  EXPECT_TRUE(machine.holds(at(3'899)));
  EXPECT_FALSE(machine.holds(at(3'900)));
}

TEST(AttemptMachine, HasOneOperationInFlight) {
  for (const holder_step step : {holder_step::mark, holder_step::renew, holder_step::complete,
                                 holder_step::bury, holder_step::release}) {
    attempt_machine machine = sent(step);
    machine.want_mark();
    EXPECT_EQ(machine.next(at(100'000)), holder_step::none);
    EXPECT_EQ(machine.sent(), step);
  }
}

TEST(AttemptMachine, IgnoresAnAnswerToNothing) {
  attempt_machine machine = granted();
  machine.answered(write_status::lost, {}, at(100));
  EXPECT_FALSE(machine.is_over());
  EXPECT_TRUE(machine.holds(at(100)));
  EXPECT_EQ(machine.wake(), at(2'000));
}

TEST(AttemptMachine, MarksBeforeItRenewsAndBeforeItEnds) {
  attempt_machine machine = granted();
  machine.want_mark();
  EXPECT_EQ(machine.next(at(2'000)), holder_step::mark);
  machine.want_complete(at(2'000));
  machine.answered(write_status::applied, {}, at(2'000));
  EXPECT_EQ(machine.next(at(2'000)), holder_step::complete);

  machine = granted();
  machine.want_mark();
  machine.want_release(at(100));
  EXPECT_EQ(machine.next(at(100)), holder_step::mark);
  machine.answered(write_status::applied, {}, at(100));
  EXPECT_EQ(machine.next(at(100)), holder_step::release);
}

TEST(AttemptMachine, MarksAgainWhenAsked) {
  attempt_machine machine = sent(holder_step::mark);
  machine.answered(write_status::failed, unknown, at(200));
  EXPECT_EQ(machine.next(at(200)), holder_step::none);
  machine.want_mark();
  EXPECT_EQ(machine.next(at(200)), holder_step::mark);
  machine.answered(write_status::already_applied, {}, at(300));
  EXPECT_TRUE(machine.is_marked());
}

TEST(AttemptMachine, CompletesOnceTheRenewalIsAnswered) {
  attempt_machine machine = sent(holder_step::renew);
  machine.want_complete(at(2'100));
  EXPECT_EQ(machine.next(at(2'100)), holder_step::none);
  machine.answered(write_status::applied, {}, at(2'200));
  EXPECT_EQ(machine.wake(), at(2'100));
  EXPECT_EQ(machine.next(at(2'200)), holder_step::complete);
}

TEST(AttemptMachine, CompletesWhatItMayNoLongerHold) {
  attempt_machine machine = sent(holder_step::renew);
  machine.answered(write_status::lost, {}, at(2'100));
  machine.want_complete(at(5'000));
  EXPECT_FALSE(machine.holds(at(5'000)));
  EXPECT_EQ(machine.next(at(5'000)), holder_step::complete);
}

TEST(AttemptMachine, WaitsLongerBeforeEachRetry) {
  for (const bool completes : {true, false}) {
    attempt_machine machine(milliseconds(100'000), margin, at(0));
    if (completes) {
      machine.want_complete(at(0));
    } else {
      machine.want_release(at(0));
    }
    const holder_step step = completes ? holder_step::complete : holder_step::release;
    EXPECT_EQ(machine.next(at(0)), step);
    int now = 0;
    for (const int wait : {50, 100, 200, 400, 800, 1'000, 1'000}) {
      machine.answered(write_status::failed, busy, at(now));
      EXPECT_EQ(machine.wake(), at(now + wait));
      EXPECT_EQ(machine.next(at(now + wait - 1)), holder_step::none);
      EXPECT_EQ(machine.next(at(now + wait)), step);
      now += wait;
    }
  }
}

TEST(AttemptMachine, RenewsBetweenTwoCompletions) {
  attempt_machine machine = granted();
  machine.want_complete(at(1'990));
  EXPECT_EQ(machine.next(at(1'990)), holder_step::complete);
  machine.answered(write_status::failed, busy, at(1'995));
  EXPECT_EQ(machine.wake(), at(2'000));
  EXPECT_EQ(machine.next(at(1'999)), holder_step::none);
  EXPECT_EQ(machine.next(at(2'000)), holder_step::renew);
  machine.answered(write_status::applied, {}, at(2'010));
  EXPECT_EQ(machine.deadline(), at(5'900));
  EXPECT_EQ(machine.wake(), at(2'045));
  EXPECT_EQ(machine.next(at(2'044)), holder_step::none);
  EXPECT_EQ(machine.next(at(2'045)), holder_step::complete);
}

TEST(AttemptMachine, BuriesALeaseAfterItHadItsResponse) {
  for (const bool is_time : {false, true}) {
    attempt_machine machine = sent(holder_step::complete);
    machine.answered(write_status::failed, unknown, at(300));
    EXPECT_EQ(machine.next(at(is_time ? 4'100 : 4'099)),
              is_time ? holder_step::bury : holder_step::complete);
  }
}

TEST(AttemptMachine, BuriesAfterACompletionThatTookTooLong) {
  attempt_machine machine = sent(holder_step::complete);
  machine.answered(write_status::failed, unknown, at(4'100));
  EXPECT_EQ(machine.next(at(4'100)), holder_step::bury);
}

TEST(AttemptMachine, BuriesWhatFindsNoRoom) {
  attempt_machine machine = sent(holder_step::complete);
  machine.answered(write_status::failed, full, at(300));
  EXPECT_EQ(machine.next(at(300)), holder_step::bury);
}

TEST(AttemptMachine, ReleasesOnceEvenAfterTheDeadline) {
  attempt_machine machine = granted();
  machine.want_release(at(5'000));
  EXPECT_EQ(machine.wake(), at(5'000));
  EXPECT_EQ(machine.next(at(5'000)), holder_step::release);
  machine.answered(write_status::failed, busy, at(5'000));
  EXPECT_EQ(machine.next(at(5'050)), holder_step::none);
  EXPECT_TRUE(machine.is_over());
  EXPECT_EQ(machine.end(), attempt_end::abandoned);
}

TEST(AttemptMachine, ReleasesAgainBeforeTheDeadline) {
  for (const bool is_time : {false, true}) {
    attempt_machine machine = sent(holder_step::release);
    machine.answered(write_status::failed, unknown, at(300));
    EXPECT_EQ(machine.next(at(is_time ? 3'900 : 3'899)),
              is_time ? holder_step::none : holder_step::release);
    EXPECT_EQ(machine.is_over(), is_time);
  }
}

TEST(AttemptMachine, AbandonsWithoutAWord) {
  attempt_machine machine = granted();
  machine.want_abandon();
  EXPECT_EQ(machine.wake(), at(at_once));
  EXPECT_EQ(machine.next(at(100)), holder_step::none);
  EXPECT_TRUE(machine.is_over());
  EXPECT_EQ(machine.end(), attempt_end::abandoned);
}

TEST(AttemptMachine, AbandonsOnceTheAnswerIsThere) {
  for (const holder_step step : {holder_step::mark, holder_step::renew}) {
    attempt_machine machine = sent(step);
    machine.want_abandon();
    EXPECT_EQ(machine.next(at(2'100)), holder_step::none);
    EXPECT_FALSE(machine.is_over());
    machine.answered(write_status::applied, {}, at(2'200));
    EXPECT_EQ(machine.wake(), at(at_once));
    EXPECT_EQ(machine.next(at(2'200)), holder_step::none);
    EXPECT_EQ(machine.end(), attempt_end::abandoned);
    EXPECT_TRUE(machine.is_over());
  }
}

TEST(AttemptMachine, GivesUpAsItIs) {
  struct {
    holder_step step;
    attempt_end end;
  } const rows[] = {
      {holder_step::none, attempt_end::abandoned},
      {holder_step::mark, attempt_end::abandoned},
      {holder_step::renew, attempt_end::abandoned},
      {holder_step::release, attempt_end::abandoned},
      {holder_step::complete, attempt_end::outcome_lost},
      {holder_step::bury, attempt_end::outcome_lost},
  };
  for (const auto& row : rows) {
    attempt_machine machine = sent(row.step);
    machine.give_up();
    EXPECT_TRUE(machine.is_over());
    EXPECT_EQ(machine.end(), row.end);
    EXPECT_EQ(machine.wake(), at(never));
    EXPECT_EQ(machine.next(at(100'000)), holder_step::none);
  }
}

}  // namespace
}  // namespace parley::idempotency
