// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/beast.md.

#include <chrono>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "parley/beast/client.hpp"
#include "parley/beast/server.hpp"
#include "parley/http/service.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace asio = boost::asio;
namespace beast = parley::beast;
namespace client = parley::client;
namespace http = parley::http;

namespace {

void wait_for_sigterm() {}
void fail(const std::string&) { FAIL(); }

// Compiled and not run: it listens on every address.
[[maybe_unused]] void serve(const http::service& service) {
  beast::server server(service, {.address = "0.0.0.0", .port = 8080, .threads = 4});
  if (const auto started = server.start(); !started) return fail(started.error().what);
  wait_for_sigterm();
  server.drain(std::chrono::seconds(10));
}

struct loaded_dice {
  bool loses_one() const { return true; }
};

TEST(Beast, AResponseThatDoesNotArrive) {
  const loaded_dice dice;
  beast::server_options options;
  options.deliver = [&](const http::request_view&, const http::response& r) -> beast::delivery {
    if (!dice.loses_one()) return {};
    return {.how = beast::delivery::way::cut, .body_bytes = r.body.size() / 2};
  };
  EXPECT_EQ(options.deliver({}, {.body = "four"}).body_bytes, 2u);
}

client::fate got{};

asio::awaitable<void> dial_one(beast::async_client* api, std::string body);
void report(const std::string&) { FAIL(); }

void call(asio::io_context& context, const std::string& bearer) {
  auto api = beast::async_client::make(context.get_executor(),
                                       {.transport = {.base_url = "https://api.example"},
                                        .send = {.headers = {{"Authorization", bearer}}}});
  if (!api) return report(api.error().what);
  asio::co_spawn(context, dial_one(&*api, "{}"), asio::detached);
}

asio::awaitable<void> dial_one(beast::async_client* api, std::string body) {
  // in a coroutine
  auto dial = client::operation::post("/v1/calls/dial", body);
  const client::answer a = co_await api->async_send(*dial, asio::use_awaitable);
  got = a.fate;
}

// The client is gone before anything ran: what it was asked for certainly did not happen.
TEST(Beast, AClientThatIsGone) {
  asio::io_context context;
  call(context, "Bearer test_valid");
}

}  // namespace
