// SPDX-License-Identifier: Apache-2.0
//
// What is JSON for the parser is what RFC 8259 says, wherever it stands in a body; and what mending
// does to it.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "envelope/json_grammar.hpp"
#include "envelope/json_vectors.hpp"
#include "envelope/mend.hpp"
#include "envelope/reference.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace parley::envelope {
namespace {

class JsonVector : public testing::TestWithParam<json_vector> {
 protected:
  static std::string body() { return std::string(GetParam().text); }
  static std::string as_member() {
    return join({R"({"error":{"code":"x"},"a":)", GetParam().text, "}"});
  }
  static std::string as_element() {
    return join({R"({"error":{"code":"x","fields":{"a":"b"},"list":[0,)", GetParam().text, "]}}"});
  }
  static std::string in_problem() { return join({R"({"code":"x","a":)", GetParam().text, "}"}); }
};

TEST_P(JsonVector, IsJudgedByTheGrammar) {
  const verdict expected = GetParam().is_valid ? verdict::json : verdict::not_json;
  for (const std::string& each : {body(), as_member(), as_element(), in_problem()}) {
    EXPECT_EQ(judge(each), expected) << GetParam().rule;
    const std::string mended = detail::mend(each);
    EXPECT_EQ(mended.size(), each.size());
    EXPECT_EQ(judge(mended), expected) << mended;
  }
}

TEST_P(JsonVector, IsJudgedByTheParsers) {
  const std::string_view of_body = GetParam().is_valid       ? "not_envelope"
                                   : GetParam().text.empty() ? "empty_body"
                                                             : "not_json";
  for (const auto& read : {parse(body()), parse_problem(body())}) {
    ASSERT_FALSE(read) << GetParam().rule;
    EXPECT_EQ(to_string(read.error().reason), of_body);
  }
  for (const auto& read : {parse(as_member()), parse(as_element()), parse_problem(in_problem())}) {
    ASSERT_EQ(read.has_value(), GetParam().is_valid) << GetParam().rule;
    if (read) {
      EXPECT_EQ(read->code_name(), "x");
    } else {
      EXPECT_EQ(to_string(read.error().reason), "not_json");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, JsonVector, testing::ValuesIn(json_vectors),
                         [](const auto& each) { return std::string(each.param.name); });

// Of deep JSON what comes first counts.

struct depth_case {
  const char* name;
  std::string_view text;
  std::size_t depth_max;
  verdict expected;
};
constexpr depth_case depth_cases[] = {
    {"NumberNeedsNone", "0", 0, verdict::json},
    {"ArrayAtTheLimit", "[]", 1, verdict::json},
    {"ArrayBeyondIt", "[]", 0, verdict::too_deep},
    {"ObjectAtTheLimit", "{}", 1, verdict::json},
    {"ObjectBeyondIt", "{}", 0, verdict::too_deep},
    {"OneInTheOtherAtTheLimit", R"([{"a":[]}])", 3, verdict::json},
    {"OneInTheOtherBeyondIt", R"([{"a":[]}])", 2, verdict::too_deep},
    {"NextToEachOther", R"([[],{"a":[]},[[]]])", 3, verdict::json},
    {"BeyondItAndCut", "[[", 1, verdict::too_deep},
    {"BeyondItBehindAMistake", "[,[]]", 1, verdict::not_json},
    {"BeyondItBehindAHugeExponent", "[1e99999999999,[]]", 1, verdict::too_deep},
    {"BeyondItBehindHalfAPair", R"(["\ud800",[]])", 1, verdict::too_deep},
    {"MistakeBehindIt", "[[],,]", 1, verdict::too_deep},
};

class JsonDepth : public testing::TestWithParam<depth_case> {};

TEST_P(JsonDepth, IsJudgedByTheGrammarAndTheParser) {
  EXPECT_EQ(judge(GetParam().text, GetParam().depth_max), GetParam().expected);
  const auto read = parse(GetParam().text, {.depth_max = GetParam().depth_max});
  ASSERT_FALSE(read);
  EXPECT_EQ(to_string(read.error().reason), GetParam().expected == verdict::json ? "not_envelope"
                                            : GetParam().expected == verdict::too_deep
                                                ? "too_deep"
                                                : "not_json");
}

INSTANTIATE_TEST_SUITE_P(, JsonDepth, testing::ValuesIn(depth_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct mend_case {
  const char* name;
  std::string_view body;
  std::string_view mended;
};
constexpr mend_case mend_cases[] = {
    {"Nothing", "", ""},
    {"NothingToDo", R"({"a":["b\n\u0041",1.5,true,false,null]})",
     R"({"a":["b\n\u0041",1.5,true,false,null]})"},
    {"Exponents", "[1e12,2.5E-34,-0e+5]", "[1e00,2.5E-00,-0e+0]"},
    {"ExponentAtTheEnd", "1e12", "1e00"},
    {"ExponentWithoutDigits", "[1e,1e+]", "[1e,1e+]"},
    {"ExponentOfTwoSigns", "1e+-12", "1e+-12"},
    {"DigitsOfTheFraction", "12.345e6", "12.345e0"},
    {"LiteralAndDigits", "[true12,false-3]", "[true00,false-0]"},
    {"ExponentInAString", R"(["1e12",1e3])", R"(["1e12",1e0])"},
    {"EscapedQuotes", R"(["\"1e12","\\",1e3])", R"(["\"1e12","\\",1e0])"},
    {"Pair", R"("\ud83d\ude00")", R"("\ud83d\ude00")"},
    {"High", R"("\ud800")", R"("\uFFFD")"},
    {"Low", R"("\udFFf")", R"("\uFFFD")"},
    {"BesideTheHalves", R"("\ud7ff\ue000")", R"("\ud7ff\ue000")"},
    {"TwoHighs", R"("\ud800\udbff")", R"("\uFFFD\uFFFD")"},
    {"HighAndPair", R"("\ud800\ud83d\ude00")", R"("\uFFFD\ud83d\ude00")"},
    {"PairAndLow", R"("\ud83d\ude00\udc00")", R"("\ud83d\ude00\uFFFD")"},
    {"LowAndHigh", R"("\udc00\ud800")", R"("\uFFFD\uFFFD")"},
    {"HighAndALetter", R"("\ud800a\udc00")", R"("\uFFFDa\uFFFD")"},
    {"HighAndAnEscape", R"("\ud800\n\"\ud800\\")", R"("\uFFFD\n\"\uFFFD\\")"},
    {"EscapedBackslash", R"("\\ud800\\\ud800")", R"("\\ud800\\\uFFFD")"},
    {"OutsideAString", R"(\ud800"\ud800"\ud800)", R"(\ud800"\uFFFD"\ud800)"},
    {"NotHexadecimal", R"("\ud80g\ud8 0\u-800\u+800\ux800")",
     R"("\ud80g\ud8 0\u-800\u+800\ux800")"},
    {"CutInAnEscape", R"("\ud80)", R"("\ud80)"},
    {"CutInTheSecondEscape", R"("\ud800\udc0)", R"("\uFFFD\udc0)"},
    {"CutBehindABackslash", "\"\\", "\"\\"},
};

class Mend : public testing::TestWithParam<mend_case> {};

TEST_P(Mend, ReplacesThatAndNothingElse) {
  EXPECT_EQ(detail::mend(GetParam().body), GetParam().mended);
  EXPECT_EQ(detail::mend(GetParam().mended), GetParam().mended);
}

INSTANTIATE_TEST_SUITE_P(, Mend, testing::ValuesIn(mend_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::envelope
