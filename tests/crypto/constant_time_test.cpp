// SPDX-License-Identifier: Apache-2.0
//
// Where the time of what works on secrets could depend on them. What must not is counted as
// nothing, and what is known to, as something: else the counting would be worth nothing.

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "crypto/backends.hpp"
#include "support/memcheck.hpp"

namespace parley::crypto {
namespace {

using compare = bool (*)(bytes_view a, bytes_view b);

struct pair {
  buffer one;
  buffer other;
  bool are_equal;
};

// Of each size up to a few vectors of the machine: the same, and differing in each byte.
std::vector<pair> make_pairs(std::size_t size_min) {
  std::vector<pair> made;
  for (std::size_t size = size_min; size <= 64; ++size) {
    const buffer one = random_buffer(size);
    made.push_back({one, one, true});
    for (std::size_t i = 0; i < size; ++i) {
      buffer other = one;
      other[i] ^= std::byte{1} << (i % 8);
      made.push_back({one, std::move(other), false});
    }
  }
  return made;
}

class ConstantTime : public memcheck::test {};

TEST_F(ConstantTime, ComparesWithoutABranchOnWhatItCompares) {
  for (const pair& each : make_pairs(0)) {
    memcheck::hide(each.one);
    memcheck::hide(each.other);
    bool is_equal = false;
    EXPECT_EQ(memcheck::uses([&] { is_equal = equal_constant_time(each.one, each.other); }), 0u);
    EXPECT_EQ(memcheck::shown(is_equal), each.are_equal) << each.one.size();
  }
}

bool compare_by_memcmp(bytes_view a, bytes_view b) {
  return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

bool compare_by_equal(bytes_view a, bytes_view b) {
  return std::equal(a.begin(), a.end(), b.begin());
}

bool compare_until_one_differs(bytes_view a, bytes_view b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

TEST_F(ConstantTime, IsTellableFromWhatStopsAtADifference) {
  constexpr compare all[] = {&compare_by_memcmp, &compare_by_equal, &compare_until_one_differs};
  for (const compare each : all) {
    for (const pair& both : make_pairs(1)) {
      memcheck::hide(both.one);
      memcheck::hide(both.other);
      bool is_equal = false;
      EXPECT_GT(memcheck::uses([&] { is_equal = each(both.one, both.other); }), 0u);
      EXPECT_EQ(memcheck::shown(is_equal), both.are_equal) << both.one.size();
    }
  }
}

TEST_F(ConstantTime, IsTellableFromALookupInATable) {
  const std::vector<char> digits = {'0', '1', '2', '3'};
  const std::vector<std::size_t> place = {2};
  memcheck::hide(place);
  char digit = 0;
  EXPECT_GT(memcheck::uses([&] { digit = digits.data()[place.front()]; }), 0u);
  EXPECT_EQ(memcheck::shown(digit), '2');
}

template <class Backend>
class ConstantTimeOf : public memcheck::test {};
TYPED_TEST_SUITE(ConstantTimeOf, backends, backend_name);

TYPED_TEST(ConstantTimeOf, MacsAndDerivedKeys) {
  for (const std::size_t size : {16u, 32u, 64u, 65u}) {
    const buffer secret = random_buffer(size);
    const digest expected =
        TypeParam::hmac_sha256(typename TypeParam::hmac_key(secret), bytes_of("message"));
    digest expected_key;
    ASSERT_TRUE(TypeParam::hkdf_sha256({}, secret, bytes_of("use"), expected_key));
    memcheck::hide(secret);
    digest mac;
    digest derived;
    EXPECT_EQ(memcheck::uses([&] {
                mac = TypeParam::hmac_sha256(typename TypeParam::hmac_key(secret),
                                             bytes_of("message"));
                EXPECT_TRUE(TypeParam::hkdf_sha256({}, secret, bytes_of("use"), derived));
              }),
              0u)
        << size;
    memcheck::show(mac);
    memcheck::show(derived);
    EXPECT_EQ(hex(mac), hex(expected));
    EXPECT_EQ(hex(derived), hex(expected_key));
  }
}

}  // namespace
}  // namespace parley::crypto
