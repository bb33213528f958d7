// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <gtest/gtest.h>

#include "adapter.hpp"
#include "parley/beast/server.hpp"

namespace parley::adapters {
namespace {

class beast_server final : public running_server {
 public:
  explicit beast_server(const http::service& api) : server_(api, {.threads = 2}) {
    const auto started = server_.start();
    EXPECT_TRUE(started.has_value()) << started.error().what;
  }
  std::uint16_t port() const override { return server_.port(); }
  void drain() override { EXPECT_TRUE(server_.drain(std::chrono::minutes(1))); }

 private:
  beast::server server_;
};

}  // namespace

adapter beast_adapter() {
  return {.name = "Beast", .start = [](const http::service& api) {
            return std::unique_ptr<running_server>(new beast_server(api));
          }};
}

}  // namespace parley::adapters
