// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope/error.hpp"

#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::envelope {
namespace {

using errors::category;
using errors::code;
using errors::tier;
using testing::ElementsAre;

static_assert(std::is_nothrow_move_constructible_v<error>);
static_assert(std::is_nothrow_move_assignable_v<error>);
static_assert(std::is_nothrow_constructible_v<error, code>);
static_assert(!std::is_convertible_v<code, error>);

TEST(Error, SaysWhatTheCatalogueSays) {
  for (const errors::row& row : errors::catalogue()) {
    const error made(row.code, row.tier);
    SCOPED_TRACE(row.name);
    EXPECT_EQ(made.code(), row.code);
    EXPECT_EQ(made.category(), row.category);
    EXPECT_EQ(made.http_status(), row.http_status);
    EXPECT_EQ(made.code_name(), row.name);
    EXPECT_EQ(made.category_name(), errors::to_string(row.category));
    EXPECT_EQ(made.message(), row.message);
    const std::string url = std::string(errors::doc_base_url) + std::string(row.doc_anchor);
    EXPECT_EQ(made.doc_url(), row.tier == tier::call ? url : "");
    EXPECT_TRUE(made.fields().empty());
  }
}

TEST(Error, TierDecidesOnlyWhereACodeHasTwo) {
  EXPECT_EQ(error(code::rate_limited).category(), category::none);
  EXPECT_EQ(error(code::rate_limited, tier::call).category(), category::account_limit);
  EXPECT_EQ(error(code::busy, tier::http), error(code::busy, tier::call));
  EXPECT_EQ(error(code::not_found, tier::call), error(code::not_found, tier::http));
}

TEST(Error, OfAnUnknownCodeIsAnInternalError) {
  const error expected(code::internal_error, tier::http);
  EXPECT_EQ(error(code::unknown), expected);
  EXPECT_EQ(error(code{999}), expected);
  EXPECT_EQ(error(code::unknown).code(), code::internal_error);
  EXPECT_EQ(error(code::unknown).http_status(), 500);
}

TEST(Error, TakesAMessageOfItsOwn) {
  error made(code::busy);
  made.with_message("other");
  EXPECT_EQ(made.message(), "other");
  made.with_message("");
  EXPECT_EQ(made.message(), "");
}

TEST(Error, KeepsTheOrderOfFieldsAndTheLaterExplanation) {
  const error made = error(code::validation_error)
                         .with_field("b", "first")
                         .with_field("a", "second")
                         .with_field("b", "third")
                         .with_field("", "no name");
  EXPECT_THAT(made.fields(),
              ElementsAre(field{"b", "third"}, field{"a", "second"}, field{"", "no name"}));
}

// G14: off by default in the HTTP tier, always there in the call tier.
TEST(Error, WritesADocUrlInTheHttpTierOnlyOnRequest) {
  EXPECT_EQ(error(code::validation_error).doc_url(), "");
  EXPECT_EQ(error(code::validation_error).with_doc_url().doc_url(),
            "https://docs.revdesk.com/api-reference/errors#http-and-authentication-errors");
  EXPECT_EQ(error(code::busy).with_doc_url(), error(code::busy));
  EXPECT_EQ(error(code::busy).with_doc_url("https://example.com/e").doc_url(),
            "https://example.com/e");
  EXPECT_EQ(error(code::busy).with_doc_url("").doc_url(), "");
}

// G29: a status that no code names.
TEST(Error, TakesAnotherStatus) {
  const error made = error(code::validation_error).with_http_status(405);
  EXPECT_EQ(made.http_status(), 405);
  EXPECT_EQ(made.code(), code::validation_error);
  EXPECT_EQ(error(code::busy).with_http_status(100).http_status(), 100);
  EXPECT_EQ(error(code::busy).with_http_status(999).http_status(), 999);
}

#if !defined(NDEBUG) && GTEST_HAS_DEATH_TEST
TEST(ErrorDeathTest, RefusesWhatIsNoStatus) {
  EXPECT_DEATH(error(code::busy).with_http_status(99), "status");
  EXPECT_DEATH(error(code::busy).with_http_status(1000), "status");
}
#endif

TEST(Error, WorksAsAnLvalueToo) {
  error made(code::validation_error);
  made.with_message("m").with_field("f", "e").with_doc_url("d").with_http_status(415);
  EXPECT_EQ(made, error(code::validation_error)
                      .with_message("m")
                      .with_field("f", "e")
                      .with_doc_url("d")
                      .with_http_status(415));
  made.with_doc_url();
  EXPECT_EQ(made.doc_url(),
            "https://docs.revdesk.com/api-reference/errors#http-and-authentication-errors");
}

TEST(Error, EqualityLooksAtEveryMemberAndTheStatus) {
  const error base(code::validation_error);
  EXPECT_EQ(base, error(code::validation_error));
  EXPECT_EQ(base, error(code::validation_error).with_message(std::string(base.message())));
  EXPECT_NE(base, error(code::not_found));
  EXPECT_NE(base, error(code::validation_error).with_message("other"));
  EXPECT_NE(base, error(code::validation_error).with_doc_url());
  EXPECT_NE(base, error(code::validation_error).with_field("a", "b"));
  EXPECT_NE(base, error(code::validation_error).with_http_status(405));
  EXPECT_NE(error(code::internal_error, tier::call), error(code::internal_error, tier::http));
}

TEST(Error, CopiesAreIndependent) {
  const error first = error(code::busy).with_message("a").with_field("f", "e");
  error second = first;
  second.with_message("b").with_field("f", "x");
  EXPECT_EQ(first.message(), "a");
  EXPECT_EQ(first.fields().front().explanation, "e");
}

TEST(ErrorView, OfARowHoldsWhatItsTierDemands) {
  for (const errors::row& row : errors::catalogue()) {
    const error_view view = view_of(row);
    const error made(row.code, row.tier);
    EXPECT_EQ(view.code, made.code_name());
    EXPECT_EQ(view.category, made.category_name());
    EXPECT_EQ(view.message, made.message());
    EXPECT_EQ(view.doc_url, made.doc_url());
    EXPECT_TRUE(view.fields.empty());
  }
}

TEST(ToError, IsWhatTheParserMakesOfTheSameWords) {
  for (const errors::row& row : errors::catalogue()) {
    error_view said = view_of(row);
    EXPECT_EQ(to_error(said), *parse(to_json(said))) << row.name;
    EXPECT_EQ(to_error(said).code(), row.code);
    EXPECT_EQ(to_error(said).http_status(), 0);
    said.message = "m";
    said.doc_url = "u";
    EXPECT_EQ(to_error(said), *parse(to_json(said))) << row.name;
  }
  const error foreign = to_error({"scope_missing", "key", "m", "", {}});
  EXPECT_EQ(foreign.code(), code::unknown);
  EXPECT_EQ(foreign,
            *parse(R"({"error":{"code":"scope_missing","category":"key","message":"m"}})"));
}

TEST(ToError, KeepsOneOfEachNameAndAnyBytes) {
  const field_view fields[] = {{"b", "1"}, {"\xFF", "2"}, {"b", "3"}, {"a", "4"}};
  const error made = to_error({"x", "", "\xFE", "", fields});
  EXPECT_EQ(made.message(), "\xFE");
  EXPECT_EQ(made.fields(), (std::vector<field>{{"b", "3"}, {"\xFF", "2"}, {"a", "4"}}));
}

TEST(ToError, OwnsItsTexts) {
  std::string code = "a code of another server", message = "a message of its own";
  const error made = to_error({code, "", message, "", {}});
  code.assign(code.size(), '#');
  message.assign(message.size(), '#');
  EXPECT_EQ(made.code_name(), "a code of another server");
  EXPECT_EQ(made.message(), "a message of its own");
}

TEST(Errc, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view names[] = {"unknown",  "empty_body", "too_large",
                                        "not_json", "too_deep",   "not_envelope"};
  for (int value = 0; value < 256; ++value) {
    const auto name = to_string(errc{static_cast<std::uint8_t>(value)});
    EXPECT_EQ(name, value < 6 ? names[value] : "unknown");
  }
  EXPECT_EQ(to_string(errc::empty_body), "empty_body");
  EXPECT_EQ(to_string(errc::too_large), "too_large");
  EXPECT_EQ(to_string(errc::not_json), "not_json");
  EXPECT_EQ(to_string(errc::too_deep), "too_deep");
  EXPECT_EQ(to_string(errc::not_envelope), "not_envelope");
}

}  // namespace
}  // namespace parley::envelope
