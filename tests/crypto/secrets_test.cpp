// SPDX-License-Identifier: Apache-2.0
//
// What key material leaves behind, and the small tools around it.

#include <algorithm>
#include <array>
#include <concepts>
#include <memory>
#include <new>
#include <set>
#include <type_traits>
#include <utility>

#include <pthread.h>

#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "crypto/allocations.hpp"
#include "crypto/backends.hpp"

namespace parley::crypto {
namespace {

bool all_zero(bytes_view bytes) {
  return std::ranges::all_of(bytes, [](std::byte each) { return each == std::byte{}; });
}

TEST(Wipe, Overwrites) {
  buffer bytes = repeated(100, 0x11);
  wipe(std::span(bytes).subspan(1, 98));
  EXPECT_EQ(bytes.front(), std::byte{0x11});
  EXPECT_EQ(bytes.back(), std::byte{0x11});
  EXPECT_TRUE(all_zero(bytes_view(bytes).subspan(1, 98)));
  wipe({});
}

#ifdef PARLEY_HAS_SHA256_TRANSFORM
// What an object of this type leaves where it was.
template <class T, class... Arguments>
void expect_wiped(const Arguments&... arguments) {
  alignas(T) std::array<std::byte, sizeof(T)> storage{};
  T* const made = ::new (storage.data()) T(arguments...);
  if constexpr (requires { made->update(bytes_view()); })
    made->update(bytes_of("a secret message"));
  EXPECT_FALSE(all_zero(storage));
  std::destroy_at(made);
  EXPECT_TRUE(all_zero(storage)) << hex(storage);
}

TEST(Wipe, TransformLeavesNothing) {
  const bytes_view secret = bytes_of("the key that nobody sees");
  expect_wiped<transform::hmac_key>(secret);
  expect_wiped<transform::hmac_key>(transform::hmac_key(secret));
  expect_wiped<transform::hmac_stream>(transform::hmac_key(secret));
  expect_wiped<transform::sha256_stream>();
}
#endif

TEST(Wipe, WatchFindsWhatIsNot) {
  const buffer secret = random_buffer(32);
  const secret_watch watch(secret);
  { const buffer copy(secret); }
  EXPECT_EQ(watch.found(), 1u);
  void* const block = OPENSSL_malloc(100);
  std::copy(secret.begin(), secret.end(), static_cast<std::byte*>(block) + 50);
  OPENSSL_free(block);
  EXPECT_EQ(watch.found(), 2u);
}

template <class Backend>
class Wiped : public testing::Test {};
TYPED_TEST_SUITE(Wiped, backends, backend_name);

TYPED_TEST(Wiped, MemoryThatIsGivenBack) {
  for (const std::size_t size : {32u, 64u, 100u}) {
    const buffer secret = random_buffer(size);
    const secret_watch watch(secret);
    {
      const auto key = std::make_unique<typename TypeParam::hmac_key>(secret);
      const typename TypeParam::hmac_key copy(*key);
      TypeParam::hmac_sha256(copy, bytes_of("message"));
      typename TypeParam::hmac_stream stream(copy);
      stream.update(secret);
      typename TypeParam::sha256_stream hash;
      hash.update(secret);
      digest out;
      EXPECT_TRUE(TypeParam::hkdf_sha256(secret, secret, secret, out));
    }
    EXPECT_EQ(watch.found(), 0u) << size;
  }
}

// A stream has up to a block of the message; the derived key passes through one as it is.
TYPED_TEST(Wiped, DerivedKeys) {
  buffer derived(3 * digest_bytes);
  ASSERT_TRUE(TypeParam::hkdf_sha256({}, bytes_of("ikm"), {}, derived));
  const secret_watch watch(bytes_view(derived).first(digest_bytes));
  digest out;
  ASSERT_TRUE(TypeParam::hkdf_sha256({}, bytes_of("ikm"), {}, out));
  EXPECT_EQ(watch.found(), 0u);
}

// Runs `work` in a thread with a stack of our own, and returns what is found on it afterwards.
template <class Work>
bytes_view stack_after(Work work) {
  alignas(4'096) static std::array<std::byte, 1 << 20> stack;
  stack.fill(std::byte{});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  EXPECT_EQ(pthread_attr_setstack(&attributes, stack.data(), stack.size()), 0);
  pthread_t thread{};
  const auto start = [](void* argument) -> void* {
    (*static_cast<Work*>(argument))();
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, start, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return std::span(stack).last(1 << 16);  // it grows downwards, and not that far
}

// Whether 16 bytes of the secret, from a multiple of 16 on, are there.
bool has_part(bytes_view stack, bytes_view secret) {
  for (; secret.size() >= 16; secret = secret.subspan(16)) {
    if (!std::ranges::search(stack, secret.first(16)).empty()) return true;
  }
  return false;
}

TYPED_TEST(Wiped, TheStack) {
  using key_type = typename TypeParam::hmac_key;
  const buffer secret = random_buffer(64);
  const bool seen = has_part(stack_after([&] {
                               std::array<std::byte, 64> copy;
                               std::ranges::copy(secret, copy.begin());
                               // Keeps the copy from being optimised away.
                               EXPECT_TRUE(equal_constant_time(copy, secret));
                             }),
                             secret);
  if (!seen) GTEST_SKIP() << "a sanitizer keeps locals elsewhere";

  buffer derived(3 * digest_bytes);
  ASSERT_TRUE(TypeParam::hkdf_sha256({}, bytes_view(secret).first(40), {}, derived));
  const digest extracted =
      TypeParam::hmac_sha256(key_type(bytes_view()), bytes_view(secret).first(40));
  const key_type expand(extracted);
  const key_type key(secret);
  buffer inner;
  buffer outer;
  for (const std::byte each : secret) {  // RFC 2104, 2
    inner.push_back(each ^ std::byte{0x36});
    outer.push_back(each ^ std::byte{0x5c});
  }
  // With evp this is a pointer, which may be anywhere.
  const auto states_of = [](const key_type& of) {
    return sizeof of < 64 ? bytes_view() : std::as_bytes(std::span(&of, 1));
  };

  const bytes_view made = stack_after([&] { const key_type one(secret); });
  EXPECT_FALSE(has_part(made, secret));
  EXPECT_FALSE(has_part(made, inner));
  EXPECT_FALSE(has_part(made, outer));
  EXPECT_FALSE(has_part(made, states_of(key)));

  inner.insert(inner.end(), secret.begin(), secret.end());
  const digest inner_digest = TypeParam::sha256(inner);
  const bytes_view streamed = stack_after([&] {
    typename TypeParam::hmac_stream stream{key_type(secret)};
    stream.update(secret);
    stream.finish();
    stream.update(secret);
  });
  EXPECT_FALSE(has_part(streamed, secret));
  if (!std::is_same_v<TypeParam, evp>) {  // OpenSSL's own HMAC leaves it
    EXPECT_FALSE(has_part(streamed, inner_digest));
  }
  EXPECT_FALSE(has_part(streamed, states_of(key)));

  buffer out(derived.size());
  const bytes_view expanded = stack_after(
      [&] { EXPECT_TRUE(TypeParam::hkdf_sha256({}, bytes_view(secret).first(40), {}, out)); });
  EXPECT_FALSE(has_part(expanded, secret));
  EXPECT_FALSE(has_part(expanded, extracted));
  EXPECT_FALSE(has_part(expanded, derived));
  EXPECT_FALSE(has_part(expanded, states_of(expand)));
}

TEST(SecretBytes, AreWipedWhereverTheyEnd) {
  const buffer secret = random_buffer(40);
  const secret_watch watch(secret);
  {
    secret_bytes first{bytes_view(secret)};
    EXPECT_EQ(hex(std::as_const(first).bytes()), hex(secret));
    secret_bytes second(std::move(first));
    EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(first.bytes().empty());
    EXPECT_EQ(hex(second.bytes()), hex(secret));

    secret_bytes assigned{bytes_view(secret)};
    assigned = secret_bytes(3);
    EXPECT_EQ(hex(assigned.bytes()), "000000");
    assigned = std::move(second);
    EXPECT_EQ(second.size(), 0u);  // NOLINT(bugprone-use-after-move)
    secret_bytes& same = assigned;
    assigned = std::move(same);
    EXPECT_EQ(hex(assigned.bytes()), hex(secret));
  }
  EXPECT_EQ(watch.found(), 0u);
}

TEST(SecretBytes, AreNeitherCopiedNorCompared) {
  EXPECT_FALSE(std::copy_constructible<secret_bytes>);
  EXPECT_FALSE((std::assignable_from<secret_bytes&, const secret_bytes&>));
  EXPECT_FALSE(std::equality_comparable<secret_bytes>);
  EXPECT_TRUE(std::is_nothrow_move_constructible_v<secret_bytes>);
  EXPECT_TRUE(secret_bytes().bytes().empty());
  EXPECT_TRUE(secret_bytes(0).bytes().empty());
}

TEST(EqualConstantTime, TellsEveryBit) {
  for (const std::size_t size : {1u, 15u, 16u, 17u, 32u, 33u}) {
    const buffer one = random_buffer(size);
    EXPECT_TRUE(equal_constant_time(one, buffer(one)));
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      buffer other = one;
      other[bit / 8] ^= std::byte{1} << (bit % 8);
      EXPECT_FALSE(equal_constant_time(one, other)) << bit;
    }
  }
}

TEST(EqualConstantTime, DifferentSizesDiffer) {
  const buffer one = random_buffer(33);
  for (std::size_t size = 0; size < one.size(); ++size) {
    EXPECT_FALSE(equal_constant_time(one, bytes_view(one).first(size))) << size;
    EXPECT_FALSE(equal_constant_time(bytes_view(one).first(size), one)) << size;
  }
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_TRUE(equal_constant_time(bytes_view(one).first(0), {}));
}

TEST(RandomBytes, FillEveryByte) {
  // A byte that was never written would be the same in all of them.
  constexpr std::size_t tries = 64;
  std::array<std::set<std::byte>, 100> seen;
  for (std::size_t i = 0; i < tries; ++i) {
    std::array<std::byte, 100> bytes{};
    ASSERT_TRUE(random_bytes(bytes));
    for (std::size_t j = 0; j < bytes.size(); ++j) seen[j].insert(bytes[j]);
  }
  for (const auto& each : seen) EXPECT_GT(each.size(), 1u);
  EXPECT_TRUE(random_bytes({}));
}

// While it lives, OpenSSL's generator fails, with an error in the queue.
class no_entropy {
 public:
  no_entropy() : before_(RAND_get_rand_method()) { RAND_set_rand_method(&failing); }
  no_entropy(const no_entropy&) = delete;
  no_entropy& operator=(const no_entropy&) = delete;
  ~no_entropy() { RAND_set_rand_method(before_); }

 private:
  static int fail(unsigned char*, int) {
    ERR_raise(ERR_LIB_RAND, ERR_R_INTERNAL_ERROR);
    return 0;
  }
  static constexpr RAND_METHOD failing = {nullptr, fail, nullptr, nullptr, fail, nullptr};

  const RAND_METHOD* before_;
};

TEST(RandomBytes, FailureIsAResult) {
  ERR_raise(ERR_LIB_USER, 42);  // of our caller
  const unsigned long before = ERR_peek_last_error();
  std::array<std::byte, 16> bytes{};
  {
    const no_entropy shortage;
    const auto filled = random_bytes(bytes);
    ASSERT_FALSE(filled);
    EXPECT_EQ(filled.error(), errc::no_random);
    EXPECT_TRUE(random_bytes({}));
  }
  EXPECT_EQ(ERR_peek_last_error(), before);
  ERR_clear_error();
  EXPECT_TRUE(random_bytes(bytes));
}

}  // namespace
}  // namespace parley::crypto
