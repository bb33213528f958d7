// SPDX-License-Identifier: Apache-2.0
//
// Outcomes of attempts and points in time, short to write.

#ifndef PARLEY_TESTS_CLIENT_CLIENT_FIXTURE_HPP
#define PARLEY_TESTS_CLIENT_CLIENT_FIXTURE_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/client/sending.hpp"
#include "parley/envelope/error.hpp"

namespace parley::client {

using outcome = result<response, transport_failure>;

inline time_point at(std::chrono::milliseconds since) { return time_point(since); }

/// Both clocks, so long after their beginning.
inline instant both_at(std::chrono::milliseconds since) {
  return {std::chrono::steady_clock::time_point(since), time_point(since)};
}

inline outcome respond(std::uint16_t status, std::string body = {},
                       std::vector<header> headers = {}) {
  return response{.status = status, .headers = std::move(headers), .body = std::move(body)};
}

inline outcome respond(errors::code code, errors::tier tier = errors::tier::call,
                       std::vector<header> headers = {}) {
  const envelope::error made(code, tier);
  return respond(made.http_status(), envelope::to_json(made), std::move(headers));
}

inline outcome fail(transport_errc why, bool may_have_arrived) {
  return failure{transport_failure{why, may_have_arrived}};
}

/// The connection was lost, and nobody knows when.
inline outcome lost() { return fail(transport_errc::connection_lost, true); }
inline outcome refused_connection() { return fail(transport_errc::not_connected, false); }

/// A send of one attempt.
inline answer answer_one(operation& of, outcome what, time_point when) {
  const send_options options{.attempts_max = 1};
  retry_budget budget;
  sending s(of, options, budget);
  const instant now{{}, when};
  if (s.begin(now) == sending::step::attempt) s.attempted(std::move(what), now);
  return s.take_answer();
}

}  // namespace parley::client

#endif  // PARLEY_TESTS_CLIENT_CLIENT_FIXTURE_HPP
