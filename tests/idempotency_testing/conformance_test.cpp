// SPDX-License-Identifier: Apache-2.0
//
// The kit itself: it passes stores that are right, and each of its cases fails a store that is not.
#include "parley/idempotency_testing/conformance.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "idempotency_testing/deferred_store.hpp"
#include "idempotency_testing/faulty_store.hpp"
#include "parley/idempotency_testing/model_store.hpp"
#include "parley/idempotency_testing/suite.hpp"

namespace parley::idempotency_testing {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

conformance_case find_case(std::string_view name) {
  const auto all = conformance_cases();
  const auto found = std::ranges::find(all, name, &conformance_case::name);
  if (found == all.end()) throw std::out_of_range("no case " + std::string(name));
  return *found;
}

// Small, so that an operation that never ends is given up soon.
constexpr conformance_options impatient = {.operation_timeout = std::chrono::milliseconds(50)};

class faulty_harness final : public store_harness {
 public:
  explicit faulty_harness(fault mistake) : records_(mistake) {}
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(std::chrono::milliseconds by) override { records_.advance(by); }
  bool reopen() override {
    records_.reopen();
    return true;
  }

 private:
  faulty_store records_;
};

case_report run_on(fault mistake, std::string_view name, const conformance_options& options = {}) {
  return run_case(
      find_case(name), [mistake] { return std::make_unique<faulty_harness>(mistake); }, options);
}

// Mistakes, and cases that catch them. Each case but one stands here: see
// EveryCaseCatchesAMistake.
struct fault_case {
  const char* name;
  fault mistake;
  std::vector<std::string_view> caught_by;
};
const fault_case fault_cases[] = {
    {"CompleteWithoutCompare",
     fault::complete_without_compare,
     {"SupersededHolderChangesNothing", "LeaseHoldsIsNoRightToARecord"}},
    {"ReleaseWithoutCompare",
     fault::release_without_compare,
     {"ReleaseTwiceIsOneRelease", "RandomOperationsMatchTheModel"}},
    {"RenewWithoutCompare", fault::renew_without_compare, {"StrangerChangesNothingWhileRunning"}},
    {"MarkWithoutCompare", fault::mark_without_compare, {"StrangerChangesNothingWhileRunning"}},
    {"CompleteReplaces", fault::complete_replaces, {"CompleteTwiceKeepsTheFirst"}},
    {"CompleteOfReleased", fault::complete_of_released, {"CompleteAfterReleaseIsLost"}},
    {"CompleteAgainIsLost",
     fault::complete_again_is_lost,
     {"CompleteTwiceKeepsTheFirst", "ReplaysDoNotMoveTheRetention"}},
    {"CompleteTrustsLeaseHolds",
     fault::complete_trusts_lease_holds,
     {"NoncesDifferingInOneBitAreStrangers", "AbandonedIsRerunWhenAsked"}},
    {"CompleteNeedsTheLease",
     fault::complete_needs_the_lease,
     {"LateCompleteIsAppliedIfNotSuperseded", "AbandonedHolderMayComplete"}},
    {"CompleteNeverStoresForgotten",
     fault::complete_never_stores_forgotten,
     {"CompleteOfAForgottenRecordIsStored"}},
    {"CompleteAlwaysStoresForgotten",
     fault::complete_always_stores_forgotten,
     {"CompleteWithoutLeaseOrRecordIsGone", "ExpiredIsGoneToItsHolder"}},
    {"CompleteOfForgottenDropsTheId",
     fault::complete_of_forgotten_drops_the_id,
     {"CompleteOfAForgottenRecordIsStored"}},
    {"CompleteOfForgottenLivesAnHour",
     fault::complete_of_forgotten_lives_an_hour,
     {"ForgottenRecordLivesItsRetention"}},
    {"RenewNeedsTheLease", fault::renew_needs_the_lease, {"LateRenewIsAppliedIfNotSuperseded"}},
    {"ReleaseNeedsTheLease",
     fault::release_needs_the_lease,
     {"LateReleaseIsAppliedIfNotSuperseded"}},
    {"ReleaseOfCompleted",
     fault::release_of_completed,
     {"StrangerChangesNothingWhenCompleted", "ReleaseOfCompletedIsLost"}},
    {"ReleaseAgainIsLost", fault::release_again_is_lost, {"ReleaseTwiceIsOneRelease"}},
    {"ReleaseOfMarkedIsLost",
     fault::release_of_marked_is_lost,
     {"MarkedAttemptCanBeReleased", "RandomHistoriesKeepTheProperties"}},
    {"WritesMakeRecords", fault::writes_make_records, {"WriteToNothingIsGone"}},
    {"MarkOfReleased", fault::mark_of_released, {"EndedAttemptCannotGoOn"}},
    {"MarkAgainIsLost", fault::mark_again_is_lost, {"MarkTwiceKeepsTheFirstNote"}},
    {"MarkHidesTheAttempt",
     fault::mark_hides_the_attempt,
     {"OperationsStartFromDone", "OtherRequestConflictsWhileMarked", "MarkedIsRunningToOthers"}},
    {"ClaimsAreNotRecorded",
     fault::claims_are_not_recorded,
     {"ReleasedKeyRunsAgain", "RetriedClaimAfterMarkIsTheSameClaim", "HolderOrTakeoverWins"}},
    {"ClaimIsNotAtomic",
     fault::claim_is_not_atomic,
     {"OneOfManyClaimsWins", "OneOfManyTakeoversWins", "OneOfTwoRequestsWins"}},
    {"TakeoverIgnoresTheLease",
     fault::takeover_ignores_the_lease,
     {"RunningIsShownToOthers", "WriteBeyondALimitIsRefused"}},
    {"TakeoverTakesANewId", fault::takeover_takes_a_new_id, {"LeaseOverIsTakenOver"}},
    {"ClaimRetryWithoutNonce",
     fault::claim_retry_without_nonce,
     {"RetriedClaimIsTheSameClaim", "CanceledClaimCanBeRetried"}},
    {"ClaimRetryNeverAfterTheLease",
     fault::claim_retry_never_after_the_lease,
     {"LateRetryOfAClaimIsClaimedIfNotSuperseded"}},
    {"ClaimRetryMakesANewFence",
     fault::claim_retry_makes_a_new_fence,
     {"RetriedClaimIsTheSameClaim"}},
    {"SupersededClaimResumes", fault::superseded_claim_resumes, {"SupersededClaimIsNotClaimed"}},
    {"OwnCompletedRunsAgain", fault::own_completed_runs_again, {"OwnClaimAfterCompleteReplays"}},
    {"FingerprintIsIgnored",
     fault::fingerprint_is_ignored,
     {"OtherRequestConflictsWhileRunning", "OtherRequestConflictsWhenCompleted"}},
    {"FingerprintIsIgnoredAfterTheLease",
     fault::fingerprint_is_ignored_after_the_lease,
     {"OtherRequestConflictsAfterTheLease", "RunningExpiresAtItsRetention"}},
    {"FingerprintOf64Bits",
     fault::fingerprint_of_64_bits,
     {"FingerprintsDifferingInOneBitConflict"}},
    {"KeyOf64Bits", fault::key_of_64_bits, {"KeysDifferingInOneBitAreDifferent"}},
    {"NonceOf64Bits", fault::nonce_of_64_bits, {"NoncesDifferingInOneBitAreStrangers"}},
    {"ScopeInTheKey", fault::scope_in_the_key, {"ScopeIsNoPartOfTheKey"}},
    {"DigestsAreCStrings",
     fault::digests_are_c_strings,
     {"ManyKeysAreKeptApart", "DigestsAreAnyBytes"}},
    {"PolicyIgnoresTheLease", fault::policy_ignores_the_lease, {"RerunMarkedWaitsForTheLease"}},
    {"AbandonedRerunsUnasked", fault::abandoned_reruns_unasked, {"AbandonedShowsAnEmptyNote"}},
    {"AbandonedRerunsAfterASecond",
     fault::abandoned_reruns_after_a_second,
     {"AbandonedIsNotRerunUnasked"}},
    {"AbandonedNeverReruns", fault::abandoned_never_reruns, {"RerunMarksAnew"}},
    {"AbandonedMayNotEnd", fault::abandoned_may_not_end, {"AbandonedHolderMayRelease"}},
    {"ReleasedBlocksOtherRequests",
     fault::released_blocks_other_requests,
     {"ClaimAndItsReleaseLeaveNoZombie", "ReleasedKeyRunsAnotherRequest"}},
    {"ReleasedKeepsItsId", fault::released_keeps_its_id, {"ReleasedKeyRunsAgain"}},
    {"ReleaseDeletes",
     fault::release_deletes,
     {"LateClaimOfAReleasedAttemptIsSpent", "ReleaseOfNothingSpendsItsClaim"}},
    {"ReleaseOfNothingIsNotRecorded",
     fault::release_of_nothing_is_not_recorded,
     {"ClaimAndItsReleaseLeaveNoZombie"}},
    {"ReplayOfAnotherKey", fault::replay_of_another_key, {"ManyKeysAreKeptApart"}},
    {"ReplayNamesTheRetry",
     fault::replay_names_the_retry,
     {"ReplayIsByteEqual", "KeysDoNotDisturbEachOther"}},
    {"ConflictNamesTheOther",
     fault::conflict_names_the_other,
     {"OtherRequestConflictsWhileRunning", "CompletedExpiresAtItsRetention"}},
    {"EmptyResponseIsNone", fault::empty_response_is_none, {"EmptyResponseIsReplayed"}},
    {"ResponsesAreCutAt64Kib", fault::responses_are_cut_at_64_kib, {"LargeResponseIsReplayed"}},
    {"ResponsesAreCStrings", fault::responses_are_c_strings, {"BinaryResponseIsReplayed"}},
    {"IdOf64Bytes", fault::id_of_64_bytes, {"LongestIdIsKept"}},
    {"NoteOf64Bytes", fault::note_of_64_bytes, {"AbandonedShowsAnyNote"}},
    {"NoteIsLost", fault::note_is_lost, {"AbandonedShowsTheNote"}},
    {"NoteIsReplaced", fault::note_is_replaced, {"MarkTwiceKeepsTheFirstNote"}},
    {"LeaseLeftIsTheLease",
     fault::lease_left_is_the_lease,
     {"LeaseHoldsToItsLastMillisecond", "LeaseLeftCountsDown"}},
    {"LeaseLeftIsTooLong", fault::lease_left_is_too_long, {"RunningIsShownToOthers"}},
    {"FenceIsTheClock", fault::fence_is_the_clock, {"FenceRisesOverTakeover"}},
    {"FenceIsACounter", fault::fence_is_a_counter, {"FirstClaimIsClaimed", "FenceFollowsTheClock"}},
    {"FenceIsADouble", fault::fence_is_a_double, {"FenceIsExact"}},
    {"FenceRestartsAfterRelease", fault::fence_restarts_after_release, {"FenceRisesOverRelease"}},
    {"LeaseInSeconds", fault::lease_in_seconds, {"ShortestLeaseHolds"}},
    {"LeaseOf24Bits", fault::lease_of_24_bits, {"LongestLeaseHolds"}},
    {"ResumeExtends", fault::resume_extends, {"RetriedClaimDoesNotExtendTheLease"}},
    {"RunningExtends", fault::running_extends, {"RenewExtendsFromNow"}},
    {"MarkExtends", fault::mark_extends, {"OthersDoNotExtendTheLease"}},
    {"RenewAddsToTheEnd", fault::renew_adds_to_the_end, {"RenewExtendsFromNow"}},
    {"RenewKeepsTheLeaseOfTheClaim",
     fault::renew_keeps_the_lease_of_the_claim,
     {"RenewSetsTheLeaseItNames"}},
    {"RenewForgetsTheMark", fault::renew_forgets_the_mark, {"RenewKeepsTheMark"}},
    {"RenewDoesNotMoveTheRetention",
     fault::renew_does_not_move_the_retention,
     {"RenewKeepsTheRecordAlive"}},
    {"RenewMovesJustTheRetention",
     fault::renew_moves_just_the_retention,
     {"RenewedLeaseIsNeverOutlived"}},
    {"RecordDiesWithItsLease", fault::record_dies_with_its_lease, {"FenceRisesOverTakeover"}},
    {"ExpiryCountsFromTheClaim",
     fault::expiry_counts_from_the_claim,
     {"RetentionCountsFromCompletion"}},
    {"ExpiryIsThatOfTheClaim", fault::expiry_is_that_of_the_claim, {"CompleteSetsTheRetention"}},
    {"ReplayExtends", fault::replay_extends, {"ReplayOutlivesItsRecord"}},
    {"TakeoverKeepsTheExpiry", fault::takeover_keeps_the_expiry, {"TakeoverLivesAnew"}},
    {"MarkMovesTheExpiry", fault::mark_moves_the_expiry, {"MarkedExpiresAtItsRetention"}},
    {"ReleasedDiesAtOnce", fault::released_dies_at_once, {"ReleasedIsKeptTenMinutes"}},
    {"ReleasedLivesADay", fault::released_lives_a_day, {"ReleasedIsNotKeptLonger"}},
    {"RetentionOf31Bits", fault::retention_of_31_bits, {"LongestRetentionHolds"}},
    {"NeverExpires", fault::never_expires, {"FenceRisesOverExpiry"}},
    {"DoneTwice", fault::done_twice, {"EveryOperationEndsOnce"}},
    {"DoneAfterTrue", fault::done_after_true, {"EveryOperationEndsOnce"}},
    {"NeverDone", fault::never_done, {"FirstClaimIsClaimed"}},
    {"CancelUndoes", fault::cancel_undoes, {"CancelAfterTheEndIsHarmless"}},
    {"ShutdownIsIgnored", fault::shutdown_is_ignored, {"ShutdownFailsWhatComesAfter"}},
    {"ReopenForgetsAll", fault::reopen_forgets_all, {"CompletedSurvivesReopen"}},
    {"ReopenForgetsRunning", fault::reopen_forgets_running, {"RunningSurvivesReopen"}},
    {"ReopenForgetsMarks", fault::reopen_forgets_marks, {"MarkedSurvivesReopen"}},
    {"ReopenForgetsReleased", fault::reopen_forgets_released, {"ReleasedSurvivesReopen"}},
};

class Mistake : public testing::TestWithParam<fault_case> {};

TEST_P(Mistake, IsCaught) {
  for (const std::string_view name : GetParam().caught_by) {
    const bool ends = GetParam().mistake != fault::never_done;
    const case_report report =
        run_on(GetParam().mistake, name, ends ? conformance_options() : impatient);
    EXPECT_THAT(report.findings, Not(IsEmpty())) << name;
    EXPECT_EQ(report.skipped, "") << name;
  }
}

INSTANTIATE_TEST_SUITE_P(, Mistake, testing::ValuesIn(fault_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Kit, EveryCaseCatchesAMistake) {
  std::set<std::string_view> catching;
  for (const fault_case& each : fault_cases) {
    catching.insert(each.caught_by.begin(), each.caught_by.end());
  }
  // store::claim itself refuses these claims: a store never sees them.
  catching.insert("ClaimBeyondALimitIsRefused");
  for (const conformance_case& each : conformance_cases()) {
    EXPECT_TRUE(catching.contains(each.name)) << each.name;
  }
}

// Right stores, in the ways that a store may work.

class faultless final : public store_harness {
 public:
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::fixed; }

 private:
  model_store records_;
};

// To the kit it is a real clock: it may not ask it for milliseconds.
class real_clock final : public store_harness {
 public:
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::real; }
  void advance(std::chrono::milliseconds by) override { records_.advance(by); }

