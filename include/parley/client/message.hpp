// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request and what came of it, neutral to any transport; and what a transport is where it
// blocks. parley/beast/client.hpp is one that does not.
//
// All types here are values, as thread-safe as a std::string.

#ifndef PARLEY_CLIENT_MESSAGE_HPP
#define PARLEY_CLIENT_MESSAGE_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "parley/client/export.hpp"
#include "parley/core/result.hpp"

namespace parley::client {

struct header {
  std::string name;
  std::string value;

  friend bool operator==(const header&, const header&) = default;
};

/// A request without what is the transport's: Host, Content-Length and Connection.
struct request {
  std::string method;  ///< "POST"
  std::string target;  ///< path and query: "/v1/calls?limit=50"
  std::vector<client::header> headers = {};
  std::string body = {};

  friend bool operator==(const request&, const request&) = default;
};

/// A whole response.
struct response {
  std::uint16_t status = 0;
  std::vector<client::header> headers = {};
  std::string body = {};

  /// The value of the first header with this name, in any case.
  PARLEY_CLIENT_EXPORT std::optional<std::string_view> header(std::string_view name) const noexcept;
};

/// Why there is no response. The values are ABI: append, never reorder.
enum class transport_errc : std::uint8_t {
  not_connected = 1,  ///< no address, no connection, or no TLS that could be verified
  connection_lost,    ///< it ended before the response was whole
  timed_out,
  bad_response,  ///< what came was no HTTP response
  too_large,     ///< the response is above the transport's bounds
  cancelled,
  bad_request,  ///< the request cannot be written: a line break in a header, say
};

struct transport_failure {
  transport_errc why;
  /// False: the server has certainly not seen the whole request. True where nobody can know.
  bool may_have_arrived = true;
  std::string what = {};  ///< for people
};

/// Sends one request and waits for its response. Redirects are not followed: their status is the
/// response's. The functions may be called from any thread.
class PARLEY_CLIENT_EXPORT transport {
 public:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  virtual ~transport();

  /// Gives up after `timeout` with timed_out, and with `cancelled` once `stop` asks for it.
  virtual result<response, transport_failure> exchange(const request& what,
                                                       std::chrono::milliseconds timeout,
                                                       std::stop_token stop) = 0;
};

/// The lower-case name of `e`: "timed_out". Any other value: "unknown".
PARLEY_CLIENT_EXPORT std::string_view to_string(transport_errc e) noexcept;

}  // namespace parley::client

#endif  // PARLEY_CLIENT_MESSAGE_HPP
