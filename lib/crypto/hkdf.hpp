// SPDX-License-Identifier: Apache-2.0
//
// HKDF (RFC 5869) on the HMAC of either backend.

#ifndef PARLEY_LIB_CRYPTO_HKDF_HPP
#define PARLEY_LIB_CRYPTO_HKDF_HPP

#include <algorithm>
#include <array>

#include "crypto/sha256.hpp"

namespace parley::crypto::detail {

// A digest that is key material. An aggregate, so that it is made in place.
struct secret_digest {
  digest bytes;
  ~secret_digest() { wipe(bytes); }
};

// The streams are used for what they wipe.
template <class Backend>
result<void, errc> hkdf_sha256(bytes_view salt, bytes_view ikm, bytes_view info,
                               std::span<std::byte> out) {
  using key = typename Backend::hmac_key;
  using stream = typename Backend::hmac_stream;
  if (out.size() > hkdf_bytes_max) return failure{errc::output_too_long};

  // 2.2. No salt is a salt of zeros, to which HMAC pads the empty key anyway.
  stream extract{key(salt)};
  extract.update(ikm);
  const secret_digest extracted{extract.finish()};

  // 2.3
  stream expand{key(extracted.bytes)};
  bytes_view previous;
  for (std::size_t i = 1; !out.empty(); ++i) {
    const std::array counter = {static_cast<std::byte>(i)};
    expand.update(previous);
    expand.update(info);
    expand.update(counter);
    const secret_digest block{expand.finish()};
    const std::size_t taken = std::min(out.size(), digest_bytes);
    std::copy_n(block.bytes.begin(), taken, out.begin());
    previous = out.first(taken);
    out = out.subspan(taken);
  }
  return {};
}

}  // namespace parley::crypto::detail

#endif  // PARLEY_LIB_CRYPTO_HKDF_HPP