 private:
  model_store records_;
};

class threaded final : public store_harness {
 public:
  threaded() { records_.start_thread(); }
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(std::chrono::milliseconds by) override { inner_.advance(by); }

 private:
  model_store inner_;
  deferred_store records_{inner_};
};

class pumped final : public store_harness {
 public:
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(std::chrono::milliseconds by) override { inner_.advance(by); }
  bool pump() override { return records_.run_one(); }

 private:
  model_store inner_;
  deferred_store records_{inner_};
};

template <class Harness>
std::unique_ptr<store_harness> make() {
  return std::make_unique<Harness>();
}

struct right_store {
  const char* name;
  harness_factory make_harness;
  std::set<case_need> able;
};
const right_store right_stores[] = {
    {"WithoutAMistake",
     [] { return std::make_unique<faulty_harness>(fault::none); },
     {case_need::nothing, case_need::clock, case_need::manual_clock, case_need::reopen}},
    {"FixedClock", make<faultless>, {case_need::nothing}},
    {"RealClock", make<real_clock>, {case_need::nothing, case_need::clock}},
    {"OwnThread", make<threaded>, {case_need::nothing, case_need::clock, case_need::manual_clock}},
    {"Pumped", make<pumped>, {case_need::nothing, case_need::clock, case_need::manual_clock}},
};

