// SPDX-License-Identifier: Apache-2.0
//
// Where a page ended: the sort key of its last row, and the id that breaks ties.
//
//   cursor::position<cursor::timestamp_us, cursor::uuid> last = {row.created_at, row.id};
//
// Values; nothing here allocates or keeps state.

#ifndef PARLEY_CURSOR_POSITION_HPP
#define PARLEY_CURSOR_POSITION_HPP

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "parley/cursor/export.hpp"

namespace parley::cursor {

/// Microseconds, as databases keep them: cut to milliseconds a key would name other rows.
using timestamp_us = std::chrono::sys_time<std::chrono::microseconds>;

/// 16 bytes, in the order in which they are written (RFC 9562).
struct uuid {
  std::array<std::byte, 16> bytes{};
  friend bool operator==(const uuid&, const uuid&) = default;
  friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// Reads 8-4-4-4-12 hex digits of either case; std::nullopt: it is something else.
PARLEY_CURSOR_EXPORT std::optional<uuid> parse_uuid(std::string_view text) noexcept;
/// In lower case.
PARLEY_CURSOR_EXPORT std::array<char, 36> to_text(const uuid& id) noexcept;

/// Of the text in a position.
inline constexpr std::size_t text_bytes_max = 64;

/// Text that is kept in place. Any bytes.
class key_text {
 public:
  constexpr key_text() noexcept = default;
  /// Cuts nothing: std::nullopt where `text` is above text_bytes_max.
  static std::optional<key_text> from(std::string_view text) noexcept {
    if (text.size() > text_bytes_max) return std::nullopt;
    key_text made;
    made.size_ = static_cast<std::uint8_t>(text.size());
    text.copy(made.bytes_.data(), text.size());
    return made;
  }
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  friend bool operator==(const key_text& a, const key_text& b) noexcept {
    return a.view() == b.view();
  }
  friend auto operator<=>(const key_text& a, const key_text& b) noexcept {
    return a.view() <=> b.view();
  }

 private:
  std::uint8_t size_ = 0;
  std::array<char, text_bytes_max> bytes_{};
};

/// A sort key that is not there: a list by its id alone. std::optional<T> is one that may be null.
struct null {
  friend constexpr auto operator<=>(const null&, const null&) = default;
};

/// The types on the wire, four bits each. Append, never reorder.
enum class field_type : std::uint8_t { i64 = 1, u64, timestamp, uuid, text, null };

enum class order : std::uint8_t { descending = 0, ascending };
enum class direction : std::uint8_t { forward = 0, backward };

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_field =
    std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint64_t> ||
    std::is_same_v<T, timestamp_us> || std::is_same_v<T, uuid> || std::is_same_v<T, key_text>;
template <class T>
inline constexpr bool is_field<std::optional<T>> = is_field<T> && !is_optional<T>;
}  // namespace detail

/// What may be a tie breaker: std::int64_t, std::uint64_t, timestamp_us, uuid or key_text.
template <class T>
concept id_field = detail::is_field<T> && !detail::is_optional<T>;
/// What may be a sort key: the same, std::optional of one, or null.
template <class T>
concept key_field = detail::is_field<T> || std::is_same_v<T, null>;

template <key_field Key, id_field Id>
struct position {
  [[no_unique_address]] Key key{};
  Id id{};
  cursor::order order = cursor::order::descending;           ///< of the list
  cursor::direction direction = cursor::direction::forward;  ///< where the next page lies

  friend bool operator==(const position&, const position&) = default;
};

}  // namespace parley::cursor

#endif  // PARLEY_CURSOR_POSITION_HPP
