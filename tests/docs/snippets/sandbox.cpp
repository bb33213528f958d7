// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/sandbox.md.

#include "parley/sandbox/sandbox.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace sandbox = parley::sandbox;

namespace {

struct my_client {
  my_client(std::string to, std::string with) : url(std::move(to)), key(std::move(with)) {}
  std::string url;
  std::string key;
};

TEST(Sandbox, StartsInATest) {
  auto api = sandbox::start();
  ASSERT_TRUE(api) << api.error().what;
  my_client client(api->url(), "test_valid");

  EXPECT_TRUE(client.url.starts_with("http://127.0.0.1:"));
}

}  // namespace
