// SPDX-License-Identifier: Apache-2.0
//
// The generator of the tables, and that what is checked in is what it makes.

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "e164/files.hpp"
#include "e164/gen/compare.hpp"
#include "e164/gen/compile.hpp"
#include "e164/gen/pattern.hpp"
#include "e164/gen/plan.hpp"
#include "e164/gen/render.hpp"
#include "e164/matcher.hpp"
#include "e164/plan_reference.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164::gen {
namespace {

using namespace std::string_literals;

// Patterns.

[[nodiscard]] bool accepts(const pattern& p, std::string_view digits) {
  std::set<std::uint32_t> here;
  const std::vector<std::uint32_t>* next = &p.first;
  std::set<std::uint32_t> reached;
  for (const char c : digits) {
    reached.clear();
    const auto step = [&](const std::vector<std::uint32_t>& places) {
      for (const std::uint32_t place : places) {
        if ((p.positions[place].digits >> (c - '0') & 1) != 0) reached.insert(place);
      }
    };
    if (next != nullptr) step(*next);
    for (const std::uint32_t place : here) step(p.positions[place].next);
    next = nullptr;
    here = reached;
  }
  return std::ranges::any_of(here, [&](std::uint32_t place) { return p.positions[place].is_last; });
}

// All texts of up to 3 digits, and of up to 6 of these four.
std::vector<std::string> short_texts() {
  std::vector<std::string> all = {""};
  const auto add = [&](std::string_view digits, std::size_t size_max) {
    std::vector<std::string> last = {""};
    for (std::size_t size = 1; size <= size_max; ++size) {
      std::vector<std::string> longer;
      for (const std::string& text : last) {
        for (const char digit : digits) longer.push_back(text + digit);
      }
      all.insert(all.end(), longer.begin(), longer.end());
      last = std::move(longer);
    }
  };
  add("0123456789", 3);
  add("0129", 6);
  return all;
}

TEST(Pattern, MatchesWhatTheStandardLibraryMatches) {
  const std::vector<std::string> texts = short_texts();
  for (const char* const source : {"1",
                                   "12",
                                   "1|2",
                                   "1|22|0",
                                   "12|1",
                                   "\\d",
                                   "\\d\\d",
                                   "[0129]",
                                   "[0-2]9",
                                   "[2-9]",
                                   "[02-57-9]1",
                                   "1?2",
                                   "1?2?9",
                                   "12?",
                                   "(?:12)?9",
                                   "(?:1|2?)9",
                                   "(?:|1)2",
                                   "(?:1|)2",
                                   "1{3}",
                                   "1{1}",
                                   "1{0,1}2",
                                   "1{0,3}2",
                                   "1{2,4}",
                                   "1{1,2}2{1,2}",
                                   "\\d{4}",
                                   "\\d{2,5}",
                                   "[12]{2,3}0?",
                                   "(?:12){2}",
                                   "(?:12){1,3}",
                                   "(?:1?2){2}",
                                   "(?:1?2?){2}9",
                                   "(?:1{1,2}|20){2,3}",
                                   "(?:1(?:2(?:0|9)?)?){2}",
                                   "(?:0|1){1,2}(?:1|2){1,2}",
                                   "(?:\\d\\d?){2}9",
                                   "(?:1|12)(?:29|9)",
                                   "\\d{0,2}1\\d{2}",
                                   "(?:[01]\\d|2[29])\\d{2,3}|9(?:0{2}|1)",
                                   "1{32}|12"}) {
    const auto read = read_pattern(source);
    ASSERT_TRUE(read) << source << ": " << read.error();
    const std::regex reference(source);
    std::size_t matched = 0;
    for (const std::string& text : texts) {
      const bool expected = std::regex_match(text, reference);
      ASSERT_EQ(accepts(*read, text), expected) << source << " and " << text;
      matched += expected ? 1u : 0u;
    }
    EXPECT_GT(matched, 0u) << source;
  }
}

struct pattern_error {
  const char* name;
  std::string text;
  std::string what;
  std::size_t at;
};
const pattern_error pattern_errors[] = {
    {"Nothing", "", "matches the empty text", 0},
    {"MayBeEmpty", "1?", "matches the empty text", 2},
    {"EmptyAlternative", "1|", "matches the empty text", 2},
    {"EmptyFirstAlternative", "|1", "matches the empty text", 2},
    {"EmptyBrackets", "(?:)", "matches the empty text", 4},
    {"AllOptional", "(?:1?){2}2{0,3}", "matches the empty text", 15},
    {"ClosesNothing", ")", "a bracket that closes nothing", 0},
    {"ClosesOnceMore", "(?:1))", "a bracket that closes nothing", 5},
    {"NotClosed", "(?:1", "a bracket that is not closed", 4},
    {"NotClosedAtOnce", "1(?:", "a bracket that is not closed", 4},
    {"InnerNotClosed", "(?:1(?:2)", "a bracket that is not closed", 9},
    {"Nul", "1\0"s, "a bracket that closes nothing", 1},
    {"Group", "(1)", "a construct that is not known", 0},
    {"Lookahead", "1(?=2)", "a construct that is not known", 1},
    {"Letter", "12a", "a construct that is not known", 2},
    {"NotADigitClass", "\\D", "a construct that is not known", 0},
    {"BackslashAlone", "1\\", "a construct that is not known", 1},
    {"AnyByte", ".", "a construct that is not known", 0},
    {"Begin", "^1", "a construct that is not known", 0},
    {"End", "1$", "a construct that is not known", 1},
    {"Blank", " 1", "a construct that is not known", 0},
    {"HighByte", "\xD9\xA1", "a construct that is not known", 0},
    {"SetClosedAlone", "1]", "a construct that is not known", 1},
    {"CountOfNothing", "{2}", "a construct that is not known", 0},
    {"QuestionOfNothing", "?", "a construct that is not known", 0},
    {"CountOfNothingInBrackets", "(?:?1)", "a construct that is not known", 3},
    {"Star", "1*", "a second count", 1},
    {"Plus", "1+", "a second count", 1},
    {"LazyQuestion", "1??", "a second count", 2},
    {"LazyCount", "1{2}?", "a second count", 4},
    {"CountOfCount", "1{2}{3}", "a second count", 4},
    {"CountCut", "1{", "a count that is no number", 2},
    {"CountNotEnded", "1{2", "a count that does not end", 3},
    {"CountOfLetter", "1{x}", "a count that is no number", 2},
    {"CountNegative", "1{-1}", "a count that is no number", 2},
    {"CountWithoutMost", "1{2,}", "a count that is no number", 4},
    {"CountWithoutLeast", "1{,2}", "a count that is no number", 2},
    {"CountWithBlank", "1{1, 2}", "a count that is no number", 4},
    {"CountOverflows", "1{99999999999}", "a count that is no number", 2},
    {"CountBackwards", "1{3,2}", "a count out of range", 6},
    {"CountOfNone", "1{0}", "a count out of range", 4},
    {"CountOfNoneToNone", "1{0,0}", "a count out of range", 6},
    {"CountAboveTheLimit", "1{33}", "a count out of range", 5},
    {"SetOfNothing", "[]", "a set that is not of digits", 2},
    {"SetNotClosed", "[1", "a set that is not of digits", 2},
    {"SetOfLetters", "[1a]", "a set that is not of digits", 2},
    {"SetInverted", "[^1]", "a set that is not of digits", 1},
    {"SetOfClass", "[\\d]", "a set that is not of digits", 1},
    {"RangeNotEnded", "[1-]", "a range that is none", 3},
    {"RangeCut", "[1-", "a range that is none", 3},
    {"RangeBackwards", "[2-1]", "a range that is none", 3},
    {"RangeOfOne", "[1-1]", "a range that is none", 3},
    {"RangeNotBegun", "[-1]", "a set that is not of digits", 1},
};

class PatternErrors : public testing::TestWithParam<pattern_error> {};

TEST_P(PatternErrors, NameTheByte) {
  const auto& [name, text, what, at] = GetParam();
  const auto read = read_pattern(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error(), what + " at byte " + std::to_string(at) + " of " + text);
}

INSTANTIATE_TEST_SUITE_P(, PatternErrors, testing::ValuesIn(pattern_errors),
                         [](const auto& each) { return std::string(each.param.name); });

std::string nested(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += "(?:";
  text += '1';
  return text.append(static_cast<std::size_t>(depth), ')');
}

TEST(PatternLimits, AreReachedAndNotCrossed) {
  EXPECT_TRUE(read_pattern(nested(32)));
  const auto too_deep = read_pattern(nested(33));
  ASSERT_FALSE(too_deep);
  EXPECT_TRUE(too_deep.error().starts_with("brackets too deep at byte 99 ")) << too_deep.error();

  EXPECT_TRUE(read_pattern("1{32}"));
  EXPECT_TRUE(read_pattern("(?:1{31}){32}"));
  // Each would take hours, or the memory of many machines.
  for (const char* const large :
       {"(?:(?:(?:(?:1{32}){32}){32}){32}){32}",
        "(?:(?:(?:(?:(?:(?:){32}){32}){32}){32}){32}){32}1", "(?:(?:(?:(?:1?){32}){32}){32}){32}2",
        "(?:(?:\\d{0,32}){32}){4}"}) {
    const auto read = read_pattern(large);
    ASSERT_FALSE(read) << large;
    EXPECT_TRUE(read.error().starts_with("a pattern too large at byte ")) << read.error();
  }
}

// Plans.

TEST(Plan, IsReadAsItStands) {
  const auto read = read_plan(
      "# a comment\n"
      "\n"
      "version 9.0.43\n"
      "plans some-package 1.2\n"
      "short_numbers another 3\n"
      "code 44\n"
      "region GB\n"
      "general \\d{7,10} 7,9,10\n"
      "fixed_line [12]\\d{9}\n"
      "mobile 7\\d{9} 10\n"
      "region GG\n"
      "general 1\\d{9} 10\n"
      "mobile =\n"
      "leading_digits 1481\n"
      "code 999\n"
      "region 001\n"
      "general 1 0,31");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->version, "9.0.43");
  EXPECT_EQ(read->plans, "some-package 1.2");
  EXPECT_EQ(read->short_numbers, "another 3");
  ASSERT_EQ(read->codes.size(), 2u);
  EXPECT_EQ(read->codes[0].code, 44u);
  ASSERT_EQ(read->codes[0].regions.size(), 2u);
  const region_plan& first = read->codes[0].regions[0];
  EXPECT_EQ(first.name, "GB");
  EXPECT_EQ(first[slot::general].pattern, "\\d{7,10}");
  EXPECT_EQ(first[slot::general].lengths, 1u << 7 | 1u << 9 | 1u << 10);
  EXPECT_EQ(first[slot::fixed_line].lengths, 0u);
  EXPECT_EQ(first[slot::mobile].pattern, "7\\d{9}");
  EXPECT_FALSE(first.mobile_as_fixed_line);
  EXPECT_EQ(first[slot::voip].pattern, "");
  const region_plan& second = read->codes[0].regions[1];
  EXPECT_TRUE(second.mobile_as_fixed_line);
  EXPECT_EQ(second[slot::mobile].pattern, "");
  EXPECT_EQ(second[slot::leading_digits].pattern, "1481");
  EXPECT_EQ(read->codes[1].code, 999u);
  EXPECT_EQ(read->codes[1].regions[0][slot::general].lengths, 1u | 1u << 31);
}

