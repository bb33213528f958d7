// SPDX-License-Identifier: Apache-2.0
//
// What strangers send: nothing, pages, halves, depth, duplicates, wrong types, huge numbers, and
// escapes of any kind, in an envelope and in problem details.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace parley::envelope {
namespace {

using errors::code;
using testing::ElementsAre;
using namespace std::string_view_literals;

constexpr std::string_view replacement = "\xEF\xBF\xBD";

parse_failure failed(const result<error, parse_failure>& read) {
  EXPECT_FALSE(read.has_value());
  return read ? parse_failure{} : read.error();
}

// Both forms at once.
struct form {
  const char* name;
  std::string_view before, behind;  // of the members
  result<error, parse_failure> (*read)(std::string_view body, const parse_options& limits);

  std::string body(std::string_view members) const { return join({before, members, behind}); }
};
constexpr form forms[] = {
    {"Envelope", R"({"error":{)", "}}",
     [](std::string_view body, const parse_options& limits) { return parse(body, limits); }},
    {"Problem", "{", "}",
     [](std::string_view body, const parse_options& limits) {
       return parse_problem(body, {}, limits);
     }},
};

class BadInput : public testing::TestWithParam<form> {
 protected:
  static result<error, parse_failure> read(std::string_view body,
                                           const parse_options& limits = {}) {
    return GetParam().read(body, limits);
  }
  static errc refused(std::string_view body) { return failed(read(body)).reason; }
  static error accepted(std::string_view members, const parse_options& limits = {}) {
    const std::string body = GetParam().body(members);
    auto made = read(body, limits);
    EXPECT_TRUE(made) << body.substr(0, 200);
    return made ? *std::move(made) : error(code::internal_error);
  }
};

INSTANTIATE_TEST_SUITE_P(, BadInput, testing::ValuesIn(forms),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(BadInput, OfOtherKindsIsRefused) {
  constexpr std::pair<std::string_view, errc> cases[] = {
      {"", errc::empty_body},
      {" ", errc::not_json},
      {"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", errc::not_json},
      {"<?xml version=\"1.0\"?><problem xmlns=\"urn:ietf:rfc:7807\"/>", errc::not_json},
      {"upstream connect error or disconnect/reset before headers", errc::not_json},
      {"\x1F\x8B\x08\x00"sv, errc::not_json},
      {"\0"sv, errc::not_json},
      {"null", errc::not_envelope},
      {"\"code\"", errc::not_envelope},
      {"[]", errc::not_envelope},
      {R"([{"code":"x"},{"error":{"code":"x"}}])", errc::not_envelope},
      {R"({"a":{"code":"x","error":{"code":"x"}}})", errc::not_envelope},
  };
  for (const auto& [body, reason] : cases) {
    EXPECT_EQ(to_string(refused(body)), to_string(reason)) << body;
  }
}

TEST_P(BadInput, CutAtAnyByteIsRefused) {
  const std::string body = GetParam().body(
      R"("code":"busy","category":"unreachable","message":"\ud83d\ude00\ud800","status":1e400,)"
      R"("fields":{"a\n":")"
      "\xE2\x80\x94"
      R"("},"list":[true,{"a":null}])");
  for (std::size_t size = 0; size < body.size(); ++size) {
    // In a string of its own, so that AddressSanitizer sees a read behind the cut.
    const std::string cut = body.substr(0, size);
    EXPECT_EQ(to_string(refused(cut)), size == 0 ? "empty_body" : "not_json") << cut;
  }
  EXPECT_TRUE(read(body));
}

TEST_P(BadInput, NestedBeyondTheLimitIsRefused) {
  const auto levels_above = static_cast<std::size_t>(std::ranges::count(GetParam().before, '{'));
  for (const auto& [open, innermost, close] :
       {std::tuple("[", "[]", "]"), std::tuple(R"({"code":)", "{}", "}")}) {
    for (const std::size_t depth : {std::size_t{3}, std::size_t{32}}) {
      const auto nested = [&](std::size_t levels) {
        std::string value;
        for (std::size_t i = 1; i < levels; ++i) value += open;
        value += innermost;
        for (std::size_t i = 1; i < levels; ++i) value += close;
        return GetParam().body(join({R"("a":)", value, R"(,"code":"x")"}));
      };
      EXPECT_TRUE(read(nested(depth - levels_above), {.depth_max = depth}));
      const auto why = failed(read(nested(depth - levels_above + 1), {.depth_max = depth}));
      EXPECT_EQ(to_string(why.reason), "too_deep");
    }
  }
  const std::string open_arrays(1 << 20, '[');
  EXPECT_EQ(refused(open_arrays), errc::too_deep);
}

