// SPDX-License-Identifier: Apache-2.0
//
// What the header promises about memory. allocations.cpp counts it, and withholds it.

#include <array>
#include <new>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "crypto/allocations.hpp"
#include "crypto/backends.hpp"

namespace parley::crypto {
namespace {

template <class Function>
allocation_counts allocations_of(Function function) {
  const allocation_counts before = allocations();
  function();
  return {allocations().by_new - before.by_new, allocations().by_openssl - before.by_openssl};
}

TEST(Allocations, AreCounted) {
  const allocation_counts made = allocations_of([] {
    OPENSSL_free(OPENSSL_malloc(1));
    ::operator delete(::operator new(1));  // a new-expression may be optimised away
  });
  EXPECT_EQ(made.by_new, 1u);
  EXPECT_EQ(made.by_openssl, 1u);
}

template <class Backend>
struct work {
  typename Backend::hmac_key key{bytes_of("key")};
  buffer message = random_buffer(200);

  void run() const {
    Backend::hmac_sha256(key, bytes_view(message).first(55));
    Backend::hmac_sha256(key, message);
    Backend::hmac_sha256(key, {message, message});
    Backend::sha256(message);
  }
};

template <class Backend>
class AllocationsOf : public testing::Test {};
TYPED_TEST_SUITE(AllocationsOf, backends, backend_name);

// OpenSSL 3.0 copies a digest's context where HMAC starts anew, which is its own affair.
TYPED_TEST(AllocationsOf, NoneOfOursForADigest) {
  const work<TypeParam> some;
  some.run();
  EXPECT_EQ(allocations_of([&] { some.run(); }).by_new, 0u);
}

#ifdef PARLEY_HAS_SHA256_TRANSFORM
TEST(AllocationsOfTransform, NoneAtAll) {
  const allocation_counts made = allocations_of([] {
    const transform::hmac_key key(bytes_of("key"));
    const transform::hmac_key copy(key);
    std::array<std::byte, 300> message{};
    transform::hmac_sha256(copy, message);
    transform::hmac_sha256(copy, {message, message});
    transform::hmac_sha256(copy, bytes_view(message).first(55));
    transform::sha256(message);
    transform::hmac_stream stream(key);
    stream.update(message);
    stream.finish();
    transform::sha256_stream hash;
    hash.update(message);
    hash.finish();
    EXPECT_TRUE(transform::hkdf_sha256({}, bytes_of("ikm"), {}, message));
  });
  EXPECT_EQ(made.by_new, 0u);
  EXPECT_EQ(made.by_openssl, 0u);
}
#endif

// Whichever allocation OpenSSL is refused: bad_alloc or the right digest, never another one; and
// the caller's queue of errors is as it was.
template <class Step>
void expect_all_or_nothing(const digest& expected, Step step) {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42);
  const unsigned long of_caller = ERR_peek_last_error();
  std::size_t thrown = 0;
  for (std::size_t granted = 0;; ++granted) {
    ASSERT_LT(granted, 1'000u);
    const openssl_shortage shortage(granted);
    try {
      const digest made = step();
      EXPECT_EQ(hex(made), hex(expected)) << granted;
    } catch (const std::bad_alloc&) {
      ++thrown;
    }
    EXPECT_EQ(ERR_peek_last_error(), of_caller) << granted;
    if (shortage.refused() == 0) break;
  }
  EXPECT_GT(thrown, 0u);
  ERR_clear_error();
}

TEST(ShortageInEvp, IsBadAlloc) {
  const buffer message = random_buffer(200);
  const buffer secret = random_buffer(100);
  const evp::hmac_key key(secret);
  const digest mac = evp::hmac_sha256(key, message);
  digest derived;
  ASSERT_TRUE(evp::hkdf_sha256(secret, secret, secret, derived));

  expect_all_or_nothing(evp::sha256(message), [&] { return evp::sha256(message); });
  expect_all_or_nothing(evp::sha256(message), [&] {
    evp::sha256_stream stream;
    stream.update(message);
    return stream.finish();
  });
  expect_all_or_nothing(mac, [&] { return evp::hmac_sha256(key, message); });
  expect_all_or_nothing(mac, [&] { return evp::hmac_sha256(evp::hmac_key(secret), message); });
  expect_all_or_nothing(mac, [&] {
    evp::hmac_stream stream(key);
    stream.update(message);
    return stream.finish();
  });
  expect_all_or_nothing(derived, [&] {
    digest out;
    EXPECT_TRUE(evp::hkdf_sha256(secret, secret, secret, out));
    return out;
  });
  EXPECT_EQ(evp::hmac_sha256(key, message), mac);
}

}  // namespace
}  // namespace parley::crypto
