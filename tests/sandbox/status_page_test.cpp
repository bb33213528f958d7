// SPDX-License-Identifier: Apache-2.0
#include "sandbox/status_page.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr time_point now{std::chrono::seconds(1'800'000'000)};
constexpr std::string_view hostile = R"("><script>alert('x')</script>&amp;)";

bool holds(std::string_view page, std::string_view part) {
  return page.find(part) != std::string_view::npos;
}
std::size_t count_of(std::string_view page, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = page.find(part, at)) != std::string_view::npos;
       at += part.size()) {
    ++count;
  }
  return count;
}

// Every `<` begins a tag that is ours, every tag that must be closed is, in order, and no
// attribute can do anything.
void expect_sound(std::string_view page) {
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  std::vector<std::string> open;
  for (std::size_t at = page.find('<', 1); at != std::string_view::npos; at = page.find('<', at)) {
    const std::size_t end = page.find('>', at);
    ASSERT_NE(end, std::string_view::npos);
    std::string_view tag = page.substr(at + 1, end - at - 1);
    at = end;
    const bool closes = tag.starts_with('/');
    if (closes) tag.remove_prefix(1);
    const std::string name(tag.substr(0, tag.find(' ')));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz123456"), std::string::npos) << tag;
    EXPECT_NE(name, "script");
    for (const char* never : {" on", "javascript:", "http", "src=", "style="}) {
      EXPECT_FALSE(holds(tag, never)) << tag;
    }
    if (name == "meta") continue;
    if (!closes) {
      open.push_back(name);
    } else {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty());
}

call made_call() {
  return {.number = 1,
          .id = "call_0000000000000001",
          .scope = "test_valid",
          .from_number = "+14155551234",
          .to_number = "+14155556789",
          .created_at = now};
}

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(escape_html(""), "");
  EXPECT_EQ(escape_html("a <b> & \"c\" 'd'"), "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_html(std::string("\0\n\x1f\x7f ~", 6)),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD ~");
  EXPECT_EQ(escape_html("\xC3\xA4"), "\xC3\xA4");
}

