// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/signer.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <system_error>
#include <utility>

#include "webhook/content.hpp"

namespace parley::webhook {
namespace {

// tchar (RFC 9110, 5.6.2) but the full stop.
constexpr bool is_id_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

signer::signer(std::unique_ptr<const mac_keys> keys) noexcept : keys_(std::move(keys)) {}
signer::signer(signer&&) noexcept = default;
signer& signer::operator=(signer&&) noexcept = default;
signer::~signer() = default;

result<signer, setup_errc> signer::make(std::span<const secret> secrets) {
  auto keys = mac_keys::make(secrets);
  if (!keys) return failure{keys.error()};
  return signer(*std::move(keys));
}

result<signed_headers, errc> signer::sign(std::string_view id, seconds_time attempted_at,
                                          std::string_view body) const {
  assert(keys_ != nullptr);
  if (id.empty() || id.size() > id_bytes_max || !std::ranges::all_of(id, is_id_character)) {
    return failure{errc::bad_id};
  }
  signed_headers made;
  const auto seconds = attempted_at.time_since_epoch().count();
  if (seconds < 0) return failure{errc::bad_timestamp};
  char* const begin = made.timestamp_.data();
  const auto [end, error] = std::to_chars(begin, begin + made.timestamp_.size(), seconds);
  if (error != std::errc()) return failure{errc::bad_timestamp};
  made.timestamp_size_ = static_cast<std::uint16_t>(end - begin);
  id.copy(made.id_.data(), id.size());
  made.id_size_ = static_cast<std::uint16_t>(id.size());

  const content signed_content(id, made.timestamp(), body);
  char* out = made.signature_.data();
  for (const crypto::hmac_key& key : keys_->all()) {
    if (out != made.signature_.data()) *out++ = ' ';
    out = std::ranges::copy(version, out).out;
    base64::encode(signed_content.mac(key), out);  // by a table: it is about to be published
    out += mac_text_bytes;
  }
  made.signature_size_ = static_cast<std::uint16_t>(out - made.signature_.data());
  return made;
}

}  // namespace parley::webhook
