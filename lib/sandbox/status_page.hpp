// SPDX-License-Identifier: Apache-2.0
//
// The sandbox as a page for people: HTML without scripts or anything to fetch. All that a client
// sent stands there escaped and cut to a length.

#ifndef PARLEY_LIB_SANDBOX_STATUS_PAGE_HPP
#define PARLEY_LIB_SANDBOX_STATUS_PAGE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/sandbox/sandbox.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/journal.hpp"
#include "sandbox/records.hpp"
#include "sandbox/webhooks.hpp"

namespace parley::sandbox {

/// Of calls and of requests.
inline constexpr std::size_t page_rows_max = 50;

/// Of the page: it loads nothing, and runs nothing.
inline constexpr std::string_view page_policy = "default-src 'none'; style-src 'unsafe-inline'";

struct status {
  std::string url = {};
  time_point now = {};
  std::chrono::seconds offset{};
  std::vector<call> newest_calls = {};
  std::uint64_t calls_placed = 0;
  journal_page requests = {};
  record_counts records = {};
  std::optional<records_held> held = {};  ///< none: the store is Redis
  std::vector<fault_rule_state> rules = {};
  webhook_status webhooks = {};
};

/// Pure.
std::string render_status_page(const status& shown);

/// `text` for an element's content or a quoted attribute. Bytes below 0x20 and 0x7f, of which HTML
/// allows few, become U+FFFD.
std::string escape_html(std::string_view text);

/// At most `bytes_max` bytes of UTF-8, whole characters, with "..." where something was cut.
std::string shorten(std::string_view text, std::size_t bytes_max);

/// "1 d 2 h 3 min 4 s", without the parts that are nothing; of nothing "0 s".
std::string format_offset(std::chrono::seconds offset);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_STATUS_PAGE_HPP
