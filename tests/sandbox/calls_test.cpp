// SPDX-License-Identifier: Apache-2.0
#include "sandbox/calls.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace parley::sandbox {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr time_point start{std::chrono::seconds(1'800'000'000)};

std::function<time_point()> at(time_point now) {
  return [now] { return now; };
}

call call_that(const errors::row* failure) {
  return {.id = "call_1",
          .scope = "s",
          .from_number = "+1",
          .to_number = "+2",
          .created_at = start,
          .failure = failure};
}

TEST(StateOf, FollowsTheTime) {
  const call c = call_that(nullptr);
  EXPECT_EQ(state_of(c, start).status, "queued");
  EXPECT_EQ(state_of(c, start + answered_after - microseconds(1)).status, "queued");
  EXPECT_EQ(state_of(c, start + answered_after).status, "in_progress");
  EXPECT_EQ(state_of(c, start + ended_after - microseconds(1)).status, "in_progress");
  EXPECT_EQ(state_of(c, start + ended_after).status, "completed");
  EXPECT_EQ(state_of(c, start + std::chrono::hours(1000)).ended_at, start + ended_after);
}

TEST(StateOf, SaysNothingOfTheEndBeforeIt) {
  const call c = call_that(&errors::row_of(errors::code::busy));
  const call_state state = state_of(c, start + ended_after - microseconds(1));
  EXPECT_EQ(state.outcome, "");
  EXPECT_EQ(state.failure_code, "");
  EXPECT_EQ(state.failure_category, "");
  EXPECT_EQ(state.disconnection_reason, "");
  EXPECT_FALSE(state.ended_at.has_value());
}

struct ending_case {
  errors::code code;
  std::string_view status;
  std::string_view outcome;
  std::string_view category;
  std::string_view reason;
};

TEST(StateOf, EndsEveryAsynchronousCode) {
  constexpr ending_case cases[] = {
      {errors::code::busy, "busy", "busy", "unreachable", "user_busy"},  // D4, literal
      {errors::code::no_answer, "no_answer", "no_answer", "unreachable", "no_answer_from_user"},
      {errors::code::number_unreachable, "failed", "failed", "unreachable", "unallocated_number"},
      {errors::code::call_declined, "failed", "failed", "unreachable", "call_rejected"},
      {errors::code::carrier_rejected, "failed", "failed", "unreachable", "network_out_of_order"},
      {errors::code::voicemail_reached, "completed", "voicemail", "voicemail", "normal_clearing"},
  };
  std::size_t asynchronous = 0;
  for (const errors::row& row : errors::catalogue()) {
    if (row.delivery == errors::delivery::async) ++asynchronous;
  }
  ASSERT_EQ(std::size(cases), asynchronous);
  for (const ending_case& each : cases) {
    const call_state state = state_of(call_that(&errors::row_of(each.code)), start + ended_after);
    EXPECT_EQ(state.status, each.status);
    EXPECT_EQ(state.outcome, each.outcome);
    EXPECT_EQ(state.failure_code, errors::to_string(each.code));
    EXPECT_EQ(state.failure_category, each.category);
    EXPECT_EQ(state.disconnection_reason, each.reason);
  }
}

TEST(CallBook, CancelsUntilTheEnd) {
  call_book book;
  const std::string early = *book.place("s", "+1", "+2", nullptr, at(start));
  const std::string late = *book.place("s", "+1", "+2", nullptr, at(start));
  const time_point last = start + ended_after - microseconds(1);
  EXPECT_EQ(state_of(*book.cancel("s", early, last), last).status, "canceled");
  EXPECT_EQ(state_of(*book.find("s", early), start + milliseconds(500)).status, "canceled");
  const time_point after = start + ended_after;
  EXPECT_EQ(state_of(*book.cancel("s", late, after), after).status, "completed");
  // Canceled again it keeps its first end.
  EXPECT_EQ(book.cancel("s", early, after)->canceled_at, last);
}

TEST(CallBook, KeepsScopesApart) {
  call_book book;
  const std::string id = *book.place("a", "+1", "+2", nullptr, at(start));
  EXPECT_TRUE(book.find("a", id).has_value());
  EXPECT_FALSE(book.find("b", id).has_value());
  EXPECT_FALSE(book.cancel("b", id, start).has_value());
  EXPECT_EQ(book.patch("b", id, {}).error(), call_book::patch_errc::not_found);
  EXPECT_EQ(book.list("b", false, std::nullopt, 10).total, 0u);
  EXPECT_FALSE(book.find("a", id).value().canceled_at.has_value());
}

TEST(CallBook, IdsRiseAlsoInOneInstantAndWhenTheClockGoesBack) {
  call_book book;
  std::string last;
  for (const time_point now : {start, start, start - std::chrono::hours(1), start + microseconds(9),
                               time_point(microseconds(-5))}) {
    const std::string id = *book.place("s", "+1", "+2", nullptr, at(now));
    EXPECT_GT(id, last);
    last = id;
  }
  book.clear();
  EXPECT_GT(book.place("s", "+1", "+2", nullptr, at(start)), last);
}

