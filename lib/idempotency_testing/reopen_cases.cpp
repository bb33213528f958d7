// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

void completed(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.reopen();
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("complete again", c.complete(one, "other"), write_status::already_applied);
}

void running(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.reopen();
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.conflicts("another request", c.other_request(one), one.request_id);
  attempt again = one;
  c.claims("the claim, again under its nonce", again);
  c.expect("its fence", again.fence, one.fence);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void marked(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.reopen();
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.answers("mark again", c.mark(one, "note"), write_status::already_applied);
  if (c.clock() != clock_kind::manual) return;
  c.end_lease(one);
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "note");
}

void released(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("release", c.release(one), write_status::applied);
  c.reopen();
  c.is_spent("the claim, again under its nonce", one);
  attempt two = c.other_request(one);
  two.unix_ms = one.unix_ms - 1'000;
  c.claims("another request", two);
  c.expect_above("its fence", two.fence, one.fence);
}

constexpr conformance_case rows[] = {
    {"CompletedSurvivesReopen", "A store that keeps records replays after it was reopened.",
     case_need::reopen, completed},
    {"RunningSurvivesReopen", "Its running attempts hold their keys, and can complete.",
     case_need::reopen, running},
    {"MarkedSurvivesReopen", "Marks and notes are kept.", case_need::reopen, marked},
    {"ReleasedSurvivesReopen", "Spent nonces and fences are kept.", case_need::reopen, released},
};

}  // namespace

std::span<const conformance_case> reopen_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
