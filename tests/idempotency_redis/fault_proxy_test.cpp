// SPDX-License-Identifier: Apache-2.0
//
// The tools of the fault tests: that each fault happens, and no other.

#include "idempotency_redis/support/fault_proxy.hpp"

#include <hiredis/hiredis.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "idempotency_redis/support/redis_server.hpp"

namespace parley::testing_support {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view ping = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view pong = "+PONG\r\n";

// A client of the network; an answer that takes longer than it waits is none.
class client {
 public:
  explicit client(const fault_proxy& network, std::chrono::seconds patience = 20s) {
    const timeval timeout{patience.count(), 0};
    context_ = redisConnectWithTimeout("127.0.0.1", network.port(), timeout);
    redisSetTimeout(context_, timeout);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { redisFree(context_); }

  bool is_connected() const { return context_->err == 0; }
  bool pings() {
    if (!is_connected()) return false;
    auto* const reply = static_cast<redisReply*>(redisCommand(context_, "PING"));
    if (reply == nullptr) return false;
    const bool is_right = std::string_view(reply->str, reply->len) == "PONG";
    freeReplyObject(reply);
    return is_right;
  }

 private:
  redisContext* context_;
};

struct FaultProxy : testing::Test {
  redis_server server;
  fault_proxy network{server.port()};
};

TEST_F(FaultProxy, PassesBytesAndCountsThem) {
  client one(network);
  client two(network);
  EXPECT_TRUE(one.pings());
  EXPECT_TRUE(two.pings());
  EXPECT_EQ(network.forwarded(way::to_server), 2 * ping.size());
  EXPECT_EQ(network.forwarded(way::to_client), 2 * pong.size());
  EXPECT_EQ(network.counts().all(), 0u);
}

TEST_F(FaultProxy, RefusesNewConnectionsOnly) {
  client before(network);
  EXPECT_TRUE(before.pings());
  network.refuse(true);
  EXPECT_TRUE(before.pings());
  EXPECT_FALSE(client(network).pings());
  network.calm();
  EXPECT_TRUE(client(network).pings());
  EXPECT_EQ(network.counts().refusals, 1u);
}

TEST_F(FaultProxy, ResetsEveryConnection) {
  client one(network);
  client two(network);
  ASSERT_TRUE(one.pings() && two.pings());
  network.reset_all();
  EXPECT_FALSE(one.pings());
  EXPECT_FALSE(two.pings());
  EXPECT_TRUE(client(network).pings());
  EXPECT_EQ(network.counts().resets, 2u);
}

TEST_F(FaultProxy, DelaysAtLeastAsLongAsTold) {
  for (const way to : {way::to_server, way::to_client}) {
    client slow(network);
    network.delay(to, 50ms);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(slow.pings());
    EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
    network.calm();
  }
  EXPECT_EQ(network.counts().delays, 2u);
}

TEST_F(FaultProxy, SwallowsAndThenEndsTheConnection) {
  for (const way to : {way::to_server, way::to_client}) {
    client bitten(network);
    client spared(network);
    ASSERT_TRUE(bitten.pings() && spared.pings());
    network.swallow(to, true);
    client impatient(network, 1s);
    EXPECT_FALSE(impatient.pings());
    network.swallow(to, false);
    EXPECT_TRUE(spared.pings()) << "nothing of it was lost";
    EXPECT_TRUE(client(network).pings());
  }
  EXPECT_EQ(network.counts().swallowed, 2u);
}

TEST_F(FaultProxy, BlackholeLosesNothing) {
  client held(network, 1s);
  ASSERT_TRUE(held.pings());
  network.blackhole(true);
  EXPECT_FALSE(held.pings());
  const auto before = network.forwarded(way::to_server);
  network.calm();
  EXPECT_EQ(network.forwarded(way::to_server), before + ping.size());
  EXPECT_EQ(network.counts().blackholes, 1u);
}

TEST_F(FaultProxy, CutsAfterExactlySoManyBytes) {
  for (const cut how : {cut::finish, cut::reset}) {
    for (const way to : {way::to_server, way::to_client}) {
      const std::uint64_t size = to == way::to_server ? ping.size() : pong.size();
      for (std::uint64_t at = 0; at <= size; ++at) {
        client cut_off(network);
        const auto before = network.forwarded(to);
        network.cut_after(to, at, how);
        EXPECT_EQ(cut_off.pings(), at == size) << at;
        EXPECT_EQ(network.forwarded(to), before + at);
        network.calm();
      }
    }
  }
  EXPECT_EQ(network.counts().cuts, 2 * (ping.size() + pong.size()));
}

TEST(RedisServer, ComesBackOverTheSameFolderAndPort) {
  redis_server server({.appends = append_only::always, .password = "secret"});
  server.command({"SET", "key", "value"});
  const auto port = server.port();
  server.kill9();
  EXPECT_FALSE(server.is_running());
  EXPECT_THROW(server.command({"PING"}), std::runtime_error);
  server.restart();
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(server.command({"GET", "key"}).text, "value");
  server.terminate();
  server.restart();
  EXPECT_EQ(server.command({"GET", "key"}).text, "value");
  EXPECT_THROW(server.command({"GET"}), std::runtime_error);
}

TEST(RedisServer, ForgetsWithoutAnAppendOnlyFile) {
  redis_server server;
  server.command({"SET", "key", "value"});
  server.kill9();
  server.restart();
  EXPECT_EQ(server.command({"GET", "key"}).what, redis_reply::kind::nil);
}

TEST(RedisServer, ClockIsMovedByTheTestAlone) {
  redis_server server({.has_manual_clock = true});
  server.command({"SET", "key", "value", "PX", "1000"});
  EXPECT_EQ(server.command({"PTTL", "key"}).integer, 1000);
  server.advance_clock(1ms);
  EXPECT_EQ(server.command({"PTTL", "key"}).integer, 999);
  server.advance_clock(999ms);
  EXPECT_EQ(server.command({"PTTL", "key"}).integer, 0) << "Redis keeps it for one more";
  server.advance_clock(1ms);
  EXPECT_EQ(server.command({"GET", "key"}).what, redis_reply::kind::nil);
}

}  // namespace
}  // namespace parley::testing_support
