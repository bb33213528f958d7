// SPDX-License-Identifier: Apache-2.0
#include "parley/client/pages.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client_fixture.hpp"

namespace parley::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string body_of(std::vector<std::string> ids, std::string_view cursor) {
  std::string body = R"({"data":[)";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) body += ",";
    body += R"({"id":")" + ids[i] + R"("})";
  }
  body += R"(],"meta":{)";
  if (!cursor.empty()) body += R"("cursor":")" + std::string(cursor) + R"(",)";
  return body + R"("total_results":5,"page_size":2}})";
}

/// A list of pages by target. Counts what it was asked for.
class list_server final : public transport {
 public:
  std::map<std::string, outcome> pages;
  std::vector<std::string> asked;

  list_server() {
    add("/v1/calls?limit=2", respond(200, body_of({"a", "b"}, "c1")));
    add("/v1/calls?limit=2&cursor=c1", respond(200, body_of({}, "c2")));
    add("/v1/calls?limit=2&cursor=c2", respond(200, body_of({}, "c3")));
    add("/v1/calls?limit=2&cursor=c3", respond(200, body_of({"c", "d"}, "c4")));
    add("/v1/calls?limit=2&cursor=c4", respond(200, body_of({"e"}, "")));
  }
  void add(std::string target, outcome what) {
    pages.insert_or_assign(std::move(target), std::move(what));
  }
  outcome exchange(const request& what, std::chrono::milliseconds, std::stop_token) override {
    asked.push_back(what.target);
    const auto found = pages.find(what.target);
    return found != pages.end() ? found->second : respond(404);
  }
};

client_options patient() {
  client_options made;
  made.sleep = [](std::chrono::milliseconds, std::stop_token) {};
  return made;
}

std::string id_in(std::string_view json) {
  if (!json.starts_with('{')) return std::string(json);
  const auto begin = json.find(R"("id":")") + 6;
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

struct walked {
  std::vector<std::string> ids;
  std::optional<page_errc> failed = {};
};
walked walk_items(transport& by, page_walk& walk, std::size_t most = 1000) {
  blocking_client api(by, patient());
  walked made;
  for (const auto& each : items(api, walk)) {
    if (!each) {
      EXPECT_FALSE(made.failed) << "a failure is the last element";
      made.failed = each.error().why;
      continue;
    }
    if (made.ids.size() == most) break;
    made.ids.push_back(id_in(each->json));
  }
  return made;
}

// Walking.

TEST(PageWalk, GoesToThePageWithoutACursor) {  // F3
  list_server by;
  blocking_client api(by, patient());
  page_walk walk("/v1/calls?limit=2");
  std::vector<std::size_t> sizes;
  for (const auto& each : pages(api, walk)) {
    ASSERT_TRUE(each);
    sizes.push_back(each->size());
    EXPECT_EQ(each->total_results(), 5u);
    EXPECT_EQ(each->page_size(), 2u);
    EXPECT_EQ(each->is_last(), sizes.size() == 5);
  }
  EXPECT_THAT(sizes, ElementsAre(2, 0, 0, 2, 1));
  EXPECT_TRUE(walk.is_done());
}

TEST(PageWalk, EmptyPagesAreNotTheEndOfTheItems) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  EXPECT_THAT(walk_items(by, walk).ids, ElementsAre("a", "b", "c", "d", "e"));
}

TEST(PageWalk, OfAnEmptyList) {  // F10
  list_server by;
  by.add("/v1/calls", respond(200, body_of({}, "")));
  page_walk walk("/v1/calls");
  EXPECT_THAT(walk_items(by, walk).ids, IsEmpty());
  EXPECT_TRUE(walk.is_done());
  EXPECT_THAT(by.asked, ElementsAre("/v1/calls"));
}

TEST(PageWalk, OnceDoneAsksForNothing) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  walk_items(by, walk);
  const auto asked = by.asked.size();
  EXPECT_THAT(walk_items(by, walk).ids, IsEmpty());
  EXPECT_EQ(by.asked.size(), asked);
}

