// SPDX-License-Identifier: Apache-2.0
//
// The part of an SQL query that fetches the rows after a position: by comparing, not by counting,
// so that rows which come and go meanwhile neither repeat nor hide others.
//
//   const keyset by = {.key = "created_at", .id = "id"};
//   const keyset_sql sql = position ? after(by, *position) : first_page(by, order);
//   "SELECT ... FROM calls WHERE tenant = ? AND " + sql.where +
//       " ORDER BY " + sql.order_by + " LIMIT ?"
//   // bind the tenant, then for each of sql.binds the position's key or its id, then limit + 1
//
// An index over (tenant, created_at, id) serves it. Pure functions.

#ifndef PARLEY_CURSOR_KEYSET_HPP
#define PARLEY_CURSOR_KEYSET_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/cursor/export.hpp"
#include "parley/cursor/position.hpp"

namespace parley::cursor {

/// Where rows whose key is NULL stand: the same place in either order of the list.
enum class nulls : std::uint8_t {
  none = 1,  ///< the column is NOT NULL
  lowest,    ///< below every value: first when ascending (SQLite's and MySQL's default)
  highest,   ///< above every value: last when ascending (PostgreSQL's default)
};

enum class dialect : std::uint8_t {
  standard = 1,  ///< `?`, NULLS FIRST: SQLite from 3.30 on
  postgresql,    ///< `$1`
  mysql,         ///< `?`, and no NULLS FIRST
};

/// Two columns, or expressions: text of the program's, never of a client's.
struct keyset {
  /// Empty: the list is sorted by its id alone.
  std::string_view key = {};
  std::string_view id = "id";
  cursor::nulls nulls = cursor::nulls::none;
  cursor::dialect dialect = cursor::dialect::standard;
  /// Of the first placeholder, where they are numbered.
  unsigned first_placeholder = 1;
};

enum class bound_value : std::uint8_t { key = 1, id };

struct keyset_sql {
  std::string where;     ///< a condition; of the first page one that is always true
  std::string order_by;  ///< without the words ORDER BY
  std::vector<bound_value> binds;
  /// The same condition as ranges of the index, one behind the other. Where there are two, because
  /// rows with NULL follow, databases read `where` from the begin of the index: fetch the second
  /// range by itself, for what the first left open of the limit. All binds are of the first.
  std::vector<std::string> ranges;
};

/// What a position is to a query.
struct keyset_position {
  bool key_is_null = false;
  cursor::order order = cursor::order::descending;
  cursor::direction direction = cursor::direction::forward;
};

/// `is_first`: no position yet, so that `at` says the order and direction alone. Rows of a backward
/// fetch come turned: see cut_page.
PARLEY_CURSOR_EXPORT keyset_sql after(const keyset& by, const keyset_position& at, bool is_first);

/// The first page of a list in this order.
inline keyset_sql first_page(const keyset& by, order in) { return after(by, {.order = in}, true); }

template <key_field Key, id_field Id>
keyset_sql after(const keyset& by, const position<Key, Id>& at) {
  bool is_null = false;
  if constexpr (detail::is_optional<Key>) is_null = !at.key;
  return after(by, {is_null, at.order, at.direction}, false);
}

}  // namespace parley::cursor

#endif  // PARLEY_CURSOR_KEYSET_HPP
