// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/keyset.hpp"

#include <cassert>
#include <utility>

namespace parley::cursor {
namespace {

class writer {
 public:
  writer(const keyset& by, bool is_ascending) : by_(by), is_ascending_(is_ascending) {}

  std::string bind(bound_value which) {
    binds.push_back(which);
    if (by_.dialect != dialect::postgresql) return "?";
    return "$" + std::to_string(by_.first_placeholder + binds.size() - 1);
  }
  std::string rows_behind() {
    const std::string key(by_.key);
    const std::string id(by_.id);
    if (by_.dialect != dialect::mysql) {
      const std::string first = bind(bound_value::key);
      return "(" + key + ", " + id + ")" + sign() + "(" + first + ", " + bind(bound_value::id) +
             ")";
    }
    // MySQL makes no range of a comparison of rows.
    std::string text = key + (is_ascending_ ? " >= " : " <= ") + bind(bound_value::key);
    text += " AND (" + key + sign() + bind(bound_value::key);
    return text + " OR " + id + sign() + bind(bound_value::id) + ")";
  }
  std::string ids_behind() { return std::string(by_.id) + sign() + bind(bound_value::id); }

  std::vector<bound_value> binds;

 private:
  const char* sign() const noexcept { return is_ascending_ ? " > " : " < "; }
  const keyset& by_;
  const bool is_ascending_;
};

}  // namespace

keyset_sql after(const keyset& by, const keyset_position& at, bool is_first) {
  const bool is_ascending = (at.order == order::ascending) != (at.direction == direction::backward);
  const bool has_nulls = !by.key.empty() && by.nulls != nulls::none;
  // In the direction of the fetch.
  const bool nulls_follow = has_nulls && (by.nulls == nulls::highest) == is_ascending;
  const std::string key(by.key);
  assert((has_nulls || !at.key_is_null) && "the column is NOT NULL");

  keyset_sql made;
  const std::string way = is_ascending ? " ASC" : " DESC";
  if (!key.empty()) {
    if (has_nulls && by.dialect == dialect::mysql) {
      made.order_by = key + " IS NULL" + (nulls_follow ? " ASC, " : " DESC, ");
    }
    made.order_by += key + way;
    if (has_nulls && by.dialect != dialect::mysql) {
      made.order_by += nulls_follow ? " NULLS LAST" : " NULLS FIRST";
    }
    made.order_by += ", ";
  }
  made.order_by += std::string(by.id) + way;

  if (is_first) {
    made.where = "1 = 1";
    made.ranges = {made.where};
    return made;
  }
  writer write(by, is_ascending);
  if (key.empty()) {
    made.ranges = {write.ids_behind()};
  } else if (!at.key_is_null) {
    made.ranges = {write.rows_behind()};
    if (nulls_follow) made.ranges.push_back(key + " IS NULL");
  } else {
    made.ranges = {key + " IS NULL AND " + write.ids_behind()};
    if (!nulls_follow) made.ranges.push_back(key + " IS NOT NULL");
  }
  const auto operand = [](const std::string& range) {
    return range.find(" AND ") == std::string::npos ? range : "(" + range + ")";
  };
  made.where = operand(made.ranges.front());
  if (made.ranges.size() > 1) made.where = "(" + made.where + " OR " + made.ranges.back() + ")";
  made.binds = std::move(write.binds);
  return made;
}

}  // namespace parley::cursor
