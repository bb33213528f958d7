// SPDX-License-Identifier: Apache-2.0
//
// An adapter from cpp-httplib 0.11 to http::service, for httplib_service.cpp and for you to take:
// its request as a view, our response as its own. The rest is what its parser lets pass.
//
//   httplib::Server server;
//   httplib_example::attach(server, service);  // all paths and methods; both must outlive requests
//   server.listen("127.0.0.1", 8080);
//
// A connection serves one request. cpp-httplib passes over header lines that it cannot read, does
// not read the body of a GET, and goes on behind a request that it refused, so that bytes of one
// request could become the next (RFC 9112, 11.2). A connection that is kept would also hold one of
// its threads. What remains is told in the guide, "Writing an adapter".

#ifndef PARLEY_DOCS_EXAMPLES_HTTPLIB_ADAPTER_HPP
#define PARLEY_DOCS_EXAMPLES_HTTPLIB_ADAPTER_HPP

#include <httplib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"
#include "parley/http/service.hpp"

namespace httplib_example {

namespace http = parley::http;

// A request of cpp-httplib, which has a thread of its own that waits here for the answer.
class exchange final : public http::exchange {
 public:
  exchange(const httplib::Request& from, std::string body) : body_(std::move(body)) {
    http::request_view& view = request();
    view.method_name = from.method;
    view.method = http::parse_method(from.method);
    // The absolute form is the path to us (RFC 9112, 3.2.2). `from.path` is percent-decoded.
    std::string_view target = from.target;
    if (const auto authority = target.find("://"); !target.starts_with('/') && authority != npos) {
      target.remove_prefix(std::min(target.find_first_of("/?", authority + 3), target.size()));
    }
    const auto question = target.find('?');
    view.path = target.substr(0, question);
    if (view.path.empty()) view.path = "/";
    if (question != npos) view.query = target.substr(question + 1);
    for (const auto& [name, value] : from.headers) {
      if (!is_own(name)) headers_.push_back({name, value});
    }
    view.headers = headers_;
    view.body = body_;
  }

  http::response wait() { return answer_.get_future().get(); }

  // cpp-httplib adds these to the headers of a request.
  static bool is_own(const std::string& name) {
    return name == "REMOTE_ADDR" || name == "REMOTE_PORT" || name == "LOCAL_ADDR" ||
           name == "LOCAL_PORT";
  }

 private:
  static constexpr auto npos = std::string_view::npos;
  void send(http::response&& r) noexcept override { answer_.set_value(std::move(r)); }

