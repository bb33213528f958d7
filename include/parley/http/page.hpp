// SPDX-License-Identifier: Apache-2.0
//
// Lists in pages: from a request's limit, order and cursor to a position, and from the last row to
// the cursor of the next page.
//
//   using calls_cursor = cursor::codec<cursor::timestamp_us, cursor::uuid>;
//   const http::pager pager(ring);
//   routes.get("/v1/calls", [&](const http::request_view& request) {
//     const auto page = pager.read<calls_cursor>(request, "GET /v1/calls");
//     if (!page) return http::to_response(page.error());
//     auto rows = select(page->after, page->order, page->limit + 1);
//     const bool has_more = cursor::cut_page(rows, page->limit, page->direction());
//     ...
//     const auto next = pager.next(*page, {rows.back().created_at, rows.back().id});
//   });
//
// Callable from any thread.

#ifndef PARLEY_HTTP_PAGE_HPP
#define PARLEY_HTTP_PAGE_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/core/result.hpp"
#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/page.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/export.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

/// How often a query has a parameter, and its first value.
struct query_value {
  std::size_t count = 0;
  /// Without percent escapes, a plus sign read as a blank (the form of HTML). None: there is no
  /// such parameter, or it has a malformed escape.
  std::optional<std::string> text = {};
};

/// Of `query`, the text behind the question mark: parameters are parted by `&`, a name from its
/// value by the first `=`.
PARLEY_HTTP_EXPORT query_value find_in_query(std::string_view query, std::string_view name);

struct pager_options {
  cursor::page_limits limits = {};
  /// The time; callable from any thread, does not throw. Empty: the system's.
  std::function<cursor::seconds_time()> now = {};
  /// Null: none. Outlives the pager.
  cursor::observer* observer = nullptr;
};

/// A page that a client asked for.
template <class Codec>
struct page_request {
  std::uint32_t limit = 20;
  cursor::order order = cursor::order::descending;
  /// Where the last page ended; none: the first page.
  std::optional<typename Codec::position> after = {};
  cursor::scope scope = {};

  cursor::direction direction() const noexcept {
    return after ? after->direction : cursor::direction::forward;
  }
};

class PARLEY_HTTP_EXPORT pager {
 public:
  /// `ring` outlives it.
  explicit pager(const cursor::key_ring& ring, pager_options options = {});

  /// The page that `request` asks for. Its cursor is bound to `route`, the request's scope and the
  /// filters; the client's own mistakes are 400 validation_error with `fields` limit, order or
  /// cursor (G16, G17), a parameter that is sent twice too.
  template <class Codec>
  result<page_request<Codec>, envelope::error> read(
      const request_view& request, std::string_view route,
      std::span<const cursor::filter> filters = {}) const {
    auto asked = parameters(request);
    if (!asked) return failure{std::move(asked).error()};
    page_request<Codec> page{.limit = asked->limit, .order = asked->order};
    page.scope = cursor::scope_of({route, request.scope}, filters);
    if (!asked->cursor) return page;
    const auto at =
        Codec::verify(ring_.current(), page.scope, *asked->cursor, options_.now(), page.order);
    tell_read(*asked->cursor, at ? std::nullopt : std::optional(at.error()));
    if (!at) return failure{refusal(at.error())};
    page.after = *at;
    return page;
  }
  template <class Codec>
  result<page_request<Codec>, envelope::error> read(
      const request_view& request, std::string_view route,
      std::initializer_list<cursor::filter> filters) const {
    return read<Codec>(request, route, std::span(filters.begin(), filters.size()));
  }

  /// The cursor of the page behind `last`, in the same list and order.
  template <class Codec>
  cursor::cursor_text next(const page_request<Codec>& page, typename Codec::position last) const {
    last.order = page.order;
    const cursor::key_set& keys = ring_.current();
    tell_issued(keys.active_id());
    return Codec::issue(keys, page.scope, last, options_.now());
  }

 private:
  struct checked {
    std::uint32_t limit;
    cursor::order order;
    std::optional<std::string> cursor;
  };
  result<checked, envelope::error> parameters(const request_view& request) const;
  static envelope::error refusal(cursor::errc why);
  void tell_read(std::string_view text, std::optional<cursor::errc> refused) const noexcept;
  void tell_issued(std::uint8_t key_id) const noexcept;

  const cursor::key_ring& ring_;
  pager_options options_;
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_PAGE_HPP
