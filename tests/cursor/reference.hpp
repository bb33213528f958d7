// SPDX-License-Identifier: Apache-2.0
//
// The wire format once more, written from its description alone and on OpenSSL's one-shot calls:
// what a cursor's text must be, and which error a text must get.

#ifndef PARLEY_TESTS_CURSOR_REFERENCE_HPP
#define PARLEY_TESTS_CURSOR_REFERENCE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "parley/cursor/codec.hpp"

namespace parley::cursor::reference {

using buffer = std::vector<unsigned char>;

inline constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

inline buffer bytes_of(std::string_view text) { return buffer(text.begin(), text.end()); }

inline void append(buffer& to, const buffer& more) {
  to.insert(to.end(), more.begin(), more.end());
}

inline buffer big_endian(std::uint64_t value, int bytes) {
  buffer made;
  for (int i = bytes - 1; i >= 0; --i) made.push_back((value >> (8 * i)) & 0xFF);
  return made;
}

// RFC 4648, section 5, bit by bit.
inline std::string encode(const buffer& bytes) {
  std::string made;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 6) {
    unsigned value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const bool is_set = i / 8 < bytes.size() && (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
      value = value << 1 | (is_set ? 1u : 0u);
    }
    made += alphabet[value];
  }
  return made;
}

inline std::optional<buffer> decode(std::string_view text) {
  buffer made(text.size() * 6 / 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = alphabet.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    for (std::size_t bit = 0; bit < 6; ++bit) {
      if ((value >> (5 - bit) & 1) == 0) continue;
      const std::size_t at = 6 * i + bit;
      if (at / 8 >= made.size()) return std::nullopt;
      made[at / 8] = static_cast<unsigned char>(made[at / 8] | 0x80 >> at % 8);
    }
  }
  if (text.size() % 4 == 1) return std::nullopt;
  return made;
}

// HKDF-SHA256, no salt, info "parley/cursor/v1".
inline buffer signing_key(const buffer& secret) {
  EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* const context = EVP_KDF_CTX_new(kdf);
  EVP_KDF_free(kdf);
  std::string hash = "SHA256";
  buffer key = secret;
  std::string info = "parley/cursor/v1";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end(),
  };
  buffer made(32);
  const int is_done = EVP_KDF_derive(context, made.data(), made.size(), parameters);
  EVP_KDF_CTX_free(context);
  if (is_done != 1) throw std::runtime_error("HKDF");
  return made;
}

inline buffer hmac(const buffer& key, const buffer& message) {
  buffer made(32);
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
           made.data(), &size) == nullptr) {
    throw std::runtime_error("HMAC");
  }
  return made;
}

inline buffer bytes_of(const scope& bound) {
  buffer made;
  for (const std::byte each : bound.bytes) made.push_back(std::to_integer<unsigned char>(each));
  return made;
}

// A signed text with any body.
inline std::string sign(buffer body, const buffer& key, const scope& bound) {
  buffer message = body;
  append(message, bytes_of(bound));
  buffer mac = hmac(key, message);
  mac.resize(16);
  append(body, mac);
  return encode(body);
}

struct head {
  unsigned version = 1;
  unsigned key_id = 0;
  unsigned flags = 0;
  unsigned schema = 0;
  std::uint32_t issued_at = 0;
};

inline buffer to_bytes(const head& h) {
  buffer made = {static_cast<unsigned char>(h.version), static_cast<unsigned char>(h.key_id),
                 static_cast<unsigned char>(h.flags), static_cast<unsigned char>(h.schema)};
  append(made, big_endian(h.issued_at, 4));
  return made;
}

struct field {
  unsigned type = 0;
  buffer bytes;
};

inline field to_field(std::int64_t value) {
  return {1, big_endian(static_cast<std::uint64_t>(value), 8)};
}
inline field to_field(std::uint64_t value) { return {2, big_endian(value, 8)}; }
inline field to_field(timestamp_us value) {
  return {3, big_endian(static_cast<std::uint64_t>(value.time_since_epoch().count()), 8)};
}
inline field to_field(const uuid& value) {
  buffer made;
  for (const std::byte each : value.bytes) made.push_back(std::to_integer<unsigned char>(each));
  return {4, made};
}
inline field to_field(const key_text& value) {
  buffer made = {static_cast<unsigned char>(value.view().size())};
  append(made, bytes_of(value.view()));
  return {5, made};
}
inline field to_field(null) { return {6, {}}; }
template <class T>
field to_field(const std::optional<T>& value) {
  return value ? to_field(*value) : to_field(null());
}

template <class Key, class Id>
buffer body_of(const position<Key, Id>& at, unsigned key_id, std::uint32_t issued_at) {
  const field key = to_field(at.key);
  const field id = to_field(at.id);
  const unsigned flags =
      (at.order == order::ascending ? 1u : 0u) + (at.direction == direction::backward ? 2u : 0u);
  buffer made = to_bytes({.key_id = key_id,
                          .flags = flags,
                          .schema = key.type * 16 + id.type,
                          .issued_at = issued_at});
  append(made, key.bytes);
  append(made, id.bytes);
  return made;
}

struct known_key {
  key_state state = key_state::active;
  buffer key;
};
using known_keys = std::map<unsigned, known_key>;

template <class T>
constexpr unsigned type_of() {
  if constexpr (detail::is_optional<T>) {
    return type_of<typename T::value_type>();
  } else {
    return std::is_same_v<T, std::int64_t>    ? 1
           : std::is_same_v<T, std::uint64_t> ? 2
           : std::is_same_v<T, timestamp_us>  ? 3
           : std::is_same_v<T, uuid>          ? 4
           : std::is_same_v<T, key_text>      ? 5
                                              : 6;
  }
}

