// SPDX-License-Identifier: Apache-2.0
#include "sandbox/faults.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "http/text.hpp"
#include "sandbox/ids.hpp"

namespace parley::sandbox {
namespace {

constexpr std::string_view any_route = "*";
constexpr std::string_view webhook_route = "webhook";
constexpr std::string_view delay_parameter = "delay_ms=";

const behaviour_row* find_behaviour(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(behaviours, name, &behaviour_row::name);
  return found != behaviours.end() ? found : nullptr;
}

const route_row* find_api_route(std::string_view text) {
  const auto* const found = std::ranges::find_if(
      route_table, [text](const route_row& each) { return each.is_api() && each.text() == text; });
  return found != route_table.end() ? found : nullptr;
}

const webhook_fault_row* find_webhook_fault(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(webhook_faults, name, &webhook_fault_row::name);
  return found != webhook_faults.end() ? found : nullptr;
}

}  // namespace

bool fault::is_outcome() const noexcept {
  return code != errors::code::unknown &&
         errors::row_of(code, tier.value_or(errors::tier::call)).delivery ==
             errors::delivery::async;
}

bool fault::replaces_response() const noexcept {
  switch (behaviour) {
    case behaviour::none: return code != errors::code::unknown && !is_outcome();
    case behaviour::latency:
    case behaviour::truncated:
    case behaviour::response_lost: return false;
    case behaviour::hang:
    case behaviour::reset:
    case behaviour::html_502:
    case behaviour::retry_after:
    case behaviour::fail_twice:
    case behaviour::unknown_code:
    case behaviour::unknown_category: return true;
  }
  return false;
}

std::string_view fault::name() const noexcept {
  if (behaviour == behaviour::none) return errors::to_string(code);
  return behaviours[static_cast<std::size_t>(behaviour) - 1].name;
}

result<fault, std::string_view> parse_fault(std::string_view text) noexcept {
  const std::size_t semicolon = text.find(';');
  const std::string_view name = http::trim_blanks(text.substr(0, semicolon));
  const bool has_tier = semicolon != std::string_view::npos;
  if (const behaviour_row* found = find_behaviour(name)) {
    if (has_tier) return failure{std::string_view("Only a code has a tier")};
    return fault{.behaviour = found->behaviour};
  }
  fault made{.code = errors::find_code(name)};
  if (made.code == errors::code::unknown) {
    return failure{std::string_view("Expected a name that GET /sandbox/magic lists")};
  }
  if (!has_tier) return made;
  const std::string_view parameter = http::trim_blanks(text.substr(semicolon + 1));
  if (parameter == "tier=call") {
    made.tier = errors::tier::call;
  } else if (parameter == "tier=http") {
    made.tier = errors::tier::http;
  } else {
    return failure{std::string_view("Expected tier=call or tier=http after the semicolon")};
  }
  if (errors::row_of(made.code, *made.tier).tier != *made.tier) {
    return failure{std::string_view("This code is not in that tier")};
  }
  return made;
}

void mark(http::response& r, const fault& what, std::chrono::milliseconds delay) {
  std::string value(what.name());
  if (delay.count() > 0) {
    value.append("; ").append(delay_parameter).append(std::to_string(delay.count()));
  }
  r.headers.push_back({std::string(fault_header), std::move(value)});
}

fault_mark mark_of(const http::response& r) noexcept {
  const auto header = r.header(fault_header);
  if (!header) return {};
  fault_mark read{.name = header->substr(0, header->find(';'))};
  if (const behaviour_row* found = find_behaviour(read.name)) read.behaviour = found->behaviour;
  if (const std::size_t at = header->find(delay_parameter); at != std::string_view::npos) {
    const std::string_view digits = header->substr(at + delay_parameter.size());
    std::chrono::milliseconds::rep count = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), count);
    read.delay = std::chrono::milliseconds(count);
  }
  return read;
}

beast::delivery delivery_of(const http::response& r) noexcept {
  using way = beast::delivery::way;
  const fault_mark marked = mark_of(r);
  beast::delivery made{.delay = marked.delay};
  switch (marked.behaviour) {
    case behaviour::hang: made.how = way::hang; break;
    case behaviour::reset: made.how = way::reset; break;
    case behaviour::response_lost: made.how = way::drop; break;
    case behaviour::truncated:
      made.how = way::cut;
      made.body_bytes = r.body.size() / 2;
      break;
    case behaviour::none:
    case behaviour::latency:
    case behaviour::html_502:
    case behaviour::retry_after:
    case behaviour::fail_twice:
    case behaviour::unknown_code:
    case behaviour::unknown_category: break;
  }
  return made;
}

