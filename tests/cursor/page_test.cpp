// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/page.hpp"

#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace parley::cursor {
namespace {

constexpr const char* bad = nullptr;

// Of 1 to 100; where it clamps, what it becomes.
struct limit_case {
  const char* name;
  std::string_view text;
  const char* limit;
  const char* clamped;
};
constexpr limit_case limit_cases[] = {
    {"Least", "1", "1", "1"},
    {"Most", "100", "100", "100"},
    {"Between", "50", "50", "50"},
    {"ZerosInFront", "007", "7", "7"},
    {"ManyZeros", "0000000000000000000000000000000020", "20", "20"},
    {"Zero", "0", bad, "1"},
    {"OneMore", "101", bad, "100"},
    {"TwoTo32", "4294967296", bad, "100"},
    {"TwoTo32AndOne", "4294967297", bad, "100"},
    {"MostOf64Bits", "18446744073709551615", bad, "100"},
    {"TwoTo64", "18446744073709551616", bad, "100"},
    {"TwoTo64AndOne", "18446744073709551617", bad, "100"},
    {"TwentyDigits", "99999999999999999999", bad, "100"},
    {"Letters", "abc", bad, bad},
    {"Nothing", "", bad, bad},
    {"Minus", "-1", bad, bad},
    {"MinusZero", "-0", bad, bad},
    {"Plus", "+1", bad, bad},
    {"Exponent", "1e2", bad, bad},
    {"Fraction", "1.0", bad, bad},
    {"Hex", "0x10", bad, bad},
    {"BlankInFront", " 1", bad, bad},
    {"BlankBehind", "1 ", bad, bad},
    {"LineEnd", "1\n", bad, bad},
    {"Zeroed", std::string_view("1\0", 2), bad, bad},
    {"OtherDigits", "\xD9\xA1", bad, bad},
};

class PageLimit : public testing::TestWithParam<limit_case> {};

TEST_P(PageLimit, IsTakenOrRefused) {
  for (const bool clamps : {false, true}) {
    const char* const expected = clamps ? GetParam().clamped : GetParam().limit;
    const auto got = read_page({.limit = GetParam().text}, {.clamps = clamps});
    ASSERT_EQ(got.has_value(), expected != bad) << clamps;
    if (got) {
      EXPECT_EQ(std::to_string(got->limit), expected);
    } else {
      EXPECT_EQ(got.error().field, page_field::limit);
      EXPECT_EQ(got.error().message, "Expected a number from 1 to 100");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, PageLimit, testing::ValuesIn(limit_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(PageParameters, HaveTheContractsDefaults) {
  const auto got = read_page({});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->limit, 20u);
  EXPECT_EQ(got->order, order::descending);
  EXPECT_EQ(got->cursor, std::nullopt);
}

TEST(PageParameters, HaveAListsOwnLimits) {
  const page_limits limits = {.limit_default = 5, .limit_max = 4'294'967'295};
  EXPECT_EQ(read_page({}, limits)->limit, 5u);
  EXPECT_EQ(read_page({.limit = "4294967295"}, limits)->limit, 4'294'967'295);
  EXPECT_EQ(read_page({.limit = "4294967296"}, limits).error().message,
            "Expected a number from 1 to 4294967295");
  EXPECT_EQ(read_page({.limit = "2"}, {.limit_max = 1}).error().message,
            "Expected a number from 1 to 1");
  EXPECT_EQ(read_page({.limit = "2"}, {.limit_max = 1, .clamps = true})->limit, 1u);
}

struct order_case {
  const char* name;
  std::string_view text;
  std::optional<order> expected;
};
constexpr order_case order_cases[] = {
    {"Ascending", "asc", order::ascending},
    {"Descending", "desc", order::descending},
    {"Sideways", "sideways", std::nullopt},
    {"Nothing", "", std::nullopt},
    {"Capitals", "ASC", std::nullopt},
    {"Longer", "ascending", std::nullopt},
    {"Shorter", "as", std::nullopt},
    {"Blank", "asc ", std::nullopt},
    {"Zeroed", std::string_view("asc\0", 4), std::nullopt},
};

class PageOrder : public testing::TestWithParam<order_case> {};

TEST_P(PageOrder, IsTakenOrRefused) {
  for (const bool takes_order : {true, false}) {
    for (const order by_default : {order::descending, order::ascending}) {
      const auto got = read_page({.order = GetParam().text},
                                 {.order_default = by_default, .takes_order = takes_order});
      const bool is_taken =
          GetParam().expected && (takes_order || *GetParam().expected == by_default);
      ASSERT_EQ(got.has_value(), is_taken);
      if (got) {
        EXPECT_EQ(got->order, *GetParam().expected);
        continue;
      }
      EXPECT_EQ(got.error().field, page_field::order);
      EXPECT_EQ(got.error().message, takes_order                      ? "Expected asc or desc"
                                     : by_default == order::ascending ? "Expected asc"
                                                                      : "Expected desc");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, PageOrder, testing::ValuesIn(order_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(PageParameters, HaveTheListsOwnOrder) {
  EXPECT_EQ(read_page({}, {.order_default = order::ascending})->order, order::ascending);
  EXPECT_EQ(read_page({.order = "desc"}, {.order_default = order::ascending})->order,
            order::descending);
}

TEST(PageParameters, TheCursorIsPassedOnAsItIs) {
  EXPECT_EQ(read_page({.cursor = "not one"})->cursor, "not one");
  const auto empty = read_page({.cursor = ""});
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().field, page_field::cursor);
  EXPECT_EQ(empty.error().message, "Expected the cursor of a page");
}

TEST(PageParameters, TheFirstThatIsWrongIsTold) {
  EXPECT_EQ(read_page({.limit = "", .order = "", .cursor = ""}).error().field, page_field::limit);
  EXPECT_EQ(read_page({.limit = "1", .order = "", .cursor = ""}).error().field, page_field::order);
  EXPECT_EQ(read_page({.limit = "1", .order = "asc", .cursor = ""}).error().field,
            page_field::cursor);
}

TEST(PageParameters, HaveNames) {
  EXPECT_EQ(to_string(page_field::limit), "limit");
  EXPECT_EQ(to_string(page_field::order), "order");
  EXPECT_EQ(to_string(page_field::cursor), "cursor");
  EXPECT_EQ(to_string(static_cast<page_field>(0)), "unknown");
}

std::string write_page(const std::vector<std::string>& items, const page_meta& meta,
                       std::size_t bytes = 0) {
  page_writer page(bytes);
  for (const std::string& each : items) page.add(each);
  return std::move(page).finish(meta);
}

TEST(PageWriter, WritesTheEnvelope) {
  EXPECT_EQ(write_page({}, {}), R"({"data":[],"meta":{"total_results":0,"page_size":20}})");  // F10
  EXPECT_EQ(write_page({R"({"id":1})"}, {.next = "AQcA-_", .total_results = 42, .page_size = 1}),
            R"({"data":[{"id":1}],"meta":{"cursor":"AQcA-_","total_results":42,"page_size":1}})");
  EXPECT_EQ(write_page({"[", "[]", "1"}, {.total_results = 3, .page_size = 100}, 1000),
            R"({"data":[[,[],1],"meta":{"total_results":3,"page_size":100}})");
  EXPECT_EQ(write_page({"", ""}, {}), R"({"data":[,],"meta":{"total_results":0,"page_size":20}})");
}

TEST(PageWriter, WritesTheLargestNumbers) {
  EXPECT_EQ(
      write_page({}, {.total_results = 18'446'744'073'709'551'615u, .page_size = 4'294'967'295}),
      R"({"data":[],"meta":{"total_results":18446744073709551615,"page_size":4294967295}})");
}

template <class Rows>
class CutPage : public testing::Test {};
using rows_types = testing::Types<std::vector<int>, std::deque<int>>;
TYPED_TEST_SUITE(CutPage, rows_types);

TYPED_TEST(CutPage, LeavesThePageInTheListsOrder) {
  for (const std::size_t limit : {0u, 1u, 2u, 5u}) {
    for (std::size_t fetched = 0; fetched <= limit + 1; ++fetched) {
      TypeParam rows(fetched);
      std::iota(rows.begin(), rows.end(), 1);
      EXPECT_EQ(cut_page(rows, limit, direction::forward), fetched > limit);
      TypeParam expected(std::min(fetched, limit));
      std::iota(expected.begin(), expected.end(), 1);
      EXPECT_EQ(rows, expected);

      // Fetched backward: the one too many is the last fetched, and the first of the list.
      rows.resize(fetched);
      std::iota(rows.begin(), rows.end(), 1);
      EXPECT_EQ(cut_page(rows, limit, direction::backward), fetched > limit);
      EXPECT_EQ(rows, TypeParam(expected.rbegin(), expected.rend()));
    }
  }
}

}  // namespace
}  // namespace parley::cursor
