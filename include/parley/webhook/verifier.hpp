// SPDX-License-Identifier: Apache-2.0
//
// Verifies webhooks, for who receives them.
//
//   const auto verifier = webhook::verifier::make({*std::move(key)});
//   const auto got = verifier->verify({.id = id, .timestamp = timestamp, .signature = signature},
//                                     body, now);
//   if (!got) return refuse(401);
//   if (!seen.insert(got->id)) return accept();   // a delivery can come more than once
//
// Const members may be called from any thread. verify() allocates nothing; where the library is
// built with PARLEY_SHA256=evp, OpenSSL does, and it may throw std::bad_alloc.

#ifndef PARLEY_WEBHOOK_VERIFIER_HPP
#define PARLEY_WEBHOOK_VERIFIER_HPP

#include <chrono>
#include <cstddef>
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

inline constexpr std::chrono::seconds tolerance_max = std::chrono::hours(24);
/// Of one delivery, those of other versions too.
inline constexpr std::size_t signatures_max = 16;

/// The values of the three headers, without blanks around them.
struct delivery_headers {
  std::string_view id = {};
  std::string_view timestamp = {};
  std::string_view signature = {};
  bool is_repeated = false;  ///< one of them was there twice

  /// For each header of a request, in a loop over them: takes those that are of the three, by name
  /// in any case of letters. A second one of a name is an attack or a broken proxy, whatever it
  /// says, and sets is_repeated.
  PARLEY_WEBHOOK_EXPORT void add(std::string_view name, std::string_view value) noexcept;
};

/// A delivery that its sender signed.
struct verified {
  /// Names the event: do nothing for one that was seen before. A view of what was given.
  std::string_view id;
  seconds_time timestamp;  ///< of the attempt to deliver it
};

struct verifier_options {
  /// How far the timestamp may lie from `now`, before or after; a delivery that lies just so far is
  /// taken. Zero to tolerance_max.
  std::chrono::seconds tolerance = std::chrono::minutes(5);
};

/// Keys that do not change: to rotate, make another verifier.
class PARLEY_WEBHOOK_EXPORT verifier {
 public:
  /// 1 to secrets_max of them, in any order. Keeps no secret, but what SHA-256 makes of its first
  /// block, and wipes that in the end.
  static result<verifier, setup_errc> make(std::span<const secret> secrets,
                                           const verifier_options& options = {});
  static result<verifier, setup_errc> make(std::initializer_list<secret> secrets,
                                           const verifier_options& options = {}) {
    return make(std::span(secrets.begin(), secrets.size()), options);
  }

  verifier(verifier&&) noexcept;
  verifier& operator=(verifier&&) noexcept;
  verifier(const verifier&) = delete;
  verifier& operator=(const verifier&) = delete;
  ~verifier();

  /// `body` is what came, to the byte, before anything parsed it; `now` the time at which it came.
  ///
  /// In this order: headers repeated, then missing; the id, of 1 to id_bytes_max printable ASCII
  /// characters but blanks and full stops; the timestamp and its distance from now; the signatures,
  /// which blanks separate, at most signatures_max of them; and last the HMAC, once for each secret
  /// at most and compared in constant time. Signatures of versions other than v1 are passed over.
  result<verified, errc> verify(const delivery_headers& headers, std::string_view body,
                                seconds_time now) const;
  /// Finds the three among all headers of a request.
  result<verified, errc> verify(std::span<const header_view> headers, std::string_view body,
                                seconds_time now) const;

 private:
  verifier(std::unique_ptr<const mac_keys> keys, std::chrono::seconds tolerance) noexcept;
  std::unique_ptr<const mac_keys> keys_;
  std::chrono::seconds tolerance_;
};

}  // namespace parley::webhook

#endif  // PARLEY_WEBHOOK_VERIFIER_HPP
