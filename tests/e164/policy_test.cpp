// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/policy.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace parley::e164 {
namespace {

// One valid number of each type.
struct typed_number {
  number_type type;
  std::string_view text;
};
constexpr typed_number typed_numbers[] = {
    {number_type::fixed_line, "+442079460958"},
    {number_type::mobile, "+447400123456"},
    {number_type::fixed_line_or_mobile, "+14155550123"},
    {number_type::toll_free, "+18005551234"},
    {number_type::premium_rate, "+19002345678"},
    {number_type::shared_cost, "+611300002000"},
    {number_type::voip, "+445612345678"},
    {number_type::personal_number, "+447012345678"},
    {number_type::pager, "+447640123456"},
    {number_type::uan, "+443012345678"},
    {number_type::voicemail, "+351600000000"},
};
constexpr unsigned types_end = 12;

constexpr policy nothing = policy::only({});

struct policy_case {
  const char* name;
  policy calls;
  std::string_view text;
  e164::verdict verdict;
};
constexpr auto mobile_only = policy::only({number_type::mobile});
constexpr auto britain_only = policy::only_calling_codes({44});
const policy_case policy_cases[] = {
    {"AnyValidNumber", policy(), "+14155550123", verdict::allowed},
    {"NoNumber", policy(), "4155550123", verdict::not_valid},
    {"NotAValidNumber", policy(), "+4402079460958", verdict::not_valid},
    {"BlockedIsNotValid", policy(), "+1911", verdict::not_valid},
    {"UnknownCodeIsNotValid", policy(), "+2101234567", verdict::not_valid},
    {"OnlyThisType", mobile_only, "+447400123456", verdict::allowed},
    {"OnlyAnotherType", mobile_only, "+442079460958", verdict::type_refused},
    {"EitherIsNeither", mobile_only, "+14155550123", verdict::type_refused},
    {"OneMoreType", mobile_only.with(number_type::fixed_line), "+442079460958", verdict::allowed},
    {"OneTypeLess", policy().without(number_type::mobile), "+447400123456", verdict::type_refused},
    {"OneTypeLessAndBack", policy().without(number_type::mobile).with(number_type::mobile),
     "+447400123456", verdict::allowed},
    {"OnlyThisCode", britain_only, "+442079460958", verdict::allowed},
    {"OnlyThisCodeOfAllItsRegions", britain_only, "+447797000000", verdict::allowed},
    {"OnlyAnotherCode", britain_only, "+14155550123", verdict::calling_code_refused},
    {"OneMoreCode", britain_only.with_calling_code(1), "+14155550123", verdict::allowed},
    {"OneCodeLess", policy().without_calling_code(44), "+442079460958",
     verdict::calling_code_refused},
    {"OneCodeLessIsNotItsNeighbour", policy().without_calling_code(45).without_calling_code(43),
     "+442079460958", verdict::allowed},
    {"OneCodeLessAndBack", policy().without_calling_code(44).with_calling_code(44), "+442079460958",
     verdict::allowed},
    {"TheCodeIsRefusedFirst", nothing& britain_only, "+14155550123", verdict::calling_code_refused},
    {"NothingHasAllCodes", nothing, "+14155550123", verdict::type_refused},
    {"NoCode", policy::only_calling_codes({}), "+14155550123", verdict::calling_code_refused},
    {"BothAllow", mobile_only& britain_only, "+447400123456", verdict::allowed},
    {"OneRefusesTheType", mobile_only& britain_only, "+442079460958", verdict::type_refused},
    {"OneRefusesTheCode", mobile_only& britain_only, "+819012345678",
     verdict::calling_code_refused},
    {"TheLastCodeInUse", policy::only_calling_codes({998}), "+998989180397", verdict::allowed},
};

class Policy : public testing::TestWithParam<policy_case> {};

TEST_P(Policy, GivesItsVerdict) {
  const policy_case& each = GetParam();
  EXPECT_EQ(to_string(each.calls.check(classify(each.text))), to_string(each.verdict));
  const auto number = parse(each.text);
  EXPECT_EQ(number.has_value(), each.verdict != verdict::not_valid);
  if (number) {
    EXPECT_EQ(to_string(each.calls.check(*number)), to_string(each.verdict));
  }
}

INSTANTIATE_TEST_SUITE_P(, Policy, testing::ValuesIn(policy_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(PolicyOfTypes, EachIsOnAndOffAlone) {
  std::set<number_type> seen;
  for (const auto& [type, text] : typed_numbers) {
    const auto number = parse(text);
    ASSERT_TRUE(number) << text;
    ASSERT_EQ(number->type(), type) << text;
    seen.insert(type);
    for (const auto& other : typed_numbers) {
      const bool same = other.type == type;
      EXPECT_EQ(policy::only({other.type}).check(*number) == verdict::allowed, same) << type;
      EXPECT_EQ(nothing.with(other.type).check(*number) == verdict::allowed, same) << type;
      EXPECT_EQ(policy().without(other.type).check(*number) == verdict::type_refused, same) << type;
    }
  }
  EXPECT_EQ(seen.size(), types_end - 1);  // all but none
}

// 0 and 999 are no calling codes today, and 1000 never is; no code has an effect on another one.
TEST(PolicyOfCallingCodes, EachIsOnAndOffAlone) {
  const auto number = parse("+14155550123");
  ASSERT_TRUE(number);
  for (unsigned code = 0; code <= 1100; ++code) {
    const bool is_kept = code <= 999;
    const policy only = policy::only_calling_codes({code});
    const policy without = policy().without_calling_code(code);
    EXPECT_EQ(only != policy::only_calling_codes({}), is_kept) << code;
    EXPECT_EQ(without != policy(), is_kept) << code;
    EXPECT_EQ(policy::only_calling_codes({}).with_calling_code(code), only) << code;
    EXPECT_EQ(without.with_calling_code(code), policy()) << code;
    EXPECT_EQ(only.without_calling_code(code), policy::only_calling_codes({})) << code;
    EXPECT_EQ(only & without, policy::only_calling_codes({})) << code;
    EXPECT_EQ(only.check(*number) == verdict::allowed, code == 1) << code;
    EXPECT_EQ(without.check(*number) == verdict::allowed, code != 1) << code;
  }
  constexpr unsigned max = std::numeric_limits<unsigned>::max();
  EXPECT_EQ(policy::only_calling_codes({1, max, 1000}), policy::only_calling_codes({1}));
  EXPECT_EQ(policy().without_calling_code(max), policy());
}

TEST(PolicyAnd, IsWhatBothAllow) {
  const policy a = policy::only({number_type::mobile, number_type::voip}) &
                   policy::only_calling_codes({1, 44, 81});
  const policy b =
      policy::only({number_type::voip, number_type::uan}) & policy::only_calling_codes({44, 49});
  EXPECT_EQ(a & b, policy::only({number_type::voip}) & policy::only_calling_codes({44}));
  EXPECT_EQ(a & b, b & a);
  EXPECT_EQ(a & a, a);
  EXPECT_EQ(a & policy(), a);
  EXPECT_NE(a, b);
  EXPECT_EQ(policy::only({number_type::voip, number_type::mobile}) &
                policy::only_calling_codes({81, 44, 1, 44}),
            a);
}

// What the head of `dialable` promises, and no more.
TEST(Dialable, RefusesTheseTypesAndNoOther) {
  const std::set<number_type> refused = {number_type::premium_rate, number_type::shared_cost,
                                         number_type::pager, number_type::voicemail};
  for (const auto& [type, text] : typed_numbers) {
    EXPECT_EQ(to_string(dialable.check(classify(text))),
              to_string(refused.contains(type) ? verdict::type_refused : verdict::allowed))
        << type;
  }
  policy as_told;
  for (const number_type type : refused) as_told = as_told.without(type);
  for (const unsigned code : {870u, 881u, 882u, 883u, 979u}) {
    as_told = as_told.without_calling_code(code);
  }
  EXPECT_EQ(dialable, as_told);
}

TEST(Dialable, RefusesTheseCallingCodesAndNoOther) {
  struct code_case {
    std::string_view text;
    e164::verdict verdict;
  };
  constexpr code_case cases[] = {
      {"+80012345678", verdict::allowed},
      {"+80812345678", verdict::type_refused},  // shared cost
      {"+870773123456", verdict::calling_code_refused},
      {"+878101234567890", verdict::allowed},
      {"+881612345678", verdict::calling_code_refused},
      {"+88213032330", verdict::calling_code_refused},
      {"+883510012345", verdict::calling_code_refused},
      {"+88800006000000", verdict::allowed},
      {"+979123456789", verdict::calling_code_refused},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(to_string(dialable.check(classify(text))), to_string(expected)) << text;
  }
  for (unsigned code = 0; code < 1000; ++code) {
    const bool is_refused = code == 870 || code == 881 || code == 882 || code == 883 || code == 979;
    EXPECT_EQ(dialable.without_calling_code(code) == dialable, is_refused) << code;
    EXPECT_EQ(dialable.with_calling_code(code) != dialable, is_refused) << code;
  }
}

TEST(Verdict, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view names[] = {"allowed", "not_valid", "calling_code_refused",
                                        "type_refused"};
  EXPECT_EQ(static_cast<int>(verdict::type_refused), 3);
  for (unsigned value = 0; value < 256; ++value) {
    EXPECT_EQ(to_string(verdict{static_cast<std::uint8_t>(value)}),
              value < 4 ? names[value] : "unknown");
  }
}

// The whole of a policy is made and asked at compile time.
static_assert(dialable.check(classification()) == verdict::not_valid);
static_assert(policy() != dialable);
static_assert((policy::only({number_type::mobile}) & dialable) ==
              (dialable & policy::only({number_type::mobile})));
static_assert(policy::only({number_type::pager}).without(number_type::pager) == nothing);
static_assert(policy::only_calling_codes({1, 999, 1000}).without_calling_code(1) ==
              policy::only_calling_codes({999}));
static_assert(policy::only_calling_codes({0}) != policy::only_calling_codes({}));
static_assert(std::is_trivially_copyable_v<policy>);

}  // namespace
}  // namespace parley::e164
