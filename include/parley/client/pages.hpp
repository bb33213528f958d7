// SPDX-License-Identifier: Apache-2.0
//
// Walks through a list endpoint: {"data":[..],"meta":{"cursor":..,"total_results":..,
// "page_size":..}}, page by page or item by item, to the page without a cursor. An empty page with
// a cursor is not the end (F3).
//
//   client::page_walk walk("/v1/calls?limit=100&order=asc");
//   for (const auto& item : client::items(api, walk)) {
//     if (!item) return report(item.error());      // the range ends behind it
//     save(walk.checkpoint());                     // before this item
//     handle(item->json);                          // {"id":"call_..",..}
//   }
//   auto walk = client::page_walk::resume(saved);    // in the next process: goes on with that item
//
// A walk belongs to one thread at a time.

#ifndef PARLEY_CLIENT_PAGES_HPP
#define PARLEY_CLIENT_PAGES_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/client/client.hpp"
#include "parley/client/export.hpp"
#include "parley/client/operation.hpp"
#include "parley/client/sending.hpp"
#include "parley/core/result.hpp"

namespace parley::client {

/// Why there is no further page. The values are ABI: append, never reorder.
enum class page_errc : std::uint8_t {
  no_success = 1,   ///< see page_failure::answer: no response, or one that is no 2xx
  not_a_page,       ///< a body that is no list
  cursor_repeated,  ///< the page's cursor was there before: a circle, of whatever length
  bad_target,       ///< of the walk; see operation_errc
  damaged,          ///< resume() was not given what checkpoint() made
};

/// One page. Copies share what they look at. One that was moved from is an empty last page.
class PARLEY_CLIENT_EXPORT page {
 public:
  /// The items as they stand in the body, JSON each; they live as long as any copy of *this.
  std::span<const std::string_view> items() const noexcept;
  std::size_t size() const noexcept { return items().size(); }
  bool empty() const noexcept { return items().empty(); }
  std::string_view operator[](std::size_t i) const noexcept { return items()[i]; }
  auto begin() const noexcept { return items().begin(); }
  auto end() const noexcept { return items().end(); }

  std::uint64_t total_results() const noexcept;
  /// The limit that the server applied (G19).
  std::uint64_t page_size() const noexcept;
  /// There is no `cursor` (F3).
  bool is_last() const noexcept;

 private:
  friend class page_walk;
  friend PARLEY_CLIENT_EXPORT result<page, page_errc> parse_page(std::string body);
  struct content;
  std::shared_ptr<const content> content_;
  std::size_t left_out_ = 0;  // items in front
};

struct page_failure {
  page_errc why;
  /// Of the request; empty where there was none.
  std::optional<client::answer> answer = {};

  /// The server takes the cursor no longer (F6, G17): begin anew.
  PARLEY_CLIENT_EXPORT bool is_cursor_refused() const noexcept;
};

/// Where in a list one is, and what to ask for next: no I/O.
class PARLEY_CLIENT_EXPORT page_walk {
 public:
  /// `target`: path and query of the first page, without `cursor`. A mistake in it is the first
  /// request's `bad_target`.
  explicit page_walk(std::string target);

  bool is_done() const noexcept { return is_done_; }
  /// What asks for the next page; once is_done(), for the first one.
  result<operation, operation_errc> next_request() const;
  /// Takes its answer. Where that fails the walk stays where it was, to ask again.
  result<page, page_failure> take(answer of);

  /// Says that the item at `index` of the page taken last was handled, and all before it.
  void handled(std::size_t index) noexcept;
  /// A place to go on from: behind the item handled last or, without one, before the page taken
  /// last. Text.
  std::string checkpoint() const;
  /// Asks for the page of that place once more and leaves out its items up to the one handled last,
  /// which is known by its member `id` or, without one, by its number in the page. Where the page
  /// no longer holds it, it comes whole.
  static result<page_walk, page_errc> resume(std::string_view checkpoint);

 private:
  std::string target_;
  std::string cursor_;       // that asks for the next page
  std::string page_cursor_;  // that asked for the page taken last
  std::optional<page> last_;
  std::size_t handled_ = 0;  // items of it
  // Items to leave out of the page that comes, or that were left out of the one taken last.
  std::size_t skip_ = 0;
  std::string skip_id_;  // of the last of them
  std::string mark_;     // a cursor that came before
  std::uint64_t pages_taken_ = 0;
  bool is_done_ = false;

  friend class items;
  bool has_unhandled() const noexcept { return last_ && handled_ < last_->size(); }
};

/// Reads the body of a list. Numbers that are absent from `meta` read as 0.
PARLEY_CLIENT_EXPORT result<page, page_errc> parse_page(std::string body);

struct item {
  std::string_view json;  ///< lives as long as `of`
  client::page of;
};

namespace detail {
struct end_of_walk {};
}  // namespace detail

/// The pages of a walk, from that behind the one taken last, as an input range of
/// result<page, page_failure>; a failure is its last element. Iterating sends requests, and blocks.
/// `by` and `walk` outlive it.
class PARLEY_CLIENT_EXPORT pages {
 public:
  pages(blocking_client& by, page_walk& walk) : by_(&by), walk_(&walk) {}

  class PARLEY_CLIENT_EXPORT iterator {
   public:
    using value_type = result<page, page_failure>;
    using difference_type = std::ptrdiff_t;

    const value_type& operator*() const noexcept { return *current_; }
    const value_type* operator->() const noexcept { return &*current_; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, detail::end_of_walk) noexcept { return !i.current_; }

   private:
    friend class pages;
    friend class items;
    iterator(blocking_client& by, page_walk& walk);
    iterator(blocking_client& by, page_walk& walk, page taken);
    blocking_client* by_;
    page_walk* walk_;
    std::optional<value_type> current_;
  };

  iterator begin() const { return iterator(*by_, *walk_); }
  detail::end_of_walk end() const noexcept { return {}; }

 private:
  blocking_client* by_;
  page_walk* walk_;
};

/// The same for items. To step on from an item marks it as handled: walk.checkpoint() is behind it.
/// Begins with the items that are not handled of the page that `walk` took last: another loop goes
/// on with the item at which one was left.
class PARLEY_CLIENT_EXPORT items {
 public:
  items(blocking_client& by, page_walk& walk) : by_(&by), walk_(&walk) {}

  class PARLEY_CLIENT_EXPORT iterator {
   public:
    using value_type = result<item, page_failure>;
    using difference_type = std::ptrdiff_t;

    const value_type& operator*() const noexcept { return *current_; }
    const value_type* operator->() const noexcept { return &*current_; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, detail::end_of_walk) noexcept { return !i.current_; }

   private:
    friend class items;
    iterator(blocking_client& by, page_walk& walk);
    void settle();
    page_walk* walk_;
    pages::iterator page_;
    std::size_t index_ = 0;
    std::optional<value_type> current_;
  };

  iterator begin() const { return iterator(*by_, *walk_); }
  detail::end_of_walk end() const noexcept { return {}; }

 private:
  blocking_client* by_;
  page_walk* walk_;
};

/// The lower-case name of `e`: "not_a_page". Any other value: "unknown".
PARLEY_CLIENT_EXPORT std::string_view to_string(page_errc e) noexcept;

}  // namespace parley::client

#endif  // PARLEY_CLIENT_PAGES_HPP
