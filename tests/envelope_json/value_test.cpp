// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope_json/value.hpp"

#include <array>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include "parley/errors/own_catalogue.hpp"

namespace parley::envelope_json {
namespace {

namespace json = boost::json;
using envelope::error;
using envelope::field;
using errors::code;
using testing::ElementsAre;

TEST(ToValue, SaysWhatIsWritten) {
  for (const errors::row& row : errors::catalogue()) {
    const error made = error(row.code, row.tier).with_field("a", "b").with_field("", "\"\n\\");
    EXPECT_EQ(json::serialize(to_value(made)), envelope::to_json(made)) << row.name;
    EXPECT_EQ(json::serialize(json::value_from(made)), envelope::to_json(made)) << row.name;
  }
}

TEST(ToValue, OfAnyBytesIsWellFormed) {
  const error made = error(code::busy).with_message("\xFF \xE2\x80\x94 \xC0\xAF");
  EXPECT_EQ(to_value(made).at("error").at("message").as_string(),
            "\xEF\xBF\xBD \xE2\x80\x94 \xEF\xBF\xBD\xEF\xBF\xBD");
}

// Each byte in each place: the value of what is written, which is well-formed.
TEST(ToValue, OfEachByteIsTheValueOfTheText) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'a', static_cast<char>(byte), 'b'};
    const error made = envelope::to_error({text, text, text, text, {}}).with_field(text, text);
    EXPECT_EQ(to_value(made), json::parse(envelope::to_json(made))) << byte;
    EXPECT_EQ(json::value_from(made), to_value(made)) << byte;
  }
}

// A program's own members beside the error are kept, and passed over by who reads it.
TEST(ToValue, TakesMembersBesideTheError) {
  const error made = error(code::busy).with_field("a", "b");
  json::object answer = json::value_from(made).as_object();
  answer["request_id"] = 7;
  EXPECT_EQ(json::serialize(answer), envelope::to_json(made).insert(
                                         envelope::to_json(made).size() - 1, R"(,"request_id":7)"));
  EXPECT_EQ(from_value(answer)->fields(), made.fields());
}

// Of a member that is there twice the value keeps the last alone.
TEST(FromValue, OfAMemberTwiceIsTheLastOfAnyType) {
  const auto read = [](json::string_view body) { return from_value(json::parse(body)); };
  EXPECT_EQ(read(R"({"error":{"code":"x","code":"y"}})")->code_name(), "y");
  EXPECT_FALSE(read(R"({"error":{"code":"x","code":1}})"));
  EXPECT_FALSE(read(R"({"error":{"code":"x"},"error":1})"));
  EXPECT_THAT(read(R"({"error":{"code":"x","fields":{"a":"1","b":"2","a":"3"}}})")->fields(),
              testing::UnorderedElementsAre(field{"a", "3"}, field{"b", "2"}));
}

TEST(FromValue, KeepsStringsAsTheyAre) {
  const json::value made = {{"error", {{"code", "\xFF"}, {"message", "\xED\xA0\x80"}}}};
  const auto read = from_value(made);
  EXPECT_EQ(read->code_name(), "\xFF");
  EXPECT_EQ(read->message(), "\xED\xA0\x80");
  EXPECT_EQ(envelope::to_json(*read),
            "{\"error\":{\"code\":\"\xEF\xBF\xBD\",\"message\":"
            "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}}");
}

TEST(FromValue, OwnsItsTexts) {
  auto made = from_value(json::parse(
      R"({"error":{"code":"a code of another server","message":"a text of its own"}})"));
  EXPECT_EQ(made->code_name(), "a code of another server");
  EXPECT_EQ(made->message(), "a text of its own");
}

TEST(ToValue, LivesInTheStorageThatIsGiven) {
  std::array<unsigned char, 4096> room;
  json::monotonic_resource memory(room.data(), room.size());
  const json::value made = to_value(error(code::busy), &memory);
  EXPECT_EQ(made.storage().get(), &memory);
  EXPECT_EQ(made.at("error").at("code").as_string().storage().get(), &memory);
}

