// SPDX-License-Identifier: Apache-2.0
//
// The tools of the fault tests: that a network splits and heals, and that servers are reached by
// the test, whatever becomes of it.

#include "idempotency_redis/support/network_namespaces.hpp"

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::testing_support {
namespace {

using idempotency::claim_status;
namespace ops = idempotency::ops;

TEST(VirtualNetwork, SplitsAndHeals) {
  const std::string why_not = virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  virtual_network network;
  const auto a = network.add_host();
  const auto b = network.add_host();
  const auto c = network.add_host();
  const redis_server server({.address = network.address(a), .network = network.descriptor(a)});
  std::unique_ptr<observed_store> of_b;
  std::unique_ptr<observed_store> of_c;
  network.run_on(b, [&] { of_b = std::make_unique<observed_store>(hasty(server.url())); });
  network.run_on(c, [&] { of_c = std::make_unique<observed_store>(hasty(server.url())); });
  ASSERT_TRUE(of_b->wait_until_ready());
  ASSERT_TRUE(of_c->wait_until_ready());
  EXPECT_EQ(ops::claim(**of_b, {}).status, claim_status::claimed);

  network.split({{a, c}, {b}});
  EXPECT_EQ(ops::claim(**of_b, {}).status, claim_status::failed);
  EXPECT_TRUE(network.has_unsent(b));
  EXPECT_EQ(ops::claim(**of_c, {.nonce = 2}).status, claim_status::running);
  EXPECT_EQ(server.command({"PING"}).text, "PONG");

  network.heal();
  EXPECT_TRUE(wait_until([&] { return ops::claim(**of_b, {}).status == claim_status::claimed; }));
  EXPECT_TRUE(wait_until([&] { return !network.has_unsent(b); }));

  // Who is not named is in the first group.
  network.split({{}, {c}, {}});
  EXPECT_EQ(ops::claim(**of_b, {}).status, claim_status::claimed);
  EXPECT_EQ(ops::claim(**of_c, {}).status, claim_status::failed);
}

TEST(VirtualNetwork, HasNoWayOutside) {
  const std::string why_not = virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  const redis_server server;
  virtual_network network;
  const auto a = network.add_host();
  std::unique_ptr<observed_store> store;
  network.run_on(a, [&] { store = std::make_unique<observed_store>(hasty(server.url())); });
  EXPECT_TRUE(store->told().wait_for("connect"));
  EXPECT_EQ((*store)->stats().connections, 0u);
}

TEST(VirtualNetwork, ThrowsWhatIsThrownOnAHost) {
  const std::string why_not = virtual_network::why_not();
  if (!why_not.empty()) GTEST_SKIP() << why_not;
  virtual_network network;
  const auto a = network.add_host();
  EXPECT_THROW(network.run_on(a, [] { throw std::logic_error("so"); }), std::logic_error);
}

}  // namespace
}  // namespace parley::testing_support
