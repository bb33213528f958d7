// SPDX-License-Identifier: Apache-2.0
//
// A client that blocks, over any transport.
//
//   client::blocking_client api(transport, {.send = {.headers = {{"Authorization", bearer}}}});
//   auto dial = client::operation::post("/v1/calls/dial", body);
//   if (!dial) return dial.error();
//   const client::answer a = api.send(*dial);
//   if (a.is_success()) return call_id(a.body());
//   if (a.fate == client::fate::unknown) keep(dial->save());  // send it again later: the same call
//
// May be used from any thread.

#ifndef PARLEY_CLIENT_CLIENT_HPP
#define PARLEY_CLIENT_CLIENT_HPP

#include <chrono>
#include <functional>
#include <stop_token>

#include "parley/client/export.hpp"
#include "parley/client/message.hpp"
#include "parley/client/operation.hpp"
#include "parley/client/sending.hpp"

namespace parley::client {

struct client_options {
  send_options send = {};
  /// Empty: the system's clocks.
  std::function<instant()> clock = {};
  /// Waits, but not on once `stop` asks to end. Empty: sleeps.
  std::function<void(std::chrono::milliseconds, std::stop_token stop)> sleep = {};
};

class PARLEY_CLIENT_EXPORT blocking_client {
 public:
  /// `by` outlives it.
  explicit blocking_client(transport& by, client_options options = {},
                           std::uint32_t budget_capacity = retry_budget::default_capacity,
                           std::uint32_t budget_cost = retry_budget::default_cost);

  /// Attempts and pauses until there is an answer. After `stop` it is `cancelled`, and the
  /// operation's fate `unknown` where an attempt had begun.
  answer send(operation& of, std::stop_token stop = {});

  const retry_budget& budget() const noexcept { return budget_; }
  const client_options& options() const noexcept { return options_; }

 private:
  transport& by_;
  const client_options options_;
  retry_budget budget_;
};

}  // namespace parley::client

#endif  // PARLEY_CLIENT_CLIENT_HPP