TEST(FromValue, ReadsBackEveryRow) {
  for (const errors::row& row : errors::catalogue()) {
    const error made = error(row.code, row.tier).with_field("a", "b");
    auto read = from_value(to_value(made));
    ASSERT_TRUE(read) << row.name;
    EXPECT_EQ(read->http_status(), 0);
    if (row.http_status != 0) read->with_http_status(row.http_status);
    EXPECT_EQ(*read, made) << row.name;
    EXPECT_EQ(json::value_to<error>(to_value(made)).code(), row.code);
  }
}

struct body_case {
  const char* name;
  std::string_view body;
};
constexpr body_case bodies[] = {
    {"Unknown", R"({"error":{"code":"scope_missing","category":"key","message":"m"}})"},
    {"NoMessage", R"({"error":{"code":"busy"}})"},
    {"ExtraMembers", R"({"a":1,"error":{"x":[{"code":"no"}],"code":"x","retry":{"code":"no"}}})"},
    {"WrongTypes",
     R"({"error":{"category":1,"code":"x","message":null,"doc_url":{"a":"b"},"fields":["a"]}})"},
    {"WrongTypesOfFields",
     R"({"error":{"code":"x","fields":{"a":1,"b":"kept","c":{"d":"e"},"f":["g"],"h":null}}})"},
    {"EmptyTexts", R"({"error":{"code":"","category":"","message":"","doc_url":"","fields":{}}})"},
    {"Nul", R"({"error":{"code":"a\u0000b","fields":{"\u0000":"\u0000"}}})"},
    {"Null", "null"},
    {"Text", R"("error")"},
    {"Array", R"([{"error":{"code":"x"}}])"},
    {"NoError", R"({"code":"x"})"},
    {"ErrorIsText", R"({"error":"x"})"},
    {"ErrorIsArray", R"({"error":[{"code":"x"}]})"},
    {"NoCode", R"({"error":{"message":"m"}})"},
    {"CodeIsNumber", R"({"error":{"code":404}})"},
    {"CodeIsNull", R"({"error":{"code":null}})"},
};

class FromValueBody : public testing::TestWithParam<body_case> {};

TEST_P(FromValueBody, IsWhatTheParserReads) {
  const std::string_view body = GetParam().body;
  const json::value value = json::parse({body.data(), body.size()});
  const auto read = from_value(value);
  const auto parsed = envelope::parse(body);
  ASSERT_EQ(read.has_value(), parsed.has_value());
  const auto converted = json::try_value_to<error>(value);
  ASSERT_EQ(converted.has_value(), parsed.has_value());
  if (parsed) {
    EXPECT_EQ(*read, *parsed);
    EXPECT_EQ(*converted, *parsed);
  } else {
    EXPECT_EQ(parsed.error().reason, envelope::errc::not_envelope);
    EXPECT_EQ(converted.error(), boost::system::errc::invalid_argument);
    EXPECT_THROW(json::value_to<error>(value), boost::system::system_error);
  }
}

INSTANTIATE_TEST_SUITE_P(, FromValueBody, testing::ValuesIn(bodies),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(FromValueLimits, Fields) {
  const json::value value =
      json::parse(R"({"error":{"code":"x","fields":{"a":1,"b":"2","c":"3","d":[],"e":"4"}}})");
  EXPECT_EQ(from_value(value, {.fields_max = 3})->fields().size(), 3u);
  EXPECT_THAT(from_value(value, {.fields_max = 2})->fields(),
              ElementsAre(field{"b", "2"}, field{"c", "3"}));
  EXPECT_TRUE(from_value(value, {.fields_max = 0})->fields().empty());
}

TEST(FromValue, KnowsTheCodesOfACatalogue) {
  constexpr code scope_missing = errors::own_code(0);
  static constexpr std::array rows = {
      errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing", "#keys",
                       "The API key lacks a scope."),
  };
  const json::value value = json::parse(R"({"error":{"code":"scope_missing"}})");
  EXPECT_EQ(from_value(value)->code(), code::unknown);
  EXPECT_EQ(from_value(value, {.catalogue = errors::catalogue<rows>()})->code(), scope_missing);
}

}  // namespace
}  // namespace parley::envelope_json
