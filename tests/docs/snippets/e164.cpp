// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/e164.md.

#include "parley/e164/policy.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "parley/e164/number.hpp"

namespace e164 = parley::e164;

namespace {

std::string dialled;
bool refuse(e164::status) { return false; }
bool refuse_kind(e164::number_type) { return false; }
void dial(std::string_view number) { dialled = number; }

bool call() {
  const auto number = e164::parse("+442079460958");     // result<number, classification>
  if (!number) return refuse(number.error().status());  // else +44, "GB", number_type::fixed_line
  if (e164::dialable.check(*number) != e164::verdict::allowed) return refuse_kind(number->type());
  dial(number->text());  // "+442079460958"
  return number->calling_code() == 44 && number->region() == "GB" &&
         number->type() == e164::number_type::fixed_line;
}

TEST(E164, ANumberIsDialled) {
  EXPECT_TRUE(call());
  EXPECT_EQ(dialled, "+442079460958");
}

TEST(E164, APolicy) {
  const auto number = e164::parse("+442079460958");
  ASSERT_TRUE(number);

  constexpr e164::policy calls = e164::dialable.without(e164::number_type::toll_free) &
                                 e164::policy::only_calling_codes({1, 44});
  const e164::verdict said = calls.check(*number);  // allowed, calling_code_refused or type_refused
  EXPECT_EQ(said, e164::verdict::allowed);
  EXPECT_EQ(calls.check(*e164::parse("+4930123456")), e164::verdict::calling_code_refused);
  EXPECT_EQ(calls.check(*e164::parse("+18005550123")), e164::verdict::type_refused);
}

}  // namespace
