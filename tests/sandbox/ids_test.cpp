// SPDX-License-Identifier: Apache-2.0
#include "sandbox/ids.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

// The first outputs of the reference implementation of SplitMix64 for these seeds.
TEST(SplitMix64, IsTheOneOfThePaper) {
  EXPECT_EQ(splitmix64(0, 0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(splitmix64(0, 1), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(splitmix64(0, 2), 0x06c45d188009454fu);
  EXPECT_EQ(splitmix64(1234567, 0), 6457827717110365317u);
  EXPECT_EQ(splitmix64(1234567, 1), 3203168211198807973u);
}

TEST(SeededIds, AreOfTheirForm) {
  EXPECT_EQ(format_call_id(0xabc), "call_0000000000000abc");
  const std::string id = seeded_request_id(7, 0);
  ASSERT_EQ(id.size(), 36u);
  EXPECT_TRUE(id.starts_with("req_"));
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef", 4), std::string::npos);
}

TEST(CallId, HasOneSpelling) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{0xabc}, ~std::uint64_t{0}}) {
    EXPECT_EQ(parse_call_id(format_call_id(number)), number);
  }
  for (const char* text :
       {"", "call_", "call_abc", "call_000000000000abc", "call_00000000000000abc",
        "call_0000000000000ABC", "CALL_0000000000000abc", "0000000000000abc",
        "call-0000000000000abc", "call_0000000000000ab ", " call_0000000000000abc",
        "call_+000000000000abc", "call_0x00000000000abc", "call_0000000000000abg",
        "call_call_00000000000"}) {
    EXPECT_EQ(parse_call_id(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_call_id(std::string_view("call_000000000000\0abc", 21)), std::nullopt);
}

TEST(SeededIds, DoNotComeTwice) {
  std::set<std::string> ids;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t n = 0; n < 1'000; ++n) ids.insert(seeded_request_id(seed, n));
  }
  EXPECT_EQ(ids.size(), 10'000u);
}

TEST(SeededIds, OfCallsRiseFromAnySeed) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{42}, ~std::uint64_t{0}}) {
    std::uint64_t last = 0;
    for (std::uint64_t n = 0; n < 1'000; ++n) {
      const std::uint64_t next = seeded_call_number(seed, n, last);
      EXPECT_GT(next, last);
      last = next;
    }
    EXPECT_LT(last, std::uint64_t{1} << 53);
  }
}

class SeededSandbox : public SandboxTest {
 protected:
  SeededSandbox() : SandboxTest({.seed = 42}) {}
  explicit SeededSandbox(std::optional<std::uint64_t> seed) : SandboxTest({.seed = seed}) {}

  // The ids of some calls, and of the requests for them.
  std::vector<std::string> run() {
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
      const auto placed = dial("+14155556789");
      ids.push_back(data_of(placed).at("call_id").as_string().c_str());
      ids.push_back(placed.header("X-Request-Id").value_or(""));
      set_time(std::chrono::hours(i));
    }
    return ids;
  }
};

TEST_F(SeededSandbox, GivesTheSameIdsAgain) {
  const std::vector<std::string> ids = run();
  EXPECT_TRUE(api().reset());
  EXPECT_EQ(run(), ids);
  auto same = start({.seed = 42});
  ASSERT_TRUE(same.has_value());
  const std::string request =
      "POST /v1/calls/dial HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
      "Content-Type: application/json\r\nContent-Length: 57\r\n\r\n"
      R"({"from_number":"+14155551234","to_number":"+14155556789"})";
  const auto placed = testing_support::raw_client(same->port()).ask(request);
  EXPECT_EQ(data_of(placed).at("call_id"), json_text(ids[0]));
  EXPECT_EQ(placed.header("X-Request-Id"), ids[1]);
}

class UnseededSandbox : public SeededSandbox {
 protected:
  UnseededSandbox() : SeededSandbox(std::nullopt) {}
};
TEST_F(UnseededSandbox, GivesEachIdOnce) {
  std::vector<std::string> ids = run();
  EXPECT_TRUE(api().reset());
  for (std::string& each : run()) ids.push_back(std::move(each));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
}

TEST_F(SeededSandbox, PagesThroughItsCalls) {
  run();
  std::vector<std::string> listed;
  std::string query;
  for (int i = 0; i < 3; ++i) {
    const auto page = json_of(get("/v1/calls?limit=2" + query));
    for (const auto& each : page.at("data").as_array()) {
      listed.push_back(each.at("id").as_string().c_str());
    }
    if (!page.at("meta").as_object().contains("cursor")) break;
    query = std::string("&cursor=") + page.at("meta").at("cursor").as_string().c_str();
  }
  EXPECT_EQ(listed.size(), 5u);
  EXPECT_TRUE(std::ranges::is_sorted(listed, std::greater<>()));
}

}  // namespace
}  // namespace parley::sandbox
