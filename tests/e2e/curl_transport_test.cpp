// SPDX-License-Identifier: Apache-2.0
//
// The transport of docs/examples against the sandbox, and against a server that fails in every way.

#include "curl_transport.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parley/client/client.hpp"
#include "parley/client/pages.hpp"
#include "parley/sandbox/sandbox.hpp"

namespace {

using namespace std::chrono_literals;
using curl_example::curl_transport;
using parley::client::transport_errc;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
namespace client = parley::client;

class socket_handle {
 public:
  explicit socket_handle(int fd = ::socket(AF_INET, SOCK_STREAM, 0)) : fd_(fd) {}
  socket_handle(socket_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  socket_handle& operator=(socket_handle&&) = delete;
  ~socket_handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t size = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  /// A head, and so much of a body as it says; empty: the connection ended before.
  std::string read_message() const {
    std::string got;
    char chunk[4096];
    for (;;) {
      const std::size_t head = got.find("\r\n\r\n");
      if (head != got.npos) {
        const std::size_t at = got.find("ontent-Length: ");
        std::size_t size = 0;
        if (at < head) std::from_chars(got.data() + at + 15, got.data() + head, size);
        if (got.size() >= head + 4 + size) return got;
      }
      const ssize_t size = ::recv(fd_, chunk, sizeof chunk, 0);
      if (size <= 0) return {};
      got.append(chunk, static_cast<std::size_t>(size));
      if (got[0] < 'A' || got[0] > 'Z') return got;  // TLS
    }
  }

 private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return made;
}

/// What a handler returns to close the connection without an answer, or to leave it open.
constexpr std::string_view close_it = "close";
constexpr std::string_view say_nothing = "nothing";

/// Answers each request with the bytes that a handler returns, on a thread for each connection. One
/// that does not begin with "HTTP/" ends its connection, as do those of `Connection: close`.
class raw_server {
 public:
  using handler = std::function<std::string(const std::string& request)>;
  explicit raw_server(handler by) : handler_(std::move(by)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(listening_.fd(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listening_.fd(), 16);
    ::getsockname(listening_.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] { accept(); });
  }
  ~raw_server() {
    ::shutdown(listening_.fd(), SHUT_RDWR);
    accepting_.join();
    for (const socket_handle& each : connections_) ::shutdown(each.fd(), SHUT_RDWR);
  }

  std::string url(std::string_view scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_);
  }
  /// All requests, whole ones.
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void accept() {
    for (;;) {
      const int fd = ::accept(listening_.fd(), nullptr, nullptr);
      if (fd < 0) return;
      connections_.emplace_back(fd);
      threads_.emplace_back([this, &on = connections_.back()] { serve(on); });
    }
  }
  void serve(const socket_handle& on) {
    for (;;) {
      const std::string request = on.read_message();
      if (request.empty()) break;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
      }
      const std::string response = handler_(request);
      if (response == say_nothing) continue;
      if (response != close_it) on.write(response);
      if (!response.starts_with("HTTP/") || response.find("Connection: close") != response.npos) {
        break;
      }
    }
    ::shutdown(on.fd(), SHUT_RDWR);
  }

  const handler handler_;
  socket_handle listening_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
  std::list<socket_handle> connections_;  // of accepting_
  std::list<std::jthread> threads_;       // of accepting_
  std::jthread accepting_;
};

