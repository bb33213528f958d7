// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/error_code.hpp"

#include <array>
#include <string>
#include <system_error>
#include <type_traits>

#include <gtest/gtest.h>

#include "parley/errors/own_catalogue.hpp"

namespace parley::errors {
namespace {

constexpr std::array own_rows = {
    http_row(own_code(5), 403, retry_hint::never, "scope_missing", "#authentication",
             "The API key lacks a scope."),
    call_row(own_code(6), category::account_limit, 429, retryable::yes, retry_hint::later,
             "quota_used_up", "#account-limit", "The day's calls are used up."),
};
const code_category& own_codes() {
  static const code_category made("own", catalogue<own_rows>());
  return made;
}

TEST(ErrorCode, ConvertsFromEachCodeAndBack) {
  static_assert(std::is_error_code_enum_v<code>);
  for (const row& each : catalogue()) {
    const std::error_code ec = each.code;
    EXPECT_TRUE(ec);
    EXPECT_EQ(ec.value(), static_cast<int>(each.code));
    EXPECT_STREQ(ec.category().name(), "parley.errors");
    EXPECT_EQ(to_code(ec), each.code);
    EXPECT_EQ(ec.message(), row_of(each.code, tier::call).message);
    EXPECT_EQ(ec, each.code);
  }
}

// Zero would read as success.
TEST(ErrorCode, UnknownIsAnError) {
  const std::error_code ec = code::unknown;
  EXPECT_TRUE(ec);
  EXPECT_EQ(to_code(ec), code::unknown);
  EXPECT_EQ(ec.message(), "a code that the catalogue does not hold");
  EXPECT_NE(ec, code::internal_error);
}

TEST(ErrorCode, EveryOtherValueIsAnErrorAndKeepsItsCode) {
  for (int value = 32; value <= 0xFFFF; ++value) {
    const code c{static_cast<std::uint16_t>(value)};
    const std::error_code ec = c;
    ASSERT_TRUE(ec);
    ASSERT_EQ(to_code(ec), c);
  }
  EXPECT_EQ(std::error_code(code{77}).message(), "code 77, not of this catalogue");
}

TEST(ErrorCode, OfAnotherCategoryIsUnknown) {
  EXPECT_EQ(to_code(std::make_error_code(std::errc::timed_out)), code::unknown);
  EXPECT_EQ(to_code(std::error_code()), code::unknown);
  EXPECT_NE(std::error_code(code::busy), std::error_code(16, std::generic_category()));
}

TEST(ErrorCode, EqualsTheConditionsOfItsCallTierRow) {
  constexpr category categories[] = {category::none,          category::invalid_request,
                                     category::account_limit, category::compliance_blocked,
                                     category::unreachable,   category::voicemail,
                                     category::provider_error};
  constexpr retryable retryables[] = {retryable::no, retryable::yes, retryable::unstated};
  constexpr retry_hint hints[] = {retry_hint::never, retry_hint::backoff, retry_hint::later,
                                  retry_hint::new_operation};
  for (const row& each : catalogue()) {
    const std::error_code ec = each.code;
    const row& judged = row_of(each.code, tier::call);
    for (const category c : categories) EXPECT_EQ(ec == c, judged.category == c) << each.name;
    for (const retryable r : retryables) EXPECT_EQ(ec == r, judged.retryable == r) << each.name;
    for (const retry_hint h : hints) EXPECT_EQ(ec == h, judged.hint == h) << each.name;
  }
}

TEST(ErrorCode, EqualsNoConditionWhereItIsNotInTheCatalogue) {
  for (const code c : {code::unknown, own_code(5), code{32}}) {
    const std::error_code ec = c;
    for (int value = 0; value < 8; ++value) {
      EXPECT_NE(ec, category{static_cast<std::uint8_t>(value)}) << value;
      EXPECT_NE(ec, retryable{static_cast<std::uint8_t>(value)}) << value;
      EXPECT_NE(ec, retry_hint{static_cast<std::uint8_t>(value)}) << value;
    }
  }
  EXPECT_NE(std::error_code(), category::none);
  EXPECT_NE(std::make_error_code(std::errc::timed_out), retryable::yes);
  EXPECT_NE(std::error_code(code::busy), std::errc::device_or_resource_busy);
}

TEST(ErrorCode, OfAnOwnCatalogueHasItsRows) {
  const std::error_code ec = own_codes().make(own_code(6));
  EXPECT_STREQ(ec.category().name(), "own");
  EXPECT_EQ(ec.message(), "The day's calls are used up.");
  EXPECT_EQ(ec, category::account_limit);
  EXPECT_EQ(ec, retryable::yes);
  EXPECT_EQ(ec, retry_hint::later);
  EXPECT_EQ(to_code(ec), own_code(6));
  EXPECT_EQ(own_codes().make(own_code(5)), category::none);
  EXPECT_EQ(own_codes().make(own_code(5)), retryable::unstated);
  EXPECT_TRUE(own_codes().make(code::unknown));
  EXPECT_EQ(own_codes().make(code::busy).message(), "code 16, not of this catalogue");
  EXPECT_NE(ec, std::error_code(own_code(6)));  // of another category
}

TEST(ErrorCondition, SaysWhatItIs) {
  const std::error_condition of_category = category::voicemail;
  EXPECT_STREQ(of_category.category().name(), "parley.errors.category");
  EXPECT_EQ(of_category.message(), "voicemail");
  EXPECT_TRUE(std::error_condition(category::none));
  EXPECT_EQ(std::error_condition(category::none).message(), "none");
  EXPECT_STREQ(std::error_condition(retryable::yes).category().name(), "parley.errors.retryable");
  EXPECT_EQ(std::error_condition(retryable::yes).message(), "yes");
  EXPECT_STREQ(std::error_condition(retry_hint::later).category().name(),
               "parley.errors.retry_hint");
  EXPECT_EQ(std::error_condition(retry_hint::later).message(), "later");
  EXPECT_EQ(of_category.category().message(-1), "unknown");
  EXPECT_EQ(of_category.category().message(256 + 5), "unknown");
}

// One address in the whole program, whoever asks.
TEST(ErrorCode, CategoriesAreOneObjectEach) {
  EXPECT_EQ(&std::error_code(code::busy).category(), &built_in_codes());
  EXPECT_EQ(std::error_condition(category::voicemail), std::error_condition(category::voicemail));
  EXPECT_NE(std::error_condition(retryable::no), std::error_condition(retry_hint::never));
}

}  // namespace
}  // namespace parley::errors
