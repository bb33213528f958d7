// SPDX-License-Identifier: Apache-2.0
#include "report/runs.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::bench {
namespace {

using testing::ElementsAre;

std::string list_of(const std::string& runs) { return R"({"benchmarks":[)" + runs + "]}"; }

struct time_case {
  const char* name;
  std::string_view benchmark;
  std::string_view unit;
  double ns;  // of 2 by the processor's clock and 3 by the wall's
};
constexpr time_case time_cases[] = {
    {"ProcessorsByDefault", "a/b", "ns", 2},
    {"RealTimeWhereItsNameSaysSo", "a/b/real_time", "ns", 3},
    {"RealTimeOfThreads", "a/b/real_time/threads:2", "ns", 3},
    {"ManualTime", "a/b/iterations:1/manual_time", "ns", 3},
    {"Microseconds", "a/b", "us", 2e3},
    {"Milliseconds", "a/b", "ms", 2e6},
    {"Seconds", "a/b", "s", 2e9},
};

class RunTimes : public testing::TestWithParam<time_case> {};

TEST_P(RunTimes, AreNanoseconds) {
  const std::string name(GetParam().benchmark);
  const auto runs =
      parse_runs(list_of(R"({"name":")" + name + R"(","real_time":3,"cpu_time":2.0,"time_unit":")" +
                         std::string(GetParam().unit) + R"("})"));
  ASSERT_TRUE(runs.has_value()) << runs.error();
  EXPECT_THAT(runs->at(name).time_ns, ElementsAre(GetParam().ns));
}

INSTANTIATE_TEST_SUITE_P(, RunTimes, testing::ValuesIn(time_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Runs, RepetitionsAreGatheredAndAggregatesLeftOut) {
  const auto runs = parse_runs(
      list_of(R"({"name":"a/b","run_type":"iteration","cpu_time":1,"time_unit":"ns","allocs":0},)"
              R"({"name":"a/c","run_type":"iteration","cpu_time":9,"time_unit":"ns","allocs":2},)"
              R"({"name":"a/b","run_type":"iteration","cpu_time":2,"time_unit":"ns","allocs":1},)"
              R"({"name":"a/b","run_type":"aggregate","cpu_time":7,"time_unit":"ns","allocs":7})"));
  ASSERT_TRUE(runs.has_value()) << runs.error();
  EXPECT_EQ(runs->size(), 2u);
  EXPECT_THAT(runs->at("a/b").time_ns, ElementsAre(1, 2));
  EXPECT_THAT(runs->at("a/b").counters.at("allocs"), ElementsAre(0, 1));
  EXPECT_THAT(runs->at("a/c").time_ns, ElementsAre(9));
  EXPECT_EQ(runs->at("a/b").error, "");
}

// The deviation of a counter that is always 0.
TEST(Runs, NanAndInfinityAreNoFigures) {
  const auto runs = parse_runs(
      list_of(R"({"name":"NaN \"Infinity","run_type":"iteration","cpu_time":1,"time_unit":"ns",)"
              R"("nan":NaN,"minus":-NaN,"more":Infinity,"less":-Infinity,"one":1})"));
  ASSERT_TRUE(runs.has_value()) << runs.error();
  const benchmark_runs& found = runs->at("NaN \"Infinity");
  EXPECT_THAT(found.time_ns, ElementsAre(1));
  EXPECT_THAT(found.counters.at("one"), ElementsAre(1));
  for (const char* name : {"nan", "minus", "more", "less"}) {
    EXPECT_FALSE(found.counters.contains(name)) << name;
  }
}

TEST(Runs, WhyOneGaveUpIsKept) {
  const auto runs = parse_runs(
      list_of(R"({"name":"a","error_occurred":true,"error_message":"refused","cpu_time":0},)"
              R"({"name":"b","error_occurred":true})"));
  ASSERT_TRUE(runs.has_value()) << runs.error();
  EXPECT_EQ(runs->at("a").error, "refused");
  EXPECT_EQ(runs->at("b").error, "it does not say why");
}

struct reject_case {
  const char* name;
  std::string_view text;
  std::string_view begins;
};
constexpr reject_case reject_cases[] = {
    {"Nothing", "", "this is not JSON"},
    {"CutShort", R"({"benchmarks":[{"name":"a")", "this is not JSON"},
    {"CutInAnEscape", R"({"a":"\)", "this is not JSON"},
    {"TwoValues", "{}{}", "this is not JSON"},
    {"AList", "[]", "there is no list of benchmarks"},
    {"NoList", R"({"context":{}})", "there is no list of benchmarks"},
    {"AnObjectForAList", R"({"benchmarks":{}})", "there is no list of benchmarks"},
    {"ANumberForABenchmark", R"({"benchmarks":[1]})", "a benchmark is no object"},
    {"NoName", R"({"benchmarks":[{"cpu_time":1,"time_unit":"ns"}]})", "a run has no name"},
    {"AnEmptyName", R"({"benchmarks":[{"name":"","cpu_time":1,"time_unit":"ns"}]})",
     "a run has no name"},
    {"NoTime", R"({"benchmarks":[{"name":"a","real_time":1,"time_unit":"ns"}]})",
     "a run of 'a' has no time"},
    {"ATextForATime", R"({"benchmarks":[{"name":"a","cpu_time":"1","time_unit":"ns"}]})",
     "a run of 'a' has no time"},
    {"ATimeBelowNothing", R"({"benchmarks":[{"name":"a","cpu_time":-1,"time_unit":"ns"}]})",
     "a run of 'a' has no time"},
    {"NoUnit", R"({"benchmarks":[{"name":"a","cpu_time":1}]})", "a run of 'a' has no unit"},
    {"AnUnknownUnit", R"({"benchmarks":[{"name":"a","cpu_time":1,"time_unit":"h"}]})",
     "a run of 'a' has no unit"},
};

class RunsReject : public testing::TestWithParam<reject_case> {};

TEST_P(RunsReject, TheTextAndSayWhy) {
  const auto runs = parse_runs(GetParam().text);
  ASSERT_FALSE(runs.has_value());
  EXPECT_TRUE(runs.error().starts_with(GetParam().begins)) << runs.error();
}

INSTANTIATE_TEST_SUITE_P(, RunsReject, testing::ValuesIn(reject_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::bench
