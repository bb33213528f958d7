// SPDX-License-Identifier: Apache-2.0
//
// Page cursors: opaque, signed, bound to what they page through, valid for 24 hours.
//
//   using calls_cursor = cursor::codec<cursor::timestamp_us, cursor::uuid>;
//   const auto scope = cursor::scope_of({"GET /v1/calls", tenant}, {{"status", "ended"}});
//   const auto text =
//       calls_cursor::issue(ring.current(), scope, {last.created_at, last.id, order}, now);
//   const auto at = calls_cursor::verify(ring.current(), scope, text.view(), now, order);
//   if (!at) return refuse(client_message(at.error()));
//
// A position is signed, not encrypted: whoever has a cursor can read it. Never put a sort value in
// one that its holder must not see. Nothing here allocates or keeps state; callable from any
// thread. Where the library is built with PARLEY_SHA256=evp, OpenSSL allocates, and what signs or
// verifies may throw std::bad_alloc.

#ifndef PARLEY_CURSOR_CODEC_HPP
#define PARLEY_CURSOR_CODEC_HPP

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "parley/core/result.hpp"
#include "parley/cursor/export.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/position.hpp"

namespace parley::cursor {

/// A cursor is valid for less than this after it was issued (F5, G18).
inline constexpr std::chrono::seconds lifetime = std::chrono::hours(24);
/// The clocks of those who issue and verify may differ by this.
inline constexpr std::chrono::seconds skew_max = std::chrono::minutes(5);
/// Longer text is refused unread.
inline constexpr std::size_t cursor_bytes_max = 256;

/// Whole seconds: that is what a cursor holds.
using seconds_time = std::chrono::sys_seconds;

/// Why a text is not a cursor. The values are ABI: append, never reorder.
enum class errc : std::uint8_t {
  too_long = 1,
  not_base64url,  ///< or not in the one spelling that it has
  unknown_version,
  wrong_schema,  ///< of other types, or flags or a length that nothing issues
  unknown_key,
  retired_key,
  forged,  ///< another key, scope, or any byte changed
  expired,
  issued_later,  ///< more than skew_max ahead of now
  wrong_order,   ///< of a list in the other order
};

PARLEY_CURSOR_EXPORT std::string_view to_string(errc e) noexcept;

/// What a client may be told, a sentence: `expired` and `wrong_order` have their own, all else has
/// one, so that nobody learns from it how far a forgery got (G17).
PARLEY_CURSOR_EXPORT std::string_view client_message(errc e) noexcept;

/// What a cursor is bound to beside its key: signed and not stored.
struct scope {
  std::array<std::byte, 16> bytes{};
  friend bool operator==(const scope&, const scope&) = default;
};

struct filter {
  std::string_view name;
  std::string_view value;
};

/// A list: its route, and whom it is shown to.
struct list {
  std::string_view route;
  std::string_view tenant;
};

/// Of a list and the filters that it was asked for, in any order. Not the limit, which may change
/// from page to page. Every part is told from the next: {"a", "bc"} is not {"ab", "c"}. The first
/// 128 bits of a SHA-256. Sorts a copy of the filters where there is more than one.
PARLEY_CURSOR_EXPORT scope scope_of(const list& of, std::span<const filter> filters = {});
inline scope scope_of(const list& of, std::initializer_list<filter> filters) {
  return scope_of(of, std::span(filters.begin(), filters.size()));
}

/// A cursor's text, in place: characters of base64url.
class cursor_text {
 public:
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }

 private:
  friend class signer;
  std::size_t size_ = 0;
  std::array<char, 208> bytes_;
};

/// One cursor that was issued or looked at.
struct cursor_event {
  bool is_issued = false;
  std::optional<errc> refused = {};
  /// Where it could be read: of what is refused it is what the text says, signed or not.
  std::optional<std::uint8_t> key_id = {};
};

/// Told of them by who pages: so one sees when no cursor of a key comes any more, and it may
/// retire. Must not throw or block; called from any thread.
class PARLEY_CURSOR_EXPORT observer {
 public:
  virtual ~observer();
  virtual void on_cursor(const cursor_event& e) noexcept = 0;
};

