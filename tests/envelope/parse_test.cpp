// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"

namespace parley::envelope {
namespace {

using errors::category;
using errors::code;
using errors::tier;
using testing::ElementsAre;
using namespace std::string_view_literals;

error parsed(std::string_view body, const parse_options& options = {}) {
  auto read = parse(body, options);
  EXPECT_TRUE(read.has_value()) << body;
  return read ? *std::move(read) : error(code::internal_error).with_message("not parsed");
}

parse_failure failed(std::string_view body, const parse_options& options = {}) {
  const auto read = parse(body, options);
  EXPECT_FALSE(read.has_value()) << body.substr(0, 200);
  return read ? parse_failure{} : read.error();
}

// What is read.

TEST(Parse, ExampleOfTheErrorReference) {  // C38, with the blanks of the document
  const error read = parsed(R"({
  "error": {
    "code": "caller_id_not_verified",
    "category": "invalid_request",
    "message": "The caller ID isn't verified for this account.",
    "doc_url": "https://docs.revdesk.com/api-reference/errors#invalid-request"
  }
})");
  EXPECT_EQ(read.code(), code::caller_id_not_verified);
  EXPECT_EQ(read.category(), category::invalid_request);
  EXPECT_EQ(read.message(), "The caller ID isn't verified for this account.");
  EXPECT_EQ(read.doc_url(), "https://docs.revdesk.com/api-reference/errors#invalid-request");
  EXPECT_TRUE(read.fields().empty());
  EXPECT_EQ(read.http_status(), 0);
}

TEST(Parse, ExampleOfTheConventions) {  // C39
  const error read = parsed(R"({
  "error": {
    "code": "validation_error",
    "message": "caller_id must be E.164 format",
    "fields": {
      "caller_id": "Expected +<country><number>"
    }
  }
})");
  EXPECT_EQ(read.code(), code::validation_error);
  EXPECT_EQ(read.category(), category::none);
  EXPECT_EQ(read.category_name(), "");
  EXPECT_EQ(read.message(), "caller_id must be E.164 format");
  EXPECT_EQ(read.doc_url(), "");
  EXPECT_THAT(read.fields(), ElementsAre(field{"caller_id", "Expected +<country><number>"}));
}

TEST(Parse, ReadsBackEveryRow) {
  for (const errors::row& row : errors::catalogue()) {
    const error made(row.code, row.tier);
    error read = parsed(to_json(made));
    EXPECT_EQ(read.http_status(), 0);
    if (row.http_status != 0) read.with_http_status(row.http_status);
    EXPECT_EQ(read, made) << row.name;
    EXPECT_EQ(to_json(read), to_json(made));
  }
}

TEST(Parse, KeepsUnknownCodesAndCategoriesVerbatim) {  // A10, G23
  const std::string body =
      R"({"error":{"code":"scope_missing","category":"key_problem","message":"No scope."}})";
  const error read = parsed(body);
  EXPECT_EQ(read.code(), code::unknown);
  EXPECT_EQ(read.code_name(), "scope_missing");
  EXPECT_EQ(read.category(), category::none);
  EXPECT_EQ(read.category_name(), "key_problem");
  EXPECT_EQ(to_json(read), body);
}

TEST(Parse, KeepsACategoryThatTheCatalogueGivesAnotherCode) {
  const error read = parsed(R"({"error":{"code":"busy","category":"voicemail","message":"m"}})");
  EXPECT_EQ(read.code(), code::busy);
  EXPECT_EQ(read.category(), category::voicemail);
  EXPECT_EQ(read.category_name(), "voicemail");
}

TEST(Parse, KnowsACodeWithoutItsCategory) {  // G1
  const std::string body = R"({"error":{"code":"caller_id_not_verified","message":"m"}})";
  const error read = parsed(body);
  EXPECT_EQ(read.code(), code::caller_id_not_verified);
  EXPECT_EQ(read.category(), category::none);
  EXPECT_EQ(to_json(read), body);
}

