// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <string>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

// An attempt that was marked with `note`, and whose lease is over.
attempt abandoned_with(context& c, std::string_view note) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, note), write_status::applied);
  c.end_lease(one);
  return one;
}

void marked_is_running(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "note"), write_status::applied);
  c.finds_running("a retry", c.retry_of(one), one.request_id);
  c.answers("complete", c.complete(one, "bytes"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void mark_twice(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.answers("mark", c.mark(one, "the first note"), write_status::applied);
  c.answers("mark again", c.mark(one, "another"), write_status::already_applied);
  c.end_lease(one);
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "the first note");
}

void shows_the_note(context& c) {
  const attempt one = abandoned_with(c, "charge 4711");
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "charge 4711");
}

void shows_no_note(context& c) {
  const attempt one = abandoned_with(c, "");
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "");
}

void shows_any_note(context& c) {
  std::string note(idempotency::note_bytes_max, '\0');
  for (std::size_t i = 0; i < note.size(); ++i) note[i] = static_cast<char>(i);
  const attempt one = abandoned_with(c, note);
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, note);
}

void needs_the_policy(context& c) {
  const attempt one = abandoned_with(c, "note");
  for (int i = 0; i < 3; ++i) {
    c.finds_abandoned("a retry without rerun_marked", c.retry_of(one), one.request_id, "note");
  }
  c.advance(std::chrono::seconds(1));
  c.finds_abandoned("a later one", c.retry_of(one), one.request_id, "note");
}

void reruns(context& c) {
  const attempt one = abandoned_with(c, "note");
  attempt two = c.retry_of(one);
  two.rerun_marked = true;
  c.claims("a retry with rerun_marked", two);
  c.expect("its operation_id", std::string_view(two.operation_id),
           std::string_view(one.request_id));
  c.expect_above("its fence", two.fence, one.fence);
  c.answers("complete of the first", c.complete(one, "the first's"), write_status::lost);
  c.answers("complete of the second", c.complete(two, "the second's"), write_status::applied);
  c.replays("a retry", c.retry_of(one), "the second's", one.request_id);
}

void marks_again(context& c) {
  const attempt one = abandoned_with(c, "the first note");
  attempt two = c.retry_of(one);
  two.rerun_marked = true;
  two.lease = one.lease;
  c.claims("a retry with rerun_marked", two);
  c.answers("mark of the second", c.mark(two, "the second note"), write_status::applied);
  c.end_lease(two);
  c.finds_abandoned("a retry, the second lease over", c.retry_of(one), one.request_id,
                    "the second note");
}

void holder_comes_back(context& c) {
  const attempt one = abandoned_with(c, "note");
  c.finds_abandoned("a retry, the lease over", c.retry_of(one), one.request_id, "note");
  c.answers("complete of the first", c.complete(one, "bytes", false), write_status::applied);
  c.replays("a retry", c.retry_of(one), "bytes", one.request_id);
}

void holder_gives_up(context& c) {
  const attempt one = abandoned_with(c, "note");
  c.answers("release of the first", c.release(one), write_status::applied);
  attempt two = c.retry_of(one);
  c.claims("a retry", two);
}

constexpr conformance_case rows[] = {
    {"MarkedIsRunningToOthers", "While its lease holds, a marked attempt is like any that runs.",
     case_need::nothing, marked_is_running},
    {"MarkTwiceKeepsTheFirstNote", "A second mark is a success that changes nothing.",
     case_need::clock, mark_twice},
    {"AbandonedShowsTheNote",
     "A marked attempt whose lease is over shows its id and its note to a retry.", case_need::clock,
     shows_the_note},
    {"AbandonedShowsAnEmptyNote", "A note may be empty.", case_need::clock, shows_no_note},
    {"AbandonedShowsAnyNote", "A note may be 256 bytes of any value.", case_need::clock,
     shows_any_note},
    {"AbandonedIsNotRerunUnasked", "No retry without rerun_marked runs it, however often.",
     case_need::clock, needs_the_policy},
    {"AbandonedIsRerunWhenAsked",
     "A retry with rerun_marked runs, under the operation id of the first and a higher fence.",
     case_need::clock, reruns},
    {"RerunMarksAnew", "The attempt that reran can mark, with a note of its own.", case_need::clock,
     marks_again},
    {"AbandonedHolderMayComplete", "The holder of an abandoned attempt that comes back completes.",
     case_need::clock, holder_comes_back},
    {"AbandonedHolderMayRelease", "Or releases.", case_need::clock, holder_gives_up},
};

}  // namespace

std::span<const conformance_case> mark_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
