// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/envelope.md, and what it shows of errors on the wire.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"
#include "parley/errors/catalogue.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

std::vector<std::string> sent;
void respond(int status, std::string_view json) {
  sent.push_back(std::to_string(status));
  sent.emplace_back(json);
}
void respond(int status, std::string_view type, std::string_view json) {
  sent.emplace_back(type);
  respond(status, json);
}

// The guides break lines where the library does not.
std::string on_one_line(std::string_view shown) {
  std::string made;
  bool is_indent = false;
  for (const char c : shown) {
    if (c == '\n') is_indent = true;
    if (c != '\n' && !(is_indent && c == ' ')) {
      is_indent = false;
      made += c;
    }
  }
  return made;
}

TEST(Envelope, IsMadeSentAndRead) {
  sent.clear();
  const int status = 403;
  const std::string body =
      R"({"error":{"code":"no_consent","category":"compliance_blocked","message":"No."}})";
  int stopped = 0;
  const auto stop_calling = [&] { ++stopped; };

  const auto refusal = envelope::error(errors::code::validation_error)
                           .with_message("caller_id must be E.164 format")
                           .with_field("caller_id", "Expected +<country><number>");
  respond(refusal.http_status(), envelope::to_json(refusal));

  const auto answer = envelope::read_response(status, body);  // what another server sent
  if (answer.code() == errors::code::no_consent) stop_calling();

  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(sent, (std::vector<std::string>{
                      "400",
                      R"({"error":{"code":"validation_error",)"
                      R"("message":"caller_id must be E.164 format",)"
                      R"("fields":{"caller_id":"Expected +<country><number>"}}})",
                  }));
}

TEST(Envelope, HasTheseMembers) {
  const std::string_view shown = R"(
    {"error":{"code":"...","category":"...","message":"...","doc_url":"...","fields":{"...":"..."}}}
  )";
  std::string made = envelope::to_json(
      envelope::error(errors::code::no_consent).with_message("...").with_field("...", "..."));
  const errors::row& row = errors::row_of(errors::code::no_consent);
  for (const std::string_view text :
       {row.name, errors::to_string(row.category), envelope::error(row).doc_url()}) {
    const std::string quoted = '"' + std::string(text) + '"';
    ASSERT_NE(made.find(quoted), made.npos) << made;
    made.replace(made.find(quoted), quoted.size(), "\"...\"");
  }
  std::string expected = on_one_line(shown);
  expected.erase(expected.find_last_not_of(' ') + 1);
  EXPECT_EQ(made, expected);
}

TEST(Envelope, IsAProblemToo) {
  sent.clear();
  const auto refusal = envelope::error(errors::code::validation_error)
                           .with_message("caller_id must be E.164 format")
                           .with_field("caller_id", "Expected +<country><number>");
  const std::string_view shown = R"(
    {"type":"https://api.example/problems/validation_error",
     "title":"Request body or parameters are invalid.","status":400,
     "detail":"caller_id must be E.164 format","code":"validation_error",
     "fields":{"caller_id":"Expected +<country><number>"}}
  )";
  std::string expected = on_one_line(shown);
  const std::string& body = expected;

  const envelope::problem_options own_types{.type_base = "https://api.example/problems/"};
  respond(refusal.http_status(), envelope::problem_media_type,
          envelope::to_problem(refusal, own_types));

  const auto received = envelope::parse_problem(body, own_types);  // result<error, parse_failure>

  ASSERT_TRUE(received);
  EXPECT_EQ(*received, refusal);
  EXPECT_EQ(sent, (std::vector<std::string>{"application/problem+json", "400", expected}));
}

}  // namespace
