// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

using std::chrono::seconds;

void taken_over(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  attempt two = c.retry_of(one);
  c.claims("a retry, the lease over", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(one.request_id));
  c.expect_above("its fence", two.fence, one.fence);
  c.finds_running("a second retry", c.retry_of(one), one.request_id);
}

void superseded(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  attempt two = c.retry_of(one);
  c.claims("a retry, the lease over", two);
  c.answers("mark of the first", c.mark(one, "the first's"), write_status::lost);
  c.answers("renew of the first", c.renew(one, two.lease), write_status::lost);
  c.answers("release of the first", c.release(one), write_status::lost);
  c.answers("complete of the first", c.complete(one, "the first's"), write_status::lost);
  c.answers("complete of the second", c.complete(two, "the second's"), write_status::applied);
  c.answers("complete of the first, again", c.complete(one, "the first's"), write_status::lost);
  c.replays("a retry", c.retry_of(one), "the second's", one.request_id);
}

void superseded_claim(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  attempt two = c.retry_of(one);
  c.claims("a retry, the lease over", two);
  c.finds_running("the first claim, again under its nonce", one, one.request_id);
  c.answers("complete of the second", c.complete(two, "bytes"), write_status::applied);
}

void late_but_not_superseded(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  c.answers("complete, the lease over", c.complete(one, "bytes", false), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void late_renew(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  const attempt two = c.retry_of(one);
  c.answers("renew, the lease over", c.renew(one, two.lease), write_status::applied);
  c.finds_running("a retry", two, one.request_id);
}

void late_release(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  c.answers("release, the lease over", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
}

void late_resume(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  attempt again = one;
  c.claims("the claim, again under its nonce, the lease over", again);
  c.expect("its fence", again.fence, one.fence);
}

void last_millisecond(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(one.lease - milliseconds(1));
  attempt two = c.retry_of(one);
  const claim_answer last = c.claim(two);
  c.expect("a retry in the last millisecond", last.status, claim_status::running);
  c.expect("lease_left", last.lease_left, milliseconds(1));
  c.advance(milliseconds(1));
  c.claims("a retry after it", two);
}

void lease_left(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  for (milliseconds past{0}; past < one.lease; past += seconds(10)) {
    attempt two = c.retry_of(one);
    const claim_answer answer = c.claim(two);
    c.expect("a retry", answer.status, claim_status::running);
    c.expect("lease_left after " + describe(past), answer.lease_left, one.lease - past);
    c.advance(seconds(10));
  }
}

void shortest_lease(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = milliseconds(1);
  c.claims("the claim", one);
  c.finds_running("a retry at once", c.retry_of(one), one.request_id);
  c.advance(one.lease);
  attempt two = c.retry_of(one);
  c.claims("a retry after 1 ms", two);
}

void longest_lease(context& c) {
  attempt one = c.on_fresh_key();
  one.retention = idempotency::retention_max;
  one.lease = one.retention - idempotency::retention_margin;
  c.claims("the claim", one);
  attempt two = c.retry_of(one);
  const claim_answer first = c.claim(two);
  c.expect("a retry at once", first.status, claim_status::running);
  c.expect("lease_left", first.lease_left, one.lease);
  c.advance(one.lease - milliseconds(1));
  c.finds_running("a retry in the last millisecond", c.retry_of(one), one.request_id);
  c.advance(milliseconds(1));
  c.claims("a retry after it", two);
}

void resume_does_not_extend(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(one.lease - milliseconds(1));
  attempt again = one;
  c.claims("the claim, again under its nonce", again);
  c.advance(milliseconds(1));
  attempt two = c.retry_of(one);
  c.claims("a retry, the lease of the first claim over", two);
}

void others_do_not_extend(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(one.lease - milliseconds(1));
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.advance(milliseconds(1));
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "note");
}

void renew_from_now(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(seconds(20));
  c.answers("renew", c.renew(one, one.lease), write_status::applied);
  c.advance(one.lease - milliseconds(1));
  c.finds_running("a retry in the last millisecond", c.retry_of(one), one.request_id);
  c.advance(milliseconds(1));
  attempt two = c.retry_of(one);
  c.claims("a retry after it", two);
}

void renew_to_another_lease(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("renew for less", c.renew(one, seconds(5)), write_status::applied);
  attempt two = c.retry_of(one);
  c.expect("lease_left", c.claim(two).lease_left, milliseconds(seconds(5)));
  c.answers("renew for more", c.renew(one, seconds(90)), write_status::applied);
  c.expect("lease_left", c.claim(two).lease_left, milliseconds(seconds(90)));
}

void renew_marked(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.advance(seconds(20));
  c.answers("renew", c.renew(one, one.lease), write_status::applied);
  c.advance(seconds(20));
  c.finds_running("a retry after the first lease", c.retry_of(one), one.request_id);
  c.advance(seconds(10));
  c.finds_abandoned("a retry after the second", c.retry_of(one), one.request_id, "note");
}

void renew_keeps_the_record(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = seconds(2);
  one.retention = seconds(5);
  c.claims("the claim", one);
  for (int i = 0; i < 12; ++i) {
    c.advance(seconds(1));
    c.answers("renew", c.renew(one, one.lease), write_status::applied);
    c.finds_running("a retry", c.retry_of(one), one.request_id);
  }
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
}

void renew_beyond_the_retention(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = seconds(2);
  one.retention = seconds(5);
  c.claims("the claim", one);
  c.answers("renew", c.renew(one, seconds(60)), write_status::applied);
  c.advance(seconds(60) - milliseconds(1));
  c.finds_running("a retry in the last millisecond", c.retry_of(one), one.request_id);
  c.conflicts("another request then", c.other_request(one), one.request_id);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
}

void fence_over_release(context& c) {
  attempt last = c.on_fresh_key();
  c.claims("the claim", last);
  for (int i = 0; i < 8; ++i) {
    c.answers("release", c.release(last), write_status::applied);
    attempt next = c.retry_of(last);
    c.claims("a retry", next);
    c.expect_above("its fence", next.fence, last.fence);
    last = next;
  }
}

void fence_over_takeover(context& c) {
  attempt last = c.on_fresh_key();
  c.claims("the claim", last);
  for (int i = 0; i < 3; ++i) {
    c.end_lease(last);
    attempt next = c.retry_of(last);
    next.lease = last.lease;
    // The claimer's clock has gone back.
    next.unix_ms = last.unix_ms - 60'000;
    c.claims("a retry, the lease over", next);
    c.expect_above("its fence", next.fence, last.fence);
    last = next;
  }
}

void fence_over_expiry(context& c) {
  attempt one = c.on_fresh_key();
  one.retention = one.lease + idempotency::retention_margin;
  c.claims("the claim", one);
  c.advance(one.retention);
  attempt two = c.retry_of(one);
  c.claims("a retry, the record expired", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
  c.expect_above("its fence", two.fence, one.fence);
}

void fence_with_the_clock(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  two.unix_ms = one.fence + 1'000'000;
  c.claims("a retry much later", two);
  c.expect_above("its fence", two.fence, two.unix_ms - 1);
}

void fence_is_exact(context& c) {
  // 2^53 + 1 is the first whole number that a double does not hold.
  attempt one = c.on_fresh_key();
  one.unix_ms = (std::uint64_t{1} << 53) + 1;
  c.claims("the claim", one);
  c.expect_above("its fence", one.fence, one.unix_ms - 1);
  attempt again = one;
  c.claims("the claim, again under its nonce", again);
  c.expect("its fence", again.fence, one.fence);
  for (int i = 0; i < 4; ++i) {
    c.answers("release", c.release(one), write_status::applied);
    attempt next = c.retry_of(one);
    c.claims("a retry", next);
    c.expect_above("its fence", next.fence, one.fence);
    one = next;
  }
}

constexpr conformance_case rows[] = {
    {"LeaseOverIsTakenOver",
     "When the lease is over a retry runs, under the operation id of the first attempt and a "
     "higher "
     "fence.",
     case_need::clock, taken_over},
    {"SupersededHolderChangesNothing",
     "A holder that was taken over can neither mark, renew, release nor complete.",
     case_need::clock, superseded},
    {"SupersededClaimIsNotClaimed", "Nor is its claim, sent again, claimed.", case_need::clock,
     superseded_claim},
    {"LateCompleteIsAppliedIfNotSuperseded",
     "A lease that is over is not lost while no other attempt has the key: complete is applied.",
     case_need::clock, late_but_not_superseded},
    {"LateRenewIsAppliedIfNotSuperseded", "So is renew.", case_need::clock, late_renew},
    {"LateReleaseIsAppliedIfNotSuperseded", "So is release.", case_need::clock, late_release},
    {"LateRetryOfAClaimIsClaimedIfNotSuperseded", "So is the claim, sent again.", case_need::clock,
     late_resume},
    {"LeaseHoldsToItsLastMillisecond",
     "A lease ends when it was said to end, not earlier or later.", case_need::manual_clock,
     last_millisecond},
    {"LeaseLeftCountsDown", "lease_left is what is left.", case_need::manual_clock, lease_left},
    {"ShortestLeaseHolds", "A lease of 1 ms lasts 1 ms.", case_need::manual_clock, shortest_lease},
    {"LongestLeaseHolds", "A lease may last as long as the longest retention allows.",
     case_need::manual_clock, longest_lease},
    {"RetriedClaimDoesNotExtendTheLease",
     "A claim sent again keeps the lease of the first: its holder counts from there.",
     case_need::manual_clock, resume_does_not_extend},
    {"OthersDoNotExtendTheLease", "Retries, conflicts and mark leave the lease as it is.",
     case_need::manual_clock, others_do_not_extend},
    {"RenewExtendsFromNow", "A renewed lease counts from the renewal.", case_need::manual_clock,
     renew_from_now},
    {"RenewSetsTheLeaseItNames", "A renewal may be for less or more than before.",
     case_need::manual_clock, renew_to_another_lease},
    {"RenewKeepsTheMark", "An attempt that was marked and renewed is still marked.",
     case_need::manual_clock, renew_marked},
    {"RenewKeepsTheRecordAlive", "An attempt that is renewed outlives the retention of its claim.",
     case_need::manual_clock, renew_keeps_the_record},
    {"RenewedLeaseIsNeverOutlived",
     "A record lasts as long as its lease, also where that was renewed beyond the retention.",
     case_need::manual_clock, renew_beyond_the_retention},
    {"FenceRisesOverRelease", "Each attempt after a release has a higher fence.",
     case_need::nothing, fence_over_release},
    {"FenceRisesOverTakeover",
     "So has each after a takeover, also where the claimer's clock has gone back.",
     case_need::clock, fence_over_takeover},
    {"FenceRisesOverExpiry", "So has an attempt after the record has expired.", case_need::clock,
     fence_over_expiry},
    {"FenceFollowsTheClock", "No fence is below its claimer's time.", case_need::nothing,
     fence_with_the_clock},
    {"FenceIsExact", "Fences above 2^53 are exact.", case_need::nothing, fence_is_exact},
};

}  // namespace

std::span<const conformance_case> lease_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