  std::string body_;
  std::vector<http::header_view> headers_;
  std::promise<http::response> answer_;
};

inline void answer(httplib::Response& to, http::response&& from) {
  to.status = from.status;
  for (http::header& each : from.headers) {
    to.headers.emplace(std::move(each.name), std::move(each.value));
  }
  to.body = std::move(from.body);
}

// It matches a path against a regular expression, which with libstdc++ takes stack for every byte.
constexpr std::size_t path_bytes_max = 2'048;
constexpr std::size_t dropped_max = 8 << 20;

struct refusal {
  int status = 0;  // 0: none
  const char* message = "";
};

// What two readers could read in two ways, and what cpp-httplib would change on its way to us.
inline refusal check(const httplib::Request& r, const http::limits& limits) {
  constexpr refusal malformed = {400, "The request is not well-formed HTTP/1.1."};
  const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_token_char = [&](char c) {
    return is_visible(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string::npos;
  };
  const auto count = [&r](const char* name) { return r.get_header_value_count(name); };

  const std::string_view target = r.target;
  if (!std::ranges::all_of(target, is_visible)) return malformed;
  if (!target.starts_with('/') && !target.starts_with("http://") &&
      !target.starts_with("https://") && !(target == "*" && r.method == "OPTIONS")) {
    return malformed;
  }
  if (r.path.size() > path_bytes_max) return {431, "The path is too long."};
  std::size_t headers = 0;
  std::size_t bytes = r.method.size() + r.target.size() + r.version.size() + 6;
  for (const auto& [name, value] : r.headers) {
    if (exchange::is_own(name)) continue;
    if (!std::ranges::all_of(name, is_token_char)) return malformed;
    if (std::ranges::any_of(value, is_control)) return malformed;
    bytes += name.size() + value.size() + 4;
    ++headers;
  }
  if (headers > limits.headers_max) return {431, "The request has too many headers."};
  if (bytes > limits.head_bytes_max) return {431, "The request headers are too large."};
  if (count("Host") != 1 || count("Content-Length") > 1 || count("Expect") > 1) return malformed;
  const std::string host = r.get_header_value("Host");
  if (!std::ranges::all_of(host, is_visible) ||
      host.find_first_of("/\\?#@\"<>^`{|}") != std::string::npos) {
    return malformed;
  }

  // Its reader of chunks bounds neither a chunk nor the body, and takes what is none for one.
  const std::string coding = r.get_header_value("Transfer-Encoding");
  const std::string length = r.get_header_value("Content-Length");
  if (count("Transfer-Encoding") != 0) {
    if (!http::equal_ignoring_case(coding, "chunked") || count("Transfer-Encoding") > 1 ||
        count("Content-Length") != 0 || r.version != "HTTP/1.1") {
      return malformed;
    }
    return {411, "A request body needs a Content-Length."};
  }
  if (!std::ranges::all_of(length, is_digit)) return malformed;
  const bool is_body_read =
      r.method == "POST" || r.method == "PUT" || r.method == "PATCH" || r.method == "DELETE";
  if (!is_body_read && length.find_first_not_of('0') != std::string::npos) {
    return {400, "A request of this method must not have a body."};
  }
  const bool is_waiting = count("Expect") != 0;
  if (is_waiting && r.get_header_value("Expect") != "100-continue") {
    return {417, "Only 100-continue can be expected."};
  }
  // Below that it reads what is too large and drops it, so that the client gets to the refusal.
  const auto size = r.get_header_value<std::uint64_t>("Content-Length");
  if (size > limits.body_bytes_max && (is_waiting || size - limits.body_bytes_max > dropped_max)) {
    return {413, "The request body is too large."};
  }
  // It would give us what is inside: parts, and bytes without end from a few.
  if (r.is_multipart_form_data()) return {415, "A body of several parts is not read."};
  if (const auto coding_of_body = r.get_header_value("Content-Encoding");
      !coding_of_body.empty() && coding_of_body != "identity") {
    return {415, "The request body must not have a content coding."};
  }
  return {};
}

// RFC 9110, 5.6.7, whatever the locale.
inline std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char day[8];
  char time[32];
  std::strftime(day, sizeof day, ", %d ", &utc);
  std::strftime(time, sizeof time, " %Y %H:%M:%S GMT", &utc);
  return std::string(days[utc.tm_wday]) + day + months[utc.tm_mon] + time;
}

// Not by hooks before and after: the one before a handler does not have the body.
inline void attach(httplib::Server& server, const http::service& service) {
  using httplib::Request;
  using httplib::Response;
  using handled = httplib::Server::HandlerResponse;
  server.set_payload_max_length(service.limits().body_bytes_max);
  server.set_keep_alive_max_count(1);
  server.set_tcp_nodelay(true);  // it writes head and body apart

  const auto run = [&service](const Request& request, std::string body, Response& to) {
    const auto e = std::make_shared<exchange>(request, std::move(body));
    service.handle(e);
    answer(to, e->wait());
  };
  const auto refuse = [&service](Response& to, int status, const char* message) {
    answer(to, service.refuse(static_cast<std::uint16_t>(status), message));
  };
  const auto is_refused = [&service, refuse](const Request& request, Response& to) {
    const refusal why = check(request, service.limits());
    if (why.status != 0) refuse(to, why.status, why.message);
    return why.status != 0;
  };

  server.set_pre_routing_handler([=](const Request& request, Response& to) {
    // It cuts the response to these. The object is its own, and not const.
    const_cast<Request&>(request).ranges.clear();
    if (is_refused(request, to)) return handled::Handled;
    if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH" ||
        request.method == "DELETE") {
      return handled::Unhandled;  // the body is still to be read
    }
    run(request, {}, to);
    return handled::Handled;
  });
  const auto with_body = [=](const Request& request, Response& to,
                             const httplib::ContentReader& read) {
    std::string body;
    const auto keep = [&body](const char* data, std::size_t size) {
      body.append(data, size);
      return true;
    };
    // Without a length it would read until the client ends the connection.
    if (request.has_header("Content-Length") && !read(keep)) {
      return refuse(to, to.status, "The request body is too large, or was not sent.");
    }
    run(request, std::move(body), to);
  };
  constexpr const char* any = "[^]*";  // a dot leaves out line ends
  server.Post(any, with_body).Put(any, with_body).Patch(any, with_body).Delete(any, with_body);

  // Before it says 100: a refusal now saves the client its body.
  server.set_expect_100_continue_handler([is_refused](const Request& request, Response& to) {
    return is_refused(request, to) ? to.status : 100;
  });
  // What it refuses by itself. An answer of the service has an id.
  server.set_error_handler([=](const Request&, Response& to) {
    if (to.status >= 500 || to.has_header("X-Request-Id")) return;
    refuse(to, to.status, "The request is not one that is read here.");
  });
  // Out of memory. Its own answer would show the text of the exception.
  server.set_exception_handler([](const Request&, Response& to, std::exception_ptr) {
    to.status = 500;
    to.headers.clear();
    to.body.clear();
  });
  server.set_post_routing_handler([](const Request&, Response& to) {
    to.headers.erase("Accept-Ranges");
    if (to.status == 204 || to.status == 304) to.headers.erase("Content-Length");
    to.headers.emplace("Date", http_date());
  });
}

}  // namespace httplib_example

#endif  // PARLEY_DOCS_EXAMPLES_HTTPLIB_ADAPTER_HPP