// A loop that was left, and another over the same walk: nothing is lost.
TEST(PageWalk, GoesOnInAnotherLoopWithTheItemAtWhichOneWasLeft) {
  const std::vector<std::string> all = {"a", "b", "c", "d", "e"};
  for (std::size_t most = 0; most <= all.size(); ++most) {
    list_server by;
    page_walk walk("/v1/calls?limit=2");
    std::vector<std::string> ids = walk_items(by, walk, most).ids;
    for (const std::string& id : walk_items(by, walk).ids) ids.push_back(id);
    EXPECT_EQ(ids, all) << most;
    EXPECT_EQ(by.asked.size(), 5u) << "no page is asked for twice";
  }
}

TEST(PageWalk, EncodesTheCursor) {
  list_server by;
  by.add("/v1/calls", respond(200, body_of({"a"}, "a&b=c/ +%\xC3\xA9")));
  by.add("/v1/calls?cursor=a%26b%3Dc%2F%20%2B%25%C3%A9", respond(200, body_of({"b"}, "")));
  page_walk walk("/v1/calls");
  EXPECT_THAT(walk_items(by, walk).ids, ElementsAre("a", "b"));
}

TEST(PageWalk, LeavesACursorAsItIsWhereItMay) {  // F9
  list_server by;
  by.add("/v1/calls", respond(200, body_of({"a"}, "aZ09-._~")));
  by.add("/v1/calls?cursor=aZ09-._~", respond(200, body_of({"b"}, "")));
  page_walk walk("/v1/calls");
  EXPECT_THAT(walk_items(by, walk).ids, ElementsAre("a", "b"));
}

TEST(PageWalk, ItemsAndPagesMayOutliveIt) {
  std::optional<item> kept;
  {
    list_server by;
    blocking_client api(by, patient());
    page_walk walk("/v1/calls?limit=2");
    for (const auto& each : items(api, walk)) {
      if (each) kept = *each;
    }
  }
  EXPECT_EQ(kept->json, R"({"id":"e"})");
}

// Failures.

TEST(PageWalkFailure, IsTheLastElement) {
  list_server by;
  by.add("/v1/calls?limit=2&cursor=c3", respond(errors::code::forbidden));
  page_walk walk("/v1/calls?limit=2");
  const walked got = walk_items(by, walk);
  EXPECT_THAT(got.ids, ElementsAre("a", "b"));
  EXPECT_EQ(got.failed, page_errc::no_success);
  EXPECT_FALSE(walk.is_done());

  // It stays where it was.
  by.add("/v1/calls?limit=2&cursor=c3", respond(200, body_of({"c", "d"}, "c4")));
  EXPECT_THAT(walk_items(by, walk).ids, ElementsAre("c", "d", "e"));
}

TEST(PageWalkFailure, KeepsTheAnswer) {
  list_server by;
  by.add("/v1/calls", respond(200, "<html>"));
  blocking_client api(by, patient());
  page_walk walk("/v1/calls");
  for (const auto& each : pages(api, walk)) {
    ASSERT_FALSE(each);
    EXPECT_EQ(each.error().why, page_errc::not_a_page);
    EXPECT_EQ(each.error().answer->status(), 200);
    EXPECT_EQ(each.error().answer->body(), "<html>");
    EXPECT_FALSE(each.error().is_cursor_refused());
  }
}

TEST(PageWalkFailure, TellsACursorThatIsRefused) {  // F6
  const auto refused = [](std::string name, errors::code code) {
    list_server by;
    const auto body =
        envelope::to_json(envelope::error(code).with_field(std::move(name), "Expired"));
    by.add("/v1/calls?limit=2&cursor=c1", respond(400, body));
    blocking_client api(by, patient());
    page_walk walk("/v1/calls?limit=2");
    for (const auto& each : pages(api, walk)) {
      if (!each) return each.error().is_cursor_refused();
    }
    return false;
  };
  EXPECT_TRUE(refused("cursor", errors::code::validation_error));
  EXPECT_FALSE(refused("limit", errors::code::validation_error));
  EXPECT_FALSE(refused("cursor", errors::code::forbidden));
}

