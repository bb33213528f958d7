// SPDX-License-Identifier: Apache-2.0
//
// One client and a server's thread on loopback, a request at a time on one connection that is kept.
// Beside ours: Beast's blocking calls, as its documentation has them, without pool, deadlines,
// cancellation, retries and checks; and libcurl's easy handle, with the timeout that ours has.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#ifdef PARLEY_BENCH_CURL
#include <curl/curl.h>
#endif

#include "parley/beast/client.hpp"
#include "parley/beast/server.hpp"
#include "parley/client/client.hpp"

namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
namespace client = parley::client;

constexpr std::string_view reply = R"({"data":{"call_id":"call_000660cfd1c80c60"}})";
constexpr std::string_view call = R"({"from_number":"+14155551234","to_number":"+14155556789"})";

void require(bool holds) {
  if (!holds) std::abort();
}

class call_server {
 public:
  call_server()
      : service_(make_routes(),
                 [](const parley::http::request_view&) -> parley::http::authentication {
                   return std::string("all");
                 }),
        server_(service_) {
    require(server_.start().has_value());
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  std::uint16_t port() const { return server_.port(); }

 private:
  static parley::http::routes make_routes() {
    parley::http::routes routes;
    routes.post("/v1/calls/dial", [](const parley::http::request_view&) {
      return parley::http::json_response(202, std::string(reply));
    });
    return routes;
  }
  parley::http::service service_;
  parley::beast::server server_;
};

client::request request() {
  return {.method = "POST",
          .target = "/v1/calls/dial",
          .headers = {{"Authorization", "Bearer test_valid"}, {"Content-Type", "application/json"}},
          .body = std::string(call)};
}

template <class Start>
void run_parley(benchmark::State& state, Start start) {
  const call_server server;
  asio::io_context context{1};
  auto api = parley::beast::async_client::make(context.get_executor(),
                                               {.transport = {.base_url = server.url()}});
  require(api.has_value());
  for (auto _ : state) {
    bool is_done = false;
    start(*api, is_done);
    while (!is_done) context.run_one();
  }
  require(api->counts().opened == 1);
  state.SetItemsProcessed(state.iterations());
}

void exchange_async(benchmark::State& state) {
  const client::request what = request();
  run_parley(state, [&](parley::beast::async_client& api, bool& is_done) {
    api.async_exchange(what, std::chrono::seconds(30),
                       [&](const parley::beast::async_client::outcome& made) {
                         require(made && made->status == 202 && made->body == reply);
                         is_done = true;
                       });
  });
}

void send_async(benchmark::State& state) {
  std::optional<client::operation> dial;
  run_parley(state, [&](parley::beast::async_client& api, bool& is_done) {
    dial = *client::operation::make(request());
    api.async_send(*dial, [&](const client::answer& made) {
      require(made.status() == 202 && made.body() == reply);
      is_done = true;
    });
  });
}

void exchange_blocking(benchmark::State& state) {
  const call_server server;
  const auto transport = parley::beast::blocking_transport::make({.base_url = server.url()});
  require(transport.has_value());
  const client::request what = request();
  for (auto _ : state) {
    const auto made = (*transport)->exchange(what, std::chrono::seconds(30), {});
    require(made && made->status == 202 && made->body == reply);
  }
  state.SetItemsProcessed(state.iterations());
}

void exchange_beast(benchmark::State& state) {
  const call_server server;
  asio::io_context context{1};
  boost::beast::tcp_stream stream(context);
  stream.connect({asio::ip::address_v4::loopback(), server.port()});
  stream.socket().set_option(asio::ip::tcp::no_delay(true));
  boost::beast::flat_buffer buffer;
  for (auto _ : state) {
    bhttp::request<bhttp::string_body> what(bhttp::verb::post, "/v1/calls/dial", 11);
    what.set(bhttp::field::host, "127.0.0.1");
    what.set(bhttp::field::authorization, "Bearer test_valid");
    what.set(bhttp::field::content_type, "application/json");
    what.body() = call;
    what.prepare_payload();
    bhttp::write(stream, what);
    bhttp::response<bhttp::string_body> made;
    bhttp::read(stream, buffer, made);
    require(made.result_int() == 202 && made.body() == reply);
  }
  state.SetItemsProcessed(state.iterations());
}

#ifdef PARLEY_BENCH_CURL
std::size_t append(char* bytes, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * count);
  return size * count;
}

void exchange_curl(benchmark::State& state) {
  const call_server server;
  const std::string url = server.url() + "/v1/calls/dial";
  std::string body;
  CURL* const easy = curl_easy_init();
  curl_slist* headers = nullptr;
  for (const char* each : {"Authorization: Bearer test_valid", "Content-Type: application/json"}) {
    headers = curl_slist_append(headers, each);
  }
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  for (auto _ : state) {
    body.clear();
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(call.size()));
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, call.data());
    require(curl_easy_perform(easy) == CURLE_OK);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    require(status == 202 && body == reply);
  }
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(exchange_curl)->Name("beast/request/libcurl_easy")->UseRealTime();
#endif

BENCHMARK(exchange_async)->Name("beast/request/async_exchange")->UseRealTime();
BENCHMARK(send_async)->Name("beast/request/async_send")->UseRealTime();
BENCHMARK(exchange_blocking)->Name("beast/request/blocking_transport")->UseRealTime();
BENCHMARK(exchange_beast)->Name("beast/request/bare_beast")->UseRealTime();

}  // namespace
