// SPDX-License-Identifier: Apache-2.0
#include "client/retry_after.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// 6 November 1994, 08:49:37: the date of RFC 9110, 5.6.7.
const sys_seconds example = sys_days(1994y / 11 / 6) + 8h + 49min + 37s;

struct date_case {
  const char* name;
  std::string_view text;
  sys_seconds date;
};
const date_case dates[] = {
    {"Fixed", "Sun, 06 Nov 1994 08:49:37 GMT", example},
    {"Rfc850", "Sunday, 06-Nov-94 08:49:37 GMT", example},
    {"Asctime", "Sun Nov  6 08:49:37 1994", example},
    {"AsctimeTwoDigits", "Wed Nov 16 08:49:37 1994", example + std::chrono::days(10)},
    {"WrongWeekday", "Mon, 06 Nov 1994 08:49:37 GMT", example},
    {"LeapDay", "Thu, 29 Feb 2024 00:00:00 GMT", sys_days(2024y / 2 / 29)},
    {"LeapSecond", "Sat, 31 Dec 2016 23:59:60 GMT", sys_days(2017y / 1 / 1)},
    {"Epoch", "Thu, 01 Jan 1970 00:00:00 GMT", sys_days(1970y / 1 / 1)},
    {"YearZero", "Sat, 01 Jan 0000 00:00:00 GMT", sys_days(0y / 1 / 1)},
    {"YearOfFourNines", "Fri, 31 Dec 9999 23:59:59 GMT", sys_days(9999y / 12 / 31) + 24h - 1s},
};
class HttpDate : public testing::TestWithParam<date_case> {};
TEST_P(HttpDate, IsRead) { EXPECT_EQ(parse_http_date(GetParam().text, example), GetParam().date); }
INSTANTIATE_TEST_SUITE_P(, HttpDate, testing::ValuesIn(dates),
                         [](const auto& each) { return std::string(each.param.name); });

struct bad_case {
  const char* name;
  std::string_view text;
};
constexpr bad_case bad_dates[] = {
    {"Nothing", ""},
    {"NoZone", "Sun, 06 Nov 1994 08:49:37"},
    {"AnotherZone", "Sun, 06 Nov 1994 08:49:37 CET"},
    {"Offset", "Sun, 06 Nov 1994 08:49:37 +0000"},
    {"LowerCase", "sun, 06 nov 1994 08:49:37 gmt"},
    {"OneDigitOfTheDay", "Sun, 6 Nov 1994 08:49:37 GMT"},
    {"TwoDigitsOfTheYear", "Sun, 06 Nov 94 08:49:37 GMT"},
    {"DayZero", "Sun, 00 Nov 1994 08:49:37 GMT"},
    {"Day31OfNovember", "Sun, 31 Nov 1994 08:49:37 GMT"},
    {"LeapDayOfAnotherYear", "Wed, 29 Feb 2023 00:00:00 GMT"},
    {"Hour24", "Sun, 06 Nov 1994 24:00:00 GMT"},
    {"Minute60", "Sun, 06 Nov 1994 08:60:00 GMT"},
    {"Second61", "Sun, 06 Nov 1994 08:49:61 GMT"},
    {"Trailing", "Sun, 06 Nov 1994 08:49:37 GMT "},
    {"Signs", "Sun, +6 Nov 1994 -8:49:37 GMT"},
    {"UnknownMonth", "Sun, 06 Foo 1994 08:49:37 GMT"},
    {"UnknownDay", "Foo, 06 Nov 1994 08:49:37 GMT"},
    {"Iso", "1994-11-06T08:49:37Z"},
    {"LongDayInTheFixedForm", "Sunday, 06 Nov 1994 08:49:37 GMT"},
};
class NoHttpDate : public testing::TestWithParam<bad_case> {};
TEST_P(NoHttpDate, IsNotRead) { EXPECT_FALSE(parse_http_date(GetParam().text, example)); }
INSTANTIATE_TEST_SUITE_P(, NoHttpDate, testing::ValuesIn(bad_dates),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(HttpDateCutShort, AtAnyByteIsNotRead) {
  for (const date_case& each : dates) {
    for (std::size_t size = 0; size < each.text.size(); ++size) {
      const std::string cut(each.text.substr(0, size));
      EXPECT_FALSE(parse_http_date(cut, example)) << cut;
    }
  }
}

// RFC 9110, 5.6.7: a year of two digits that would be more than 50 years ahead is of the past.
TEST(HttpDateOfRfc850, TakesTheYearThatIsAtMostFiftyAhead) {
  const auto year_of = [](std::string_view digits, std::chrono::year now) {
    const std::string text = "Sunday, 06-Nov-" + std::string(digits) + " 08:49:37 GMT";
    const auto date = parse_http_date(text, sys_days(now / 6 / 15));
    EXPECT_TRUE(date);
    return static_cast<int>(
        std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*date)).year());
  };
  EXPECT_EQ(year_of("26", 2026y), 2026);
  EXPECT_EQ(year_of("76", 2026y), 2076);
  EXPECT_EQ(year_of("77", 2026y), 1977);
  EXPECT_EQ(year_of("00", 2026y), 2000);
  EXPECT_EQ(year_of("99", 2026y), 1999);
  EXPECT_EQ(year_of("01", 1999y), 2001);
  EXPECT_EQ(year_of("49", 1999y), 2049);
  EXPECT_EQ(year_of("50", 1999y), 1950);
  EXPECT_EQ(year_of("40", 1999y), 2040);
}

struct wait_case {
  const char* name;
  std::string_view text;
  milliseconds wait;
};
constexpr wait_case waits[] = {
    {"Zero", "0", 0ms},
    {"One", "1", 1s},
    {"BelowTheMost", "59", 59s},
    {"TheMost", "60", 60s},
    {"AboveTheMost", "61", 60s},
    {"AboveAnyNumber", "99999999999999999999999999", 60s},
    {"LeadingZeros", "0000000000000000000000000000000000005", 5s},
    {"Blanks", " 5\t", 5s},
    {"Date", "Sun, 06 Nov 1994 08:49:47 GMT", 10s},
    {"DateOfAnotherForm", "Sunday, 06-Nov-94 08:49:47 GMT", 10s},
    {"DateAboveTheMost", "Sun, 06 Nov 2094 08:49:37 GMT", 60s},
    {"DateNow", "Sun, 06 Nov 1994 08:49:37 GMT", 0ms},
    {"DateBefore", "Sun, 06 Nov 1984 08:49:37 GMT", 0ms},
};
class RetryAfter : public testing::TestWithParam<wait_case> {};
TEST_P(RetryAfter, IsRead) {
  EXPECT_EQ(parse_retry_after(GetParam().text, example, 60s), GetParam().wait);
}
INSTANTIATE_TEST_SUITE_P(, RetryAfter, testing::ValuesIn(waits),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(NoRetryAfter, IsNotRead) {
  for (const std::string_view text :
       {"", " ", "soon", "-1", "+1", "1.5", "1s", "0x10", "1 2", "1,2", "\xC2\xB2", "NaN"}) {
    EXPECT_FALSE(parse_retry_after(text, example, 60s)) << text;
  }
}

TEST(RetryAfterMost, IsKeptToTheMillisecond) {
  EXPECT_EQ(parse_retry_after("2", example, 1500ms), 1500ms);
  EXPECT_EQ(parse_retry_after("1", example, 1500ms), 1000ms);
  EXPECT_EQ(parse_retry_after("1", example, 0ms), 0ms);
}

}  // namespace
}  // namespace parley::client
