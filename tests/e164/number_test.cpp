// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/number.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "e164/files.hpp"
#include "e164/reference.hpp"
#include "support/allocations.hpp"

namespace parley::e164 {
namespace {

using namespace std::string_view_literals;

static_assert(sizeof(classification) == 8 && sizeof(number) == 16);
static_assert(std::is_trivially_copyable_v<classification> && std::is_trivially_copyable_v<number>);
static_assert(!std::is_default_constructible_v<number>);
static_assert(
    noexcept(classify(""sv)) && noexcept(parse(""sv)) && noexcept(without_trunk_zero(""sv)));

// Known at compile time.
constexpr classification nothing;
static_assert(!nothing && nothing.status() == status::not_e164 && nothing.offset() == 0);
static_assert(nothing.calling_code() == 0 && nothing.type() == number_type::none);
static_assert(!nothing.is_possible() && nothing == classification());
static_assert(number_text() == ""sv && *number_text().c_str() == '\0');

struct number_case {
  const char* name;
  std::string_view text;
  e164::status status;
  unsigned calling_code;
  std::string_view region = "";
  number_type type = number_type::none;
  bool is_possible = false;
};
constexpr bool possible = true;
// The numbers are made up to fit the plans; libphonenumber's demonstration says the same of them.
constexpr number_case number_cases[] = {
    // Types.
    {"FixedLine", "+442079460958", status::ok, 44, "GB", number_type::fixed_line, possible},
    {"Mobile", "+447400123456", status::ok, 44, "GB", number_type::mobile, possible},
    {"FixedLineOrMobile", "+14155550123", status::ok, 1, "US", number_type::fixed_line_or_mobile,
     possible},
    {"FixedLineOrMobileByTwoPatterns", "+523312345678", status::ok, 52, "MX",
     number_type::fixed_line_or_mobile, possible},
    {"TollFree", "+448001234567", status::ok, 44, "GB", number_type::toll_free, possible},
    {"PremiumRate", "+449012345678", status::ok, 44, "GB", number_type::premium_rate, possible},
    {"SharedCost", "+611300002000", status::ok, 61, "AU", number_type::shared_cost, possible},
    {"Voip", "+445612345678", status::ok, 44, "GB", number_type::voip, possible},
    {"PersonalNumber", "+447012345678", status::ok, 44, "GB", number_type::personal_number,
     possible},
    {"Pager", "+447640123456", status::ok, 44, "GB", number_type::pager, possible},
    {"Uan", "+443012345678", status::ok, 44, "GB", number_type::uan, possible},
    {"Voicemail", "+351600000000", status::ok, 351, "PT", number_type::voicemail, possible},

    // Calling codes that several regions share.
    {"UnitedStates", "+12025550100", status::ok, 1, "US", number_type::fixed_line_or_mobile,
     possible},
    {"Canada", "+14165550123", status::ok, 1, "CA", number_type::fixed_line_or_mobile, possible},
    {"Jamaica", "+18765550123", status::ok, 1, "JM", number_type::mobile, possible},
    {"JamaicaAnew", "+16585550123", status::ok, 1, "JM", number_type::fixed_line, possible},
    {"Antigua", "+12684061234", status::ok, 1, "AG", number_type::pager, possible},
    {"JamaicaHasNotAll", "+18761230123", status::invalid, 1, "", number_type::none, possible},
    {"TollFreeOfTheMainRegion", "+18005551234", status::ok, 1, "US", number_type::toll_free,
     possible},
    {"Guernsey", "+447781000000", status::ok, 44, "GG", number_type::mobile, possible},
    {"Jersey", "+447797000000", status::ok, 44, "JE", number_type::mobile, possible},
    {"IsleOfMan", "+447624000000", status::ok, 44, "IM", number_type::mobile, possible},
    {"Russia", "+74951234567", status::ok, 7, "RU", number_type::fixed_line, possible},
    {"KazakhLandline", "+77272123456", status::ok, 7, "KZ", number_type::fixed_line, possible},
    {"KazakhMobile", "+77012345678", status::ok, 7, "KZ", number_type::mobile, possible},
    {"Vatican", "+390669812345", status::ok, 39, "VA", number_type::fixed_line, possible},
    {"Australia", "+61298765432", status::ok, 61, "AU", number_type::fixed_line, possible},
    {"CocosIslands", "+61891621234", status::ok, 61, "CC", number_type::fixed_line, possible},
    {"ChristmasIsland", "+61891641234", status::ok, 61, "CX", number_type::fixed_line, possible},
    {"Norway", "+4702880", status::ok, 47, "NO", number_type::uan, possible},
    {"Svalbard", "+4779021234", status::ok, 47, "SJ", number_type::fixed_line, possible},
    {"Reunion", "+262262196128", status::ok, 262, "RE", number_type::fixed_line, possible},
    {"Mayotte", "+262639000000", status::ok, 262, "YT", number_type::mobile, possible},
    {"Guadeloupe", "+590690001234", status::ok, 590, "GP", number_type::mobile, possible},
    {"SaintBarthelemy", "+590590275101", status::ok, 590, "BL", number_type::fixed_line, possible},
    {"SaintMartin", "+590590000000", status::ok, 590, "MF", number_type::fixed_line, possible},
    {"CaribbeanNetherlands", "+5993180015", status::ok, 599, "BQ", number_type::fixed_line,
     possible},
    {"Curacao", "+5996000000", status::ok, 599, "CW", number_type::shared_cost, possible},
    {"Finland", "+35840123456", status::ok, 358, "FI", number_type::mobile, possible},
    {"Aland", "+35818123456", status::ok, 358, "AX", number_type::fixed_line, possible},

    // Calling codes of no region.
    {"FreeEverywhere", "+80012345678", status::ok, 800, "001", number_type::toll_free, possible},
    {"SharedCostEverywhere", "+80812345678", status::ok, 808, "001", number_type::shared_cost,
     possible},
    {"Ships", "+870773123456", status::ok, 870, "001", number_type::mobile, possible},
    {"PersonalEverywhere", "+878101234567890", status::ok, 878, "001", number_type::voip, possible},
    {"Satellites", "+881612345678", status::ok, 881, "001", number_type::mobile, possible},
    {"SharedNetworks", "+88213032330", status::ok, 882, "001", number_type::voip, possible},
    {"MoreSharedNetworks", "+883510012345", status::ok, 883, "001", number_type::voip, possible},
    {"CompaniesEverywhere", "+88812345678901", status::ok, 888, "001", number_type::uan, possible},
    {"PremiumEverywhere", "+979123456789", status::ok, 979, "001", number_type::premium_rate,
     possible},

    // A 0 behind the calling code is a digit as any other.
    {"ItalianZero", "+390236618300", status::ok, 39, "IT", number_type::fixed_line, possible},
    {"ItalianZeros", "+390100000", status::ok, 39, "IT", number_type::fixed_line, possible},
    {"ItalianMobile", "+393366183001", status::ok, 39, "IT", number_type::mobile, possible},
    {"ItalianWithoutZero", "+39669812345", status::invalid, 39, "", number_type::none, possible},
    {"IvorianZero", "+2250123456789", status::ok, 225, "CI", number_type::mobile, possible},
    {"BritishZero", "+4402079460958", status::invalid_length, 44},
    {"GermanZero", "+490301234567", status::invalid, 49, "", number_type::none, possible},

    // Lengths.
    {"OneDigit", "+1", status::invalid_length, 1},
    {"OneDigitOfNoCode", "+9", status::unknown_calling_code, 0},
    {"TwoDigits", "+44", status::invalid_length, 44},
    {"TwoDigitsOfNoCode", "+99", status::unknown_calling_code, 0},
    {"ThreeDigits", "+979", status::invalid_length, 979},
    {"ThreeDigitsOfNoCode", "+999", status::unknown_calling_code, 0},
    {"FourDigits", "+4930", status::invalid_length, 49},
    {"FourDigitsOfNoCode", "+9996", status::unknown_calling_code, 0},
    {"ManyDigitsOfNoCode", "+2101234567", status::unknown_calling_code, 0},
    {"FifteenDigitsOfNoCode", "+210123456789012", status::unknown_calling_code, 0},
    {"SixDigits", "+989640", status::ok, 98, "IR", number_type::uan, possible},
    {"SevenDigits", "+4930123", status::ok, 49, "DE", number_type::fixed_line, possible},
    {"SevenDigitsOfNone", "+1415555", status::invalid_length, 1},
    {"EightDigits", "+49301230", status::ok, 49, "DE", number_type::fixed_line, possible},
    {"NineDigits", "+493012300", status::ok, 49, "DE", number_type::fixed_line, possible},
    {"OneDigitLess", "+1415555012", status::invalid_length, 1},
    {"OneDigitMore", "+141555501234", status::invalid_length, 1},
    {"FourteenDigits", "+88800006000000", status::ok, 888, "001", number_type::uan, possible},
    {"FifteenDigits", "+878100000000000", status::ok, 878, "001", number_type::voip, possible},
    {"FifteenDigitsOfNone", "+123456789012345", status::invalid_length, 1},
    {"SixteenDigits", "+8781000000000000", status::too_long, 0},
    {"NoNumberOfThisLength", "+11111111111", status::invalid, 1, "", number_type::none, possible},
    {"NoSuchArea", "+15551234567", status::invalid, 1, "", number_type::none, possible},

    // Canada alone has numbers of 7 digits, and the length is that of no number of the main region.
    {"CanadaAlone", "+13106789", status::ok, 1, "CA", number_type::uan},
    {"CanadaAloneCut", "+1310678", status::invalid_length, 1},
    {"CanadaAloneLonger", "+131067890", status::invalid_length, 1},
    {"CanadaAloneOfElevenDigits", "+13106789012", status::ok, 1, "US",
     number_type::fixed_line_or_mobile, possible},

    // Emergency and special services.
    {"EmergencyOfNorthAmerica", "+1911", status::blocked, 1},
    {"EmergencyFromMobiles", "+1112", status::blocked, 1},
    {"EmergencyOfTheCaribbean", "+1119", status::blocked, 1},
    {"ShortTollFree", "+1933", status::blocked, 1},
    {"Directory", "+1411", status::blocked, 1},
    {"EmergencyOfBritain", "+44999", status::blocked, 44},
    {"EmergencyOfEuropeInBritain", "+44112", status::blocked, 44},
    {"HelplineOfBritain", "+44116123", status::blocked, 44},
    {"EmergencyOfGermany", "+49110", status::blocked, 49},
    {"HelplineOfGermany", "+49116117", status::blocked, 49, "", number_type::none, possible},
    {"EmergencyOfFrance", "+33112", status::blocked, 33},
    {"AmbulanceOfFrance", "+3315", status::blocked, 33},
    {"EmergencyOfRussia", "+7112", status::blocked, 7},
    {"EmergencyOfItaly", "+39113", status::blocked, 39},
    {"EmergencyOfIndia", "+91112", status::blocked, 91},
    {"EmergencyOfJapan", "+81110", status::blocked, 81},
    {"EmergencyOfAustralia", "+61000", status::blocked, 61},
    {"EmergencyOfBrazil", "+55190", status::blocked, 55},
    {"BeginningOfAnEmergency", "+191", status::invalid_length, 1},
    {"EmergencyAndADigit", "+19110", status::invalid_length, 1},
    {"EmergencyTwice", "+1911911", status::invalid_length, 1},
    {"EmergencyBehindAZero", "+440999", status::invalid_length, 44},
    {"EmergencyOfOthers", "+1999112", status::invalid_length, 1},
    {"ShortCodeOfFiveDigits", "+144123", status::invalid_length, 1},
    {"ShortCodeOfFourDigits", "+12345", status::invalid_length, 1},
    {"NoEmergencyOfItaly", "+390", status::invalid_length, 39},
    {"ServicesOfNoRegion", "+800112", status::invalid_length, 800},
    {"EmergencyOfNoCode", "+999112", status::unknown_calling_code, 0},
    {"NumberThatBeginsLikeAnEmergency", "+19115550123", status::invalid, 1, "", number_type::none,
     possible},
    {"ValidThatBeginsLikeAService", "+443331234567", status::ok, 44, "GB", number_type::uan,
     possible},
    {"ValidThatBeginsLikeAnEmergency", "+498912345678", status::ok, 49, "DE",
     number_type::fixed_line, possible},
    {"ValidThatBeginsLikeAnotherEmergency", "+81120123456", status::ok, 81, "JP",
     number_type::toll_free, possible},
};

class Number : public testing::TestWithParam<number_case> {};

TEST_P(Number, IsClassified) {
  const number_case& each = GetParam();
  const classification found = classify(each.text);
  EXPECT_EQ(found.status(), each.status);
  EXPECT_EQ(static_cast<bool>(found), each.status == status::ok);
  EXPECT_EQ(found.calling_code(), each.calling_code);
  EXPECT_EQ(found.region(), each.region);
  EXPECT_EQ(found.type(), each.type);
  EXPECT_EQ(found.is_possible(), each.is_possible);
  EXPECT_EQ(found.offset(), check_by_the_book(each.text).offset);
}

TEST_P(Number, IsParsedIfItIsValid) {
  const number_case& each = GetParam();
  const auto parsed = parse(each.text);
  ASSERT_EQ(parsed.has_value(), each.status == status::ok);
  if (!parsed) {
    EXPECT_EQ(parsed.error(), classify(each.text));
    return;
  }
  const std::string code = std::to_string(each.calling_code);
  EXPECT_EQ(parsed->text().view(), each.text);
  EXPECT_EQ(std::string_view(parsed->text().c_str()), each.text);
  EXPECT_EQ(to_string(*parsed), each.text);
  EXPECT_EQ(parsed->national_number().view(), each.text.substr(1 + code.size()));
  EXPECT_EQ(std::string_view(parsed->national_number().c_str()), each.text.substr(1 + code.size()));
  EXPECT_EQ(parsed->digit_count(), each.text.size() - 1);
  EXPECT_EQ(parsed->calling_code(), each.calling_code);
  EXPECT_EQ(parsed->region(), each.region);
  EXPECT_EQ(parsed->type(), each.type);
  EXPECT_EQ(parsed->details(), classify(each.text));
  std::ostringstream out;
  out << *parsed << ' ' << parsed->type() << ' ' << parsed->details().status();
  EXPECT_EQ(out.str(), std::string(each.text) + ' ' + std::string(to_string(each.type)) + " ok");
}

INSTANTIATE_TEST_SUITE_P(, Number, testing::ValuesIn(number_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(NumberCases, HaveEveryStatusAndType) {
  std::set<status> statuses = {status::not_e164};  // of them is the next table
  std::set<number_type> types;
  for (const number_case& each : number_cases) {
    statuses.insert(each.status);
    types.insert(each.type);
  }
  EXPECT_EQ(statuses.size(), 7u);
  EXPECT_EQ(types.size(), 12u);
}

struct bad_text {
  const char* name;
  std::string_view text;
  e164::status status;
  std::size_t offset;
};
constexpr bad_text bad_texts[] = {
    {"Nothing", "", status::not_e164, 0},
    {"PlusAlone", "+", status::not_e164, 1},
    {"NoPlus", "14155550123", status::not_e164, 0},
    {"InternationalPrefix", "0014155550123", status::not_e164, 0},
    {"InternationalPrefixBehindAPlus", "+0014155550123", status::not_e164, 1},
    {"TwoPluses", "++14155550123", status::not_e164, 1},
    {"LeadingBlank", " +14155550123", status::not_e164, 0},
    {"TrailingBlank", "+14155550123 ", status::not_e164, 12},
    {"LeadingNewline", "\n+14155550123", status::not_e164, 0},
    {"TrailingNewline", "+14155550123\n", status::not_e164, 12},
    {"TrailingCarriageReturn", "+14155550123\r", status::not_e164, 12},
    {"Tab", "+1\t4155550123", status::not_e164, 2},
    {"Separators", "+1-415-555-0123", status::not_e164, 2},
    {"Brackets", "+1(415)5550123", status::not_e164, 2},
    {"Uri", "tel:+14155550123", status::not_e164, 0},
    {"Extension", "+14155550123;ext=1", status::not_e164, 12},
    {"ExtensionOfLetters", "+14155550123x1", status::not_e164, 12},
    {"Letters", "+1800FLOWERS", status::not_e164, 5},
    {"NulAlone", "\0"sv, status::not_e164, 0},
    {"NulInside", "+1415555\000123"sv, status::not_e164, 8},
    {"NulAtTheEnd", "+14155550123\0"sv, status::not_e164, 12},
    {"HighBytes", "\xFF\xFE\xFD", status::not_e164, 0},
    {"HighByteInside",
     "+1415555\xB1"
     "123",
     status::not_e164, 8},
    {"ArabicIndicDigits", "+\xD9\xA1\xD9\xA4\xD9\xA1\xD9\xA5", status::not_e164, 1},
    {"ArabicIndicDigitInside",
     "+1415\xD9\xA5"
     "50123",
     status::not_e164, 5},
    {"FullWidthDigit", "+1415555012\xEF\xBC\x93", status::not_e164, 11},
    {"SixteenDigits", "+4420794609581234", status::too_long, 16},
    {"SeventeenDigits", "+44207946095812345", status::too_long, 16},
    {"LetterAsSixteenthDigit", "+442079460958123x", status::not_e164, 16},
    {"LetterBehindSixteenDigits", "+4420794609581234x", status::too_long, 16},
};

class BadText : public testing::TestWithParam<bad_text> {};

TEST_P(BadText, IsRefusedAtTheByte) {
  const classification found = classify(GetParam().text);
  EXPECT_EQ(found.status(), GetParam().status);
  EXPECT_EQ(found.offset(), GetParam().offset);
  EXPECT_EQ(found.calling_code(), 0u);
  EXPECT_EQ(found.region(), "");
  EXPECT_EQ(found.type(), number_type::none);
  EXPECT_FALSE(found.is_possible());
  const auto parsed = parse(GetParam().text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error(), found);
  EXPECT_FALSE(without_trunk_zero(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(, BadText, testing::ValuesIn(bad_texts),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(HugeText, IsDecidedByItsFirstBytes) {
  std::string text(10'000'000, '1');
  EXPECT_EQ(classify(text).status(), status::not_e164);
  EXPECT_EQ(classify(text).offset(), 0u);
  text[0] = '+';
  EXPECT_EQ(classify(text).status(), status::too_long);
  EXPECT_EQ(classify(text).offset(), 16u);
  text[16] = '\n';
  EXPECT_EQ(classify(text).status(), status::not_e164);
  EXPECT_EQ(classify(text).offset(), 16u);
  EXPECT_FALSE(without_trunk_zero(text));
}

TEST(Classification, EqualsThatOfTheSameAnswer) {
  EXPECT_EQ(classification(), classify(""));
  EXPECT_EQ(classification(), classify(std::string_view()));
  EXPECT_EQ(classify("+14155550123"), classify("+14155550124"));
  EXPECT_NE(classify("+14155550123"), classify("+14165550123"));    // region
  EXPECT_NE(classify("+442079460958"), classify("+447400123456"));  // type
  EXPECT_NE(classify("+1415555"), classify("+14155550"));           // offset
  EXPECT_NE(classify("+1911"), classify("+1910"));                  // status
  EXPECT_NE(classify("+4930"), classify("+4830"));                  // calling code
  EXPECT_EQ(classify("x"), classify("xy"));
}

TEST(Region, LivesAsLongAsTheProgram) {
  std::string_view region;
  { region = classify(std::string("+442079460958")).region(); }
  EXPECT_EQ(region, "GB");
  EXPECT_EQ(classify("+447400123456").region().data(), region.data());
}

// Calling codes.

unsigned code_of(std::string_view digits) {
  unsigned code = 0;
  for (const char c : digits) {
    code = code * 10 + static_cast<unsigned>(c - '0');
    if (is_calling_code(code)) return code;
  }
  return 0;
}

TEST(CallingCode, IsNoBeginningOfAnother) {
  int count = 0;
  for (unsigned code = 0; code <= 2'000; ++code) {
    if (!is_calling_code(code)) continue;
    ++count;
    EXPECT_EQ(code_of(std::to_string(code)), code);
  }
  EXPECT_GT(count, 200);
  for (const unsigned code : {1u, 7u, 44u, 39u, 590u, 800u, 979u, 998u}) {
    EXPECT_TRUE(is_calling_code(code)) << code;
  }
  for (const unsigned code : {0u, 2u, 9u, 10u, 210u, 999u, 1000u, 1001u, 1024u + 44u,
                              std::numeric_limits<unsigned>::max()}) {
    EXPECT_FALSE(is_calling_code(code)) << code;
  }
}

TEST(CallingCode, IsFoundWhateverFollows) {
  for (unsigned code = 1; code <= 999; ++code) {
    const std::string digits = std::to_string(code);
    for (const std::string_view rest : {"", "0", "00", "123", "99999", "123456", "0000000",
                                        "99999999", "123456789", "000000000000"}) {
      const std::string text = '+' + digits + std::string(rest);
      const unsigned expected = code_of(text.substr(1));
      EXPECT_EQ(classify(text).calling_code(), expected) << text;
      EXPECT_EQ(classify(text).status() == status::unknown_calling_code, expected == 0) << text;
    }
  }
}

// Hints.

struct trunk_zero {
  const char* name;
  std::string_view text;
  std::string_view hint;  // empty: none
};
constexpr trunk_zero trunk_zeros[] = {
    {"TwoDigitCode", "+4402079460958", "+442079460958"},
    {"OneDigitCode", "+104155550123", "+14155550123"},
    {"ThreeDigitCode", "+353012345678", "+35312345678"},
    {"OfAPossibleLength", "+490301234567", "+49301234567"},
    {"GivesFourteenDigits", "+888088812345678", "+88888812345678"},
    {"GivesEightDigits", "+490301230", "+49301230"},
    {"GivesSevenDigits", "+49030123", "+4930123"},
    {"ValidWithoutIt", "+442079460958", ""},
    {"ValidWithIt", "+390236618300", ""},
    {"ValidWithItAndWithout", "+2250123456789", ""},
    {"TwoZeros", "+44002079460958", ""},
    {"NotAZero", "+4412079460958", ""},
    {"ZeroFurtherBehind", "+4420079460958", ""},
    {"CodeAlone", "+44", ""},
    {"CodeAndZero", "+440", ""},
    {"NotValidWithoutIt", "+440207946095", ""},
    {"BlockedWithoutIt", "+440999", ""},
    {"NoCode", "+2100123456", ""},
    {"Nothing", "", ""},
    {"PlusAlone", "+", ""},
    {"ZeroAlone", "+0", ""},
    {"NoPlus", "4402079460958", ""},
    {"TooLong", "+8780101234567890", ""},
    {"Separated", "+44 02079460958", ""},
};

class TrunkZero : public testing::TestWithParam<trunk_zero> {};

TEST_P(TrunkZero, IsLeftOutWhereThatMakesAValidNumber) {
  const auto hint = without_trunk_zero(GetParam().text);
  EXPECT_EQ(hint ? to_string(*hint) : "", GetParam().hint);
  if (hint) {
    EXPECT_EQ(hint->details(), classify(GetParam().hint));
    EXPECT_FALSE(without_trunk_zero(hint->text()));
  }
}

INSTANTIATE_TEST_SUITE_P(, TrunkZero, testing::ValuesIn(trunk_zeros),
                         [](const auto& each) { return std::string(each.param.name); });

// Order and hash, over many numbers.

// Of all lengths that there are, some the beginning of others, some that only a 0 at the end tells
// apart.
const std::vector<number>& many_numbers() {
  static const std::vector<number> made = [] {
    std::vector<number> numbers;
    const std::string sample = read_file(PARLEY_E164_SAMPLE);
    for (const std::string_view row : split(sample, '\n')) {
      const auto parsed = parse(row.substr(0, row.find('\t')));
      if (parsed) numbers.push_back(*parsed);
    }
    std::string text = "+4930123";
    for (; text.size() <= 12; text += '0') numbers.push_back(*parse(text));
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(4));
    return numbers;
  }();
  return made;
}

TEST(Numbers, AreOrderedAsTheirTexts) {
  std::vector<number> numbers = many_numbers();
  ASSERT_GT(numbers.size(), 10'000u);
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    const number& a = numbers[i - 1];
    const number& b = numbers[i];
    ASSERT_EQ(a <=> b, to_string(a) <=> to_string(b)) << a << ' ' << b;
    ASSERT_EQ(a == b, to_string(a) == to_string(b)) << a << ' ' << b;
  }
  std::ranges::sort(numbers);
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    ASSERT_LE(to_string(numbers[i - 1]), to_string(numbers[i]));
  }
}

TEST(Numbers, AreTheirTexts) {
  std::set<std::size_t> lengths;
  for (const number& each : many_numbers()) {
    const auto again = parse(each.text());
    ASSERT_TRUE(again) << each;
    ASSERT_EQ(*again, each);
    ASSERT_EQ(again->details(), each.details()) << each;
    ASSERT_EQ(std::hash<number>()(*again), std::hash<number>()(each)) << each;
    ASSERT_EQ('+' + std::to_string(each.calling_code()) + std::string(each.national_number()),
              to_string(each));
    lengths.insert(each.digit_count());
  }
  for (std::size_t length = 7; length <= 15; ++length) EXPECT_TRUE(lengths.contains(length));
}

TEST(Numbers, AreKeysOfAHashMap) {
  std::unordered_set<number> numbers(many_numbers().begin(), many_numbers().end());
  std::unordered_set<std::string> texts;
  for (const number& each : many_numbers()) texts.insert(to_string(each));
  EXPECT_EQ(numbers.size(), texts.size());
  for (const number& each : many_numbers()) ASSERT_TRUE(numbers.contains(each)) << each;
  EXPECT_FALSE(numbers.contains(*parse("+12025550199")));
}

// Numbers of one block stand in one row in memory, too, where the hash is bad.
TEST(Hash, SpreadsNumbersThatFollowEachOther) {
  std::unordered_set<std::size_t> buckets;
  for (int i = 0; i < 4'096; ++i) {
    const auto parsed = parse("+1415555" + std::to_string(1'000 + i));
    ASSERT_TRUE(parsed);
    buckets.insert(std::hash<number>()(*parsed) % 4'096);
  }
  EXPECT_GT(buckets.size(), 2'048u);  // a random function reaches 2,589 of them
}

TEST(NumberText, ComparesWithTexts) {
  const auto a = parse("+14155550123");
  const auto b = parse("+14155550124");
  ASSERT_TRUE(a && b);
  EXPECT_TRUE(a->text() == "+14155550123");
  EXPECT_FALSE(a->text() == "+1415555012");
  EXPECT_TRUE(a->text() == a->text());
  EXPECT_FALSE(a->text() == b->text());
  const std::string_view as_view = a->text();
  EXPECT_EQ(as_view.size(), 12u);
}

// Many at once.

TEST(Batch, AnswersAsOneByOne) {
  std::vector<std::string_view> texts;
  for (const number_case& each : number_cases) texts.push_back(each.text);
  for (const bad_text& each : bad_texts) texts.push_back(each.text);
  for (std::size_t size = 0; size <= texts.size(); ++size) {
    std::vector<classification> answers(size);
    classify(std::span(texts).first(size), answers);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(answers[i], classify(texts[i])) << texts[i];
  }
}

// A view has no NUL behind its end: AddressSanitizer sees a read past either end of the block.
TEST(Classify, ReadsNothingOutsideTheText) {
  for (const number_case& each : number_cases) {
    for (std::size_t size = 0; size <= each.text.size(); ++size) {
      const std::unique_ptr<char[]> exact(new char[size]);
      each.text.copy(exact.get(), size);
      const std::string_view text(exact.get(), size);
      EXPECT_EQ(classify(text), classify(std::string(text))) << each.name;
      EXPECT_EQ(parse(text).has_value(), static_cast<bool>(classify(text))) << each.name;
    }
  }
}

// Every byte at every place: what breaks the syntax is said to, wherever it stands; the rest is a
// number of some kind. (gen_test.cpp compares those with the plan.)
TEST(Classify, SaysOfEveryOneByteChangeWhatTheSyntaxSays) {
  for (const number_case& each : number_cases) {
    for (std::size_t at = 0; at < each.text.size(); ++at) {
      std::string text(each.text);
      for (int value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        const syntax expected = check_by_the_book(text);
        const classification found = classify(text);
        ASSERT_EQ(found.offset(), expected.offset) << text;
        if (expected) {
          ASSERT_TRUE(found || found.status() > status::too_long) << text;
        } else {
          ASSERT_EQ(found.status(), expected.status) << text;
        }
      }
    }
  }
}

TEST(Classify, AllocatesNothing) {
  std::vector<std::string_view> texts;
  for (const number_case& each : number_cases) texts.push_back(each.text);
  for (const trunk_zero& each : trunk_zeros) texts.push_back(each.text);
  std::vector<classification> answers(texts.size());
  std::size_t digits = 0;
  const std::size_t before = testing_support::allocations();
  classify(texts, answers);
  for (const std::string_view text : texts) {
    if (const auto parsed = parse(text)) {
      digits += parsed->text().view().size() + std::hash<number>()(*parsed) % 2;
    }
    if (without_trunk_zero(text)) ++digits;
  }
  EXPECT_EQ(testing_support::allocations(), before);
  EXPECT_GT(digits, 0u);
}

// Names.

TEST(NumberType, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view names[] = {
      "none",         "fixed_line",  "mobile", "fixed_line_or_mobile", "toll_free",
      "premium_rate", "shared_cost", "voip",   "personal_number",      "pager",
      "uan",          "voicemail"};
  EXPECT_EQ(static_cast<int>(number_type::voicemail), 11);
  for (unsigned value = 0; value < 256; ++value) {
    const number_type type{static_cast<std::uint8_t>(value)};
    EXPECT_EQ(to_string(type), value < 12 ? names[value] : "unknown");
    std::ostringstream out;
    out << type;
    EXPECT_EQ(out.str(), to_string(type));
  }
}

TEST(Metadata, IsThatOfThePlan) {
  const std::string plan = read_file(PARLEY_E164_PLAN);
  std::string_view version;
  for (const std::string_view line : split(plan, '\n')) {
    if (line.starts_with("version ")) version = line.substr(8);
  }
  EXPECT_FALSE(version.empty());
  EXPECT_EQ(metadata_version(), version);
}

}  // namespace
}  // namespace parley::e164
