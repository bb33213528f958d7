// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/codec.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "crypto/sha256.hpp"
#include "cursor/base64url.hpp"
#include "cursor/key_set.hpp"

namespace parley::cursor {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t known_flags = 3;

// Version, key, flags, schema and time are one word, so that no later load waits for byte stores.
std::uint64_t pack_header(std::uint8_t key_id, std::uint8_t flags, std::uint8_t schema,
                          std::uint32_t issued_at) noexcept {
  return std::uint64_t{version} << 56 | std::uint64_t{key_id} << 48 | std::uint64_t{flags} << 40 |
         std::uint64_t{schema} << 32 | issued_at;
}

// Overwrites what follows the body.
crypto::digest mac_of(const crypto::hmac_key& key, const scope& bound, signer::buffer& body) {
  const std::size_t size = body.size + bound.bytes.size();
  std::memcpy(body.bytes.data() + body.size, bound.bytes.data(), bound.bytes.size());
  if (size <= crypto::one_block_max) {
    return crypto::hmac_sha256_in_place(key, std::span(body.bytes).first<crypto::block_bytes>(),
                                        size);
  }
  return crypto::hmac_sha256(key, crypto::bytes_view(body.bytes.data(), size));
}

}  // namespace

observer::~observer() = default;

void signer::sign(const key_set& keys, const scope& bound, buffer& body, std::uint8_t flags,
                  std::uint8_t schema, seconds_time now, cursor_text& out) {
  const key_set::impl::key& key = keys.impl_->active();
  constexpr std::int64_t last = std::numeric_limits<std::uint32_t>::max();
  const auto issued_at =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(now.time_since_epoch().count(), 0, last));
  const std::uint64_t header = detail::to_big_endian(pack_header(key.id, flags, schema, issued_at));
  std::uint64_t second = 0;  // what stands behind it, in one store with it
  std::memcpy(&second, body.bytes.data() + sizeof(header), sizeof(second));
  base64url::put_words(body.bytes.data(), header, second);
  const crypto::digest mac = mac_of(*key.mac, bound, body);
  std::memcpy(body.bytes.data() + body.size, mac.data(), mac_bytes);
  const char* const end =
      base64url::encode({body.bytes.data(), body.size + mac_bytes}, out.bytes_.data());
  out.size_ = static_cast<std::size_t>(end - out.bytes_.data());
}

std::optional<errc> signer::open(const key_set& keys, const scope& bound, std::string_view text,
                                 seconds_time now,
                                 bool (*has_shape)(std::uint8_t schema,
                                                   std::span<const std::byte> fields) noexcept,
                                 opened& out) {
  if (text.size() > cursor_bytes_max) return errc::too_long;
  buffer& body = out.body;
  const auto size = base64url::decode(text, body.bytes.data());
  if (!size) return errc::not_base64url;

  if (*size == 0) return errc::wrong_schema;
  if (std::to_integer<std::uint8_t>(body.bytes[0]) != version) return errc::unknown_version;
  if (*size < header_bytes + mac_bytes) return errc::wrong_schema;
  std::uint64_t header = 0;
  std::memcpy(&header, body.bytes.data(), sizeof(header));
  header = detail::to_big_endian(header);
  out.flags = static_cast<std::uint8_t>(header >> 40);
  out.schema = static_cast<std::uint8_t>(header >> 32);
  body.size = *size - mac_bytes;
  if (body.size > body_bytes_max || (out.flags & ~known_flags) != 0 ||
      !has_shape(out.schema, {body.bytes.data() + header_bytes, body.size - header_bytes})) {
    return errc::wrong_schema;
  }

  const auto* const key = keys.impl_->find(static_cast<std::uint8_t>(header >> 48));
  if (key == nullptr) return errc::unknown_key;
  if (key->state == key_state::retired) return errc::retired_key;
  std::array<std::byte, mac_bytes> received;
  std::memcpy(received.data(), body.bytes.data() + body.size, mac_bytes);
  const crypto::digest mac = mac_of(*key->mac, bound, body);
  if (!crypto::equal_constant_time(crypto::bytes_view(mac).first(mac_bytes), received)) {
    return errc::forged;
  }

  const auto issued_at = static_cast<std::int64_t>(header & 0xffff'ffff);
  const std::int64_t at = now.time_since_epoch().count();
  if (at >= issued_at + lifetime.count()) return errc::expired;
  if (at < issued_at - skew_max.count()) return errc::issued_later;
  return std::nullopt;
}

std::optional<std::uint8_t> key_id_of(std::string_view text) noexcept {
  std::array<std::byte, base64url::room_for(4)> head;
  if (text.size() < 4 || text.size() > cursor_bytes_max) return std::nullopt;
  if (!base64url::decode(text.substr(0, 4), head.data())) return std::nullopt;
  if (std::to_integer<std::uint8_t>(head[0]) != version) return std::nullopt;
  return std::to_integer<std::uint8_t>(head[1]);
}

scope scope_of(const list& of, std::span<const filter> filters) {
  crypto::sha256_stream hash;
  const auto add = [&hash](std::string_view part) {
    const std::uint64_t size = detail::to_big_endian(part.size());
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(std::as_bytes(std::span(part)));
  };
  add(of.route);
  add(of.tenant);
  const auto add_all = [&add](std::span<const filter> sorted) {
    for (const filter& each : sorted) {
      add(each.name);
      add(each.value);
    }
  };
  if (filters.size() < 2) {
    add_all(filters);
  } else {
    std::vector<filter> sorted(filters.begin(), filters.end());
    std::ranges::sort(sorted, [](const filter& a, const filter& b) {
      return a.name != b.name ? a.name < b.name : a.value < b.value;
    });
    add_all(sorted);
  }
  const crypto::digest whole = hash.finish();
  scope made;
  std::copy_n(whole.begin(), made.bytes.size(), made.bytes.begin());
  return made;
}

std::string_view to_string(errc e) noexcept {
  switch (e) {
    case errc::too_long: return "too_long";
    case errc::not_base64url: return "not_base64url";
    case errc::unknown_version: return "unknown_version";
    case errc::wrong_schema: return "wrong_schema";
    case errc::unknown_key: return "unknown_key";
    case errc::retired_key: return "retired_key";
    case errc::forged: return "forged";
    case errc::expired: return "expired";
    case errc::issued_later: return "issued_later";
    case errc::wrong_order: return "wrong_order";
  }
  return "unknown";  // a value from a newer peer
}

std::string_view client_message(errc e) noexcept {
  switch (e) {
    case errc::expired: return "The cursor has expired. Start again without one.";
    case errc::wrong_order: return "The cursor belongs to a list in the other order.";
    default: return "The cursor is not valid.";
  }
}

}  // namespace parley::cursor
