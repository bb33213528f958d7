// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

// Claims, completes with `bytes`, and replays them.
void round_trip(context& c, std::string_view bytes) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, bytes), write_status::applied);
  c.replays("the first retry", c.retry_of(one), bytes, one.request_id);
  c.replays("the second retry", c.retry_of(one), bytes, one.request_id);
}

// Every value of a byte, in an order that repeats late.
std::string every_byte(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 167 + (i >> 8)) & 0xff);
  return bytes;
}

void replay(context& c) { round_trip(c, R"({"data":{"call_id":"4711"}})"); }
void replay_empty(context& c) { round_trip(c, ""); }
void replay_binary(context& c) { round_trip(c, every_byte(4'096)); }
void replay_large(context& c) { round_trip(c, every_byte(response_bytes_max)); }

void replay_in_one_claim(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("the claim, again under its own nonce", one, "bytes", one.request_id);
}

void replay_outlives(context& c) {
  attempt one = c.on_fresh_key();
  one.retention = one.lease + idempotency::retention_margin;
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "the first bytes"), write_status::applied);
  attempt two = c.retry_of(one);
  const claim_answer kept = c.claim(two);
  c.expect("the retry", kept.status, claim_status::completed);
  c.advance(one.retention);
  attempt three = c.retry_of(one);
  c.claims("the claim after the record has expired", three);
  c.answers("its complete", c.complete(three, "other bytes"), write_status::applied);
  const std::string bytes = text_of(kept.response);
  c.expect("the response of the first replay", std::string_view(bytes),
           std::string_view("the first bytes"));
}

void complete_twice(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "the first bytes"), write_status::applied);
  c.answers("complete again", c.complete(one, "other bytes"), write_status::already_applied);
  c.replays("a retry", c.retry_of(one), "the first bytes", one.request_id);
}

void complete_after_release(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  c.answers("complete", c.complete(one, "bytes"), write_status::lost);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
}

void stranger(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  attempt other = c.retry_of(one);
  other.fence = one.fence + 1;
  c.answers("complete under another nonce", c.complete(other, "bytes"), write_status::lost);
  c.answers("release under another nonce", c.release(other), write_status::lost);
  c.answers("renew under another nonce", c.renew(other, other.lease), write_status::lost);
  c.answers("mark under another nonce", c.mark(other, "note"), write_status::lost);
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.answers("the holder's complete", c.complete(one, "bytes"), write_status::applied);
}

