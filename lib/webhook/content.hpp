// SPDX-License-Identifier: Apache-2.0
//
// What is signed, and with what.

#ifndef PARLEY_LIB_WEBHOOK_CONTENT_HPP
#define PARLEY_LIB_WEBHOOK_CONTENT_HPP

#include <array>
#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/sha256.hpp"
#include "parley/core/result.hpp"
#include "parley/webhook/message.hpp"
#include "parley/webhook/secret.hpp"
#include "webhook/base64.hpp"

namespace parley::webhook {

/// Secrets, hashed once. They are wiped by their destructors.
class mac_keys {
 public:
  static result<std::unique_ptr<const mac_keys>, setup_errc> make(std::span<const secret> secrets);

  std::span<const crypto::hmac_key> all() const noexcept { return keys_; }

 private:
  std::vector<crypto::hmac_key> keys_;
};

/// Of a MAC as base64.
inline constexpr std::size_t mac_text_bytes = base64::text_size(crypto::digest_bytes);

inline constexpr std::string_view version = "v1,";
static_assert(version.size() + mac_text_bytes == signature_bytes);

/// {id}.{timestamp}.{body}, of which the body stays where it is: no copy, whatever its size.
class content {
 public:
  content(std::string_view id, std::string_view timestamp, std::string_view body) noexcept
      : body_(std::as_bytes(std::span(body))) {
    assert(id.size() <= id_bytes_max && timestamp.size() <= timestamp_digits_max);
    for (const std::string_view part : {id, timestamp}) {
      part.copy(head_.data() + head_size_, part.size());
      head_size_ += part.size();
      head_[head_size_++] = '.';
    }
  }

  crypto::digest mac(const crypto::hmac_key& key) const {
    return crypto::hmac_sha256(key, {std::as_bytes(std::span(head_)).first(head_size_), body_});
  }

 private:
  std::array<char, id_bytes_max + 1 + timestamp_digits_max + 1> head_;
  std::size_t head_size_ = 0;
  crypto::bytes_view body_;
};

}  // namespace parley::webhook

#endif  // PARLEY_LIB_WEBHOOK_CONTENT_HPP
