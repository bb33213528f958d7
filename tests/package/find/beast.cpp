// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <utility>

#include <parley/beast/client.hpp>
#include <parley/beast/server.hpp>

namespace beast = parley::beast;
namespace client = parley::client;
namespace http = parley::http;

int main() {
  http::routes api;
  api.get("/v1/calls", [](const http::request_view&) { return http::json_response(200, "[]"); });
  const http::service service(
      std::move(api),
      [](const http::request_view&) -> http::authentication { return std::string("tenant"); });
  beast::server server(service, {.address = "127.0.0.1", .port = 0, .threads = 1});
  if (!server.start()) return 1;

  auto transport = beast::blocking_transport::make(
      {.base_url = "http://127.0.0.1:" + std::to_string(server.port())});
  if (!transport) return 1;
  client::request asked;
  asked.method = "GET";
  asked.target = "/v1/calls";
  const auto got = (*transport)->exchange(asked, std::chrono::seconds(10), {});
  transport->reset();
  server.drain(std::chrono::seconds(1));
  return got && got->status == 200 && got->body == "[]" ? 0 : 1;
}