/// Codecs' bytes to text and back; not for direct use.
class signer {
 public:
  static constexpr std::size_t header_bytes = 8;
  static constexpr std::size_t mac_bytes = 16;
  static constexpr std::size_t field_bytes_max = 1 + text_bytes_max;
  static constexpr std::size_t body_bytes_max = header_bytes + 2 * field_bytes_max;

  // The body, with room behind it for the scope, and for what any text up to cursor_bytes_max is.
  struct buffer {
    std::size_t size = header_bytes;
    alignas(16) std::array<std::byte, cursor_bytes_max / 32 * 24 + 24> bytes;
  };
  struct opened {
    buffer body;
    std::uint8_t flags = 0;
    std::uint8_t schema = 0;
  };

  /// Signs the fields in `body`, whose header is written here.
  PARLEY_CURSOR_EXPORT static void sign(const key_set& keys, const scope& bound, buffer& body,
                                        std::uint8_t flags, std::uint8_t schema, seconds_time now,
                                        cursor_text& out);
  /// Everything up to the time; `has_shape` says whether a schema and a size of fields belong
  /// together.
  PARLEY_CURSOR_EXPORT static std::optional<errc> open(
      const key_set& keys, const scope& bound, std::string_view text, seconds_time now,
      bool (*has_shape)(std::uint8_t schema, std::span<const std::byte> fields) noexcept,
      opened& out);
};

/// The key id that a text names, for events; none where it is no cursor. Nothing is verified.
PARLEY_CURSOR_EXPORT std::optional<std::uint8_t> key_id_of(std::string_view text) noexcept;

namespace detail {

template <class T>
struct field;

inline std::uint64_t to_big_endian(std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap64(value);
  return value;
}

template <field_type Type>
struct word_field {
  static constexpr field_type type = Type;
  static void put(signer::buffer& out, std::uint64_t value) noexcept {
    const std::uint64_t word = to_big_endian(value);
    std::memcpy(out.bytes.data() + out.size, &word, sizeof(word));
    out.size += sizeof(word);
  }
  static std::uint64_t get(const std::byte*& from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof(word));
    from += sizeof(word);
    return to_big_endian(word);
  }
};

template <>
struct field<std::int64_t> : word_field<field_type::i64> {
  static void write(signer::buffer& out, std::int64_t value) noexcept {
    put(out, static_cast<std::uint64_t>(value));
  }
  static std::int64_t read(const std::byte*& from) noexcept {
    return static_cast<std::int64_t>(get(from));
  }
};
template <>
struct field<std::uint64_t> : word_field<field_type::u64> {
  static void write(signer::buffer& out, std::uint64_t value) noexcept { put(out, value); }
  static std::uint64_t read(const std::byte*& from) noexcept { return get(from); }
};
template <>
struct field<timestamp_us> : word_field<field_type::timestamp> {
  static void write(signer::buffer& out, timestamp_us value) noexcept {
    put(out, static_cast<std::uint64_t>(value.time_since_epoch().count()));
  }
  static timestamp_us read(const std::byte*& from) noexcept {
    return timestamp_us(std::chrono::microseconds(static_cast<std::int64_t>(get(from))));
  }
};
template <>
struct field<uuid> {
  static constexpr field_type type = field_type::uuid;
  static void write(signer::buffer& out, const uuid& value) noexcept {
    std::memcpy(out.bytes.data() + out.size, value.bytes.data(), value.bytes.size());
    out.size += value.bytes.size();
  }
  static uuid read(const std::byte*& from) noexcept {
    uuid made;
    std::memcpy(made.bytes.data(), from, made.bytes.size());
    from += made.bytes.size();
    return made;
  }
};
template <>
struct field<key_text> {
  static constexpr field_type type = field_type::text;
  static void write(signer::buffer& out, const key_text& value) noexcept {
    const std::string_view text = value.view();
    out.bytes[out.size++] = static_cast<std::byte>(text.size());
    std::memcpy(out.bytes.data() + out.size, text.data(), text.size());
    out.size += text.size();
  }
  static key_text read(const std::byte*& from) noexcept {
    const auto size = std::to_integer<std::size_t>(*from++);
    const auto made = key_text::from({reinterpret_cast<const char*>(from), size});
    from += size;
    return *made;
  }
};
template <>
struct field<null> {
  static constexpr field_type type = field_type::null;
  static void write(signer::buffer&, null) noexcept {}
  static null read(const std::byte*&) noexcept { return {}; }
};

