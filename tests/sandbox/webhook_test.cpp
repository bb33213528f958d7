// SPDX-License-Identifier: Apache-2.0
//
// Webhooks of the sandbox as a receiver on a real socket gets them.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parley/beast/server.hpp"
#include "parley/http/service.hpp"
#include "parley/webhook/verifier.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;
using testing_support::raw_response;

constexpr std::string_view secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct delivery {
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string body;
};

/// Keeps what it gets, and answers with the statuses that it was given, then with 204.
class receiver {
 public:
  explicit receiver(std::vector<std::uint16_t> statuses = {})
      : statuses_(statuses.begin(), statuses.end()),
        service_(make_routes(),
                 [](const http::request_view&) -> http::authentication {
                   return std::string("sender");
                 }),
        server_(service_, {}) {
    EXPECT_TRUE(server_.start());
  }
  std::string url(std::string_view path = "/hooks") const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + std::string(path);
  }
  delivery next() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 60s, [this] { return !got_.empty(); })) {
      ADD_FAILURE() << "nothing came";
      return {};
    }
    delivery first = std::move(got_.front());
    got_.pop_front();
    return first;
  }
  bool is_empty() const {
    const std::lock_guard lock(mutex_);
    return got_.empty();
  }
  /// Answers wait until they are let go.
  void hold() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    let_go_.notify_all();
  }

 private:
  http::routes make_routes() {
    http::routes made;
    made.post("/hooks",
              http::make_deferred([this](const http::request_view& r) { return take(r); }),
              {.is_public = true});
    return made;
  }
  http::response take(const http::request_view& r) {
    const auto text = [&r](std::string_view name) {
      return std::string(r.header(name).value_or("none"));
    };
    std::unique_lock lock(mutex_);
    got_.push_back({text(webhook::id_header), text(webhook::timestamp_header),
                    text(webhook::signature_header), std::string(r.body)});
    arrived_.notify_all();
    let_go_.wait(lock, [this] { return !is_held_; });
    if (statuses_.empty()) return {.status = 204};
    const std::uint16_t status = statuses_.front();
    statuses_.pop_front();
    return http::json_response(status, "{}");
  }

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable let_go_;
  bool is_held_ = false;
  std::deque<delivery> got_;
  std::deque<std::uint16_t> statuses_;
  http::service service_;
  beast::server server_;
};

