// SPDX-License-Identifier: Apache-2.0
//
// Counts what this thread allocates, by operator new and by OpenSSL, both of which allocations.cpp
// replaces in the program of the tests; looks for secrets in what it gives back; and can let
// OpenSSL run out of memory.

#ifndef PARLEY_TESTS_CRYPTO_ALLOCATIONS_HPP
#define PARLEY_TESTS_CRYPTO_ALLOCATIONS_HPP

#include <cstddef>
#include <span>

namespace parley::crypto {

struct allocation_counts {
  std::size_t by_new = 0;
  std::size_t by_openssl = 0;
};

// By this thread so far.
allocation_counts allocations() noexcept;

// While it lives, memory that this thread gives back is searched for `secret`.
class secret_watch {
 public:
  explicit secret_watch(std::span<const std::byte> secret) noexcept;
  secret_watch(const secret_watch&) = delete;
  secret_watch& operator=(const secret_watch&) = delete;
  ~secret_watch();

  // Blocks that were given back with the secret in them.
  std::size_t found() const noexcept;
};

// While it lives, OpenSSL's allocations in this thread fail, but for the first `granted`.
class openssl_shortage {
 public:
  explicit openssl_shortage(std::size_t granted) noexcept;
  openssl_shortage(const openssl_shortage&) = delete;
  openssl_shortage& operator=(const openssl_shortage&) = delete;
  ~openssl_shortage();

  // How many failed.
  std::size_t refused() const noexcept;
};

}  // namespace parley::crypto

#endif  // PARLEY_TESTS_CRYPTO_ALLOCATIONS_HPP
