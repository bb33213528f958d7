// SPDX-License-Identifier: Apache-2.0
//
// Signs webhooks, for who sends them.
//
//   const auto signer = webhook::signer::make({*std::move(key)});
//   const auto headers = signer->sign(event_id, now, body);
//   if (!headers) return refuse(to_string(headers.error()));
//   for (const webhook::header_view& each : headers->all()) request.add(each.name, each.value);
//
// Const members may be called from any thread. sign() allocates nothing; where the library is built
// with PARLEY_SHA256=evp, OpenSSL does, and it may throw std::bad_alloc.

#ifndef PARLEY_WEBHOOK_SIGNER_HPP
#define PARLEY_WEBHOOK_SIGNER_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/webhook/export.hpp"
#include "parley/webhook/message.hpp"
#include "parley/webhook/secret.hpp"

namespace parley::webhook {

class mac_keys;

/// The values of the three headers, in place.
class signed_headers {
 public:
  std::string_view id() const noexcept { return {id_.data(), id_size_}; }
  std::string_view timestamp() const noexcept { return {timestamp_.data(), timestamp_size_}; }
  /// A signature for each secret, in their order, with a blank between two.
  std::string_view signature() const noexcept { return {signature_.data(), signature_size_}; }
  /// With their names. Views of *this.
  std::array<header_view, 3> all() const noexcept {
    return {{{id_header, id()}, {timestamp_header, timestamp()}, {signature_header, signature()}}};
  }

 private:
  friend class signer;
  std::uint16_t id_size_ = 0;
  std::uint16_t timestamp_size_ = 0;
  std::uint16_t signature_size_ = 0;
  std::array<char, id_bytes_max> id_;
  std::array<char, timestamp_digits_max> timestamp_;
  std::array<char, secrets_max*(signature_bytes + 1)> signature_;
};

/// Keys that do not change: to rotate, make another signer. That costs two blocks of SHA-256 and an
/// allocation or two, so one for each delivery is no waste.
class PARLEY_WEBHOOK_EXPORT signer {
 public:
  /// 1 to secrets_max of them; the current one first. Keeps no secret, but what SHA-256 makes of
  /// its first block, and wipes that in the end.
  static result<signer, setup_errc> make(std::span<const secret> secrets);
  static result<signer, setup_errc> make(std::initializer_list<secret> secrets) {
    return make(std::span(secrets.begin(), secrets.size()));
  }

  signer(signer&&) noexcept;
  signer& operator=(signer&&) noexcept;
  signer(const signer&) = delete;
  signer& operator=(const signer&) = delete;
  ~signer();

  /// `id` names the event, and is the same in each attempt to deliver it: 1 to id_bytes_max
  /// characters of a token (RFC 9110, 5.6.2), none of them a full stop, which would let one id and
  /// body pass for another. `attempted_at` is the time of this attempt, from 1970 on and of at most
  /// timestamp_digits_max digits. `body` is what will be sent, to the byte. Errors: bad_id,
  /// bad_timestamp.
  result<signed_headers, errc> sign(std::string_view id, seconds_time attempted_at,
                                    std::string_view body) const;

 private:
  explicit signer(std::unique_ptr<const mac_keys> keys) noexcept;
  std::unique_ptr<const mac_keys> keys_;
};

}  // namespace parley::webhook

#endif  // PARLEY_WEBHOOK_SIGNER_HPP