struct tolerated_case {
  const char* name;
  std::string_view body;
  std::string_view as;  // the envelope that is written again
};
constexpr tolerated_case tolerated_cases[] = {
    {"AnyOrder",
     R"({"error":{"fields":{"a":"b"},"doc_url":"u","message":"m","category":"c","code":"x"}})",
     R"({"error":{"code":"x","category":"c","message":"m","doc_url":"u","fields":{"a":"b"}}})"},
    {"BlanksAround", " \t\r\n{\"error\":{\"code\":\"x\",\"message\":\"m\"}} \t\r\n",
     R"({"error":{"code":"x","message":"m"}})"},
    {"NoMessage", R"({"error":{"code":"busy"}})", R"({"error":{"code":"busy","message":""}})"},
    {"NoMessageOfAnUnknownCode", R"({"error":{"code":"x"}})",
     R"({"error":{"code":"x","message":""}})"},
    {"EmptyTexts", R"({"error":{"code":"","category":"","message":"","doc_url":"","fields":{}}})",
     R"({"error":{"code":"","message":""}})"},
    {"EmptyFieldName", R"({"error":{"code":"x","message":"m","fields":{"":""}}})",
     R"({"error":{"code":"x","message":"m","fields":{"":""}}})"},
    {"ExtraMembers",
     R"({"a":1,"error":{"x":[{"code":"no"}],"code":"x","message":"m","retry":{"message":"no"}},)"
     R"("code":"no","message":"no","fields":{"a":"no"}})",
     R"({"error":{"code":"x","message":"m"}})"},
    {"EnvelopeInsideExtraMember", R"({"a":{"error":{"code":"no"}},"error":{"code":"x"}})",
     R"({"error":{"code":"x","message":""}})"},
    {"WrongTypes",
     R"({"error":{"category":1,"code":"x","message":null,"doc_url":{"a":"b"},"fields":["a"]}})",
     R"({"error":{"code":"x","message":""}})"},
    {"FieldsOfTheWrongType",
     R"({"error":{"code":"x","message":"m",)"
     R"("fields":{"a":1,"b":"kept","c":{"d":"e"},"f":["g"],"h":null,"i":true}}})",
     R"({"error":{"code":"x","message":"m","fields":{"b":"kept"}}})"},
    {"LastOfTwoMembers",
     R"({"error":{"code":"no","code":"x","message":"no","message":"m","category":"no",)"
     R"("category":"c","doc_url":"no","doc_url":"u"}})",
     R"({"error":{"code":"x","category":"c","message":"m","doc_url":"u"}})"},
    {"LastOfTwoMembersThatIsAString",
     R"({"error":{"code":"x","code":7,"message":"m","message":[]}})",
     R"({"error":{"code":"x","message":"m"}})"},
    {"LastOfTwoErrors",
     R"({"error":{"code":"no","category":"no","message":"no","fields":{"a":"no"}},)"
     R"("error":{"code":"x"}})",
     R"({"error":{"code":"x","message":""}})"},
    {"LastOfTwoErrorsThatIsAnObject", R"({"error":{"code":"x"},"error":[{"code":"no"}]})",
     R"({"error":{"code":"x","message":""}})"},
    {"LastOfTwoFields",
     R"({"error":{"code":"x","message":"m","fields":{"a":"no"},"fields":{"b":"c"}}})",
     R"({"error":{"code":"x","message":"m","fields":{"b":"c"}}})"},
    {"LastExplanationInThePlaceOfTheFirst",
     R"({"error":{"code":"x","message":"m","fields":{"b":"1","a":"2","b":"3","c":"4","b":"5"}}})",
     R"({"error":{"code":"x","message":"m","fields":{"b":"5","a":"2","c":"4"}}})"},
    {"EscapesInKeysAndTexts",
     R"({"\u0065rror":{"\u0063ode":"\u0062usy","mess\u0061ge":"\"\\\/\b\f\n\r\t)"
     R"(\u2014\ud83d\ude00",)"
     R"("fields":{"\u0061":"\u0000"}}})",
     "{\"error\":{\"code\":\"busy\",\"message\":\"\\\"\\\\/\\b\\f\\n\\r\\t\xE2\x80\x94"
     "\xF0\x9F\x98\x80\",\"fields\":{\"a\":\"\\u0000\"}}}"},
    {"EscapesInWhatIsPassedOver",
     R"({"a\nb":{"c\nd":"e\nf","g":["h\ni",{"j\nk":0}]},"error":{"o\np":"q\nr",)"
     R"("code":"x","message":{"s\nt":0},"fields":{"u\nv":{"w\nx":0},"y":"z"}}})",
     R"({"error":{"code":"x","message":"","fields":{"y":"z"}}})"},
    {"Numbers",
     R"({"a":123456789012345678901234567890,"b":-1e308,"c":1e400,"d":0.1,"error":{"code":"x"}})",
     R"({"error":{"code":"x","message":""}})"},
    {"KeysThatOnlyBeginLikeOurs",
     R"({"error ":1,"erro":2,"error":{"cod":"no","code":"x","codes":"no","Code":"no"}})",
     R"({"error":{"code":"x","message":""}})"},
};

