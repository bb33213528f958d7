// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/syntax.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "e164/reference.hpp"

namespace parley::e164 {
namespace {

// What wins where two rules are broken, and both sides of every limit.
struct syntax_case {
  const char* name;
  std::string_view text;
  e164::status status;
  std::size_t offset;
};
using namespace std::string_view_literals;
constexpr syntax_case syntax_cases[] = {
    {"Nothing", "", status::not_e164, 0},
    {"PlusAlone", "+", status::not_e164, 1},
    {"OneDigit", "+1", status::ok, 2},
    {"TwoDigits", "+10", status::ok, 3},
    {"ThreeDigits", "+999", status::ok, 4},
    {"FourDigits", "+1234", status::ok, 5},
    {"SevenDigits", "+1234567", status::ok, 8},
    {"EightDigits", "+12345678", status::ok, 9},
    {"NorthAmerican", "+14155550123", status::ok, 12},
    {"FifteenDigits", "+123456789012345", status::ok, 16},
    {"SixteenDigits", "+1234567890123456", status::too_long, 16},
    {"SeventeenDigits", "+12345678901234567", status::too_long, 16},
    {"LetterInPlaceOfTheSixteenthDigit", "+123456789012345x", status::not_e164, 16},
    {"LetterAfterTheSixteenthDigit", "+1234567890123456x", status::too_long, 16},
    {"LetterFarBeforeTheSixteenthDigit", "+12345x7890123456", status::not_e164, 6},
    {"LetterInTheSecondWord", "+123456789x123456", status::not_e164, 10},
    {"ZeroBeforeTooManyDigits", "+0234567890123456", status::not_e164, 1},
    {"NoPlusBeforeTooManyDigits", "12345678901234567", status::not_e164, 0},
    {"NoPlus", "14155550123", status::not_e164, 0},
    {"NoPlusBeforeALetter", "1415555x123", status::not_e164, 0},
    {"TwoPluses", "++14155550123", status::not_e164, 1},
    {"PlusInside", "+1415+5550123", status::not_e164, 5},
    {"PlusAtTheEnd", "+14155550123+", status::not_e164, 12},
    {"LeadingZero", "+04155550123", status::not_e164, 1},
    {"ZeroAlone", "+0", status::not_e164, 1},
    {"ZeroInside", "+1000000000", status::ok, 11},
    {"LeadingBlank", " +14155550123", status::not_e164, 0},
    {"TrailingBlank", "+14155550123 ", status::not_e164, 12},
    {"TrailingNewline", "+14155550123\n", status::not_e164, 12},
    {"Separators", "+1 (415) 555-0123", status::not_e164, 2},
    {"Letter", "+1415555x123", status::not_e164, 8},
    {"ByteBelowZero", "+1415555/123", status::not_e164, 8},
    {"ByteAboveNine", "+1415555:123", status::not_e164, 8},
    {"NulInside",
     "+1415555\0"
     "123"sv,
     status::not_e164, 8},
    {"NulAtTheEnd", "+14155550123\0"sv, status::not_e164, 12},
    {"NulAlone", "\0"sv, status::not_e164, 0},
    {"ArabicIndicDigits", "+\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA5", status::not_e164, 1},
    {"FullWidthPlus",
     "\xEF\xBC\x8B"
     "14155550123",
     status::not_e164, 0},
    {"ByteOrderMark", "\xEF\xBB\xBF+14155550123", status::not_e164, 0},
};

class CheckSyntax : public testing::TestWithParam<syntax_case> {};

TEST_P(CheckSyntax, GivesStatusAndOffset) {
  const syntax checked = check_syntax(GetParam().text);
  EXPECT_EQ(to_string(checked.status), to_string(GetParam().status));
  EXPECT_EQ(checked.offset, GetParam().offset);
  EXPECT_EQ(static_cast<bool>(checked), GetParam().status == status::ok);
  EXPECT_EQ(is_syntax_ok(GetParam().text), GetParam().status == status::ok);
}

INSTANTIATE_TEST_SUITE_P(, CheckSyntax, testing::ValuesIn(syntax_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// Compares with the rule by the book on a copy in a block of exactly its size, so that
// AddressSanitizer sees a read past either end.
[[nodiscard]] bool agrees(std::string_view text) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  text.copy(exact.get(), text.size());
  const std::string_view copy(exact.get(), text.size());
  const syntax expected = check_by_the_book(text);
  return check_syntax(copy) == expected && is_syntax_ok(copy) == (expected.status == status::ok);
}

TEST(CheckSyntaxExhaustively, EveryTextOfOneAndTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    std::string text(1, static_cast<char>(first));
    ASSERT_TRUE(agrees(text)) << first;
    text.push_back('\0');
    for (int second = 0; second < 256; ++second) {
      text.back() = static_cast<char>(second);
      ASSERT_TRUE(agrees(text)) << first << ' ' << second;
    }
  }
}

// All texts of three and four bytes out of the bytes next to every limit of the rule.
TEST(CheckSyntaxExhaustively, EveryShortTextOfBytesAtTheLimits) {
  constexpr std::string_view bytes = "+*,/0129:\0\x7F\x80\xAB\xB1\xFF"sv;
  for (const char a : bytes) {
    for (const char b : bytes) {
      for (const char c : bytes) {
        ASSERT_TRUE(agrees(std::string{a, b, c}));
        for (const char d : bytes) ASSERT_TRUE(agrees(std::string{a, b, c, d}));
      }
    }
  }
}

TEST(CheckSyntaxExhaustively, EveryByteAtEveryPlaceOfEveryLength) {
  const std::string good = "+12345678901234567";
  for (std::size_t size = 0; size <= good.size(); ++size) {
    ASSERT_TRUE(agrees(good.substr(0, size))) << size;
    for (std::size_t place = 0; place < size; ++place) {
      std::string text = good.substr(0, size);
      for (int value = 0; value < 256; ++value) {
        text[place] = static_cast<char>(value);
        ASSERT_TRUE(agrees(text)) << size << ' ' << place << ' ' << value;
      }
    }
  }
}

// Two bad bytes: the first one is reported, whichever words they fall into and whatever carries
// between them.
TEST(CheckSyntaxExhaustively, EveryPairOfBadBytesAtEveryLength) {
  constexpr char bad_bytes[] = {'\0', '/', ':', '+', '0', '\x7F', '\xB5', '\xF9', '\xFA', '\xFF'};
  const std::string good = "+98765432109876543";
  for (std::size_t size = 2; size <= good.size(); ++size) {
    for (std::size_t first = 0; first < size; ++first) {
      for (std::size_t second = first + 1; second < size; ++second) {
        std::string text = good.substr(0, size);
        for (const char a : bad_bytes) {
          text[first] = a;
          for (const char b : bad_bytes) {
            text[second] = b;
            ASSERT_TRUE(agrees(text)) << size << ' ' << first << ' ' << second;
          }
        }
      }
    }
  }
}

TEST(CheckSyntaxOfHugeTexts, IsDecidedByTheFirstBytes) {
  std::string text(10'000'001, '1');
  text[0] = '+';
  EXPECT_EQ(check_syntax(text), (syntax{status::too_long, 16}));
  EXPECT_FALSE(is_syntax_ok(text));
  text[16] = 'x';
  EXPECT_EQ(check_syntax(text), (syntax{status::not_e164, 16}));
  text[1] = '0';
  EXPECT_EQ(check_syntax(text), (syntax{status::not_e164, 1}));
  EXPECT_EQ(check_syntax(std::string(10'000'000, '\xFF')), (syntax{status::not_e164, 0}));
}

TEST(Syntax, DefaultIsNotANumber) {
  constexpr syntax none;
  static_assert(!none);
  EXPECT_EQ(none, (syntax{status::not_e164, 0}));
}

TEST(Status, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view names[] = {
      "ok", "not_e164", "too_long", "unknown_calling_code", "invalid_length", "invalid", "blocked"};
  EXPECT_EQ(static_cast<int>(status::blocked), 6);
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(to_string(status{static_cast<std::uint8_t>(value)}),
              value < 7 ? names[value] : "unknown");
  }
}

}  // namespace
}  // namespace parley::e164
