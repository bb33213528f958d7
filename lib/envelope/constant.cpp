// SPDX-License-Identifier: Apache-2.0
#include "envelope/constant.hpp"

namespace parley::envelope::detail {

// What is taken over unread must need no escape: ASCII of the printable range but quote and
// backslash, or the em dash of rate_limited (E2 80 94).
consteval bool is_plain(std::string_view text) {
  while (!text.empty()) {
    if (text.starts_with("\xE2\x80\x94")) {
      text.remove_prefix(3);
      continue;
    }
    const char c = text.front();
    if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') return false;
    text.remove_prefix(1);
  }
  return true;
}

consteval std::size_t first_not_plain() {
  for (std::size_t i = 0; i < errors::detail::rows_count; ++i) {
    const errors::row& row = errors::detail::rows[i];
    if (!is_plain(row.name) || !is_plain(errors::detail::name_of(row.category)) ||
        !is_plain(row.message) || !is_plain(errors::doc_base_url) || !is_plain(row.doc_anchor)) {
      return i;
    }
  }
  return errors::detail::rows_count;
}
static_assert(first_not_plain() == errors::detail::rows_count, "a row's text needs an escape");

constinit const constant_table constants{};

}  // namespace parley::envelope::detail
