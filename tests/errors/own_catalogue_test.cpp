// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/own_catalogue.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "errors/made_rows.hpp"
#include "support/allocations.hpp"

namespace parley::errors {
namespace {

enum class reason : std::uint16_t { scope_missing = 0, demo_key = 7, line_cut = 999 };

constexpr std::array own_rows = {
    http_row(own_code(reason::scope_missing), 403, retry_hint::never, "scope_missing",
             "#authentication", "The API key lacks a scope."),
    call_row(own_code(reason::demo_key), category::account_limit, 403, retryable::no,
             retry_hint::never, "demo_key", "https://example.com/errors#demo-key",
             "A demo key cannot place calls."),
    http_row(own_code(reason::demo_key), 401, retry_hint::never, "demo_key", "#authentication",
             "A demo key cannot read this."),
    async_row(own_code(reason::line_cut), category::unreachable, retryable::yes,
              retry_hint::new_operation, "line_cut", "#unreachable", "The line was cut."),
};
constexpr auto merged_rows = merge(built_in_rows, own_rows);

constexpr catalogue_view own = catalogue<own_rows>();
constexpr catalogue_view merged = catalogue<merged_rows>();

// Names of each size that is a limit: 1, words of 3, 4, 7, 8, 16, 24, 25, 32 and 64 bytes, and long
// ones that differ in one byte that no word at the ends holds.
constexpr std::string_view sizes[] = {
    "a",
    "ab",
    "abc",
    "abcd",
    "abcdefg",
    "abcdefgh",
    "abcdefghijklmnop",
    "abcdefghijklmnopq",
    "abcdefghijklmnopqrstuvwx",
    "abcdefghijklmnopqrstuvwxy",
    "abcdefghijklmnopqrstuvwxyzabcdef",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
    "abcdefghijklmnopqXstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyXabcdefghijkl",
};
consteval auto make_sized_names() {
  std::array<std::array<char, 64>, std::size(sizes)> names{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < sizes[i].size(); ++j) {
      names[i][j] = sizes[i][j] == 'X' ? '0' : sizes[i][j];
    }
  }
  return names;
}
constexpr auto sized_names = make_sized_names();
consteval auto make_sized_rows() {
  std::array<row, std::size(sizes)> rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = http_row(own_code(static_cast<std::uint16_t>(i)), 400, retry_hint::never,
                       {sized_names[i].data(), sizes[i].size()}, "#made", "Made for a test.");
  }
  return rows;
}
constexpr auto sized_rows = make_sized_rows();

constexpr std::array one_row = {http_row(own_code(3), 599, retry_hint::later, "only", "#a", "x")};
constexpr auto merged_1031 = merge(built_in_rows, made_rows<1000>);

// The most that there can be: each own code in both tiers, with the longest names, which differ
// where no word at the ends looks.
consteval auto make_longest_names() {
  std::array<std::array<char, 64>, own_codes_max> names{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (char& c : names[i]) c = 'a';
    names[i][20] = static_cast<char>('a' + i % 10);
    names[i][30] = static_cast<char>('a' + i / 10 % 10);
    names[i][44] = static_cast<char>('a' + i / 100);
  }
  return names;
}
constexpr auto longest_names = make_longest_names();
consteval auto make_largest_rows() {
  std::array<row, 2 * own_codes_max> rows;
  for (std::size_t i = 0; i < own_codes_max; ++i) {
    const code c = own_code(static_cast<std::uint16_t>(i));
    const std::string_view name(longest_names[i].data(), longest_names[i].size());
    rows[i] = call_row(c, category::voicemail, 400, retryable::no, retry_hint::never, name, "#made",
                       "Made for a test.");
    rows[own_codes_max + i] =
        http_row(c, 500, retry_hint::never, name, "#made", "Made for a test.");
  }
  return rows;
}
constexpr auto largest_rows = make_largest_rows();
constexpr auto largest_merged = merge(built_in_rows, largest_rows);

struct table_case {
  const char* name;
  catalogue_view catalogue;
  std::span<const row> rows;
};
const table_case tables[] = {
    {"BuiltIn", catalogue_view(), built_in_rows},
    {"BuiltInRowsAsOnesOwn", catalogue<built_in_rows>(), built_in_rows},
    {"Own", own, own_rows},
    {"Merged", merged, merged_rows},
    {"One", catalogue<one_row>(), one_row},
    {"Sizes", catalogue<sized_rows>(), sized_rows},
    {"Own300", catalogue<made_rows<300>>(), made_rows<300>},
    {"Own1000", catalogue<made_rows<1000>>(), made_rows<1000>},
    {"Merged1031", catalogue<merged_1031>(), merged_1031},
    {"Largest", catalogue<largest_merged>(), largest_merged},
};
class EachCatalogue : public testing::TestWithParam<table_case> {
 protected:
  const catalogue_view catalogue_ = GetParam().catalogue;