class RightStore : public testing::TestWithParam<right_store> {};

TEST_P(RightStore, PassesWhatItsHarnessIsAbleTo) {
  for (const conformance_case& each : conformance_cases()) {
    const case_report report = run_case(each, GetParam().make_harness);
    EXPECT_THAT(report.findings, IsEmpty()) << each.name;
    EXPECT_EQ(report.skipped.empty(), GetParam().able.contains(each.need)) << each.name;
  }
}

INSTANTIATE_TEST_SUITE_P(, RightStore, testing::ValuesIn(right_stores),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Kit, NamesAreUniqueAndStatementsAreSentences) {
  std::set<std::string_view> names;
  for (const conformance_case& each : conformance_cases()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(std::ranges::all_of(each.name, [](char c) { return std::isalnum(c) != 0; }))
        << each.name;
    EXPECT_TRUE(each.statement.ends_with('.')) << each.name;
  }
  EXPECT_GE(names.size(), 100U);
}

// A row of the guide's table begins with the name; none is there that is no case.
TEST(Kit, GuideExplainsEveryCase) {
  std::ifstream guide(PARLEY_GUIDE);
  std::set<std::string> explained;
  for (std::string line; std::getline(guide, line);) {
    // Functions stand in a table, too.
    if (line.starts_with("| `") && std::isupper(line[3]) != 0) {
      explained.insert(line.substr(3, line.find('`', 3) - 3));
    }
  }
  std::set<std::string> names;
  for (const conformance_case& each : conformance_cases()) names.emplace(each.name);
  EXPECT_THAT(explained, testing::ContainerEq(names));
}

