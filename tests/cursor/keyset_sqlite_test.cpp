// SPDX-License-Identifier: Apache-2.0
//
// Whole walks through a table with ties and NULLs, against a vector that is sorted by hand.

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "parley/cursor/keyset.hpp"
#include "parley/cursor/page.hpp"

namespace parley::cursor {
namespace {

struct row {
  std::optional<std::int64_t> key;
  std::int64_t id = 0;
  friend bool operator==(const row&, const row&) = default;
};

using row_position = position<std::optional<std::int64_t>, std::int64_t>;

class table {
 public:
  table() {
    if (sqlite3_open(":memory:", &database_) != SQLITE_OK) throw std::runtime_error("open");
    run("CREATE TABLE calls (id INTEGER NOT NULL, at INTEGER)", {});
  }
  table(const table&) = delete;
  table& operator=(const table&) = delete;
  ~table() { sqlite3_close(database_); }

  std::vector<row> run(const std::string& sql,
                       const std::vector<std::optional<std::int64_t>>& values) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &made, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_));
    }
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(made, sqlite3_finalize);
    if (sqlite3_bind_parameter_count(made) != static_cast<int>(values.size())) {
      throw std::runtime_error(sql + ": other placeholders");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int place = static_cast<int>(i) + 1;
      values[i] ? sqlite3_bind_int64(made, place, *values[i]) : sqlite3_bind_null(made, place);
    }
    std::vector<row> rows;
    int step = 0;
    while ((step = sqlite3_step(made)) == SQLITE_ROW) {
      row each = {std::nullopt, sqlite3_column_int64(made, 0)};
      if (sqlite3_column_type(made, 1) != SQLITE_NULL) each.key = sqlite3_column_int64(made, 1);
      rows.push_back(each);
    }
    if (step != SQLITE_DONE) throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_));
    return rows;
  }

  /// By the whole condition and by its ranges, which have to give the same.
  std::vector<row> fetch(const keyset_sql& sql, const std::optional<row_position>& at,
                         std::size_t limit) {
    std::vector<std::optional<std::int64_t>> values;
    for (const bound_value each : sql.binds) {
      values.push_back(each == bound_value::key ? at->key : at->id);
    }
    std::vector<row> rows = select(sql.where, sql.order_by, values, limit);
    std::vector<row> ranged;
    for (const std::string& range : sql.ranges) {
      const auto behind =
          select(range, sql.order_by, std::exchange(values, {}), limit - ranged.size());
      ranged.insert(ranged.end(), behind.begin(), behind.end());
    }
    EXPECT_EQ(rows, ranged) << sql.where;
    return rows;
  }

  std::vector<row> select(const std::string& where, const std::string& order_by,
                          std::vector<std::optional<std::int64_t>> values, std::size_t limit) {
    values.emplace_back(static_cast<std::int64_t>(limit));
    std::string text =
        "SELECT id, at FROM calls WHERE id >= 0 AND " + where + " ORDER BY " + order_by + " LIMIT ";
    // SQLite numbers a bare ? behind the largest number so far.
    for (char& each : text) {
      if (each == '$') each = '?';
    }
    return run(text + "?", values);
  }

 private:
  sqlite3* database_ = nullptr;
};

struct walk_case {
  const char* name;
  bool has_key;
  cursor::nulls where;
  cursor::dialect of;
};
constexpr walk_case walk_cases[] = {
    {"IdAlone", false, nulls::none, dialect::standard},
    {"NoNulls", true, nulls::none, dialect::standard},
    {"NullsLowest", true, nulls::lowest, dialect::standard},
    {"NullsHighest", true, nulls::highest, dialect::standard},
    {"NumberedNullsLowest", true, nulls::lowest, dialect::postgresql},
    {"NumberedNullsHighest", true, nulls::highest, dialect::postgresql},
    {"MysqlNullsLowest", true, nulls::lowest, dialect::mysql},
    {"MysqlNullsHighest", true, nulls::highest, dialect::mysql},
};

class KeysetWalk : public testing::TestWithParam<walk_case> {
 protected:
  KeysetWalk() {
    by = {
        .key = GetParam().has_key ? "at" : "", .nulls = GetParam().where, .dialect = GetParam().of};
    std::mt19937 random(1);
    for (std::int64_t id = 0; id < 300; ++id) {
      row each = {static_cast<std::int64_t>(random() % 40) - 20, id};
      if (by.nulls != nulls::none && random() % 5 == 0) each.key.reset();
      rows.push_back(each);
    }
    std::shuffle(rows.begin(), rows.end(), random);
    for (const row& each : rows) {
      calls.run("INSERT INTO calls (id, at) VALUES (?, ?)", {each.id, each.key});
    }
  }

