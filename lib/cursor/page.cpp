// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/page.hpp"

#include <cassert>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

namespace parley::cursor {
namespace {

// Digits alone; what is too large for a number is the largest one.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  const bool is_number =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return std::nullopt;
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::string_view to_string(page_field f) noexcept {
  switch (f) {
    case page_field::limit: return "limit";
    case page_field::order: return "order";
    case page_field::cursor: return "cursor";
  }
  return "unknown";
}

result<page_parameters, page_refusal> read_page(const page_query& query,
                                                const page_limits& limits) {
  assert(limits.limit_max >= 1);
  page_parameters made{.limit = limits.limit_default, .order = limits.order_default};
  if (query.limit) {
    const auto value = parse_number(*query.limit);
    const bool is_allowed = value && *value >= 1 && *value <= limits.limit_max;
    if (!is_allowed && !(value && limits.clamps)) {
      return failure{page_refusal{
          page_field::limit, "Expected a number from 1 to " + std::to_string(limits.limit_max)}};
    }
    made.limit = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(*value, 1, limits.limit_max));
  }
  if (query.order) {
    const bool is_ascending = *query.order == "asc";
    const bool is_known = is_ascending || *query.order == "desc";
    const order wanted = is_ascending ? order::ascending : order::descending;
    if (!is_known || (!limits.takes_order && wanted != limits.order_default)) {
      const std::string_view expected = limits.takes_order ? "Expected asc or desc"
                                        : limits.order_default == order::ascending
                                            ? "Expected asc"
                                            : "Expected desc";
      return failure{page_refusal{page_field::order, std::string(expected)}};
    }
    made.order = wanted;
  }
  if (query.cursor) {
    if (query.cursor->empty()) {
      return failure{page_refusal{page_field::cursor, "Expected the cursor of a page"}};
    }
    made.cursor = *query.cursor;
  }
  return made;
}

page_writer::page_writer(std::size_t bytes) {
  text_.reserve(bytes);
  text_ = R"({"data":[)";
}

void page_writer::add(std::string_view json) {
  if (has_items_) text_ += ',';
  has_items_ = true;
  text_ += json;
}

std::string page_writer::finish(const page_meta& meta) && {
  text_ += R"(],"meta":{)";
  if (!meta.next.empty()) {
    text_ += R"("cursor":")";
    text_ += meta.next;
    text_ += R"(",)";
  }
  text_ += R"("total_results":)";
  text_ += std::to_string(meta.total_results);
  text_ += R"(,"page_size":)";
  text_ += std::to_string(meta.page_size);
  text_ += "}}";
  return std::move(text_);
}

}  // namespace parley::cursor
