// SPDX-License-Identifier: Apache-2.0
#include "sandbox/json.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "parley/http/call_numbers.hpp"
#include "sandbox/clock.hpp"
#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

namespace json = boost::json;

envelope::error invalid(std::string message, std::string_view field, std::string explanation) {
  return envelope::error(errors::code::validation_error)
      .with_message(std::move(message))
      .with_field(std::string(field), std::move(explanation));
}

json::string_view to_boost(std::string_view text) noexcept { return {text.data(), text.size()}; }
std::string_view to_std(json::string_view text) noexcept { return {text.data(), text.size()}; }

result<json::object, envelope::error> parse_object(std::string_view body) {
  json::parse_options options;
  options.max_depth = 16;
  json::error_code error;
  json::value value = json::parse(to_boost(body), error, {}, options);
  if (error) {
    return failure{invalid("The request body is not valid JSON.", "body", "Expected JSON")};
  }
  if (!value.is_object()) {
    return failure{
        invalid("The request body must be a JSON object.", "body", "Expected a JSON object")};
  }
  return std::move(value.as_object());
}

// A number as it stands in the body. A string that is none is judged by http.
http::number_field number_field(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(to_boost(name));
  if (value == nullptr || value->is_null()) return {name};
  if (!value->is_string()) return {name, {}, "Expected a string"};
  return {name, to_std(value->get_string())};
}

bool has_either(const json::object& body, const dial_names& names) {
  return body.contains(to_boost(names.caller)) || body.contains(to_boost(names.destination));
}

void add(json::object& to, std::string_view name, std::string_view text) {
  if (!text.empty()) to.emplace(to_boost(name), to_boost(text));
}

json::object make_call(const call& c, time_point now) {
  const call_state state = state_of(c, now);
  json::object made;
  add(made, "id", c.id);
  add(made, "status", state.status);
  add(made, "call_outcome", state.outcome);
  add(made, "failure_code", state.failure_code);
  add(made, "failure_category", state.failure_category);
  add(made, "disconnection_reason", state.disconnection_reason);
  add(made, "from_number", c.from_number);
  add(made, "to_number", c.to_number);
  add(made, "created_at", format_time(c.created_at));
  if (state.ended_at) add(made, "ended_at", format_time(*state.ended_at));
  json::object& metadata = made["metadata"].emplace_object();
  for (const auto& [key, value] : c.metadata) metadata.emplace(to_boost(key), to_boost(value));
  return made;
}

// A whole number that is not negative.
std::optional<std::uint64_t> whole_number(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<std::uint64_t>(value.get_int64());
  }
  return std::nullopt;
}

json::object make_rule(const fault_rule_state& state) {
  const fault_rule& rule = state.rule;
  json::object made;
  made.emplace("rule", state.number);
  add(made, "route", rule.route);
  add(made, "fault", rule.fault);
  // Boost.JSON writes 1 as 1E0.
  if (rule.probability == 0 || rule.probability == 1) {
    made.emplace("probability", static_cast<int>(rule.probability));
  } else {
    made.emplace("probability", rule.probability);
  }
  made.emplace("seed", rule.seed.value_or(0));
  if (rule.times) made.emplace("times", *rule.times);
  if (rule.delay) made.emplace("delay_ms", rule.delay->count());
  made.emplace("seen", state.seen);
  made.emplace("hits", state.hits);
  return made;
}

std::string wrap(json::value data, std::optional<json::object> meta = std::nullopt) {
  json::object page;
  page.emplace("data", std::move(data));
  if (meta) page.emplace("meta", *std::move(meta));
  return json::serialize(page);
}

}  // namespace

result<dial_request, envelope::error> parse_dial(std::string_view body, const dial_names& route) {
  auto object = parse_object(body);
  if (!object) return failure{std::move(object).error()};
  const dial_names& other =
      route.caller == dial_route_names.caller ? calls_route_names : dial_route_names;
  const dial_names& names =
      !has_either(*object, route) && has_either(*object, other) ? other : route;

  auto numbers = http::read_call_numbers(number_field(*object, names.destination),
                                         number_field(*object, names.caller));
  if (!numbers) return failure{std::move(numbers).error()};
  return dial_request{names, to_string(numbers->caller), to_string(numbers->destination)};
}

