// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/key.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "crypto/sha256.hpp"

namespace parley::idempotency {
namespace {

constexpr std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

// A length in front, so that parts cannot run into each other.
std::array<std::byte, 8> length_of(std::size_t size) noexcept {
  std::array<std::byte, 8> encoded;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    encoded[i] = static_cast<std::byte>(std::uint64_t{size} >> (56 - 8 * i));
  }
  return encoded;
}

void update_with_length(crypto::hmac_stream& stream, std::string_view part) {
  stream.update(length_of(part.size()));
  stream.update(bytes_of(part));
}

digest shorten(const crypto::digest& whole) noexcept {
  digest made;
  std::copy_n(whole.begin(), made.bytes.size(), made.bytes.begin());
  return made;
}

crypto::hmac_key derive(std::span<const std::byte> digest_key, std::string_view info) {
  crypto::secret_bytes derived(crypto::digest_bytes);
  const auto made = crypto::hkdf_sha256({}, digest_key, bytes_of(info), derived.bytes());
  static_cast<void>(made);  // fails for a longer output alone
  return crypto::hmac_key(derived.bytes());
}

}  // namespace

result<std::optional<std::string_view>, key_errc> parse_key(
    std::span<const std::string_view> values) noexcept {
  if (values.empty()) return std::nullopt;
  if (values.size() > 1) return failure{key_errc::repeated};
  std::string_view key = trim(values.front());
  // Before the bytes are looked at, so that the work is bounded.
  if (key.size() > key_bytes_max + 2) return failure{key_errc::too_long};
  if (std::ranges::any_of(key, is_control)) return failure{key_errc::control_character};
  if (key.find(',') != std::string_view::npos) return failure{key_errc::list};
  if (key.starts_with('"')) {
    if (key.size() < 2 || !key.ends_with('"')) return failure{key_errc::quotes};
    key = key.substr(1, key.size() - 2);
    if (key.find('\\') != std::string_view::npos) return failure{key_errc::quotes};
  }
  if (key.find('"') != std::string_view::npos) return failure{key_errc::quotes};
  if (key.empty()) return failure{key_errc::empty};
  if (key.size() > key_bytes_max) return failure{key_errc::too_long};
  return key;
}

std::string_view to_string(key_errc e) noexcept {
  switch (e) {
    case key_errc::empty: return "empty";
    case key_errc::too_long: return "too_long";
    case key_errc::control_character: return "control_character";
    case key_errc::list: return "list";
    case key_errc::repeated: return "repeated";
    case key_errc::quotes: return "quotes";
  }
  return "unknown";  // a value from a newer peer
}

result<nonce, digester_errc> random_nonce() noexcept {
  nonce made;
  if (!crypto::random_bytes(made.bytes)) return failure{digester_errc::no_random};
  return made;
}

class digester::impl {
 public:
  explicit impl(std::span<const std::byte> digest_key)
      : scope(derive(digest_key, "parley/idempotency/v1/scope")),
        key(derive(digest_key, "parley/idempotency/v1/key")),
        fingerprint(derive(digest_key, "parley/idempotency/v1/fingerprint")) {}

  crypto::hmac_key scope;
  crypto::hmac_key key;
  crypto::hmac_key fingerprint;
};

class digester::fingerprint_stream::impl {
 public:
  impl(const crypto::hmac_key& key, const request_identity& request) : stream(key) {
    update_with_length(stream, request.method);
    update_with_length(stream, request.path);
    update_with_length(stream, request.query);
    // RFC 9110, 8.3.1: the type is compared without its case; a charset does not make another
    // request.
    const std::string_view type = trim(request.media_type.substr(0, request.media_type.find(';')));
    stream.update(length_of(type.size()));
    std::array<char, 64> lower;
    for (std::string_view rest = type; !rest.empty();) {
      const std::size_t taken = std::min(rest.size(), lower.size());
      std::ranges::transform(rest.substr(0, taken), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      stream.update(bytes_of({lower.data(), taken}));
      rest.remove_prefix(taken);
    }
  }

  crypto::hmac_stream stream;
};

digester::digester(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
digester::digester(digester&&) noexcept = default;
digester& digester::operator=(digester&&) noexcept = default;
digester::~digester() = default;

result<digester, digester_errc> digester::from_key(std::span<const std::byte> digest_key) {
  if (digest_key.size() < digest_key_bytes_min) return failure{digester_errc::key_too_short};
  return digester(std::make_unique<impl>(digest_key));
}

result<digester, digester_errc> digester::random() {
  crypto::secret_bytes key(digest_key_bytes_min);
  if (!crypto::random_bytes(key.bytes())) return failure{digester_errc::no_random};
  return from_key(key.bytes());
}

digest digester::scope(std::initializer_list<std::string_view> parts) const {
  crypto::hmac_stream stream(impl_->scope);
  for (const std::string_view part : parts) update_with_length(stream, part);
  return shorten(stream.finish());
}

digest digester::key(const digest& scope, std::string_view key) const {
  // The scope has one size, so nothing can run over into the key.
  return shorten(crypto::hmac_sha256(impl_->key, {scope.bytes, bytes_of(key)}));
}

digest digester::fingerprint(const request_identity& request,
                             std::span<const std::byte> body) const {
  fingerprint_stream::impl stream(impl_->fingerprint, request);
  // The body is last: its length need not be known before.
  stream.stream.update(body);
  return shorten(stream.stream.finish());
}

digester::fingerprint_stream digester::start_fingerprint(const request_identity& request) const {
  return fingerprint_stream(
      std::make_unique<fingerprint_stream::impl>(impl_->fingerprint, request));
}

digester::fingerprint_stream::fingerprint_stream(std::unique_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}
digester::fingerprint_stream::fingerprint_stream(fingerprint_stream&&) noexcept = default;
digester::fingerprint_stream::~fingerprint_stream() = default;

void digester::fingerprint_stream::update(std::span<const std::byte> piece) {
  impl_->stream.update(piece);
}

digest digester::fingerprint_stream::finish() { return shorten(impl_->stream.finish()); }

}  // namespace parley::idempotency