/// Takes connections, and never answers.
class silent_listener {
 public:
  silent_listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    const timeval most{60, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    EXPECT_EQ(::bind(fd_, any, size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;
  ~silent_listener() {
    ::close(taken_);
    ::close(fd_);
  }
  std::uint16_t port() const noexcept { return port_; }
  bool accepts() {
    taken_ = ::accept(fd_, nullptr, nullptr);
    return taken_ >= 0;
  }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int taken_ = -1;
  std::uint16_t port_ = 0;
};

class Webhook : public SandboxTest {
 protected:
  explicit Webhook(options chosen = {.latency = 50ms}) : SandboxTest(std::move(chosen)) {}

  raw_response set(std::string_view url, std::string_view with_secret = secret,
                   std::string_view headers = "") {
    return send(
        "PUT", "/v1/webhook", headers,
        R"({"url":")" + std::string(url) + R"(","secret":")" + std::string(with_secret) + "\"}");
  }
  /// Until an attempt is seen to have ended so, which is a little after it was answered.
  void wait_for_attempt(std::string_view outcome) {
    while (get("/").body.find("bad\">" + std::string(outcome)) == std::string::npos) {
    }
  }
  /// Lets every call end that was placed before.
  void end_calls() { api().advance(1s); }

  static boost::json::object call_in(const delivery& d) {
    return boost::json::parse(d.body).at("data").as_object();
  }
  static std::string call_id_in(const delivery& d) {
    return call_in(d).at("id").as_string().c_str();
  }
};

TEST_F(Webhook, TellsHowACallEnded) {  // D6
  receiver to;
  EXPECT_EQ(set(to.url()).status, 200);
  const auto dialed = data_of(dial("+12025550116"));
  end_calls();
  const delivery got = to.next();
  const auto body = boost::json::parse(got.body).as_object();
  EXPECT_EQ(body.at("type"), "phone_call.ended");
  EXPECT_EQ(body.at("id"), json_text(got.id));
  EXPECT_EQ(body.at("data").at("id"), dialed.at("call_id"));
  EXPECT_EQ(body.at("data").at("status"), "busy");
  EXPECT_EQ(body.at("data").at("failure_code"), "busy");
  EXPECT_EQ(body.at("data").at("failure_category"), "unreachable");
  EXPECT_EQ(body.at("created"), body.at("data").at("ended_at"));
  EXPECT_EQ(body.at("data"),
            data_of(get("/v1/calls/" + std::string(dialed.at("call_id").as_string().c_str()))));
}

TEST_F(Webhook, IsSigned) {
  receiver to;
  set(to.url());
  place();
  end_calls();
  const delivery got = to.next();
  const auto verifier = webhook::verifier::make({*webhook::secret::parse(secret)});
  // The fixture's time, whatever the sandbox's was moved to.
  const webhook::seconds_time now{std::chrono::seconds(1'800'000'000)};
  EXPECT_EQ(got.timestamp, "1800000000");
  EXPECT_TRUE(verifier->verify({got.id, got.timestamp, got.signature}, got.body, now));
  EXPECT_FALSE(verifier->verify({got.id, got.timestamp, got.signature}, got.body + " ", now));
}

TEST_F(Webhook, HasASecretOfItsOwnWhereNoneIsGiven) {
  const auto first = data_of(send("PUT", "/v1/webhook", "", R"({"url":"http://127.0.0.1:1"})"));
  const std::string made = first.at("secret").as_string().c_str();
  EXPECT_THAT(made, MatchesRegex("whsec_[A-Za-z0-9+/]{43}="));
  EXPECT_TRUE(webhook::secret::parse(made));
  // It stays, also with another URL.
  const auto moved = data_of(send("PUT", "/v1/webhook", "", R"({"url":"http://127.0.0.1:2/a?b"})"));
  EXPECT_EQ(moved.at("secret"), json_text(made));
  EXPECT_EQ(data_of(get("/v1/webhook")), moved);
  const auto other = data_of(send("PUT", "/v1/webhook", "Authorization: Bearer test_valid_2\r\n",
                                  R"({"url":"http://127.0.0.1:1"})"));
  EXPECT_NE(other.at("secret"), json_text(made));
}

TEST_F(Webhook, BelongsToAnApiKey) {
  EXPECT_EQ(set("http://127.0.0.1:1").status, 200);
  EXPECT_EQ(get("/v1/webhook", "Authorization: Bearer test_valid_2\r\n").status, 404);
  EXPECT_EQ(send("DELETE", "/v1/webhook", "Authorization: Bearer test_valid_2\r\n").status, 404);
  EXPECT_EQ(send("DELETE", "/v1/webhook").status, 204);
  EXPECT_EQ(get("/v1/webhook").status, 404);
}

TEST_F(Webhook, ChecksWhatItIsGiven) {
  const auto refused = [this](std::string_view body) {
    const auto r = send("PUT", "/v1/webhook", "", body);
    if (r.status != 400) return std::string("taken");
    return std::string(json_of(r).at("error").at("fields").as_object().begin()->key());
  };
  for (const char* url : {"", "hooks", "//a", "ftp://a", "http://", "http://a b", "http://a/ b",
                          "http://a:0", "http://a:99999", "http://u@a/", "http://a/#b"}) {
    EXPECT_EQ(refused(R"({"url":")" + std::string(url) + "\"}"), "url") << url;
  }
  for (const char* text : {"x", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
    EXPECT_EQ(refused(R"({"url":"http://a","secret":")" + std::string(text) + "\"}"), "secret")
        << text;
  }
  EXPECT_EQ(refused("{}"), "url");
  EXPECT_EQ(refused(R"({"url":7})"), "url");
  EXPECT_EQ(refused(R"({"url":"http://a","secret":null})"), "secret");
  EXPECT_EQ(refused("[]"), "body");
  EXPECT_EQ(refused(R"({"url":"https://a.example:8443/hooks?a=%20"})"), "taken");
  const std::string longest = "http://a/" + std::string(2'048 - 9, 'a');
  EXPECT_EQ(refused(R"({"url":")" + longest + "\"}"), "taken");
  EXPECT_EQ(refused(R"({"url":")" + longest + "a\"}"), "url");
}

TEST_F(Webhook, IsSentAgainUnderItsIdUntilItIsTaken) {
  receiver to({500, 302, 404});
  set(to.url());
  place();
  end_calls();
  const delivery first = to.next();
  for (const char* const refused : {"500", "302", "404"}) {
    wait_for_attempt(refused);
    EXPECT_TRUE(to.is_empty());
    api().advance(4s);  // the longest of these pauses is 2 s
    const delivery next = to.next();
    EXPECT_EQ(next.id, first.id);
    EXPECT_EQ(next.body, first.body);
  }
  // Taken now: of another call comes another event, and nothing before it.
  const std::string last = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), last);
}

TEST_F(Webhook, GoesToWhoIsThereLater) {
  std::string url;
  {
    receiver gone;
    url = gone.url();
  }
  set(url);
  const std::string id = place();
  end_calls();
  wait_for_attempt("connect: ");
  receiver to;
  set(to.url());
  api().advance(1s);
  EXPECT_EQ(call_id_in(to.next()), id);
}

// What is on its way to the old one is not taken back.
TEST_F(Webhook, ThatIsReplacedIsNotSentTwice) {
  receiver old;
  set(old.url());
  old.hold();
  const std::string first = place();
  end_calls();
  EXPECT_EQ(call_id_in(old.next()), first);
  receiver to;
  set(to.url());
  old.let_go();
  for (int i = 0; i < 3; ++i) {
    const std::string id = place();
    end_calls();
    EXPECT_EQ(call_id_in(to.next()), id);
  }
}

TEST_F(Webhook, OfACanceledCallComesAtOnce) {
  receiver to;
  set(to.url());
  const std::string id = place();
  send("DELETE", "/v1/calls/" + id);
  const delivery got = to.next();
  EXPECT_EQ(call_in(got).at("status"), "canceled");
}

TEST_F(Webhook, IsNotForCallsPlacedBeforeNorAfter) {
  receiver to;
  place();
  set(to.url());
  const std::string id = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), id);
  send("DELETE", "/v1/webhook");
  place();
  set(to.url());
  const std::string last = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), last);
}

TEST_F(Webhook, AReplayedDialGivesOne) {
  receiver to;
  set(to.url());
  for (int i = 0; i < 3; ++i) dial("+14155556789", "Idempotency-Key: k\r\n");
  end_calls();
  const delivery first = to.next();
  const std::string last = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), last);
  EXPECT_NE(call_id_in(first), last);
}

TEST_F(Webhook, IsForgottenByAReset) {
  receiver to;
  set(to.url());
  place();
  EXPECT_TRUE(api().reset());
  EXPECT_EQ(get("/v1/webhook").status, 404);
  set(to.url());
  const std::string id = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), id);
}

TEST_F(Webhook, ThatHangsDoesNotHoldUpTheEnd) {
  silent_listener silent;
  set("http://127.0.0.1:" + std::to_string(silent.port()));
  place();
  end_calls();
  EXPECT_TRUE(silent.accepts());
  EXPECT_TRUE(api().drain(10s));
}

class SeededWebhook : public Webhook {
 protected:
  SeededWebhook() : Webhook({.seed = 1}) {}
};

// The same id names another event after a reset: the end of an attempt from before says nothing.
TEST_F(SeededWebhook, OutlivesAnAttemptFromBeforeAReset) {
  silent_listener silent;
  set("http://127.0.0.1:" + std::to_string(silent.port()));
  const std::string before = place();
  end_calls();
  EXPECT_TRUE(silent.accepts());
  EXPECT_TRUE(api().reset());
  receiver to;
  set(to.url());
  EXPECT_EQ(place(), before);
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), before);
  const std::string last = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), last);
}

TEST(WebhookClock, BeforeTheEpochSignsNothingAndSendsNothing) {
  std::atomic<std::int64_t> now_s = -10;
  auto api = start(
      {.clock = [&now_s] { return time_point(std::chrono::seconds(now_s.load())); }, .seed = 1});
  ASSERT_TRUE(api);
  receiver to;
  const auto ask = [&api](std::string_view start_line, std::string_view body) {
    testing_support::raw_client client(api->port());
    return client
        .roundtrip(std::string(start_line) +
                   " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test_valid\r\n"
                   "Content-Type: application/json\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + std::string(body))
        .value_or(raw_response{})
        .body;
  };
  ask("PUT /v1/webhook", R"({"url":")" + to.url() + "\"}");
  ask("POST /v1/calls/dial", R"({"from_number":"+14155551234","to_number":"+14155556789"})");
  api->advance(1s);
  while (ask("GET /", "").find("not signed: bad_timestamp") == std::string::npos) {
  }
  EXPECT_TRUE(to.is_empty());
  now_s = 0;
  api->advance(1s);
  const delivery got = to.next();
  EXPECT_EQ(got.timestamp, "0");
  EXPECT_NE(got.signature, "none");
}

// Faults.

TEST_F(Webhook, ARuleDuplicates) {
  receiver to;
  set(to.url());
  ASSERT_TRUE(api().add_fault({.route = "webhook", .fault = "webhook_duplicate", .times = 1}));
  place();
  end_calls();
  const delivery first = to.next();
  const delivery again = to.next();
  EXPECT_EQ(first.id, again.id);
  EXPECT_EQ(first.body, again.body);
}

TEST_F(Webhook, ARuleReorders) {
  receiver to;
  set(to.url());
  ASSERT_TRUE(api().add_fault({.route = "webhook", .fault = "webhook_reorder", .times = 1}));
  const std::string first = place();
  const std::string second = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), second);
  EXPECT_EQ(call_id_in(to.next()), first);
}

