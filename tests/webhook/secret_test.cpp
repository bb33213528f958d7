// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/secret.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <ostream>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "webhook/reference.hpp"

namespace parley::webhook {
namespace {

using reference::buffer;

static_assert(!std::is_copy_constructible_v<secret> && !std::is_copy_assignable_v<secret>);
static_assert(std::is_nothrow_move_constructible_v<secret>);
template <class T>
concept printable = requires(std::ostream& to, const T& value) {
  to << value;
};
static_assert(!printable<secret>);

// Bytes that need all of the alphabet.
buffer bytes_of_size(std::size_t size) {
  buffer made;
  for (std::size_t i = 0; i < size; ++i) made.push_back((0xF8 + 37 * i) & 0xFF);
  return made;
}

std::string text_of_size(std::size_t size) {
  return "whsec_" + reference::base64(bytes_of_size(size));
}

std::string verdict(std::string_view text) {
  const auto got = secret::parse(text);
  return got ? "parsed" : std::string(to_string(got.error()));
}

std::string signature_of(secret made) {
  const auto by = signer::make({std::move(made)});
  return std::string(by->sign("msg_1", reference::at_second(1), "body")->signature());
}

struct parse_case {
  const char* name;
  std::string text;
  const char* verdict;
};
std::vector<parse_case> parse_cases() {
  const std::string good = text_of_size(32);
  const std::string tail = good.substr(0, good.size() - 2);  // without its last bits and padding
  return {
      {"Shortest", text_of_size(24), "parsed"},
      {"OnePad", text_of_size(32), "parsed"},
      {"TwoPads", text_of_size(25), "parsed"},
      {"Longest", text_of_size(64), "parsed"},
      {"Nothing", "", "missing_prefix"},
      {"PrefixAlone", "whsec_", "too_short"},
      {"PartOfThePrefix", "whsec", "missing_prefix"},
      {"NoPrefix", text_of_size(24).substr(6), "missing_prefix"},
      {"PrefixInCapitals", "WHSEC_" + text_of_size(24).substr(6), "missing_prefix"},
      {"PrivateKeyOfAnotherScheme", "whsk_" + text_of_size(64).substr(6), "missing_prefix"},
      {"PublicKeyOfAnotherScheme", "whpk_" + text_of_size(32).substr(6), "missing_prefix"},
      {"BlankInFront", " " + good, "missing_prefix"},
      {"TooShort", text_of_size(23), "too_short"},
      {"TooLong", text_of_size(65), "too_long"},
      {"TooLongByAGroup", text_of_size(66), "too_long"},
      {"TooLongBeatsCharacters", "whsec_" + std::string(4'000'000, '!'), "too_long"},
      {"TooShortBeatsCharacters", "whsec_!!!!", "too_short"},
      {"NoPadding", good.substr(0, good.size() - 1), "not_base64"},
      {"PaddingTooMuch", text_of_size(24) + "=", "not_base64"},
      {"GroupOfPadding", text_of_size(24) + "====", "not_base64"},
      {"ThreePads", "whsec_" + std::string(33, 'A') + "===", "not_base64"},
      {"PaddingInside", "whsec_AA==" + text_of_size(24).substr(6), "not_base64"},
      {"BitsBehindTheLast", tail + "B=", "not_base64"},
      {"BitsBehindTheLastOfTwo", "whsec_" + std::string(32, 'A') + "AB==", "not_base64"},
      {"UrlAlphabet", "whsec_" + std::string(31, 'A') + "-", "not_base64"},
      {"Underscore", "whsec_" + std::string(31, 'A') + "_", "not_base64"},
      {"LineEnd", good + "\n", "not_base64"},
      {"LineEndsToAGroup", good + "\n\n\n\n", "not_base64"},
      {"BlankInside", "whsec_AAAA AAA" + text_of_size(24).substr(6), "not_base64"},
      {"Nul", "whsec_" + std::string(31, 'A') + std::string(1, '\0'), "not_base64"},
      {"HighByte", "whsec_" + std::string(31, 'A') + "\xC1", "not_base64"},
  };
}

class SecretParse : public testing::TestWithParam<parse_case> {};

TEST_P(SecretParse, TakesOneSpellingWithinTheLimits) {
  EXPECT_EQ(verdict(GetParam().text), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, SecretParse, testing::ValuesIn(parse_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Secret, EverySizeIsJudgedAlikeAsTextAndAsBytes) {
  for (std::size_t size = 0; size <= 100; ++size) {
    const buffer bytes = bytes_of_size(size);
    const auto made = secret::from_bytes(std::as_bytes(std::span(bytes)));
    const char* const expected = size < 24 ? "too_short" : size > 64 ? "too_long" : "parsed";
    EXPECT_EQ(made ? "parsed" : to_string(made.error()), expected) << size;
    EXPECT_EQ(verdict(text_of_size(size)), expected) << size;
  }
}

TEST(Secret, IsTheSameAsTextAndAsBytes) {
  for (std::size_t size = 24; size <= 64; ++size) {
    const buffer bytes = bytes_of_size(size);
    const std::string expected = reference::sign(bytes, {"msg_1", "1", "", "body"});
    EXPECT_EQ(signature_of(reference::secret_of(bytes)), expected) << size;
    EXPECT_EQ(signature_of(*secret::parse(text_of_size(size))), expected) << size;
  }
}

TEST(Secret, NothingOfItIsLeft) {
  alignas(secret) std::array<unsigned char, sizeof(secret)> storage{};
  const auto is_clean = [&storage] {
    return std::ranges::all_of(std::span(storage).first(secret_bytes_max),
                               [](unsigned char each) { return each == 0; });
  };
  const buffer bytes = bytes_of_size(64);
  auto* made = ::new (storage.data()) secret(reference::secret_of(bytes));
  EXPECT_FALSE(is_clean());
  std::destroy_at(made);
  EXPECT_TRUE(is_clean());

  made = ::new (storage.data()) secret(reference::secret_of(bytes));
  secret taken = std::move(*made);
  EXPECT_TRUE(is_clean());
  *made = std::move(taken);
  EXPECT_FALSE(is_clean());
  taken = std::move(*made);
  EXPECT_TRUE(is_clean());
  std::destroy_at(made);
  EXPECT_EQ(signature_of(std::move(taken)), reference::sign(bytes, {"msg_1", "1", "", "body"}));
}

TEST(Secret, MovedToItselfStaysWhatItWas) {
  const buffer bytes = bytes_of_size(24);
  secret made = reference::secret_of(bytes);
  secret& same = made;
  made = std::move(same);
  EXPECT_EQ(signature_of(std::move(made)), reference::sign(bytes, {"msg_1", "1", "", "body"}));
}

TEST(SetupErrc, HasNames) {
  constexpr std::string_view names[] = {
      "unknown",   "missing_prefix",   "not_base64",        "too_short",     "too_long",
      "no_secret", "too_many_secrets", "moved_from_secret", "bad_tolerance", "unknown"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    EXPECT_EQ(to_string(static_cast<setup_errc>(i)), names[i]);
  }
}

}  // namespace
}  // namespace parley::webhook
