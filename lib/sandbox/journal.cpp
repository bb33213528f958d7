// SPDX-License-Identifier: Apache-2.0
#include "sandbox/journal.hpp"

#include <algorithm>
#include <utility>

#include "sandbox/faults.hpp"
#include "sandbox/route_table.hpp"

namespace parley::sandbox {
namespace {

constexpr std::size_t text_bytes_max = 256;

// What a stranger chose, cut to a length and to ASCII.
std::string shown(std::string_view text) {
  std::string made(text.substr(0, text_bytes_max));
  std::ranges::replace_if(
      made, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return made;
}

}  // namespace

void journal::responded(const http::response_event& event) noexcept {
  if (!event.route.empty() && !event.route.starts_with(api_prefix)) return;
  try {
    add(event);
  } catch (...) {
    // No memory for the entry: the response goes out without one.
  }
}

journal_page journal::read(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(limit, entries_.size()));
  return {{entries_.begin(), entries_.begin() + count}, total_, handler_runs_};
}

void journal::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  total_ = handler_runs_ = 0;
}

void journal::add(const http::response_event& event) {
  journal_entry entry{.request_id = std::string(event.request_id),
                      .at = clock_.now(),
                      .method = {},
                      .path = {},
                      .status = event.response->status,
                      .code = {},
                      .handler_ran = event.handler_ran};
  if (event.request != nullptr) {
    entry.method = shown(event.request->method_name);
    entry.path = shown(event.request->path);
  }
  if (event.response->error_code != errors::code::unknown) {
    entry.code = errors::to_string(event.response->error_code);
  }
  const fault_mark mark = mark_of(*event.response);
  entry.fault = mark.name;
  if (mark.behaviour == behaviour::hang || mark.behaviour == behaviour::reset) entry.status = 0;
  const std::lock_guard lock(mutex_);
  ++total_;
  if (event.handler_ran) ++handler_runs_;
  entries_.push_front(std::move(entry));
  if (entries_.size() > journal_max) entries_.pop_back();
}

}  // namespace parley::sandbox
