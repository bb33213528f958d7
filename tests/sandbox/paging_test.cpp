// SPDX-License-Identifier: Apache-2.0
//
// GET /v1/calls in pages, over real sockets.

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;

class SandboxPaging : public SandboxTest {
 protected:
  // By one connection: there are thousands.
  raw_response ask(std::string_view target, std::string_view key = "test_valid") {
    return client_.ask("GET " + std::string(target) +
                       " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + std::string(key) +
                       "\r\n\r\n");
  }
  void place_one() {
    constexpr std::string_view body =
        R"({"from_number":"+14155551234","to_number":"+14155556789"})";
    const auto placed = client_.ask(
        "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    ASSERT_EQ(placed.status, 202);
    ids_.push_back(data_of(placed).at("call_id").as_string().c_str());
  }
  void place_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ASSERT_NO_FATAL_FAILURE(place_one());
  }
  static std::vector<std::string> ids_of(const raw_response& page) {
    std::vector<std::string> ids;
    constexpr std::string_view mark = R"("id":")";
    for (std::size_t at = page.body.find(mark); at != std::string::npos;
         at = page.body.find(mark, at + 1)) {
      ids.push_back(page.body.substr(at + mark.size(), 21));
    }
    return ids;
  }
  // Empty: the last page.
  static std::string cursor_of(const raw_response& page) {
    constexpr std::string_view mark = R"("meta":{"cursor":")";
    const std::size_t at = page.body.find(mark);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + mark.size();
    return page.body.substr(begin, page.body.find('"', begin) - begin);
  }
  std::string first_cursor() { return cursor_of(ask("/v1/calls?limit=1")); }
  void expect_refused(std::string_view target, std::string_view field, std::string_view text) {
    SCOPED_TRACE(target);
    const auto refused = ask(target);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(code_of(refused), "validation_error");
    const auto fields = json_of(refused).at("error").at("fields").as_object();
    ASSERT_TRUE(fields.contains(boost::json::string_view(field.data(), field.size())))
        << refused.body;
    EXPECT_EQ(fields.size(), 1u);
    EXPECT_EQ(fields.begin()->value(), json_text(text));
  }

  std::vector<std::string> ids_;  // in the order of their creation
  raw_client client_ = connect();
};

TEST_F(SandboxPaging, AnEmptyListHasNoCursor) {
  EXPECT_EQ(ask("/v1/calls").body, R"({"data":[],"meta":{"total_results":0,"page_size":20}})");
}

TEST_F(SandboxPaging, GoesFromTheNewestOnTwentyAtATime) {
  place_many(45);
  const auto first = ask("/v1/calls");
  std::vector<std::string> newest(ids_.rbegin(), ids_.rbegin() + 20);
  EXPECT_EQ(ids_of(first), newest);
  EXPECT_EQ(json_of(first).at("meta").at("total_results"), 45);
  EXPECT_EQ(json_of(first).at("meta").at("page_size"), 20);
  const auto second = ask("/v1/calls?cursor=" + cursor_of(first));
  const auto third = ask("/v1/calls?limit=10&cursor=" + cursor_of(second));
  EXPECT_EQ(ids_of(third).size(), 5u) << "the limit may change from page to page";
  EXPECT_EQ(json_of(third).at("meta").at("page_size"), 10);
  EXPECT_EQ(cursor_of(third), "");
  EXPECT_EQ(ids_of(third).back(), ids_.front());
}

TEST_F(SandboxPaging, AFullLastPageHasNoCursor) {
  place_many(20);
  EXPECT_EQ(cursor_of(ask("/v1/calls")), "");
  EXPECT_NE(cursor_of(ask("/v1/calls?limit=19")), "");
}

