// SPDX-License-Identifier: Apache-2.0
//
// Ends from outside: cancelled or destroyed, wherever an operation may be waiting; and who waits
// for a connection.

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "beast/support/client_fixture.hpp"
#include "beast/support/scripted_server.hpp"
#include "parley/beast/client.hpp"

namespace parley::beast {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::gate;
using testing_support::get;
using testing_support::ok;
using testing_support::peer;
using testing_support::scripted_server;

// Where an operation is when it is ended.
enum class point { connecting, handshake, writing, no_byte, half_head, half_body, waiting };

struct point_case {
  const char* name;
  point at;
  std::string_view outcome;
};
constexpr point_case point_cases[] = {
    {"Connecting", point::connecting, "cancelled"}, {"Handshake", point::handshake, "cancelled"},
    {"Writing", point::writing, "cancelled*"},      {"NoByte", point::no_byte, "cancelled*"},
    {"HalfHead", point::half_head, "cancelled*"},   {"HalfBody", point::half_body, "cancelled*"},
    {"Waiting", point::waiting, "cancelled"},
};

// A listener that takes no more connections: to connect to it takes for ever.
class full_listener {
 public:
  full_listener() {
    ::listen(fd_.native_handle(), 0);
    // One more than the backlog; then the kernel drops what comes.
    for (auto& each : fillers_) {
      each.open(asio::ip::tcp::v4());
      each.native_non_blocking(true);
      // Not Asio's, which waits.
      const auto to = fd_.local_endpoint();
      std::ignore = ::connect(each.native_handle(), to.data(), static_cast<socklen_t>(to.size()));
    }
  }
  std::uint16_t port() const { return fd_.local_endpoint().port(); }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor fd_{context_, {asio::ip::address_v4::loopback(), 0}};
  std::array<asio::ip::tcp::socket, 3> fillers_ = {asio::ip::tcp::socket(context_),
                                                   asio::ip::tcp::socket(context_),
                                                   asio::ip::tcp::socket(context_)};
};

class Ending : public testing_support::client_fixture,
               public testing::WithParamInterface<point_case> {
 protected:
  // Makes a client and starts an exchange with `token`. Without a timeout, waits until it is at the
  // point.
  template <class CompletionToken>
  auto start_at(point at, CompletionToken&& token, std::optional<milliseconds> timeout = {}) {
    client::request what = {"GET", "/"};
    std::string url;
    switch (at) {
      case point::connecting:
        full_ = std::make_unique<full_listener>();
        url = "http://127.0.0.1:" + std::to_string(full_->port());
        break;
      case point::handshake:
        // It is plain, and says nothing.
        server_ = std::make_unique<scripted_server>([this](peer& client, int) {
          reached_.open();
          client.wait_for_end();
        });
        url = "https://127.0.0.1:" + std::to_string(server_->port());
        break;
      case point::writing:
        // More than the kernel's buffers hold, to somebody who does not read.
        what = {"POST", "/", {}, std::string(std::size_t{64} << 20, 'x')};
        server_ = std::make_unique<scripted_server>([this](peer& client, int) {
          std::ignore = client;
          reached_.open();
          ended_.wait();
        });
        url = server_->url();
        break;
      case point::no_byte:
      case point::half_head:
      case point::half_body:
        server_ = std::make_unique<scripted_server>([this, at](peer& client, int) {
          client.read_request();
          if (at == point::half_head) client.send("HTTP/1.1 200 OK\r\nConten");
          if (at == point::half_body) client.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx");
          reached_.open();
          client.wait_for_end();
        });
        url = server_->url();
        break;
      case point::waiting:
        server_ = std::make_unique<scripted_server>([this](peer& client, int) {
          client.read_request();
          reached_.open();
          client.wait_for_end();
        });
        url = server_->url();
        break;
    }
    make({.transport = {.base_url = url, .connections_max = 1}});
    if (at == point::waiting) {
      before_ = start({"GET", "/before"});
      reached_.wait();
    }
    auto made = client_->async_exchange(std::move(what), timeout.value_or(seconds(20)),
                                        std::forward<CompletionToken>(token));
    if (timeout) return made;
    if (at == point::waiting) {
      while (client_->counts().waiting == 0) std::this_thread::yield();
    } else if (at != point::connecting) {
      reached_.wait();
    }
    // The server may know of the connection before the client does.
    while (at == point::writing && client_->counts().opened == 0) std::this_thread::yield();
    return made;
  }

  std::unique_ptr<full_listener> full_;
  gate reached_;
  gate ended_;
  std::unique_ptr<scripted_server> server_;
  std::future<async_client::outcome> before_;
};

TEST_P(Ending, ByCancellation) {
  asio::cancellation_signal signal;
  auto outcome =
      start_at(GetParam().at, asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  asio::post(context_, [&] { signal.emit(asio::cancellation_type::terminal); });
  EXPECT_EQ(text_of(get(std::move(outcome))), GetParam().outcome);
  client_.reset();
  ended_.open();
}

TEST_P(Ending, ByDestruction) {
  auto outcome = start_at(GetParam().at, asio::use_future);
  client_.reset();
  EXPECT_EQ(text_of(get(std::move(outcome))), GetParam().outcome);
  if (before_.valid()) {
    EXPECT_EQ(text_of(get(std::move(before_))), "cancelled*");
  }
  ended_.open();
}

TEST_P(Ending, ByTimeout) {
  const auto outcome = get(start_at(GetParam().at, asio::use_future, milliseconds(30)));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(to_string(outcome.error().why), "timed_out");
  client_.reset();
  ended_.open();
}

TEST(ConnectTimeout, IsNotConnected) {
  const full_listener nobody;
  asio::io_context context;
  auto made = async_client::make(
      context.get_executor(),
      {.transport = {.base_url = "http://127.0.0.1:" + std::to_string(nobody.port()),
                     .connect_timeout = milliseconds(20)}});
  ASSERT_TRUE(made.has_value());
  auto outcome = made->async_exchange({"POST", "/"}, seconds(20), asio::use_future);
  context.run();
  const auto got = get(std::move(outcome));
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(to_string(got.error().why), "not_connected");
  EXPECT_FALSE(got.error().may_have_arrived);
}

INSTANTIATE_TEST_SUITE_P(, Ending, testing::ValuesIn(point_cases),
                         [](const auto& each) { return std::string(each.param.name); });

class Ends : public testing_support::client_fixture {};

TEST_F(Ends, APauseByCancellation) {
  gate attempted;
  const scripted_server server([&](peer& client, int nth) {
    client.read_request();
    client.send("HTTP/1.1 503 X\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n");
    if (nth == 0) attempted.open();
    client.wait_for_end();
  });
  make_for(server.url());
  auto dial = client::operation::post("/v1/calls/dial", "{}");
  ASSERT_TRUE(dial.has_value());
  asio::cancellation_signal signal;
  auto answer =
      client_->async_send(*dial, asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  attempted.wait();
  while (client_->counts().idle == 0) std::this_thread::yield();
  asio::post(context_, [&] { signal.emit(asio::cancellation_type::total); });
  const client::answer got = get(std::move(answer));
  EXPECT_EQ(to_string(got.why), "cancelled");
  EXPECT_EQ(to_string(got.fate), "unknown");
  EXPECT_EQ(got.status(), 503);
  EXPECT_EQ(got.attempts, 1u);
}

TEST_F(Ends, APauseByDestruction) {
  const scripted_server server([](peer& client, int) {
    client.read_request();
    client.send("HTTP/1.1 503 X\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n");
    client.wait_for_end();
  });
  make_for(server.url());
  auto dial = client::operation::post("/v1/calls/dial", "{}");
  ASSERT_TRUE(dial.has_value());
  auto answer = client_->async_send(*dial, asio::use_future);
  while (client_->counts().idle == 0) std::this_thread::yield();
  client_.reset();
  EXPECT_EQ(to_string(get(std::move(answer)).why), "cancelled");
}

TEST_F(Ends, AnEmissionBeforeTheStartCounts) {
  make_for("http://127.0.0.1:1");
  asio::cancellation_signal signal;
  std::promise<async_client::outcome> promise;
  asio::post(context_, [&] {
    client_->async_exchange(
        {"GET", "/"}, seconds(20),
        asio::bind_cancellation_slot(signal.slot(), [&](async_client::outcome made) {
          promise.set_value(std::move(made));
        }));
    signal.emit(asio::cancellation_type::terminal);
  });
  EXPECT_EQ(text_of(get(promise.get_future())), "cancelled");
}

TEST_F(Ends, AnEmissionAfterTheEndIsNothing) {
  const scripted_server server([](peer& client, int) {
    while (client.read_request()) client.send(ok("a"));
  });
  make_for(server.url());
  asio::cancellation_signal signal;
  EXPECT_EQ(text_of(get(client_->async_exchange(
                {"GET", "/"}, seconds(20),
                asio::bind_cancellation_slot(signal.slot(), asio::use_future)))),
            "a");
  asio::post(context_, [&] { signal.emit(asio::cancellation_type::terminal); });
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "a");
}

TEST_F(Ends, HandlersRunWhereTheyBelong) {
  const scripted_server server([](peer& client, int) {
    while (client.read_request()) client.send(ok("a"));
  });
  make_for(server.url());
  asio::io_context elsewhere;
  bool was_called = false;
  client_->async_exchange(
      {"GET", "/"}, seconds(20),
      asio::bind_executor(elsewhere.get_executor(),
                          [&](async_client::outcome made) { was_called = made.has_value(); }));
  elsewhere.run();  // has work until then
  EXPECT_TRUE(was_called);
}

TEST_F(Ends, AClientMayGoInAHandler) {
  const scripted_server server([](peer& client, int) {
    while (client.read_request()) client.send(ok("a"));
  });
  make_for(server.url());
  std::promise<void> done;
  client_->async_exchange({"GET", "/"}, seconds(20), [&](const async_client::outcome&) {
    client_.reset();
    done.set_value();
  });
  get(done.get_future());
}

// The context goes with all that is under way: nobody is called, and nothing is left.
TEST(Context, MayEndBeforeTheHandlers) {
  gate reached;
  const scripted_server server([&](peer& client, int) {
    client.read_request();
    reached.open();
    client.wait_for_end();
  });
  bool was_called = false;
  {
    asio::io_context context;
    auto made =
        async_client::make(context.get_executor(), {.transport = {.base_url = server.url()}});
    ASSERT_TRUE(made.has_value());
    made->async_exchange({"GET", "/"}, seconds(20),
                         [&](const async_client::outcome&) { was_called = true; });
    std::thread runs([&] { context.run(); });
    reached.wait();
    context.stop();
    runs.join();
  }
  EXPECT_FALSE(was_called);
}

class Crowd : public testing_support::client_fixture {
 protected:
  Crowd() : client_fixture(4) {}
};

TEST_F(Crowd, SharesFewConnectionsInOrderAndMixesNothingUp) {
  std::atomic<int> served = 0;
  const scripted_server server([&](peer& client, int) {
    while (const auto request = client.read_request()) {
      const std::size_t begin = request->find(' ') + 1;
      // Every tenth answer is the connection's last.
      const bool is_last = ++served % 10 == 0;
      const std::string body = request->substr(begin, request->find(' ', begin) - begin);
      client.send("HTTP/1.1 200 OK\r\n" + std::string(is_last ? "Connection: close\r\n" : "") +
                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
      if (is_last) return;
    }
  });
  make({.transport = {.base_url = server.url(), .connections_max = 4}});
  std::vector<std::future<async_client::outcome>> all;
  for (int i = 0; i < 200; ++i) all.push_back(start({"GET", "/" + std::to_string(i)}));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(text_of(get(std::move(all[static_cast<std::size_t>(i)]))), "/" + std::to_string(i));
  }
  const connection_counts counts = client_->counts();
  EXPECT_EQ(served, 200);
  EXPECT_LE(counts.open, 4u);
  EXPECT_EQ(counts.waiting, 0u);
  EXPECT_EQ(counts.opened + counts.reused, 200u);
  EXPECT_EQ(counts.opened, counts.open + counts.closed_as_asked + counts.closed_by_peer);
}

// Ends at random points, from many threads: each is answered once, and the client goes on.
TEST_F(Crowd, LosesNobodyWhereSomeAreCancelled) {
  const scripted_server server([](peer& client, int) {
    while (client.read_request()) client.send(ok("a"));
  });
  make({.transport = {.base_url = server.url(), .connections_max = 4}});
  struct one {
    explicit one(asio::io_context& context) : strand(asio::make_strand(context)) {}
    asio::strand<asio::io_context::executor_type> strand;
    asio::cancellation_signal signal;
    std::promise<std::string> outcome;
  };
  std::vector<std::unique_ptr<one>> all;
  for (int i = 0; i < 300; ++i) {
    one& each = *all.emplace_back(std::make_unique<one>(context_));
    asio::post(each.strand, [this, &each] {
      client_->async_exchange(
          {"GET", "/"}, seconds(20),
          asio::bind_cancellation_slot(
              each.signal.slot(),
              asio::bind_executor(each.strand, [&each](const async_client::outcome& made) {
                each.outcome.set_value(text_of(made));
              })));
    });
    if (i % 3 == 0) {
      asio::post(each.strand, [&each] { each.signal.emit(asio::cancellation_type::terminal); });
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string outcome = get(all[i]->outcome.get_future());
    EXPECT_TRUE(outcome == "a" || (i % 3 == 0 && outcome.starts_with("cancelled"))) << outcome;
  }
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "a");
}

TEST_F(Crowd, IsAnsweredWhereTheClientIsDestroyed) {
  const scripted_server server([](peer& client, int) {
    while (client.read_request()) client.send(ok("a"));
  });
  make({.transport = {.base_url = server.url(), .connections_max = 4}});
  std::vector<std::future<async_client::outcome>> all;
  for (int i = 0; i < 100; ++i) all.push_back(start({"GET", "/"}));
  client_.reset();
  for (auto& each : all) {
    const std::string outcome = text_of(get(std::move(each)));
    EXPECT_TRUE(outcome == "a" || outcome.starts_with("cancelled")) << outcome;
  }
}

}  // namespace
}  // namespace parley::beast
