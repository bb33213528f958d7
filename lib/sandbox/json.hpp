// SPDX-License-Identifier: Apache-2.0
//
// The bodies that the sandbox reads and writes. Boost.JSON stays behind this header.

#ifndef PARLEY_LIB_SANDBOX_JSON_HPP
#define PARLEY_LIB_SANDBOX_JSON_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/cursor/page.hpp"
#include "parley/envelope/error.hpp"
#include "parley/sandbox/fault_rule.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/journal.hpp"
#include "sandbox/webhooks.hpp"

namespace parley::sandbox {

/// The names that a route has for the two numbers (G4).
struct dial_names {
  std::string_view caller;
  std::string_view destination;
};
inline constexpr dial_names dial_route_names = {"from_number", "to_number"};
inline constexpr dial_names calls_route_names = {"caller_id", "destination"};

struct dial_request {
  dial_names names;  ///< those of the body
  std::string from_number;
  std::string to_number;
};

/// Reads and checks a body of the two dial routes as G5 settles. Names are the route's, or those of
/// the other route where the body has only these.
result<dial_request, envelope::error> parse_dial(std::string_view body, const dial_names& route);

/// {"metadata": {"key": "value", "gone": null}}
result<metadata_patch, envelope::error> parse_metadata_patch(std::string_view body);

/// {"seconds": 86400}: whole and not negative.
result<std::chrono::seconds, envelope::error> parse_advance(std::string_view body);

/// A rule as POST /sandbox/faults takes it: the right types, of the right names. What its values
/// are is not looked at.
result<fault_rule, envelope::error> parse_fault_rule(std::string_view body);

/// {"url": "https://..", "secret": "whsec_.."}: an absent secret is empty. What they are is not
/// looked at.
result<webhook_endpoint, envelope::error> parse_webhook(std::string_view body);
std::string format_webhook(const webhook_endpoint& of);
/// The body of a webhook about a call that has ended (G22).
std::string format_event(std::string_view id, const call& c, time_point now);

std::string format_placed(std::string_view call_id);
std::string format_call(const call& c, time_point now);
std::string format_calls(const std::vector<call>& calls, const cursor::page_meta& meta,
                         time_point now);
std::string format_magic();
std::string format_clock(time_point now, std::chrono::seconds offset);
std::string format_journal(const journal_page& page);
std::string format_fault_rule(const fault_rule_state& rule);
std::string format_fault_rules(const std::vector<fault_rule_state>& rules);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_JSON_HPP
