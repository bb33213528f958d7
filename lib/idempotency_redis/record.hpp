// SPDX-License-Identifier: Apache-2.0
//
// A record as the value of a Redis key. Integers are big-endian:
//
//   0       state: 1 running, 2 marked, 3 completed, 4 released
//   1-16    nonce of the attempt that wrote it last
//   17      version of this format: 1
//   18-25   fence
//   26-29   lease in ms
//   30-33   retention in ms; the key's TTL when the lease began
//   34-49   fingerprint
//   50      size of the operation id
//   51-52   size of the note
//   53-     operation id, note, response
//
// The scripts (scripts.cpp) read these places, too.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_RECORD_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_RECORD_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parley/idempotency/record.hpp"

namespace parley::idempotency_redis {

inline constexpr char record_version = 1;
inline constexpr std::size_t record_header_bytes = 53;
inline constexpr std::size_t key_hex_bytes = 32;

struct record {
  idempotency::record_state state = idempotency::record_state::running;
  idempotency::nonce owner;
  std::uint64_t fence = 0;
  std::uint32_t lease_ms = 0;
  std::uint32_t retention_ms = 0;
  idempotency::digest fingerprint;
  std::string_view operation_id;
  std::string_view note;
  std::span<const std::byte> response;
};

/// The views point into `value`. None: it is no record of ours.
std::optional<record> decode(std::string_view value) noexcept;

std::size_t encoded_bytes(const record& r) noexcept;
/// Appends. The texts are within the limits of store.hpp.
void encode(const record& r, std::string& to);

/// The name of a key behind the prefix.
void append_hex(const idempotency::digest& key, std::string& to);

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_RECORD_HPP
