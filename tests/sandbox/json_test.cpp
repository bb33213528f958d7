// SPDX-License-Identifier: Apache-2.0
#include "sandbox/json.hpp"

#include <string>

#include <gtest/gtest.h>

namespace parley::sandbox {
namespace {

// What a body of the dial route gives: the numbers, or the envelope.
std::string dial(std::string_view body, const dial_names& route = dial_route_names) {
  const auto parsed = parse_dial(body, route);
  if (!parsed) return envelope::to_json(parsed.error());
  return parsed->from_number + ">" + parsed->to_number + " " +
         std::string(parsed->names.destination);
}

constexpr std::string_view good = "+14155551234>+14155556789 ";

struct dial_case {
  const char* name;
  std::string body;
  std::string_view code;    // empty: accepted
  std::string fields = "";  // as JSON
};

class ParseDial : public testing::TestWithParam<dial_case> {};

TEST_P(ParseDial, AsTheContractSettles) {
  const dial_case& each = GetParam();
  const std::string got = dial(each.body);
  if (each.code.empty()) {
    EXPECT_TRUE(got.starts_with(good)) << got;
    return;
  }
  EXPECT_TRUE(got.starts_with(R"({"error":{"code":")" + std::string(each.code) + "\"")) << got;
  EXPECT_TRUE(got.ends_with(",\"fields\":" + each.fields + "}}")) << got;
  const bool is_http_tier = each.code == "validation_error";
  EXPECT_EQ(got.find("\"category\"") == std::string::npos, is_http_tier) << got;
}

#define EXPECTED R"(Expected +<country><number>)"
INSTANTIATE_TEST_SUITE_P(
    , ParseDial,
    testing::Values(
        dial_case{"Good", R"({"from_number":"+14155551234","to_number":"+14155556789"})", ""},
        dial_case{"OtherMembers",
                  R"({"x":[1],"to_number":"+14155556789","from_number":"+14155551234"})", ""},
        dial_case{"DestinationAbsent", R"({"from_number":"+14155551234"})", "destination_missing",
                  R"({"to_number":"Required"})"},
        dial_case{"DestinationNull", R"({"from_number":"+14155551234","to_number":null})",
                  "destination_missing", R"({"to_number":"Required"})"},
        dial_case{"DestinationEmpty", R"({"from_number":"+14155551234","to_number":""})",
                  "destination_missing", R"({"to_number":"Required"})"},
        dial_case{"DestinationMalformed", R"({"from_number":"+14155551234","to_number":"911"})",
                  "destination_invalid", R"({"to_number":")" EXPECTED R"("})"},
        dial_case{"DestinationBlank", R"({"from_number":"+14155551234","to_number":" "})",
                  "destination_invalid", R"({"to_number":")" EXPECTED R"("})"},
        dial_case{"DestinationSixteenDigits",
                  R"({"from_number":"+14155551234","to_number":"+1234567890123456"})",
                  "destination_invalid", R"({"to_number":")" EXPECTED R"("})"},
        dial_case{"DestinationWithNul",
                  R"({"from_number":"+14155551234","to_number":"+1415555\u00006789"})",
                  "destination_invalid", R"({"to_number":")" EXPECTED R"("})"},
        dial_case{"DestinationNumber", R"({"from_number":"+14155551234","to_number":14155556789})",
                  "destination_invalid", R"({"to_number":"Expected a string"})"},
        dial_case{"CallerAbsent", R"({"to_number":"+14155556789"})", "validation_error",
                  R"({"from_number":"Required"})"},
        dial_case{"CallerEmpty", R"({"from_number":"","to_number":"+14155556789"})",
                  "validation_error", R"({"from_number":"Required"})"},
        dial_case{"CallerMalformed", R"({"from_number":"0415","to_number":"+14155556789"})",
                  "validation_error", R"({"from_number":")" EXPECTED R"("})"},
        dial_case{"CallerArray", R"({"from_number":[],"to_number":"+14155556789"})",
                  "validation_error", R"({"from_number":"Expected a string"})"},
        dial_case{"BothMissing", "{}", "destination_missing",
                  R"({"to_number":"Required","from_number":"Required"})"},
        dial_case{"BothMalformed", R"({"from_number":"x","to_number":"y"})", "destination_invalid",
                  R"({"to_number":")" EXPECTED R"(","from_number":")" EXPECTED R"("})"},
        dial_case{"MissingBeatsMalformedCaller", R"({"from_number":"x"})", "destination_missing",
                  R"({"to_number":"Required","from_number":")" EXPECTED R"("})"},
        dial_case{"OneOfEachRoute",
                  R"({"from_number":"+14155551234","destination":"+14155556789"})",
                  "destination_missing", R"({"to_number":"Required"})"},
        dial_case{"Empty", "", "validation_error", R"({"body":"Expected JSON"})"},
        dial_case{"NotJson", "{\"from_number\":", "validation_error",
                  R"({"body":"Expected JSON"})"},
        dial_case{"TrailingBytes", "{} x", "validation_error", R"({"body":"Expected JSON"})"},
        dial_case{"InvalidUtf8", "{\"a\":\"\xff\"}", "validation_error",
                  R"({"body":"Expected JSON"})"},
        dial_case{"NotAnObject", "[]", "validation_error", R"({"body":"Expected a JSON object"})"},
        dial_case{"Deepest", R"({"x":)" + std::string(15, '[') + std::string(15, ']') + "}",
                  "destination_missing", R"({"to_number":"Required","from_number":"Required"})"},
        dial_case{"TooDeep", R"({"x":)" + std::string(16, '[') + std::string(16, ']') + "}",
                  "validation_error", R"({"body":"Expected JSON"})"},
        dial_case{"VeryDeep", std::string(100'000, '['), "validation_error",
                  R"({"body":"Expected JSON"})"}),
    [](const auto& each) { return std::string(each.param.name); });

// G4: each route keeps its own names, and either body works on both.
TEST(ParseDialNames, AreThoseOfTheBody) {
  const std::string dial_body = R"({"from_number":"+14155551234","to_number":"+14155556789"})";
  const std::string calls_body = R"({"caller_id":"+14155551234","destination":"+14155556789"})";
  EXPECT_EQ(dial(dial_body, dial_route_names), std::string(good) + "to_number");
  EXPECT_EQ(dial(calls_body, calls_route_names), std::string(good) + "destination");
  EXPECT_EQ(dial(calls_body, dial_route_names), std::string(good) + "destination");
  EXPECT_EQ(dial(dial_body, calls_route_names), std::string(good) + "to_number");
  EXPECT_TRUE(dial("{}", calls_route_names)
                  .ends_with(R"("fields":{"destination":"Required","caller_id":"Required"}}})"));
}

// C39, literal.
TEST(ParseDialNames, GiveTheContractsExample) {
  EXPECT_EQ(dial(R"({"caller_id":"4155551234","destination":"+14155556789"})", calls_route_names),
            R"({"error":{"code":"validation_error","message":"caller_id must be E.164 format",)"
            R"("fields":{"caller_id":"Expected +<country><number>"}}})");
}

TEST(ParseMetadataPatch, TakesStringsAndNulls) {
  const auto changes = parse_metadata_patch(R"({"metadata":{"a":"1","b":null,"c":""}})");
  ASSERT_TRUE(changes.has_value());
  EXPECT_EQ(*changes, (metadata_patch{{"a", "1"}, {"b", std::nullopt}, {"c", ""}}));
}

TEST(ParseMetadataPatch, HoldsItsBoundsOnBothSides) {
  const auto accepts = [](std::size_t key, std::size_t value) {
    return parse_metadata_patch(R"({"metadata":{")" + std::string(key, 'k') + R"(":")" +
                                std::string(value, 'v') + "\"}}")
        .has_value();
  };
  EXPECT_TRUE(accepts(1, 0));
  EXPECT_TRUE(accepts(metadata_key_bytes_max, metadata_value_bytes_max));
  EXPECT_FALSE(accepts(0, 0));
  EXPECT_FALSE(accepts(metadata_key_bytes_max + 1, 0));
  EXPECT_FALSE(accepts(1, metadata_value_bytes_max + 1));
}

TEST(ParseMetadataPatch, NamesWhatIsWrong) {
  const auto field_of = [](std::string_view body) {
    const auto parsed = parse_metadata_patch(body);
    return parsed ? std::string("accepted") : parsed.error().fields().at(0).name;
  };
  EXPECT_EQ(field_of("{}"), "metadata");
  EXPECT_EQ(field_of(R"({"metadata":[]})"), "metadata");
  EXPECT_EQ(field_of(R"({"metadata":{"a":1}})"), "metadata.a");
  EXPECT_EQ(field_of("nonsense"), "body");
}

TEST(ParseAdvance, TakesWholeSecondsFromZeroOn) {
  EXPECT_EQ(*parse_advance(R"({"seconds":0})"), std::chrono::seconds(0));
  EXPECT_EQ(*parse_advance(R"({"seconds":86400})"), std::chrono::seconds(86400));
  for (const char* body :
       {R"({"seconds":-1})", R"({"seconds":1.5})", R"({"seconds":"1"})", R"({"seconds":1e99})",
        R"({"seconds":18446744073709551615})", R"({})", R"(1)", ""}) {
    EXPECT_FALSE(parse_advance(body).has_value()) << body;
  }
}

TEST(FormatTime, IsRfc3339WithMicroseconds) {
  using std::chrono::microseconds;
  EXPECT_EQ(format_time(time_point()), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(time_point(microseconds(1'709'251'199'000'007))),
            "2024-02-29T23:59:59.000007Z");
}

}  // namespace
}  // namespace parley::sandbox
