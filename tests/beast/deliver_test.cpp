// SPDX-License-Identifier: Apache-2.0
//
// Responses that leave the server otherwise than whole, as a client sees them.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "parley/beast/server.hpp"
#include "parley/http/service.hpp"
#include "support/raw_client.hpp"

namespace parley::beast {
namespace {

using namespace std::chrono_literals;
using testing_support::raw_client;

constexpr std::string_view body = "0123456789";

// Every GET is answered with `body`, a DELETE with a 204; /asked leaves as a test says.
class Deliver : public testing::Test {
 protected:
  Deliver() {
    http::routes table;
    fill(table);
    service_.emplace(std::move(table), [](const http::request_view&) -> http::authentication {
      return std::string("all");
    });
    server_options chosen;
    chosen.deliver = [this](const http::request_view& r, const http::response& made) {
      EXPECT_TRUE(made.header("X-Request-Id").has_value()) << "it is asked about what is sent";
      if (r.path != "/asked") return delivery{};
      const std::lock_guard lock(mutex_);
      ++asked_;
      changed_.notify_all();
      if (throws_) throw std::runtime_error("no way");
      return as_;
    };
    server_.emplace(*service_, std::move(chosen));
    if (!server_->start()) throw std::runtime_error("no server");
  }

  static void fill(http::routes& table) {
    const auto answer = [](const http::request_view&) {
      return http::json_response(200, std::string(body));
    };
    table.get("/asked", answer);
    table.get("/other", answer);
    table.delete_("/asked", [](const http::request_view&) { return http::response{204}; });
  }

  void leave(delivery as) {
    const std::lock_guard lock(mutex_);
    as_ = as;
  }
  void leave_by_a_throw() {
    const std::lock_guard lock(mutex_);
    throws_ = true;
  }
  void wait_until_asked(int times = 1) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return asked_ >= times; }));
  }

  raw_client connect() { return raw_client(server_->port()); }
  static std::string get(std::string_view path, std::string_view method = "GET") {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  // What is left of the connection after one request to /asked.
  std::optional<raw_client::rest> rest_of(std::string_view method = "GET") {
    raw_client client = connect();
    client.send(get("/asked", method));
    return client.read_rest();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  delivery as_;
  bool throws_ = false;
  int asked_ = 0;
  std::optional<http::service> service_;
  std::optional<server> server_;
};

TEST_F(Deliver, WholeIsAsWithoutIt) {
  raw_client client = connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask(get("/asked")).body, body);
    EXPECT_EQ(client.ask(get("/other")).body, body);
  }
}

TEST_F(Deliver, LateIsWholeAndKeepsTheConnection) {
  leave({.delay = 20ms});
  raw_client client = connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask(get("/asked")).body, body);
  leave({.delay = -1h});
  EXPECT_EQ(client.ask(get("/asked")).body, body);
}

struct cut_case {
  std::size_t body_bytes;
  std::string_view left;
};

TEST_F(Deliver, CutsWithinTheBodyItAnnounces) {
  for (const cut_case& each : {cut_case{0, ""}, cut_case{1, "0"}, cut_case{9, "012345678"},
                               cut_case{10, body}, cut_case{11, body}}) {
    SCOPED_TRACE(each.body_bytes);
    leave({.how = delivery::way::cut, .body_bytes = each.body_bytes});
    const auto rest = rest_of();
    ASSERT_TRUE(rest.has_value());
    EXPECT_FALSE(rest->was_reset);
    EXPECT_TRUE(rest->bytes.starts_with("HTTP/1.1 200 OK\r\n")) << rest->bytes;
    EXPECT_NE(rest->bytes.find("\r\nContent-Length: 10\r\n"), std::string::npos);
    EXPECT_NE(rest->bytes.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(rest->bytes.ends_with("\r\n\r\n" + std::string(each.left))) << rest->bytes;
  }
}

TEST_F(Deliver, CutsWhatHasNoBody) {
  leave({.how = delivery::way::cut, .body_bytes = 5});
  for (const char* method : {"HEAD", "DELETE"}) {
    const auto rest = rest_of(method);
    ASSERT_TRUE(rest.has_value());
    EXPECT_TRUE(rest->bytes.starts_with("HTTP/1.1 20")) << rest->bytes;
    EXPECT_TRUE(rest->bytes.ends_with("\r\n\r\n")) << rest->bytes;
  }
}

TEST_F(Deliver, DropsWithoutAByte) {
  leave({.how = delivery::way::drop});
  const auto rest = rest_of();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->bytes, "");
  EXPECT_FALSE(rest->was_reset);
}

TEST_F(Deliver, ResetsWithoutAByte) {
  leave({.how = delivery::way::reset});
  const auto rest = rest_of();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->bytes, "");
  EXPECT_TRUE(rest->was_reset);
}

TEST_F(Deliver, AThrowEndsTheConnectionAlone) {
  leave_by_a_throw();
  const auto rest = rest_of();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->bytes, "");
  EXPECT_EQ(connect().ask(get("/other")).status, 200);
}

// One event loop: what hangs or waits holds nothing else up.
TEST_F(Deliver, HangsUntilTheClientGoes) {
  leave({.how = delivery::way::hang});
  raw_client client = connect();
  client.send(get("/asked"));
  wait_until_asked();
  EXPECT_EQ(connect().ask(get("/other")).body, body);
  client.send(get("/other") + std::string(100'000, 'x'));  // is not looked at any more
  EXPECT_EQ(connect().ask(get("/other")).body, body);
  EXPECT_FALSE(client.has_data());
  client.finish_sending();
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Deliver, ADrainEndsWhatHangsAtOnce) {
  leave({.how = delivery::way::hang});
  raw_client client = connect();
  client.send(get("/asked"));
  wait_until_asked();
  EXPECT_TRUE(server_->drain(24h)) << "nothing was to be answered";
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Deliver, ADrainCutsOffWhatIsTooLate) {
  leave({.delay = 24h});
  raw_client client = connect();
  client.send(get("/asked"));
  wait_until_asked();
  EXPECT_EQ(connect().ask(get("/other")).body, body);
  EXPECT_FALSE(client.has_data());
  EXPECT_FALSE(server_->drain(1ms));
  EXPECT_TRUE(client.reads_end());
}

TEST_F(Deliver, ADrainLetsOutWhatIsLate) {
  leave({.delay = 20ms});
  raw_client client = connect();
  client.send(get("/asked"));
  wait_until_asked();
  EXPECT_TRUE(server_->drain(1h));
  const auto late = client.read();
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->body, body);
}

TEST_F(Deliver, IsNotAskedAboutWhatTheServerRefuses) {
  leave({.how = delivery::way::drop});
  EXPECT_EQ(connect().ask("GET /asked HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(asked_, 0);
}

// The client may be gone by the time.
TEST_F(Deliver, ThatNobodyReadsEndsTheConnectionAlone) {
  for (const auto how : {delivery::way::whole, delivery::way::cut, delivery::way::drop,
                         delivery::way::reset, delivery::way::hang}) {
    leave({.how = how, .delay = 5ms});
    raw_client client = connect();
    client.send(get("/asked"));
    client.reset();
    EXPECT_EQ(connect().ask(get("/other")).body, body);
  }
  EXPECT_TRUE(server_->drain(1h));
}

}  // namespace
}  // namespace parley::beast