result<metadata_patch, envelope::error> parse_metadata_patch(std::string_view body) {
  auto object = parse_object(body);
  if (!object) return failure{std::move(object).error()};
  const json::value* value = object->if_contains("metadata");
  if (value == nullptr || !value->is_object()) {
    return failure{invalid("metadata must be an object.", "metadata",
                           value == nullptr ? "Required" : "Expected an object")};
  }
  metadata_patch changes;
  for (const auto& [boost_key, member] : value->get_object()) {
    const std::string_view key = to_std(boost_key);
    if (key.empty() || key.size() > metadata_key_bytes_max) {
      return failure{invalid("A metadata key is too long or empty.", "metadata",
                             "Expected keys of 1 to 40 bytes")};
    }
    if (!member.is_null() &&
        (!member.is_string() || member.get_string().size() > metadata_value_bytes_max)) {
      return failure{invalid("A metadata value is not a string, or too long.",
                             "metadata." + std::string(key),
                             "Expected a string of at most 500 bytes, or null")};
    }
    changes.emplace_back(key, member.is_null()
                                  ? std::nullopt
                                  : std::optional<std::string>(to_std(member.get_string())));
  }
  return changes;
}

result<std::chrono::seconds, envelope::error> parse_advance(std::string_view body) {
  auto object = parse_object(body);
  if (!object) return failure{std::move(object).error()};
  const json::value* value = object->if_contains("seconds");
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) {
    return failure{invalid("seconds must be a whole number, not negative.", "seconds",
                           value == nullptr ? "Required" : "Expected a whole number from 0 on")};
  }
  return std::chrono::seconds(value->get_int64());
}

result<fault_rule, envelope::error> parse_fault_rule(std::string_view body) {
  auto object = parse_object(body);
  if (!object) return failure{std::move(object).error()};
  envelope::error wrong =
      envelope::error(errors::code::validation_error).with_message("This is no fault rule.");
  fault_rule rule;
  std::size_t known = 0;
  const auto take = [&](std::string_view name, std::string_view expected, auto accept) {
    const json::value* value = object->if_contains(to_boost(name));
    if (value == nullptr) return;
    ++known;
    if (!accept(*value)) wrong.with_field(std::string(name), std::string(expected));
  };
  const auto take_text = [&](std::string_view name, std::string& into) {
    take(name, "Expected a string", [&into](const json::value& value) {
      if (value.is_string()) into = to_std(value.get_string());
      return value.is_string();
    });
  };
  take_text("route", rule.route);
  take_text("fault", rule.fault);
  take("probability", "Expected a number from 0 to 1", [&rule](const json::value& value) {
    json::error_code error;
    rule.probability = value.to_number<double>(error);
    return !error;
  });
  take("seed", "Expected a whole number from 0 on",
       [&rule](const json::value& value) { return (rule.seed = whole_number(value)).has_value(); });
  take("times", "Expected a whole number from 1 on", [&rule](const json::value& value) {
    return (rule.times = whole_number(value)).has_value();
  });
  take("delay_ms", "Expected a whole number from 0 on", [&rule](const json::value& value) {
    // Above the bound it is all one.
    if (const auto count = whole_number(value)) {
      rule.delay = std::chrono::milliseconds(std::min(*count, std::uint64_t{1} << 40));
    }
    return rule.delay.has_value();
  });
  if (!object->contains("fault")) wrong.with_field("fault", "Required");
  if (known != object->size()) {
    wrong.with_field("body",
                     "Expected no members but route, fault, probability, seed, times, delay_ms");
  }
  if (!wrong.fields().empty()) return failure{std::move(wrong)};
  return rule;
}

std::string format_placed(std::string_view call_id) {
  json::object data;
  add(data, "call_id", call_id);
  return wrap(std::move(data));
}