TEST(Plan, HasASlotOfEachName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < slot_count; ++i) {
    const std::string_view name = to_string(static_cast<slot>(i));
    names.insert(name);
    const auto read = read_plan("version 1\ncode 1\nregion AA\n" + std::string(name) + " 12 2\n");
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->codes[0].regions[0].of[i].pattern, "12") << name;
    EXPECT_EQ(read->codes[0].regions[0].of[i].lengths, 4u) << name;
  }
  EXPECT_EQ(names.size(), slot_count);
}

struct plan_error {
  const char* name;
  std::string text;
  std::string error;
};
const plan_error plan_errors[] = {
    {"Nothing", "", "no plan"},
    {"CommentsAlone", "# version 1\n", "no plan"},
    {"NoCode", "version 1\n", "no plan"},
    {"NoVersion", "code 1\nregion AA\ngeneral 1\n", "no plan"},
    {"AnotherWord", "version 1\n\nvrsion 2\n", "line 3: vrsion 2"},
    {"AWordWithoutValue", "version\n", "line 1: version"},
    {"TwoVersions", "version 1\nversion 1\n", "line 2: version 1"},
    {"TwoPackages", "plans 1\nplans 1\n", "line 2: plans 1"},
    {"CodeZero", "code 0\n", "line 1: code 0"},
    {"CodeOfFourDigits", "code 1000\n", "line 1: code 1000"},
    {"CodeWithoutNumber", "code\n", "line 1: code"},
    {"CodeAndMore", "code 44 45\n", "line 1: code 44 45"},
    {"CodeNegative", "code -1\n", "line 1: code -1"},
    {"CodeOverflows", "code 99999999999\n", "line 1: code 99999999999"},
    {"RegionBeforeACode", "# x\nregion AA\n", "line 2: region AA"},
    {"RegionWithoutName", "code 1\nregion\n", "line 2: region"},
    {"PatternBeforeARegion", "code 1\ngeneral 1\n", "line 2: general 1"},
    {"PatternBeforeARegionOfThisCode", "code 1\nregion AA\ncode 2\ngeneral 1\n",
     "line 4: general 1"},
    {"AnotherSlot", "code 1\nregion AA\ngenerel 1\n", "line 3: generel 1"},
    {"ASlotWithoutPattern", "code 1\nregion AA\ngeneral\n", "line 3: general"},
    {"TwoPatterns", "code 1\nregion AA\nvoip 1\nvoip 2\n", "line 4: voip 2"},
    {"LengthAboveTheLimit", "code 1\nregion AA\nvoip 1 32\n", "line 3: voip 1 32"},
    {"LengthNegative", "code 1\nregion AA\nvoip 1 -1\n", "line 3: voip 1 -1"},
    {"LengthOfLetters", "code 1\nregion AA\nvoip 1 a\n", "line 3: voip 1 a"},
    {"LengthMissing", "code 1\nregion AA\nvoip 1 1,,2\n", "line 3: voip 1 1,,2"},
    {"TwoBlanks", "code 1\nregion AA\nvoip 1  2\n", "line 3: voip 1  2"},
    {"Indented", " code 1\n", "line 1:  code 1"},
    {"CarriageReturn", "code 1\r\n", "line 1: code 1\r"},
};

