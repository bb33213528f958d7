// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/reply_tree.hpp"

#include <limits>
#include <new>

namespace parley::idempotency_redis {

void reply_tree::add(const reply& next) noexcept {
  if (missing_ == 0) clear();
  --missing_;
  if (next.what == reply::kind::array) {
    // A sum that is above every limit need not be right.
    constexpr std::size_t endless = std::numeric_limits<std::size_t>::max() / 2;
    missing_ = next.elements > endless - missing_ ? endless : missing_ + next.elements;
  }
  if (is_too_large_) return;
  if (parts_.size() + 1 + missing_ > parts_max ||
      text_.size() + next.text.size() > text_bytes_max) {
    is_too_large_ = true;
    return;
  }
  try {
    text_.append(next.text);
    parts_.push_back({next.what, static_cast<std::uint32_t>(next.text.size()),
                      next.what == reply::kind::array ? static_cast<std::int64_t>(next.elements)
                                                      : next.integer});
  } catch (const std::bad_alloc&) {
    is_too_large_ = true;
  }
}

void reply_tree::clear() noexcept {
  // The map of a large cluster comes seldom, and should not keep its memory.
  parts_ = {};
  text_ = {};
  missing_ = 1;
  is_too_large_ = false;
}

std::string_view reply_tree::error() const noexcept {
  const bool is_error = !parts_.empty() && parts_.front().what == reply::kind::error;
  return is_error ? std::string_view(text_) : std::string_view();
}

std::optional<std::size_t> tree_cursor::array() noexcept {
  if (!is(reply::kind::array)) return std::nullopt;
  const auto elements = static_cast<std::size_t>(of_.parts_[at_].integer);
  pass();
  return elements;
}

std::optional<std::string_view> tree_cursor::text() noexcept {
  if (!is(reply::kind::bulk) && !is(reply::kind::status)) return std::nullopt;
  const std::string_view found =
      std::string_view(of_.text_).substr(text_at_, of_.parts_[at_].text_bytes);
  pass();
  return found;
}

std::optional<std::int64_t> tree_cursor::integer() noexcept {
  if (!is(reply::kind::integer)) return std::nullopt;
  const std::int64_t found = of_.parts_[at_].integer;
  pass();
  return found;
}

bool tree_cursor::nil() noexcept {
  if (!is(reply::kind::nil)) return false;
  pass();
  return true;
}

// Without recursion: how deep a reply is, the server decides.
bool tree_cursor::skip() noexcept {
  std::size_t left = 1;
  for (; left > 0 && !is_at_end(); --left) {
    if (is(reply::kind::array)) left += static_cast<std::size_t>(of_.parts_[at_].integer);
    pass();
  }
  return left == 0;
}

}  // namespace parley::idempotency_redis
