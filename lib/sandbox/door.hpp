// SPDX-License-Identifier: Apache-2.0
//
// What a request to the API meets beside its handler: the limit of its rate, the fault rules, and
// the fault that it asks for itself.

#ifndef PARLEY_LIB_SANDBOX_DOOR_HPP
#define PARLEY_LIB_SANDBOX_DOOR_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "parley/http/message.hpp"
#include "parley/http/routes.hpp"
#include "sandbox/clock.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/rate_limit.hpp"
#include "sandbox/route_table.hpp"

namespace parley::sandbox {

/// Thread-safe. Outlives the handlers that it makes.
class door {
 public:
  struct options {
    std::uint32_t rate_limit = 0;
    std::chrono::milliseconds latency{0};  ///< where a rule says nothing
  };
  door(const manual_clock& clock, const options& chosen)
      : clock_(clock), latency_(chosen.latency), limiter_(chosen.rate_limit) {}

  fault_book& rules() noexcept { return rules_; }
  const fault_book& rules() const noexcept { return rules_; }
  /// Forgets rules and counts.
  void reset();

  /// A handler with the limit (G3) and the rules in front of it: once it is known whose the request
  /// is, and before an earlier response would answer it.
  http::deferred_handler stand_before(const route_row& route, http::deferred_handler handler);

  /// A handler of a route that places no call, as X-Sandbox-Force wants it.
  using plain_handler = std::function<http::response(const http::request_view&)>;
  plain_handler or_forced(plain_handler handler);

  /// What is sent instead of the handler's response; none: the handler is to run, and mark_kept()
  /// is given its response. `subject` is what fail_twice counts by where there is no key.
  std::optional<http::response> replacement(const fault_hit& hit, const http::request_view& request,
                                            std::string_view field_name, std::string_view subject);
  void mark_kept(http::response& r, const fault_hit& hit) const;

 private:
  std::chrono::milliseconds delay_of(const fault_hit& hit) const;

  const manual_clock& clock_;
  const std::chrono::milliseconds latency_;
  fault_book rules_;
  fail_twice_book failures_;
  rate_limiter limiter_;
};

/// With "Retry-After", in whole seconds.
http::response with_retry_after(http::response r, std::chrono::seconds wait);

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_DOOR_HPP