TEST(Shorten, CutsWholeCharacters) {
  EXPECT_EQ(shorten("", 5), "");
  EXPECT_EQ(shorten("12345", 5), "12345");
  EXPECT_EQ(shorten("123456", 5), "12...");
  EXPECT_EQ(shorten("\xC3\xA4\xC3\xA4\xC3\xA4", 6), "\xC3\xA4\xC3\xA4\xC3\xA4");
  EXPECT_EQ(shorten("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 7), "\xC3\xA4\xC3\xA4...");
  EXPECT_EQ(shorten("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 6), "\xC3\xA4...");
  EXPECT_EQ(shorten("\x80\x80\x80\x80\x80\x80", 5), "...");
}

TEST(FormatOffset, LeavesOutWhatIsNothing) {
  EXPECT_EQ(format_offset(0s), "0 s");
  EXPECT_EQ(format_offset(59s), "59 s");
  EXPECT_EQ(format_offset(60s), "1 min");
  EXPECT_EQ(format_offset(86'400s), "1 d");
  EXPECT_EQ(format_offset(86'400s + 2h + 3min + 4s), "1 d 2 h 3 min 4 s");
  EXPECT_EQ(format_offset(offset_max), "3653 d");
}

TEST(StatusPage, OfNothingIsSound) {
  const std::string page = render_status_page({.url = "http://127.0.0.1:1", .now = now});
  expect_sound(page);
  EXPECT_TRUE(holds(page, "None yet. <code>POST /v1/calls/dial</code>"));
  EXPECT_TRUE(holds(page, "Kept in Redis"));
  EXPECT_EQ(count_of(page, "<table>"), 1u) << "the magic numbers";
}

TEST(StatusPage, ShowsEverything) {
  call ended = made_call();
  ended.created_at = now - 1s;
  ended.failure = &errors::row_of(errors::code::busy);
  ended.metadata = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}};
  status s{.url = "http://127.0.0.1:1", .now = now, .offset = 61s};
  s.newest_calls = {made_call(), ended};
  s.calls_placed = 1234;
  s.requests = {{{.request_id = "req_1",
                  .at = now,
                  .method = "POST",
                  .path = "/v1/calls",
                  .status = 409,
                  .code = "idempotency_conflict",
                  .handler_ran = false,
                  .fault = "latency"},
                 {.request_id = "req_2", .at = now, .method = {}, .path = {}}},
                4321,
                17};
  s.records = {.running = 91, .completed = 92, .replayed = 93, .conflicts = 94};
  s.held = records_held{.entries = 95, .bytes = 96 * 1024};
  s.rules = {{.number = 1,
              .rule = {.route = "GET /v1/calls/{id}",
                       .fault = "rate_limited; tier=http",
                       .probability = 0.125,
                       .seed = 97,
                       .times = 98,
                       .delay = 99ms},
              .seen = 1001,
              .hits = 1002}};
  s.webhooks = {.endpoints = 51,
                .deliveries = {.pending = 61, .attempts = 62, .delivered = 63, .given_up = 64},
                .listed = {{"test_valid_1", "http://127.0.0.1:9000/a", "204"},
                           {"test_valid_2", "http://127.0.0.1:9000/b", "connect: refused"},
                           {"test_valid_3", "http://127.0.0.1:9000/c", ""}}};
  const std::string page = render_status_page(s);
  expect_sound(page);
  for (const char* part : {"call_0000000000000001",
                           "2027-01-15 08:00:00",
                           ">queued<",
                           ">busy<",
                           "a=1, b=2, c=3 and 2 more",
                           ">1234<",
                           ">4321<",
                           ">17<",
                           ">1 min 1 s<",
                           ">req_1<",
                           ">409<",
                           "idempotency_conflict",
                           ">latency<",
                           ">none<",
                           ">91<",
                           ">92<",
                           ">93<",
                           ">94<",
                           ">95<",
                           ">96 KiB<",
                           "GET /v1/calls/{id}",
                           "rate_limited; tier=http",
                           ">0.125<",
                           ">97<",
                           ">98<",
                           ">99 ms<",
                           ">1001<",
                           ">1002<",
                           "+12025550149",
                           "<dt>API keys with one</dt><dd>51<",
                           "<dt>Pending</dt><dd>61<",
                           "<dt>Attempts</dt><dd>62<",
                           "<dt>Delivered</dt><dd>63<",
                           "<dt>Given up</dt><dd>64<",
                           "The first 50. An attempt",
                           ">test_valid_1<",
                           ">http://127.0.0.1:9000/a<",
                           "good\">204<",
                           "bad\">connect: refused<",
                           ">test_valid_3<",
                           "Kept in memory"}) {
    EXPECT_TRUE(holds(page, part)) << part;
  }
  EXPECT_EQ(count_of(page, "<caption>"), count_of(page, "<table>"));
  EXPECT_EQ(count_of(page, "<h1>"), 1u);
}

TEST(StatusPage, EscapesAllThatAClientSent) {
  call hostile_call = made_call();
  hostile_call.id = hostile;
  hostile_call.scope = hostile;
  hostile_call.from_number = hostile;
  hostile_call.to_number = hostile;
  hostile_call.metadata = {{std::string(hostile), std::string(hostile)}};
  status s{.url = std::string(hostile), .now = now};
  s.newest_calls = {hostile_call};
  s.requests.newest_first = {{.request_id = std::string(hostile),
                              .at = now,
                              .method = std::string(hostile),
                              .path = std::string(hostile),
                              .status = 200,
                              .code = hostile,
                              .fault = std::string(hostile)}};
  s.webhooks = {.endpoints = 1,
                .listed = {{std::string(hostile), std::string(hostile), std::string(hostile)}}};
  s.rules = {{.number = 1, .rule = {.route = std::string(hostile), .fault = std::string(hostile)}}};
  const std::string page = render_status_page(s);
  expect_sound(page);
  EXPECT_FALSE(holds(page, "<script"));
  EXPECT_FALSE(holds(page, "alert('x')"));
  EXPECT_EQ(count_of(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;"), 17u);
}

// However much was sent.
TEST(StatusPage, IsBounded) {
  call large = made_call();
  large.scope = std::string(255, '<');
  for (std::size_t i = 0; i < metadata_keys_max; ++i) {
    large.metadata.emplace(std::to_string(i) + std::string(30, '<'),
                           std::string(metadata_value_bytes_max, '<'));
  }
  status s{.url = "http://127.0.0.1:1", .now = now};
  s.newest_calls.assign(page_rows_max, large);
  s.requests.newest_first.assign(page_rows_max, {.request_id = std::string(36, 'r'),
                                                 .at = now,
                                                 .method = "GET",
                                                 .path = std::string(256, '<'),
                                                 .status = 200});
  s.webhooks.endpoints = 1'000;
  s.webhooks.listed.assign(page_rows_max, {.scope = std::string(255, '<'),
                                           .url = std::string(2'048, '<'),
                                           .last_attempt = std::string(1'000, '<')});
  const std::string page = render_status_page(s);
  expect_sound(page);
  EXPECT_LT(page.size(), 250'000u);
}

class ServedStatusPage : public SandboxTest {};

TEST_F(ServedStatusPage, IsForPeopleWithoutAKey) {
  const std::string id = place();
  send("PATCH", "/v1/calls/" + id, "",
       R"({"metadata":{"<script>":"<script>alert(1)</script>\u0000\u202e"}})");
  get("/<script>alert(2)</script>");
  send("GET", "/v1/calls", "Authorization: Bearer test_valid_<script>\r\n");
  const auto page = get("/", "Authorization: none\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("Content-Security-Policy"),
            "default-src 'none'; style-src 'unsafe-inline'");
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.header("Cache-Control"), "no-store");
  expect_sound(page.body);
  EXPECT_FALSE(holds(page.body, "<script"));
  EXPECT_TRUE(holds(page.body, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_TRUE(holds(page.body, "/&lt;script&gt;alert(2)&lt;/script&gt;"));
  EXPECT_TRUE(holds(page.body, id));
  EXPECT_TRUE(holds(page.body, "<code>" + api().url() + "</code>"));
}

TEST_F(ServedStatusPage, TellsOfRecordsAndRules) {
  const std::string key = "Idempotency-Key: k\r\n";
  dial("+14155556789", key);
  dial("+14155556789", key);
  dial("+14155550000", key);
  dial("+12025550106", "Idempotency-Key: other\r\n");
  ASSERT_TRUE(api().add_fault({.fault = "latency", .delay = 0ms}));
  get("/v1/calls");
  ASSERT_TRUE(api().advance(1h));
  const std::string body = get("/").body;
  expect_sound(body);
  const auto shows = [&body](std::string_view name, std::string_view value) {
    return holds(body, "<dt>" + std::string(name) + "</dt><dd>" + std::string(value) + "</dd>");
  };
  EXPECT_TRUE(shows("Running now", "0"));
  EXPECT_TRUE(shows("Completed", "1"));
  EXPECT_TRUE(shows("Replayed", "1"));
  EXPECT_TRUE(shows("Conflicts", "1"));
  EXPECT_TRUE(shows("Fault rules", "1"));
  EXPECT_TRUE(shows("Clock offset", "1 h"));
  EXPECT_TRUE(shows("Calls placed", "1"));
  EXPECT_TRUE(shows("Requests", "5"));
  api().reset();
  EXPECT_TRUE(holds(get("/").body, "<dt>Completed</dt><dd>0</dd>"));
}

TEST_F(ServedStatusPage, IsNotJournaled) {
  get("/");
  get("/openapi.json");
  get("/sandbox/faults");
  EXPECT_EQ(json_of(get("/sandbox/requests")).at("meta").at("total_results"), 0);
}

}  // namespace
}  // namespace parley::sandbox
