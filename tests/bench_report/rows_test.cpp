// SPDX-License-Identifier: Apache-2.0
#include "report/rows.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace parley::bench {
namespace {

using all_runs = std::map<std::string, room_runs, std::less<>>;

bench_case make_case(case_kind kind, std::optional<double> bar = {}) {
  bench_case made;
  made.room = "room";
  made.title = "a case";
  made.kind = kind;
  made.ours = "ours";
  if (kind == case_kind::counter) {
    made.counter = "bytes";
  } else {
    made.peer = "a peer";
    made.peer_benchmark = "theirs";
  }
  made.bar = bar;
  return made;
}

benchmark_runs timed(std::vector<double> ns) {
  return {.time_ns = std::move(ns), .counters = {}, .error = {}};
}

benchmark_runs counted(const std::string& name, std::vector<double> values) {
  benchmark_runs made = timed(std::vector<double>(values.size(), 1));
  made.counters[name] = std::move(values);
  return made;
}

// The benchmark that a case of the kind reads, with this figure.
benchmark_runs with(case_kind kind, std::vector<double> values) {
  switch (kind) {
    case case_kind::time:
    case case_kind::extra: return timed(std::move(values));
    case case_kind::rate: return counted("items_per_second", std::move(values));
    case case_kind::counter: return counted("bytes", std::move(values));
  }
  return {};
}

struct bar_case {
  const char* name;
  case_kind kind;
  double ours;
  double peer;
  double figure;  // of ours in the report
  std::optional<double> ratio;
  std::optional<double> bar;
  std::optional<bool> holds;
};
const bar_case bar_cases[] = {
    {"TimeAtTheBar", case_kind::time, 2, 10, 2, 5, 5, true},
    {"TimeBelowTheBar", case_kind::time, 2, 9.99, 2, 4.995, 5, false},
    {"TimeSlowerThanThePeerAndAllowed", case_kind::time, 16, 10, 16, 0.625, 0.625, true},
    {"TimeSlowerThanAllowed", case_kind::time, 16.1, 10, 16.1, 0.6211, 0.625, false},
    {"TimeWithoutABar", case_kind::time, 2, 1, 2, 0.5, {}, {}},
    {"RateAtTheBar", case_kind::rate, 900, 1000, 900, 0.9, 0.9, true},
    {"RateBelowTheBar", case_kind::rate, 899, 1000, 899, 0.899, 0.9, false},
    {"RateWithoutABar", case_kind::rate, 2000, 1000, 2000, 2, {}, {}},
    {"ExtraAtTheBar", case_kind::extra, 45, 30, 15, {}, 15, true},
    {"ExtraAboveTheBar", case_kind::extra, 45.01, 30, 15.01, {}, 15, false},
    {"ExtraBelowNothing", case_kind::extra, 29, 30, -1, {}, 15, true},
    {"ExtraWithoutABar", case_kind::extra, 31, 30, 1, {}, {}, {}},
    {"CounterAtTheBar", case_kind::counter, 160, 0, 160, {}, 160, true},
    {"CounterAboveTheBar", case_kind::counter, 160.1, 0, 160.1, {}, 160, false},
    {"CounterOfNothing", case_kind::counter, 0, 0, 0, {}, 0, true},
    {"CounterAboveNothing", case_kind::counter, 0.001, 0, 0.001, {}, 0, false},
    {"CounterWithoutABar", case_kind::counter, 464, 0, 464, {}, {}, {}},
    // What is shown is what is judged.
    {"RatioIsRoundedUpToTheBar", case_kind::time, 5, 9.999, 5, 2, 2, true},
    {"BarIsRoundedAsTheRatioIs", case_kind::time, 2.7, 1, 2.7, 0.3704, 1 / 2.7, true},
};

class RowBars : public testing::TestWithParam<bar_case> {};

TEST_P(RowBars, HoldOrDoNot) {
  const bar_case& c = GetParam();
  const all_runs runs = {
      {"room", {{"ours", with(c.kind, {c.ours})}, {"theirs", with(c.kind, {c.peer})}}}};
  const auto rows = make_rows({make_case(c.kind, c.bar)}, runs);
  ASSERT_TRUE(rows.has_value()) << rows.error();
  const report_row& row = rows->front();
  EXPECT_DOUBLE_EQ(row.ours.median, c.figure);
  EXPECT_EQ(row.ratio, c.ratio);
  EXPECT_EQ(row.bar.has_value(), c.bar.has_value());
  EXPECT_EQ(row.holds, c.holds);
  ASSERT_EQ(row.peer.has_value(), c.kind != case_kind::counter);
  if (row.peer) {
    EXPECT_DOUBLE_EQ(row.peer->median, c.peer);
  }
}

INSTANTIATE_TEST_SUITE_P(, RowBars, testing::ValuesIn(bar_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(RowFigures, AreTheMedianTheLeastAndTheMost) {
  const all_runs odd = {{"room", {{"ours", timed({9, 1, 4})}, {"theirs", timed({3, 30, 12})}}}};
  const auto rows = make_rows({make_case(case_kind::time)}, odd);
  ASSERT_TRUE(rows.has_value()) << rows.error();
  EXPECT_EQ(rows->front().ours.median, 4);
  EXPECT_EQ(rows->front().ours.least, 1);
  EXPECT_EQ(rows->front().ours.most, 9);
  EXPECT_EQ(rows->front().ours.repetitions, 3u);
  EXPECT_EQ(rows->front().peer->median, 12);
  EXPECT_EQ(rows->front().ratio, 3);

  const all_runs even = {{"room", {{"ours", timed({9, 1, 4, 6})}, {"theirs", timed({10})}}}};
  const auto halved = make_rows({make_case(case_kind::time)}, even);
  ASSERT_TRUE(halved.has_value()) << halved.error();
  EXPECT_EQ(halved->front().ours.median, 5);
  EXPECT_EQ(halved->front().ours.repetitions, 4u);
}

TEST(RowFigures, OfAnExtraAreLessThePeersMedian) {
  const all_runs runs = {
      {"room", {{"ours", timed({31, 35, 40})}, {"theirs", timed({29, 30, 50})}}}};
  const auto rows = make_rows({make_case(case_kind::extra)}, runs);
  ASSERT_TRUE(rows.has_value()) << rows.error();
  EXPECT_EQ(rows->front().ours.median, 5);
  EXPECT_EQ(rows->front().ours.least, 1);
  EXPECT_EQ(rows->front().ours.most, 10);
  EXPECT_EQ(rows->front().peer->median, 30);
}

TEST(RowFigures, HaveFourDigits) {
  const all_runs runs = {{"room", {{"ours", timed({1.23456})}, {"theirs", timed({123456})}}}};
  const auto rows = make_rows({make_case(case_kind::time)}, runs);
  ASSERT_TRUE(rows.has_value()) << rows.error();
  EXPECT_EQ(rows->front().ours.median, 1.235);
  EXPECT_EQ(rows->front().peer->median, 123500);
  EXPECT_EQ(rows->front().ratio, 100000);
}

TEST(RowPeers, ThatAreNotBuiltLeaveTheRowWithoutARatio) {
  bench_case of = make_case(case_kind::time, 5);
  of.is_peer_optional = true;
  const auto rows = make_rows({of}, {{"room", {{"ours", timed({2})}}}});
  ASSERT_TRUE(rows.has_value()) << rows.error();
  EXPECT_EQ(rows->front().ours.median, 2);
  EXPECT_FALSE(rows->front().peer.has_value());
  EXPECT_EQ(rows->front().ratio, std::nullopt);
  EXPECT_EQ(rows->front().bar, 5);
  EXPECT_EQ(rows->front().holds, std::nullopt);
}

struct reject_case {
  const char* name;
  case_kind kind;
  all_runs runs;
  std::string_view why;
};
benchmark_runs gave_up() { return {.time_ns = {}, .counters = {}, .error = "refused"}; }
const reject_case reject_cases[] = {
    {"RoomWasNotRun", case_kind::time, {{"other", {}}}, "room: was not run"},
    {"OursIsUnknown",
     case_kind::time,
     {{"room", {{"theirs", timed({1})}}}},
     "room: 'ours' was not measured"},
    {"ThePeerIsUnknown",
     case_kind::time,
     {{"room", {{"ours", timed({1})}}}},
     "room: 'theirs' was not measured"},
    {"OursGaveUp",
     case_kind::time,
     {{"room", {{"ours", gave_up()}, {"theirs", timed({1})}}}},
     "room: 'ours' gave up: refused"},
    {"ThePeerGaveUp",
     case_kind::time,
     {{"room", {{"ours", timed({1})}, {"theirs", gave_up()}}}},
     "room: 'theirs' gave up: refused"},
    {"NoRepetition",
     case_kind::time,
     {{"room", {{"ours", timed({})}}}},
     "room: 'ours' has no repetition"},
    {"NoRate",
     case_kind::rate,
     {{"room", {{"ours", timed({1})}}}},
     "room: 'ours' has no counter items_per_second"},
    {"NoCounter",
     case_kind::counter,
     {{"room", {{"ours", timed({1})}}}},
     "room: 'ours' has no counter bytes"},
    {"ACounterOfSomeRepetitions",
     case_kind::counter,
     {{"room", {{"ours", {.time_ns = {1, 1}, .counters = {{"bytes", {1}}}, .error = {}}}}}},
     "room: 'ours' has no counter bytes"},
    {"ATimeOfNothing",
     case_kind::time,
     {{"room", {{"ours", timed({0})}}}},
     "room: 'ours' gave nothing"},
    {"ARateOfNothing",
     case_kind::rate,
     {{"room", {{"ours", counted("items_per_second", {0})}}}},
     "room: 'ours' gave nothing"},
};

class RowsReject : public testing::TestWithParam<reject_case> {};

TEST_P(RowsReject, TheRunsAndSayWhy) {
  const auto rows = make_rows({make_case(GetParam().kind)}, GetParam().runs);
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error(), GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(, RowsReject, testing::ValuesIn(reject_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// It may be left out; where it is there and fails, somebody has to look.
TEST(RowPeers, ThatAreOptionalMustNotGiveUp) {
  bench_case of = make_case(case_kind::time);
  of.is_peer_optional = true;
  const auto rows = make_rows({of}, {{"room", {{"ours", timed({2})}, {"theirs", gave_up()}}}});
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error(), "room: 'theirs' gave up: refused");
}

}  // namespace
}  // namespace parley::bench
