// SPDX-License-Identifier: Apache-2.0
#include "report/cases.hpp"

#include <regex.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::bench {
namespace {

const std::string columns = "room\tcase\tkind\tunit\tours\tpeer\tpeer's\tbar\n";

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Cases, AreReadColumnByColumn) {
  const auto cases =
      parse_cases("# a comment\n\n" + columns +
                  "errors\tby name\ttime\tns\terrors/find\tgperf\t?errors/gperf\t5\n"
                  "\n"
                  "redis\ta record\tcounter:bytes\tbytes\tredis/record\t-\t-\t160\n");
  ASSERT_TRUE(cases.has_value()) << cases.error();
  ASSERT_EQ(cases->size(), 2u);

  const bench_case& first = cases->front();
  EXPECT_EQ(first.room, "errors");
  EXPECT_EQ(first.title, "by name");
  EXPECT_EQ(first.kind, case_kind::time);
  EXPECT_EQ(first.unit, "ns");
  EXPECT_EQ(first.ours, "errors/find");
  EXPECT_EQ(first.peer, "gperf");
  EXPECT_EQ(first.peer_benchmark, "errors/gperf");
  EXPECT_TRUE(first.is_peer_optional);
  EXPECT_EQ(first.bar, 5);
  EXPECT_TRUE(first.has_ratio());

  const bench_case& second = cases->back();
  EXPECT_EQ(second.kind, case_kind::counter);
  EXPECT_EQ(second.counter, "bytes");
  EXPECT_EQ(second.peer, "");
  EXPECT_EQ(second.peer_benchmark, "");
  EXPECT_FALSE(second.is_peer_optional);
  EXPECT_EQ(second.bar, 160);
  EXPECT_FALSE(second.has_ratio());
}

struct kind_case {
  const char* name;
  std::string_view kind;
  std::string_view unit;
  case_kind read;
  bool has_ratio;
};
constexpr kind_case kind_cases[] = {
    {"Time", "time", "ns", case_kind::time, true},
    {"Rate", "rate", "requests/s", case_kind::rate, true},
    {"Extra", "extra", "ns", case_kind::extra, false},
};

class CaseKinds : public testing::TestWithParam<kind_case> {};

