// SPDX-License-Identifier: Apache-2.0
#include "parley/beast/adapter.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace parley::beast {
namespace {

namespace bhttp = boost::beast::http;

struct target_case {
  const char* name;
  const char* target;
  std::string_view path;
  std::string_view query;
};

class Target : public testing::TestWithParam<target_case> {};

TEST_P(Target, IsSplit) {
  request_message message;
  message.method(bhttp::verb::get);
  message.target(GetParam().target);
  std::vector<http::header_view> headers;
  const http::request_view view = to_request_view(message, headers);
  EXPECT_EQ(view.path, GetParam().path);
  EXPECT_EQ(view.query, GetParam().query);
}

INSTANTIATE_TEST_SUITE_P(
    , Target,
    testing::Values(target_case{"Path", "/v1/calls", "/v1/calls", ""},
                    target_case{"Query", "/v1/calls?limit=5&x=?", "/v1/calls", "limit=5&x=?"},
                    target_case{"EmptyQuery", "/v1?", "/v1", ""},
                    target_case{"Absolute", "http://host:80/v1?a", "/v1", "a"},
                    target_case{"AbsoluteNoPath", "http://host", "/", ""},
                    target_case{"AbsoluteQueryOnly", "http://host?a=b", "/", "a=b"},
                    target_case{"Asterisk", "*", "*", ""}, target_case{"Word", "v1", "v1", ""},
                    target_case{"QueryWithUrl", "/r?to=http://x/y", "/r", "to=http://x/y"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ToRequestView, KeepsEveryHeader) {
  request_message message;
  message.method_string("FETCH");
  message.target("/");
  message.insert("Idempotency-Key", "a");
  message.insert("X-Other", "");
  message.insert("idempotency-key", "b");
  std::vector<http::header_view> headers = {{"left", "over"}};
  const http::request_view view = to_request_view(message, headers);
  EXPECT_EQ(view.method, http::method::other);
  EXPECT_EQ(view.method_name, "FETCH");
  EXPECT_EQ(view.headers.size(), 3u);
  EXPECT_EQ(view.count("Idempotency-Key"), 2u);
  EXPECT_EQ(view.body, "");
}

// As adapter.hpp promises: a moved message leaves what a view looks at where it is.
TEST(ToRequestView, OutlivesAMoveOfTheMessage) {
  request_message message;
  message.method_string("FETCH-IT");
  message.target("/a/target/that/is/long/enough/to/be/on/the/heap?and=a&query=too");
  message.insert("X-Short", "v");
  message.insert("X-Long", std::string(100, 'v'));
  message.body() = "body";
  std::vector<http::header_view> headers;
  http::request_view view = to_request_view(message, headers);
  const request_message moved = std::move(message);
  view.body = moved.body();
  EXPECT_EQ(view.method_name, "FETCH-IT");
  EXPECT_EQ(view.path, "/a/target/that/is/long/enough/to/be/on/the/heap");
  EXPECT_EQ(view.query, "and=a&query=too");
  EXPECT_EQ(view.header("X-Short"), "v");
  EXPECT_EQ(view.header("X-Long"), std::string(100, 'v'));
  EXPECT_EQ(view.body, "body");
}

TEST(ToMessage, CarriesStatusHeadersAndLength) {
  http::response r = http::json_response(422, "{\"a\":1}");
  r.headers.push_back({"X-Twice", "1"});
  r.headers.push_back({"X-Twice", "2"});
  const response_message message = to_message(std::move(r), {.date = "now"});
  EXPECT_EQ(message.result_int(), 422u);
  EXPECT_EQ(message["Content-Type"], "application/json");
  EXPECT_EQ(message["Content-Length"], "7");
  EXPECT_EQ(message["Date"], "now");
  EXPECT_EQ(message.count("X-Twice"), 2u);
  EXPECT_TRUE(message.keep_alive());
  EXPECT_EQ(message.body(), "{\"a\":1}");
}

TEST(ToMessage, ClosesOnDemand) {
  const response_message message = to_message(http::json_response(200, ""), {.keep_alive = false});
  EXPECT_FALSE(message.keep_alive());
  EXPECT_EQ(message["Content-Length"], "0");
}

TEST(ToMessage, OfAHeadHasTheLengthAlone) {
  const response_message message = to_message(http::json_response(200, "12345"), {.is_head = true});
  EXPECT_EQ(message["Content-Length"], "5");
  EXPECT_TRUE(message.body().empty());
}

TEST(ToMessage, WithoutContentHasNoLength) {
  for (const std::uint16_t status : {std::uint16_t{204}, std::uint16_t{304}}) {
    http::response r;
    r.status = status;
    r.body = "dropped";
    const response_message message = to_message(std::move(r));
    EXPECT_EQ(message.count("Content-Length"), 0u) << status;
    EXPECT_TRUE(message.body().empty()) << status;
  }
}

}  // namespace
}  // namespace parley::beast
