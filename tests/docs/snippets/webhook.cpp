// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/webhook.md: what the one end signs the other one takes, once.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "parley/core/result.hpp"
#include "parley/webhook/secret.hpp"
#include "parley/webhook/signer.hpp"
#include "parley/webhook/verifier.hpp"

namespace webhook = parley::webhook;

namespace {

struct message {
  std::map<std::string, std::string, std::less<>> headers;
  void set(std::string_view name, std::string_view value) {
    headers.emplace(std::string(name), std::string(value));
  }
};

parley::result<void, webhook::setup_errc> send(message& request, std::string_view text,
                                               std::string_view event_id, webhook::seconds_time now,
                                               std::string_view body) {
  auto secret = webhook::secret::parse(text);  // "whsec_..."
  if (!secret) return parley::failure{secret.error()};
  const auto signer = webhook::signer::make({*std::move(secret)});
  const auto headers = signer->sign(event_id, now, body);
  for (const webhook::header_view& each : headers->all()) request.set(each.name, each.value);
  return {};
}

class seen_ids {
 public:
  bool insert(std::string_view id) { return ids_.emplace(id).second; }

 private:
  std::set<std::string> ids_;
};

int respond(int status) { return status; }

int receive(const message& request, std::string_view text, seen_ids& seen,
            webhook::seconds_time now, std::string_view body) {
  auto secret = webhook::secret::parse(text);
  const std::string& id = request.headers.at("webhook-id");
  const std::string& timestamp = request.headers.at("webhook-timestamp");
  const std::string& signature = request.headers.at("webhook-signature");

  const auto verifier = webhook::verifier::make({*std::move(secret)});
  // Or with all headers, as a span of header_view.
  const auto got =
      verifier->verify({.id = id, .timestamp = timestamp, .signature = signature}, body, now);
  if (!got) return respond(401);
  if (!seen.insert(got->id)) return respond(204);  // it came before

  return 200;
}

TEST(Webhook, IsSignedAndTakenOnce) {
  constexpr std::string_view secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const webhook::seconds_time now{std::chrono::seconds(1'767'225'600)};
  message request;
  ASSERT_TRUE(send(request, secret, "evt_1", now, "{}"));
  EXPECT_FALSE(send(request, "no secret", "evt_1", now, "{}"));

  seen_ids seen;
  EXPECT_EQ(receive(request, secret, seen, now, "{ }"), 401);
  EXPECT_EQ(receive(request, secret, seen, now, "{}"), 200);
  EXPECT_EQ(receive(request, secret, seen, now, "{}"), 204);
}

}  // namespace
