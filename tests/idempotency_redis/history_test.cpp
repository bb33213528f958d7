// SPDX-License-Identifier: Apache-2.0
//
// The judge of histories is judged: by histories that are right and must pass, and by one or more
// for each property that are wrong and must not.

#include "idempotency_redis/support/history.hpp"

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace parley::testing_support {
namespace {

using namespace std::chrono_literals;
using idempotency::claim_status;
using idempotency::store_errc;
using idempotency::write_status;

// Operations on one key, with times in ms. Each takes one ms unless told otherwise.
class story {
 public:
  static constexpr std::chrono::milliseconds lease = 100ms;
  static constexpr std::chrono::milliseconds retention = 1'100ms;

  story() { told_.may_repeat = false; }

  recorded& add(operation_type type, std::uint32_t nonce, int at) {
    recorded op;
    op.type = type;
    op.key = 1;
    op.nonce = nonce;
    op.invoked = std::chrono::milliseconds(at);
    op.answered = op.invoked + 1ms;
    op.ends = 1;
    op.lease = lease;
    op.retention = retention;
    op.unix_ms = 1'000 + static_cast<std::uint64_t>(at);
    return told_.operations.emplace_back(op);
  }
  recorded& claim(std::uint32_t nonce, int at, claim_status status, std::uint32_t operation_id) {
    recorded& op = add(operation_type::claim, nonce, at);
    op.claim = status;
    op.operation_id = operation_id;
    if (status == claim_status::claimed) op.fence = op.unix_ms;
    if (status == claim_status::completed) op.response = operation_id;
    return op;
  }
  recorded& grant(std::uint32_t nonce, int at) {
    return claim(nonce, at, claim_status::claimed, nonce);
  }
  recorded& take_over(std::uint32_t nonce, int at, std::uint32_t from) {
    return claim(nonce, at, claim_status::claimed, from);
  }
  recorded& fail(recorded& op, bool is_known, store_errc why = store_errc::timed_out) {
    op.claim = claim_status::failed;
    op.write = write_status::failed;
    op.is_outcome_known = is_known;
    op.why = why;
    op.operation_id = op.response = 0;
    return op;
  }
  recorded& write(operation_type type, std::uint32_t nonce, int at,
                  write_status status = write_status::applied) {
    recorded& op = add(type, nonce, at);
    op.write = status;
    op.sent_operation_id = nonce;
    op.fence = 1'000;
    return op;
  }
  recorded& complete(std::uint32_t nonce, int at, write_status status = write_status::applied) {
    return write(operation_type::complete, nonce, at, status);
  }
  recorded& release(std::uint32_t nonce, int at, write_status status = write_status::applied) {
    return write(operation_type::release, nonce, at, status);
  }
  recorded& mark(std::uint32_t nonce, int at, write_status status = write_status::applied) {
    return write(operation_type::mark, nonce, at, status);
  }
  recorded& renew(std::uint32_t nonce, int at, write_status status = write_status::applied) {
    return write(operation_type::renew, nonce, at, status);
  }

  history& told() { return told_; }

 private:
  history told_;
};

struct good_case {
  const char* name;
  void (*tell)(story&);
};
void PrintTo(const good_case& of, std::ostream* to) { *to << of.name; }

const good_case good_cases[] = {
    {"Nothing", [](story&) {}},
    {"ReplayAndConflict",
     [](story& s) {
       s.grant(1, 0);
       s.claim(2, 5, claim_status::running, 1);
       s.complete(1, 10);
       s.claim(3, 20, claim_status::completed, 1);
       s.claim(4, 30, claim_status::conflict, 1).fingerprint = 1;
       s.complete(1, 40, write_status::already_applied);
       s.claim(1, 50, claim_status::completed, 1);
     }},
    {"RunsAgainWhenItIsForgotten",
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.grant(2, 1'200).fingerprint = 1;
     }},
    {"TakenOverWhenTheLeaseIsOver",
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.complete(1, 120, write_status::lost);
       s.renew(1, 122, write_status::lost);
       s.complete(2, 130).sent_operation_id = 1;
       s.claim(3, 140, claim_status::completed, 1).response = 2;
     }},
    {"TakenOverForLessTime",
     [](story& s) {
       s.grant(1, 0).retention = 60s;
       s.take_over(2, 110, 1);
       s.grant(3, 1'300).fingerprint = 1;
     }},
    {"ClaimedAgainWhenItIsForgotten",
     [](story& s) {
       s.grant(1, 0);
       s.grant(1, 1'200);
     }},
    {"ClaimedAgainAfterAnother",
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.release(2, 120);
       s.grant(1, 130);
     }},
    {"RenewedAndSoNotTakenOver",
     [](story& s) {
       s.grant(1, 0);
       s.renew(1, 80);
       s.claim(2, 150, claim_status::running, 1);
       s.complete(1, 160);
     }},
    {"ReleasedAndClaimedByAnother",
     [](story& s) {
       s.grant(1, 0);
       s.release(1, 10);
       s.release(1, 12, write_status::already_applied);
       s.fail(s.claim(1, 15, claim_status::claimed, 1), true, store_errc::spent_nonce);
       s.grant(2, 20).fingerprint = 1;
       s.complete(1, 30, write_status::lost);
     }},
    {"ReleasedTwiceAndClaimedByTheFirst",
     [](story& s) {
       s.grant(1, 0);
       s.release(1, 10);
       s.grant(2, 20);
       s.release(2, 30);
       s.grant(1, 40);
       s.release(1, 50);
     }},
    {"MarkedAndAbandoned",
     [](story& s) {
       s.grant(1, 0);
       s.mark(1, 10);
       s.mark(1, 12, write_status::already_applied);
       s.claim(2, 110, claim_status::abandoned, 1);
       s.take_over(3, 120, 1).rerun_marked = true;
     }},
    {"UnknownClaimThatWasCarriedOut",
     [](story& s) {
       s.fail(s.grant(1, 0), false);
       s.claim(2, 10, claim_status::running, 1);
       s.grant(1, 20).fence = 1'000;
       s.told().operations[0].unix_ms = 1'000;
       s.complete(1, 30);
     }},
    {"UnknownClaimThatWasNot",
     [](story& s) {
       s.fail(s.grant(1, 0), false);
       s.grant(2, 10);
     }},
    {"UnknownClaimThatComesLate",
     [](story& s) {
       s.told().settled = 50ms;
       s.fail(s.grant(1, 0), false);
       s.grant(2, 10);
       s.release(2, 20);
       s.claim(3, 60, claim_status::running, 1);
     }},
    {"UnknownCompletionThatWasCarriedOut",
     [](story& s) {
       s.grant(1, 0);
       s.fail(s.complete(1, 10), false);
       s.claim(2, 20, claim_status::completed, 1);
     }},
    {"CompletionOfNothingWithinTheLease",
     [](story& s) {
       s.grant(1, 0);
       s.grant(9, 0).key = 2;
       s.complete(3, 10).lease_holds = true;
       s.told().operations[2].key = 3;
     }},
    {"CompletionOfNothingAfterTheLease",
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 1'300, write_status::gone);
     }},
    {"OverlappingOperationsInAnyOrder",
     [](story& s) {
       s.grant(1, 0).answered = 50ms;
       s.claim(2, 10, claim_status::running, 1).answered = 40ms;
       s.complete(1, 60).answered = 90ms;
       s.claim(3, 70, claim_status::running, 1).answered = 80ms;
       s.claim(4, 72, claim_status::completed, 1).answered = 79ms;
     }},
    {"CarriedOutTwiceWhereThatMayBe",
     [](story& s) {
       s.told().may_repeat = true;
       s.told().settled = 5'000ms;
       // The first time it is claimed, the answer lost; it is sent again and finds the other's.
       recorded& twice = s.claim(1, 0, claim_status::completed, 1);
       twice.answered = 200ms;
       twice.response = 2;
       s.claim(3, 50, claim_status::running, 1);
       s.take_over(2, 120, 1);
       s.complete(2, 130).sent_operation_id = 1;
     }},
};

class HistoryIsGood : public testing::TestWithParam<good_case> {};

TEST_P(HistoryIsGood, AndPasses) {
  story s;
  GetParam().tell(s);
  const verdict found = check(s.told());
  EXPECT_TRUE(found.violations.empty()) << to_table(GetParam().name, found, 0);
  EXPECT_EQ(found.undecided, 0u);
}

INSTANTIATE_TEST_SUITE_P(, HistoryIsGood, testing::ValuesIn(good_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct bad_case {
  const char* name;
  property broken;
  bool has_no_order;  ///< and the search finds it, too
  void (*tell)(story&);
};
void PrintTo(const bad_case& of, std::ostream* to) { *to << of.name; }

const bad_case bad_cases[] = {
    {"TwoHolders", property::holders_are_alone, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 50, 1);
     }},
    {"TwoHoldersByARenewal", property::holders_are_alone, true,
     [](story& s) {
       s.grant(1, 0);
       s.renew(1, 80);
       s.take_over(2, 150, 1);
     }},
    {"OneOfThreeHolds", property::holders_are_alone, true,
     [](story& s) {
       s.grant(1, 0);
       s.grant(2, 10).key = 1;
       s.complete(2, 20);
       s.grant(3, 30);
     }},
    {"CompletionIsLost", property::completion_is_kept, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.grant(2, 20);
     }},
    {"CompletionIsLostAtTheEnd", property::completion_is_kept, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.grant(2, 1'100);
     }},
    {"ReplayedCompletionIsLost", property::completion_is_kept, true,
     [](story& s) {
       s.grant(1, 0);
       s.fail(s.complete(1, 10), false);
       s.claim(2, 20, claim_status::completed, 1);
       s.grant(3, 30);
     }},
    {"ConflictWithItself", property::completion_is_kept, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.claim(2, 20, claim_status::conflict, 1);
     }},
    {"BytesOfNobody", property::replays_are_one, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.claim(2, 20, claim_status::completed, 1).response = foreign;
     }},
    {"ResponseOfTheSuperseded", property::replays_are_one, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.complete(2, 120).sent_operation_id = 1;
       s.fail(s.complete(1, 125), false);
       s.claim(3, 130, claim_status::completed, 1).response = 1;
     }},
    {"FenceStays", property::fences_rise, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1).fence = 1'000;
     }},
    {"FenceFalls", property::fences_rise, false,
     [](story& s) {
       s.grant(1, 0);
       recorded& second = s.grant(2, 1'200);
       second.fence = second.unix_ms = 900;
     }},
    {"SupersededCompletes", property::superseded_is_inert, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.complete(1, 120);
     }},
    {"SupersededReleases", property::superseded_is_inert, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.release(1, 120);
     }},
    {"SupersededRenews", property::superseded_is_inert, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.renew(1, 120);
     }},
    {"SupersededMarks", property::superseded_is_inert, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1);
       s.mark(1, 120);
     }},
    {"ReleasedIsGranted", property::superseded_is_inert, true,
     [](story& s) {
       s.grant(1, 0);
       s.release(1, 10);
       s.grant(1, 20).fence = 1'000;
     }},
    {"OtherRequestRuns", property::others_are_refused, true,
     [](story& s) {
       s.grant(1, 0);
       s.take_over(2, 110, 1).fingerprint = 1;
     }},
    {"OtherRequestReplays", property::others_are_refused, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.claim(2, 20, claim_status::completed, 1).fingerprint = 1;
     }},
    {"OtherRequestWaits", property::others_are_refused, true,
     [](story& s) {
       s.grant(1, 0);
       s.claim(2, 10, claim_status::running, 1).fingerprint = 1;
     }},
    {"CrashedRunsForEver", property::crashed_is_replaced, true,
     [](story& s) {
       s.grant(1, 0);
       s.claim(2, 110, claim_status::running, 1);
     }},
    {"MarkedRunsAgain", property::crashed_is_replaced, true,
     [](story& s) {
       s.grant(1, 0);
       s.mark(1, 10);
       s.take_over(2, 110, 1);
     }},
    {"MarkedNeverRunsAgain", property::crashed_is_replaced, true,
     [](story& s) {
       s.grant(1, 0);
       s.mark(1, 10);
       s.claim(2, 110, claim_status::abandoned, 1).rerun_marked = true;
     }},
    {"AbandonedWithoutAMark", property::crashed_is_replaced, true,
     [](story& s) {
       s.grant(1, 0);
       s.claim(2, 110, claim_status::abandoned, 1);
     }},
    {"RetryHasAnotherFence", property::retries_are_safe, true,
     [](story& s) {
       s.grant(1, 0);
       s.grant(1, 10);
     }},
    {"RetriedCompletionIsLost", property::retries_are_safe, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.complete(1, 20, write_status::lost);
     }},
    {"RetriedCompletionIsStoredAgain", property::retries_are_safe, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10);
       s.complete(1, 20);
     }},
    {"RetriedReleaseIsLost", property::retries_are_safe, true,
     [](story& s) {
       s.grant(1, 0);
       s.release(1, 10);
       s.release(1, 20, write_status::lost);
     }},
    {"RetriedMarkIsLost", property::retries_are_safe, true,
     [](story& s) {
       s.grant(1, 0);
       s.mark(1, 10);
       s.mark(1, 20, write_status::lost);
     }},
    {"NeverEnds", property::everything_ends, false,
     [](story& s) {
       recorded& op = s.fail(s.grant(1, 0), false);
       op.ends = 0;
       op.answered = never;
     }},
    {"EndsTwice", property::everything_ends, false, [](story& s) { s.grant(1, 0).ends = 2; }},
    {"EndsTooLate", property::everything_ends, false,
     [](story& s) {
       s.told().time_max = 500ms;
       s.grant(1, 0).answered = 501ms;
     }},
    {"RefusedCompletionIsReplayed", property::refusals_are_harmless, true,
     [](story& s) {
       s.grant(1, 0);
       s.fail(s.complete(1, 10), true);
       s.claim(2, 20, claim_status::completed, 1);
     }},
    {"RefusedClaimRuns", property::refusals_are_harmless, true,
     [](story& s) {
       s.fail(s.grant(1, 0), true);
       s.claim(2, 20, claim_status::running, 1);
     }},
    {"IdOfNobody", property::refusals_are_harmless, true,
     [](story& s) {
       s.grant(1, 0);
       s.claim(2, 20, claim_status::running, foreign);
     }},
    // What no rule looks at.
    {"UnmarkedButSaidToBe", property::has_an_order, true,
     [](story& s) {
       s.grant(1, 0);
       s.mark(1, 10, write_status::already_applied);
     }},
    {"CompletedAndYetRunning", property::has_an_order, true,
     [](story& s) {
       s.grant(1, 0);
       s.complete(1, 10).answered = 60ms;
       s.claim(2, 20, claim_status::completed, 1);
       s.claim(3, 30, claim_status::running, 1);
     }},
    {"CarriedOutTwiceWhereThatMayNotBe", property::has_an_order, true,
     [](story& s) {
       recorded& twice = s.claim(1, 0, claim_status::completed, 1);
       twice.answered = 200ms;
       twice.response = 2;
       s.claim(3, 50, claim_status::running, 1);
       s.take_over(2, 120, 1);
       s.complete(2, 130).sent_operation_id = 1;
     }},
};

