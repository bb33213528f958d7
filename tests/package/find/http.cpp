// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <parley/http/call_numbers.hpp>
#include <parley/http/message.hpp>
#include <parley/http/service.hpp>

int main() {
  namespace http = parley::http;
  http::routes api;
  api.get("/v1/calls", [](const http::request_view&) { return http::json_response(200, "[]"); });
  const http::service service(
      std::move(api),
      [](const http::request_view&) -> http::authentication { return std::string("tenant"); });
  const auto numbers = http::read_call_numbers({"to", "+14155550123"}, {"from", "+14155550100"});
  return numbers && service.refuse(413, "too large").status == 413 ? 0 : 1;
}