TEST(PageWalkFailure, OfACursorThatLeadsToItself) {
  list_server by;
  by.add("/v1/calls?limit=2&cursor=c1", respond(200, body_of({"x"}, "c1")));
  page_walk walk("/v1/calls?limit=2");
  const walked got = walk_items(by, walk);
  EXPECT_EQ(got.failed, page_errc::cursor_repeated);
  EXPECT_THAT(got.ids, ElementsAre("a", "b"));
}

TEST(PageWalkFailure, OfACircleOfAnyLength) {
  for (std::size_t length = 1; length <= 9; ++length) {
    for (std::size_t before = 0; before <= 5; ++before) {
      list_server by;
      const auto cursor = [](std::size_t i) { return "c" + std::to_string(i); };
      for (std::size_t i = 0; i < before + length; ++i) {
        const std::size_t next = i + 1 < before + length ? i + 1 : before;
        by.add(i == 0 ? "/v1/n" : "/v1/n?cursor=" + cursor(i - 1),
               respond(200, body_of({"x"}, cursor(i))));
        if (i + 1 == before + length) {
          by.add("/v1/n?cursor=" + cursor(i), respond(200, body_of({"x"}, cursor(next))));
        }
      }
      page_walk walk("/v1/n");
      const walked got = walk_items(by, walk, 200);
      EXPECT_EQ(got.failed, page_errc::cursor_repeated) << before << ' ' << length;
      EXPECT_LE(by.asked.size(), 4 * (before + length) + 1);
      EXPECT_TRUE(length > 1 || by.asked.size() == before + 2) << "not at once";
    }
  }
}

TEST(PageWalkFailure, OfATargetWithAFragment) {
  list_server by;
  page_walk walk("/v1/calls#top");
  EXPECT_EQ(walk_items(by, walk).failed, page_errc::bad_target);
}

TEST(PageWalkFailure, OfATargetThatIsNone) {
  list_server by;
  page_walk walk("no target");
  EXPECT_EQ(walk_items(by, walk).failed, page_errc::bad_target);
  EXPECT_THAT(by.asked, IsEmpty());
}

// Checkpoints.

TEST(Checkpoint, GoesOnWithTheItemThatWasNotFinished) {
  const std::vector<std::string> all = {"a", "b", "c", "d", "e"};
  for (std::size_t most = 0; most <= all.size(); ++most) {
    list_server by;
    page_walk walk("/v1/calls?limit=2");
    const walked first = walk_items(by, walk, most);
    auto resumed = page_walk::resume(walk.checkpoint());
    ASSERT_TRUE(resumed);
    std::vector<std::string> ids = first.ids;
    for (const std::string& id : walk_items(by, *resumed).ids) ids.push_back(id);
    EXPECT_EQ(ids, all) << most;
    EXPECT_TRUE(resumed->is_done());
  }
}

TEST(Checkpoint, OfAResumedWalkIsTheSamePlace) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  walk_items(by, walk, 1);
  const std::string place = walk.checkpoint();
  EXPECT_EQ(page_walk::resume(place)->checkpoint(), place);

  // Also with a page taken, and none of its items handled.
  auto resumed = page_walk::resume(place);
  blocking_client api(by, patient());
  auto request = resumed->next_request();
  ASSERT_TRUE(resumed->take(api.send(*request)));
  EXPECT_EQ(resumed->checkpoint(), place);
}

TEST(Checkpoint, OfAWalkThatIsDoneHasNoMoreItems) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  walk_items(by, walk);
  auto resumed = page_walk::resume(walk.checkpoint());
  EXPECT_THAT(walk_items(by, *resumed).ids, IsEmpty());
  EXPECT_TRUE(resumed->is_done());
}