class HistoryIsBad : public testing::TestWithParam<bad_case> {};

TEST_P(HistoryIsBad, AndIsFound) {
  story s;
  GetParam().tell(s);
  const verdict found = check(s.told());
  EXPECT_GT(found.count(GetParam().broken), 0u) << to_table(GetParam().name, found, 0);
  EXPECT_EQ(found.count(property::has_an_order) > 0, GetParam().has_no_order)
      << to_table(GetParam().name, found, 0);
}

INSTANTIATE_TEST_SUITE_P(, HistoryIsBad, testing::ValuesIn(bad_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// What a master told of the first attempt, before a failover undid it.
TEST(History, RefusalMayBeUndoneWhereItIsSaidSo) {
  story s;
  s.fail(s.grant(1, 0), false);
  s.claim(2, 5, claim_status::running, 1);
  s.grant(3, 10);
  EXPECT_EQ(check(s.told()).count(property::has_an_order), 1u);
  EXPECT_EQ(check(s.told()).hasty, 0u);
  s.told().may_undo_refusals = true;
  EXPECT_TRUE(check(s.told()).violations.empty());
  EXPECT_EQ(check(s.told()).hasty, 1u);
}

TEST(History, GrantMayNot) {
  story s;
  s.grant(1, 0);
  s.claim(2, 5, claim_status::running, 1);
  s.grant(3, 10);
  s.told().may_undo_refusals = true;
  EXPECT_EQ(check(s.told()).count(property::has_an_order), 1u);
  EXPECT_EQ(check(s.told()).hasty, 0u);
}

TEST(History, ContradictedCompletionIsCountedOnce) {
  story s;
  s.grant(1, 0);
  s.complete(1, 10);
  s.claim(2, 20, claim_status::completed, 1);
  EXPECT_EQ(check(s.told()).contradicted, 0u);
  s.grant(3, 30);
  s.claim(4, 40, claim_status::running, 3);
  const verdict found = check(s.told());
  EXPECT_EQ(found.count(property::completion_is_kept), 2u);
  EXPECT_EQ(found.contradicted, 1u);
  EXPECT_EQ(found.acknowledged, 1u);
}

TEST(History, SearchThatIsGivenUpIsCounted) {
  story s;
  s.grant(1, 0);
  s.complete(1, 10);
  const verdict found = check(s.told(), 1);
  EXPECT_EQ(found.undecided, 1u);
  EXPECT_TRUE(found.violations.empty());
}

TEST(History, TableShowsWhatWasCounted) {
  story s;
  s.grant(1, 0);
  s.fail(s.complete(1, 10), false);
  s.take_over(2, 50, 1);
  const verdict found = check(s.told());
  EXPECT_EQ(found.operations, 3u);
  EXPECT_EQ(found.unknown, 1u);
  EXPECT_EQ(found.grants, 2u);
  EXPECT_EQ(found.takeovers, 1u);
  const std::string table = to_table("two holders", found, 4);
  EXPECT_NE(table.find("two holders\n"), std::string::npos);
  EXPECT_NE(table.find("faults"), std::string::npos);
  EXPECT_NE(table.find("has_an_order"), std::string::npos) << table;
}

TEST(History, PropertiesHaveNames) {
  for (std::size_t i = 1; i <= property_count; ++i) {
    EXPECT_NE(to_string(static_cast<property>(i)), "unknown") << i;
  }
  EXPECT_EQ(to_string(static_cast<property>(property_count + 1)), "unknown");
}

}  // namespace
}  // namespace parley::testing_support