class PlanErrors : public testing::TestWithParam<plan_error> {};

TEST_P(PlanErrors, NameTheLine) {
  const auto read = read_plan(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(, PlanErrors, testing::ValuesIn(plan_errors),
                         [](const auto& each) { return std::string(each.param.name); });

// Tables.

answer ask(const compiled& made, std::string_view text) {
  const detail::word said = detail::match(made.tables(), text);
  const auto found = detail::access::make(said);
  return {found.status(),       found.offset(),
          found.calling_code(), made.regions.at(said >> detail::region_at & 0xFF),
          found.type(),         found.is_possible()};
}

// "AA mobile", or the status; "!" where the length is not possible.
std::string short_answer(const compiled& made, std::string_view text) {
  const answer found = ask(made, text);
  std::string said = found.status == status::ok ? found.region + ' ' : "";
  said += found.status == status::ok ? to_string(found.type) : to_string(found.status);
  return found.is_possible ? said : said + '!';
}

struct small_plan {
  const char* name;
  std::string text;
  std::vector<std::pair<std::string, std::string>> answers;
};
const small_plan small_plans[] = {
    {"PrecedenceOfTypes",
     "code 9\nregion AA\ngeneral \\d{5} 5\n"
     "mobile [09]\\d{4}\nfixed_line [1-9]\\d{4}\nvoicemail [1-8]\\d{4}\nuan [1-7]\\d{4}\n"
     "pager [1-6]\\d{4}\npersonal_number [1-5]\\d{4}\nvoip [1-4]\\d{4}\nshared_cost [1-3]\\d{4}\n"
     "toll_free [12]\\d{4}\npremium_rate 1\\d{4}\n",
     {{"+910000", "AA premium_rate"},
      {"+920000", "AA toll_free"},
      {"+930000", "AA shared_cost"},
      {"+940000", "AA voip"},
      {"+950000", "AA personal_number"},
      {"+960000", "AA pager"},
      {"+970000", "AA uan"},
      {"+980000", "AA voicemail"},
      {"+990000", "AA fixed_line_or_mobile"},
      {"+900000", "AA mobile"},
      {"+9900000", "invalid_length!"},
      {"+99000", "invalid_length!"},
      {"+810000", "unknown_calling_code!"}}},
    {"MobileAsFixedLine",
     "code 9\nregion AA\ngeneral \\d{5} 5\nfixed_line [12]\\d{4}\nmobile =\npager 2\\d{4}\n",
     {{"+910000", "AA fixed_line_or_mobile"}, {"+920000", "AA pager"}, {"+930000", "invalid"}}},
    {"LengthsOfTypes",
     "code 9\nregion AA\ngeneral \\d{4,8} 4,6,8\nfixed_line 1\\d{3,7} 6\nmobile 1\\d{3,7}\n",
     {{"+91234", "AA mobile"},
      {"+912345", "invalid_length!"},
      {"+9123456", "AA fixed_line_or_mobile"},
      {"+91234567", "invalid_length!"},
      {"+912345678", "AA mobile"},
      {"+9123456789", "invalid_length!"},
      {"+922345678", "invalid"}}},
    {"NothingOutsideTheGeneralPattern",
     "code 9\nregion AA\ngeneral [1-3]\\d{4} 5\nfixed_line [2-5]\\d{4,5}\n",
     {{"+920000", "AA fixed_line"},
      {"+940000", "invalid"},
      {"+910000", "invalid"},
      {"+9200000", "invalid_length!"}}},
    {"MainRegionFirst",
     "code 9\nregion BB\ngeneral \\d{5} 5\nfixed_line [12]\\d{4}\n"
     "region AA\ngeneral \\d{5} 5\nfixed_line [23]\\d{4}\n",
     {{"+910000", "BB fixed_line"},
      {"+920000", "BB fixed_line"},
      {"+930000", "AA fixed_line"},
      {"+940000", "invalid"}}},
    {"LeadingDigitsWinEvenWhereInvalid",
     "code 9\nregion AA\ngeneral \\d{5} 5\nfixed_line 1\\d{4}\n"
     "region BB\ngeneral \\d{5} 5\nleading_digits [12]2|3\nfixed_line [1-3]21\\d\\d\n"
     "region CC\ngeneral \\d{5} 5\nmobile [1-3]\\d{4}\n",
     {{"+912100", "AA fixed_line"},  // before them in the order
      {"+922100", "BB fixed_line"},
      {"+922200", "invalid"},
      {"+923100", "CC mobile"},
      {"+921000", "CC mobile"},
      {"+932100", "BB fixed_line"},
      {"+930000", "invalid"},
      {"+940000", "invalid"}}},
    {"LeadingDigitsOfTheMainRegion",
     "code 9\nregion AA\ngeneral \\d{5} 5\nleading_digits 1\nfixed_line [12]0\\d{3}\n"
     "region BB\ngeneral \\d{5} 5\nfixed_line [12]\\d{4}\n",
     {{"+910000", "AA fixed_line"}, {"+911000", "invalid"}, {"+920000", "BB fixed_line"}}},
    {"LeadingDigitsOfAnOnlyRegionAreNotAsked",
     "code 9\nregion AA\ngeneral \\d{5} 5\nleading_digits 1\nfixed_line [12]\\d{4}\n",
     {{"+910000", "AA fixed_line"}, {"+920000", "AA fixed_line"}}},
    {"PossibleByTheMainRegionAlone",
     "code 9\nregion AA\ngeneral 1\\d{4} 5,7\nfixed_line 1\\d{4}\n"
     "region BB\ngeneral 2\\d{5} 6\nfixed_line 2\\d{5}\n",
     {{"+910000", "AA fixed_line"},
      {"+9200000", "BB fixed_line!"},
      {"+9300000", "invalid_length!"},
      {"+91000000", "invalid"}}},
    // Zeros behind a number are as none to the automaton: the length tells them apart.
    {"NumbersThatDifferByZerosAtTheEnd",
     "code 9\nregion AA\ngeneral \\d{3,14} 3,4,5,6,7,14\nfixed_line 123\nmobile 1230\n"
     "pager 12300|1230001\nuan 4560{11}\nvoip 4560{10}1|456\nvoicemail 4560\n",
     {{"+9123", "AA fixed_line"},
      {"+91230", "AA mobile"},
      {"+912300", "AA pager"},
      {"+9123000", "invalid"},
      {"+91230000", "invalid"},
      {"+91230001", "AA pager"},
      {"+91231", "invalid"},
      {"+9456", "AA voip"},
      {"+94560", "AA voicemail"},
      {"+945600", "invalid"},
      {"+945600000000000", "AA uan"},
      {"+945600000000001", "AA voip"},
      {"+945600000000010", "invalid"},
      {"+94560000000000", "invalid_length!"}}},
    {"OnePrefixAndATypeForEachLength",
     "code 99\nregion AA\ngeneral 1\\d{2,12} 3,4,5,6,7,13\nfixed_line 1\\d{2}\nmobile 1\\d{3}\n"
     "pager 1\\d{4}\nuan 1\\d{5}\nvoip 1\\d{12}\nemergency 1\\d{6,7}\n",
     {{"+99100", "AA fixed_line"},
      {"+991999", "AA mobile"},
      {"+9910000", "AA pager"},
      {"+99199999", "AA uan"},
      {"+991000000", "blocked"},
      {"+9910000000", "blocked!"},
      {"+99100000000", "invalid_length!"},
      {"+991999999999999", "AA voip"},
      {"+992999", "invalid"}}},
    {"SpecialServices",
     "code 9\nregion AA\ngeneral [2-9]\\d{2,5} 3,4,5,6\nfixed_line 3\\d{2,5}|2\\d{5}\n"
     "emergency 112|1000 3\nshort_toll_free 116\\d{3}|30[0-2]\nshort_code [5-7]\\d{0,3}|29{2,14}\n"
     "region BB\ngeneral 8\\d{4} 5\nleading_digits 8\nemergency 999|88888\n",
     {{"+9112", "blocked"},
      {"+91000", "invalid"},  // its lengths do not have it
      {"+9116123", "blocked"},
      {"+911612", "invalid"},
      {"+911", "invalid_length!"},
      {"+9300", "AA fixed_line"},  // a valid number is a number
      {"+95", "blocked!"},
      {"+955", "blocked!"},
      {"+9555", "blocked"},
      {"+95555", "invalid"},  // longer short codes look like cut numbers
      {"+9299", "blocked"},
      {"+92999", "invalid"},
      {"+9299999", "AA fixed_line"},
      {"+929999999999999", "invalid_length!"},
      {"+9999", "blocked"},
      {"+988888", "blocked"},
      {"+988887", "invalid"}}},
    {"CodesOfEachSize",
     "code 8\nregion AA\ngeneral \\d{3,14} 3,14\nfixed_line \\d{3,14}\nemergency 11\n"
     "code 90\nregion BB\ngeneral \\d{2,13} 2,13\nmobile \\d{2,13}\nemergency 1\n"
     "code 910\nregion 001\ngeneral \\d{1,12} 1,12\nvoip \\d{1,12}\n"
     "code 919\nregion CC\ngeneral 0{12}|1{12} 12\nvoip 0{12}|1{12}\nemergency 0|1\n",
     {{"+8000", "AA fixed_line"},
      {"+811", "blocked!"},
      {"+812", "invalid_length!"},
      {"+8", "invalid_length!"},
      {"+899999999999999", "AA fixed_line"},
      {"+9000", "BB mobile"},
      {"+901", "blocked!"},
      {"+900", "invalid_length!"},
      {"+909999999999999", "BB mobile"},
      {"+9100", "001 voip"},
      {"+910", "invalid_length!"},
      {"+910999999999999", "001 voip"},
      {"+91", "unknown_calling_code!"},
      {"+911", "unknown_calling_code!"},
      {"+911999999999999", "unknown_calling_code!"},
      {"+9190", "blocked!"},
      {"+9192", "invalid_length!"},
      {"+919000000000000", "CC voip"},
      {"+919111111111111", "CC voip"},
      {"+919111111111110", "invalid"},
      {"+9199999999999999", "too_long!"},
      {"+0", "not_e164!"}}},
};

class SmallPlan : public testing::TestWithParam<small_plan> {};

// The first texts say what is expected; the reference, and the loop that takes a digit at a time,
// are asked about all short texts besides.
TEST_P(SmallPlan, IsAnsweredFrom) {
  const auto read = read_plan("version 1\n" + GetParam().text);
  ASSERT_TRUE(read) << read.error();
  const auto made = compile(*read);
  ASSERT_TRUE(made) << made.error();
  plan_reference reference(*read);
  const auto agrees = [&](const std::string& text) {
    EXPECT_EQ(ask(*made, text), reference.classify(text)) << text;
    EXPECT_EQ(detail::match(made->tables(), text), detail::match_rest(made->tables(), text))
        << text;
  };
  for (const auto& [text, expected] : GetParam().answers) {
    EXPECT_EQ(short_answer(*made, text), expected) << text;
    agrees(text);
  }
  for (const std::string& digits : short_texts()) {
    if (digits.size() == 6 && digits.find_first_not_of("12") == std::string::npos) {
      for (const auto& [text, expected] : GetParam().answers) agrees(text + digits);
    }
    if (digits.size() <= 4) agrees("+9" + digits);
  }
}

INSTANTIATE_TEST_SUITE_P(, SmallPlan, testing::ValuesIn(small_plans),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Compile, KnowsTheRegionsInOrder) {
  const auto read = read_plan(
      "version 7\ncode 9\nregion ZZ\ngeneral 1\\d{4} 5\nregion AA\ngeneral 1\\d{4} 5\n"
      "code 800\nregion 001\ngeneral 1\\d{4} 5\ncode 801\nregion AA\ngeneral 1\\d{4} 5\n");
  ASSERT_TRUE(read) << read.error();
  const auto made = compile(*read);
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(made->version, "7");
  EXPECT_EQ(made->regions, (std::vector<std::string>{"", "001", "AA", "ZZ"}));
  for (unsigned code = 0; code < 1100; ++code) {
    EXPECT_EQ(detail::is_calling_code(made->tables(), code),
              code == 9 || code == 800 || code == 801)
        << code;
  }
}

std::string many_regions(int count) {
  std::string text = "code 9\n";
  for (int i = 0; i < count; ++i) {
    text += "region ";
    text += static_cast<char>('A' + i / 26);
    text += static_cast<char>('A' + i % 26);
    text += "\ngeneral 1\\d{4} 5\n";
  }
  return text;
}

std::string regions_of_many_codes(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "code " + std::to_string(100 + i) + "\nregion ";
    text += static_cast<char>('A' + i / 26);
    text += static_cast<char>('A' + i % 26);
    text += "\ngeneral 1\\d{4} 5\n";
  }
  return text;
}

const plan_error compile_errors[] = {
    {"CodeWithoutRegion", "code 9\n", "calling code 9: regions"},
    {"TooManyRegionsOfACode", many_regions(65), "calling code 9: regions"},
    {"TooManyRegions", regions_of_many_codes(256), "more than 255 regions"},
    {"NoGeneralPattern", "code 44\nregion AA\nfixed_line 1\n",
     "calling code 44: a region without the general pattern"},
    {"NoGeneralPatternOfTheSecond", "code 44\nregion AA\ngeneral 1\nregion BB\nfixed_line 1\n",
     "calling code 44: a region without the general pattern"},
    {"PatternOfAType", "code 44\nregion AA\ngeneral 1\nvoip 1(2)\n",
     "calling code 44: a construct that is not known at byte 1 of 1(2)"},
    {"PatternOfAShortNumber", "code 44\nregion AA\ngeneral 1\nemergency 1+\n",
     "calling code 44: a second count at byte 1 of 1+"},
    {"RegionOfThreeLetters", "code 44\nregion ABC\ngeneral 1\n", "a region called ABC"},
    {"RegionOfThreeDigits", "code 44\nregion 002\ngeneral 1\n", "a region called 002"},
    {"CodeTwice", "code 44\nregion AA\ngeneral 1\ncode 44\nregion BB\ngeneral 1\n",
     "calling code 44: it or a part of it is one already"},
    {"CodeThatAnotherBeginsWith", "code 441\nregion AA\ngeneral 1\ncode 44\nregion BB\ngeneral 1\n",
     "calling code 44: it or a part of it is one already"},
    {"CodeThatBeginsWithAnother", "code 4\nregion AA\ngeneral 1\ncode 441\nregion BB\ngeneral 1\n",
     "calling code 441: it or a part of it is one already"},
    // What the tables would have to remember doubles with each digit.
    {"TooManyStates",
     "code 9\nregion AA\ngeneral \\d{14} 14\n"
     "fixed_line \\d{0,13}1(?:\\d{5}2|\\d{6}3|\\d{4}7)\\d{0,9}\n"
     "mobile \\d{0,13}4(?:\\d{5}5|\\d{6}6|\\d{4}8)\\d{0,9}\n",
     "calling code 9: a plan too large"},
    {"TooManyShortNumbers",
     "code 9\nregion AA\ngeneral 1\\d{4} 5\n"
     "emergency \\d{0,13}1(?:\\d{5}2|\\d{6}3|\\d{4}7)\\d{0,9}\n"
     "short_toll_free \\d{0,13}4(?:\\d{5}5|\\d{6}6|\\d{4}8)\\d{0,9}\n",
     "calling code 9: too many short numbers"},
};

class CompileErrors : public testing::TestWithParam<plan_error> {};

TEST_P(CompileErrors, SayWhatIsWrong) {
  const auto read = read_plan("version 1\n" + GetParam().text);
  ASSERT_TRUE(read) << read.error();
  const auto made = compile(*read);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(, CompileErrors, testing::ValuesIn(compile_errors),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(CompileLimits, AreReached) {
  for (const std::string& text : {many_regions(64), regions_of_many_codes(255)}) {
    const auto read = read_plan("version 1\n" + text);
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE(compile(*read));
  }
}

// Short numbers longer than E.164 allows are not there, whatever the plan says.
TEST(Compile, PassesOverShortNumbersThatAreTooLong) {
  const auto read = read_plan(
      "version 1\ncode 9\nregion AA\ngeneral 1\\d{4} 5\n"
      "emergency 2(?:\\d{13}|\\d{14}|\\d{30}|\\d{32})\n");
  ASSERT_TRUE(read) << read.error();
  const auto made = compile(*read);
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(short_answer(*made, "+92" + std::string(13, '5')), "blocked!");
  EXPECT_EQ(short_answer(*made, "+92" + std::string(12, '5')), "invalid_length!");
  EXPECT_EQ(short_answer(*made, "+92" + std::string(14, '5')), "too_long!");
}

// Changes.

struct changed_plan {
  const char* name;
  std::string before;
  std::string after;
  std::vector<std::string> changes;
};
const std::string five_digits = "code 9\nregion AA\ngeneral \\d{5} 5\n";
const changed_plan changed_plans[] = {
    {"Nothing", five_digits + "fixed_line 1\\d{4}\n", five_digits + "fixed_line 1\\d{4}\n", {}},
    {"OnlyHowItIsWritten",
     five_digits + "fixed_line [12]\\d{4}\n",
     five_digits + "fixed_line (?:1|2)\\d\\d{3}\n",
     {}},
    {"NewNumbers",
     five_digits + "fixed_line [1-3]\\d{4}\n",
     five_digits + "fixed_line [1-4]\\d{4}\n",
     {"+94...  6 digits: invalid -> AA fixed_line"}},
    {"NumbersGone",
     five_digits + "fixed_line 1\\d{4}|2[0-57-9]\\d{3}\n",
     five_digits + "fixed_line 1\\d{4}\n",
     {"+92[0-57-9]...  6 digits: AA fixed_line -> invalid"}},
    {"AnotherType",
     five_digits + "fixed_line 1\\d{4}\n",
     five_digits + "voip 1\\d{4}\n",
     {"+91...  6 digits: AA fixed_line -> AA voip"}},
    {"AnotherRegion",
     five_digits + "fixed_line 1\\d{4}\n",
     "code 9\nregion BB\ngeneral \\d{5} 5\nfixed_line 1\\d{4}\n",
     {"+91...  6 digits: AA fixed_line -> BB fixed_line"}},
    {"MoreLengths",
     five_digits + "fixed_line 1\\d{4}\n",
     "code 9\nregion AA\ngeneral \\d{5,6} 5,6\nfixed_line 1\\d{4}\n",
     {"+9...  7 digits: invalid_length -> invalid"}},
    {"ALengthThatIsNoLongerPossible",
     "code 9\nregion AA\ngeneral 1\\d{4} 5\nfixed_line 1\\d{4}\n",
     "code 9\nregion AA\ngeneral 1\\d{4}\nfixed_line 1\\d{4}\n",
     {"+91...  6 digits: AA fixed_line -> AA fixed_line (not possible)",
      "+9[02-9]...  6 digits: invalid -> invalid_length"}},
    {"AnotherCode",
     "code 9\nregion AA\ngeneral 1\\d{3,4} 4,5\nfixed_line 1\\d{3,4}\n",
     "code 8\nregion AA\ngeneral 1\\d{3,4} 4,5\nfixed_line 1\\d{3,4}\n",
     {"+8...  4, 7, 8, 9, 10, 11, 12, 13, 14, 15 digits: unknown_calling_code -> invalid_length",
      "+81...  5, 6 digits: unknown_calling_code -> AA fixed_line",
      "+8[02-9]...  5, 6 digits: unknown_calling_code -> invalid",
      "+9...  4, 7, 8, 9, 10, 11, 12, 13, 14, 15 digits: invalid_length -> unknown_calling_code",
      "+91...  5, 6 digits: AA fixed_line -> unknown_calling_code",
      "+9[02-9]...  5, 6 digits: invalid -> unknown_calling_code"}},
};

class Compare : public testing::TestWithParam<changed_plan> {};

TEST_P(Compare, NamesTheNumbersThatDiffer) {
  const auto make = [](const std::string& text) {
    return compile(*read_plan("version 1\n" + text));
  };
  const auto before = make(GetParam().before);
  const auto after = make(GetParam().after);
  ASSERT_TRUE(before && after);
  std::vector<std::string> texts;
  for (const change& each : compare(*before, *after)) texts.push_back(each.text());
  EXPECT_EQ(texts, GetParam().changes);
}

INSTANTIATE_TEST_SUITE_P(, Compare, testing::ValuesIn(changed_plans),
                         [](const auto& each) { return std::string(each.param.name); });

// What is shipped.

const plan& shipped_plan() {
  static const plan made = *read_plan(read_file(PARLEY_E164_PLAN));
  return made;
}

const compiled& shipped_now() {
  static const compiled made = *compile(shipped_plan());
  return made;
}

// The first byte at which they differ.
std::optional<std::size_t> find_difference(std::string_view a, std::string_view b) {
  const auto [at, other] = std::ranges::mismatch(a, b);
  if (at == a.end() && other == b.end()) return std::nullopt;
  return static_cast<std::size_t>(at - a.begin());
}

TEST(ShippedTables, AreMadeFromTheShippedPlan) {
  std::string text = read_file(PARLEY_E164_TABLES);
  const std::string fresh = render(shipped_plan(), shipped_now());
  EXPECT_EQ(find_difference(text, fresh), std::nullopt)
      << "run lib/e164/gen/refresh.sh: shipped_tables.cpp is stale";
  for (std::size_t at = 0; at < text.size(); at += 7'919) {
    text[at] = static_cast<char>(text[at] ^ 1);
    EXPECT_EQ(find_difference(text, fresh), at);
    text[at] = static_cast<char>(text[at] ^ 1);
  }
  text.pop_back();
  EXPECT_EQ(find_difference(text, fresh), text.size());
}

TEST(ShippedTables, AreAsSmallAsTheyHaveToBe) {
  EXPECT_LE(shipped_now().bytes(), 160'000u);
  EXPECT_GE(shipped_now().bytes(), 100'000u);  // else bytes() has not counted all
}

TEST(ShippedTables, HaveTheCallingCodesOfThePlan) {
  std::set<unsigned> codes;
  for (const code_plan& code : shipped_plan().codes) codes.insert(code.code);
  EXPECT_GT(codes.size(), 200u);
  for (unsigned code = 0; code <= 2'000; ++code) {
    EXPECT_EQ(is_calling_code(code), codes.contains(code)) << code;
  }
  for (const unsigned code : {65'537u, 1u << 31, std::numeric_limits<unsigned>::max()}) {
    EXPECT_FALSE(is_calling_code(code)) << code;
  }
}

TEST(ShippedTables, DifferInNothingFromThemselves) {
  EXPECT_TRUE(compare(shipped_now(), shipped_now()).empty());
}

class shipped_reference {
 public:
  // `text` by the tables as they were compiled, by those that were shipped, and by the plan.
  void check(const std::string& text) {
    const answer expected = reference_.classify(text);
    ASSERT_EQ(ask(shipped_now(), text), expected) << text;
    const classification found = classify(text);
    const answer shipped = {found.status(),       found.offset(),
                            found.calling_code(), std::string(found.region()),
                            found.type(),         found.is_possible()};
    ASSERT_EQ(shipped, expected) << text;
  }

 private:
  plan_reference reference_{shipped_plan()};
};

TEST(ShippedTables, SayOfEveryShortTextWhatThePlanSays) {
  shipped_reference reference;
  for (int digits = 0; digits < 10'000; ++digits) {
    reference.check('+' + std::to_string(digits));
    if (HasFatalFailure()) return;
  }
}

// Numbers of the sample as they stand and damaged: a digit changed, cut off, put in, or another
// calling code before them.
TEST(ShippedTables, SayOfDamagedNumbersWhatThePlanSays) {
  const std::string sample = read_file(PARLEY_E164_SAMPLE);
  shipped_reference reference;
  std::mt19937_64 random(20'240'607);
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  const auto digit = [&] { return static_cast<char>('0' + random() % 10); };
  for (const std::string_view row : split(sample, '\n')) {
    std::string text(row.substr(0, row.find('\t')));
    switch (below(5)) {
      case 0: break;
      case 1: text[1 + below(text.size() - 1)] = digit(); break;
      case 2: text.erase(1 + below(text.size() - 1), 1); break;
      case 3: text.insert(1 + below(text.size()), 1, digit()); break;
      case 4: {
        const auto& codes = shipped_plan().codes;
        text = '+' + std::to_string(codes[below(codes.size())].code) + text.substr(2);
        break;
      }
    }
    reference.check(text);
    if (HasFatalFailure()) return;
  }
}

// Of a few numbers every beginning, and every byte at every place.
TEST(ShippedTables, SayOfEveryOneByteChangeWhatThePlanSays) {
  shipped_reference reference;
  for (const std::string number :
       {"+442079460958", "+13106789", "+390669812345", "+4930123", "+74951234567",
        "+878101234567890", "+919876543210", "+88213032330", "+49116117"}) {
    for (std::size_t size = 0; size <= number.size(); ++size) {
      reference.check(number.substr(0, size));
      if (HasFatalFailure()) return;
    }
    for (std::size_t at = 0; at < number.size(); ++at) {
      std::string text = number;
      for (int value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        reference.check(text);
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace parley::e164::gen
