// SPDX-License-Identifier: Apache-2.0
#include "parley/http/call_numbers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parley/envelope/error.hpp"
#include "parley/http/message.hpp"

namespace parley::http {
namespace {

using errors::code;

constexpr std::string_view us = "+14155550123";
constexpr std::string_view london = "+442079460958";
constexpr std::string_view premium = "+19002345678";

constexpr std::string_view expected = "Expected +<country><number>";
constexpr std::string_view required = "Required";
constexpr std::string_view no_country = "No country has this calling code";
constexpr std::string_view service = "Emergency and special-service numbers cannot be called";
constexpr std::string_view zero = "Leave out the 0 behind the calling code";
constexpr std::string_view no_plan = "No numbering plan has this number";
constexpr std::string_view length = "Too short or too long for its calling code";
constexpr std::string_view not_called = "Numbers of this kind are not called";
constexpr std::string_view no_string = "Expected a string";

// What a body may have in place of a number, and what is said of it.
struct field_case {
  const char* name;
  std::optional<std::string_view> text;
  std::string_view given_problem;
  std::string_view problem;
  errors::code as_destination;
  std::string_view as_caller;  // the message behind the field's name
};
constexpr std::string_view no_e164 = " must be E.164 format";
constexpr std::string_view is_required = " is required";
const field_case field_cases[] = {
    {"Missing", std::nullopt, "", required, code::destination_missing, is_required},
    {"Empty", "", "", required, code::destination_missing, is_required},
    {"NoString", std::nullopt, no_string, no_string, code::destination_invalid, no_e164},
    {"NoStringThatHasAText", us, no_string, no_string, code::destination_invalid, no_e164},
    {"NoPlus", "4155550123", "", expected, code::destination_invalid, no_e164},
    {"Blank", " ", "", expected, code::destination_invalid, no_e164},
    {"Separators", "+1 415 555 0123", "", expected, code::destination_invalid, no_e164},
    {"Nul", std::string_view("\0", 1), "", expected, code::destination_invalid, no_e164},
    {"SixteenDigits", "+1234567890123456", "", expected, code::destination_invalid, no_e164},
    {"NoCallingCode", "+2101234567", "", no_country, code::destination_invalid, no_e164},
    {"TooShort", "+1415555", "", length, code::destination_invalid, no_e164},
    {"TooLong", "+141555501234", "", length, code::destination_invalid, no_e164},
    {"InNoPlan", "+15551234567", "", no_plan, code::destination_invalid, no_e164},
    {"TrunkZero", "+4402079460958", "", zero, code::destination_invalid, no_e164},
    {"TrunkZeroOfAPossibleLength", "+490301234567", "", zero, code::destination_invalid, no_e164},
    {"ZeroThatDoesNotHelp", "+440207946095", "", no_plan, code::destination_invalid, no_e164},
    {"Emergency", "+1911", "", service, code::destination_blocked, no_e164},
    {"EmergencyOfAPossibleLength", "+49116117", "", service, code::destination_blocked, no_e164},
};

class CallNumbersField : public testing::TestWithParam<field_case> {};

TEST_P(CallNumbersField, IsRefusedAsTheDestination) {
  const field_case& each = GetParam();
  const auto read =
      read_call_numbers({"to_number", each.text, each.given_problem}, {"from_number", us});
  ASSERT_FALSE(read);
  EXPECT_EQ(errors::to_string(read.error().code()), errors::to_string(each.as_destination));
  EXPECT_EQ(read.error().http_status(),
            each.as_destination == code::destination_blocked ? 403 : 400);
  EXPECT_FALSE(read.error().category_name().empty());  // A4: this is of a call
  EXPECT_EQ(read.error().fields(),
            (std::vector<envelope::field>{{"to_number", std::string(each.problem)}}));
}

TEST_P(CallNumbersField, IsRefusedAsTheCaller) {
  const field_case& each = GetParam();
  const auto read =
      read_call_numbers({"to_number", us}, {"caller_id", each.text, each.given_problem});
  ASSERT_FALSE(read);
  EXPECT_EQ(errors::to_string(read.error().code()), "validation_error");
  EXPECT_EQ(read.error().http_status(), 400);
  EXPECT_EQ(read.error().category_name(), "");  // G28
  EXPECT_EQ(read.error().message(), "caller_id" + std::string(each.as_caller));
  EXPECT_EQ(read.error().fields(),
            (std::vector<envelope::field>{{"caller_id", std::string(each.problem)}}));
}

// G5: the destination's code wins, and the fields name both, the destination first.
TEST_P(CallNumbersField, IsNamedBesideTheOther) {
  const field_case& each = GetParam();
  const number_field wrong = {"a", each.text, each.given_problem};
  const number_field other = {"b", "x"};
  const auto as_destination = read_call_numbers(wrong, other);
  ASSERT_FALSE(as_destination);
  EXPECT_EQ(as_destination.error().code(), each.as_destination);
  EXPECT_EQ(as_destination.error().fields(),
            (std::vector<envelope::field>{{"a", std::string(each.problem)},
                                          {"b", std::string(expected)}}));
  const auto as_caller = read_call_numbers(other, wrong);
  ASSERT_FALSE(as_caller);
  EXPECT_EQ(as_caller.error().code(), code::destination_invalid);
  EXPECT_EQ(as_caller.error().fields(),
            (std::vector<envelope::field>{{"b", std::string(expected)},
                                          {"a", std::string(each.problem)}}));
}

INSTANTIATE_TEST_SUITE_P(, CallNumbersField, testing::ValuesIn(field_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(CallNumbers, AreReadWhereBothAreValid) {
  const auto read = read_call_numbers({"to_number", london}, {"from_number", us});
  ASSERT_TRUE(read);
  EXPECT_EQ(to_string(read->destination), london);
  EXPECT_EQ(to_string(read->caller), us);
  const auto same = read_call_numbers({"to", us}, {"from", us});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->destination, same->caller);
}

struct policy_case {
  const char* name;
  e164::policy calls;
  std::string_view destination;
  bool is_allowed;
};
const policy_case policy_cases[] = {
    {"AllIsAllowedUnlessTold", e164::policy(), premium, true},
    {"DialableHasIt", e164::dialable, london, true},
    {"DialableHasNotTheType", e164::dialable, premium, false},
    {"DialableHasNotTheCode", e164::dialable, "+881612345678", false},
    {"OnlyItsCode", e164::policy::only_calling_codes({44}), london, true},
    {"OnlyAnotherCode", e164::policy::only_calling_codes({49}), london, false},
    {"OnlyAnotherType", e164::policy::only({e164::number_type::mobile}), london, false},
};

class CallNumbersPolicy : public testing::TestWithParam<policy_case> {};

TEST_P(CallNumbersPolicy, IsOfTheDestination) {
  const auto& [name, calls, destination, is_allowed] = GetParam();
  const auto read = read_call_numbers({"to", destination}, {"from", us}, calls);
  ASSERT_EQ(read.has_value(), is_allowed);
  if (is_allowed) return;
  EXPECT_EQ(errors::to_string(read.error().code()), "destination_invalid");
  EXPECT_EQ(read.error().http_status(), 400);
  EXPECT_EQ(read.error().fields(), (std::vector<envelope::field>{{"to", std::string(not_called)}}));
}

// Nobody calls the caller.
TEST_P(CallNumbersPolicy, IsNotOfTheCaller) {
  const auto& [name, calls, destination, is_allowed] = GetParam();
  const auto read = read_call_numbers({"to", destination}, {"from", destination},
                                      is_allowed ? calls : e164::policy());
  EXPECT_TRUE(read);
  const auto refused =
      read_call_numbers({"to", london}, {"from", premium}, e164::policy::only_calling_codes({44}));
  ASSERT_TRUE(refused);
  EXPECT_EQ(to_string(refused->caller), premium);
}

INSTANTIATE_TEST_SUITE_P(, CallNumbersPolicy, testing::ValuesIn(policy_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// A policy says nothing about what is no number: that has its own code.
TEST(CallNumbers, AreBlockedWhateverThePolicy) {
  const auto read =
      read_call_numbers({"to", "+1911"}, {"from", us}, e164::policy::only_calling_codes({44}));
  ASSERT_FALSE(read);
  EXPECT_EQ(errors::to_string(read.error().code()), "destination_blocked");
}

TEST(CallNumbers, AreNamedTogetherWhereThePolicyRefusesOne) {
  const auto read = read_call_numbers({"to", premium}, {"from"}, e164::dialable);
  ASSERT_FALSE(read);
  EXPECT_EQ(errors::to_string(read.error().code()), "destination_invalid");
  EXPECT_EQ(read.error().fields(), (std::vector<envelope::field>{{"to", std::string(not_called)},
                                                                 {"from", std::string(required)}}));
}

// A4 and C39: a category in errors of a call, none in those of a request.
TEST(CallNumbers, MakeTheWholeBody) {
  const auto blocked = read_call_numbers({"to_number", "+1911"}, {"from_number", "1"});
  ASSERT_FALSE(blocked);
  const response refused = to_response(blocked.error());
  EXPECT_EQ(refused.status, 403);
  const std::string& body = refused.body;
  EXPECT_TRUE(body.starts_with(R"({"error":{"code":"destination_blocked","category":")")) << body;
  EXPECT_TRUE(body.ends_with(
      R"("fields":{"to_number":"Emergency and special-service numbers cannot be called",)"
      R"("from_number":"Expected +<country><number>"}}})"))
      << body;

  const auto invalid = read_call_numbers({"to_number", us}, {"caller_id", "1"});
  ASSERT_FALSE(invalid);
  EXPECT_EQ(to_response(invalid.error()).body,
            R"({"error":{"code":"validation_error","message":"caller_id must be E.164 format",)"
            R"("fields":{"caller_id":"Expected +<country><number>"}}})");
}

TEST(CallNumbers, RepeatNothingOfTheRequest) {
  const std::string secret = "+1415-s3cret";
  const auto read = read_call_numbers({"to", secret}, {"from", secret});
  ASSERT_FALSE(read);
  EXPECT_EQ(envelope::to_json(read.error()).find("s3cret"), std::string::npos);
}

TEST(ToCode, OfAStatusIsBlockedOrInvalid) {
  for (int value = 0; value < 256; ++value) {
    const auto status = static_cast<e164::status>(value);
    EXPECT_EQ(to_code(status), status == e164::status::blocked ? code::destination_blocked
                                                               : code::destination_invalid)
        << value;
  }
}

}  // namespace
}  // namespace parley::http