  // From a block of exactly the size of the name, so that AddressSanitizer sees a read past it.
  const row* find_exact(std::string_view name, tier wanted = tier::http) const {
    const std::unique_ptr<char[]> exact(new char[name.size()]);
    name.copy(exact.get(), name.size());
    return catalogue_.find({exact.get(), name.size()}, wanted);
  }
};

TEST_P(EachCatalogue, IsARangeOfItsRows) {
  ASSERT_EQ(catalogue_.size(), GetParam().rows.size());
  EXPECT_FALSE(catalogue_.empty());
  std::size_t i = 0;
  for (const row& each : catalogue_) {
    EXPECT_EQ(each.name, GetParam().rows[i].name);
    EXPECT_EQ(each.message, GetParam().rows[i].message);
    EXPECT_EQ(&each, &catalogue_[i]);
    ++i;
  }
  EXPECT_EQ(i, catalogue_.size());
  const std::span<const row> as_span = catalogue_;
  EXPECT_EQ(as_span.data(), catalogue_.data());
  static_assert(std::ranges::contiguous_range<catalogue_view>);
  static_assert(std::ranges::borrowed_range<catalogue_view>);
}

TEST_P(EachCatalogue, FindsEachRowByNameAndByCode) {
  for (const row& each : catalogue_) {
    ASSERT_EQ(find_exact(each.name, each.tier), &each) << each.name;
    ASSERT_EQ(catalogue_.find(each.code, each.tier), &each) << each.name;
    ASSERT_EQ(&catalogue_.row_of(each.code, each.tier), &each) << each.name;
    ASSERT_EQ(catalogue_.find_code(each.name), each.code);
    ASSERT_EQ(catalogue_.name_of(each.code), each.name);
    const tier other = each.tier == tier::http ? tier::call : tier::http;
    const row* const in_other = find_exact(each.name, other);
    ASSERT_NE(in_other, nullptr);
    ASSERT_EQ(in_other->code, each.code);
    ASSERT_EQ(in_other, catalogue_.find(each.code, other));
  }
}

// Every name that differs from one of the catalogue in one byte is another of it, or none.
TEST_P(EachCatalogue, RefusesEveryChangeOfOneByteAndEveryCut) {
  std::set<std::string_view> names;
  for (const row& each : catalogue_) names.insert(each.name);
  const auto expect_refused = [&](const std::string& changed) {
    if (names.contains(changed)) return true;
    return find_exact(changed) == nullptr && catalogue_.find_code(changed) == code::unknown;
  };
  for (const std::string_view name : names) {
    std::string changed(name);
    for (char& c : changed) {
      const char kept = c;
      for (const int bit : {0x01, 0x20, 0x80, 0xFF}) {
        c = static_cast<char>(kept ^ bit);
        ASSERT_TRUE(expect_refused(changed)) << changed;
      }
      c = kept;
    }
    for (std::size_t size = 0; size < name.size(); ++size) {
      ASSERT_TRUE(expect_refused(std::string(name.substr(0, size)))) << name << ' ' << size;
      ASSERT_TRUE(expect_refused(std::string(name.substr(name.size() - size)))) << name;
    }
    ASSERT_TRUE(expect_refused(std::string(name) + '\0')) << name;
    ASSERT_TRUE(expect_refused(std::string(name) + "_")) << name;
  }
}

TEST_P(EachCatalogue, AnswersForEveryValueOfACode) {
  std::set<code> codes;
  for (const row& each : catalogue_) codes.insert(each.code);
  for (int value = 0; value <= 0xFFFF; ++value) {
    const code c{static_cast<std::uint16_t>(value)};
    const row* const found = catalogue_.find(c);
    ASSERT_EQ(found != nullptr, codes.contains(c)) << value;
    if (found == nullptr) {
      ASSERT_EQ(&catalogue_.row_of(c), &errors::row_of(code::internal_error, tier::http)) << value;
      ASSERT_EQ(catalogue_.name_of(c), "unknown") << value;
    } else {
      ASSERT_EQ(found->code, c);
    }
  }
}