TEST_F(Webhook, ARuleDelays) {
  receiver to;
  set(to.url());
  ASSERT_TRUE(
      api().add_fault({.route = "webhook", .fault = "webhook_delay", .times = 1, .delay = 10s}));
  const std::string late = place();
  const std::string next = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), next);
  api().advance(10s);
  EXPECT_EQ(call_id_in(to.next()), late);
}

TEST_F(Webhook, ARuleDelaysThatOfACanceledCallToo) {
  receiver to;
  set(to.url());
  ASSERT_TRUE(
      api().add_fault({.route = "webhook", .fault = "webhook_delay", .times = 1, .delay = 10s}));
  const std::string late = place();
  send("DELETE", "/v1/calls/" + late);
  const std::string next = place();
  end_calls();
  EXPECT_EQ(call_id_in(to.next()), next);
  api().advance(10s);
  EXPECT_EQ(call_id_in(to.next()), late);
}

TEST_F(Webhook, RulesOfWebhooksAreCheckedAndShown) {
  const auto refused = [this](std::string_view body) {
    return json_of(send("POST", "/sandbox/faults", "", body)).contains("error");
  };
  EXPECT_FALSE(refused(R"({"route":"webhook","fault":"webhook_delay","delay_ms":5})"));
  EXPECT_TRUE(refused(R"({"route":"webhook","fault":"hang"})"));
  EXPECT_TRUE(refused(R"({"route":"*","fault":"webhook_delay"})"));
  EXPECT_TRUE(refused(R"({"fault":"webhook_reorder"})"));
  // Neither the header nor the requests know them.
  EXPECT_EQ(dial("+14155556789", "X-Sandbox-Force: webhook_delay\r\n").status, 400);
  EXPECT_EQ(dial("+14155556789").status, 202);
  const auto rule = json_of(get("/sandbox/faults")).at("data").as_array().at(0).as_object();
  EXPECT_EQ(rule.at("route"), "webhook");
  EXPECT_EQ(rule.at("seen"), 0);
}

