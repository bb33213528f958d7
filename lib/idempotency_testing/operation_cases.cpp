// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>
#include <utility>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

void fill(kept_op<claim_op>& op, const attempt& by) {
  op.fingerprint = by.fingerprint;
  op.scope = by.scope;
  op.request_id = op.views;
  op.lease = by.lease;
  op.retention = by.retention;
  op.unix_ms = by.unix_ms;
}

void claim_limits(context& c) {
  struct limit_case {
    const char* what;
    std::string request_id;
    milliseconds lease;
    milliseconds retention;
  };
  const milliseconds lease{1'000};
  const milliseconds max = idempotency::retention_max;
  const milliseconds margin = idempotency::retention_margin;
  const limit_case refused[] = {
      {"no request id", "", lease, day},
      {"a request id of 129 bytes", std::string(idempotency::operation_id_bytes_max + 1, 'x'),
       lease, day},
      {"a lease of 0", "id", milliseconds(0), day},
      {"a lease below 0", "id", milliseconds(-1), day},
      {"a retention that is too short", "id", lease, lease + margin - milliseconds(1)},
      {"a retention below 0", "id", lease, milliseconds(-1)},
      {"a retention above the longest", "id", lease, max + milliseconds(1)},
      {"a lease above the longest", "id", max - margin + milliseconds(1), max},
  };
  const attempt one = c.on_fresh_key();
  for (const limit_case& each : refused) {
    attempt wrong = c.retry_of(one);
    wrong.request_id = each.request_id;
    wrong.lease = each.lease;
    wrong.retention = each.retention;
    const claim_answer answer = c.claim(wrong);
    c.is_invalid(each.what, answer.failure, answer.status == claim_status::failed);
  }
  attempt right = c.other_request(one);
  right.lease = lease;
  right.retention = lease + margin;
  c.claims("another request, within the limits", right);
}

void write_limits(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  const auto refused = [&](const char* what, const write_answer& answer) {
    c.is_invalid(what, answer.failure, answer.status == write_status::failed);
  };
  refused("a note of 257 bytes", c.mark(one, std::string(idempotency::note_bytes_max + 1, 'x')));
  refused("a renewed lease of 0", c.renew(one, milliseconds(0)));
  refused(
      "a renewed lease above the longest",
      c.renew(one, idempotency::retention_max - idempotency::retention_margin + milliseconds(1)));
  refused("a retention of 0", c.complete_for(one, "bytes", milliseconds(0)));
  refused("a retention above the longest",
          c.complete_for(one, "bytes", idempotency::retention_max + milliseconds(1)));
  attempt long_id = one;
  long_id.operation_id = std::string(idempotency::operation_id_bytes_max + 1, 'x');
  refused("an operation id of 129 bytes", c.complete(long_id, "bytes"));
  auto& nothing = c.make<complete_op>("complete", one, one.request_id);
  nothing.operation_id = nothing.views;
  c.run(nothing);
  refused("no response", {nothing.status, nothing.failure});

  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void longest_id(context& c) {
  attempt one = c.on_fresh_key();
  one.request_id.assign(idempotency::operation_id_bytes_max, '\0');
  for (std::size_t i = 0; i < one.request_id.size(); ++i) {
    one.request_id[i] = static_cast<char>(i * 2);
  }
  c.claims("the claim", one);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void cancel_after_the_end(context& c) {
  attempt one = c.on_fresh_key();
  auto& claim = c.make<claim_op>("claim", one, one.request_id);
  fill(claim, one);
  c.run(claim);
  c.expect("the claim", claim.status, claim_status::claimed);
  c.records().cancel(claim);
  c.records().cancel(claim);
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  auto& mark = c.make<mark_op>("mark", one);
  c.run(mark);
  c.records().cancel(mark);
  c.expect("mark", mark.status, write_status::applied);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void cancel_at_once(context& c) {
  for (int i = 0; i < 32; ++i) {
    attempt one = c.on_fresh_key();
    auto& claim = c.make<claim_op>("claim", one, one.request_id);
    fill(claim, one);
    c.start(claim);
    c.records().cancel(claim);
    c.wait(claim);
    if (claim.status == claim_status::failed) {
      c.expect("the failure of a canceled claim", claim.failure.why, store_errc::canceled);
    } else {
      c.expect("a canceled claim", claim.status, claim_status::claimed);
    }
    // Carried out or not: under its nonce it can be sent again, and under that be ended.
    c.claims("the claim, again under its nonce", one);
    c.answers("complete", c.complete(one, "bytes"), write_status::applied);
    c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
  }
}

void shut_down(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.records().shutdown();
  c.records().shutdown();
  const auto fails = [&](const char* what, const store_failure& failure, bool failed) {
    if (c.expect(std::string(what) + ", that it fails", failed, true)) {
      c.expect(what, failure.why, store_errc::shut_down);
    }
  };
  attempt two = c.on_fresh_key();
  const claim_answer claim = c.claim(two);
  fails("claim", claim.failure, claim.status == claim_status::failed);
  for (const auto& [what, answer] : {
           std::pair{"mark", c.mark(one, "note")},
           std::pair{"renew", c.renew(one, one.lease)},
           std::pair{"complete", c.complete(one, "bytes")},
           std::pair{"release", c.release(one)},
       }) {
    fails(what, answer.failure, answer.status == write_status::failed);
  }
}

void starts_from_done(context& c) {
  attempt one = c.on_fresh_key();
  auto& claim = c.make<claim_op>("claim", one, one.request_id);
  auto& mark = c.make<mark_op>("mark", one);
  auto& complete = c.make<complete_op>("complete", one, one.request_id);
  fill(claim, one);
  complete.fingerprint = one.fingerprint;
  complete.operation_id = complete.views;
  complete.response = response_ref::copy_of(bytes_of("bytes"));
  // A store that finishes at once never calls done(): then the next is started here.
  claim.then = [&] { c.start(mark); };
  mark.then = [&] { c.start(complete); };
  c.run(claim);
  if (claim.finished_at_once) c.start(mark);
  c.wait(mark);
  if (mark.finished_at_once) c.start(complete);
  c.wait(complete);
  c.expect("the claim", claim.status, claim_status::claimed);
  c.expect("mark", mark.status, write_status::applied);
  c.expect("complete", complete.status, write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void ends_once(context& c) {
  // What close() looks at is the same in every case; this one has something of each kind.
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("renew", c.renew(one, c.retry_of(one).lease), write_status::applied);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.answers("complete again", c.complete(one, "bytes"), write_status::already_applied);
  c.answers("release", c.release(one), write_status::lost);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

constexpr conformance_case rows[] = {
    {"ClaimBeyondALimitIsRefused",
     "A claim that breaks a stated limit fails with `invalid` and leaves nothing.",
     case_need::nothing, claim_limits},
    {"WriteBeyondALimitIsRefused",
     "A write that breaks a stated limit fails with `invalid` and leaves the record as it is.",
     case_need::nothing, write_limits},
    {"LongestIdIsKept", "An operation id may be 128 bytes of any value.", case_need::nothing,
     longest_id},
    {"CancelAfterTheEndIsHarmless", "A cancel of an operation that has ended changes nothing.",
     case_need::nothing, cancel_after_the_end},
    {"CanceledClaimCanBeRetried",
     "A claim that is canceled ends once; sent again under its nonce it is claimed.",
     case_need::nothing, cancel_at_once},
    {"ShutdownFailsWhatComesAfter", "After shutdown() every operation fails with `shut_down`.",
     case_need::nothing, shut_down},
    {"OperationsStartFromDone", "done() may start the next operation.", case_need::nothing,
     starts_from_done},
    {"EveryOperationEndsOnce",
     "done() runs once after a start that gave false, and never after one that gave true.",
     case_need::nothing, ends_once},
};

}  // namespace

std::span<const conformance_case> operation_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