void stranger_late(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  const attempt other = c.retry_of(one);
  c.answers("complete under another nonce", c.complete(other, "other"), write_status::lost);
  c.answers("release under another nonce", c.release(other), write_status::lost);
  c.answers("renew under another nonce", c.renew(other, other.lease), write_status::lost);
  c.answers("mark under another nonce", c.mark(other, "note"), write_status::lost);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void complete_forgotten(context& c) {
  attempt one = c.on_fresh_key();
  one.operation_id = "the-operation";
  one.fence = one.unix_ms + 7;
  c.answers("complete of what the store forgot", c.complete(one, "bytes", true),
            write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", "the-operation");
  c.conflicts("another request", c.other_request(one), "the-operation");
  c.answers("complete again", c.complete(one, "bytes", true), write_status::already_applied);
}

void complete_forgotten_late(context& c) {
  attempt one = c.on_fresh_key();
  c.answers("complete of what the store forgot", c.complete(one, "bytes", false),
            write_status::gone);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
}

void lease_holds_is_no_right(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
  c.answers("complete of the first attempt, lease_holds", c.complete(one, "bytes", true),
            write_status::lost);
  c.finds_running("a second retry", c.retry_of(one), two.request_id);
}

void released_runs_again(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
  c.answers("its complete", c.complete(two, "bytes"), write_status::applied);
}

void released_runs_another(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  attempt two = c.other_request(one);
  c.claims("another request", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(two.request_id));
  c.conflicts("the first request", c.retry_of(one), two.request_id);
}

void release_marked(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.answers("release", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
}

void release_twice(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  c.answers("release again", c.release(one), write_status::already_applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
  c.answers("release, once more", c.release(one), write_status::lost);
  c.finds_running("a second retry", c.retry_of(one), two.request_id);
}

void release_completed(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.answers("release", c.release(one), write_status::lost);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void late_claim_is_spent(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  c.is_spent("the claim, again under its nonce", one);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
}

void release_of_nothing(context& c) {
  attempt one = c.on_fresh_key();
  one.fence = one.unix_ms + 1'000'000;
  c.answers("release of a claim that never came", c.release(one), write_status::applied);
  c.is_spent("the claim, late", one);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
  c.expect_above("its fence", two.fence, one.fence);
}

void ended_cannot_go_on(context& c) {
  attempt done = c.on_fresh_key();
  c.claims("the claim", done);
  c.answers("complete", c.complete(done, "bytes"), write_status::applied);
  c.answers("renew of a completed attempt", c.renew(done, done.lease), write_status::lost);
  c.answers("mark of a completed attempt", c.mark(done, "note"), write_status::lost);
  c.replays("a retry", c.retry_of(done), "bytes", done.request_id);

  attempt back = c.on_fresh_key();
  c.claims("the claim", back);
  c.answers("release", c.release(back), write_status::applied);
  c.answers("renew of a released attempt", c.renew(back, back.lease), write_status::lost);
  c.answers("mark of a released attempt", c.mark(back, "note"), write_status::lost);
  attempt two = c.retry_of(back);
  c.claims("a retry", two);
}

void nothing_is_gone(context& c) {
  const attempt one = c.on_fresh_key();
  c.answers("renew of nothing", c.renew(one, one.lease), write_status::gone);
  c.answers("mark of nothing", c.mark(one, "note"), write_status::gone);
  attempt two = c.other_request(one);
  c.claims("another request", two);
}

constexpr conformance_case rows[] = {
    {"ReplayIsByteEqual", "A retry of a completed request gets the stored bytes, every time.",
     case_need::nothing, replay},
    {"EmptyResponseIsReplayed", "A response of no bytes is a response.", case_need::nothing,
     replay_empty},
    {"BinaryResponseIsReplayed", "A response may hold any bytes.", case_need::nothing,
     replay_binary},
    {"LargeResponseIsReplayed", "A response may have 1 MiB.", case_need::nothing, replay_large},
    {"OwnClaimAfterCompleteReplays",
     "A claim sent again under the nonce that completed is a replay, not a second run.",
     case_need::nothing, replay_in_one_claim},
    {"ReplayOutlivesItsRecord",
     "The bytes of a replay stay as they are when the record expires and another takes its place.",
     case_need::clock, replay_outlives},
    {"CompleteTwiceKeepsTheFirst", "A second complete is a success that changes nothing.",
     case_need::nothing, complete_twice},
    {"CompleteAfterReleaseIsLost", "An attempt that was released cannot complete.",
     case_need::nothing, complete_after_release},
    {"StrangerChangesNothingWhileRunning",
     "No write under another nonce touches an attempt that runs.", case_need::nothing, stranger},
    {"StrangerChangesNothingWhenCompleted", "Nor one that has completed.", case_need::nothing,
     stranger_late},
    {"CompleteOfAForgottenRecordIsStored",
     "A complete that finds nothing, while its lease holds, stores the whole record.",
     case_need::nothing, complete_forgotten},
    {"CompleteWithoutLeaseOrRecordIsGone",
     "A complete that finds nothing, its lease over, stores nothing.", case_need::nothing,
     complete_forgotten_late},
    {"LeaseHoldsIsNoRightToARecord",
     "A complete of an attempt that another has followed is lost, whatever it says of its lease.",
     case_need::nothing, lease_holds_is_no_right},
    {"ReleasedKeyRunsAgain", "After a release a retry runs, under its own request id.",
     case_need::nothing, released_runs_again},
    {"ReleasedKeyRunsAnotherRequest", "After a release another request may have the key.",
     case_need::nothing, released_runs_another},
    {"MarkedAttemptCanBeReleased", "A release also ends an attempt that was marked.",
     case_need::nothing, release_marked},
    {"ReleaseTwiceIsOneRelease",
     "A second release is a success, and does not touch an attempt that has followed.",
     case_need::nothing, release_twice},
    {"ReleaseOfCompletedIsLost", "What has completed cannot be released.", case_need::nothing,
     release_completed},
    {"LateClaimOfAReleasedAttemptIsSpent",
     "A late duplicate of the claim of a released attempt does not take the key.",
     case_need::nothing, late_claim_is_spent},
    {"ReleaseOfNothingSpendsItsClaim",
     "A release that overtakes its claim keeps that claim, and fences below its own, from coming.",
     case_need::nothing, release_of_nothing},
    {"EndedAttemptCannotGoOn", "An attempt that has ended can neither renew nor mark.",
     case_need::nothing, ended_cannot_go_on},
    {"WriteToNothingIsGone", "Renew and mark of no record are gone, and leave none.",
     case_need::nothing, nothing_is_gone},
};

}  // namespace

std::span<const conformance_case> end_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