TEST(Checkpoint, FindsItsItemWhereOthersWereAddedInFront) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  walk_items(by, walk, 1);
  by.add("/v1/calls?limit=2", respond(200, body_of({"new", "a"}, "c0")));
  by.add("/v1/calls?limit=2&cursor=c0", respond(200, body_of({"b"}, "")));
  auto resumed = page_walk::resume(walk.checkpoint());
  EXPECT_THAT(walk_items(by, *resumed).ids, ElementsAre("b"));
}

TEST(Checkpoint, GivesThePageWholeWhereItsItemIsGone) {
  list_server by;
  page_walk walk("/v1/calls?limit=2");
  walk_items(by, walk, 1);
  by.add("/v1/calls?limit=2", respond(200, body_of({"b", "c"}, "")));
  auto resumed = page_walk::resume(walk.checkpoint());
  EXPECT_THAT(walk_items(by, *resumed).ids, ElementsAre("b", "c"));
}

TEST(Checkpoint, FindsItsItemByANumberToo) {
  list_server by;
  by.add("/v1/n", respond(200, R"({"data":[{"id":9},{"id":7},{"id":8}],"meta":{}})"));
  auto resumed = page_walk::resume("1&%2Fv1%2Fn&&1&7");
  blocking_client api(by, patient());
  const auto request = resumed->next_request();
  operation of = *request;
  EXPECT_THAT(resumed->take(api.send(of))->items(), ElementsAre(R"({"id":8})"));
}

TEST(Checkpoint, BehindAPageIsThatOfTheNextOne) {
  list_server by;
  blocking_client api(by, patient());
  page_walk walk("/v1/calls?limit=2");
  auto request = walk.next_request();
  ASSERT_TRUE(walk.take(api.send(*request)));
  walk.handled(0);
  EXPECT_EQ(walk.checkpoint(), "1&%2Fv1%2Fcalls%3Flimit%3D2&&1&a");
  walk.handled(1);
  EXPECT_EQ(walk.checkpoint(), "1&%2Fv1%2Fcalls%3Flimit%3D2&c1&0&");
}

TEST(Checkpoint, OfAPageThatCameWholeLeavesNothingOut) {
  list_server by;
  by.add("/v1/n", respond(200, R"({"data":[1,{"id":"x"},3],"meta":{"cursor":"c"}})"));
  for (const char* place : {"1&%2Fv1%2Fn&&9&", "1&%2Fv1%2Fn&&2&gone"}) {
    auto resumed = page_walk::resume(place);
    blocking_client api(by, patient());
    auto request = resumed->next_request();
    EXPECT_EQ(resumed->take(api.send(*request))->size(), 3u);
    EXPECT_EQ(resumed->checkpoint(), "1&%2Fv1%2Fn&&0&");
    resumed->handled(0);
    EXPECT_EQ(resumed->checkpoint(), "1&%2Fv1%2Fn&&1&");
  }
}

// What was handled before is left out of the page that it was in, and of no other.
TEST(Checkpoint, LeavesNothingOutOfLaterPages) {
  list_server by;
  by.add("/v1/n", respond(200, R"({"data":[1,2,3],"meta":{"cursor":"c"}})"));
  by.add("/v1/n?cursor=c", respond(200, R"({"data":[4,5,6],"meta":{}})"));
  by.add("/v1/s", respond(200, body_of({"a", "b"}, "c")));
  by.add("/v1/s?cursor=c", respond(200, body_of({"new", "a", "c"}, "")));
  for (const auto& [target, rest] :
       {std::pair("1&%2Fv1%2Fn&&2&", 4), std::pair("1&%2Fv1%2Fs&&1&a", 4)}) {
    auto resumed = page_walk::resume(target);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(walk_items(by, *resumed).ids.size(), static_cast<std::size_t>(rest)) << target;
  }
}