TEST(CallBook, ListsTheNewestFirst) {
  call_book book;
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(*book.place("s", "+1", "+2", nullptr, at(start)));
  book.place("other", "+1", "+2", nullptr, at(start));
  const call_book::page page = book.list("s", false, std::nullopt, 3);
  EXPECT_EQ(page.total, 5u);
  ASSERT_EQ(page.calls.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(page.calls[i].id, ids[4 - i]);
}

TEST(CallBook, PatchesMetadataWithinItsBound) {
  call_book book;
  const std::string id = *book.place("s", "+1", "+2", nullptr, at(start));
  EXPECT_EQ(book.patch("s", id, {{"a", "1"}, {"b", "2"}})->metadata,
            (metadata{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(book.patch("s", id, {{"a", std::nullopt}, {"b", "3"}, {"c", std::nullopt}})->metadata,
            (metadata{{"b", "3"}}));
  metadata_patch most;
  for (std::size_t i = 1; i < metadata_keys_max; ++i) most.emplace_back(std::to_string(i), "x");
  EXPECT_EQ(book.patch("s", id, most)->metadata.size(), metadata_keys_max);
  EXPECT_EQ(book.patch("s", id, {{"one more", "x"}}).error(), call_book::patch_errc::too_many_keys);
  EXPECT_EQ(book.find("s", id)->metadata.count("one more"), 0u);
  EXPECT_TRUE(book.patch("s", id, {{"1", std::nullopt}, {"one more", "x"}}).has_value());
}

TEST(CallBook, ForgetsTheOldestAboveItsBound) {
  call_book book;
  const std::string first = *book.place("s", "+1", "+2", nullptr, at(start));
  const std::string second = *book.place("s", "+1", "+2", nullptr, at(start));
  for (std::size_t i = 2; i < calls_max; ++i) book.place("s", "+1", "+2", nullptr, at(start));
  EXPECT_TRUE(book.find("s", first).has_value());
  book.place("s", "+1", "+2", nullptr, at(start));
  EXPECT_FALSE(book.find("s", first).has_value());
  EXPECT_TRUE(book.find("s", second).has_value());
  EXPECT_EQ(book.placed(), calls_max + 1);
  EXPECT_EQ(book.list("s", false, std::nullopt, 1).total, calls_max);
}

TEST(CallBook, BoundsTheCallsOfAScopeThatAreInProgress) {
  call_book book({.at_once_max = 2});
  const std::string first = book.place("s", "+1", "+2", nullptr, at(start)).value();
  const time_point later = start + milliseconds(10);
  EXPECT_TRUE(book.place("s", "+1", "+2", nullptr, at(later)).has_value());
  EXPECT_FALSE(book.place("s", "+1", "+2", nullptr, at(later)).has_value());
  EXPECT_TRUE(book.place("other", "+1", "+2", nullptr, at(later)).has_value());
  EXPECT_EQ(book.placed(), 3u);
  // The first has ended.
  const time_point end = start + ended_after;
  EXPECT_FALSE(book.place("s", "+1", "+2", nullptr, at(end - microseconds(1))).has_value());
  const std::string third = book.place("s", "+1", "+2", nullptr, at(end)).value();
  EXPECT_FALSE(book.place("s", "+1", "+2", nullptr, at(end)).has_value());
  // As has one that is canceled.
  book.cancel("s", third, end);
  EXPECT_TRUE(book.place("s", "+1", "+2", nullptr, at(end)).has_value());
  EXPECT_TRUE(book.find("s", first).has_value());
}

TEST(CallBook, WithoutABoundTakesAll) {
  call_book book;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(book.place("s", "+1", "+2", nullptr, at(start)).has_value());
  }
}

TEST(CallBook, NumbersOfASeedComeAgain) {
  call_book book({.seed = 7});
  call_book same({.seed = 7});
  call_book other({.seed = 8});
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(book.place("s", "+1", "+2", nullptr, at(start)).value());
    const time_point elsewhere = start + std::chrono::hours(i);
    EXPECT_EQ(same.place("other", "+3", "+4", nullptr, at(elsewhere)), ids.back());
    EXPECT_NE(other.place("s", "+1", "+2", nullptr, at(start)), ids.back());
  }
  EXPECT_TRUE(std::ranges::is_sorted(ids, std::less<>()));
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  book.clear();
  EXPECT_EQ(book.place("s", "+1", "+2", nullptr, at(start)), ids.front());
}

TEST(CallBook, GivesTheNewestOfAllScopes) {
  call_book book;
  EXPECT_TRUE(book.newest(3).empty());
  std::vector<std::string> ids;
  for (const char* scope : {"a", "b", "a", "c"}) {
    ids.push_back(book.place(scope, "+1", "+2", nullptr, at(start)).value());
  }
  const std::vector<call> newest = book.newest(3);
  ASSERT_EQ(newest.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(newest[i].id, ids[3 - i]);
  EXPECT_EQ(book.newest(5).size(), 4u);
}

}  // namespace
}  // namespace parley::sandbox
