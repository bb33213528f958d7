// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "beast/support/client_fixture.hpp"
#include "beast/support/scripted_server.hpp"
#include "parley/beast/client.hpp"
#include "support/certificates.hpp"

namespace parley::beast {
namespace {

using testing_support::authority;
using testing_support::gate;
using testing_support::identity;
using testing_support::ok;
using testing_support::peer;
using testing_support::scripted_server;
using testing_support::server_tls;

void answer_all(peer& client, int) {
  while (const auto request = client.read_request()) {
    client.send(ok(request->substr(request->find("\r\n\r\n") + 4)));
  }
}

class Tls : public testing_support::client_fixture {
 protected:
  authority trusted_;
};

struct certificate_case {
  const char* name;
  const char* names;
  const char* host;  // of the URL
  bool is_good = false;
  const char* common_name = "server";
  testing_support::validity when = {};
};
constexpr certificate_case certificate_cases[] = {
    {"Name", "DNS:localhost", "localhost", true},
    {"OneOfManyNames", "DNS:a.example,DNS:localhost,IP:127.0.0.1", "localhost", true},
    {"Address", "IP:127.0.0.1", "127.0.0.1", true},
    {"WrongName", "DNS:a.example", "localhost"},
    {"WrongAddress", "IP:127.0.0.2", "127.0.0.1"},
    {"AddressAsAName", "DNS:127.0.0.1", "127.0.0.1"},
    {"NameForAnAddress", "DNS:localhost", "127.0.0.1"},
    {"NameAsSubjectAlone", "", "localhost", false, "localhost"},
    {"NameAsSubjectBesideAnother", "DNS:a.example", "localhost", false, "localhost"},
    {"PartOfALabel", "DNS:local*", "localhost"},
    {"Expired", "DNS:localhost", "localhost", false, "server", {-7200, -3600}},
    {"NotYet", "DNS:localhost", "localhost", false, "server", {3600, 7200}},
};

class TlsCertificate : public testing_support::client_fixture,
                       public testing::WithParamInterface<certificate_case> {};

TEST_P(TlsCertificate, IsForTheHostOfTheUrl) {
  const certificate_case& of = GetParam();
  const authority trusted;
  const scripted_server server(answer_all,
                               server_tls{.own = trusted.issue(of.names, of.common_name, of.when)});
  make({.transport = {.base_url = server.url(of.host), .tls = {.ca_pem = trusted.pem()}}});
  const auto got = exchange({"POST", "/", {}, "body"});
  EXPECT_EQ(text_of(got), of.is_good ? "body" : "not_connected");
  if (!got) {
    EXPECT_TRUE(got.error().what.starts_with("tls: ")) << got.error().what;
  }
}

INSTANTIATE_TEST_SUITE_P(, TlsCertificate, testing::ValuesIn(certificate_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Tls, TrustsNobodyElsesAuthority) {
  const authority other;
  const scripted_server server(answer_all, server_tls{.own = other.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "not_connected");
}

TEST_F(Tls, TrustsTheSystemByDefault) {
  const scripted_server server(answer_all, server_tls{.own = trusted_.issue("DNS:localhost")});
  make_for(server.url("localhost"));
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "not_connected");
}

TEST_F(Tls, CanBeToldToTrustAnybody) {
  const scripted_server server(answer_all, server_tls{.own = trusted_.issue("DNS:a.example")});
  make({.transport = {.base_url = server.url("localhost"),
                      .tls = {.insecure_skip_verification = true}}});
  EXPECT_EQ(text_of(exchange({"POST", "/", {}, "a"})), "a");
}

TEST_F(Tls, RefusesOldVersions) {
  const scripted_server server(answer_all,
                               server_tls{.own = trusted_.issue("DNS:localhost"), .is_old = true});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "not_connected");
}

TEST_F(Tls, ReadsSeveralAuthorities) {
  const authority other;
  const scripted_server server(answer_all, server_tls{.own = other.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"),
                      .tls = {.ca_pem = trusted_.pem() + other.pem()}}});
  const auto got = exchange({"POST", "/", {}, "a"});
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(got->body, "a");
}

TEST_F(Tls, ShowsAClientCertificateFromFiles) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("parley-tls-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto save = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  const identity own = trusted_.issue("", "client");
  const scripted_server server(
      answer_all, server_tls{.own = trusted_.issue("DNS:localhost"), .client_ca = trusted_.pem()});
  make({.transport = {.base_url = server.url("localhost"),
                      .tls = {.ca_file = save("ca.pem", trusted_.pem()),
                              .certificate_file = save("client.pem", own.certificate),
                              .private_key_file = save("client.key", own.key)}}});
  EXPECT_EQ(text_of(exchange({"POST", "/", {}, "a"})), "a");
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_FALSE(exchange({"POST", "/", {}, "a"}).has_value());
  std::filesystem::remove_all(folder);
}

TEST_F(Tls, UsesAConnectionAgain) {
  const scripted_server server(answer_all, server_tls{.own = trusted_.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20}) {
    const std::string body(size, 'x');
    EXPECT_EQ(text_of(exchange({"POST", "/", {}, body})) == body, true) << size;
  }
  EXPECT_EQ(client_->counts().opened, 1u);
  EXPECT_EQ(client_->counts().reused, 2u);
}

// What the stream has received and not yet decrypted is no more to be overlooked than the rest.
TEST_F(Tls, AResponseThatNobodyAskedForIsDropped) {
  const scripted_server server(
      [](peer& client, int nth) {
        if (nth == 0 && client.read_request()) {
          // Two records, which as a rule come together.
          client.send(ok("first"));
          client.send(ok("poison"));
        }
        answer_all(client, nth);
      },
      server_tls{.own = trusted_.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "first");
  for (int i = 0; i < 3; ++i) EXPECT_NE(text_of(exchange({"POST", "/", {}, "own"})), "poison");
}

// RFC 9112, 9.8: an end without TLS's own may be an attacker's.
TEST_F(Tls, ABodyUntilTheEndNeedsTheEndOfTls) {
  const scripted_server server(
      [](peer& client, int nth) {
        client.read_request();
        client.send("HTTP/1.1 200 OK\r\n\r\nab");
        if (nth == 0) {
          client.finish();
        } else {
          client.cut();
          client.wait_for_end();
        }
      },
      server_tls{.own = trusted_.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "ab");
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "connection_lost*");
}

TEST_F(Tls, FindsAConnectionThatEndedWhileIdle) {
  gate answered;
  gate ended;
  const scripted_server server(
      [&](peer& client, int nth) {
        if (nth == 0) {
          client.read_request();
          client.send(ok("first"));
          answered.wait();
          client.finish();
          ended.open();
          return;
        }
        answer_all(client, nth);
      },
      server_tls{.own = trusted_.issue("DNS:localhost")});
  make({.transport = {.base_url = server.url("localhost"), .tls = {.ca_pem = trusted_.pem()}}});
  EXPECT_EQ(text_of(exchange({"GET", "/"})), "first");
  answered.open();
  ended.wait();
  EXPECT_EQ(text_of(exchange({"POST", "/", {}, "next"})), "next");
  EXPECT_EQ(client_->counts().closed_by_peer, 1u);
}

TEST_F(Tls, IsNotSpokenToAPlainServer) {
  const scripted_server server([](peer& client, int) {
    client.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  make({.transport = {.base_url = "https://127.0.0.1:" + std::to_string(server.port())}});
  EXPECT_EQ(text_of(exchange({"POST", "/"})), "not_connected");
}

}  // namespace
}  // namespace parley::beast