TEST(Checkpoint, CountsItemsWithoutAnId) {
  list_server by;
  by.add("/v1/n", respond(200, R"({"data":[1,[2],{"x":3},"4"],"meta":{}})"));
  blocking_client api(by, patient());
  page_walk walk("/v1/n");
  auto request = walk.next_request();
  ASSERT_TRUE(walk.take(api.send(*request)));
  for (const auto& [handled, rest] : {std::pair(0, 3), std::pair(1, 2), std::pair(3, 0)}) {
    walk.handled(static_cast<std::size_t>(handled));
    auto resumed = page_walk::resume(walk.checkpoint());
    request = resumed->next_request();
    const auto page = resumed->take(api.send(*request));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->size(), static_cast<std::size_t>(rest));
  }
  walk.handled(0);  // does not go back
  EXPECT_EQ(walk.checkpoint(), "1&%2Fv1%2Fn&&4&");
  walk.handled(4);
  EXPECT_EQ(walk.checkpoint(), "1&%2Fv1%2Fn&&4&");
  walk.handled(static_cast<std::size_t>(-1));
  auto resumed = page_walk::resume(walk.checkpoint());
  EXPECT_TRUE(resumed->take(api.send(*(request = resumed->next_request())))->empty());
}

TEST(Checkpoint, KnowsNumbersAndOddTextsForIds) {
  for (const char* ids : {R"({"id":7},{"id":8})", R"({"id":"\"&=%"},{"id":"x"})",
                          R"({"id":"\u00e9"},{"id":"x"})", R"({"id":true},{"id":null})",
                          R"({"id":7,"id":9},{"id":"7"})", R"({"\u0069d":7},{"id":8})"}) {
    list_server by;
    by.add("/v1/n", respond(200, R"({"data":[)" + std::string(ids) + R"(],"meta":{}})"));
    blocking_client api(by, patient());
    page_walk walk("/v1/n");
    auto request = walk.next_request();
    ASSERT_TRUE(walk.take(api.send(*request)));
    walk.handled(0);
    auto resumed = page_walk::resume(walk.checkpoint());
    request = resumed->next_request();
    EXPECT_EQ(resumed->take(api.send(*request))->size(), 1u) << ids;
  }
}

TEST(Checkpoint, DamagedIsRefused) {
  EXPECT_TRUE(page_walk::resume("1&%2Fv1&&0&"));
  for (const char* text :
       {"", "1", "2&%2Fv1&&0&", "1&%2Fv1&&0&&&&&&&", "1&%2Fv1&&0", "1&%2Fv1&&0&&", "1&%2Fv1&&x&",
        "1&%2Fv1&&-1&", "1&%2Fv1&&&", "1&%2Fv1&&99999999999999999999&", "1&%2&&0&", "1&%zz&&0&",
        "1&%2Fv1&%zz&0&", "1&%2Fv1&&0&a%2", "1&v1&&0&", "1&&&0&", "1&%2Fv1&&0 &"}) {
    const auto resumed = page_walk::resume(text);
    ASSERT_FALSE(resumed) << text;
    EXPECT_EQ(resumed.error(), page_errc::damaged);
  }
}

// Reading.

TEST(ParsePage, GivesTheItemsAsTheyStand) {
  const auto read = parse_page(
      " {\"meta\" : {\"page_size\":3 , \"total_results\":7},\r\n\t\"data\" : [ 1.50 , \"a\\\"],{\" "
      ","
      "{ \"x\" : [ \"]}\" , {} ] } ,[ ],null, true ] } \n");
  ASSERT_TRUE(read);
  EXPECT_THAT(read->items(), ElementsAre("1.50", R"("a\"],{")", R"({ "x" : [ "]}" , {} ] })", "[ ]",
                                         "null", "true"));
  EXPECT_EQ(read->total_results(), 7u);
  EXPECT_EQ(read->page_size(), 3u);
  EXPECT_TRUE(read->is_last());
}

TEST(ParsePage, ThatWasMovedFromIsEmpty) {
  auto read = parse_page(R"({"data":[1],"meta":{"cursor":"c","total_results":7,"page_size":3}})");
  const page kept = *std::move(read);
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_FALSE(kept.is_last());
  EXPECT_TRUE(read->empty());
  EXPECT_TRUE(read->is_last());
  EXPECT_EQ(read->total_results() + read->page_size(), 0u);
}