TEST_P(BadInput, LastOfTwoMembersThatIsATextCounts) {
  const error made = accepted(
      R"("code":"no","code":"busy","code":7,"category":"no","category":"c","category":null,)"
      R"("message":"no","detail":"no","message":"m","detail":"m","message":[],"detail":{},)"
      R"("doc_url":"no","doc_url":"u","doc_url":true,)"
      R"("fields":{"a":"no"},"fields":{"b":"no","b":"e"},"fields":[{"c":"no"}])");
  EXPECT_EQ(made.code(), code::busy);
  EXPECT_EQ(made.category_name(), "c");
  EXPECT_EQ(made.message(), "m");
  EXPECT_EQ(made.doc_url(), "u");
  EXPECT_THAT(made.fields(), ElementsAre(field{"b", "e"}));
}

// Each member with a value of each kind.
TEST_P(BadInput, OfTheWrongTypeIsPassedOver) {
  for (const std::string_view value :
       {"null"sv, "true"sv, "0"sv, "-1"sv, "1.5"sv, "1e400"sv, "1e99999999999"sv, "[]"sv,
        R"(["a"])"sv, "{}"sv, R"({"code":"no","message":"no","a":"b"})"sv, R"("text")"sv}) {
    const bool is_text = value.starts_with('"');
    for (const std::string_view name :
         {"category"sv, "message"sv, "detail"sv, "title"sv, "doc_url"sv, "type"sv, "instance"sv,
          "status"sv, "other"sv}) {
      const error made = accepted(join({R"("code":"x",")", name, R"(":)", value}));
      EXPECT_EQ(made.code_name(), "x") << name << value;
      if (!is_text || name == "instance" || name == "status" || name == "other") {
        EXPECT_EQ(made, accepted(R"("code":"x")")) << name << value;
      }
    }
    const bool is_object = value.starts_with('{');
    EXPECT_EQ(accepted(join({R"("code":"x","fields":)", value})).fields().empty(),
              !is_object || value == "{}")
        << value;
    EXPECT_EQ(accepted(join({R"("code":"x","fields":{"a":)", value, "}"})).fields().empty(),
              !is_text)
        << value;
    EXPECT_EQ(read(GetParam().body(join({R"("code":)", value}))).has_value(), is_text) << value;
  }
}

