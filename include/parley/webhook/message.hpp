// SPDX-License-Identifier: Apache-2.0
//
// What those who sign and who verify a webhook share: the names of its headers, limits, and errors.
//
//   webhook-id: msg_2KWPBgLlAfxdpx2AI54pPJ85f4W
//   webhook-timestamp: 1674087231
//   webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//
// This room does what Standard Webhooks 1.0.0 (https://www.standardwebhooks.com) says of symmetric
// signatures: `v1` is the base64 (RFC 4648, section 4) of the HMAC-SHA256 (RFC 2104) of
// {id}.{timestamp}.{body}. Functions keep no state and may be called from any thread.

#ifndef PARLEY_WEBHOOK_MESSAGE_HPP
#define PARLEY_WEBHOOK_MESSAGE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/webhook/export.hpp"

namespace parley::webhook {

/// The names are matched without regard to case (RFC 9110, 5.1).
inline constexpr std::string_view id_header = "webhook-id";
inline constexpr std::string_view timestamp_header = "webhook-timestamp";
inline constexpr std::string_view signature_header = "webhook-signature";

inline constexpr std::size_t id_bytes_max = 256;
/// Seconds have ten digits until 2286; a time in milliseconds has thirteen, and is refused as such.
inline constexpr std::size_t timestamp_digits_max = 12;
/// One signature: "v1," and the base64 of 32 bytes.
inline constexpr std::size_t signature_bytes = 47;

/// Whole seconds: that is what the header holds.
using seconds_time = std::chrono::sys_seconds;

/// A header: its name, and its value without blanks around it.
struct header_view {
  std::string_view name;
  std::string_view value;
};

/// Why a delivery is refused, or cannot be signed. The values are ABI: append, never reorder.
enum class errc : std::uint8_t {
  missing_header = 1,  ///< one of the three is absent or empty
  repeated_header,     ///< one of the three is there twice
  bad_id,              ///< too long, or with a full stop or another byte that no id has
  bad_timestamp,       ///< not 1 to timestamp_digits_max digits, or with a zero in front
  too_old,
  too_new,
  too_many_signatures,
  no_v1_signature,  ///< of other versions alone, such as v1a
  mismatch,         ///< none is made with one of our secrets over just this id, time and body
};

PARLEY_WEBHOOK_EXPORT std::string_view to_string(errc e) noexcept;

}  // namespace parley::webhook

#endif  // PARLEY_WEBHOOK_MESSAGE_HPP
