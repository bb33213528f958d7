// SPDX-License-Identifier: Apache-2.0
//
// A client of the call API with types of its own, on parley::client: what an SDK adds to it. Copy
// it and make it yours.

#ifndef PARLEY_DOCS_EXAMPLES_CALL_API_HPP
#define PARLEY_DOCS_EXAMPLES_CALL_API_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/json.hpp>

#include "parley/client/client.hpp"
#include "parley/client/pages.hpp"
#include "parley/http/message.hpp"
#include "parley/webhook/verifier.hpp"

namespace call_api {

namespace client = parley::client;
namespace json = boost::json;
using parley::failure;
using parley::result;

struct call {
  std::string id;
  std::string status;        // "queued", "in_progress", "busy", ..
  std::string outcome;       // empty until the call has ended
  std::string failure_code;  // empty where it did not fail

  bool has_ended() const { return status != "queued" && status != "in_progress"; }
};

inline std::string text_in(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains({name.data(), name.size()});
  if (found == nullptr || !found->is_string()) return {};
  const json::string& text = found->get_string();
  return {text.data(), text.size()};
}

/// A call as it stands in a list; std::nullopt: no JSON object with an id and a status.
inline std::optional<call> parse_call(std::string_view text) {
  json::error_code refused;
  const json::value value = json::parse({text.data(), text.size()}, refused);
  const json::object* const object = refused ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  call made{text_in(*object, "id"), text_in(*object, "status"), text_in(*object, "call_outcome"),
            text_in(*object, "failure_code")};
  if (made.id.empty() || made.status.empty()) return std::nullopt;
  return made;
}

/// The member `data` of a body, as text.
inline std::string data_of(std::string_view body) {
  json::error_code refused;
  const json::value value = json::parse({body.data(), body.size()}, refused);
  const json::object* const object = refused ? nullptr : value.if_object();
  const json::value* const data = object == nullptr ? nullptr : object->if_contains("data");
  return data == nullptr ? std::string() : json::serialize(*data);
}

/// Where a function fails it gives the answer that it got: whoever called it decides by its code(),
/// its fate and its status.
class api {
 public:
  explicit api(client::blocking_client& by) : by_(by) {}

  /// A call to be placed. It is sent by dial(), and again by dial() where its fate is unknown, in
  /// this process or the next: it is one call. `key`: the caller's own, an order's number say.
  static result<client::operation, client::operation_errc> make_dial(std::string_view from,
                                                                     std::string_view to,
                                                                     std::string key = {}) {
    const json::object body{{"from_number", from}, {"to_number", to}};
    return client::operation::post("/v1/calls/dial", json::serialize(body),
                                   {.key = std::move(key)});
  }

  /// The call's id.
  result<std::string, client::answer> dial(client::operation& of) {
    client::answer got = by_.send(of);
    if (!got.is_success()) return failure{std::move(got)};
    json::error_code refused;
    const json::value data = json::parse(data_of(got.body()), refused);
    std::string id = data.is_object() ? text_in(data.get_object(), "call_id") : std::string();
    if (id.empty()) return failure{std::move(got)};
    return id;
  }

  result<call, client::answer> get(std::string_view id) { return one("GET", id); }
  /// A call that has ended stays as it is.
  result<call, client::answer> cancel(std::string_view id) { return one("DELETE", id); }

  /// For client::items and parse_call.
  static client::page_walk list(unsigned limit = 100) {
    return client::page_walk("/v1/calls?limit=" + std::to_string(limit));
  }

  /// Asks until the call has ended, or `deadline` is over: then as it was at last. Webhooks tell
  /// sooner, and cost nothing; see outcome_inbox.
  result<call, client::answer> wait(std::string_view id, std::chrono::milliseconds deadline) {
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + deadline;
    for (auto pause = std::chrono::milliseconds(50);; pause = std::min(2 * pause, pause_max)) {
      auto got = get(id);
      if (!got || got->has_ended() || clock::now() + pause >= end) return got;
      std::this_thread::sleep_for(pause);
    }
  }

 private:
  static constexpr std::chrono::milliseconds pause_max{2'000};

  result<call, client::answer> one(std::string method, std::string_view id) {
    auto request = client::operation::make(
        {.method = std::move(method), .target = "/v1/calls/" + std::string(id)});
    if (!request) return failure{client::answer{.why = client::stop::not_sendable}};
    client::answer got = by_.send(*request);
    std::optional<call> read;
    if (got.is_success()) read = parse_call(data_of(got.body()));
    if (!read) return failure{std::move(got)};
    return *std::move(read);
  }

  client::blocking_client& by_;
};

/// Takes signed `phone_call.ended` webhooks and keeps the outcomes for who waits for them. The
/// handler may be called from any thread.
class outcome_inbox {
 public:
  using clock = std::function<parley::webhook::seconds_time()>;
  explicit outcome_inbox(parley::webhook::verifier verifier, clock now)
      : verifier_(std::move(verifier)), now_(std::move(now)) {}

  /// A handler for http::routes. 2xx: it need not be sent again.
  parley::http::response take(const parley::http::request_view& request) {
    parley::webhook::delivery_headers headers;
    for (const parley::http::header_view& each : request.headers) {
      headers.add(each.name, each.value);
    }
    if (!verifier_.verify(headers, request.body, now_())) {
      return parley::http::to_response(parley::envelope::error(parley::errors::code::unauthorized));
    }
    // What is signed is kept, once or twice: a delivery may come again, and with a newer one
    // between.
    if (auto ended = parse_call(data_of(request.body))) {
      const std::lock_guard lock(mutex_);
      ended_.insert_or_assign(ended->id, *ended);
      arrived_.notify_all();
    }
    return {.status = 204};
  }

  /// How the call ended; std::nullopt: not told in time.
  std::optional<call> wait(std::string_view id, std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    const auto has_come = [&] { return ended_.contains(id); };
    if (!arrived_.wait_for(lock, most, has_come)) return std::nullopt;
    return ended_.find(id)->second;
  }

 private:
  const parley::webhook::verifier verifier_;
  const clock now_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::string, call, std::less<>> ended_;
};

}  // namespace call_api

#endif  // PARLEY_DOCS_EXAMPLES_CALL_API_HPP
