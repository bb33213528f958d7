// SPDX-License-Identifier: Apache-2.0
#include "parley/http/page.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace parley::http {
namespace {

using namespace std::chrono_literals;
using codec = cursor::codec<cursor::null, std::uint64_t>;

struct query_case {
  std::string_view query;
  std::size_t count;
  std::optional<std::string> text;
};

TEST(FindInQuery, DecodesTheFirstValue) {
  const query_case cases[] = {
      {"", 0, {}},
      {"limit", 1, ""},
      {"limit=", 1, ""},
      {"limit=5", 1, "5"},
      {"a=b&limit=5&c", 1, "5"},
      {"limit=5&limit=6", 2, "5"},
      {"&&limit=5&&", 1, "5"},
      {"limits=5", 0, {}},
      {"Limit=5", 0, {}},
      {"limit=a=b", 1, "a=b"},
      {"limit=a+b%2B%00", 1, std::string("a b+\0", 5)},
      {"%6Cimit=5", 1, "5"},
      {"limit=%", 1, {}},
      {"limit=%2", 1, {}},
      {"limit=%zz", 1, {}},
      {"limit=%zz&limit=5", 2, {}},
      {"%zz=1&limit=5", 1, "5"},
      {"=limit", 0, {}},
  };
  for (const auto& [query, count, text] : cases) {
    SCOPED_TRACE(query);
    const query_value found = find_in_query(query, "limit");
    EXPECT_EQ(found.count, count);
    EXPECT_EQ(found.text, text);
  }
}

class log final : public cursor::observer {
 public:
  void on_cursor(const cursor::cursor_event& e) noexcept override { events.push_back(e); }
  std::vector<cursor::cursor_event> events;
};

class Pager : public testing::Test {
 protected:
  static constexpr std::array<std::byte, 32> secret{};
  static request_view view(std::string_view query, std::string_view scope = "tenant-7") {
    request_view made;
    made.query = query;
    made.scope = scope;
    return made;
  }
  // Which field is refused, and with which text.
  static std::string refused(const result<page_request<codec>, envelope::error>& page) {
    EXPECT_FALSE(page.has_value());
    if (page) return {};
    EXPECT_EQ(page.error().code(), errors::code::validation_error);
    EXPECT_EQ(page.error().http_status(), 400);
    EXPECT_EQ(page.error().fields().size(), 1u);
    return page.error().fields().front().name + ": " + page.error().fields().front().explanation;
  }
  auto read(std::string_view query) const { return pager_.read<codec>(view(query), "GET /a"); }

  cursor::seconds_time now_{std::chrono::seconds(1'800'000'000)};
  cursor::key_ring ring_{
      *cursor::key_set::make({{.id = 9, .state = cursor::key_state::active, .secret = secret}})};
  log log_;
  pager pager_{ring_, {.now = [this] { return now_; }, .observer = &log_}};
};

TEST_F(Pager, ReadsTheFirstPage) {
  const auto page = read("");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->limit, 20u);
  EXPECT_EQ(page->order, cursor::order::descending);
  EXPECT_FALSE(page->after);
  EXPECT_EQ(page->direction(), cursor::direction::forward);
  EXPECT_TRUE(log_.events.empty());
}

TEST_F(Pager, GoesOnWhereThePageEnded) {
  const auto first = read("limit=7&order=asc");
  ASSERT_TRUE(first.has_value());
  const auto next = pager_.next(*first, {.id = 1234});
  const auto second = read("order=asc&cursor=" + std::string(next.view()));
  ASSERT_TRUE(second.has_value());
  ASSERT_TRUE(second->after);
  EXPECT_EQ(second->after->id, 1234u);
  EXPECT_EQ(second->limit, 20u);
  ASSERT_EQ(log_.events.size(), 2u);
  EXPECT_TRUE(log_.events[0].is_issued);
  EXPECT_FALSE(log_.events[1].is_issued);
  EXPECT_EQ(log_.events[1].refused, std::nullopt);
  for (const auto& each : log_.events) EXPECT_EQ(each.key_id, 9);
}

TEST_F(Pager, BindsACursorToRouteScopeAndFilters) {
  const auto first = pager_.read<codec>(view(""), "GET /a", {{"status", "ended"}});
  ASSERT_TRUE(first.has_value());
  const std::string query = "cursor=" + std::string(pager_.next(*first, {.id = 1}).view());
  EXPECT_TRUE(pager_.read<codec>(view(query), "GET /a", {{"status", "ended"}}));
  const std::string invalid = "cursor: The cursor is not valid.";
  EXPECT_EQ(refused(pager_.read<codec>(view(query), "GET /a", {{"status", "queued"}})), invalid);
  EXPECT_EQ(refused(pager_.read<codec>(view(query), "GET /a")), invalid);
  EXPECT_EQ(refused(pager_.read<codec>(view(query), "GET /b", {{"status", "ended"}})), invalid);
  EXPECT_EQ(refused(pager_.read<codec>(view(query, "other"), "GET /a", {{"status", "ended"}})),
            invalid);
  EXPECT_EQ(log_.events.back().refused, cursor::errc::forged);
}

TEST_F(Pager, TellsAClientLittle) {
  const auto first = read("");
  const std::string query = "cursor=" + std::string(pager_.next(*first, {.id = 1}).view());
  EXPECT_EQ(refused(read("order=asc&" + query)),
            "cursor: The cursor belongs to a list in the other order.");
  EXPECT_EQ(log_.events.back().refused, cursor::errc::wrong_order);
  now_ += 24h;
  EXPECT_EQ(refused(read(query)), "cursor: The cursor has expired. Start again without one.");
  EXPECT_EQ(refused(read("cursor=%3D")), "cursor: The cursor is not valid.");
  EXPECT_EQ(log_.events.back().key_id, std::nullopt);
}

TEST_F(Pager, NamesTheParameterThatIsWrong) {
  EXPECT_EQ(refused(read("limit=0")), "limit: Expected a number from 1 to 100");
  EXPECT_EQ(refused(read("limit=1&limit=1")), "limit: Sent more than once");
  EXPECT_EQ(refused(read("order=%")), "order: Malformed percent escape");
  EXPECT_EQ(refused(read("order=up")), "order: Expected asc or desc");
  EXPECT_EQ(refused(read("cursor")), "cursor: Expected the cursor of a page");
}

TEST_F(Pager, HasTheSystemsTimeUnlessItIsGivenAnother) {
  const pager by_system(ring_);
  const auto first = by_system.read<codec>(view(""), "GET /a");
  const std::string query = "cursor=" + std::string(by_system.next(*first, {.id = 1}).view());
  EXPECT_TRUE(by_system.read<codec>(view(query), "GET /a"));
}

}  // namespace
}  // namespace parley::http
