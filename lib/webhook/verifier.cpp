// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/verifier.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "webhook/content.hpp"

namespace parley::webhook {
namespace {

constexpr bool is_named(std::string_view name, std::string_view in_lower_case) noexcept {
  return std::ranges::equal(name, in_lower_case, [](char c, char lower) {
    return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == lower;
  });
}

// Wider than what sign() takes, since other producers have other ids; what may not be in one is
// what could be read as another id and body, or does harm in a log.
constexpr bool is_id_character(char c) noexcept { return c > ' ' && c <= '~' && c != '.'; }

// In the one spelling that it has: what is signed is the text.
std::optional<seconds_time> parse_timestamp(std::string_view text) noexcept {
  if (text.size() > timestamp_digits_max) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds_time(std::chrono::seconds(seconds));
}

// Those that may be ours.
class signatures {
 public:
  // Nothing: `list` has a signature of version v1.
  std::optional<errc> read(std::string_view list) noexcept {
    std::size_t count = 0;
    bool has_version = false;
    while (true) {
      list.remove_prefix(std::min(list.find_first_not_of(' '), list.size()));
      if (list.empty()) break;
      if (++count > signatures_max) return errc::too_many_signatures;
      std::string_view each = list.substr(0, list.find(' '));
      list.remove_prefix(each.size());
      if (!each.starts_with(version)) continue;
      has_version = true;
      each.remove_prefix(version.size());
      // What is decoded is what was sent: of our own MACs nothing goes through a table, where it
      // would choose what is in the cache. Strict, so a MAC has one spelling.
      if (base64::decoded_size(each) == crypto::digest_bytes &&
          base64::decode(each, macs_[size_])) {
        ++size_;
      }
    }
    if (!has_version) return errc::no_v1_signature;
    return std::nullopt;
  }

  bool empty() const noexcept { return size_ == 0; }

  bool contain(const crypto::digest& mac) const noexcept {
    bool is_found = false;
    for (const crypto::digest& each : std::span(macs_).first(size_)) {
      is_found |= crypto::equal_constant_time(each, mac);
    }
    return is_found;
  }

 private:
  std::array<crypto::digest, signatures_max> macs_;
  std::size_t size_ = 0;
};

}  // namespace

void delivery_headers::add(std::string_view name, std::string_view value) noexcept {
  std::string_view* const place = is_named(name, id_header)          ? &id
                                  : is_named(name, timestamp_header) ? &timestamp
                                  : is_named(name, signature_header) ? &signature
                                                                     : nullptr;
  if (place == nullptr) return;
  if (place->data() != nullptr) is_repeated = true;
  *place = value.data() == nullptr ? std::string_view("") : value;  // empty is not absent
}

verifier::verifier(std::unique_ptr<const mac_keys> keys, std::chrono::seconds tolerance) noexcept
    : keys_(std::move(keys)), tolerance_(tolerance) {}
verifier::verifier(verifier&&) noexcept = default;
verifier& verifier::operator=(verifier&&) noexcept = default;
verifier::~verifier() = default;

result<verifier, setup_errc> verifier::make(std::span<const secret> secrets,
                                            const verifier_options& options) {
  if (options.tolerance < std::chrono::seconds(0) || options.tolerance > tolerance_max) {
    return failure{setup_errc::bad_tolerance};
  }
  auto keys = mac_keys::make(secrets);
  if (!keys) return failure{keys.error()};
  return verifier(*std::move(keys), options.tolerance);
}

result<verified, errc> verifier::verify(const delivery_headers& headers, std::string_view body,
                                        seconds_time now) const {
  assert(keys_ != nullptr);
  if (headers.is_repeated) return failure{errc::repeated_header};
  if (headers.id.empty() || headers.timestamp.empty() || headers.signature.empty()) {
    return failure{errc::missing_header};
  }
  if (headers.id.size() > id_bytes_max || !std::ranges::all_of(headers.id, is_id_character)) {
    return failure{errc::bad_id};
  }
  const auto at = parse_timestamp(headers.timestamp);
  if (!at) return failure{errc::bad_timestamp};
  if (*at + tolerance_ < now) return failure{errc::too_old};
  if (*at - tolerance_ > now) return failure{errc::too_new};

  signatures received;
  if (const auto why = received.read(headers.signature)) return failure{*why};
  if (received.empty()) return failure{errc::mismatch};  // of no MAC's form: nothing to hash for
  const content signed_content(headers.id, headers.timestamp, body);
  for (const crypto::hmac_key& key : keys_->all()) {
    if (received.contain(signed_content.mac(key))) return verified{headers.id, *at};
  }
  return failure{errc::mismatch};
}

result<verified, errc> verifier::verify(std::span<const header_view> headers, std::string_view body,
                                        seconds_time now) const {
  delivery_headers found;
  for (const header_view& each : headers) found.add(each.name, each.value);
  return verify(found, body, now);
}

}  // namespace parley::webhook
