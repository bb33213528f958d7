// SPDX-License-Identifier: Apache-2.0
//
// Typed suites over both backends, and bytes as the tests write them.

#ifndef PARLEY_TESTS_CRYPTO_BACKENDS_HPP
#define PARLEY_TESTS_CRYPTO_BACKENDS_HPP

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/sha256.hpp"

namespace parley::crypto {

#ifdef PARLEY_HAS_SHA256_TRANSFORM
using backends = testing::Types<transform, evp>;
#else
using backends = testing::Types<evp>;
#endif

struct backend_name {
  template <class Backend>
  static std::string GetName(int) {
    return std::is_same_v<Backend, evp> ? "Evp" : "Transform";
  }
};

using buffer = std::vector<std::byte>;

inline bytes_view bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline buffer repeated(std::size_t size, int value) {
  return buffer(size, static_cast<std::byte>(value));
}

// begin, begin + 1, ... of `size` bytes
inline buffer counted(std::size_t size, int begin) {
  buffer made;
  for (std::size_t i = 0; i < size; ++i) {
    made.push_back(static_cast<std::byte>((static_cast<std::size_t>(begin) + i) & 0xFF));
  }
  return made;
}

inline buffer random_buffer(std::size_t size) {
  static std::mt19937 random(1);
  buffer made;
  for (std::size_t i = 0; i < size; ++i) made.push_back(static_cast<std::byte>(random() & 0xFF));
  return made;
}

inline std::string hex(bytes_view bytes) {
  std::string made;
  for (const std::byte each : bytes) {
    made += "0123456789abcdef"[std::to_integer<unsigned>(each >> 4)];
    made += "0123456789abcdef"[std::to_integer<unsigned>(each & std::byte{15})];
  }
  return made;
}

}  // namespace parley::crypto

#endif  // PARLEY_TESTS_CRYPTO_BACKENDS_HPP
