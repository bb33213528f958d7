// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "crypto/backends.hpp"

namespace parley::crypto {
namespace {

template <class Backend>
class Hkdf : public testing::Test {};
TYPED_TEST_SUITE(Hkdf, backends, backend_name);

// RFC 5869, A.1 to A.3
TYPED_TEST(Hkdf, GivesTheVectorsOfRfc5869) {
  buffer out(42);
  ASSERT_TRUE(TypeParam::hkdf_sha256(counted(13, 0), repeated(22, 0x0b), counted(10, 0xf0), out));
  EXPECT_EQ(hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  out.resize(82);
  ASSERT_TRUE(TypeParam::hkdf_sha256(counted(80, 0x60), counted(80, 0), counted(80, 0xb0), out));
  EXPECT_EQ(hex(out),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb"
            "41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  out.resize(42);
  ASSERT_TRUE(TypeParam::hkdf_sha256({}, repeated(22, 0x0b), {}, out));
  EXPECT_EQ(hex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// RFC 5869, 2.3: at most 255 digests; what is shorter is the beginning of what is longer.
TYPED_TEST(Hkdf, TakesNoMoreThanItsCounterCanCount) {
  const buffer ikm = random_buffer(32);
  buffer longest(hkdf_bytes_max);
  ASSERT_TRUE(TypeParam::hkdf_sha256({}, ikm, bytes_of("info"), longest));
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 8159u}) {
    buffer out(size);
    ASSERT_TRUE(TypeParam::hkdf_sha256({}, ikm, bytes_of("info"), out));
    EXPECT_TRUE(std::equal(out.begin(), out.end(), longest.begin())) << size;
  }

  // The last block, as 2.3 writes it: the counter is 255 there.
  const typename TypeParam::hmac_key extract{bytes_view()};
  const typename TypeParam::hmac_key expand(TypeParam::hmac_sha256(extract, ikm));
  const bytes_view all(longest);
  const std::array counter = {std::byte{255}};
  const digest last = TypeParam::hmac_sha256(
      expand, {all.subspan(253 * digest_bytes, digest_bytes), bytes_of("info"), counter});
  EXPECT_EQ(hex(all.last(digest_bytes)), hex(last));

  buffer too_long(hkdf_bytes_max + 1, std::byte{7});
  const auto refused = TypeParam::hkdf_sha256({}, ikm, bytes_of("info"), too_long);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), errc::output_too_long);
  EXPECT_EQ(too_long, buffer(hkdf_bytes_max + 1, std::byte{7}));
}

TYPED_TEST(Hkdf, EachInputMatters) {
  const auto derived = [](std::string_view salt, std::string_view ikm, std::string_view info) {
    digest out;
    EXPECT_TRUE(TypeParam::hkdf_sha256(bytes_of(salt), bytes_of(ikm), bytes_of(info), out));
    return out;
  };
  const digest made = derived("salt", "ikm", "info");
  EXPECT_EQ(derived("salt", "ikm", "info"), made);
  EXPECT_NE(derived("salT", "ikm", "info"), made);
  EXPECT_NE(derived("salt", "ikM", "info"), made);
  EXPECT_NE(derived("salt", "ikm", "infO"), made);
}

#ifdef PARLEY_HAS_SHA256_TRANSFORM
TEST(HkdfBackends, Agree) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const buffer salt = random_buffer(size % 90);
    const buffer ikm = random_buffer(size % 131);
    const buffer info = random_buffer(size);
    buffer one(3 * size);
    buffer other(3 * size);
    ASSERT_TRUE(transform::hkdf_sha256(salt, ikm, info, one));
    ASSERT_TRUE(evp::hkdf_sha256(salt, ikm, info, other));
    ASSERT_EQ(hex(one), hex(other)) << size;
  }
}
#endif

TEST(HkdfBackends, TheChosenOneIsMeant) {
  buffer out(42);
  ASSERT_TRUE(hkdf_sha256({}, repeated(22, 0x0b), {}, out));
  EXPECT_EQ(hex(out).substr(0, 16), "8da4e775a563c18f");
}

}  // namespace
}  // namespace parley::crypto
