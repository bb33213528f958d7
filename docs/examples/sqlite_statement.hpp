// SPDX-License-Identifier: Apache-2.0
//
// The little that the examples need around SQLite's own interface.

#ifndef PARLEY_DOCS_EXAMPLES_SQLITE_STATEMENT_HPP
#define PARLEY_DOCS_EXAMPLES_SQLITE_STATEMENT_HPP

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace sqlite_example {

struct sqlite_error {
  int code;
};

// A prepared statement. Blobs are bytes in a string_view; what is bound must live until the last
// step.
class statement {
 public:
  statement(sqlite3* db, const char* sql) {
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw_, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(db));
    }
  }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement() { sqlite3_finalize(raw_); }

  // True: there is a row, which is read until reset().
  template <class... Values>
  bool run(const Values&... values) {
    reset();
    int column = 0;
    (bind(++column, values), ...);
    return step();
  }
  // The next row of what run() began, or the first after reset() and bind().
  bool step() {
    const int code = sqlite3_step(raw_);
    if (code == SQLITE_ROW) return true;
    reset();
    if (code != SQLITE_DONE) throw sqlite_error{code};
    return false;
  }
  void reset() noexcept { sqlite3_reset(raw_); }

  void bind(int column, std::int64_t value) { sqlite3_bind_int64(raw_, column, value); }
  void bind(int column, std::string_view bytes) {
    const char* data = bytes.empty() ? "" : bytes.data();  // null would bind NULL
    sqlite3_bind_blob64(raw_, column, data, bytes.size(), SQLITE_STATIC);
  }
  void bind(int column, std::nullptr_t) { sqlite3_bind_null(raw_, column); }

  bool is_null(int column) { return sqlite3_column_type(raw_, column) == SQLITE_NULL; }
  std::int64_t number(int column) { return sqlite3_column_int64(raw_, column); }
  std::string_view blob(int column) {
    const void* bytes = sqlite3_column_blob(raw_, column);
    return {static_cast<const char*>(bytes), std::size_t(sqlite3_column_bytes(raw_, column))};
  }

 private:
  sqlite3_stmt* raw_ = nullptr;
};

inline std::string_view view_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::array<std::byte, 16> digest_of(std::string_view column) {
  std::array<std::byte, 16> bytes;
  if (column.size() != bytes.size()) throw sqlite_error{SQLITE_CORRUPT};
  std::ranges::copy(std::as_bytes(std::span(column)), bytes.begin());
  return bytes;
}

}  // namespace sqlite_example

#endif  // PARLEY_DOCS_EXAMPLES_SQLITE_STATEMENT_HPP