TEST(Kit, SaysWhatItSawAndWhatItExpected) {
  EXPECT_THAT(run_on(fault::complete_without_compare, "SupersededHolderChangesNothing").findings,
              testing::Contains("complete of the first: got applied, expected lost"));
  EXPECT_THAT(run_on(fault::done_twice, "FirstClaimIsClaimed").findings,
              testing::ElementsAre("claim: its start gave false, and done() ran 2 times"));
  EXPECT_THAT(run_on(fault::done_after_true, "FirstClaimIsClaimed").findings,
              testing::ElementsAre("claim: its start gave true, and done() ran 1 times"));
}

TEST(Kit, GivesUpAnOperationThatDoesNotEnd) {
  EXPECT_THAT(run_on(fault::never_done, "FirstClaimIsClaimed", impatient).findings,
              testing::ElementsAre("claim: not done after 50 ms"));
}

TEST(Kit, SameSeedFindsTheSame) {
  const auto find = [](std::uint64_t seed) {
    return run_on(fault::fence_restarts_after_release, "RandomOperationsMatchTheModel",
                  {.seed = seed})
        .findings;
  };
  const auto first = find(4711);
  ASSERT_THAT(first, testing::SizeIs(1));
  EXPECT_THAT(first.front(), HasSubstr("seed 4711: "));
  EXPECT_EQ(find(4711), first);
  EXPECT_NE(find(4712), first);
}

