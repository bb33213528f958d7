// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/keyset.hpp"

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace parley::cursor {
namespace {

constexpr auto asc = order::ascending;
constexpr auto desc = order::descending;
constexpr auto forward = direction::forward;
constexpr auto backward = direction::backward;

std::string names_of(const std::vector<bound_value>& binds) {
  std::string made;
  for (const bound_value each : binds) made += each == bound_value::key ? "key " : "id ";
  return made;
}

// In the direction of the fetch: ascending, or not; where the NULLs are then.
struct sql_case {
  const char* name;
  nulls where;
  bool key_is_null;
  order in;
  direction to;
  const char* condition;
  const char* order_by;
  const char* binds;
};
constexpr const char* rows_above = "(key, id) > (?, ?)";
constexpr const char* rows_below = "(key, id) < (?, ?)";
constexpr const char* rows_above_or_null = "((key, id) > (?, ?) OR key IS NULL)";
constexpr const char* rows_below_or_null = "((key, id) < (?, ?) OR key IS NULL)";
constexpr const char* nulls_above = "(key IS NULL AND id > ?)";
constexpr const char* nulls_below = "(key IS NULL AND id < ?)";
constexpr const char* nulls_above_or_not = "((key IS NULL AND id > ?) OR key IS NOT NULL)";
constexpr const char* nulls_below_or_not = "((key IS NULL AND id < ?) OR key IS NOT NULL)";
constexpr const char* up = "key ASC, id ASC";
constexpr const char* down = "key DESC, id DESC";
constexpr const char* up_first = "key ASC NULLS FIRST, id ASC";
constexpr const char* up_last = "key ASC NULLS LAST, id ASC";
constexpr const char* down_first = "key DESC NULLS FIRST, id DESC";
constexpr const char* down_last = "key DESC NULLS LAST, id DESC";

constexpr sql_case sql_cases[] = {
    {"AscForward", nulls::none, false, asc, forward, rows_above, up, "key id "},
    {"AscBackward", nulls::none, false, asc, backward, rows_below, down, "key id "},
    {"DescForward", nulls::none, false, desc, forward, rows_below, down, "key id "},
    {"DescBackward", nulls::none, false, desc, backward, rows_above, up, "key id "},
    {"LowestAscForward", nulls::lowest, false, asc, forward, rows_above, up_first, "key id "},
    {"LowestAscBackward", nulls::lowest, false, asc, backward, rows_below_or_null, down_last,
     "key id "},
    {"LowestDescForward", nulls::lowest, false, desc, forward, rows_below_or_null, down_last,
     "key id "},
    {"LowestDescBackward", nulls::lowest, false, desc, backward, rows_above, up_first, "key id "},
    {"HighestAscForward", nulls::highest, false, asc, forward, rows_above_or_null, up_last,
     "key id "},
    {"HighestAscBackward", nulls::highest, false, asc, backward, rows_below, down_first, "key id "},
    {"HighestDescForward", nulls::highest, false, desc, forward, rows_below, down_first, "key id "},
    {"HighestDescBackward", nulls::highest, false, desc, backward, rows_above_or_null, up_last,
     "key id "},
    {"NullLowestAscForward", nulls::lowest, true, asc, forward, nulls_above_or_not, up_first,
     "id "},
    {"NullLowestAscBackward", nulls::lowest, true, asc, backward, nulls_below, down_last, "id "},
    {"NullLowestDescForward", nulls::lowest, true, desc, forward, nulls_below, down_last, "id "},
    {"NullLowestDescBackward", nulls::lowest, true, desc, backward, nulls_above_or_not, up_first,
     "id "},
    {"NullHighestAscForward", nulls::highest, true, asc, forward, nulls_above, up_last, "id "},
    {"NullHighestAscBackward", nulls::highest, true, asc, backward, nulls_below_or_not, down_first,
     "id "},
    {"NullHighestDescForward", nulls::highest, true, desc, forward, nulls_below_or_not, down_first,
     "id "},
    {"NullHighestDescBackward", nulls::highest, true, desc, backward, nulls_above, up_last, "id "},
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

class KeysetSql : public testing::TestWithParam<sql_case> {
 protected:
  static keyset_sql sql(dialect of, bool is_first, unsigned first_placeholder = 1) {
    const sql_case& at = GetParam();
    return after(
        {.key = "key", .nulls = at.where, .dialect = of, .first_placeholder = first_placeholder},
        {at.key_is_null, at.in, at.to}, is_first);
  }
};

TEST_P(KeysetSql, IsStandard) {
  const keyset_sql made = sql(dialect::standard, false);
  EXPECT_EQ(made.where, GetParam().condition);
  EXPECT_EQ(made.order_by, GetParam().order_by);
  EXPECT_EQ(names_of(made.binds), GetParam().binds);
}

TEST_P(KeysetSql, NumbersPlaceholdersForPostgresql) {
  for (const unsigned first : {1u, 2u, 9u}) {
    const keyset_sql made = sql(dialect::postgresql, false, first);
    std::string expected = GetParam().condition;
    for (unsigned number = first; expected.find('?') != std::string::npos; ++number) {
      expected.replace(expected.find('?'), 1, "$" + std::to_string(number));
    }
    EXPECT_EQ(made.where, expected);
    EXPECT_EQ(made.order_by, GetParam().order_by);
    EXPECT_EQ(names_of(made.binds), GetParam().binds);
  }
}

// Two where rows with NULL follow, or follow those: together they are the condition.
TEST_P(KeysetSql, IsMadeOfRanges) {
  const keyset_sql made = sql(dialect::standard, false);
  const bool has_or = made.where.find(" OR ") != std::string::npos;
  ASSERT_EQ(made.ranges.size(), has_or ? 2u : 1u);
  std::string joined =
      replaced(made.ranges.front(), "key IS NULL AND id > ?", "(key IS NULL AND id > ?)");
  joined = replaced(joined, "key IS NULL AND id < ?", "(key IS NULL AND id < ?)");
  if (has_or) joined = "(" + joined + " OR " + made.ranges.back() + ")";
  EXPECT_EQ(made.where, joined);
  if (has_or) {
    EXPECT_EQ(made.ranges.back().find('?'), std::string::npos) << "all binds are of the first";
  }
}

// MySQL has no NULLS FIRST; `key IS NULL` is 1 for them. Nor does it make a range of a comparison
// of rows.
TEST_P(KeysetSql, IsWrittenOutForMysql) {
  const keyset_sql made = sql(dialect::mysql, false, 5);
  std::string expected = GetParam().order_by;
  if (expected.find(" NULLS FIRST") != std::string::npos) {
    expected = "key IS NULL DESC, " + replaced(expected, " NULLS FIRST", "");
  }
  if (expected.find(" NULLS LAST") != std::string::npos) {
    expected = "key IS NULL ASC, " + replaced(expected, " NULLS LAST", "");
  }
  std::string condition = GetParam().condition;
  for (const std::string sign : {">", "<"}) {
    condition = replaced(condition, "(key, id) " + sign + " (?, ?)",
                         "(key " + sign + "= ? AND (key " + sign + " ? OR id " + sign + " ?))");
  }
  EXPECT_EQ(made.where, condition);
  EXPECT_EQ(made.order_by, expected);
  EXPECT_EQ(names_of(made.binds), GetParam().key_is_null ? "id " : "key key id ");
}

TEST_P(KeysetSql, OfAFirstPageHasNoBound) {
  for (const dialect each : {dialect::standard, dialect::postgresql, dialect::mysql}) {
    const keyset_sql made = sql(each, true);
    EXPECT_EQ(made.where, "1 = 1");
    EXPECT_EQ(made.ranges, std::vector<std::string>{"1 = 1"});
    EXPECT_EQ(made.order_by, sql(each, false).order_by);
    EXPECT_TRUE(made.binds.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(, KeysetSql, testing::ValuesIn(sql_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Keyset, OfTheIdAloneComparesTheId) {
  for (const nulls each : {nulls::none, nulls::lowest, nulls::highest}) {
    const keyset by = {.id = "number", .nulls = each};
    EXPECT_EQ(after(by, {.order = asc}, false).where, "number > ?");
    EXPECT_EQ(after(by, {.order = desc}, false).where, "number < ?");
    EXPECT_EQ(after(by, {.order = desc, .direction = backward}, false).where, "number > ?");
    EXPECT_EQ(after(by, {.order = asc}, false).order_by, "number ASC");
    EXPECT_EQ(names_of(after(by, {.order = asc}, false).binds), "id ");
    EXPECT_EQ(first_page(by, desc).order_by, "number DESC");
    EXPECT_EQ(first_page(by, desc).where, "1 = 1");
  }
}

TEST(Keyset, ReadsThePosition) {
  const keyset by = {.key = "at", .nulls = nulls::highest};
  EXPECT_EQ(after(by, position<std::int64_t, std::int64_t>{1, 2}).where, "(at, id) < (?, ?)");
  using may_be_null = position<std::optional<std::int64_t>, std::int64_t>;
  EXPECT_EQ(after(by, may_be_null{1, 2, asc}).where, "((at, id) > (?, ?) OR at IS NULL)");
  EXPECT_EQ(after(by, may_be_null{std::nullopt, 2, asc}).where, "(at IS NULL AND id > ?)");
  EXPECT_EQ(after(by, may_be_null{std::nullopt, 2, asc, backward}).order_by,
            "at DESC NULLS FIRST, id DESC");
  EXPECT_EQ(after({}, position<null, std::int64_t>{{}, 2, asc}).where, "id > ?");
}

TEST(Keyset, FirstPagesAreForward) {
  const keyset by = {.key = "at"};
  EXPECT_EQ(first_page(by, asc).order_by, "at ASC, id ASC");
  EXPECT_EQ(first_page(by, desc).order_by, "at DESC, id DESC");
}

}  // namespace
}  // namespace parley::cursor
