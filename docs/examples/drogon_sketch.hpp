// SPDX-License-Identifier: Apache-2.0
//
// A sketch of an adapter for a framework of Drogon's shape: handlers take a shared request and a
// callback, and run on an event loop that they must not block. It was never run with Drogon: a test
// compiles it against types that have the members below, and gives it a request.
//
//   drogon::app().setClientMaxBodySize(service.limits().body_bytes_max);
//   drogon::app().registerPreRoutingAdvice([&](const auto& request, auto&& respond, auto&&) {
//     drogon_sketch::handle<drogon::HttpResponse>(service, request, std::move(respond));
//   });
//
// To make an adapter of it, run the conformance suite behind it, and see what Drogon lets pass. As
// far as its sources tell:
//
// - of repeated headers the first is seen alone, so nobody can refuse a second Idempotency-Key,
//   Authorization or Host;
// - the path is percent-decoded: an escaped slash separates segments, and %25 is escaped again here
//   so that routes do not decode it twice;
// - the framework answers by itself what its parser refuses, without an envelope;
// - addHeader() replaces: of two Set-Cookie the last is sent, see addCookie().

#ifndef PARLEY_DOCS_EXAMPLES_DROGON_SKETCH_HPP
#define PARLEY_DOCS_EXAMPLES_DROGON_SKETCH_HPP

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"
#include "parley/http/service.hpp"

namespace drogon_sketch {

namespace http = parley::http;

template <class T>
concept request_like = requires(const T& request) {
  { request.methodString() } -> std::convertible_to<const char*>;
  { request.path() } -> std::convertible_to<std::string_view>;
  { request.query() } -> std::convertible_to<std::string_view>;
  { request.body() } -> std::convertible_to<std::string_view>;
  { request.headers().begin()->first } -> std::convertible_to<std::string_view>;
  { request.headers().begin()->second } -> std::convertible_to<std::string_view>;
};

template <class T>
concept response_like = requires(T& response, std::string text) {
  { T::newHttpResponse() } -> std::same_as<std::shared_ptr<T>>;
  response.setCustomStatusCode(202);
  response.setContentTypeString(std::string_view());
  response.addHeader(text, text);
  response.setBody(std::move(text));
};

// Keeps the request alive for the view, and the way back.
template <request_like Request, response_like Response>
class exchange final : public http::exchange {
 public:
  using callback = std::function<void(const std::shared_ptr<Response>&)>;

  // Request to view.
  exchange(std::shared_ptr<const Request> from, callback respond)
      : from_(std::move(from)), respond_(std::move(respond)) {
    for (const char c : std::string_view(from_->path())) {
      c == '%' ? path_.append("%25") : path_.append(1, c);
    }
    http::request_view& view = request();
    view.method_name = from_->methodString();
    view.method = http::parse_method(view.method_name);
    view.path = path_;
    view.query = from_->query();
    for (const auto& [name, value] : from_->headers()) headers_.push_back({name, value});
    view.headers = headers_;
    view.body = from_->body();
  }

 private:
  // Response to framework. From any thread, as the callback may be called from any.
  void send(http::response&& r) noexcept override {
    try {
      const std::shared_ptr<Response> to = Response::newHttpResponse();
      to->setCustomStatusCode(r.status);
      for (http::header& each : r.headers) {
        if (http::equal_ignoring_case(each.name, "Content-Type")) {
          to->setContentTypeString(each.value);
        } else {
          to->addHeader(std::move(each.name), std::move(each.value));
        }
      }
      to->setBody(std::move(r.body));
      respond_(to);
    } catch (...) {
      // No memory for an answer: the client gets none.
    }
  }

  std::shared_ptr<const Request> from_;
  callback respond_;
  std::string path_;
  std::vector<http::header_view> headers_;
};

template <response_like Response, request_like Request>
void handle(const http::service& service, std::shared_ptr<Request> request,
            std::function<void(const std::shared_ptr<Response>&)> respond) {
  service.handle(
      std::make_shared<exchange<Request, Response>>(std::move(request), std::move(respond)));
}

}  // namespace drogon_sketch

#endif  // PARLEY_DOCS_EXAMPLES_DROGON_SKETCH_HPP