/// Hands the request on to the server at that port, and returns its response.
std::string relay(std::uint16_t port, const std::string& request) {
  const socket_handle to;
  const sockaddr_in address = loopback(port);
  if (::connect(to.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::string(close_it);
  }
  to.write(request);
  return to.read_message();
}

client::client_options impatient() {
  client::client_options made;
  made.send.headers = {{"Authorization", "Bearer test_valid"}};
  made.sleep = [](std::chrono::milliseconds, std::stop_token) {};
  return made;
}

client::operation dial() {
  return *client::operation::post("/v1/calls/dial",
                                  R"({"from_number":"+14155551234","to_number":"+14155556789"})");
}

// Against the sandbox.

TEST(CurlTransport, PlacesACall) {
  const auto api = parley::sandbox::start();
  ASSERT_TRUE(api);
  curl_transport by(api->url());
  client::blocking_client calls(by, impatient());
  auto of = dial();
  const client::answer got = calls.send(of);
  EXPECT_EQ(got.status(), 202) << got.body();
  EXPECT_THAT(std::string(got.body()), HasSubstr(R"("call_id":"call_)"));
  EXPECT_NE(got.request_id(), "");
  EXPECT_EQ(api->calls_placed(), 1u);
}

TEST(CurlTransport, PlacesOneCallWhereResponsesAreLost) {
  const auto api = parley::sandbox::start();
  ASSERT_TRUE(api);
  std::atomic<int> lost = 0;
  const raw_server lossy([&](const std::string& request) {
    const std::string response = relay(api->port(), request);
    return ++lost <= 2 ? std::string(close_it) : response;
  });
  curl_transport by(lossy.url());
  client::blocking_client calls(by, impatient());
  auto of = dial();
  const client::answer got = calls.send(of);
  EXPECT_EQ(got.status(), 202);
  EXPECT_EQ(got.attempts, 3u);
  EXPECT_TRUE(got.is_replay());
  EXPECT_EQ(api->calls_placed(), 1u);
}

TEST(CurlTransport, WalksThroughAList) {
  const auto api = parley::sandbox::start();
  ASSERT_TRUE(api);
  curl_transport by(api->url());
  client::blocking_client calls(by, impatient());
  for (int i = 0; i < 5; ++i) {
    auto of = dial();
    ASSERT_TRUE(calls.send(of).is_success());
  }
  std::vector<std::string> items;
  std::string place;
  client::page_walk walk("/v1/calls?limit=2");
  for (const auto& each : client::items(calls, walk)) {
    ASSERT_TRUE(each);
    if (items.size() == 3) place = walk.checkpoint();
    items.emplace_back(each->json.substr(0, each->json.find(',')));
  }
  ASSERT_THAT(items, SizeIs(5));
  auto resumed = client::page_walk::resume(place);
  ASSERT_TRUE(resumed);
  std::vector<std::string> rest;
  for (const auto& each : client::items(calls, *resumed)) {
    ASSERT_TRUE(each);
    rest.emplace_back(each->json.substr(0, each->json.find(',')));
  }
  EXPECT_THAT(rest, ElementsAre(items[3], items[4]));
}

// What is said of a failure.

struct failure_case {
  const char* name;
  std::string response;
  transport_errc why;
  bool may_have_arrived = true;
  const char* scheme = "http";
  std::chrono::milliseconds timeout = 20s;
};
class CurlTransportFailure : public testing::TestWithParam<failure_case> {};

TEST_P(CurlTransportFailure, IsToldPrecisely) {
  const raw_server server([](const std::string&) { return GetParam().response; });
  curl_transport by(server.url(GetParam().scheme), {.headers_max = 200, .body_max = 10});
  const auto got = by.exchange({.method = "POST", .target = "/", .body = "{}"}, GetParam().timeout,
                               std::stop_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(to_string(got.error().why), to_string(GetParam().why)) << got.error().what;
  EXPECT_EQ(got.error().may_have_arrived, GetParam().may_have_arrived);
  EXPECT_NE(got.error().what, "");
}

std::string with_body(std::size_t said, std::size_t size) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(said) +
         "\r\nConnection: close\r\n\r\n" + std::string(size, 'b');
}

INSTANTIATE_TEST_SUITE_P(
    , CurlTransportFailure,
    testing::Values(
        failure_case{"NoAnswer", std::string(close_it), transport_errc::connection_lost},
        failure_case{"HalfAHead", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Le",
                     transport_errc::connection_lost},
        failure_case{"HalfABody", with_body(9, 8), transport_errc::connection_lost},
        failure_case{"LongBody", with_body(11, 11), transport_errc::too_large},
        failure_case{"LongHead", "HTTP/1.1 200 OK\r\nX: " + std::string(200, 'x') + "\r\n\r\n",
                     transport_errc::too_large},
        failure_case{"NoHttp", "220 mail.example.com\r\n", transport_errc::bad_response},
        failure_case{"Silence", std::string(say_nothing), transport_errc::timed_out, true, "http",
                     100ms},
        failure_case{"NoTls", std::string(close_it), transport_errc::not_connected, false, "https",
                     20s},
        failure_case{"NoScheme", std::string(close_it), transport_errc::not_connected, false,
                     "ftp"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(CurlTransport, TellsThatNobodyListens) {
  const auto url = [] { return raw_server(nullptr).url(); }();
  curl_transport by(url);
  const auto got = by.exchange({.method = "GET", .target = "/"}, 20s, std::stop_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().why, transport_errc::not_connected);
  EXPECT_FALSE(got.error().may_have_arrived);
}

TEST(CurlTransport, IsCancelledInAnExchange) {
  std::stop_source stop;
  const raw_server server([&stop](const std::string&) {
    stop.request_stop();
    return std::string(say_nothing);
  });
  curl_transport by(server.url());
  const auto got = by.exchange({.method = "GET", .target = "/"}, 20s, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().why, transport_errc::cancelled);
  EXPECT_TRUE(got.error().may_have_arrived);
}

TEST(CurlTransport, SendsNothingOnceItIsCancelled) {
  const raw_server server([](const std::string&) { return with_body(1, 1); });
  curl_transport by(server.url());
  std::stop_source stop;
  stop.request_stop();
  const auto got = by.exchange({.method = "GET", .target = "/"}, 20s, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().why, transport_errc::cancelled);
  EXPECT_FALSE(got.error().may_have_arrived);
  EXPECT_THAT(server.seen(), SizeIs(0));
}

TEST(CurlTransport, WritesNoLineBreaksIntoHeaders) {
  const raw_server server([](const std::string&) { return with_body(1, 1); });
  curl_transport by(server.url());
  for (const client::header& each :
       {client::header{"X-A", "b\r\nX-C: d"}, client::header{"X-A\n", "b"},
        client::header{"X-A", std::string("b\0c", 3)}}) {
    const auto got =
        by.exchange({.method = "GET", .target = "/", .headers = {each}}, 20s, std::stop_token());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().why, transport_errc::bad_request);
    EXPECT_FALSE(got.error().may_have_arrived);
  }
  EXPECT_THAT(server.seen(), SizeIs(0));
}

// What goes out and comes in.

TEST(CurlTransport, WritesTheRequestAsItIs) {
  const raw_server server([](const std::string&) { return with_body(1, 1); });
  curl_transport by(server.url());
  const std::string body(100'000, 'b');
  ASSERT_TRUE(by.exchange({.method = "PATCH",
                           .target = "/a/../b?c=%20",
                           .headers = {{"X-Empty", ""}, {"X-A", "b"}},
                           .body = body},
                          20s, std::stop_token()));
  const std::string seen = server.seen().at(0);
  EXPECT_TRUE(seen.starts_with("PATCH /a/../b?c=%20 HTTP/1.1\r\n"));
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + body));
  EXPECT_THAT(seen, HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nX-A: b\r\n"));
  EXPECT_THAT(seen, Not(HasSubstr("Content-Type")));
  EXPECT_THAT(seen, Not(HasSubstr("Expect")));
  ASSERT_TRUE(by.exchange({.method = "POST", .target = "/"}, 20s, std::stop_token()));
  EXPECT_THAT(server.seen().at(1), HasSubstr("\r\nContent-Length: 0\r\n"));
  ASSERT_TRUE(by.exchange({.method = "DELETE", .target = "/"}, 20s, std::stop_token()));
  EXPECT_TRUE(server.seen().at(2).starts_with("DELETE / HTTP/1.1\r\n"));
}

TEST(CurlTransport, ReadsTheFinalHeadAlone) {
  const raw_server server([](const std::string&) {
    return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
           "HTTP/1.1 303 See Other\r\nLocation: /b\r\nX-A: \t b c \r\nX-Empty:\r\n"
           "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
           "2\r\nab\r\n0\r\nX-Trailer: c\r\n\r\n";
  });
  curl_transport by(server.url());
  const auto got = by.exchange({.method = "GET", .target = "/"}, 20s, std::stop_token());
  ASSERT_TRUE(got) << got.error().what;
  EXPECT_EQ(got->status, 303);
  EXPECT_EQ(got->body, "ab");
  EXPECT_THAT(got->headers, ElementsAre(client::header{"Location", "/b"},
                                        client::header{"X-A", "b c"}, client::header{"X-Empty", ""},
                                        client::header{"Transfer-Encoding", "chunked"},
                                        client::header{"Connection", "close"}));
  EXPECT_THAT(server.seen(), SizeIs(1)) << "redirects are not followed";
}

TEST(CurlTransport, TakesTheLargestThatItMay) {
  const raw_server server([](const std::string&) { return with_body(10, 10); });
  curl_transport by(server.url(), {.body_max = 10});
  const auto got = by.exchange({.method = "GET", .target = "/"}, 20s, std::stop_token());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, std::string(10, 'b'));
}

// libcurl sends a request again where a kept connection turns out to be closed.
TEST(CurlTransport, SendsWithoutAKeyNothingTwice) {
  const raw_server server([](const std::string& request) {
    return request.starts_with("GET") ? std::string("HTTP/1.1 204 No Content\r\n\r\n")
                                      : std::string(close_it);
  });
  curl_transport by(server.url());
  const auto post = [&](std::vector<client::header> headers) {
    EXPECT_TRUE(by.exchange({.method = "GET", .target = "/"}, 20s, std::stop_token()));
    const auto got =
        by.exchange({.method = "POST", .target = "/", .headers = std::move(headers), .body = "{}"},
                    20s, std::stop_token());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().why, transport_errc::connection_lost);
    EXPECT_TRUE(got.error().may_have_arrived);
  };
  post({});
  EXPECT_THAT(server.seen(), SizeIs(2));
  post({{"Idempotency-Key", "k"}});
  EXPECT_THAT(server.seen(), SizeIs(5)) << "the GET, and the POST twice";
}

TEST(CurlTransport, IsUsedByManyThreads) {
  const auto api = parley::sandbox::start();
  ASSERT_TRUE(api);
  curl_transport by(api->url());
  client::blocking_client calls(by, impatient());
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&calls] {
        for (int j = 0; j < 10; ++j) {
          auto of = dial();
          EXPECT_EQ(calls.send(of).fate, client::fate::done);
        }
      });
    }
  }
  EXPECT_EQ(api->calls_placed(), 40u);
}

}  // namespace
