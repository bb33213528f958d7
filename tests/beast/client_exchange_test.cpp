// SPDX-License-Identifier: Apache-2.0
//
// Single attempts over real sockets: what comes of what a server does.

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "beast/support/client_fixture.hpp"
#include "beast/support/scripted_server.hpp"
#include "parley/beast/client.hpp"

namespace parley::beast {
namespace {

using std::chrono::milliseconds;
using testing_support::gate;
using testing_support::get;
using testing_support::header_of;
using testing_support::ok;
using testing_support::peer;
using testing_support::scripted_server;

// For what must end by a timeout; what must not has seconds.
constexpr milliseconds shortly{50};

client::request get_request(std::string target = "/") { return {"GET", std::move(target)}; }
client::request post_request(std::string body = "{}") {
  return {"POST", "/v1/calls", {{"Content-Type", "application/json"}}, std::move(body)};
}

class Exchange : public testing_support::client_fixture {};

TEST_F(Exchange, SendsWhatItIsGivenAndReadsWhatComes) {
  std::promise<std::string> seen;
  const scripted_server server([&](peer& client, int) {
    seen.set_value(client.read_request().value_or(""));
    client.send("HTTP/1.1 202 Accepted\r\nX-Request-Id: a\r\nContent-Length: 2\r\n\r\n{}");
    client.wait_for_end();
  });
  make_for(server.url());
  const auto got = exchange(post_request("{\"a\":1}"));
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(got->status, 202);
  EXPECT_EQ(got->body, "{}");
  EXPECT_EQ(got->header("x-request-id"), "a");
  EXPECT_EQ(get(seen.get_future()),
            "POST /v1/calls HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                "\r\nContent-Type: application/json\r\n"
                "Content-Length: 7\r\n\r\n{\"a\":1}");
}

// Answers each request of a connection with the target that was asked for.
void echo_targets(peer& client, int) {
  while (const auto request = client.read_request()) {
    const std::size_t begin = request->find(' ') + 1;
    client.send(ok(request->substr(begin, request->find(' ', begin) - begin)));
  }
}

TEST_F(Exchange, UsesAConnectionAgain) {
  const scripted_server server(echo_targets);
  make_for(server.url());
  for (int i = 0; i < 50; ++i) {
    const std::string target = "/" + std::to_string(i);
    EXPECT_EQ(text_of(exchange(get_request(target))), target);
  }
  EXPECT_EQ(server.connections(), 1);
  const connection_counts counts = client_->counts();
  EXPECT_EQ(counts.opened, 1u);
  EXPECT_EQ(counts.reused, 49u);
  EXPECT_EQ(counts.open, 1u);
  EXPECT_EQ(counts.idle, 1u);
}

TEST_F(Exchange, CarriesLargeBodiesBothWays) {
  const scripted_server server([](peer& client, int) {
    while (const auto request = client.read_request()) {
      client.send(ok(request->substr(request->find("\r\n\r\n") + 4)));
    }
  });
  make_for(server.url());
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{16} << 10, (std::size_t{16} << 10) + 1, std::size_t{3} << 20}) {
    std::string body(size, 'a');
    for (std::size_t i = 0; i < size; i += 97) body[i] = static_cast<char>('a' + i % 23);
    EXPECT_EQ(text_of(exchange(post_request(body))) == body, true) << size;
  }
  EXPECT_EQ(server.connections(), 1);
}

struct answer_case {
  const char* name;
  std::string_view text;
  std::string_view outcome;
  bool is_kept = false;  // the connection
};
constexpr answer_case answer_cases[] = {
    {"Whole", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", true},
    {"Chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab",
     true},
    {"Continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
     "ab", true},
    {"Redirect", "HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 2\r\n\r\nab",
     "ab", true},
    {"HtmlOfAProxy",
     "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
     "<html>", true},
    {"Close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "ab"},
    {"UntilTheEnd", "HTTP/1.1 200 OK\r\n\r\nab", "ab"},
    {"TooShort", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "connection_lost*"},
    {"BytesBehind", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n", "ab"},
    {"Nothing", "", "connection_lost*"},
    {"Garbage", "SSH-2.0-OpenSSH_9.2\r\n", "bad_response*"},
    {"Folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", "bad_response*"},
    {"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
     "bad_response*"},
};

class ExchangeAnswers : public testing_support::client_fixture,
                        public testing::WithParamInterface<answer_case> {};

// After any of these the next request gets its own response.
TEST_P(ExchangeAnswers, AndTheNextRequestIsUnharmed) {
  const answer_case& of = GetParam();
  const scripted_server server([&](peer& client, int nth) {
    if (nth == 0 && client.read_request()) client.send(of.text);
    if (!of.is_kept && nth == 0) return;
    echo_targets(client, nth);
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request())), of.outcome);
  EXPECT_EQ(text_of(exchange(get_request("/next"))), "/next");
  EXPECT_EQ(server.connections(), of.is_kept ? 1 : 2);
}

TEST_P(ExchangeAnswers, ByteByByte) {
  const answer_case& of = GetParam();
  const scripted_server server([&](peer& client, int) {
    if (!client.read_request()) return;
    for (const char byte : of.text) client.send({&byte, 1});
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request())), of.outcome);
}

INSTANTIATE_TEST_SUITE_P(, ExchangeAnswers, testing::ValuesIn(answer_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Exchange, ACutAnywhereIsNoResponse) {
  constexpr std::string_view text =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nT: u\r\n\r\n";
  const scripted_server server([&](peer& client, int nth) {
    if (client.read_request()) client.send(text.substr(0, static_cast<std::size_t>(nth)));
  });
  make_for(server.url());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(text_of(exchange(get_request())), "connection_lost*") << size;
  }
  EXPECT_EQ(client_->counts().closed_in_doubt, text.size());
}

TEST_F(Exchange, AResetIsAConnectionLost) {
  const scripted_server server([](peer& client, int) {
    if (client.read_request()) client.reset();
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request())), "connection_lost*");
}