std::vector<envelope::field> check_rule(const fault_rule& rule) {
  std::vector<envelope::field> wrong;
  const auto is_wrong = [&wrong](std::string name, std::string_view why) {
    wrong.push_back({std::move(name), std::string(why)});
  };
  const route_row* const route = find_api_route(rule.route);
  const bool is_any = rule.route == any_route;
  const bool is_webhook = rule.route == webhook_route;
  if (!is_any && !is_webhook && route == nullptr) {
    is_wrong("route",
             "Expected *, webhook or a route, as POST /v1/calls/dial or GET /v1/calls/{id}");
  }
  const auto what = parse_fault(rule.fault);
  if (is_webhook) {
    if (find_webhook_fault(rule.fault) == nullptr) {
      is_wrong("fault", "Expected webhook_delay, webhook_duplicate or webhook_reorder");
    }
  } else if (find_webhook_fault(rule.fault) != nullptr) {
    is_wrong("fault", "This one needs the route webhook");
  } else if (!what) {
    is_wrong("fault", what.error());
  } else if (what->is_outcome() && route != nullptr && !route->places_calls()) {
    is_wrong("fault", "This code is how a call ends: it needs a route that places calls");
  }
  // Not the other way round: NaN is no probability.
  if (!(rule.probability >= 0 && rule.probability <= 1)) {
    is_wrong("probability", "Expected a number from 0 to 1");
  }
  if (rule.times && *rule.times == 0) is_wrong("times", "Expected a whole number from 1 on");
  if (rule.delay && (rule.delay->count() < 0 || *rule.delay > fault_delay_max)) {
    is_wrong("delay_ms",
             "Expected a whole number from 0 to " + std::to_string(fault_delay_max.count()));
  }
  return wrong;
}

bool hits(double probability, std::uint64_t seed, std::uint64_t n) noexcept {
  // The upper 53 bits: what a double holds, so that 1 is never reached.
  return std::ldexp(static_cast<double>(splitmix64(seed, n) >> 11), -53) < probability;
}

result<fault_rule_state, std::vector<envelope::field>> fault_book::add(fault_rule rule) {
  if (auto wrong = check_rule(rule); !wrong.empty()) return failure{std::move(wrong)};
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= fault_rules_max) {
    return failure{std::vector<envelope::field>{
        {"rules", "There are " + std::to_string(fault_rules_max) + " already"}}};
  }
  const std::uint64_t number = entries_.size() + 1;
  if (!rule.seed) rule.seed = number;
  const webhook_fault_row* const of_webhook = find_webhook_fault(rule.fault);
  const fault what = of_webhook != nullptr ? fault{} : *parse_fault(rule.fault);
  entries_.push_back(
      {.state = {.number = number, .rule = std::move(rule)},
       .what = what,
       .of_webhook = of_webhook != nullptr ? std::optional(of_webhook->what) : std::nullopt});
  return entries_.back().state;
}

bool fault_book::throw_dice(fault_rule_state& state) {
  const std::uint64_t n = state.seen++;
  if (state.rule.times && state.hits >= *state.rule.times) return false;
  if (!sandbox::hits(state.rule.probability, *state.rule.seed, n)) return false;
  ++state.hits;
  return true;
}

delivery_fault fault_book::ask_webhook(std::chrono::milliseconds latency) {
  const std::lock_guard lock(mutex_);
  delivery_fault made;
  for (entry& each : entries_) {
    if (!each.of_webhook || !throw_dice(each.state)) continue;
    switch (*each.of_webhook) {
      case webhook_fault::delay: made.delay += each.state.rule.delay.value_or(latency); break;
      case webhook_fault::duplicate: made.is_duplicated = true; break;
      case webhook_fault::reorder: made.is_held = true; break;
    }
  }
  return made;
}

std::optional<fault_hit> fault_book::ask(const route_row& route, bool is_outcome) {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) return std::nullopt;
  const std::string text = route.text();
  for (entry& each : entries_) {
    const fault_rule& rule = each.state.rule;
    if (each.of_webhook || each.what.is_outcome() != is_outcome) continue;
    if (rule.route != any_route && rule.route != text) continue;
    if (!throw_dice(each.state)) continue;
    return fault_hit{each.what, rule.delay};
  }
  return std::nullopt;
}

std::vector<fault_rule_state> fault_book::read() const {
  const std::lock_guard lock(mutex_);
  std::vector<fault_rule_state> all;
  all.reserve(entries_.size());
  for (const entry& each : entries_) all.push_back(each.state);
  return all;
}

void fault_book::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

bool fail_twice_book::fails(std::string subject) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(subject);
  if (found != counts_.end()) {
    if (++found->second.failures <= 2) return true;
    counts_.erase(found);
    return false;
  }
  if (counts_.size() >= subjects_max) {
    counts_.erase(
        std::ranges::min_element(counts_, {}, [](const auto& each) { return each.second.since; }));
  }
  counts_.emplace(std::move(subject), count{1, subjects_++});
  return true;
}

void fail_twice_book::clear() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
}

}  // namespace parley::sandbox
