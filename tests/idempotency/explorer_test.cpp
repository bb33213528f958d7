// SPDX-License-Identifier: Apache-2.0
#include "idempotency/explorer.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency::explorer {
namespace {

// PARLEY_EXPLORER_EXTRA adds so much to every budget of a kind that is not none, in the tests of
// schedules that break nothing: 1 takes minutes.
std::uint8_t extra() {
  const char* text = std::getenv("PARLEY_EXPLORER_EXTRA");
  return text == nullptr ? 0 : static_cast<std::uint8_t>(std::atoi(text));
}

// Who shares a fingerprint, and who may rerun what was marked.
struct party {
  std::vector<std::uint8_t> fingerprints;
  std::vector<bool> reruns;
};

config make(const party& of, const budgets& budget, const client_options& like = {}) {
  config made{.clients = {}, .budget = budget};
  for (std::size_t i = 0; i < of.fingerprints.size(); ++i) {
    made.clients.push_back(like);
    made.clients.back().fingerprint = of.fingerprints[i];
    made.clients.back().rerun_marked = of.reruns[i];
  }
  return made;
}

struct totals {
  std::uint64_t configurations = 0;
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  double schedules = 0;
  coverage reached;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();

  void run(config each) {
    if (const std::uint8_t more = extra(); more > 0) {
      budgets& b = each.budget;
      for (std::uint8_t* one : {&b.ticks, &b.losses, &b.copies, &b.crashes, &b.refusals}) {
        if (*one > 0) *one = static_cast<std::uint8_t>(*one + more);
      }
    }
    const outcome made = explore(each);
    ++configurations;
    states += made.states;
    transitions += made.transitions;
    schedules += made.schedules;
    reached |= made.reached;
    EXPECT_FALSE(made.found) << to_text(*made.found);
  }
  void print() const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
    std::printf("%llu configurations, %llu states, %llu transitions, %.3g schedules, %.1f s\n",
                static_cast<unsigned long long>(configurations),
                static_cast<unsigned long long>(states),
                static_cast<unsigned long long>(transitions), schedules, took.count());
  }
};

const party pairs[] = {
    {{0, 0}, {false, false}}, {{0, 0}, {true, true}}, {{0, 0}, {false, true}},
    {{0, 1}, {false, false}}, {{0, 1}, {true, true}},
};

template <class... Bits>
std::uint64_t bits(Bits... each) {
  return ((std::uint64_t{1} << static_cast<unsigned>(each)) | ...);
}

