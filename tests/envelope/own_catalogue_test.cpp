// SPDX-License-Identifier: Apache-2.0
//
// Errors of a user's own catalogue, written and read.

#include "parley/errors/own_catalogue.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "parley/envelope/error.hpp"

namespace parley::envelope {
namespace {

constexpr errors::code scope_missing = errors::own_code(0);
constexpr errors::code quota_used_up = errors::own_code(1);

constexpr std::array own_rows = {
    errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
                     "#authentication", "The API key lacks a \"scope\"."),
    errors::call_row(quota_used_up, errors::category::account_limit, 429, errors::retryable::yes,
                     errors::retry_hint::later, "quota_used_up", "https://a.example/errors#quota",
                     "The day's calls are used up."),
};
constexpr auto merged_rows = errors::merge(errors::built_in_rows, own_rows);
constexpr errors::catalogue_view merged = errors::catalogue<merged_rows>();

parse_options with_merged() {
  parse_options options;
  options.catalogue = merged;
  return options;
}

TEST(OwnCatalogue, WritesARowOfTheHttpTier) {
  const error made(*merged.find("scope_missing"));
  EXPECT_EQ(made.code(), scope_missing);
  EXPECT_EQ(made.http_status(), 403);
  EXPECT_EQ(to_json(made),
            R"({"error":{"code":"scope_missing","message":"The API key lacks a \"scope\"."}})");
  EXPECT_EQ(error(made).with_doc_url().doc_url(),
            "https://docs.revdesk.com/api-reference/errors#authentication");
}

TEST(OwnCatalogue, WritesARowOfTheCallTier) {
  const error made(merged.row_of(quota_used_up));
  EXPECT_EQ(made.category(), errors::category::account_limit);
  EXPECT_EQ(to_json(made), R"({"error":{"code":"quota_used_up","category":"account_limit",)"
                           R"("message":"The day's calls are used up.",)"
                           R"("doc_url":"https://a.example/errors#quota"}})");
  EXPECT_EQ(error(made).with_doc_url("").with_doc_url().doc_url(),
            "https://a.example/errors#quota");
}

TEST(OwnCatalogue, BuiltInRowsSayWhatTheirCodesSay) {
  for (const errors::row& each : errors::catalogue()) {
    EXPECT_EQ(error(each), error(each.code, each.tier)) << each.name;
    EXPECT_EQ(error(each).with_doc_url(), error(each.code, each.tier).with_doc_url()) << each.name;
    EXPECT_EQ(to_json(error(each)), to_json(view_of(each))) << each.name;
  }
}

// A catalogue that gives a built-in code another row: in another tier, with other text.
TEST(OwnCatalogue, RowDecidesOverTheBuiltInOne) {
  const errors::row in_call_tier = errors::call_row(
      errors::code::not_found, errors::category::invalid_request, 410, errors::retryable::no,
      errors::retry_hint::never, "not_found", "#gone", "The number is gone.");
  EXPECT_EQ(to_json(error(in_call_tier)),
            R"({"error":{"code":"not_found","category":"invalid_request",)"
            R"("message":"The number is gone.",)"
            R"("doc_url":"https://docs.revdesk.com/api-reference/errors#gone"}})");
  EXPECT_EQ(error(in_call_tier).http_status(), 410);
  const errors::row in_http_tier =
      errors::http_row(errors::code::no_consent, 403, errors::retry_hint::never, "no_consent",
                       "#gone", "No consent.");
  EXPECT_EQ(to_json(error(in_http_tier)),
            R"({"error":{"code":"no_consent","message":"No consent."}})");
}

TEST(OwnCatalogue, ViewIsOfTheRow) {
  EXPECT_EQ(to_json(view_of(own_rows[0])), to_json(error(own_rows[0])));
  EXPECT_EQ(to_json(view_of(own_rows[1])), to_json(error(own_rows[1])));
}

TEST(OwnCatalogue, RowWithoutACodeKeepsItsNameAndStatus) {
  const errors::row unknown =
      errors::http_row(errors::code::unknown, 418, errors::retry_hint::never, "teapot", "#t", "T.");
  EXPECT_EQ(to_json(error(unknown)), R"({"error":{"code":"teapot","message":"T."}})");
}

TEST(OwnCatalogue, ReadsItsCodes) {
  for (const errors::row& each : merged) {
    const auto read = parse(to_json(error(each)), with_merged());
    ASSERT_TRUE(read) << each.name;
    EXPECT_EQ(read->code(), each.code) << each.name;
    EXPECT_EQ(read->code_name(), each.name);
    EXPECT_EQ(read->category(), each.category) << each.name;
    EXPECT_EQ(to_json(*read), to_json(error(each)));
    EXPECT_EQ(error(*read).with_doc_url().doc_url(), error(each).with_doc_url().doc_url());
  }
}

TEST(OwnCatalogue, CodesAreUnknownWithoutIt) {
  const std::string body = to_json(error(*merged.find("scope_missing")));
  const auto read = parse(body);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code(), errors::code::unknown);
  EXPECT_EQ(read->code_name(), "scope_missing");
  EXPECT_EQ(to_json(*read), body);
}

// A catalogue without the built-in rows takes built-in names for unknown ones, and keeps them.
TEST(OwnCatalogue, AloneDoesNotKnowTheBuiltInCodes) {
  parse_options options;
  options.catalogue = errors::catalogue<own_rows>();
  const auto read = parse(R"({"error":{"code":"not_found","message":"m"}})", options);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code(), errors::code::unknown);
  EXPECT_EQ(read->code_name(), "not_found");
}

}  // namespace
}  // namespace parley::envelope