TEST_P(CaseKinds, AreReadWithAPeer) {
  const auto cases = parse_cases(columns + "a\tb\t" + std::string(GetParam().kind) + "\t" +
                                 std::string(GetParam().unit) + "\tours\tpeer\ttheirs\t-");
  ASSERT_TRUE(cases.has_value()) << cases.error();
  EXPECT_EQ(cases->front().kind, GetParam().read);
  EXPECT_EQ(cases->front().has_ratio(), GetParam().has_ratio);
  EXPECT_EQ(cases->front().bar, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, CaseKinds, testing::ValuesIn(kind_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct bar_case {
  const char* name;
  std::string_view text;
  double bar;
};
constexpr bar_case bar_cases[] = {
    {"Whole", "20", 20},
    {"Fraction", "0.85", 0.85},
    {"Nothing", "0", 0},
    {"Reciprocal", "1/1.6", 0.625},
    {"ReciprocalOfLessThanOne", "1/0.25", 4},
};

class CaseBars : public testing::TestWithParam<bar_case> {};

TEST_P(CaseBars, AreNumbersOrOneByANumber) {
  const auto cases =
      parse_cases(columns + "a\tb\ttime\tns\tours\tpeer\ttheirs\t" + std::string(GetParam().text));
  ASSERT_TRUE(cases.has_value()) << cases.error();
  ASSERT_TRUE(cases->front().bar.has_value());
  EXPECT_DOUBLE_EQ(*cases->front().bar, GetParam().bar);
}

INSTANTIATE_TEST_SUITE_P(, CaseBars, testing::ValuesIn(bar_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct reject_case {
  const char* name;
  std::string_view line;
  std::string_view why;
};
constexpr reject_case reject_cases[] = {
    {"SevenColumns", "a\tb\ttime\tns\tours\t-\t-", "7 columns instead of 8"},
    {"NineColumns", "a\tb\ttime\tns\tours\t-\t-\t-\t-", "9 columns instead of 8"},
    {"CarriageReturn", "a\tb\ttime\tns\tours\t-\t-\t-\r", "bar is not plain ASCII"},
    {"EmptyCell", "a\tb\ttime\tns\tours\t\t-\t-", "peer is empty"},
    {"NoRoom", "-\tb\ttime\tns\tours\t-\t-\t-", "room has to be there"},
    {"NoBenchmark", "a\tb\ttime\tns\t-\t-\t-\t-", "ours has to be there"},
    {"RoomIsAPath", "../a\tb\ttime\tns\tours\t-\t-\t-", "'../a' is not a room"},
    {"UnknownKind", "a\tb\tspace\tns\tours\t-\t-\t-", "what is the kind 'space'?"},
    {"CounterWithoutAName", "a\tb\tcounter:\tbytes\tours\t-\t-\t-", "what is the kind 'counter:'?"},
    {"CounterWithAPeer", "a\tb\tcounter:n\tbytes\tours\tp\tq\t-", "a counter has no peer"},
    {"ExtraAlone", "a\tb\textra\tns\tours\t-\t-\t-", "an extra needs a peer that is always there"},
    {"ExtraOverAnOptionalPeer", "a\tb\textra\tns\tours\tp\t?q\t-",
     "an extra needs a peer that is always there"},
    {"PeerWithoutABenchmark", "a\tb\ttime\tns\tours\tp\t-\t-", "a peer has a name and a benchmark"},
    {"BenchmarkWithoutAPeer", "a\tb\ttime\tns\tours\t-\tq\t-", "a peer has a name and a benchmark"},
    {"PeerIsAMarkAlone", "a\tb\ttime\tns\tours\tp\t?\t-", "a peer has a name and a benchmark"},
    {"TimeInMilliseconds", "a\tb\ttime\tms\tours\t-\t-\t-", "the unit of a time is ns"},
    {"ExtraInMilliseconds", "a\tb\textra\tms\tours\tp\tq\t-", "the unit of a time is ns"},
    {"RateOfATime", "a\tb\trate\tns\tours\t-\t-\t-", "the unit of a rate ends with /s"},
    {"BarIsAWord", "a\tb\ttime\tns\tours\tp\tq\tfast",
     "the bar 'fast' is neither a number nor 1/number"},
    {"BarHasATail", "a\tb\ttime\tns\tours\tp\tq\t5x",
     "the bar '5x' is neither a number nor 1/number"},
    {"BarIsNegative", "a\tb\ttime\tns\tours\tp\tq\t-5",
     "the bar '-5' is neither a number nor 1/number"},
    {"BarIsByNothing", "a\tb\ttime\tns\tours\tp\tq\t1/0",
     "the bar '1/0' is neither a number nor 1/number"},
    {"BarIsInfinite", "a\tb\ttime\tns\tours\tp\tq\tinf",
     "the bar 'inf' is neither a number nor 1/number"},
    {"BarWithoutAPeer", "a\tb\ttime\tns\tours\t-\t-\t5", "a bar of a ratio needs a peer"},
};

class CasesReject : public testing::TestWithParam<reject_case> {};

TEST_P(CasesReject, TheLineAndSayWhy) {
  const auto cases = parse_cases(columns + "# second\n" + std::string(GetParam().line) + "\n");
  ASSERT_FALSE(cases.has_value());
  EXPECT_EQ(cases.error(), "line 3: " + std::string(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(, CasesReject, testing::ValuesIn(reject_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Cases, OtherColumnsAreRefused) {
  const auto cases = parse_cases("room\tcase\n");
  ASSERT_FALSE(cases.has_value());
  EXPECT_EQ(cases.error(), "line 1: these are not the columns");
}

TEST(Cases, ATableOfNoneIsRefused) {
  for (const std::string& text : {std::string(), columns}) {
    const auto cases = parse_cases(text);
    ASSERT_FALSE(cases.has_value());
    EXPECT_EQ(cases.error(), "no case");
  }
}

TEST(Cases, OneMayStandBesideTwoPeersAndNotTwiceBesideOne) {
  const std::string first = columns + "a\tb\ttime\tns\tours\tp\tq\t-\n";
  EXPECT_TRUE(parse_cases(first + "a\tb\ttime\tns\tours\tother\tq\t-\n").has_value());
  EXPECT_TRUE(parse_cases(first + "other\tb\ttime\tns\tours\tp\tq\t-\n").has_value());
  const auto twice = parse_cases(first + "a\tb\ttime\tns\tother\tp\tq\t-\n");
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error(), "line 3: this case of the room is there already");
}

TEST(Filter, IsOfTheRoomsBenchmarksEachOnce) {
  const auto cases = parse_cases(columns +
                                 "a\tb\ttime\tns\ta/x\tp\t?a/y.z\t-\n"
                                 "other\tb\ttime\tns\tother/x\t-\t-\t-\n"
                                 "a\tc\ttime\tns\ta/x\t-\t-\t-\n");
  ASSERT_TRUE(cases.has_value()) << cases.error();
  EXPECT_EQ(benchmark_filter(*cases, "a"), "^(a/x|a/y\\.z)$");
  EXPECT_EQ(benchmark_filter(*cases, "none"), "");
}

TEST(Filter, IsMatchedByNoLongerName) {
  const auto cases = parse_cases(columns + "a\tb\ttime\tns\ta/(x)+[y]{1}^$|?*\\/1\t-\t-\t-\n");
  ASSERT_TRUE(cases.has_value()) << cases.error();
  // As Google Benchmark reads it.
  regex_t filter;
  ASSERT_EQ(::regcomp(&filter, benchmark_filter(*cases, "a").c_str(), REG_EXTENDED | REG_NOSUB), 0);
  const auto is_run = [&](const char* name) {
    return ::regexec(&filter, name, 0, nullptr, 0) == 0;
  };
  EXPECT_TRUE(is_run("a/(x)+[y]{1}^$|?*\\/1"));
  EXPECT_FALSE(is_run("a/(x)+[y]{1}^$|?*\\/16"));
  EXPECT_FALSE(is_run("1"));
  ::regfree(&filter);
}

TEST(ShippedCases, AreReadAndTheirRoomsHaveBenchmarks) {
  const auto cases = parse_cases(read_file(PARLEY_BENCH_CASES));
  ASSERT_TRUE(cases.has_value()) << cases.error();
  for (const std::string& room : rooms_of(*cases)) {
    const auto folder = std::filesystem::path(PARLEY_BENCH_FOLDER) / room;
    EXPECT_TRUE(exists(folder / "CMakeLists.txt")) << room;
  }
  for (const bench_case& each : *cases) {
    EXPECT_TRUE(each.ours.starts_with(each.room + "/")) << each.ours;
    if (!each.peer.empty()) {
      EXPECT_TRUE(each.peer_benchmark.starts_with(each.room + "/")) << each.peer_benchmark;
    }
    // As wide as a picture is; its letters are not measured.
    EXPECT_LE(each.title.size() + each.peer.size(), 110u) << each.title;
  }
}

TEST(ShippedCases, StandByTheirRooms) {
  const auto cases = parse_cases(read_file(PARLEY_BENCH_CASES));
  ASSERT_TRUE(cases.has_value()) << cases.error();
  std::size_t changes = 1;
  for (std::size_t i = 1; i < cases->size(); ++i) {
    changes += (*cases)[i].room != (*cases)[i - 1].room ? 1 : 0;
  }
  EXPECT_EQ(changes, rooms_of(*cases).size());
}

}  // namespace
}  // namespace parley::bench