TEST_P(BadInput, NumbersOfAnySizeArePassedOver) {
  const std::string digits(10'000, '7');
  for (const std::string& number :
       {std::string("1e400"), std::string("-1e400"), std::string("1e-400"),
        std::string("1e99999999999"), std::string("1e-99999999999"), std::string("0E+99999999999"),
        digits, join({"-", digits}), join({"0.", digits}), join({digits, ".", digits}),
        join({"1e", digits}), join({"-", digits, ".", digits, "E-", digits})}) {
    for (const std::string_view name : {"status"sv, "code_of_old"sv}) {
      const error made = accepted(join({R"("code":"busy",")", name, R"(":)", number}));
      EXPECT_EQ(made.code(), code::busy);
      EXPECT_EQ(made.http_status(), 0);
    }
  }
}

// Texts of JSON as they stand in a body, and what they say.

struct text_case {
  const char* name;
  std::string_view written;
  std::string_view read;
};
constexpr text_case text_cases[] = {
    {"Plain", "abc", "abc"},
    {"Escapes", R"(\u0041\u00e4\u2014\"\\\/\b\f\n\r\t)", "A\xC3\xA4\xE2\x80\x94\"\\/\b\f\n\r\t"},
    {"Nul", R"(a\u0000b)", "a\0b"sv},
    {"Pair", R"(\ud83d\uDE00)", "\xF0\x9F\x98\x80"},
    {"LastPair", R"(\udbff\udfff)", "\xF4\x8F\xBF\xBF"},
    {"HighAlone", R"(\ud800)", "\xEF\xBF\xBD"},
    {"HighAtTheEnd", R"(a\udbff)", "a\xEF\xBF\xBD"},
    {"HighAndALetter", R"(\ud800z)", "\xEF\xBF\xBDz"},
    {"HighAndAByteOfUtf8", "\\ud800\xC3\xA4", "\xEF\xBF\xBD\xC3\xA4"},
    {"HighAndAnEscape", R"(\ud800\n)", "\xEF\xBF\xBD\n"},
    {"HighAndAnEscapedQuote", R"(\ud800\")", "\xEF\xBF\xBD\""},
    {"HighAndAnEscapedBackslash", R"(\ud800\\udc00)", "\xEF\xBF\xBD\\udc00"},
    {"HighAndAnotherUnit", R"(\ud800\u0041)",
     "\xEF\xBF\xBD"
     "A"},
    {"LowAlone", R"(\udc00)", "\xEF\xBF\xBD"},
    {"LowFirst", R"(\udc00\ud800)", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"HighHigh", R"(\ud800\ud801)", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"HighHighLow", R"(\ud800\ud83d\ude00)", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
    {"HighLowLow", R"(\ud83d\ude00\ude00)", "\xF0\x9F\x98\x80\xEF\xBF\xBD"},
    {"EscapedBackslashBeforeU", R"(\\ud800)", R"(\ud800)"},
    {"EscapedBackslashBeforeHigh", R"(\\\ud800)", "\\\xEF\xBF\xBD"},
    {"TwoEscapedBackslashes", R"(\\\\ud800\ud800)", "\\\\ud800\xEF\xBF\xBD"},
    {"EscapedQuoteBeforeAnExponent", R"(\"1e5)", "\"1e5"},
    {"ExponentBesideHalfAPair", R"(1e99999999999 \ud800 2e5)", "1e99999999999 \xEF\xBF\xBD 2e5"},
    {"ReplacementCharacter", R"(\uFFFD)", "\xEF\xBF\xBD"},
};

TEST_P(BadInput, EscapesAreReadInEachPlace) {
  for (const auto& [name, written, text] : text_cases) {
    const error made =
        accepted(join({R"("code":")", written, R"(","category":")", written, R"(","message":")",
                       written, R"(","detail":")", written, R"(","doc_url":")", written,
                       R"(","fields":{")", written, R"(":")", written, R"("},"other":[")", written,
                       R"("],")", written, R"(":1e99999999999)"}));
    EXPECT_EQ(made.code_name(), text) << name;
    EXPECT_EQ(made.category_name(), text) << name;
    EXPECT_EQ(made.message(), text) << name;
    EXPECT_EQ(made.doc_url(), text) << name;
    EXPECT_THAT(made.fields(), ElementsAre(field{std::string(text), std::string(text)})) << name;
  }
}

TEST_P(BadInput, NamesOfMembersMayBeEscaped) {
  const error made = accepted(
      R"("\u0063\u006fde":"\u0062usy","\u0063ategory":"c","m\u0065ssage":"m","d\u0065tail":"m",)"
      R"("\u0066ields":{"\ud83d\ude00":"e"},"\ud800":0,"co\ud800de":"no","code\u0000":"no")");
  EXPECT_EQ(made.code(), code::busy);
  EXPECT_EQ(made.category_name(), "c");
  EXPECT_EQ(made.message(), "m");
  EXPECT_THAT(made.fields(), ElementsAre(field{"\xF0\x9F\x98\x80", "e"}));
}

// Two halves are two names, and one once they are read.
TEST_P(BadInput, NamesThatReadAlikeAreOneField) {
  const error made = accepted(R"("code":"x","fields":{"\ud800":"1","a":"2","\udc00":"3"})");
  EXPECT_THAT(made.fields(), ElementsAre(field{std::string(replacement), "3"}, field{"a", "2"}));
}

TEST_P(BadInput, LargeTextsAreReadWhole) {
  std::string text;
  while (text.size() < 1 << 20) text += "a line of text with a \"quote\" \x01 and \xE2\x80\x94\n";
  const parse_options limits{.body_bytes_max = 16 << 20};
  for (const std::string_view half : {R"()"sv, R"(\ud800)"sv}) {
    const std::string said = join({half.empty() ? "" : replacement, text});
    const error made = accepted(join({R"("code":"x","message":")", half, escaped(text),
                                      R"(","detail":")", half, escaped(text), R"(","fields":{")",
                                      half, escaped(text), R"(":")", half, escaped(text), R"("})"}),
                                limits);
    EXPECT_EQ(made.message(), said);
    ASSERT_EQ(made.fields().size(), 1u);
    EXPECT_EQ(made.fields()[0].name, said);
    EXPECT_EQ(made.fields()[0].explanation, said);
  }
}

TEST_P(BadInput, ControlsAndIllFormedUtf8AreRefusedInEachPlace) {
  for (const std::string_view bytes :
       {"\n"sv, "\0"sv, "\x1F"sv, "\xFF"sv, "\xC0\xAF"sv, "\xED\xA0\x80"sv, "\xE2\x80"sv}) {
    for (const auto& [before, behind] :
         {std::pair(R"("code":")"sv, R"(")"sv), std::pair(R"("code":"x","message":")"sv, R"(")"sv),
          std::pair(R"("code":"x",")"sv, R"(":0)"sv),
          std::pair(R"("code":"x","fields":{")"sv, R"(":"e"})"sv),
          std::pair(R"("code":"x","fields":{"a":")"sv, R"("})"sv),
          std::pair(R"("code":"x","a":[")"sv, R"("])"sv),
          std::pair(R"("a":"\ud800","code":")"sv, R"(")"sv)}) {
      const std::string body = GetParam().body(join({before, bytes, behind}));
      EXPECT_EQ(to_string(refused(body)), "not_json") << body;
    }
  }
}

// A body that is read twice is held to the limit once.
TEST_P(BadInput, MendedBodyMayBeAsLargeAsTheLimit) {
  for (const std::string_view value : {R"("\ud800")"sv, "1e99999999999"sv}) {
    const std::string body = GetParam().body(join({R"("code":"x","a":)", value}));
    EXPECT_TRUE(read(body, {.body_bytes_max = body.size()}));
    EXPECT_EQ(failed(read(body, {.body_bytes_max = body.size() - 1})),
              (parse_failure{errc::too_large, body.size() - 1}));
  }
}

TEST_P(BadInput, OffsetBehindWhatWasMendedIsOfTheBody) {
  constexpr std::pair<std::string_view, std::string_view> cases[] = {
      {R"("a":"\ud800","b":oops)", R"("a":"\u0041","b":oops)"},
      {R"("a":1e99999999999,"b":oops)", R"("a":1e00000000000,"b":oops)"},
      {R"("a":"\udc00\ud800","b":[1,])", R"("a":"\u0041\u0041","b":[1,])"},
      {R"("a":["\ud800n",1e99999999999],)", R"("a":["\u0041n",1e00000000000],)"},
      {R"("a":"\ud800\x")", R"("a":"\u0041\x")"},
      {R"("code":"\ud800")", R"("code":"\u0041")"},
      {R"("a":"\ud800"}}})", R"("a":"\u0041"}}})"},
  };
  for (const auto& [mended, plain] : cases) {
    const auto of_mended = read(GetParam().body(mended));
    const auto of_plain = read(GetParam().body(plain));
    ASSERT_EQ(of_mended.has_value(), of_plain.has_value()) << mended;
    if (!of_plain) {
      EXPECT_EQ(of_mended.error(), of_plain.error()) << mended;
    }
  }
  const std::string body = R"({"a":"\ud800","b":oops})";
  EXPECT_EQ(failed(read(body)), (parse_failure{errc::not_json, body.find("oops")}));
}

TEST_P(BadInput, KeepsNoViewOfWhatWasMended) {
  std::string body = GetParam().body(
      R"("code":"a code of some length","category":"a category of some length",)"
      R"("message":"a message of some length","detail":"a message of some length",)"
      R"("doc_url":"https://a.example/of/some/length","fields":{"some name":"some text"},)"
      R"("a":1e99999999999)");
  const auto made = read(body);
  body.assign(body.size(), '#');
  ASSERT_TRUE(made);
  EXPECT_EQ(to_json(*made), R"({"error":{"code":"a code of some length",)"
                            R"("category":"a category of some length",)"
                            R"("message":"a message of some length",)"
                            R"("doc_url":"https://a.example/of/some/length",)"
                            R"("fields":{"some name":"some text"}}})");
}

TEST_P(BadInput, StatusAndBodyAreKept) {  // G26
  for (const std::string_view members :
       {R"("code":"x")"sv, R"("code":"\ud800","a":1e99999999999)"sv, R"("code":7)"sv,
        "\"code\":\"\xFF\""sv, R"("code":)"sv, R"("a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[)"sv}) {
    const std::string body = GetParam().body(members);
    const response_error answer = read_response(418, body);
    EXPECT_EQ(answer.http_status, 418);
    EXPECT_EQ(answer.body, body);
    if (answer.envelope) {
      EXPECT_EQ(answer.envelope->http_status(), 418);
    }
  }
}

}  // namespace
}  // namespace parley::envelope
