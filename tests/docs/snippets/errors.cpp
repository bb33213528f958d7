// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/errors.md.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/errors/error_code.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

TEST(Errors, ACodeAndItsRow) {
  const errors::code c = errors::find_code("agent_dispatch_failed");
  const errors::row& row = errors::row_of(c);
  const int status = row.http_status;  // 502
  const auto category = row.category;  // category::provider_error
  const auto hint = row.hint;          // retry_hint::backoff

  EXPECT_EQ(status, 502);
  EXPECT_EQ(category, errors::category::provider_error);
  EXPECT_EQ(hint, errors::retry_hint::backoff);
}

enum class reason : std::uint16_t { scope_missing, demo_key };  // numbers are forever: append
constexpr errors::code scope_missing = errors::own_code(reason::scope_missing);

constexpr std::array own_rows = {
    errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing",
                     "https://docs.example.com/authentication#scopes",
                     "The API key lacks a scope."),
};
constexpr auto rows = errors::merge(errors::built_in_rows, own_rows);
constexpr errors::catalogue_view all = errors::catalogue<rows>();

TEST(Errors, CodesOfYourOwn) {
  std::string body;
  const auto respond = [&](const envelope::error& e) { body = envelope::to_json(e); };
  envelope::parse_options options;
  std::vector<std::string_view> documented;
  const auto document = [&](const errors::row& row) { documented.push_back(row.name); };

  respond(envelope::error(*all.find("scope_missing")));  // a server writes it
  options.catalogue = all;  // envelope::parse knows it, and so does http::guard_options
  for (const errors::row& row : all) document(row);  // all rows, in their order

  const auto received = envelope::parse(body, options);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->code(), scope_missing);
  EXPECT_EQ(documented.size(), 34u);
  EXPECT_EQ(documented.back(), "scope_missing");
}

TEST(Errors, AnErrorCode) {
  int again = 0;
  int others = 0;
  const auto send_again = [&] { ++again; };
  const auto blame_the_provider = [&] { ++others; };
  const auto may_be_retried = [&] { ++others; };

  std::error_code ec = errors::code::agent_dispatch_failed;
  if (ec == errors::retry_hint::backoff) send_again();
  if (ec == errors::category::provider_error) blame_the_provider();
  if (ec == errors::retryable::yes) may_be_retried();

  EXPECT_EQ(again, 1);
  EXPECT_EQ(others, 2);
}

}  // namespace
