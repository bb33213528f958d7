// SPDX-License-Identifier: Apache-2.0
//
// No branch and no address depends on a secret of webhooks, or on the MAC that a delivery should
// have, but one branch for each secret on whether it signed the delivery. That is no secret: the
// sender is told.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/webhook/signer.hpp"
#include "parley/webhook/verifier.hpp"
#include "support/memcheck.hpp"

namespace parley::webhook {
namespace {

constexpr seconds_time now{std::chrono::seconds(1'700'000'000)};
constexpr std::string_view body = R"({"type":"phone_call.ended"})";
const std::vector<std::byte> bytes(secret_bytes_min, std::byte{0x5a});
const std::vector<std::byte> other_bytes(secret_bytes_max, std::byte{0xa5});

class ConstantTime : public memcheck::test {};

TEST_F(ConstantTime, SecretsAreHashed) {
  const std::vector<std::byte> hidden = bytes;
  memcheck::hide(hidden);
  EXPECT_EQ(memcheck::uses([&] { *verifier::make({*secret::from_bytes(hidden)}); }), 0u);
}

TEST_F(ConstantTime, DeliveriesAreVerified) {
  const std::vector<std::byte> hidden[] = {bytes, other_bytes};
  for (const auto& each : hidden) memcheck::hide(each);
  const verifier by =
      *verifier::make({*secret::from_bytes(hidden[0]), *secret::from_bytes(hidden[1])});
  const auto verdict = [&](std::string_view signature, std::size_t secrets_tried) {
    std::string said;
    EXPECT_EQ(memcheck::uses([&] {
                const auto got = by.verify(
                    {.id = "msg_1", .timestamp = "1700000000", .signature = signature}, body, now);
                said = got ? "accepted" : to_string(got.error());
              }),
              secrets_tried)
        << signature;
    return said;
  };

  const auto sign = [](const std::vector<std::byte>& with) {
    const auto made = signer::make({*secret::from_bytes(with)})->sign("msg_1", now, body);
    return std::string(made->signature());
  };
  const std::string genuine = sign(bytes);
  EXPECT_EQ(verdict(genuine, 1), "accepted");
  EXPECT_EQ(verdict(sign(other_bytes), 2), "accepted");
  EXPECT_EQ(verdict("v1,short", 0), "mismatch");
  std::string with_forgeries = genuine;
  constexpr std::size_t version_characters = 3;
  // But for the last two characters: four bits with two that are zero, and the padding.
  for (std::size_t i = version_characters; i < genuine.size() - 2; ++i) {
    std::string forged = genuine;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verdict(forged, 2), "mismatch") << i;
    if (i < version_characters + signatures_max - 1) with_forgeries.insert(0, forged + " ");
  }
  EXPECT_EQ(verdict(with_forgeries, 1), "accepted");
}

}  // namespace
}  // namespace parley::webhook
