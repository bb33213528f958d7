// SPDX-License-Identifier: Apache-2.0
//
// Secrets that valgrind follows. Memcheck is told that the bytes of a secret are undefined, which
// is so of all that is computed from them, and then counts each branch and each address that
// depends on one: that is what code in constant time has none of.
//
//   memcheck::hide(key);
//   EXPECT_EQ(memcheck::uses([&] { made = mac_of(key, message); }), 0u);
//   memcheck::show(made);  // may be looked at from here on

#ifndef PARLEY_TESTS_SUPPORT_MEMCHECK_HPP
#define PARLEY_TESTS_SUPPORT_MEMCHECK_HPP

#include <cstddef>
#include <span>

#include <gtest/gtest.h>
#include <valgrind/memcheck.h>

namespace parley::memcheck {

template <class T>
void hide(const T& secret) {
  const auto bytes = std::as_bytes(std::span(secret));
  VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

template <class T>
void show(const T& secret) {
  const auto bytes = std::as_bytes(std::span(secret));
  VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}

/// The value of what is computed from a secret and is none itself.
template <class T>
T shown(T value) {
  show(std::span(&value, 1));
  return value;
}

/// How many branches and addresses in this work depended on a secret.
template <class Work>
std::size_t uses(Work work) {
  const std::size_t before = VALGRIND_COUNT_ERRORS;
  work();
  return VALGRIND_COUNT_ERRORS - before;
}

/// Without valgrind nothing is counted, and each test would hold whatever the code does.
class test : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(RUNNING_ON_VALGRIND) << "CTest runs this with valgrind"; }
};

}  // namespace parley::memcheck

#endif  // PARLEY_TESTS_SUPPORT_MEMCHECK_HPP
