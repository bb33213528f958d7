// SPDX-License-Identifier: Apache-2.0
//
// What the sandbox can be asked to do wrong, and the rules of when. A response carries its fault in
// a header of its own: so it is seen in a log, and so the server knows how the response is to
// leave.

#ifndef PARLEY_LIB_SANDBOX_FAULTS_HPP
#define PARLEY_LIB_SANDBOX_FAULTS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/beast/server.hpp"
#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/message.hpp"
#include "parley/sandbox/fault_rule.hpp"
#include "sandbox/deliveries.hpp"
#include "sandbox/route_table.hpp"

namespace parley::sandbox {

/// In the order of their magic destinations.
enum class behaviour : std::uint8_t {
  none = 0,
  latency,
  hang,
  reset,
  truncated,
  html_502,
  retry_after,
  fail_twice,
  response_lost,
  unknown_code,
  unknown_category,
};

struct behaviour_row {
  sandbox::behaviour behaviour;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array<behaviour_row, 10> behaviours = {{
    {behaviour::latency, "latency", "The response comes late, by 2 seconds unless set otherwise."},
    {behaviour::hang, "hang", "No call is placed, and no response comes: the connection stays."},
    {behaviour::reset, "reset", "No call is placed, and the connection is reset."},
    {behaviour::truncated, "truncated", "The response ends in the middle of its body."},
    {behaviour::html_502, "html_502",
     "No call is placed; a 502 with a page of HTML, as of a proxy."},
    {behaviour::retry_after, "retry_after", "No call is placed; a 429 with Retry-After: 1."},
    {behaviour::fail_twice, "fail_twice", "A 500 twice, then success; for each Idempotency-Key."},
    {behaviour::response_lost, "response_lost",
     "All is done, and the connection ends without a byte of the response."},
    {behaviour::unknown_code, "unknown_code",
     "No call is placed; a 422 with a code that is in no catalogue."},
    {behaviour::unknown_category, "unknown_category",
     "No call is placed; a 422 with a category that is in no catalogue."},
}};

/// A behaviour, or a code in a tier or in that of the route; or neither.
struct fault {
  sandbox::behaviour behaviour = behaviour::none;
  errors::code code = errors::code::unknown;
  std::optional<errors::tier> tier = {};

  explicit operator bool() const noexcept {
    return behaviour != behaviour::none || code != errors::code::unknown;
  }
  /// Whether it is how a placed call ends, and not what a request is answered with.
  bool is_outcome() const noexcept;
  /// Whether it answers in the handler's place. Else the handler runs, and its response is marked.
  bool replaces_response() const noexcept;
  /// Where it is a code: the row that a route of this tier answers with.
  const errors::row& row(errors::tier of_route) const noexcept {
    return errors::row_of(code, tier.value_or(of_route));
  }
  std::string_view name() const noexcept;

  friend bool operator==(const fault&, const fault&) = default;
};

/// "hang", "busy", "rate_limited; tier=http". The failure is what a client is told was expected.
result<fault, std::string_view> parse_fault(std::string_view text) noexcept;

inline constexpr std::string_view fault_header = "X-Sandbox-Fault";

/// Puts "latency; delay_ms=2000" into the response's header.
void mark(http::response& r, const fault& what, std::chrono::milliseconds delay);

/// What mark() put there. Views live off the response.
struct fault_mark {
  std::string_view name = {};
  sandbox::behaviour behaviour = behaviour::none;
  std::chrono::milliseconds delay{0};
};
fault_mark mark_of(const http::response& r) noexcept;

/// How a response leaves that may be marked.
beast::delivery delivery_of(const http::response& r) noexcept;

/// What a rule of the route "webhook" may name.
enum class webhook_fault : std::uint8_t { delay = 1, duplicate, reorder };

struct webhook_fault_row {
  webhook_fault what;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array<webhook_fault_row, 3> webhook_faults = {{
    {webhook_fault::delay, "webhook_delay", "The webhook comes late, by 2 seconds unless set."},
    {webhook_fault::duplicate, "webhook_duplicate", "It comes once more after it was taken."},
    {webhook_fault::reorder, "webhook_reorder",
     "It comes behind the next one of the API key, or 5 seconds late."},
}};

/// What is wrong with a rule, by the names of its members in JSON; empty: nothing.
std::vector<envelope::field> check_rule(const fault_rule& rule);

/// Whether the n-th throw (from 0 on) of the dice with this seed hits. Pure.
bool hits(double probability, std::uint64_t seed, std::uint64_t n) noexcept;

/// A rule, and what became of it.
struct fault_rule_state {
  std::uint64_t number = 0;  ///< from 1 on
  fault_rule rule;           ///< with its seed
  std::uint64_t seen = 0;    ///< how often it was asked
  std::uint64_t hits = 0;
};

struct fault_hit {
  fault what;
  std::optional<std::chrono::milliseconds> delay;
};

/// The rules. Thread-safe.
class fault_book {
 public:
  /// The new rule, or what is wrong with it.
  result<fault_rule_state, std::vector<envelope::field>> add(fault_rule rule);

  /// What the first rule that hits wants of a request to this route; the rules behind it are not
  /// asked.
  std::optional<fault_hit> ask(const route_row& route) { return ask(route, false); }
  /// The same of a call that is about to be placed: how it shall end.
  std::optional<fault_hit> ask_outcome(const route_row& route) { return ask(route, true); }

  /// What all rules of webhooks that hit want of an event together.
  delivery_fault ask_webhook(std::chrono::milliseconds latency);

  std::vector<fault_rule_state> read() const;
  /// Numbers begin anew.
  void clear();

 private:
  struct entry {
    fault_rule_state state;
    fault what;
    std::optional<webhook_fault> of_webhook;
  };
  /// Whether the next throw of the rule's dice hits.
  static bool throw_dice(fault_rule_state& state);
  std::optional<fault_hit> ask(const route_row& route, bool is_outcome);

  mutable std::mutex mutex_;
  std::vector<entry> entries_;
};

/// Says for each subject twice yes, then no, and forgets it. Thread-safe.
class fail_twice_book {
 public:
  static constexpr std::size_t subjects_max = 10'000;

  bool fails(std::string subject);
  void clear();

 private:
  struct count {
    unsigned failures;
    std::uint64_t since;  // the order in which subjects came: the oldest goes first
  };
  std::mutex mutex_;
  std::map<std::string, count> counts_;
  std::uint64_t subjects_ = 0;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_FAULTS_HPP
