// SPDX-License-Identifier: Apache-2.0
#include "sandbox/door.hpp"

#include <string>
#include <utility>
#include <vector>

#include "parley/http/exchange.hpp"
#include "parley/idempotency/key.hpp"
#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

// Whose failures are counted together: those of a key or, without one, of what is asked for.
std::string subject_of(const http::request_view& request, std::string_view otherwise) {
  std::string subject(request.scope);
  std::vector<std::string_view> values;
  for (const http::header_view& each : request.headers) {
    if (http::equal_ignoring_case(each.name, idempotency::key_header)) values.push_back(each.value);
  }
  const auto key = idempotency::parse_key(values);
  const bool is_safe = request.method == http::method::get || request.method == http::method::head;
  // No line feed is in a key, nor in a scope.
  if (key && *key && !is_safe) return subject.append("\nkey\n").append(**key);
  return subject.append("\n").append(otherwise);
}

// The same request, byte for byte.
std::string identity_of(const http::request_view& request) {
  return std::string(request.method_name)
      .append(" ")
      .append(request.path)
      .append(" ")
      .append(std::to_string(std::hash<std::string_view>{}(request.body)));
}

}  // namespace

http::response with_retry_after(http::response r, std::chrono::seconds wait) {
  r.headers.push_back({"Retry-After", std::to_string(wait.count())});
  return r;
}

void door::reset() {
  rules_.clear();
  failures_.clear();
  limiter_.clear();
}

std::chrono::milliseconds door::delay_of(const fault_hit& hit) const {
  const bool is_late = hit.what.behaviour == behaviour::latency;
  return hit.delay.value_or(is_late ? latency_ : std::chrono::milliseconds(0));
}

std::optional<http::response> door::replacement(const fault_hit& hit,
                                                const http::request_view& request,
                                                std::string_view field_name,
                                                std::string_view subject) {
  const fault& what = hit.what;
  if (!what.replaces_response()) return std::nullopt;
  if (what.behaviour == behaviour::fail_twice && !failures_.fails(subject_of(request, subject))) {
    return std::nullopt;
  }
  http::response made = fault_response(what, request.tier, field_name);
  // A code that the request itself asked for is as the API would answer.
  if (what.behaviour != behaviour::none) mark(made, what, delay_of(hit));
  return made;
}

void door::mark_kept(http::response& r, const fault_hit& hit) const {
  const bool is_marked = hit.what.behaviour != behaviour::none && !hit.what.replaces_response();
  if (is_marked) mark(r, hit.what, delay_of(hit));
}

door::plain_handler door::or_forced(plain_handler handler) {
  return [this, handler = std::move(handler)](const http::request_view& r) -> http::response {
    const auto forced = forced_fault(r);
    if (!forced) return http::to_response(forced.error());
    const fault_hit asked{*forced, std::nullopt};
    if (auto instead = replacement(asked, r, force_header, identity_of(r))) {
      return *std::move(instead);
    }
    http::response made = handler(r);
    mark_kept(made, asked);
    return made;
  };
}

http::deferred_handler door::stand_before(const route_row& route, http::deferred_handler handler) {
  return [this, &route, handler = std::move(handler)](const http::request_view& r,
                                                      http::responder respond) {
    const auto refuse = [&respond](http::response made) {
      made.handler_ran = false;
      std::move(respond).send(std::move(made));
    };
    if (const auto wait = limiter_.take(r.scope, clock_.now())) {
      return refuse(with_retry_after(
          http::to_response(envelope::error(errors::code::rate_limited, errors::tier::http)),
          *wait));
    }
    const auto hit = rules_.ask(route);
    if (!hit) return handler(r, std::move(respond));
    if (auto instead = replacement(*hit, r, fault_header, identity_of(r))) {
      if (hit->what.behaviour == behaviour::none) mark(*instead, hit->what, delay_of(*hit));
      return refuse(*std::move(instead));
    }
    handler(r, http::intercept(std::move(respond),
                               [this, hit = *hit](http::response&& made, http::responder outer) {
                                 mark_kept(made, hit);
                                 std::move(outer).send(std::move(made));
                               }));
  };
}

}  // namespace parley::sandbox
