// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/secret.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "crypto/sha256.hpp"
#include "webhook/base64.hpp"
#include "webhook/content.hpp"

namespace parley::webhook {
namespace {

std::optional<setup_errc> check_size(std::size_t bytes) noexcept {
  if (bytes < secret_bytes_min) return setup_errc::too_short;
  if (bytes > secret_bytes_max) return setup_errc::too_long;
  return std::nullopt;
}

}  // namespace

result<secret, setup_errc> secret::parse(std::string_view text) noexcept {
  if (!text.starts_with(secret_prefix)) return failure{setup_errc::missing_prefix};
  text.remove_prefix(secret_prefix.size());
  const auto size = base64::decoded_size(text);
  if (!size) return failure{setup_errc::not_base64};
  if (const auto why = check_size(*size)) return failure{*why};
  secret made;
  if (!base64::decode(text, std::span(made.bytes_).first(*size))) {
    return failure{setup_errc::not_base64};
  }
  made.size_ = static_cast<std::uint8_t>(*size);
  return made;
}

result<secret, setup_errc> secret::from_bytes(std::span<const std::byte> bytes) noexcept {
  if (const auto why = check_size(bytes.size())) return failure{*why};
  secret made;
  std::ranges::copy(bytes, made.bytes_.begin());
  made.size_ = static_cast<std::uint8_t>(bytes.size());
  return made;
}

secret::secret(secret&& other) noexcept
    : bytes_(other.bytes_), size_(std::exchange(other.size_, std::uint8_t{0})) {
  crypto::wipe(other.bytes_);
}

secret& secret::operator=(secret&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  size_ = std::exchange(other.size_, std::uint8_t{0});
  crypto::wipe(other.bytes_);
  return *this;
}

secret::~secret() { crypto::wipe(bytes_); }

result<std::unique_ptr<const mac_keys>, setup_errc> mac_keys::make(
    std::span<const secret> secrets) {
  if (secrets.empty()) return failure{setup_errc::no_secret};
  if (secrets.size() > secrets_max) return failure{setup_errc::too_many_secrets};
  auto made = std::make_unique<mac_keys>();
  made->keys_.reserve(secrets.size());
  for (const secret& each : secrets) {
    // Anybody can sign with an empty key.
    if (each.size_ == 0) return failure{setup_errc::moved_from_secret};
    made->keys_.emplace_back(crypto::bytes_view(each.bytes_).first(each.size_));
  }
  return std::unique_ptr<const mac_keys>(std::move(made));
}

std::string_view to_string(setup_errc e) noexcept {
  switch (e) {
    case setup_errc::missing_prefix: return "missing_prefix";
    case setup_errc::not_base64: return "not_base64";
    case setup_errc::too_short: return "too_short";
    case setup_errc::too_long: return "too_long";
    case setup_errc::no_secret: return "no_secret";
    case setup_errc::too_many_secrets: return "too_many_secrets";
    case setup_errc::moved_from_secret: return "moved_from_secret";
    case setup_errc::bad_tolerance: return "bad_tolerance";
  }
  return "unknown";  // a value from a newer peer
}

}  // namespace parley::webhook
