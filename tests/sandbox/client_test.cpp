// SPDX-License-Identifier: Apache-2.0
//
// The client against everything that the sandbox can do to it: one call is placed for one
// operation, or none, and the answer says which it is as far as anybody can know.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "parley/beast/client.hpp"
#include "parley/client/client.hpp"
#include "parley/client/pages.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;
using client::answer;
using client::fate;
using client::operation;
using client::stop;

std::string dial_body(std::string_view destination) {
  return R"({"from_number":"+14155551234","to_number":")" + std::string(destination) + "\"}";
}

client::send_options impatient() {
  client::send_options made;
  made.headers = {{"Authorization", "Bearer test_valid"}};
  made.attempts_max = 3;
  made.pause_first = 1ms;
  made.pause_first_limited = 1ms;
  made.retry_after_max = 1ms;
  return made;
}

class ClientTest : public SandboxTest {
 protected:
  ClientTest() : SandboxTest({.latency = 1ms}) {}

  answer send(operation& of, const client::send_options& options = impatient()) {
    auto transport = beast::blocking_transport::make({.base_url = api().url()});
    EXPECT_TRUE(transport);
    client::blocking_client by(**transport, {.send = options});
    return by.send(of);
  }
  answer send_dial(std::string_view destination,
                   const client::send_options& options = impatient()) {
    operation of = *operation::post("/v1/calls/dial", dial_body(destination));
    return send(of, options);
  }
};

struct behaviour_case {
  const char* name;
  std::string_view destination;
  client::stop why;
  client::fate fate;
  unsigned attempts;
  std::uint16_t status;
  std::string_view code_name;
  std::uint64_t placed;
};
constexpr behaviour_case behaviours_seen[] = {
    {"Latency", "+12025550140", stop::answered, fate::done, 1, 202, "", 1},
    {"Reset", "+12025550142", stop::attempts_used_up, fate::unknown, 3, 0, "", 0},
    {"Truncated", "+12025550143", stop::answered, fate::done, 2, 202, "", 1},
    {"Html502", "+12025550144", stop::attempts_used_up, fate::unknown, 3, 502, "", 0},
    {"RetryAfter", "+12025550145", stop::attempts_used_up, fate::not_done, 3, 429, "rate_limited",
     0},
    {"FailTwice", "+12025550146", stop::answered, fate::done, 3, 202, "", 1},
    {"ResponseLost", "+12025550147", stop::answered, fate::done, 2, 202, "", 1},
};
class ClientSees : public ClientTest, public testing::WithParamInterface<behaviour_case> {};

