// SPDX-License-Identifier: Apache-2.0
//
// What stands between an adapter and the handlers: limits, routes, authentication, media types,
// request ids, and an envelope for everything that is refused.
//
//   http::authentication authenticate(const http::request_view& request) {
//     const auto token = http::bearer_token(request);
//     if (!token) return failure{token.error()};
//     if (!http::is_same_token(*token, expected)) {
//       return failure{envelope::error(errors::code::unauthorized)};
//     }
//     return std::string("tenant-7");
//   }
//   http::service api(std::move(routes), authenticate);
//   beast::server server(api, {.port = 8080});
//
// Order for each request: size, route (404, 405), authentication, media type (415), handler. All
// const members may be called from any thread; so the handlers, the authenticator, the id source
// and the observer must be callable from any thread too.

#ifndef PARLEY_HTTP_SERVICE_HPP
#define PARLEY_HTTP_SERVICE_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/exchange.hpp"
#include "parley/http/export.hpp"
#include "parley/http/message.hpp"
#include "parley/http/routes.hpp"

namespace parley::http {

/// The scope that a request acts for (an API key's id, a tenant), or how it is refused. Not empty:
/// that is answered with 500. Idempotency keys and cursors are bound to the scope: two clients that
/// must not see each other differ in it.
using authentication = result<std::string, envelope::error>;
using authenticator = std::function<authentication(const request_view&)>;

/// The token of `Authorization: Bearer <token>` (RFC 6750, 2.1; the scheme in any case). Absent, of
/// another scheme or empty: 401 unauthorized. Sent twice: 400 validation_error (RFC 6750, 3.1), as
/// two readers of the request could each take another one.
PARLEY_HTTP_EXPORT result<std::string_view, envelope::error> bearer_token(
    const request_view& request);

/// Whether a token is the one that it should be, in a time that depends on their sizes alone: how
/// far a guess got cannot be measured. Empty ones are not the same, even as each other: a token
/// that was never set lets nobody in. Many tokens are better looked up by their SHA-256.
PARLEY_HTTP_EXPORT bool is_same_token(std::string_view a, std::string_view b) noexcept;

/// What became of one request.
struct response_event {
  const request_view* request = nullptr;  ///< null: refused by the adapter, before it was one
  const http::response* response = nullptr;
  std::string_view route = {};  ///< the template, empty where none matched
  std::string_view request_id = {};
  bool handler_ran = false;
};

/// Told of every response just before it is sent, on the thread that answered. Must not throw or
/// block. The pointers live until the call returns.
class PARLEY_HTTP_EXPORT observer {
 public:
  virtual ~observer();
  virtual void responded(const response_event& event) noexcept = 0;
};

/// Makes request ids: 1 to 128 bytes of [A-Za-z0-9._-]; anything else, and a throw, is replaced by
/// an id of our own.
using request_id_source = std::function<std::string()>;

/// "req_" and 32 hex digits: 64 random bits of the process, then a counter scrambled one to one, so
/// that ids of one source never repeat. Seeded from std::random_device.
PARLEY_HTTP_EXPORT request_id_source random_request_ids();

struct service_options {
  http::limits limits = {};
  /// Echo a caller's own X-Request-Id, where it is 1 to 128 bytes of [A-Za-z0-9._-], as
  /// X-Correlation-Id.
  bool correlation_ids = false;
  /// Null: none. Must outlive the service.
  http::observer* observer = nullptr;
  /// Empty: random_request_ids().
  request_id_source request_ids = {};
};

class PARLEY_HTTP_EXPORT service {
 public:
  /// There is no default authenticator: a service without one would have one scope for all. An
  /// empty one is a precondition failure.
  service(http::routes routes, authenticator authenticate, service_options options = {});
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  ~service();

  /// Answers `e` by calling its send(), now or later; `e` lives until this returns and the answer
  /// was given. The service must outlive the answer. Throws std::bad_alloc before anything was run.
  void handle(std::shared_ptr<exchange> e) const;

  /// The response to what never became a request (malformed, too large, too slow): a
  /// validation_error with this status (G29) and a request id of its own. The adapter closes the
  /// connection after it.
  response refuse(std::uint16_t status, std::string_view message) const;

  const http::limits& limits() const noexcept { return options_.limits; }

 private:
  friend class exchange;
  std::string make_request_id() const;
  void dispatch(exchange& on, responder respond) const;
  void complete(response& r, const exchange* on) const noexcept;
  void complete(response& r, const exchange* on, std::string_view request_id) const;

  http::routes routes_;
  authenticator authenticate_;
  service_options options_;
  request_id_source own_ids_;
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_SERVICE_HPP
