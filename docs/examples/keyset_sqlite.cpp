// SPDX-License-Identifier: Apache-2.0
//
// Pages of a table in SQLite that others write to meanwhile: the server's side is list_calls(), the
// client's is walk(). 100,000 calls, with equal and with absent times, are walked there and back in
// both orders; after each page one call comes and one goes, and now and then the keys rotate. What
// was there all the time has to show once and in its place, or the program fails.

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/keyset.hpp"
#include "parley/cursor/page.hpp"
#include "sqlite_statement.hpp"

namespace cursor = parley::cursor;
using cursor::direction;
using cursor::order;
using sqlite_example::statement;

namespace {

using calls_cursor = cursor::codec<std::optional<cursor::timestamp_us>, cursor::uuid>;

struct call {
  std::optional<cursor::timestamp_us> created_at;
  cursor::uuid id;
};

struct tenant {
  std::string name;
  std::uint32_t limit;  // 0: another one for each page
  std::uint32_t rows;
  cursor::nulls nulls;
};

std::vector<tenant> make_tenants() {
  struct size {
    std::uint32_t limit, rows;
  };
  constexpr size sizes[] = {{1, 300},    {2, 1'000},  {7, 3'000},    {20, 5'000}, {33, 6'000},
                            {50, 7'000}, {99, 8'000}, {100, 10'000}, {0, 9'700}};
  std::vector<tenant> made;
  for (const cursor::nulls place : {cursor::nulls::lowest, cursor::nulls::highest}) {
    const std::string prefix = place == cursor::nulls::lowest ? "lowest-" : "highest-";
    for (const size& each : sizes) {
      made.push_back({prefix + std::to_string(each.limit), each.limit, each.rows, place});
    }
  }
  return made;
}

class call_table {
 public:
  call_table() : db_(open()) {}

  void insert(const tenant& of, const call& added) {
    insert_.bind(1, of.name);
    if (added.created_at) {
      insert_.bind(2, added.created_at->time_since_epoch().count());
    } else {
      insert_.bind(2, nullptr);
    }
    insert_.bind(3, sqlite_example::view_of(added.id.bytes));
    insert_.step();
  }
  void remove(const call& removed) { remove_.run(sqlite_example::view_of(removed.id.bytes)); }

  // The rows behind `from`, or the first ones of the list in `in`.
  std::vector<call> fetch(const tenant& of, order in,
                          const std::optional<calls_cursor::position>& from, std::int64_t limit) {
    const cursor::keyset by = {.key = "created_at", .id = "id", .nulls = of.nulls};
    const cursor::keyset_sql sql = from ? cursor::after(by, *from) : cursor::first_page(by, in);
    const std::string text = "SELECT created_at, id FROM calls WHERE tenant = ? AND " + sql.where +
                             " ORDER BY " + sql.order_by + " LIMIT ?";
    // There are few such texts: they differ with order, direction and whether the key is NULL.
    statement& query = queries_.try_emplace(text, db_.get(), text.c_str()).first->second;
    int place = 0;
    query.bind(++place, of.name);
    for (const cursor::bound_value which : sql.binds) {
      if (which == cursor::bound_value::key) {
        query.bind(++place, from->key->time_since_epoch().count());
      } else {
        query.bind(++place, sqlite_example::view_of(from->id.bytes));
      }
    }
    query.bind(++place, limit);
    std::vector<call> rows;
    while (query.step()) {
      call& row = rows.emplace_back();
      if (!query.is_null(0)) row.created_at.emplace(std::chrono::microseconds(query.number(0)));
      row.id.bytes = sqlite_example::digest_of(query.blob(1));
    }
    return rows;
  }

 private:
  using database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;

  static database open() {
    sqlite3* raw = nullptr;
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(":memory:", &raw, flags, nullptr);
    database opened(raw, sqlite3_close);
    if (code == SQLITE_OK) {
      code = sqlite3_exec(raw, R"(
        CREATE TABLE calls (id BLOB PRIMARY KEY, tenant BLOB NOT NULL, created_at INTEGER)
          WITHOUT ROWID;
        CREATE INDEX calls_by_time ON calls (tenant, created_at, id);)",
                          nullptr, nullptr, nullptr);
    }
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(raw));
    return opened;
  }

  const database db_;  // before the statements, which it must outlive
  statement insert_{db_.get(), "INSERT INTO calls (tenant, created_at, id) VALUES (?, ?, ?)"};
  statement remove_{db_.get(), "DELETE FROM calls WHERE id = ?"};
  std::map<std::string, statement> queries_;
};

