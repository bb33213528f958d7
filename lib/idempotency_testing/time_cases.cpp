// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

using std::chrono::seconds;
constexpr milliseconds ms{1};

void expires(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.advance(day - ms);
  c.replays("a retry in the last millisecond", c.retry_of(one), "bytes", one.request_id);
  c.conflicts("another request then", c.other_request(one), one.request_id);
  c.advance(ms);
  attempt two = c.other_request(one);
  c.claims("another request after it", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
}

void counts_from_completion(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(seconds(25));
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.advance(day - seconds(25));
  c.replays("a retry, a day after the claim", c.retry_of(one), "bytes", one.request_id);
  c.advance(seconds(25) - ms);
  c.replays("a retry in the last millisecond", c.retry_of(one), "bytes", one.request_id);
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry, a day after the completion", two);
}

void takes_the_retention_of_complete(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete_for(one, "bytes", ms), write_status::applied);
  c.replays("a retry at once", c.retry_of(one), "bytes", one.request_id);
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry after 1 ms", two);
}

void uses_do_not_move_it(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.advance(day - ms);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
  c.replays("the claim, again under its nonce", one, "bytes", one.request_id);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("complete again", c.complete(one, "bytes"), write_status::already_applied);
  c.answers("release", c.release(one), write_status::lost);
  c.answers("renew", c.renew(one, one.lease), write_status::lost);
  c.answers("mark", c.mark(one, "note"), write_status::lost);
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry, a day after the completion", two);
}

void running_expires(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = seconds(1);
  one.retention = seconds(10);
  c.claims("the claim", one);
  c.advance(seconds(10) - ms);
  c.conflicts("another request in the last millisecond", c.other_request(one), one.request_id);
  c.advance(ms);
  attempt two = c.other_request(one);
  c.claims("another request after it", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
}

void marked_expires(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = seconds(1);
  one.retention = seconds(10);
  c.claims("the claim", one);
  c.advance(seconds(5));
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.advance(seconds(5) - ms);
  c.finds_abandoned("a retry in the last millisecond", c.retry_of(one), one.request_id, "note");
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry after it", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
}

void takeover_lives_anew(context& c) {
  attempt one = c.on_fresh_key();
  one.lease = seconds(1);
  one.retention = seconds(10);
  c.claims("the claim", one);
  c.advance(seconds(9));
  attempt two = c.retry_of(one);
  two.lease = seconds(1);
  two.retention = seconds(10);
  c.claims("a retry, the lease over", two);
  c.advance(seconds(10) - ms);
  c.conflicts("another request in the last millisecond", c.other_request(one), one.request_id);
  c.advance(ms);
  attempt three = c.other_request(one);
  c.claims("another request after it", three);
}

void expired_is_gone(context& c) {
  attempt one = c.on_fresh_key();
  one.retention = one.lease + idempotency::retention_margin;
  c.claims("the claim", one);
  c.advance(one.retention);
  c.answers("renew", c.renew(one, one.lease), write_status::gone);
  c.answers("mark", c.mark(one, "note"), write_status::gone);
  c.answers("complete", c.complete(one, "bytes", false), write_status::gone);
  attempt two = c.other_request(one);
  c.claims("another request", two);
}

void released_is_kept(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.advance(seconds(10));
  c.answers("release", c.release(one), write_status::applied);
  c.advance(idempotency::released_retention - ms);
  c.is_spent("the claim, late", one);
  c.advance(ms);
  attempt two = c.other_request(one);
  c.claims("another request", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
}

void released_is_not_kept_longer(context& c) {
  attempt one = c.on_fresh_key();
  c.answers("release of nothing", c.release(one), write_status::applied);
  c.advance(idempotency::released_retention);
  c.answers("complete", c.complete(one, "bytes", false), write_status::gone);
  c.claims("the claim", one);
}

void longest(context& c) {
  attempt one = c.on_fresh_key();
  one.retention = idempotency::retention_max;
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.advance(idempotency::retention_max - ms);
  c.replays("a retry in the last millisecond", c.retry_of(one), "bytes", one.request_id);
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry after it", two);
}

void forgotten_lives(context& c) {
  attempt one = c.on_fresh_key();
  one.fence = one.unix_ms;
  c.answers("complete of what the store forgot", c.complete(one, "bytes", true),
            write_status::applied);
  c.advance(day - ms);
  c.replays("a retry in the last millisecond", c.retry_of(one), "bytes", one.request_id);
  c.advance(ms);
  attempt two = c.retry_of(one);
  c.claims("a retry after it", two);
}

constexpr conformance_case rows[] = {
    {"CompletedExpiresAtItsRetention",
     "A completed record lives for its retention to the millisecond, and then it does not exist.",
     case_need::manual_clock, expires},
    {"RetentionCountsFromCompletion", "Its life begins with the completion, not with the claim.",
     case_need::manual_clock, counts_from_completion},
    {"CompleteSetsTheRetention", "Its retention is that of the complete; it may be 1 ms.",
     case_need::manual_clock, takes_the_retention_of_complete},
    {"ReplaysDoNotMoveTheRetention", "Nothing that finds it completed makes it live longer.",
     case_need::manual_clock, uses_do_not_move_it},
    {"RunningExpiresAtItsRetention",
     "A record that runs outlives its lease to its retention, so that conflicts name their "
     "original.",
     case_need::manual_clock, running_expires},
    {"MarkedExpiresAtItsRetention", "So does one that was marked; the mark does not move it.",
     case_need::manual_clock, marked_expires},
    {"TakeoverLivesAnew", "The retention of an attempt that took over counts from its claim.",
     case_need::manual_clock, takeover_lives_anew},
    {"ExpiredIsGoneToItsHolder", "The holder of a record that has expired is told that it is gone.",
     case_need::clock, expired_is_gone},
    {"ReleasedIsKeptTenMinutes",
     "The record of a released attempt is kept for released_retention from its release.",
     case_need::manual_clock, released_is_kept},
    {"ReleasedIsNotKeptLonger", "After that its key and its nonce are free.",
     case_need::manual_clock, released_is_not_kept_longer},
    {"LongestRetentionHolds", "A retention of 2^32 - 1 ms lasts as long.", case_need::manual_clock,
     longest},
    {"ForgottenRecordLivesItsRetention", "So does a record that only its complete has stored.",
     case_need::manual_clock, forgotten_lives},
};

}  // namespace

std::span<const conformance_case> time_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