TEST_P(ClientSees, WhatANetworkDoes) {
  const behaviour_case& expected = GetParam();
  const answer got = send_dial(expected.destination);
  EXPECT_EQ(to_string(got.why), to_string(expected.why));
  EXPECT_EQ(to_string(got.fate), to_string(expected.fate));
  EXPECT_EQ(got.attempts, expected.attempts);
  EXPECT_EQ(got.status(), expected.status);
  EXPECT_EQ(got.code_name(), expected.code_name);
  EXPECT_EQ(api().calls_placed(), expected.placed);
}
INSTANTIATE_TEST_SUITE_P(, ClientSees, testing::ValuesIn(behaviours_seen),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(ClientTest, AHangEndsWithTheAttemptsTime) {
  client::send_options options = impatient();
  options.attempts_max = 2;
  options.attempt_timeout = 100ms;
  const answer got = send_dial("+12025550141", options);
  EXPECT_EQ(got.why, stop::attempts_used_up);
  EXPECT_EQ(got.failure->why, client::transport_errc::timed_out);
  EXPECT_EQ(got.fate, fate::unknown);
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(ClientTest, TheBodyOfAPageOfAProxyIsKept) {
  const answer got = send_dial("+12025550144");
  EXPECT_THAT(std::string(got.body()), testing::HasSubstr("<html"));
}

TEST_F(ClientTest, UnknownCodesAndCategoriesPassThrough) {
  const answer code = send_dial("+12025550148");
  EXPECT_EQ(code.status(), 422);
  EXPECT_EQ(code.code(), errors::code::unknown);
  EXPECT_NE(code.code_name(), "");
  EXPECT_EQ(code.fate, fate::not_done);
  const answer category = send_dial("+12025550149");
  EXPECT_EQ(category.category(), errors::category::none);
  EXPECT_NE((*category.error)->category_name(), "");
}

TEST_F(ClientTest, EveryRowOfTheCatalogueComesAsItIs) {
  unsigned number = 0;
  for (const errors::row& row : errors::catalogue()) {
    ++number;
    api().reset();
    const std::string nn = (number < 10 ? "0" : "") + std::to_string(number);
    const answer got = send_dial("+120255501" + nn);
    if (row.delivery == errors::delivery::async) {
      EXPECT_EQ(got.fate, fate::done) << row.name;
      continue;
    }
    EXPECT_EQ(got.code(), row.code);
    EXPECT_EQ(got.status(), row.http_status) << row.name;
    EXPECT_EQ(got.attempts, row.hint == errors::retry_hint::backoff ? 3u : 1u) << row.name;
    EXPECT_EQ(api().calls_placed(), 0u) << row.name;
  }
}

TEST_F(ClientTest, AnOperationThatIsSavedAndRestoredPlacesOneCall) {
  ASSERT_TRUE(
      api().add_fault({.route = "POST /v1/calls/dial", .fault = "response_lost", .times = 1}));
  client::send_options once = impatient();
  once.attempts_max = 1;
  std::string saved;
  {
    operation of = *operation::post("/v1/calls/dial", dial_body("+14155556789"));
    saved = of.save();
    EXPECT_EQ(send(of, once).fate, fate::unknown);
  }
  operation again = *operation::restore(saved);
  const answer got = send(again);
  EXPECT_EQ(got.fate, fate::done);
  EXPECT_TRUE(got.is_replay());
  EXPECT_EQ(api().calls_placed(), 1u);
}

TEST_F(ClientTest, WithoutAKeyNothingIsSentTwice) {
  ASSERT_TRUE(api().add_fault({.fault = "response_lost"}));
  operation of = *operation::make({.method = "LINK", .target = "/v1/calls"});
  const answer got = send(of);
  EXPECT_EQ(got.attempts, 1u);
}

// "Accepted, but the response was lost": a thousand dials, one in ten of whose responses is lost.
TEST_F(ClientTest, AThousandDialsWithLostResponsesPlaceAThousandCalls) {
  ASSERT_TRUE(api().add_fault(
      {.route = "POST /v1/calls/dial", .fault = "response_lost", .probability = 0.1, .seed = 7}));
  boost::asio::io_context context;
  client::send_options options = impatient();
  options.attempts_max = 10;
  auto by = beast::async_client::make(context.get_executor(),
                                      {.transport = {.base_url = api().url(), .connections_max = 8},
                                       .send = options,
                                       .budget_cost = 0});
  ASSERT_TRUE(by);
  constexpr std::size_t dials = 1000;
  std::vector<operation> all;
  for (std::size_t i = 0; i < dials; ++i) {
    all.push_back(*operation::post("/v1/calls/dial", dial_body("+14155556789")));
  }
  std::size_t done = 0;
  unsigned attempts = 0;
  std::size_t next = 0;
  std::function<void()> send_next = [&] {
    if (next == dials) return;
    by->async_send(all[next++], [&](const answer& got) {
      done += got.fate == fate::done ? 1 : 0;
      attempts += got.attempts;
      send_next();
    });
  };
  for (int i = 0; i < 16; ++i) send_next();
  context.run();
  EXPECT_EQ(done, dials);
  EXPECT_EQ(api().calls_placed(), dials);
  EXPECT_GT(attempts, dials + 50) << "responses were lost";
}

TEST_F(ClientTest, UnderATotalOutageTheBudgetHolds) {
  ASSERT_TRUE(api().add_fault({.fault = "reset"}));
  auto transport = beast::blocking_transport::make({.base_url = api().url()});
  client::blocking_client by(**transport, {.send = impatient()}, 100, 14);
  unsigned attempts = 0;
  for (int i = 0; i < 30; ++i) {
    operation of = *operation::post("/v1/calls/dial", dial_body("+14155556789"));
    attempts += by.send(of).attempts;
  }
  EXPECT_EQ(attempts, 30u + 100 / 14);
  EXPECT_EQ(api().calls_placed(), 0u);
}

TEST_F(ClientTest, WalksTheList) {
  std::vector<std::string> placed;
  for (int i = 0; i < 45; ++i) placed.push_back(place());
  auto transport = beast::blocking_transport::make({.base_url = api().url()});
  client::blocking_client by(**transport, {.send = impatient()});
  ASSERT_TRUE(api().add_fault(
      {.route = "GET /v1/calls", .fault = "reset", .probability = 0.3, .seed = 3, .times = 5}));
  std::vector<std::string> seen;
  std::string checkpoint = client::page_walk("/v1/calls?limit=10&order=asc").checkpoint();
  for (bool is_done = false; !is_done;) {  // each round is a process of its own
    client::page_walk walk = *client::page_walk::resume(checkpoint);
    std::size_t handled = 0;
    for (const auto& each : client::items(by, walk)) {
      ASSERT_TRUE(each) << to_string(each.error().why);
      if (handled++ == 7) break;
      const auto call = boost::json::parse(std::string(each->json));
      seen.emplace_back(call.at("id").as_string().c_str());
    }
    checkpoint = walk.checkpoint();
    is_done = handled == 0;
  }
  EXPECT_EQ(seen, placed);
}

}  // namespace
}  // namespace parley::sandbox