struct page {
  std::vector<call> calls;
  std::string previous;  // cursors; empty: there is no such page
  std::string next;
};

// GET /v1/calls, its parameters read by cursor::read_page.
parley::result<page, cursor::errc> list_calls(call_table& table, const cursor::key_ring& ring,
                                              const tenant& of,
                                              const cursor::page_parameters& asked,
                                              cursor::seconds_time now) {
  const cursor::scope scope = cursor::scope_of({"GET /v1/calls", of.name});
  std::optional<calls_cursor::position> from;
  if (asked.cursor) {
    const auto at = calls_cursor::verify(ring.current(), scope, *asked.cursor, now, asked.order);
    if (!at) return parley::failure{at.error()};
    from = *at;
  }
  const direction fetched = from ? from->direction : direction::forward;
  page made;
  made.calls = table.fetch(of, asked.order, from, std::int64_t{asked.limit} + 1);
  const bool has_more = cursor::cut_page(made.calls, asked.limit, fetched);
  if (made.calls.empty()) return made;

  const auto cursor_from = [&](const call& last, direction to) {
    const auto text = calls_cursor::issue(ring.current(), scope,
                                          {last.created_at, last.id, asked.order, to}, now);
    return std::string(text.view());
  };
  // Where the client came from there is a page too.
  if (fetched == direction::backward || has_more) {
    made.next = cursor_from(made.calls.back(), direction::forward);
  }
  if (fetched == direction::backward ? has_more : from.has_value()) {
    made.previous = cursor_from(made.calls.front(), direction::backward);
  }
  return made;
}

// The order that a list promises.
struct comes_before {
  cursor::order order;
  cursor::nulls nulls;

  bool operator()(const call& a, const call& b) const {
    return order == order::ascending ? is_below(a, b) : is_below(b, a);
  }

 private:
  bool is_below(const call& a, const call& b) const {
    if (a.created_at.has_value() != b.created_at.has_value()) {
      return a.created_at.has_value() == (nulls == cursor::nulls::highest);
    }
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  }
};

// The server, its clock, those who write to the table meanwhile, and what they leave alone.
class world {
 public:
  explicit world(std::span<const tenant> tenants) : ring_(make_keys()) {
    for (const tenant& each : tenants) {
      for (std::uint32_t i = 0; i < each.rows; ++i) {
        const call added = make_call(each);
        table_.insert(each, added);
        auto& [lasting, passing] = rows_[each.name];
        (random_() % 4 == 0 ? passing : lasting).push_back(added);
      }
    }
  }

  const std::vector<call>& lasting(const tenant& of) { return rows_[of.name].lasting; }
  std::uint8_t key_id() const { return ring_.current().active_id(); }

  parley::result<page, cursor::errc> ask(const tenant& of, const cursor::page_parameters& asked,
                                         std::chrono::seconds later = {}) {
    return list_calls(table_, ring_, of, asked, now_ + later);
  }
  page get(const tenant& of, order in, std::string_view cursor) {
    cursor::page_parameters asked{.limit = of.limit, .order = in};
    if (of.limit == 0) asked.limit = static_cast<std::uint32_t>(1 + random_() % 100);
    if (!cursor.empty()) asked.cursor = cursor;
    auto answer = ask(of, asked);
    if (!answer) throw std::runtime_error(std::string(to_string(answer.error())));
    if (answer->calls.size() > asked.limit) throw std::runtime_error("more rows than the limit");
    change(of);
    return *std::move(answer);
  }

 private:
  struct tenant_rows {
    std::vector<call> lasting;
    std::vector<call> passing;
  };

  void change(const tenant& of) {
    std::vector<call>& passing = rows_[of.name].passing;
    table_.insert(of, passing.emplace_back(make_call(of)));
    std::swap(passing[random_() % passing.size()], passing.back());
    table_.remove(passing.back());
    passing.pop_back();
    now_ += std::chrono::seconds(1);
    if (++pages_ % 500 == 0) ring_.publish(make_keys());
  }

