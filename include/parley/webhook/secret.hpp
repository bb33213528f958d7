// SPDX-License-Identifier: Apache-2.0
//
// The secret that both ends of a webhook have.
//
//   auto key = webhook::secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
//   if (!key) return refuse(to_string(key.error()));
//   auto signer = webhook::signer::make({*std::move(key)});
//
// A secret is wiped where it lies when it ends or is moved away, is never printed and cannot be
// read back; the text that it was parsed from is the caller's to wipe. Nothing here allocates; any
// thread.

#ifndef PARLEY_WEBHOOK_SECRET_HPP
#define PARLEY_WEBHOOK_SECRET_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/webhook/export.hpp"

namespace parley::webhook {

/// 192 and 512 bits.
inline constexpr std::size_t secret_bytes_min = 24;
inline constexpr std::size_t secret_bytes_max = 64;
inline constexpr std::string_view secret_prefix = "whsec_";
/// Of one signer or verifier; two are in use while they rotate.
inline constexpr std::size_t secrets_max = 8;

/// Why a signer or a verifier cannot be made. The values are ABI: append, never reorder.
enum class setup_errc : std::uint8_t {
  missing_prefix = 1,  ///< the text does not begin with "whsec_"
  not_base64,          ///< or not in the one spelling that it has, padding included
  too_short,           ///< a secret below secret_bytes_min
  too_long,            ///< a secret above secret_bytes_max
  no_secret,
  too_many_secrets,   ///< above secrets_max
  moved_from_secret,  ///< one of them was moved away
  bad_tolerance,      ///< below zero or above tolerance_max
};

PARLEY_WEBHOOK_EXPORT std::string_view to_string(setup_errc e) noexcept;

/// 24 to 64 bytes that nobody else knows. A producer has one for each endpoint.
class PARLEY_WEBHOOK_EXPORT secret {
 public:
  /// "whsec_" and base64 with its padding (RFC 4648, section 4). Looked at in this order: prefix, a
  /// whole number of groups of four characters, size, characters.
  static result<secret, setup_errc> parse(std::string_view text) noexcept;
  /// For one that is kept in another form. Copies.
  static result<secret, setup_errc> from_bytes(std::span<const std::byte> bytes) noexcept;

  secret(secret&& other) noexcept;
  secret& operator=(secret&& other) noexcept;
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret();

 private:
  friend class mac_keys;
  secret() noexcept = default;
  std::array<std::byte, secret_bytes_max> bytes_{};
  std::uint8_t size_ = 0;  // none: moved from
};
static_assert(sizeof(secret) == 65);

}  // namespace parley::webhook

#endif  // PARLEY_WEBHOOK_SECRET_HPP