TEST(Kit, SkipsWhereThereIsNoHarness) {
  const case_report report = run_case(find_case("FirstClaimIsClaimed"), [] { return nullptr; });
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.skipped, "there is no harness");
}

TEST(Kit, ReportsWhatAHarnessThrows) {
  const case_report made =
      run_case(find_case("FirstClaimIsClaimed"),
               []() -> std::unique_ptr<store_harness> { throw std::runtime_error("no disk"); });
  EXPECT_THAT(made.findings, testing::ElementsAre("an exception came out: no disk"));

  class throwing final : public store_harness {
   public:
    idempotency::store& records() override { return records_; }
    clock_kind clock() const override { return clock_kind::manual; }
    void advance(std::chrono::milliseconds) override { throw std::runtime_error("no clock"); }

   private:
    model_store records_;
  };
  const case_report used = run_case(find_case("LeaseOverIsTakenOver"), make<throwing>);
  EXPECT_THAT(used.findings, testing::ElementsAre("an exception came out: no clock"));
}

TEST(Suite, ShowsEachFindingAsAFailureAndSkipsWithTheReason) {
  const auto results_of = [](std::string_view name, harness_factory make_harness) {
    const auto from = std::make_shared<detail::conformance_test::source>(
        detail::conformance_test::source{std::move(make_harness), {}, "my_test.cpp", 42});
    detail::conformance_test test(find_case(name), from);
    testing::TestPartResultArray seen;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &seen);
      test.TestBody();
    }
    std::vector<testing::TestPartResult> results;
    for (int i = 0; i < seen.size(); ++i) results.push_back(seen.GetTestPartResult(i));
    return results;
  };

  const auto failed = results_of(
      "FirstClaimIsClaimed", [] { return std::make_unique<faulty_harness>(fault::done_twice); });
  ASSERT_THAT(failed, testing::SizeIs(1));
  EXPECT_TRUE(failed[0].nonfatally_failed());
  EXPECT_STREQ(failed[0].file_name(), "my_test.cpp");
  EXPECT_EQ(failed[0].line_number(), 42);
  EXPECT_THAT(failed[0].message(), HasSubstr("The first claim of a key is claimed"));
  EXPECT_THAT(failed[0].message(), HasSubstr("done() ran 2 times"));

  const auto skipped = results_of("LeaseHoldsToItsLastMillisecond", make<faultless>);
  ASSERT_THAT(skipped, testing::SizeIs(1));
  EXPECT_TRUE(skipped[0].skipped());
  EXPECT_THAT(skipped[0].message(), HasSubstr("no manual clock"));
}

}  // namespace
}  // namespace parley::idempotency_testing