result<webhook_endpoint, envelope::error> parse_webhook(std::string_view body) {
  auto object = parse_object(body);
  if (!object) return failure{std::move(object).error()};
  const auto text = [&](std::string_view name,
                        bool is_optional) -> result<std::string, envelope::error> {
    const json::value* const value = object->if_contains(to_boost(name));
    if (value == nullptr && is_optional) return std::string();
    if (value == nullptr || !value->is_string()) {
      return failure{invalid("This is no webhook.", name, "Expected a string")};
    }
    return std::string(to_std(value->get_string()));
  };
  auto url = text("url", false);
  if (!url) return failure{std::move(url).error()};
  auto secret = text("secret", true);
  if (!secret) return failure{std::move(secret).error()};
  return webhook_endpoint{*std::move(url), *std::move(secret)};
}

std::string format_webhook(const webhook_endpoint& of) {
  json::object data;
  add(data, "url", of.url);
  add(data, "secret", of.secret);
  json::object body;
  body.emplace("data", std::move(data));
  return json::serialize(body);
}

std::string format_event(std::string_view id, const call& c, time_point now) {
  json::object body;
  add(body, "id", id);
  add(body, "type", "phone_call.ended");
  add(body, "created", format_time(state_of(c, now).ended_at.value_or(now)));
  body.emplace("data", make_call(c, now));
  return json::serialize(body);
}

std::string format_call(const call& c, time_point now) { return wrap(make_call(c, now)); }

std::string format_calls(const std::vector<call>& calls, const cursor::page_meta& meta,
                         time_point now) {
  cursor::page_writer page;
  for (const call& each : calls) page.add(json::serialize(make_call(each, now)));
  return std::move(page).finish(meta);
}

std::string format_magic() {
  json::array data;
  for (const magic_number& number : magic_numbers()) {
    json::object each;
    add(each, "destination", number.destination);
    if (number.row != nullptr) {
      const errors::row& row = *number.row;
      add(each, "result", row.delivery == errors::delivery::sync ? "error" : "outcome");
      add(each, "code", row.name);
      add(each, "category", errors::to_string(row.category));
      add(each, "tier", errors::to_string(row.tier));
      if (row.http_status != 0) each.emplace("http", row.http_status);
      add(each, "meaning", row.message);
    } else if (number.behaviour != nullptr) {
      add(each, "result", "behaviour");
      add(each, "name", number.behaviour->name);
      add(each, "meaning", number.behaviour->meaning);
    } else {
      add(each, "result", "success");
    }
    data.emplace_back(std::move(each));
  }
  return wrap(std::move(data));
}

std::string format_clock(time_point now, std::chrono::seconds offset) {
  json::object data;
  add(data, "now", format_time(now));
  data.emplace("offset_seconds", offset.count());
  return wrap(std::move(data));
}

std::string format_journal(const journal_page& page) {
  json::array data;
  data.reserve(page.newest_first.size());
  for (const journal_entry& each : page.newest_first) {
    json::object made;
    add(made, "request_id", each.request_id);
    add(made, "at", format_time(each.at));
    add(made, "method", each.method);
    add(made, "path", each.path);
    made.emplace("status", each.status);
    add(made, "code", each.code);
    made.emplace("handler_runs", each.handler_ran ? 1 : 0);
    add(made, "fault", each.fault);
    data.emplace_back(std::move(made));
  }
  json::object meta;
  meta.emplace("total_results", page.total);
  meta.emplace("page_size", journal_max);
  meta.emplace("handler_runs", page.handler_runs);
  return wrap(std::move(data), std::move(meta));
}

std::string format_fault_rule(const fault_rule_state& rule) { return wrap(make_rule(rule)); }

std::string format_fault_rules(const std::vector<fault_rule_state>& rules) {
  json::array data;
  for (const fault_rule_state& each : rules) data.emplace_back(make_rule(each));
  return wrap(std::move(data));
}

}  // namespace parley::sandbox