struct page_case {
  const char* name;
  std::string_view body;
};
constexpr page_case good_pages[] = {
    {"NoNumbers", R"({"data":[],"meta":{}})"},
    {"NullCursor", R"({"data":[],"meta":{"cursor":null}})"},
    {"EmptyCursor", R"({"data":[],"meta":{"cursor":""}})"},
    {"ExtraMembers", R"({"x":{"data":1},"data":[],"meta":{"y":[]},"z":[{"meta":2}]})"},
    {"LastOfTwo", R"({"data":1,"meta":2,"data":[],"meta":{}})"},
    {"LastOfTwoLists", R"({"data":[1],"meta":{},"data":[]})"},
    {"EscapesInNames", R"({"d\u0061ta":[],"met\u0061":{}})"},
    {"WholeNumberWithAPoint", R"({"data":[],"meta":{"total_results":7.0}})"},
};
class GoodPage : public testing::TestWithParam<page_case> {};
TEST_P(GoodPage, IsRead) {
  const auto read = parse_page(std::string(GetParam().body));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
  EXPECT_TRUE(read->is_last());
}
INSTANTIATE_TEST_SUITE_P(, GoodPage, testing::ValuesIn(good_pages),
                         [](const auto& each) { return std::string(each.param.name); });

constexpr page_case bad_pages[] = {
    {"Nothing", ""},
    {"Blanks", " \n"},
    {"Html", "<html>"},
    {"Null", "null"},
    {"Text", R"("data")"},
    {"Array", R"([{"data":[],"meta":{}}])"},
    {"NoMembers", "{}"},
    {"NoMeta", R"({"data":[]})"},
    {"NoData", R"({"meta":{}})"},
    {"DataIsAnObject", R"({"data":{},"meta":{}})"},
    {"DataIsNull", R"({"data":null,"meta":{}})"},
    {"MetaIsAnArray", R"({"data":[],"meta":[]})"},
    {"CursorIsANumber", R"({"data":[],"meta":{"cursor":7}})"},
    {"TotalIsNegative", R"({"data":[],"meta":{"total_results":-1}})"},
    {"TotalIsAFraction", R"({"data":[],"meta":{"total_results":1.5}})"},
    {"TotalIsText", R"({"data":[],"meta":{"total_results":"7"}})"},
    {"SizeIsNull", R"({"data":[],"meta":{"page_size":null}})"},
    {"Trailing", R"({"data":[],"meta":{}}x)"},
    {"IllFormedUtf8", "{\"data\":[\"\xFF\"],\"meta\":{}}"},
};
class BadPage : public testing::TestWithParam<page_case> {};
TEST_P(BadPage, IsNotRead) {
  const auto read = parse_page(std::string(GetParam().body));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), page_errc::not_a_page);
}
INSTANTIATE_TEST_SUITE_P(, BadPage, testing::ValuesIn(bad_pages),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(BadPageCut, AtAnyByteIsNotRead) {
  const std::string body = body_of({"a", "\\u00e9\\\""}, "c1");
  ASSERT_TRUE(parse_page(body));
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(parse_page(body.substr(0, size))) << size;
  }
}

TEST(PageDepth, IsHeldOnBothSides) {
  const auto nested = [](std::size_t levels) {
    return R"({"data":[)" + std::string(levels, '[') + std::string(levels, ']') + R"(],"meta":{}})";
  };
  EXPECT_TRUE(parse_page(nested(62)));
  EXPECT_FALSE(parse_page(nested(63)));
}

TEST(PageErrc, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::string_view names[] = {"no_success", "not_a_page", "cursor_repeated", "bad_target",
                                        "damaged"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    EXPECT_EQ(to_string(static_cast<page_errc>(i + 1)), names[i]);
  }
  EXPECT_EQ(to_string(page_errc{}), "unknown");
  EXPECT_EQ(to_string(static_cast<page_errc>(6)), "unknown");
}

}  // namespace
}  // namespace parley::client