// Takes a field off the front; false: there is none.
inline bool skip(unsigned type, buffer& fields) {
  std::size_t size = type == 4 ? 16 : type == 6 ? 0 : 8;
  if (type == 5) {
    if (fields.empty() || fields.front() > 64) return false;
    size = 1u + fields.front();
  }
  if (fields.size() < size) return false;
  fields.erase(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(size));
  return true;
}

// What verify() of codec<Key, Id> must say; none: it accepts.
template <class Key, class Id>
std::optional<errc> judge(std::string_view text, const known_keys& keys, const scope& bound,
                          std::int64_t now, order wanted) {
  if (text.size() > 256) return errc::too_long;
  const auto bytes = decode(text);
  if (!bytes) return errc::not_base64url;
  if (bytes->empty()) return errc::wrong_schema;
  if (bytes->front() != 1) return errc::unknown_version;
  if (bytes->size() < 24) return errc::wrong_schema;
  const buffer body(bytes->begin(), bytes->end() - 16);
  const buffer mac(bytes->end() - 16, bytes->end());
  const unsigned key_type = body[3] / 16;
  const bool is_key_type =
      key_type == type_of<Key>() || (detail::is_optional<Key> && key_type == 6);
  buffer fields(body.begin() + 8, body.end());
  if (body[2] > 3 || !is_key_type || body[3] % 16 != type_of<Id>() || !skip(key_type, fields) ||
      !skip(type_of<Id>(), fields) || !fields.empty()) {
    return errc::wrong_schema;
  }
  const auto key = keys.find(body[1]);
  if (key == keys.end()) return errc::unknown_key;
  if (key->second.state == key_state::retired) return errc::retired_key;
  buffer message = body;
  append(message, bytes_of(bound));
  buffer expected = hmac(key->second.key, message);
  expected.resize(16);
  if (expected != mac) return errc::forged;
  std::int64_t issued_at = 0;
  for (std::size_t i = 4; i < 8; ++i) issued_at = issued_at * 256 + body[i];
  if (now >= issued_at + 24 * 60 * 60) return errc::expired;
  if (issued_at > now + 300) return errc::issued_later;
  if ((body[2] & 1) != (wanted == order::ascending ? 1 : 0)) return errc::wrong_order;
  return std::nullopt;
}

}  // namespace parley::cursor::reference

namespace parley::cursor {

// Values of each type: both ends of it, and one of each shape.
template <class T>
std::vector<T> samples() {
  if constexpr (detail::is_optional<T>) {
    std::vector<T> made = {std::nullopt};
    for (const auto& each : samples<typename T::value_type>()) made.emplace_back(each);
    return made;
  } else if constexpr (std::is_integral_v<T>) {
    using limits = std::numeric_limits<T>;
    return {0, 1, static_cast<T>(-1), limits::min(), limits::max(), 0x0123'4567'89ab'cdef};
  } else if constexpr (std::is_same_v<T, timestamp_us>) {
    std::vector<T> made;
    for (const std::int64_t each : samples<std::int64_t>()) {
      made.emplace_back(std::chrono::microseconds(each));
    }
    return made;
  } else if constexpr (std::is_same_v<T, uuid>) {
    std::vector<T> made(3);
    made[1].bytes.fill(std::byte{0xFF});
    for (unsigned i = 0; i < 16; ++i) made[2].bytes[i] = static_cast<std::byte>(17 * i);
    return made;
  } else if constexpr (std::is_same_v<T, key_text>) {
    std::string all(64, '\xFF');
    all.front() = '\0';
    return {*key_text::from(""), *key_text::from("a"), *key_text::from(std::string(63, 'z')),
            *key_text::from(all)};
  } else {
    return {T()};
  }
}

// Those of them that differ in size or schema.
template <class T>
std::vector<T> shapes() {
  std::vector<T> made = samples<T>();
  if constexpr (std::is_same_v<T, key_text>) return {made[0], made[1], made[3]};
  if constexpr (std::is_same_v<T, std::optional<key_text>>) return {made[0], made[1], made[4]};
  if constexpr (detail::is_optional<T>) return {made[0], made.back()};
  return {made.back()};
}

using id_types = std::tuple<std::int64_t, std::uint64_t, timestamp_us, uuid, key_text>;
using key_types =
    std::tuple<std::int64_t, std::uint64_t, timestamp_us, uuid, key_text,
               std::optional<std::int64_t>, std::optional<std::uint64_t>,
               std::optional<timestamp_us>, std::optional<uuid>, std::optional<key_text>, null>;

// f.template operator()<Key, Id>() for each of the 55 codecs.
template <class F>
void for_each_schema(F f) {
  const auto with_key = [&f]<class Key>(std::type_identity<Key>) {
    [&f]<class... Id>(std::type_identity<std::tuple<Id...>>) {
      (f.template operator()<Key, Id>(), ...);
    }(std::type_identity<id_types>());
  };
  [&with_key]<class... Key>(std::type_identity<std::tuple<Key...>>) {
    (with_key(std::type_identity<Key>()), ...);
  }(std::type_identity<key_types>());
}

inline std::span<const std::byte> secret_of(const reference::buffer& bytes) {
  return std::as_bytes(std::span(bytes));
}

inline seconds_time at_second(std::int64_t second) {
  return seconds_time(std::chrono::seconds(second));
}

}  // namespace parley::cursor

#endif  // PARLEY_TESTS_CURSOR_REFERENCE_HPP
