// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <stop_token>

#include <parley/client/client.hpp>
#include <parley/client/operation.hpp>

namespace client = parley::client;

class always_accepts final : public client::transport {
 public:
  parley::result<client::response, client::transport_failure> exchange(const client::request&,
                                                                       std::chrono::milliseconds,
                                                                       std::stop_token) override {
    client::response accepted;
    accepted.status = 202;
    return accepted;
  }
};

int main() {
  always_accepts transport;
  client::blocking_client api(transport);
  auto dial = client::operation::post("/v1/calls/dial", "{}");
  return dial && api.send(*dial).fate == client::fate::done ? 0 : 1;
}
