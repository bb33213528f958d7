// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/signer.hpp"

#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "webhook/reference.hpp"
#include "webhook/vectors.hpp"

namespace parley::webhook {
namespace {

using reference::at_second;
using reference::buffer;

signer make_signer(const std::vector<buffer>& secrets) {
  return *signer::make(reference::secrets_of(secrets));
}

std::string verdict(std::string_view id, std::int64_t at) {
  const auto got = make_signer({buffer(24, 'k')}).sign(id, at_second(at), "body");
  return got ? "signed" : std::string(to_string(got.error()));
}

class SignerVectors : public testing::TestWithParam<vector_case> {};

TEST_P(SignerVectors, AreSigned) {
  const auto by = signer::make({*secret::parse(GetParam().secret)});
  const auto got = by->sign(GetParam().id, at_second(GetParam().timestamp), GetParam().body);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->id(), GetParam().id);
  EXPECT_EQ(got->timestamp(), std::to_string(GetParam().timestamp));
  EXPECT_EQ(got->signature(), GetParam().signature);
}

INSTANTIATE_TEST_SUITE_P(, SignerVectors, testing::ValuesIn(vector_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Signer, SignsOnceForEachSecretInTheirOrder) {
  std::vector<buffer> secrets;
  std::string expected;
  for (std::size_t i = 0; i < secrets_max; ++i) {
    secrets.push_back(buffer(24 + i, static_cast<unsigned char>('a' + i)));
    if (i > 0) expected += ' ';
    expected += reference::sign(secrets.back(), {"msg_1", "1700000000", "", "{}"});
    const auto got = make_signer(secrets).sign("msg_1", at_second(1'700'000'000), "{}");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->signature(), expected);
  }
}

TEST(Signer, GivesTheHeadersWithTheirNames) {
  const auto got = *make_signer({buffer(24, 'k')}).sign("msg_1", at_second(1'700'000'000), "body");
  const auto all = got.all();
  EXPECT_EQ(all[0].name, "webhook-id");
  EXPECT_EQ(all[0].value, "msg_1");
  EXPECT_EQ(all[1].name, "webhook-timestamp");
  EXPECT_EQ(all[1].value, "1700000000");
  EXPECT_EQ(all[2].name, "webhook-signature");
  EXPECT_EQ(all[2].value, got.signature());
  EXPECT_EQ(got.signature().size(), signature_bytes);
}

TEST(Signer, KeepsNoViewOfWhatItWasGiven) {
  std::string id = "msg_1";
  const auto got = *make_signer({buffer(24, 'k')}).sign(id, at_second(1), "body");
  const auto copied = got;
  id = "other";
  EXPECT_EQ(got.id(), "msg_1");
  EXPECT_EQ(copied.all()[0].value, "msg_1");
  EXPECT_EQ(copied.signature(), got.signature());
}

TEST(SignerRefuses, IdsByTheirSize) {
  EXPECT_EQ(verdict("", 1), "bad_id");
  EXPECT_EQ(verdict("m", 1), "signed");
  EXPECT_EQ(verdict(std::string(256, 'm'), 1), "signed");
  EXPECT_EQ(verdict(std::string(257, 'm'), 1), "bad_id");
}

// RFC 9110, 5.6.2, and no full stop; at each end of the id and inside.
TEST(SignerRefuses, IdsWithWhatIsInNoToken) {
  const std::string token =
      "!#$%&'*+-^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const char* const expected = token.find(c) == std::string::npos ? "bad_id" : "signed";
    EXPECT_EQ(verdict(std::string(1, c), 1), expected) << i;
    EXPECT_EQ(verdict(std::string("msg") + c, 1), expected) << i;
    EXPECT_EQ(verdict(c + std::string("msg"), 1), expected) << i;
    EXPECT_EQ(verdict("ms" + std::string(1, c) + "g", 1), expected) << i;
  }
}

TEST(SignerRefuses, TimesThatTheHeaderCannotHold) {
  EXPECT_EQ(verdict("msg", -1), "bad_timestamp");
  EXPECT_EQ(verdict("msg", 0), "signed");
  EXPECT_EQ(verdict("msg", 999'999'999'999), "signed");
  EXPECT_EQ(verdict("msg", 1'000'000'000'000), "bad_timestamp");
  EXPECT_EQ(verdict("msg", std::numeric_limits<std::int64_t>::min()), "bad_timestamp");
  EXPECT_EQ(verdict("msg", std::numeric_limits<std::int64_t>::max()), "bad_timestamp");
  EXPECT_EQ(verdict("m.g", -1), "bad_id");
}

TEST(SignerMake, RefusesOtherNumbersOfSecrets) {
  for (std::size_t count = 0; count <= secrets_max + 1; ++count) {
    const auto made = signer::make(reference::secrets_of(std::vector(count, buffer(24, 'k'))));
    const char* const expected = count == 0            ? "no_secret"
                                 : count > secrets_max ? "too_many_secrets"
                                                       : "made";
    EXPECT_EQ(made ? "made" : to_string(made.error()), expected) << count;
  }
}

TEST(SignerMake, RefusesASecretThatWasMovedAway) {
  std::vector<secret> secrets = reference::secrets_of({buffer(24, 'k'), buffer(24, 'l')});
  const secret taken = std::move(secrets[1]);
  const auto made = signer::make(secrets);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(), setup_errc::moved_from_secret);
}

TEST(Signer, Moves) {
  signer first = make_signer({buffer(24, 'k')});
  const std::string expected(first.sign("m", at_second(1), "")->signature());
  signer second = std::move(first);
  EXPECT_EQ(second.sign("m", at_second(1), "")->signature(), expected);
  second = make_signer({buffer(24, 'l')});
  EXPECT_NE(second.sign("m", at_second(1), "")->signature(), expected);
}

}  // namespace
}  // namespace parley::webhook
