// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

constexpr std::size_t bits = 128;

void flip(std::array<std::byte, 16>& bytes, std::size_t bit) noexcept {
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
}

void first_claim(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the first claim", one);
  c.expect("its operation_id", std::string_view(one.operation_id),
           std::string_view(one.request_id));
  c.expect_above("its fence", one.fence, one.unix_ms - 1);
}

void retried_claim(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  attempt again = one;
  again.request_id = "request-of-the-retry";
  c.claims("the claim, again under its nonce", again);
  c.expect("the fence of the second answer", again.fence, one.fence);
  c.expect("the operation_id of the second answer", std::string_view(again.operation_id),
           std::string_view(one.operation_id));
}

void retried_claim_after_mark(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  attempt again = one;
  c.claims("the claim, again under its nonce", again);
  c.expect("the fence of the second answer", again.fence, one.fence);
}

void running_to_others(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  const claim_answer other = [&] {
    attempt two = c.retry_of(one);
    return c.claim(two);
  }();
  c.expect("the same request, claimed again", other.status, claim_status::running);
  c.expect("its operation_id", std::string_view(other.operation_id),
           std::string_view(one.request_id));
  c.expect_true("lease_left is above 0", other.lease_left.count() > 0);
  c.expect_true("lease_left is at most the lease", other.lease_left <= one.lease);
}

void policy_needs_an_abandoned_one(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  attempt eager = c.retry_of(one);
  eager.rerun_marked = true;
  c.finds_running("a claim with rerun_marked", eager, one.request_id);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.finds_running("a claim with rerun_marked, after the mark", eager, one.request_id);
}

void conflict_while_running(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("the holder's complete", c.complete(one, "bytes"), write_status::applied);
}

void conflict_while_marked(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.answers("the holder's complete", c.complete(one, "bytes"), write_status::applied);
}

void conflict_when_completed(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.conflicts("another request", c.other_request(one), one.request_id);
  c.replays("the same request", c.retry_of(one), "bytes", one.request_id);
}

void other_request_after_lease(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  attempt other = c.other_request(one);
  c.conflicts("another request, the lease over", other, one.request_id);
  other.rerun_marked = true;
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.conflicts("another request, marked and the lease over", other, one.request_id);
}

void keys_one_bit(context& c) {
  const attempt one = c.on_fresh_key();
  attempt first = one;
  c.claims("the claim", first);
  for (std::size_t bit = 0; bit < bits; ++bit) {
    attempt other = c.on_fresh_key();
    other.key = one.key;
    flip(other.key.bytes, bit);
    c.claims("a key with bit " + std::to_string(bit) + " changed", other);
  }
}

void fingerprints_one_bit(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  for (std::size_t bit = 0; bit < bits; ++bit) {
    attempt other = c.retry_of(one);
    flip(other.fingerprint.bytes, bit);
    c.conflicts("a fingerprint with bit " + std::to_string(bit) + " changed", other,
                one.request_id);
  }
}

void nonces_one_bit(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  for (std::size_t bit = 0; bit < bits; ++bit) {
    attempt other = one;
    flip(other.nonce.bytes, bit);
    const std::string where = "a nonce with bit " + std::to_string(bit) + " changed";
    c.finds_running(where, other, one.request_id);
    c.answers(where + ", complete", c.complete(other, "bytes"), write_status::lost);
  }
}

void scope_is_no_part_of_the_key(context& c) {
  attempt one = c.on_fresh_key();
  one.scope = c.fresh_digest();
  c.claims("the claim", one);
  attempt other = c.retry_of(one);
  other.scope = c.fresh_digest();
  c.finds_running("the same request with another scope", other, one.request_id);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("the same request with another scope", other, "bytes", one.request_id);
}

void any_bytes(context& c) {
  // What a text column, a C string or a separator would break: all zeros, all ones, every byte.
  for (const std::byte each : {std::byte{0}, std::byte{0xff}, std::byte{'\''}}) {
    attempt one = c.on_fresh_key();
    one.key.bytes.fill(each);
    one.fingerprint.bytes.fill(each);
    one.nonce.bytes.fill(each);
    const std::string where = "digests and nonce of bytes " + std::to_string(unsigned(each));
    c.claims(where, one);
    c.finds_running(where + ", retry", c.retry_of(one), one.request_id);
    c.answers(where + ", complete", c.complete(one, "bytes"), write_status::applied);
    c.replays(where + ", retry", c.retry_of(one), "bytes", one.request_id);
  }
}

void many_keys(context& c) {
  std::vector<attempt> all;
  all.reserve(records_max);
  for (std::size_t i = 0; i < records_max; ++i) all.push_back(c.on_fresh_key());
  for (attempt& each : all) c.claims("a claim of many", each);
  for (const attempt& each : all) {
    c.answers("a complete of many", c.complete(each, each.request_id), write_status::applied);
  }
  for (const attempt& each : all) {
    c.replays("a replay of many", c.retry_of(each), each.request_id, each.request_id);
  }
}

constexpr conformance_case rows[] = {
    {"FirstClaimIsClaimed",
     "The first claim of a key is claimed, under its own request id, with a fence that is not "
     "below "
     "its time.",
     case_need::nothing, first_claim},
    {"RetriedClaimIsTheSameClaim",
     "A claim sent again under its nonce is claimed with the fence and the operation id of before.",
     case_need::nothing, retried_claim},
    {"RetriedClaimAfterMarkIsTheSameClaim", "So it is when the attempt was marked in between.",
     case_need::nothing, retried_claim_after_mark},
    {"RunningIsShownToOthers",
     "While an attempt runs, the same request is told its id and how long the lease lasts.",
     case_need::nothing, running_to_others},
    {"RerunMarkedWaitsForTheLease",
     "rerun_marked changes nothing while the lease of the attempt holds.", case_need::nothing,
     policy_needs_an_abandoned_one},
    {"OtherRequestConflictsWhileRunning",
     "While an attempt runs, another request under its key is a conflict that names it.",
     case_need::nothing, conflict_while_running},
    {"OtherRequestConflictsWhileMarked", "So it is while the attempt is marked.",
     case_need::nothing, conflict_while_marked},
    {"OtherRequestConflictsWhenCompleted", "So it is once the attempt has completed.",
     case_need::nothing, conflict_when_completed},
    {"OtherRequestConflictsAfterTheLease",
     "So it is when the lease is over, marked or not, and rerun_marked does not change it.",
     case_need::clock, other_request_after_lease},
    {"KeysDifferingInOneBitAreDifferent", "All 128 bits of a key count.", case_need::nothing,
     keys_one_bit},
    {"FingerprintsDifferingInOneBitConflict", "All 128 bits of a fingerprint count.",
     case_need::nothing, fingerprints_one_bit},
    {"NoncesDifferingInOneBitAreStrangers", "All 128 bits of a nonce count.", case_need::nothing,
     nonces_one_bit},
    {"ScopeIsNoPartOfTheKey", "The scope is for quotas: it makes no two keys of one.",
     case_need::nothing, scope_is_no_part_of_the_key},
    {"DigestsAreAnyBytes", "Digests and nonces may be all zeros, all ones or all quotes.",
     case_need::nothing, any_bytes},
    {"ManyKeysAreKeptApart", "Each of 1,000 keys replays its own response.", case_need::nothing,
     many_keys},
};

}  // namespace

std::span<const conformance_case> claim_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