class ParseTolerates : public testing::TestWithParam<tolerated_case> {};

TEST_P(ParseTolerates, AndReadsTheRest) {
  EXPECT_EQ(to_json(parsed(GetParam().body)), GetParam().as);
}

INSTANTIATE_TEST_SUITE_P(, ParseTolerates, testing::ValuesIn(tolerated_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// What is refused.

struct refused_case {
  const char* name;
  std::string_view body;
  errc reason;
};
constexpr refused_case refused_cases[] = {
    {"Nothing", "", errc::empty_body},
    {"Blanks", " \r\n", errc::not_json},
    {"Html", "<html><body><h1>502 Bad Gateway</h1></body></html>", errc::not_json},
    {"PlainText", "upstream connect error", errc::not_json},
    {"Nul", "\0"sv, errc::not_json},
    {"TrailingComma", R"({"error":{"code":"x",}})", errc::not_json},
    {"Comment", R"({"error":{"code":"x"}}/**/)", errc::not_json},
    {"SecondValue", R"({"error":{"code":"x"}}{})", errc::not_json},
    {"TrailingLetter", R"({"error":{"code":"x"}} x)", errc::not_json},
    {"TrailingNul", "{\"error\":{\"code\":\"x\"}}\0"sv, errc::not_json},
    {"ByteOrderMark", "\xEF\xBB\xBF{\"error\":{\"code\":\"x\"}}", errc::not_json},
    {"Utf16", "{\0\"\0e\0"sv, errc::not_json},
    {"SingleQuotes", "{'error':{'code':'x'}}", errc::not_json},
    {"ControlInString", "{\"error\":{\"code\":\"x\ny\"}}", errc::not_json},
    {"IllFormedUtf8", "{\"error\":{\"code\":\"x\",\"message\":\"\xFF\"}}", errc::not_json},
    {"OverlongUtf8", "{\"error\":{\"code\":\"x\",\"message\":\"\xC0\xAF\"}}", errc::not_json},
    {"IllFormedUtf8InAnExtraMember", "{\"error\":{\"code\":\"x\"},\"a\":\"\xED\xA0\x80\"}",
     errc::not_json},
    {"UnknownEscape", R"({"error":{"code":"\x"}})", errc::not_json},
    {"LeadingZero", R"({"error":{"code":"x"},"a":01})", errc::not_json},
    {"NotANumber", R"({"error":{"code":"x"},"a":NaN})", errc::not_json},
    {"Null", "null", errc::not_envelope},
    {"Text", R"("error")", errc::not_envelope},
    {"Number", "502", errc::not_envelope},
    {"EmptyObject", "{}", errc::not_envelope},
    {"Array", R"([{"error":{"code":"x"}}])", errc::not_envelope},
    {"AnotherObject", R"({"data":{"id":"call_a1b2c3"}})", errc::not_envelope},
    {"MembersWithoutError", R"({"code":"x","message":"m"})", errc::not_envelope},
    {"ErrorIsNull", R"({"error":null})", errc::not_envelope},
    {"ErrorIsText", R"({"error":"invalid_grant"})", errc::not_envelope},
    {"ErrorIsArray", R"({"error":[{"code":"x"}]})", errc::not_envelope},
    {"NoCode", R"({"error":{"message":"m"}})", errc::not_envelope},
    {"CodeIsNumber", R"({"error":{"code":404,"message":"m"}})", errc::not_envelope},
    {"CodeIsNull", R"({"error":{"code":null}})", errc::not_envelope},
    {"CodeIsObject", R"({"error":{"code":{"code":"x"}}})", errc::not_envelope},
    {"CodeOneLevelDown", R"({"error":{"error":{"code":"x"}}})", errc::not_envelope},
    {"LastErrorWithoutCode", R"({"error":{"code":"x"},"error":{"message":"m"}})",
     errc::not_envelope},
    {"OtherCase", R"({"Error":{"Code":"x"}})", errc::not_envelope},
};

class ParseRefuses : public testing::TestWithParam<refused_case> {};

TEST_P(ParseRefuses, WithTheReason) {
  EXPECT_EQ(to_string(failed(GetParam().body).reason), to_string(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(, ParseRefuses, testing::ValuesIn(refused_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ParseFailure, TellsWhere) {
  EXPECT_EQ(failed("<html>"), (parse_failure{errc::not_json, 0}));
  EXPECT_EQ(failed(R"({"error":oops})"), (parse_failure{errc::not_json, 9}));
  EXPECT_EQ(failed(R"({"error":{"code":"x"}}  <)"), (parse_failure{errc::not_json, 24}));
  EXPECT_EQ(failed(R"({"error":{"code":"x")"), (parse_failure{errc::not_json, 20}));
  EXPECT_EQ(failed(""), (parse_failure{errc::empty_body, 0}));
  EXPECT_EQ(failed("{}"), (parse_failure{errc::not_envelope, 0}));
}

TEST(ParseFailure, OfABodyCutAtAnyByte) {
  const std::string body = to_json(error(code::no_active_number)
                                       .with_message("wait \xE2\x80\x94 \"now\"\n\x01")
                                       .with_field("from_number", "is not active"));
  for (std::size_t size = 0; size < body.size(); ++size) {
    // In a string of its own, so that AddressSanitizer sees a read behind the cut.
    const std::string cut = body.substr(0, size);
    EXPECT_EQ(to_string(failed(cut).reason), size == 0 ? "empty_body" : "not_json") << cut;
  }
  EXPECT_TRUE(parse(body).has_value());
}

// Limits, both sides of each.

TEST(ParseLimits, BodyBytes) {
  const std::string body = R"({"error":{"code":"x"}})";
  EXPECT_TRUE(parse(body, {.body_bytes_max = body.size()}).has_value());
  EXPECT_EQ(failed(body, {.body_bytes_max = body.size() - 1}),
            (parse_failure{errc::too_large, body.size() - 1}));
  EXPECT_EQ(failed("", {.body_bytes_max = 0}).reason, errc::empty_body);

  std::string large = body;
  large.resize((1 << 20) + 1, ' ');
  EXPECT_EQ(failed(large).reason, errc::too_large);
  large.pop_back();
  EXPECT_TRUE(parse(large).has_value());
}

std::string nested(char open, char close, std::size_t levels) {
  std::string body = R"({"a":)";  // the first level
  for (std::size_t i = 1; i < levels; ++i) body += open == '{' ? R"({"a":)" : "[";
  return join({body, "1", std::string(levels - 1, close), R"(,"error":{"code":"x"}})"});
}

TEST(ParseLimits, Depth) {
  for (const auto& [open, close] : {std::pair('[', ']'), std::pair('{', '}')}) {
    EXPECT_TRUE(parse(nested(open, close, 32)).has_value());
    EXPECT_EQ(failed(nested(open, close, 33)).reason, errc::too_deep);
    EXPECT_TRUE(parse(nested(open, close, 5), {.depth_max = 5}).has_value());
    EXPECT_EQ(failed(nested(open, close, 6), {.depth_max = 5}).reason, errc::too_deep);
  }
  EXPECT_TRUE(parse(R"({"error":{"code":"x"}})", {.depth_max = 2}).has_value());
  EXPECT_EQ(failed(R"({"error":{"code":"x"}})", {.depth_max = 1}).reason, errc::too_deep);
  EXPECT_EQ(failed("{}", {.depth_max = 0}).reason, errc::too_deep);
  EXPECT_EQ(failed(std::string(1 << 20, '[')).reason, errc::too_deep);
  EXPECT_EQ(failed(std::string(1 << 20, '{')).reason, errc::not_json);
}

std::string with_fields(std::size_t count) {
  error made(code::validation_error);
  for (std::size_t i = 0; i < count; ++i) made.with_field(join({"f", std::to_string(i)}), "e");
  return to_json(made);
}

TEST(ParseLimits, Fields) {
  EXPECT_EQ(parsed(with_fields(1000)).fields().size(), 1000u);
  const error read = parsed(with_fields(1001));
  ASSERT_EQ(read.fields().size(), 1000u);
  EXPECT_EQ(read.fields().front().name, "f0");
  EXPECT_EQ(read.fields().back().name, "f999");
  EXPECT_EQ(parsed(with_fields(3), {.fields_max = 2}).fields().size(), 2u);
  EXPECT_EQ(parsed(with_fields(3), {.fields_max = 0}).fields().size(), 0u);
  // Members of another type are not among those counted.
  EXPECT_THAT(parsed(R"({"error":{"code":"x","fields":{"a":1,"b":[],"c":"d"}}})", {.fields_max = 1})
                  .fields(),
              ElementsAre(field{"c", "d"}));
}

TEST(ParseLimits, ManyFieldsOfOneName) {
  std::string body = R"({"error":{"code":"x","fields":{"a":"0")";
  for (int i = 1; i < 1000; ++i) body += join({R"(,"a":")", std::to_string(i), R"(")"});
  EXPECT_THAT(parsed(body + "}}}").fields(), ElementsAre(field{"a", "999"}));
}

TEST(ParseLimits, TextsLongerThanTheParsersBuffer) {
  std::string text(1 << 19, 'a');
  for (std::size_t i = 0; i < text.size(); i += 1000) text[i] = '\n';  // escaped: passes in parts
  const error made = error(code::busy).with_message(text);
  const error read = parsed(to_json(made));
  EXPECT_EQ(read.message(), text);

  const std::string key(100'000, '"');
  const error keyed = error(code::busy).with_field(key, text);
  EXPECT_THAT(parsed(to_json(keyed), {.body_bytes_max = 1 << 21}).fields(),
              ElementsAre(field{key, text}));
}

TEST(ParseLimits, ExponentsOfAnySize) {
  EXPECT_EQ(parsed(R"({"error":{"code":"x"},"a":1e99999999999})").code_name(), "x");
}

TEST(Parse, HalfASurrogatePairReadsAsAReplacementCharacter) {
  EXPECT_EQ(parsed(R"({"error":{"code":"\ud800"}})").code_name(), "\xEF\xBF\xBD");
}

TEST(Parse, KeepsNoViewOfTheBody) {
  std::string body =
      R"({"error":{"code":"some_code","category":"some_category","message":"some message",)"
      R"("doc_url":"https://example.com","fields":{"name":"explanation"}}})";
  const std::string before = body;
  const error read = parsed(body);
  body.assign(body.size(), '#');
  EXPECT_EQ(to_json(read), before);
}

// read_response

TEST(ReadResponse, KeepsStatusAndBodyOfAnEnvelope) {
  const std::string body = to_json(error(code::busy));
  const response_error read = read_response(502, body);
  EXPECT_EQ(read.http_status, 502);
  EXPECT_EQ(read.body, body);
  EXPECT_EQ(read.code(), code::busy);
  ASSERT_TRUE(read.envelope.has_value());
  EXPECT_EQ(read.envelope->http_status(), 502);
}

TEST(ReadResponse, KeepsStatusAndBodyOfAnythingElse) {  // G26
  const std::pair<std::string, errc> cases[] = {
      {"", errc::empty_body},
      {"<html><h1>502 Bad Gateway</h1></html>", errc::not_json},
      {R"({"error":{"code":"bu)", errc::not_json},
      {R"({"message":"Internal Server Error"})", errc::not_envelope},
      {std::string((1 << 20) + 1, ' '), errc::too_large},
      {std::string(1000, '['), errc::too_deep},
  };
  for (const auto& [body, reason] : cases) {
    const response_error read = read_response(503, body);
    EXPECT_EQ(read.http_status, 503);
    EXPECT_EQ(read.body, body);
    EXPECT_EQ(read.code(), code::unknown);
    ASSERT_FALSE(read.envelope.has_value());
    EXPECT_EQ(to_string(read.envelope.error().reason), to_string(reason));
  }
}

TEST(ReadResponse, TakesAnyNumberForAStatus) {
  const std::string body = to_json(error(code::busy));
  for (const std::uint16_t status : {std::uint16_t{0}, std::uint16_t{99}, std::uint16_t{65535}}) {
    const response_error read = read_response(status, body);
    EXPECT_EQ(read.http_status, status);
    EXPECT_EQ(read.envelope->http_status(), status);
  }
}

TEST(ReadResponse, HandsTheOptionsOn) {
  const response_error read = read_response(400, to_json(error(code::busy)), {.depth_max = 1});
  ASSERT_FALSE(read.envelope.has_value());
  EXPECT_EQ(read.envelope.error().reason, errc::too_deep);
}

TEST(ReadResponse, OfAnUnknownCodeHasNoCodeButItsName) {
  const response_error read = read_response(403, R"({"error":{"code":"scope_missing"}})");
  EXPECT_EQ(read.code(), code::unknown);
  EXPECT_EQ(read.envelope->code_name(), "scope_missing");
}

}  // namespace
}  // namespace parley::envelope
