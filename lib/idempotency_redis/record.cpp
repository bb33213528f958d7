// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/record.hpp"

#include <algorithm>
#include <cstring>

#include "parley/idempotency/store.hpp"

namespace parley::idempotency_redis {
namespace {

template <class Number>
Number load(std::string_view from, std::size_t at) noexcept {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value = static_cast<Number>(value << 8 | static_cast<unsigned char>(from[at + i]));
  }
  return value;
}

template <class Number>
void append(Number value, std::string& to) {
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    to += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

template <class Bytes>
void append_bytes(const Bytes& from, std::string& to) {
  to.append(reinterpret_cast<const char*>(from.data()), from.size());
}

}  // namespace

std::optional<record> decode(std::string_view value) noexcept {
  if (value.size() < record_header_bytes || value[17] != record_version) return std::nullopt;
  const auto state = static_cast<std::uint8_t>(value[0]);
  if (state < 1 || state > 4) return std::nullopt;
  const std::size_t id_bytes = load<std::uint8_t>(value, 50);
  const std::size_t note_bytes = load<std::uint16_t>(value, 51);
  if (id_bytes > idempotency::operation_id_bytes_max || note_bytes > idempotency::note_bytes_max ||
      value.size() - record_header_bytes < id_bytes + note_bytes) {
    return std::nullopt;
  }
  record found;
  found.state = static_cast<idempotency::record_state>(state);
  std::memcpy(found.owner.bytes.data(), value.data() + 1, found.owner.bytes.size());
  found.fence = load<std::uint64_t>(value, 18);
  found.lease_ms = load<std::uint32_t>(value, 26);
  found.retention_ms = load<std::uint32_t>(value, 30);
  std::memcpy(found.fingerprint.bytes.data(), value.data() + 34, found.fingerprint.bytes.size());
  found.operation_id = value.substr(record_header_bytes, id_bytes);
  found.note = value.substr(record_header_bytes + id_bytes, note_bytes);
  const std::string_view rest = value.substr(record_header_bytes + id_bytes + note_bytes);
  found.response = std::as_bytes(std::span(rest.data(), rest.size()));
  return found;
}

std::size_t encoded_bytes(const record& r) noexcept {
  return record_header_bytes + r.operation_id.size() + r.note.size() + r.response.size();
}

void encode(const record& r, std::string& to) {
  to += static_cast<char>(r.state);
  append_bytes(r.owner.bytes, to);
  to += record_version;
  append(r.fence, to);
  append(r.lease_ms, to);
  append(r.retention_ms, to);
  append_bytes(r.fingerprint.bytes, to);
  append(static_cast<std::uint8_t>(r.operation_id.size()), to);
  append(static_cast<std::uint16_t>(r.note.size()), to);
  to += r.operation_id;
  to += r.note;
  append_bytes(r.response, to);
}

void append_hex(const idempotency::digest& key, std::string& to) {
  constexpr char digits[] = "0123456789abcdef";
  for (const std::byte b : key.bytes) {
    to += digits[std::to_integer<unsigned>(b) >> 4];
    to += digits[std::to_integer<unsigned>(b) & 15];
  }
}

}  // namespace parley::idempotency_redis