TEST_F(Exchange, HeadHasNoBody) {
  const scripted_server server([](peer& client, int) {
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    echo_targets(client, 0);
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange({"HEAD", "/"})), "");
  EXPECT_EQ(text_of(exchange(get_request("/a"))), "/a");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Exchange, RefusesARequestThatIsNone) {
  const scripted_server server(echo_targets);
  make_for(server.url());
  EXPECT_EQ(text_of(exchange({"GET", "/", {{"X", "a\r\nY: b"}}})), "bad_request");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Exchange, NobodyThereIsNotConnected) {
  make_for("http://127.0.0.1:" + std::to_string(testing_support::unused_port()));
  EXPECT_EQ(text_of(exchange(post_request())), "not_connected");
  EXPECT_EQ(client_->counts().not_opened, 1u);
  EXPECT_EQ(client_->counts().opened, 0u);
}

// RFC 6761, 6.4: that name is never there.
TEST_F(Exchange, ANameThatIsNotThereIsNotConnected) {
  make_for("http://nobody.invalid:80");
  EXPECT_EQ(text_of(exchange(post_request())), "not_connected");
}

TEST_F(Exchange, ReachesAServerByEitherFamily) {
  const scripted_server v4(echo_targets);
  make_for(v4.url("localhost"));  // which may be ::1 first, where nobody listens
  EXPECT_EQ(text_of(exchange(get_request("/a"))), "/a");
}

TEST_F(Exchange, ReachesAnIpv6Address) {
  std::unique_ptr<scripted_server> v6;
  try {
    v6 = std::make_unique<scripted_server>(echo_targets, std::nullopt, "::1");
  } catch (const std::exception&) {
    GTEST_SKIP() << "no IPv6 here";
  }
  make_for(v6->url("[::1]"));
  EXPECT_EQ(text_of(exchange(get_request("/a"))), "/a");
}

TEST_F(Exchange, ASilentServerTimesOut) {
  const scripted_server server([](peer& client, int nth) {
    if (nth == 0) {
      client.wait_for_end();
    } else {
      echo_targets(client, nth);
    }
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(post_request(), shortly)), "timed_out*");
  EXPECT_EQ(client_->counts().closed_in_doubt, 1u);
  EXPECT_EQ(client_->counts().open, 0u);
  EXPECT_EQ(text_of(exchange(get_request("/next"))), "/next");
}

TEST_F(Exchange, ALateAnswerIsNobodys) {
  gate has_timed_out;
  const scripted_server server([&](peer& client, int nth) {
    if (nth == 0 && client.read_request()) {
      has_timed_out.wait();
      client.send(ok("late"));
    }
    echo_targets(client, nth);
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request(), shortly)), "timed_out*");
  has_timed_out.open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(text_of(exchange(get_request("/own"))), "/own");
}

TEST_F(Exchange, ABodyWithoutEndIsTooLarge) {
  const scripted_server server([](peer& client, int) {
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string chunk(65536, 'x');
    while (client.send(chunk)) {
    }
  });
  make({.transport = {.base_url = server.url(), .body_bytes_max = 1 << 20}});
  EXPECT_EQ(text_of(exchange(get_request())), "too_large*");
}

TEST_F(Exchange, AHeadWithoutEndIsTooLarge) {
  const scripted_server server([](peer& client, int) {
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\n");
    while (client.send("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")) {
    }
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request())), "too_large*");
}

TEST_F(Exchange, ATrickleTimesOut) {
  const scripted_server server([](peer& client, int) {
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (client.send("1\r\nx\r\n")) {
    }
  });
  make({.transport = {.base_url = server.url(), .body_bytes_max = std::size_t{1} << 40}});
  EXPECT_EQ(text_of(exchange(get_request(), shortly)), "timed_out*");
}

