// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "crypto/backends.hpp"

namespace parley::crypto {
namespace {

template <class Backend>
class Sha256 : public testing::Test {};
TYPED_TEST_SUITE(Sha256, backends, backend_name);

// The examples that NIST publishes for FIPS 180-4, and its long one.
struct example {
  std::string_view message;
  std::string_view digest;
};
constexpr example examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
constexpr std::string_view digest_of_a_million =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TYPED_TEST(Sha256, GivesTheExamplesOfFips180) {
  for (const example& each : examples) {
    EXPECT_EQ(hex(TypeParam::sha256(bytes_of(each.message))), each.digest) << each.message;
  }
}

TYPED_TEST(Sha256, GivesTheLongExample) {
  const buffer message = repeated(1'000'000, 'a');
  EXPECT_EQ(hex(TypeParam::sha256(message)), digest_of_a_million);

  // In pieces of every size from 0 on.
  typename TypeParam::sha256_stream stream;
  bytes_view rest = message;
  for (std::size_t size = 0; !rest.empty(); ++size) {
    size = std::min(size, rest.size());
    stream.update(rest.first(size));
    rest = rest.subspan(size);
  }
  EXPECT_EQ(hex(stream.finish()), digest_of_a_million);
}

TYPED_TEST(Sha256, StreamsTheSameInEveryTwoParts) {
  typename TypeParam::sha256_stream stream;
  for (std::size_t size = 0; size <= 200; ++size) {
    const buffer message = random_buffer(size);
    const digest whole = TypeParam::sha256(message);
    for (std::size_t first = 0; first <= size; ++first) {
      stream.update(bytes_view(message).first(first));
      stream.update(bytes_view(message).subspan(first));
      ASSERT_EQ(stream.finish(), whole) << first << " of " << size;
    }
  }
}

TYPED_TEST(Sha256, FinishedStreamStartsAnew) {
  typename TypeParam::sha256_stream stream;
  EXPECT_EQ(hex(stream.finish()), examples[0].digest);
  stream.update(bytes_of("abc"));
  EXPECT_EQ(hex(stream.finish()), examples[1].digest);
  EXPECT_EQ(hex(stream.finish()), examples[0].digest);
}

TYPED_TEST(Sha256, AcceptsNoBytesWithoutAnAddress) {
  typename TypeParam::sha256_stream stream;
  stream.update(bytes_view());
  EXPECT_EQ(hex(stream.finish()), examples[0].digest);
  EXPECT_EQ(hex(TypeParam::sha256(bytes_view())), examples[0].digest);
}

TYPED_TEST(Sha256, StreamsStayWhereTheyAre) {
  EXPECT_FALSE(std::copy_constructible<typename TypeParam::sha256_stream>);
  EXPECT_FALSE(std::movable<typename TypeParam::sha256_stream>);
  EXPECT_FALSE(std::movable<typename TypeParam::hmac_stream>);
}

#ifdef PARLEY_HAS_SHA256_TRANSFORM
TEST(Sha256Backends, Agree) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const buffer message = random_buffer(size);
    ASSERT_EQ(transform::sha256(message), evp::sha256(message)) << size;
  }
}

// The promise of the header.
static_assert(noexcept(transform::sha256(bytes_view())));
static_assert(std::is_nothrow_constructible_v<transform::hmac_key, bytes_view>);
static_assert(std::is_nothrow_constructible_v<transform::hmac_stream, const transform::hmac_key&>);
#endif
static_assert(!noexcept(evp::sha256(bytes_view())));
static_assert(!std::is_nothrow_constructible_v<evp::hmac_key, bytes_view>);

TEST(Sha256Backends, TheChosenOneIsMeant) {
  EXPECT_EQ(hex(sha256(bytes_of("abc"))), examples[1].digest);
#ifdef PARLEY_SHA256_EVP
  EXPECT_TRUE((std::same_as<hmac_key, evp::hmac_key>));
#else
  EXPECT_TRUE((std::same_as<hmac_key, transform::hmac_key>));
#endif
}

}  // namespace
}  // namespace parley::crypto
