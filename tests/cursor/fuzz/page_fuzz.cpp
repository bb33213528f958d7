// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the parameters of a list: a byte of options, then the limit, the order and the
// cursor, each ended by a line end and absent where it begins with '~'.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/cursor/page.hpp"

namespace {

using namespace parley::cursor;

std::optional<std::string_view> take(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  if (part.starts_with('~')) return std::nullopt;
  return part;
}

// As people compare numbers: without zeros in front, the longer is the larger.
bool is_above(std::string_view digits, const std::string& bound) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.size() != bound.size() ? digits.size() > bound.size() : digits > bound;
}

void check(bool is_right) {
  if (!is_right) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  page_limits limits;
  limits.clamps = (data[0] & 1) != 0;
  limits.takes_order = (data[0] & 2) == 0;
  limits.order_default = (data[0] & 4) != 0 ? order::ascending : order::descending;
  if ((data[0] & 8) != 0) limits.limit_max = 4'294'967'295;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  page_query query;
  query.limit = take(text);
  query.order = take(text);
  query.cursor = take(text);

  const auto got = read_page(query, limits);
  const bool is_number = query.limit && !query.limit->empty() &&
                         query.limit->find_first_not_of("0123456789") == std::string_view::npos;
  const bool is_zero = is_number && query.limit->find_first_not_of('0') == std::string_view::npos;
  const bool is_large = is_number && is_above(*query.limit, std::to_string(limits.limit_max));
  const bool has_limit = !query.limit || (is_number && (limits.clamps || (!is_zero && !is_large)));
  const bool has_order =
      !query.order || ((query.order == "asc" || query.order == "desc") &&
                       (limits.takes_order ||
                        (query.order == "asc") == (limits.order_default == order::ascending)));
  const bool has_cursor = !query.cursor || !query.cursor->empty();
  check(got.has_value() == (has_limit && has_order && has_cursor));
  if (!got) {
    check(got.error().field == (!has_limit   ? page_field::limit
                                : !has_order ? page_field::order
                                             : page_field::cursor));
    return 0;
  }
  check(got->cursor == query.cursor);
  check(got->limit == (!query.limit ? limits.limit_default
                       : is_zero    ? 1
                       : is_large   ? limits.limit_max
                                    : std::stoul(std::string(*query.limit))));
  check(got->order == (!query.order           ? limits.order_default
                       : query.order == "asc" ? order::ascending
                                              : order::descending));
  return 0;
}