  // A new key signs, the one before it still verifies.
  cursor::key_set make_keys() {
    std::vector<cursor::key_entry> keys;
    const auto before = secret_;
    if (key_id_ != 0) keys.push_back({key_id_, cursor::key_state::verify_only, before});
    std::ranges::generate(secret_, [this] { return static_cast<std::byte>(random_()); });
    keys.push_back({++key_id_, cursor::key_state::active, secret_});
    auto made = cursor::key_set::make(keys);
    if (!made) throw std::runtime_error(made.error());
    return *std::move(made);
  }

  // Of ten calls one has no time, and about four share one.
  call make_call(const tenant& of) {
    using namespace std::chrono_literals;
    call made;
    if (random_() % 10 != 0) {
      made.created_at = std::chrono::sys_days(2026y / 1 / 1) +
                        std::chrono::microseconds(random_() % (of.rows / 4));
    }
    std::ranges::generate(made.id.bytes, [this] { return static_cast<std::byte>(random_()); });
    return made;
  }

  std::mt19937_64 random_{20260101};  // its numbers are the same everywhere
  call_table table_;
  std::array<std::byte, 32> secret_{};
  std::uint8_t key_id_ = 0;
  cursor::key_ring ring_;
  cursor::seconds_time now_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2)};
  std::map<std::string, tenant_rows> rows_;
  std::uint64_t pages_ = 0;
};

struct walked {
  std::vector<std::vector<call>> there;
  std::vector<std::vector<call>> back;  // from the last page, which is its first
};

// What a client does: it knows nothing but the cursors that it is given.
walked walk(world& in, const tenant& of, order wanted) {
  walked made;
  page at = in.get(of, wanted, "");
  made.there.push_back(at.calls);
  while (!at.next.empty()) {
    at = in.get(of, wanted, at.next);
    made.there.push_back(at.calls);
  }
  made.back.push_back(at.calls);
  while (!at.previous.empty()) {
    at = in.get(of, wanted, at.previous);
    made.back.push_back(at.calls);
  }
  return made;
}

// How many rows of `lasting`, which is sorted, are not in `pages`, or how many stand there twice or
// in a wrong place.
std::size_t count_faults(const std::vector<std::vector<call>>& pages,
                         const std::vector<call>& lasting, const comes_before& before) {
  std::vector<call> seen;
  for (const auto& each : pages) seen.insert(seen.end(), each.begin(), each.end());
  std::size_t faults = 0;
  for (std::size_t i = 1; i < seen.size(); ++i) faults += before(seen[i - 1], seen[i]) ? 0 : 1;
  if (faults > 0) return faults;
  std::vector<call> missed;
  std::ranges::set_difference(lasting, seen, std::back_inserter(missed), before);
  return missed.size();
}

void show_answer(const char* what, const parley::result<page, cursor::errc>& answer) {
  const std::string_view told = answer ? "accepted" : client_message(answer.error());
  std::printf("%s: %.*s\n", what, static_cast<int>(told.size()), told.data());
}

}  // namespace

int main() {
  const std::vector<tenant> tenants = make_tenants();
  world all(tenants);
  std::size_t rows = 0;
  std::size_t faults = 0;
  for (const tenant& each : tenants) {
    rows += each.rows;
    std::printf("%-11s", each.name.c_str());
    for (const order wanted : {order::descending, order::ascending}) {
      walked pages = walk(all, each, wanted);
      std::ranges::reverse(pages.back);
      const comes_before before{wanted, each.nulls};
      std::vector<call> lasting = all.lasting(each);
      std::ranges::sort(lasting, before);
      faults += count_faults(pages.there, lasting, before);
      faults += count_faults(pages.back, lasting, before);
      std::printf(" %s %3zu pages there, %3zu back%s",
                  wanted == order::descending ? "newest first:" : "oldest first:",
                  pages.there.size(), pages.back.size(), wanted == order::descending ? ";" : "\n");
    }
  }
  std::printf("%zu rows, key %d signs, %zu faults\n", rows, all.key_id(), faults);

  const tenant& one = tenants.front();
  const page first = all.get(one, order::descending, "");
  const cursor::page_parameters next = {
      .limit = 5, .order = order::descending, .cursor = first.next};
  const cursor::page_parameters turned = {.order = order::ascending, .cursor = first.next};
  show_answer("another limit", all.ask(one, next));
  show_answer("another tenant", all.ask(tenants.back(), next));
  show_answer("another order", all.ask(one, turned));
  show_answer("a day later", all.ask(one, next, cursor::lifetime));
  return faults == 0 ? 0 : 1;
}
