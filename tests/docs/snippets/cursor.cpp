// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/cursor.md.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "parley/core/result.hpp"
#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/keyset.hpp"
#include "parley/cursor/page.hpp"

namespace cursor = parley::cursor;

namespace {

using calls_cursor = cursor::codec<std::optional<cursor::timestamp_us>, cursor::uuid>;

struct row {
  std::optional<cursor::timestamp_us> created_at;
  cursor::uuid id;
};

std::string asked_for;
std::vector<row> fetch(const std::string& sql) {
  asked_for = sql;
  return {{cursor::timestamp_us{}, {}}, {std::nullopt, {}}};
}

parley::result<std::string, cursor::errc> next_page(const cursor::key_ring& ring,
                                                    std::string_view tenant,
                                                    const cursor::page_parameters& asked,
                                                    cursor::seconds_time now) {
  std::optional<cursor::cursor_text> next;

  const auto scope = cursor::scope_of({"GET /v1/calls", tenant}, {{"status", "ended"}});
  const auto at = calls_cursor::verify(ring.current(), scope, *asked.cursor, now, asked.order);
  if (!at) return parley::failure{at.error()};
  const auto sql = cursor::after({.key = "created_at", .nulls = cursor::nulls::lowest}, *at);
  auto rows =
      fetch("... WHERE tenant = ? AND " + sql.where + " ORDER BY " + sql.order_by + " LIMIT ?");
  if (cursor::cut_page(rows, asked.limit, at->direction)) {  // there are more
    const auto& last = rows.back();
    next = calls_cursor::issue(ring.current(), scope, {last.created_at, last.id, asked.order}, now);
  }
  return next ? std::string(next->view()) : std::string();
}

TEST(Cursor, OfTheNextPage) {
  constexpr std::array<std::byte, 32> secret{};
  auto keys = cursor::key_set::make({{1, cursor::key_state::active, secret}});
  ASSERT_TRUE(keys);
  const cursor::key_ring ring(*std::move(keys));
  const cursor::seconds_time now{std::chrono::seconds(1'767'225'600)};
  const auto scope = cursor::scope_of({"GET /v1/calls", "t-1"}, {{"status", "ended"}});
  const auto first = calls_cursor::issue(
      ring.current(), scope, {cursor::timestamp_us{}, {}, cursor::order::descending}, now);

  const auto next = next_page(ring, "t-1", {.limit = 1, .cursor = first.view()}, now);
  ASSERT_TRUE(next);
  EXPECT_TRUE(calls_cursor::verify(ring.current(), scope, *next, now, cursor::order::descending));
  EXPECT_NE(asked_for.find("ORDER BY"), std::string::npos);
  EXPECT_FALSE(next_page(ring, "t-2", {.limit = 1, .cursor = first.view()}, now));
}

}  // namespace
