// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request as a view and one response as a value, neutral to any framework.
//
//   http::response get_call(const http::request_view& request) {
//     const auto id = request.parameter("id");
//     if (!store.has(id)) return http::to_response(envelope::error(errors::code::not_found));
//     return http::json_response(200, store.read(id));
//   }
//
// A view is as thread-safe as the memory that it looks at. No function here keeps state.

#ifndef PARLEY_HTTP_MESSAGE_HPP
#define PARLEY_HTTP_MESSAGE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/envelope/error.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/export.hpp"

namespace parley::http {

/// The request methods of RFC 9110 and RFC 5789 that an API uses; any other is `other`.
enum class method : std::uint8_t { other = 0, get, head, post, put, patch, delete_, options };

/// Methods are case-sensitive (RFC 9110, 9.1): "get" is `other`.
PARLEY_HTTP_EXPORT method parse_method(std::string_view name) noexcept;

/// The name on the wire: "DELETE". `other` and values outside the enum: "".
PARLEY_HTTP_EXPORT std::string_view to_string(method m) noexcept;

/// A header as it was received: the value without blanks around it.
struct header_view {
  std::string_view name;
  std::string_view value;
};

/// A `{name}` of the route's template and the percent-decoded segment that stood there.
struct path_parameter {
  std::string_view name;
  std::string_view value;
};

/// A request. It and every view in it live until the responder of the request is gone.
struct request_view {
  http::method method = http::method::other;
  std::string_view method_name;          ///< also where method is `other`
  std::string_view path;                 ///< as received, up to the question mark
  std::string_view query;                ///< as received, without the question mark
  std::span<const header_view> headers;  ///< in the order received, repeated ones too
  std::string_view body;
  // What the service adds.
  std::string_view request_id;
  std::string_view scope;  ///< whom the request is for; see authenticator
  std::span<const path_parameter> parameters;
  /// For errors whose code leaves it open: envelope::error(code, request.tier). See route_options.
  errors::tier tier = errors::tier::http;

  /// The value of the first header with this name, in any case; none: std::nullopt.
  PARLEY_HTTP_EXPORT std::optional<std::string_view> header(std::string_view name) const noexcept;

  /// How many headers have this name.
  PARLEY_HTTP_EXPORT std::size_t count(std::string_view name) const noexcept;

  /// The segment that matched `{name}` of the route; empty where the route has no such parameter,
  /// and never otherwise.
  PARLEY_HTTP_EXPORT std::string_view parameter(std::string_view name) const noexcept;
};

struct header {
  std::string name;
  std::string value;

  friend bool operator==(const header&, const header&) = default;
};

/// The status of a response that is none: its handler threw, or dropped its responder. The service
/// makes a 500 of it.
inline constexpr std::uint16_t no_answer = 0;

/// A whole response. Content-Length, Date and Connection are the adapter's: do not set them.
struct response {
  std::uint16_t status = 200;
  std::vector<http::header> headers = {};
  std::string body = {};
  /// For observers: the code that the body carries, `unknown` in a success. Not sent.
  errors::code error_code = errors::code::unknown;
  /// For observers: false where something answered in the handler's place. Not sent.
  bool handler_ran = true;

  /// The value of the first header with this name, in any case.
  PARLEY_HTTP_EXPORT std::optional<std::string_view> header(std::string_view name) const noexcept;
};

/// A response with Content-Type application/json. `body` is JSON text.
PARLEY_HTTP_EXPORT response json_response(std::uint16_t status, std::string body);

/// The envelope as a response. An error that has no HTTP status (an asynchronous code) is a mistake
/// of the handler and becomes 500 internal_error.
PARLEY_HTTP_EXPORT response to_response(const envelope::error& error);

/// Of one response header, name and value together; frameworks have bounds of their own above this.
inline constexpr std::size_t header_bytes_max = std::size_t{32} << 10;

/// Whether `r` can be sent as it is: no header above header_bytes_max, a status of 200 to 999,
/// every header name a token and no CR, LF, NUL or other control character but HTAB in a value (RFC
/// 9110, 5.5): anything else could end the header early and speak for us. None of the names that
/// are the adapter's.
PARLEY_HTTP_EXPORT bool is_sendable(const response& r) noexcept;

/// Compares ASCII letters without their case, as header names want.
PARLEY_HTTP_EXPORT bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Bounds on what a stranger may send. The service holds the first, an adapter all of them, before
/// it keeps the bytes.
struct limits {
  std::size_t body_bytes_max = std::size_t{1} << 20;   ///< above: 413
  std::size_t head_bytes_max = std::size_t{16} << 10;  ///< request line and headers; above: 431
  std::size_t headers_max = 100;                       ///< above: 431
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_MESSAGE_HPP
