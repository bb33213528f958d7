// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <memory>
#include <ostream>
#include <thread>
#include <utility>
#include <vector>

#include "crypto/backends.hpp"

namespace parley::crypto {
namespace {

template <class Backend>
class Hmac : public testing::Test {
 protected:
  using key_type = typename Backend::hmac_key;

  static digest mac_of(bytes_view key, bytes_view message) {
    return Backend::hmac_sha256(key_type(key), message);
  }
};
TYPED_TEST_SUITE(Hmac, backends, backend_name);

buffer copy_of(std::string_view text) {
  const bytes_view bytes = bytes_of(text);
  return buffer(bytes.begin(), bytes.end());
}

// RFC 4231, 4.2 to 4.8. Case 5 gives the first 128 bits alone.
struct rfc_case {
  int number;
  buffer key;
  buffer message;
  std::string_view mac;
};
std::vector<rfc_case> rfc_cases() {
  return {
      {1, repeated(20, 0x0b), copy_of("Hi There"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {2, copy_of("Jefe"), copy_of("what do ya want for nothing?"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {3, repeated(20, 0xaa), repeated(50, 0xdd),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {4, counted(25, 1), repeated(50, 0xcd),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {5, repeated(20, 0x0c), copy_of("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"},
      {6, repeated(131, 0xaa), copy_of("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {7, repeated(131, 0xaa),
       copy_of("This is a test using a larger than block-size key and a larger than block-size "
               "data. The key needs to be hashed before being used by the HMAC algorithm."),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
}

TYPED_TEST(Hmac, GivesTheVectorsOfRfc4231) {
  for (const rfc_case& each : rfc_cases()) {
    const std::string mac = hex(this->mac_of(each.key, each.message));
    EXPECT_EQ(mac.substr(0, each.mac.size()), each.mac) << each.number;
  }
}

// RFC 2104, 2: a key is padded with zeros to a block, or hashed first where it is longer.
TYPED_TEST(Hmac, KeysArePaddedOrHashed) {
  const buffer message = random_buffer(77);
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 200u}) {
    const buffer key = random_buffer(size);
    buffer padded = key;
    if (size > block_bytes) {
      const digest hashed = TypeParam::sha256(key);
      padded.assign(hashed.begin(), hashed.end());
    }
    padded.resize(block_bytes);
    buffer inner;
    buffer outer;
    for (const std::byte each : padded) {
      inner.push_back(each ^ std::byte{0x36});
      outer.push_back(each ^ std::byte{0x5c});
    }
    inner.insert(inner.end(), message.begin(), message.end());
    const digest inner_digest = TypeParam::sha256(inner);
    outer.insert(outer.end(), inner_digest.begin(), inner_digest.end());
    EXPECT_EQ(this->mac_of(key, message), TypeParam::sha256(outer)) << size;
  }
}

TYPED_TEST(Hmac, StreamsAndJoinsTheSameInEveryTwoParts) {
  const buffer secret = random_buffer(32);
  const typename TypeParam::hmac_key key(secret);
  typename TypeParam::hmac_stream stream(key);
  for (std::size_t size = 0; size <= 200; ++size) {
    const buffer message = random_buffer(size);
    const digest whole = TypeParam::hmac_sha256(key, message);
    for (std::size_t first = 0; first <= size; ++first) {
      const bytes_view left = bytes_view(message).first(first);
      const bytes_view right = bytes_view(message).subspan(first);
      stream.update(left);
      stream.update(right);
      ASSERT_EQ(stream.finish(), whole) << first << " of " << size;
      ASSERT_EQ(TypeParam::hmac_sha256(key, {left, right}), whole) << first << " of " << size;
    }
  }
}

// Whatever the rest of the block holds is not of the message.
TYPED_TEST(Hmac, InPlaceIsTheSameForEverySizeOfABlock) {
  const buffer secret = random_buffer(32);
  const typename TypeParam::hmac_key key(secret);
  for (std::size_t size = 0; size <= one_block_max; ++size) {
    const buffer message = random_buffer(size);
    const digest expected = TypeParam::hmac_sha256(key, bytes_view(message));
    for (const int rest : {0x00, 0x80, 0xFF}) {
      std::array<std::byte, block_bytes> block;
      block.fill(static_cast<std::byte>(rest));
      std::copy(message.begin(), message.end(), block.begin());
      EXPECT_EQ(TypeParam::hmac_sha256_in_place(key, block, size), expected) << size;
      EXPECT_TRUE(std::equal(message.begin(), message.end(), block.begin())) << size;
    }
  }
  EXPECT_EQ(one_block_max, 55u);
}

// 55 bytes are what fits into one block with the padding.
TYPED_TEST(Hmac, JoinsManyParts) {
  const typename TypeParam::hmac_key key(bytes_of("key"));
  for (const std::size_t size : {0u, 1u, 54u, 55u, 56u, 63u, 64u, 65u, 119u, 120u}) {
    const buffer message = random_buffer(size);
    const bytes_view all(message);
    const digest whole = TypeParam::hmac_sha256(key, all);
    for (std::size_t first = 0; first <= size; ++first) {
      for (std::size_t second = first; second <= size; ++second) {
        ASSERT_EQ(
            TypeParam::hmac_sha256(key, {bytes_view(), all.first(first),
                                         all.subspan(first, second - first), all.subspan(second)}),
            whole)
            << first << ", " << second << " of " << size;
      }
    }
  }
}

TYPED_TEST(Hmac, OfNothing) {
  const typename TypeParam::hmac_key key{bytes_view()};
  const std::string_view expected =
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(hex(TypeParam::hmac_sha256(key, bytes_view())), expected);
  EXPECT_EQ(hex(TypeParam::hmac_sha256(key, parts())), expected);
  EXPECT_EQ(hex(typename TypeParam::hmac_stream(key).finish()), expected);
}

TYPED_TEST(Hmac, CopiedAndMovedFromKeysStayKeys) {
  const digest expected = this->mac_of(bytes_of("one"), bytes_of("message"));
  typename TypeParam::hmac_key one(bytes_of("one"));
  typename TypeParam::hmac_key other(bytes_of("other"));
  {
    const typename TypeParam::hmac_key copy(one);
    EXPECT_EQ(TypeParam::hmac_sha256(copy, bytes_of("message")), expected);
    other = copy;
  }
  const typename TypeParam::hmac_key moved(std::move(one));
  EXPECT_EQ(TypeParam::hmac_sha256(moved, bytes_of("message")), expected);
  EXPECT_EQ(TypeParam::hmac_sha256(other, bytes_of("message")), expected);
  // NOLINTNEXTLINE(bugprone-use-after-move)
  EXPECT_EQ(TypeParam::hmac_sha256(one, bytes_of("message")), expected);
}

TYPED_TEST(Hmac, StreamOutlivesItsKey) {
  auto key = std::make_unique<typename TypeParam::hmac_key>(bytes_of("key"));
  const digest expected = TypeParam::hmac_sha256(*key, bytes_of("message"));
  typename TypeParam::hmac_stream stream(*key);
  key.reset();
  for (int i = 0; i < 2; ++i) {
    stream.update(bytes_of("message"));
    EXPECT_EQ(stream.finish(), expected);
  }
}

template <class T>
concept streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

TYPED_TEST(Hmac, KeysAreNeitherComparedNorPrinted) {
  EXPECT_FALSE(std::equality_comparable<typename TypeParam::hmac_key>);
  EXPECT_FALSE(streamable<typename TypeParam::hmac_key>);
  EXPECT_FALSE(streamable<typename TypeParam::hmac_stream>);
}

// For ThreadSanitizer, and for a context that two threads would share.
TYPED_TEST(Hmac, ThreadsShareAKey) {
  const typename TypeParam::hmac_key key(bytes_of("shared"));
  const buffer message = random_buffer(200);
  std::vector<digest> expected;
  for (std::size_t size = 0; size <= message.size(); ++size) {
    expected.push_back(TypeParam::hmac_sha256(key, bytes_view(message).first(size)));
  }
  std::atomic<int> wrong = 0;
  const auto work = [&](std::size_t step) {
    for (std::size_t i = 0; i < 2'000; ++i) {
      const std::size_t size = i * step % expected.size();
      const bytes_view part = bytes_view(message).first(size);
      if (TypeParam::hmac_sha256(key, part) != expected[size]) ++wrong;
      if (i % 16 != 0) continue;
      const typename TypeParam::hmac_key copy(key);
      typename TypeParam::hmac_stream stream(copy);
      stream.update(part);
      if (stream.finish() != expected[size]) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (const std::size_t step : {1u, 3u, 7u, 11u}) threads.emplace_back(work, step);
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(wrong, 0);
}

#ifdef PARLEY_HAS_SHA256_TRANSFORM
TEST(HmacBackends, Agree) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const buffer key = random_buffer(size % 131);
    const buffer message = random_buffer(size);
    ASSERT_EQ(transform::hmac_sha256(transform::hmac_key(key), message),
              evp::hmac_sha256(evp::hmac_key(key), message))
        << size;
  }
}
#endif

TEST(HmacBackends, TheChosenOneIsMeant) {
  const hmac_key key(bytes_of("Jefe"));
  const std::string_view expected =
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  EXPECT_EQ(hex(hmac_sha256(key, bytes_of("what do ya want for nothing?"))), expected);
  EXPECT_EQ(hex(hmac_sha256(key, {bytes_of("what do ya want "), bytes_of("for nothing?")})),
            expected);
}

}  // namespace
}  // namespace parley::crypto
