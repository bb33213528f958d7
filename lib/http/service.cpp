// SPDX-License-Identifier: Apache-2.0
#include "parley/http/service.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

#include "crypto/sha256.hpp"
#include "http/text.hpp"

namespace parley::http {
namespace {

constexpr std::size_t id_bytes_max = 128;

bool is_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= id_bytes_max && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): one to one on 64 bits.
std::uint64_t scramble(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void append_hex(std::string& out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[(value >> shift) & 15]);
  }
}

envelope::error refusal(std::uint16_t status, std::string message) {
  return envelope::error(errors::code::validation_error)
      .with_http_status(status)
      .with_message(std::move(message));
}

// RFC 9110, 8.3.1: type/subtype in any case; what follows the semicolon is a parameter.
bool has_media_type(std::string_view content_type, std::string_view wanted) noexcept {
  return equal_ignoring_case(trim_blanks(content_type.substr(0, content_type.find(';'))), wanted);
}

// Null where the body may pass.
std::optional<envelope::error> check_media_type(const request_view& request,
                                                std::string_view wanted) {
  if (wanted.empty() || request.body.empty()) return std::nullopt;
  if (request.count("Content-Type") != 1 ||
      !has_media_type(*request.header("Content-Type"), wanted)) {
    return refusal(415, "The request body must be " + std::string(wanted) + ".")
        .with_field("Content-Type", "Expected " + std::string(wanted));
  }
  const bool is_coded = std::ranges::any_of(request.headers, [](const header_view& each) {
    return equal_ignoring_case(each.name, "Content-Encoding") &&
           !equal_ignoring_case(each.value, "identity");
  });
  if (is_coded) {
    return refusal(415, "The request body must not have a content coding.")
        .with_field("Content-Encoding", "Expected none");
  }
  return std::nullopt;
}

}  // namespace

observer::~observer() = default;

result<std::string_view, envelope::error> bearer_token(const request_view& request) {
  if (request.count("Authorization") > 1) {
    return failure{envelope::error(errors::code::validation_error)
                       .with_message("Authorization must be sent once.")
                       .with_field("Authorization", "Sent more than once")};
  }
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view value = request.header("Authorization").value_or("");
  const std::string_view token = trim_blanks(value.substr(std::min(value.size(), scheme.size())));
  if (token.empty() || !equal_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    return failure{envelope::error(errors::code::unauthorized)};
  }
  return token;
}

bool is_same_token(std::string_view a, std::string_view b) noexcept {
  if (a.empty()) return false;
  return crypto::equal_constant_time(std::as_bytes(std::span(a)), std::as_bytes(std::span(b)));
}

request_id_source random_request_ids() {
  struct source {
    std::uint64_t process;
    std::uint64_t start;
    std::atomic<std::uint64_t> issued = 0;
  };
  std::random_device random;
  const auto word = [&random] { return (std::uint64_t{random()} << 32) | random(); };
  auto shared = std::make_shared<source>();
  shared->process = word();
  shared->start = word();
  return [shared] {
    std::string id = "req_";
    id.reserve(36);
    append_hex(id, shared->process);
    append_hex(id,
               scramble(shared->start + shared->issued.fetch_add(1, std::memory_order_relaxed)));
    return id;
  };
}

service::service(http::routes routes, authenticator authenticate, service_options options)
    : routes_(std::move(routes)),
      authenticate_(std::move(authenticate)),
      options_(std::move(options)),
      own_ids_(random_request_ids()) {
  assert(authenticate_ && "a service has an authenticator");
  if (!options_.request_ids) options_.request_ids = own_ids_;
}

service::~service() = default;

std::string service::make_request_id() const {
  // It becomes a header: a source that is not ours does not get to write anything else there.
  try {
    if (std::string id = options_.request_ids(); is_request_id(id)) return id;
  } catch (...) {
    // The id is ours, then.
  }
  return own_ids_();
}

void service::handle(std::shared_ptr<exchange> e) const {
  // `e` stays: a handler may pass its responder to another thread and read on in the request.
  exchange& on = *e;
  on.service_ = this;
  on.request_id_ = make_request_id();
  on.request_.request_id = on.request_id_;
  responder respond(e);
  try {
    dispatch(on, std::move(respond));
  } catch (...) {
    // Whatever throws leaves the responder, wherever it is by then, to answer 500.
  }
}

void service::dispatch(exchange& on, responder respond) const {
  const auto answer = [&respond](response r) { std::move(respond).send(std::move(r)); };
  if (on.request_.body.size() > options_.limits.body_bytes_max) {
    return answer(to_response(refusal(413, "The request body is too large.")));
  }

  const routes::match match =
      routes_.find(on.request_.method, on.request_.path, on.decoded_path_, on.parameters_);
  if (match.route == nullptr && match.allow.empty()) {
    return answer(to_response(envelope::error(errors::code::not_found)));
  }
  if (match.route == nullptr) {
    response r = to_response(refusal(405, "This path does not take this method."));
    r.headers.push_back({"Allow", match.allow});
    return answer(std::move(r));
  }
  on.route_ = match.route;
  on.request_.parameters = on.parameters_;
  on.request_.tier = match.route->options.tier;

  if (!match.route->options.is_public) {
    authentication who = authenticate_(on.request_);
    if (!who) return answer(to_response(who.error()));
    // An empty scope is that of the public routes: nobody's.
    if (who->empty()) return answer({.status = no_answer});
    on.scope_ = *std::move(who);
    on.request_.scope = on.scope_;
  }
  if (const auto why = check_media_type(on.request_, match.route->options.media_type)) {
    return answer(to_response(*why));
  }

  on.handler_ran_ = true;
  match.route->handler(on.request_, std::move(respond));
}

response service::refuse(std::uint16_t status, std::string_view message) const {
  response r = to_response(refusal(status, std::string(message)));
  complete(r, nullptr, make_request_id());
  return r;
}

void service::complete(response& r, const exchange* on) const noexcept {
  try {
    complete(r, on, on->request_id_);
  } catch (...) {
    // No memory: a client that gets a bare 500 is better off than one whose server is gone.
    r = response{.status = 500};
  }
}

void service::complete(response& r, const exchange* on, std::string_view request_id) const {
  // Fails closed: a response that cannot go out as it is becomes one that says nothing of it.
  if (!is_sendable(r)) {
    const errors::tier tier = on != nullptr ? on->request().tier : errors::tier::http;
    r = to_response(envelope::error(errors::code::internal_error, tier));
  }
  std::erase_if(r.headers,
                [](const header& each) { return equal_ignoring_case(each.name, "X-Request-Id"); });
  r.headers.push_back({"X-Request-Id", std::string(request_id)});
  // RFC 9110, 11.6.1: a 401 names at least one challenge.
  if (r.status == 401 && !r.header("WWW-Authenticate")) {
    r.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  const request_view* request = on != nullptr ? &on->request() : nullptr;
  if (options_.correlation_ids && request != nullptr && request->count("X-Request-Id") == 1) {
    const std::string_view own = *request->header("X-Request-Id");
    if (is_request_id(own)) r.headers.push_back({"X-Correlation-Id", std::string(own)});
  }
  if (options_.observer != nullptr) {
    const bool is_routed = on != nullptr && on->route_ != nullptr;
    options_.observer->responded(
        {.request = request,
         .response = &r,
         .route = is_routed ? std::string_view(on->route_->path) : std::string_view(),
         .request_id = request_id,
         .handler_ran = on != nullptr && on->handler_ran_ && r.handler_ran});
  }
}

}  // namespace parley::http