TEST(Explorer, FindsNothingBrokenByTwoClients) {
  // Each of what may go wrong in many orders, and two of them together in fewer.
  const budgets profiles[] = {
      {.ticks = 5},
      {.ticks = 1, .leases = 2},
      {.ticks = 2, .leases = 1, .crashes = 1},
      {.ticks = 1, .leases = 1, .losses = 1},
      {.ticks = 1, .leases = 1, .copies = 1},
      {.ticks = 1, .leases = 1, .refusals = 1},
      {.leases = 1, .losses = 2},
      {.leases = 1, .losses = 1, .copies = 1},
      {.leases = 1, .copies = 1, .crashes = 1},
      {.retentions = 1, .copies = 1},
      {.retentions = 2},
      {.leases = 1, .eternities = 1, .crashes = 1},
  };
  totals all;
  for (const party& each : pairs) {
    for (const budgets& budget : profiles) all.run(make(each, budget));
    // Second attempts, polls and marks.
    all.run(make(each, {.leases = 1, .crashes = 1}, {.attempts = 2}));
    all.run(make(each, {.leases = 1, .losses = 1}, {.polls = 1}));
    config waiting = make(each, {.ticks = 1, .leases = 1}, {.polls = 2});
    waiting.poll_keeps_nonce = true;
    all.run(waiting);
    all.run(make(each, {.leases = 1, .losses = 1}, {.marks = 2}));
    // Clocks at the ends of what the margin allows.
    config uneven = make(each, {.ticks = 4});
    uneven.clients[0].clock_percent = 75;
    uneven.clients[1].clock_percent = 125;
    uneven.clients[1].wall_skew_ms = -500;
    all.run(uneven);
  }
  all.print();

  EXPECT_EQ(all.reached.claims, bits(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(all.reached.nexts, bits(0, 1, 2, 3, 4));
  EXPECT_EQ(all.reached.steps, bits(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(all.reached.ends, bits(1, 2, 3, 4));
  EXPECT_EQ(all.reached.writes[0], bits(1, 2, 3, 4));  // completions
  EXPECT_EQ(all.reached.writes[1], bits(1, 2, 3));     // a release is never `gone`
  EXPECT_EQ(all.reached.writes[2], bits(1, 3, 4));     // and a renewal never `already_applied`
  EXPECT_EQ(all.reached.writes[3], bits(1, 2, 3, 4));
  EXPECT_GT(all.reached.late_answers, 0u);
}

TEST(Explorer, FindsNothingBrokenByThreeClients) {
  const party triples[] = {
      {{0, 0, 0}, {false, false, false}},
      {{0, 0, 0}, {true, true, true}},
      {{0, 0, 1}, {false, true, false}},
      {{0, 1, 2}, {false, false, false}},
  };
  totals all;
  for (const party& each : triples) {
    all.run(make(each, {.leases = 1}));
    all.run(make(each, {.losses = 1}));
    all.run(make(each, {.copies = 1}));
    all.run(make(each, {.crashes = 1}));
    all.run(make(each, {.refusals = 1}, {.marks = 0}));
  }
  all.print();
}

// The monitors are alive: each mistake is found, and by what.

struct planted {
  const char* name;
  fault mistake;
  config of;
  property broken;
  unsigned checked = promises;
};

const party same = pairs[0];
const party may_rerun = pairs[1];
const party other = pairs[3];

const planted mistakes[] = {
    {"CompleteWithoutCompare", fault::complete_without_compare, make(same, {.leases = 1}),
     property::superseded_is_inert},
    {"RenewWithoutCompare", fault::renew_without_compare, make(same, {.leases = 1}),
     property::superseded_is_inert},
    {"MarkWithoutCompare", fault::mark_without_compare, make(same, {.leases = 1}),
     property::superseded_is_inert},
    {"ReleaseWithoutCompare", fault::release_without_compare, make(same, {.leases = 1}),
     property::superseded_is_inert},
    {"ReleaseDeletesSoThatAZombieRises", fault::release_deletes, make(same, {.copies = 1}),
     property::superseded_is_inert, bit(property::superseded_is_inert)},
    {"ReleaseDeletesSoThatFencesRestart", fault::release_deletes, make(same, {}),
     property::fences_rise},
    {"ReleaseOfNothingIsForgotten", fault::release_of_nothing_is_forgotten,
     make(same, {.losses = 2, .copies = 1}), property::superseded_is_inert},
    {"TakeoverIgnoresTheLease", fault::takeover_ignores_the_lease, make(same, {}),
     property::holders_are_alone},
    {"TakeoverIgnoresTheLeaseSoThatEffectsRepeat", fault::takeover_ignores_the_lease,
     make(same, {}), property::effects_are_not_repeated, bit(property::effects_are_not_repeated)},
    {"ClaimRetryWithoutNonce", fault::claim_retry_without_nonce, make(same, {.losses = 1}),
     property::retries_are_safe},
    {"ClaimRetryWithoutNonceSoThatItWaitsForItself", fault::claim_retry_without_nonce,
     make(same, {.losses = 1}), property::nothing_is_left_behind,
     bit(property::nothing_is_left_behind)},
    {"FingerprintIsIgnored", fault::fingerprint_is_ignored, make(other, {}),
     property::others_are_refused},
    {"FingerprintIsIgnoredAfterTheLease", fault::fingerprint_is_ignored_after_the_lease,
     make(other, {.leases = 1}), property::others_are_refused},
    {"AbandonedRerunsUnasked", fault::abandoned_reruns_unasked, make(same, {.leases = 1}),
     property::crashed_is_replaced},
    {"AbandonedRerunsUnaskedSoThatEffectsRepeat", fault::abandoned_reruns_unasked,
     make(same, {.leases = 1}), property::effects_are_not_repeated,
     bit(property::effects_are_not_repeated)},
    {"AbandonedNeverReruns", fault::abandoned_never_reruns, make(may_rerun, {.leases = 1}),
     property::crashed_is_replaced},
    {"CompletionOfNothingAlwaysStores", fault::completion_of_nothing_always_stores,
     make(same, {.retentions = 2}), property::superseded_is_inert},
    {"CompletionRunsAgainForItsOwner", fault::completion_runs_again_for_its_owner,
     make(same, {.copies = 1}), property::completion_is_kept},
    {"CompletionDiesWithTheLease", fault::completion_dies_with_the_lease, make(same, {.leases = 1}),
     property::completion_is_kept},
    {"CompletionIsOverwritten", fault::completion_is_overwritten, make(same, {.copies = 1}),
     property::replays_are_one},
    {"FenceIsNotRaised", fault::fence_is_not_raised, make(same, {}), property::fences_rise},
    {"FenceOfARetryIsRaised", fault::fence_of_a_retry_is_raised, make(same, {}),
     property::retries_are_safe},
    {"MarkIsForgotten", fault::mark_is_forgotten, make(same, {.leases = 1}),
     property::crashed_is_replaced},
    {"MarkIsForgottenSoThatEffectsRepeat", fault::mark_is_forgotten, make(same, {.leases = 1}),
     property::effects_are_not_repeated, bit(property::effects_are_not_repeated)},
    {"RenewalIsForgotten", fault::renewal_is_forgotten, make(same, {.ticks = 4}),
     property::holders_are_alone, bit(property::holders_are_alone)},
    {"ResumptionShortensTheLease", fault::resumption_shortens_the_lease, make(same, {}),
     property::retries_are_safe},
    {"ResumptionShortensTheLeaseSoThatHoldersMeet", fault::resumption_shortens_the_lease,
     make(same, {.ticks = 1, .copies = 1}), property::holders_are_alone,
     bit(property::holders_are_alone)},
    {"LeaseNeverEnds", fault::lease_never_ends, make(same, {.leases = 1}),
     property::crashed_is_replaced},
    {"RefusalForgets", fault::refusal_forgets, make(same, {.refusals = 1}),
     property::refusals_are_harmless},
    {"RefusalForgetsSoThatHoldersMeet", fault::refusal_forgets, make(same, {.refusals = 1}),
     property::holders_are_alone, bit(property::holders_are_alone)},
    {"RefusalForgetsACompletion", fault::refusal_forgets,
     make(same, {.refusals = 1}, {.attempts = 2}), property::completion_is_kept,
     bit(property::completion_is_kept)},

    // One who is told `claimed` after its deadline may have been taken over, by one who has given
    // its response.
    {"StartAfterTheDeadline", fault::start_after_the_deadline, make(same, {.leases = 1}),
     property::effects_are_not_repeated},
    {"DeadlineFromTheAnswer", fault::deadline_from_the_answer, make(same, {.ticks = 4}),
     property::holders_are_alone},
    {"DeadlineFromTheLastSend", fault::deadline_from_the_last_send,
     make(same, {.ticks = 4, .losses = 1}), property::holders_are_alone},
    {"CompletionAlwaysHolds", fault::completion_always_holds, make(same, {.retentions = 2}),
     property::superseded_is_inert},
    {"EffectBeforeTheMarkIsStored", fault::effect_before_the_mark_is_stored,
     make(same, {.leases = 1}), property::effects_are_not_repeated},
    {"ReleaseAfterTheEffect", fault::release_after_the_effect, make(same, {}),
     property::effects_are_not_repeated},
    {"AnswerIsDropped", fault::answer_is_dropped, make(same, {}), property::everything_ends},
    // Safe: what is left holds the key for a lease.
    {"RetryUnderAnotherNonce", fault::retry_under_another_nonce, make(same, {.losses = 1}),
     property::nothing_is_left_behind, bit(property::nothing_is_left_behind)},
    {"SurrenderIsForgotten", fault::surrender_is_forgotten, make(same, {.losses = 2}),
     property::nothing_is_left_behind, bit(property::nothing_is_left_behind)},
};

class Planted : public testing::TestWithParam<planted> {
 protected:
  static config of(const planted& each) {
    config made = each.of;
    made.mistake = each.mistake;
    made.checked = each.checked;
    return made;
  }
};

TEST_P(Planted, IsFoundAndNamed) {
  const config faulty = of(GetParam());
  const auto found = find_shortest(faulty);
  ASSERT_TRUE(found);
  EXPECT_EQ(to_string(found->broken), to_string(GetParam().broken)) << to_text(*found);
  std::printf("%s", to_text(*found).c_str());

  // What is printed runs again, to the same end, and one step less breaks nothing.
  const auto again = replay(faulty, found->schedule);
  ASSERT_TRUE(again) << to_text(*found);
  EXPECT_EQ(again->broken, found->broken);
  EXPECT_EQ(again->steps, found->steps);
  const std::string_view all = found->schedule;
  EXPECT_FALSE(replay(faulty, all.substr(0, all.rfind('.'))));

  // Depth first agrees; and nothing is found where the mistake is not made.
  EXPECT_TRUE(explore(faulty).found);
  config sound = faulty;
  sound.mistake = fault::none;
  const outcome clean = explore(sound);
  EXPECT_FALSE(clean.found) << to_text(*clean.found);
  EXPECT_FALSE(replay(sound, found->schedule));
}

INSTANTIATE_TEST_SUITE_P(, Planted, testing::ValuesIn(mistakes),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Explorer, FindsADelayAndNoBreachWhereNothingIsSurrendered) {
  for (const fault mistake : {fault::surrender_is_forgotten, fault::retry_under_another_nonce}) {
    config delayed = make(same, {.leases = 1, .losses = 2});
    delayed.mistake = mistake;
    const outcome made = explore(delayed);
    EXPECT_FALSE(made.found) << to_text(*made.found);
  }
}

TEST(Explorer, FindsACircle) {
  config circling = make(same, {}, {.polls = 1});
  circling.poll_keeps_nonce = true;
  EXPECT_FALSE(explore(circling).found);
  circling.mistake = fault::polls_are_no_fewer;
  const outcome made = explore(circling);
  ASSERT_TRUE(made.found);
  EXPECT_EQ(to_string(made.found->broken), to_string(property::everything_ends));
}

// The premise of the first property: the clocks of holder and store agree within the margin, a
// quarter of the lease here.
TEST(Explorer, FindsTwoHoldersWhereAClockIsSlowerThanTheMarginAllows) {
  config slow = make(same, {.ticks = 4});
  slow.clients[0].clock_percent = 75;
  EXPECT_FALSE(find_shortest(slow));
  slow.clients[0].clock_percent = 74;
  const auto found = find_shortest(slow);
  ASSERT_TRUE(found);
  EXPECT_EQ(to_string(found->broken), to_string(property::holders_are_alone)) << to_text(*found);
}

TEST(Explorer, CountsStatesAndSchedules) {
  // A claim is granted; the handler responds, releases, or marks and then does either.
  const outcome made = explore({.clients = {{}}, .budget = {}});
  EXPECT_EQ(made.schedules, 4);
  EXPECT_FALSE(made.found);
  // Of a client that makes no attempt: none but the empty one.
  EXPECT_EQ(explore({.clients = {{.attempts = 0}}, .budget = {.ticks = 9}}).schedules, 1);
}

TEST(Replay, RefusesWhatIsNoSchedule) {
  const config any = make(same, {});
  EXPECT_FALSE(replay(any, ""));
  EXPECT_FALSE(replay(any, "0.x"));
  EXPECT_FALSE(replay(any, "99"));
  EXPECT_FALSE(replay(any, "999"));
}

TEST(Walk, IsTheSameForTheSameSeed) {
  config faulty = make(same, {.ticks = 4, .losses = 3});
  faulty.mistake = fault::takeover_ignores_the_lease;
  for (std::uint64_t seed = 1; seed < 100; ++seed) {
    const auto found = walk(faulty, seed);
    if (!found) continue;
    EXPECT_EQ(walk(faulty, seed)->schedule, found->schedule);
    EXPECT_EQ(replay(faulty, found->schedule)->broken, found->broken);
    return;
  }
  ADD_FAILURE() << "no seed finds it";
}

}  // namespace
}  // namespace parley::idempotency::explorer
