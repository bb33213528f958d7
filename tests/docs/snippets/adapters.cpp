// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/adapters.md, with a framework of two types.

#include <future>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "parley/http/exchange.hpp"
#include "parley/http/service.hpp"

namespace http = parley::http;

namespace framework {

struct request {
  std::string path;
};
struct response {
  int status = 0;
};

}  // namespace framework

namespace {

class exchange final : public http::exchange {
 public:
  exchange(const framework::request& from,
           std::string body);  // fills request(), keeps what it looks at
  http::response wait() { return answer_.get_future().get(); }

 private:
  void send(http::response&& r) noexcept override { answer_.set_value(std::move(r)); }
  std::promise<http::response> answer_;
};

// Here the framework keeps the request for as long as serve() waits, and there are no bodies.
exchange::exchange(const framework::request& from, std::string) {
  request().method = http::method::get;
  request().method_name = "GET";
  request().path = from.path;
}

void answer(framework::response& to, const http::response& made) { to.status = made.status; }

void serve(const http::service& service, const framework::request& request, std::string body,
           framework::response& to) {
  const auto e = std::make_shared<exchange>(request, std::move(body));
  service.handle(e);
  answer(to, e->wait());  // where each connection has a thread; else send() writes it
}

TEST(Adapters, ARequestThereAndBack) {
  http::routes routes;
  routes.get("/v1/calls", [](const http::request_view&) { return http::response{.status = 204}; });
  const http::service service(
      std::move(routes),
      [](const http::request_view&) -> http::authentication { return std::string("tenant-1"); });
  framework::response to;
  serve(service, {.path = "/v1/calls"}, "", to);
  EXPECT_EQ(to.status, 204);
}

}  // namespace