  bool is_before(const row& a, const row& b) const {
    if (by.key.empty() || a.key == b.key) return a.id < b.id;
    if (a.key && b.key) return *a.key < *b.key;
    return a.key.has_value() == (by.nulls == nulls::highest);
  }
  std::vector<row> sorted(order in) const {
    std::vector<row> made = rows;
    std::sort(made.begin(), made.end(),
              [this](const row& a, const row& b) { return is_before(a, b); });
    if (in == order::descending) std::reverse(made.begin(), made.end());
    return made;
  }

  keyset by;
  std::vector<row> rows;
  table calls;
};

TEST_P(KeysetWalk, ForwardSeesEveryRowOnce) {
  for (const order in : {order::ascending, order::descending}) {
    const std::vector<row> expected = sorted(in);
    for (const std::size_t limit : {1u, 7u, 100u, 299u, 300u, 301u}) {
      std::vector<row> seen;
      std::optional<row_position> at;
      for (bool has_more = true; has_more;) {
        auto page = calls.fetch(at ? after(by, *at) : first_page(by, in), at, limit + 1);
        has_more = cut_page(page, limit, direction::forward);
        ASSERT_FALSE(page.empty());
        ASSERT_LE(seen.size() + page.size(), expected.size());
        seen.insert(seen.end(), page.begin(), page.end());
        at = row_position{page.back().key, page.back().id, in};
      }
      EXPECT_EQ(seen, expected) << limit;
    }
  }
}

TEST_P(KeysetWalk, BackwardSeesEveryRowOnce) {
  for (const order in : {order::ascending, order::descending}) {
    const std::vector<row> expected = sorted(in);
    for (const std::size_t limit : {1u, 7u, 100u, 299u, 300u}) {
      std::vector<row> seen;
      std::optional<row_position> at;
      for (bool has_more = true; has_more;) {
        const keyset_sql sql =
            at ? after(by, *at) : after(by, {.order = in, .direction = direction::backward}, true);
        auto page = calls.fetch(sql, at, limit + 1);
        has_more = cut_page(page, limit, direction::backward);
        ASSERT_FALSE(page.empty());
        ASSERT_LE(seen.size() + page.size(), expected.size());
        seen.insert(seen.begin(), page.begin(), page.end());
        at = row_position{page.front().key, page.front().id, in, direction::backward};
      }
      EXPECT_EQ(seen, expected) << limit;
    }
  }
}

// From every row, and from positions whose row is gone.
TEST_P(KeysetWalk, FromEveryPositionBothWays) {
  for (const order in : {order::ascending, order::descending}) {
    const std::vector<row> all = sorted(in);
    for (std::size_t i = 0; i < all.size(); i += 3) {
      calls.run("DELETE FROM calls WHERE id = ?", {all[i].id});
      for (const direction to : {direction::forward, direction::backward}) {
        const row_position at = {all[i].key, all[i].id, in, to};
        auto page = calls.fetch(after(by, at), at, 5);
        cut_page(page, 4, to);
        std::vector<row> expected;
        if (to == direction::forward) {
          for (std::size_t k = i + 1; k < all.size() && expected.size() < 4; ++k) {
            expected.push_back(all[k]);
          }
        } else {
          for (std::size_t k = i; k > 0 && expected.size() < 4; --k) {
            expected.insert(expected.begin(), all[k - 1]);
          }
        }
        ASSERT_EQ(page, expected) << i;
      }
      calls.run("INSERT INTO calls (id, at) VALUES (?, ?)", {all[i].id, all[i].key});
    }
  }
}

// Pages do not repeat or hide rows when others come and go between them.
TEST_P(KeysetWalk, RowsThatComeAndGoMoveNoOthers) {
  const std::vector<row> all = sorted(order::ascending);
  std::vector<row> seen;
  std::optional<row_position> at;
  std::int64_t new_id = 1000;
  for (bool has_more = true; has_more;) {
    auto page = calls.fetch(at ? after(by, *at) : first_page(by, order::ascending), at, 7 + 1);
    has_more = cut_page(page, 7, direction::forward);
    ASSERT_FALSE(page.empty());
    for (const row& each : page) {
      if (each.id < 1000) seen.push_back(each);
    }
    at = row_position{page.back().key, page.back().id, order::ascending};
    calls.run("DELETE FROM calls WHERE id = ?", {page.front().id});
    if (new_id < 1040) calls.run("INSERT INTO calls (id, at) VALUES (?, ?)", {new_id, new_id % 40});
    ++new_id;
  }
  EXPECT_EQ(seen, all);
}

INSTANTIATE_TEST_SUITE_P(, KeysetWalk, testing::ValuesIn(walk_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::cursor