// The bytes at the begin of `fields` that are one of `type`; none: there is none.
constexpr std::optional<std::size_t> field_size(field_type type,
                                                std::span<const std::byte> fields) noexcept {
  std::size_t size = 0;
  switch (type) {
    case field_type::i64:
    case field_type::u64:
    case field_type::timestamp: size = 8; break;
    case field_type::uuid: size = 16; break;
    case field_type::text:
      if (fields.empty()) return std::nullopt;
      size = 1 + std::to_integer<std::size_t>(fields.front());
      if (size > 1 + text_bytes_max) return std::nullopt;
      break;
    case field_type::null: break;
  }
  if (size > fields.size()) return std::nullopt;
  return size;
}

}  // namespace detail

/// Cursors over a list that is sorted by `Key` and then by `Id`.
template <key_field Key, id_field Id>
class codec {
 public:
  using position = cursor::position<Key, Id>;

  /// `now` lies between 1970 and 2106. `at` says the order of the list and the direction of the
  /// page too.
  static cursor_text issue(const key_set& keys, const scope& bound, const position& at,
                           seconds_time now) {
    signer::buffer body;
    std::uint8_t key_type = 0;
    if constexpr (detail::is_optional<Key>) {
      using inner = typename Key::value_type;
      key_type = static_cast<std::uint8_t>(at.key ? detail::field<inner>::type : field_type::null);
      if (at.key) detail::field<inner>::write(body, *at.key);
    } else {
      key_type = static_cast<std::uint8_t>(detail::field<Key>::type);
      detail::field<Key>::write(body, at.key);
    }
    detail::field<Id>::write(body, at.id);
    const auto flags = static_cast<std::uint8_t>((at.order == order::ascending ? 1 : 0) |
                                                 (at.direction == direction::backward ? 2 : 0));
    cursor_text text;
    signer::sign(
        keys, bound, body, flags,
        static_cast<std::uint8_t>(unsigned{key_type} << 4 | static_cast<unsigned>(id_type)), now,
        text);
    return text;
  }

  /// In this order: length, base64url, version, flags and schema and exact length, key, signature
  /// in constant time, time, order. Nothing is read from it before the signature holds but what
  /// finds the key.
  static result<position, errc> verify(const key_set& keys, const scope& bound,
                                       std::string_view text, seconds_time now,
                                       cursor::order wanted) {
    signer::opened opened;
    if (const auto why = signer::open(keys, bound, text, now, has_shape, opened)) {
      return failure{*why};
    }
    const std::byte* from = opened.body.bytes.data() + signer::header_bytes;
    position at;
    if constexpr (detail::is_optional<Key>) {
      if (opened.schema >> 4 != static_cast<unsigned>(field_type::null)) {
        at.key = detail::field<typename Key::value_type>::read(from);
      }
    } else {
      at.key = detail::field<Key>::read(from);
    }
    at.id = detail::field<Id>::read(from);
    at.order = (opened.flags & 1) != 0 ? order::ascending : order::descending;
    at.direction = (opened.flags & 2) != 0 ? direction::backward : direction::forward;
    if (at.order != wanted) return failure{errc::wrong_order};
    return at;
  }

 private:
  static constexpr field_type id_type = detail::field<Id>::type;

  static bool has_shape(std::uint8_t schema, std::span<const std::byte> fields) noexcept {
    const auto key_type = static_cast<field_type>(schema >> 4);
    if ((schema & 15) != static_cast<unsigned>(id_type)) return false;
    if constexpr (detail::is_optional<Key>) {
      if (key_type != detail::field<typename Key::value_type>::type &&
          key_type != field_type::null) {
        return false;
      }
    } else if (key_type != detail::field<Key>::type) {
      return false;
    }
    const auto key_size = detail::field_size(key_type, fields);
    if (!key_size) return false;
    const auto id_size = detail::field_size(id_type, fields.subspan(*key_size));
    return id_size && *key_size + *id_size == fields.size();
  }
};

}  // namespace parley::cursor

#endif  // PARLEY_CURSOR_CODEC_HPP