TEST_F(Webhook, IsOnTheStatusPage) {
  EXPECT_NE(get("/").body.find("PUT /v1/webhook"), std::string::npos);
  receiver to;
  set(to.url());
  place();
  end_calls();
  to.next();
  std::string page;
  // Its answer is seen a little after it was given.
  while (page.find(">204</span>") == std::string::npos) page = get("/").body;
  EXPECT_NE(page.find("<dt>API keys with one</dt><dd>1</dd>"), std::string::npos);
  EXPECT_NE(page.find("<dt>Delivered</dt><dd>1</dd>"), std::string::npos);
  EXPECT_NE(page.find(to.url()), std::string::npos);
  EXPECT_EQ(page.find(secret), std::string::npos) << "a secret is not for a page";
}

TEST_F(Webhook, HoldsTheNumberOfThemOnBothSides) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(set("http://127.0.0.1:1", secret,
                  "Authorization: Bearer test_valid_" + std::to_string(i) + "\r\n")
                  .status,
              200);
  }
  EXPECT_EQ(set("http://127.0.0.1:1").status, 400);
  EXPECT_EQ(set("http://127.0.0.1:2", secret, "Authorization: Bearer test_valid_7\r\n").status,
            200);
}

}  // namespace
}  // namespace parley::sandbox