TEST_P(EachCatalogue, RefusesWhatIsNoName) {
  EXPECT_EQ(catalogue_.find(std::string_view()), nullptr);
  EXPECT_EQ(find_exact(""), nullptr);
  EXPECT_EQ(find_exact("unknown"), nullptr);
  EXPECT_EQ(find_exact(std::string(10'000'000, 'a')), nullptr);
  for (std::size_t size = 1; size <= 70; ++size) {
    EXPECT_EQ(find_exact(std::string(size, '\0')), nullptr) << size;
    EXPECT_EQ(find_exact(std::string(size, 'z')), nullptr) << size;
  }
}

TEST_P(EachCatalogue, FindsWithoutAllocation) {
  const std::size_t before = testing_support::allocations();
  std::size_t found = 0;
  for (const row& each : catalogue_) {
    found += catalogue_.find(each.name) != nullptr;
    found += catalogue_.find(each.code) != nullptr;
    found += catalogue_.find_code(each.doc_anchor) == code::unknown;
  }
  const std::size_t after = testing_support::allocations();
  EXPECT_EQ(found, 3 * catalogue_.size());
  EXPECT_EQ(after, before);
}

INSTANTIATE_TEST_SUITE_P(, EachCatalogue, testing::ValuesIn(tables),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(OwnCode, IsAValueThatIsNeverBuiltIn) {
  EXPECT_EQ(static_cast<int>(own_code(0)), 0x8000);
  EXPECT_EQ(static_cast<int>(own_code(999)), 0x8000 + 999);
  EXPECT_EQ(own_code(reason::demo_key), own_code(7));
  for (int value = 0; value <= 0xFFFF; ++value) {
    const code c{static_cast<std::uint16_t>(value)};
    ASSERT_EQ(is_built_in(c), value >= 1 && value <= 31) << value;
    ASSERT_EQ(is_own(c), value >= 0x8000 && value < 0x8000 + 1000) << value;
    if (is_own(c)) {
      ASSERT_EQ(own_code(own_number(c)), c);
    }
  }
}

TEST(OwnCode, HasNoNameOutsideItsCatalogue) {
  EXPECT_EQ(to_string(own_code(reason::scope_missing)), "unknown");
  EXPECT_EQ(merged.name_of(own_code(reason::scope_missing)), "scope_missing");
  EXPECT_EQ(own.name_of(code::busy), "unknown");
  EXPECT_EQ(merged.name_of(code::busy), "busy");
}

TEST(OwnCatalogue, TellsTiersApart) {
  EXPECT_EQ(own.find("demo_key", tier::call)->http_status, 403);
  EXPECT_EQ(own.find("demo_key", tier::http)->http_status, 401);
  EXPECT_EQ(own.find("demo_key")->http_status, 401);
  EXPECT_EQ(own.find("scope_missing", tier::call)->tier, tier::http);
  EXPECT_EQ(own.find("line_cut", tier::http)->delivery, delivery::async);
  // As row_of() does: what is no tier is the call tier.
  EXPECT_EQ(own.find("demo_key", tier{9})->http_status, 403);
}

TEST(OwnCatalogue, DefaultIsTheBuiltInOne) {
  constexpr catalogue_view constant;
  EXPECT_EQ(constant.data(), catalogue().data());
  EXPECT_EQ(catalogue_view().data(), catalogue().data());
  EXPECT_EQ(catalogue().find(code::busy), &row_of(code::busy));
}

// A user's rows beside the built-in ones change nothing of these.
TEST(OwnCatalogue, MergedHoldsTheBuiltInRowsUnchanged) {
  ASSERT_EQ(merged.size(), 33u + own_rows.size());
  for (std::size_t i = 0; i < 33; ++i) {
    EXPECT_EQ(merged[i].code, catalogue()[i].code);
    EXPECT_EQ(merged[i].http_status, catalogue()[i].http_status);
    EXPECT_EQ(merged[i].message, catalogue()[i].message);
  }
  EXPECT_EQ(merged.find_code("scope_missing"), own_code(reason::scope_missing));
  EXPECT_EQ(catalogue().find_code("scope_missing"), code::unknown);
}

// Both sides of what a name may be.
TEST(SnakeCase, IsLettersDigitsAndSingleUnderscores) {
  for (const std::string_view name : {"a", "a1", "a_b", "a_b2", "not_found", "e164_invalid"}) {
    EXPECT_TRUE(detail::is_snake_case(name)) << name;
  }
  for (const std::string_view name : {"", "_", "_a", "a_", "a__b", "aB", "A", "1a", "a_1", "a-b",
                                      "a b", "a.b", "\xC3\xA9t\xC3\xA9"}) {
    EXPECT_FALSE(detail::is_snake_case(name)) << name;
  }
}

struct rule_case {
  const char* name;
  void (*change)(row&);
  detail::rule broken;
};
using detail::rule;
const rule_case rule_cases[] = {
    {"Nothing", [](row&) {}, rule::none},
    {"NameEmpty", [](row& r) { r.name = ""; }, rule::name_empty},
    {"Name64", [](row& r) { r.name = sizes[12]; }, rule::none},
    {"Name65",
     [](row& r) { r.name = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm"; },
     rule::name_too_long},
    {"NameUpper", [](row& r) { r.name = "Not_found"; }, rule::name_not_snake_case},
    {"Status399", [](row& r) { r.http_status = 399; }, rule::sync_without_status},
    {"Status400", [](row& r) { r.http_status = 400; }, rule::none},
    {"Status599", [](row& r) { r.http_status = 599; }, rule::none},
    {"Status600", [](row& r) { r.http_status = 600; }, rule::sync_without_status},
    {"StatusNone", [](row& r) { r.http_status = 0; }, rule::sync_without_status},
    {"AsyncWithStatus", [](row& r) { r.delivery = delivery::async; }, rule::async_with_status},
    {"AsyncWithout",
     [](row& r) {
       r.delivery = delivery::async;
       r.http_status = 0;
     },
     rule::none},
    {"AsyncInHttpTier",
     [](row& r) {
       r = {r.code,          tier::http, category::none, 0,        retryable::unstated, r.hint,
            delivery::async, r.name,     r.doc_anchor,   r.message};
     },
     rule::async_in_http_tier},
    {"CallTierWithoutCategory", [](row& r) { r.category = category::none; },
     rule::call_tier_without_category},
    {"HttpTierWithCategory", [](row& r) { r.tier = tier::http; }, rule::http_tier_with_category},
    {"RetryableYesHintNever", [](row& r) { r.retryable = retryable::yes; },
     rule::hint_against_retryable},
    {"RetryableNoHintLater", [](row& r) { r.hint = retry_hint::later; },
     rule::hint_against_retryable},
    {"RetryableUnstatedHintNever", [](row& r) { r.retryable = retryable::unstated; }, rule::none},
    {"CodeUnknown", [](row& r) { r.code = code::unknown; }, rule::code_unknown},
    {"CodeAfterTheLast", [](row& r) { r.code = code{32}; }, rule::code_reserved},
    {"CodeBeforeOwn", [](row& r) { r.code = code{0x7FFF}; }, rule::code_reserved},
    {"CodeAfterOwn", [](row& r) { r.code = code{0x8000 + 1000}; }, rule::code_reserved},
    {"TierZero", [](row& r) { r.tier = tier{0}; }, rule::value_outside_enum},
    {"TierThree", [](row& r) { r.tier = tier{3}; }, rule::value_outside_enum},
    {"CategorySeven", [](row& r) { r.category = category{7}; }, rule::value_outside_enum},
    {"DeliveryZero", [](row& r) { r.delivery = delivery{0}; }, rule::value_outside_enum},
    {"RetryableZero", [](row& r) { r.retryable = retryable{0}; }, rule::value_outside_enum},
    {"RetryableFour", [](row& r) { r.retryable = retryable{4}; }, rule::value_outside_enum},
    {"HintZero", [](row& r) { r.hint = retry_hint{0}; }, rule::value_outside_enum},
    {"HintFive", [](row& r) { r.hint = retry_hint{5}; }, rule::value_outside_enum},
    {"AnchorEmpty", [](row& r) { r.doc_anchor = ""; }, rule::anchor_not_a_link},
    {"AnchorBare", [](row& r) { r.doc_anchor = "invalid-request"; }, rule::anchor_not_a_link},
    {"AnchorAddress", [](row& r) { r.doc_anchor = "https://a.example/#b"; }, rule::none},
    {"MessageEmpty", [](row& r) { r.message = ""; }, rule::message_empty},
};

class RowBreaks : public testing::TestWithParam<rule_case> {};

TEST_P(RowBreaks, TheRuleThatItBreaks) {
  row changed = call_row(own_code(1), category::invalid_request, 400, retryable::no,
                         retry_hint::never, "made_up", "#invalid-request", "Made up.");
  GetParam().change(changed);
  EXPECT_EQ(detail::broken_rule(changed), GetParam().broken);
}

INSTANTIATE_TEST_SUITE_P(, RowBreaks, testing::ValuesIn(rule_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::errors
