// SPDX-License-Identifier: Apache-2.0
//
// A reply that is an array of arrays, kept whole until it can be read: what a server says of its
// cluster, a sentinel of its master, a subscription of an event.
//
//   reply_tree tree;                    // fed by on_reply() and on_part() of a reply_sink
//   if (tree.is_whole()) read_slots(tree);

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_REPLY_TREE_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_REPLY_TREE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/resp.hpp"

namespace parley::idempotency_redis {

class reply_tree {
 public:
  /// A map in which each slot is a range of its own, with two replicas, fits.
  static constexpr std::size_t parts_max = std::size_t{1} << 19;
  static constexpr std::size_t text_bytes_max = std::size_t{8} << 20;

  /// The first part is the reply itself. What is beyond the limits is counted, but not kept.
  void add(const reply& next) noexcept;
  /// The next part begins another reply.
  void clear() noexcept;

  bool is_whole() const noexcept { return missing_ == 0; }
  /// It cannot be read: it is above a limit, or there was no memory for it.
  bool is_too_large() const noexcept { return is_too_large_; }
  /// Of an error reply, else empty. Lives as long as the tree.
  std::string_view error() const noexcept;

 private:
  friend class tree_cursor;
  struct part {
    reply::kind what;
    std::uint32_t text_bytes;  // they stand in the order of their parts
    std::int64_t integer;      // of an array its elements
  };
  std::vector<part> parts_;
  std::string text_;
  std::size_t missing_ = 1;
  bool is_too_large_ = false;
};

/// Goes through a whole tree, from front to back. What is not what was asked for is left in place.
class tree_cursor {
 public:
  explicit tree_cursor(const reply_tree& of) noexcept : of_(of) {}

  /// Enters an array: the number of its elements, which follow.
  std::optional<std::size_t> array() noexcept;
  /// The view lives as long as the tree.
  std::optional<std::string_view> text() noexcept;
  std::optional<std::int64_t> integer() noexcept;
  bool nil() noexcept;
  /// Passes a value with all that is in it. False: there is none.
  bool skip() noexcept;
  bool is_at_end() const noexcept { return at_ >= of_.parts_.size(); }

 private:
  bool is(reply::kind what) const noexcept { return !is_at_end() && of_.parts_[at_].what == what; }
  void pass() noexcept { text_at_ += of_.parts_[at_++].text_bytes; }

  const reply_tree& of_;
  std::size_t at_ = 0;
  std::size_t text_at_ = 0;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_REPLY_TREE_HPP