// RFC 9112, 9.5: a refusal that comes before the body has gone is read, and the body not sent on.
TEST_F(Exchange, AnEarlyRefusalIsRead) {
  const scripted_server server([](peer& client, int nth) {
    if (nth == 0) {
      client.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    echo_targets(client, nth);
  });
  make_for(server.url());
  const auto got = exchange(post_request(std::string(std::size_t{32} << 20, 'x')));
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(got->status, 413);
  EXPECT_EQ(text_of(exchange(get_request("/next"))), "/next");
}

TEST_F(Exchange, FindsAConnectionThatEndedWhileIdle) {
  gate answered;
  gate ended;
  const scripted_server server([&](peer& client, int nth) {
    if (nth == 0) {
      client.read_request();
      client.send(ok("first"));
      answered.wait();
      client.finish();
      ended.open();
      return;
    }
    echo_targets(client, nth);
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(post_request())), "first");
  answered.open();
  ended.wait();
  EXPECT_EQ(text_of(exchange(get_request("/next"))), "/next");
  EXPECT_EQ(client_->counts().closed_by_peer, 1u);
  EXPECT_EQ(client_->counts().reused, 0u);
}

// Response splitting: what comes without being asked for answers nobody.
TEST_F(Exchange, AResponseThatNobodyAskedForIsDropped) {
  gate answered;
  gate sent;
  const scripted_server server([&](peer& client, int nth) {
    if (nth == 0) {
      client.read_request();
      client.send(ok("first"));
      answered.wait();
      client.send(ok("poison"));
      sent.open();
    }
    echo_targets(client, nth);
  });
  make_for(server.url());
  EXPECT_EQ(text_of(exchange(get_request())), "first");
  answered.open();
  sent.wait();
  EXPECT_EQ(text_of(exchange(get_request("/next"))), "/next");
  EXPECT_EQ(client_->counts().closed_by_peer, 1u);
}

TEST_F(Exchange, ClosesWhatNobodyUses) {
  gate ended;
  const scripted_server server([&](peer& client, int) {
    client.read_request();
    client.send(ok(""));
    client.wait_for_end();
    ended.open();
  });
  make({.transport = {.base_url = server.url(), .idle_timeout = milliseconds(20)}});
  EXPECT_EQ(text_of(exchange(get_request())), "");
  ended.wait();
  EXPECT_EQ(client_->counts().opened, 1u);
  EXPECT_EQ(client_->counts().closed_idle, 1u);
}

struct option_case {
  const char* name;
  transport_options options;
  client_errc why;
};
const option_case option_cases[] = {
    {"NoUrl", {}, client_errc::bad_url},
    {"NoConnections", {.base_url = "http://a", .connections_max = 0}, client_errc::bad_option},
    {"TooManyConnections",
     {.base_url = "http://a", .connections_max = 65'537},
     client_errc::bad_option},
    {"NoTimeToConnect",
     {.base_url = "http://a", .connect_timeout = milliseconds(0)},
     client_errc::bad_option},
    {"TooLongIdle",
     {.base_url = "http://a", .idle_timeout = std::chrono::hours(25)},
     client_errc::bad_option},
    {"NoHead", {.base_url = "http://a", .head_bytes_max = 0}, client_errc::bad_option},
    {"NoSuchFile",
     {.base_url = "https://a", .tls = {.ca_file = "/nonexistent/ca.pem"}},
     client_errc::bad_tls},
    {"NoPem", {.base_url = "https://a", .tls = {.ca_pem = "nonsense"}}, client_errc::bad_tls},
    {"CertificateWithoutKey",
     {.base_url = "https://a", .tls = {.certificate_file = "a.pem"}},
     client_errc::bad_tls},
};

class TransportOptions : public testing::TestWithParam<option_case> {};

TEST_P(TransportOptions, AreChecked) {
  testing_support::asio::io_context context;
  const auto made = async_client::make(context.get_executor(), {.transport = GetParam().options});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(to_string(made.error().why), to_string(GetParam().why));
  EXPECT_FALSE(made.error().what.empty());
  EXPECT_FALSE(blocking_transport::make(GetParam().options).has_value());
}

INSTANTIATE_TEST_SUITE_P(, TransportOptions, testing::ValuesIn(option_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ClientErrc, HasNames) {
  EXPECT_EQ(to_string(client_errc::bad_url), "bad_url");
  EXPECT_EQ(to_string(client_errc::bad_option), "bad_option");
  EXPECT_EQ(to_string(client_errc::bad_tls), "bad_tls");
  EXPECT_EQ(to_string(client_errc::no_thread), "no_thread");
  EXPECT_EQ(to_string(static_cast<client_errc>(99)), "unknown");
}

}  // namespace
}  // namespace parley::beast
