// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/client.md, over a transport whose server redirects all but a list: that is
// `unknown`, and nothing that is waited for.

#include "parley/client/client.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "parley/client/operation.hpp"
#include "parley/client/pages.hpp"

namespace client = parley::client;

namespace {

class scripted_transport final : public client::transport {
 public:
  parley::result<client::response, client::transport_failure> exchange(const client::request& what,
                                                                       std::chrono::milliseconds,
                                                                       std::stop_token) override {
    if (what.method != "GET") {
      client::response redirect;
      redirect.status = 302;
      return redirect;
    }
    client::response page;
    page.status = 200;
    page.body = R"({"data":[{"id":"call_1"},{"id":"call_2"}],)"
                R"("meta":{"total_results":2,"page_size":100}})";
    return page;
  }
};

std::string kept;
void keep(std::string_view bytes) { kept = bytes; }
bool refuse(std::string_view) { return false; }

bool place(client::transport& transport, const std::string& key, const std::string& body) {
  client::blocking_client api(transport,
                              {.send = {.headers = {{"Authorization", "Bearer " + key}}}});
  auto dial = client::operation::post("/v1/calls/dial", body);  // makes the Idempotency-Key
  if (!dial) return refuse(to_string(dial.error()));
  const client::answer got = api.send(*dial);
  if (got.fate == client::fate::unknown) keep(dial->save());  // send it again later: the same call
  return true;
}

TEST(Client, KeepsWhatNobodyKnows) {
  scripted_transport transport;
  EXPECT_TRUE(place(transport, "test_valid", "{}"));
  EXPECT_FALSE(kept.empty());
}

std::vector<std::string> saved;
std::vector<std::string> items_handled;
void save(const std::string& place) { saved.push_back(place); }
void handle(std::string_view json) { items_handled.emplace_back(json); }
void report(const client::page_failure&) {}

void walk_through(client::blocking_client& api) {
  client::page_walk walk("/v1/calls?limit=100&order=asc");
  for (const auto& item : client::items(api, walk)) {
    if (!item) return report(item.error());  // the last element
    save(walk.checkpoint());                 // before this item
    handle(item->json);                      // {"id":"call_..",..} as it stands in the body
  }
}

TEST(Client, WalksThroughAList) {
  scripted_transport transport;
  client::blocking_client api(transport);
  walk_through(api);
  EXPECT_EQ(items_handled, (std::vector<std::string>{R"({"id":"call_1"})", R"({"id":"call_2"})"}));
  EXPECT_EQ(saved.size(), 2u);
}

}  // namespace
