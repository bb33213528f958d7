// SPDX-License-Identifier: Apache-2.0
//
// Nonces at the price of an addition.

#ifndef PARLEY_LIB_IDEMPOTENCY_NONCES_HPP
#define PARLEY_LIB_IDEMPOTENCY_NONCES_HPP

#include <optional>

#include "parley/idempotency/record.hpp"

namespace parley::idempotency {

/// A nonce that no other call gives, in any thread or process: 128 random bits for each thread, to
/// which it adds one for each call. A forked child draws anew. std::nullopt: the system gave no
/// random bytes.
std::optional<nonce> next_nonce() noexcept;

}  // namespace parley::idempotency

#endif  // PARLEY_LIB_IDEMPOTENCY_NONCES_HPP