// None twice and none missed, by every limit and in both orders, while new calls arrive.
TEST_F(SandboxPaging, WalksAThousandCallsWhileNewOnesArrive) {
  place_many(1'000);
  std::size_t pages = 0;
  for (int limit = 1; limit <= 100; ++limit) {
    for (const std::string order : {"desc", "asc"}) {
      const std::vector<std::string> before = ids_;
      std::vector<std::string> seen;
      std::string cursor;
      do {
        std::string target = "/v1/calls?limit=" + std::to_string(limit) + "&order=" + order;
        if (!cursor.empty()) target += "&cursor=" + cursor;
        const auto page = ask(target);
        ASSERT_EQ(page.status, 200) << page.body;
        const auto ids = ids_of(page);
        ASSERT_LE(ids.size(), static_cast<std::size_t>(limit));
        seen.insert(seen.end(), ids.begin(), ids.end());
        cursor = cursor_of(page);
        if (++pages % 16 == 0) {
          ASSERT_NO_FATAL_FAILURE(place_one());
        }
      } while (!cursor.empty());
      if (order == "desc") std::ranges::reverse(seen);
      // What was there before the first page, then perhaps some that came later.
      ASSERT_GE(seen.size(), before.size()) << limit << ' ' << order;
      ASSERT_TRUE(std::equal(before.begin(), before.end(), seen.begin())) << limit << ' ' << order;
      ASSERT_TRUE(std::ranges::is_sorted(seen));
      ASSERT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
    }
  }
  EXPECT_GT(pages, 10'000u);
}

TEST_F(SandboxPaging, ACursorLivesADay) {
  place_many(3);
  const std::string target = "/v1/calls?limit=1&cursor=" + first_cursor();
  set_time(24h - 1s);
  EXPECT_EQ(ask(target).status, 200);
  set_time(24h + 1s);
  expect_refused(target, "cursor", "The cursor has expired. Start again without one.");
  set_time(0s);
  ASSERT_TRUE(api().advance(24h));
  expect_refused(target, "cursor", "The cursor has expired. Start again without one.");
}

TEST_F(SandboxPaging, ACursorBelongsToItsListAndKey) {
  place_many(3);
  const std::string cursor = first_cursor();
  expect_refused("/v1/calls?order=asc&cursor=" + cursor, "cursor",
                 "The cursor belongs to a list in the other order.");
  const auto stolen = ask("/v1/calls?cursor=" + cursor, "test_valid_other");
  EXPECT_EQ(stolen.status, 400);
  std::string forged = cursor;
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  const std::string_view invalid = "The cursor is not valid.";
  expect_refused("/v1/calls?cursor=" + forged, "cursor", invalid);
  expect_refused("/v1/calls?cursor=" + cursor + "%3D", "cursor", invalid);
  expect_refused("/v1/calls?cursor=eyJpZCI6MTIzfQ", "cursor", invalid);
  expect_refused("/v1/calls?cursor=", "cursor", "Expected the cursor of a page");
  expect_refused("/v1/calls?cursor=" + cursor + "&cursor=" + cursor, "cursor",
                 "Sent more than once");
}

TEST_F(SandboxPaging, RefusesWhatIsNoLimitOrOrder) {
  const std::string_view expected = "Expected a number from 1 to 100";
  EXPECT_EQ(ask("/v1/calls?limit=1").status, 200);
  EXPECT_EQ(ask("/v1/calls?limit=100").status, 200);
  for (const std::string_view bad :
       {"0", "101", "abc", "", "-1", "%2B1", "1.0", "99999999999999999999"}) {
    expect_refused("/v1/calls?limit=" + std::string(bad), "limit", expected);
  }
  expect_refused("/v1/calls?limit=1&limit=2", "limit", "Sent more than once");
  expect_refused("/v1/calls?limit=%zz", "limit", "Malformed percent escape");
  EXPECT_EQ(ask("/v1/calls?order=desc").status, 200);
  for (const std::string_view bad : {"sideways", "", "ASC"}) {
    expect_refused("/v1/calls?order=" + std::string(bad), "order", "Expected asc or desc");
  }
  EXPECT_EQ(ask("/v1/calls?unknown=1&limit=5").status, 200) << "others are not looked at";
}

}  // namespace
}  // namespace parley::sandbox
