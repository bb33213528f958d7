// SPDX-License-Identifier: Apache-2.0
#include "crypto/sha256.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

namespace parley::crypto {

void wipe(std::span<std::byte> bytes) noexcept { OPENSSL_cleanse(bytes.data(), bytes.size()); }

bool equal_constant_time(bytes_view a, bytes_view b) noexcept {
  if (a.size() != b.size()) return false;
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;  // with no branch, even unoptimised
}

result<void, errc> random_bytes(std::span<std::byte> out) noexcept {
  constexpr std::size_t step_max = std::numeric_limits<int>::max();
  while (!out.empty()) {
    const std::span<std::byte> step = out.first(std::min(out.size(), step_max));
    // The caller's own queue of errors stays as it is: SSL_get_error reads it.
    ERR_set_mark();
    const int filled =
        RAND_bytes(reinterpret_cast<unsigned char*>(step.data()), static_cast<int>(step.size()));
    ERR_pop_to_mark();
    if (filled != 1) return failure{errc::no_random};
    out = out.subspan(step.size());
  }
  return {};
}

secret_bytes::secret_bytes(std::size_t size)
    : data_(std::make_unique<std::byte[]>(size)), size_(size) {}

secret_bytes::secret_bytes(bytes_view copied) : secret_bytes(copied.size()) {
  std::copy(copied.begin(), copied.end(), data_.get());
}

secret_bytes::secret_bytes(secret_bytes&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

secret_bytes& secret_bytes::operator=(secret_bytes&& other) noexcept {
  // By way of a third, whose end wipes what was here; the same where both are one.
  secret_bytes moved(std::move(other));
  std::swap(data_, moved.data_);
  std::swap(size_, moved.size_);
  return *this;
}

secret_bytes::~secret_bytes() { wipe(bytes()); }

}  // namespace parley::crypto
