// SPDX-License-Identifier: Apache-2.0
//
// What a client asks of a list, and the envelope that a page of it goes out in.
//
//   const auto asked = cursor::read_page({.limit = "50", .cursor = text});
//   if (!asked) return refuse(asked.error().field, asked.error().message);
//   auto rows = select(asked->limit + 1);
//   const bool has_more = cursor::cut_page(rows, asked->limit, direction::forward);
//   cursor::page_writer page;
//   for (const row& each : rows) page.add(to_json(each));
//   send(std::move(page).finish({.next = next, .total_results = total, .page_size =
//   asked->limit}));
//
// Functions keep no state and may be called from any thread.

#ifndef PARLEY_CURSOR_PAGE_HPP
#define PARLEY_CURSOR_PAGE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/cursor/export.hpp"
#include "parley/cursor/position.hpp"

namespace parley::cursor {

/// The contract's (F4, F7).
struct page_limits {
  std::uint32_t limit_default = 20;
  std::uint32_t limit_max = 100;  ///< at least 1
  /// A limit below 1 or above limit_max becomes the nearest that may be, instead of an error.
  bool clamps = false;
  order order_default = order::descending;
  /// False: the list has one order, and asking for another is an error.
  bool takes_order = true;
};

/// The parameters of a request, decoded; absent ones are none.
struct page_query {
  std::optional<std::string_view> limit = {};
  std::optional<std::string_view> order = {};
  std::optional<std::string_view> cursor = {};
};

struct page_parameters {
  std::uint32_t limit = 20;
  cursor::order order = cursor::order::descending;
  std::optional<std::string_view> cursor = {};  ///< not verified yet, and not empty
};

enum class page_field : std::uint8_t { limit = 1, order, cursor };

/// The name of the parameter: "limit".
PARLEY_CURSOR_EXPORT std::string_view to_string(page_field f) noexcept;

/// Which parameter is wrong, and what is expected of it, for people.
struct page_refusal {
  page_field field = page_field::limit;
  std::string message;
};

/// limit: decimal digits, from 1 to limit_max. order: "asc" or "desc". One that is present but
/// empty is malformed (G17). Looked at in this order.
PARLEY_CURSOR_EXPORT result<page_parameters, page_refusal> read_page(
    const page_query& query, const page_limits& limits = {});

/// Of rows that were fetched with limit + 1: leaves `limit` of them, in the order of the list (what
/// was fetched backward is turned). True: there are more in the direction of the fetch.
template <class Rows>
bool cut_page(Rows& rows, std::size_t limit, direction fetched) {
  const bool has_more = rows.size() > limit;
  if (has_more) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end());
  if (fetched == direction::backward) std::reverse(rows.begin(), rows.end());
  return has_more;
}

struct page_meta {
  /// Empty: there is no further page, and the member is left out (F3).
  std::string_view next = {};
  std::uint64_t total_results = 0;
  std::uint32_t page_size = 20;  ///< the limit that was applied (G19)
};

/// Writes {"data":[...],"meta":{"cursor":...,"total_results":...,"page_size":...}}.
class PARLEY_CURSOR_EXPORT page_writer {
 public:
  /// `bytes`: about as many as the page will have.
  explicit page_writer(std::size_t bytes = 0);
  /// `json`: the text of one JSON value; not looked at.
  void add(std::string_view json);
  /// `meta.next` is the text of a cursor.
  std::string finish(const page_meta& meta) &&;

 private:
  std::string text_;
  bool has_items_ = false;
};

}  // namespace parley::cursor

#endif  // PARLEY_CURSOR_PAGE_HPP
