// SPDX-License-Identifier: Apache-2.0
//
// Every route of the sandbox, in one list: what is served, what a fault rule may name, and what the
// OpenAPI document has to tell of.

#ifndef PARLEY_LIB_SANDBOX_ROUTE_TABLE_HPP
#define PARLEY_LIB_SANDBOX_ROUTE_TABLE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "parley/http/message.hpp"
#include "parley/http/routes.hpp"

namespace parley::sandbox {

enum class route_id : std::uint8_t {
  dial,
  place,
  list,
  show,
  patch,
  cancel,
  set_webhook,
  webhook,
  remove_webhook,
  status_page,
  openapi,
  magic,
  requests,
  advance_clock,
  reset,
  add_fault,
  faults,
  clear_faults,
};

/// Of the emulated API; all else are control routes.
inline constexpr std::string_view api_prefix = "/v1/";

struct route_row {
  route_id id;
  http::method method;
  http::path_template path;

  constexpr bool is_api() const noexcept { return path.text().starts_with(api_prefix); }
  constexpr bool places_calls() const noexcept {
    return id == route_id::dial || id == route_id::place;
  }
  /// What controls the sandbox, or says where it sends requests: not for pages of others.
  constexpr bool is_guarded() const noexcept {
    return !is_api() || id == route_id::set_webhook || id == route_id::webhook ||
           id == route_id::remove_webhook;
  }
  /// "POST /v1/calls/dial"
  std::string text() const {
    return std::string(to_string(method)).append(" ").append(path.text());
  }
};

inline constexpr std::array<route_row, 18> route_table = {{
    {route_id::dial, http::method::post, "/v1/calls/dial"},
    {route_id::place, http::method::post, "/v1/calls"},
    {route_id::list, http::method::get, "/v1/calls"},
    {route_id::show, http::method::get, "/v1/calls/{id}"},
    {route_id::patch, http::method::patch, "/v1/calls/{id}"},
    {route_id::cancel, http::method::delete_, "/v1/calls/{id}"},
    {route_id::set_webhook, http::method::put, "/v1/webhook"},
    {route_id::webhook, http::method::get, "/v1/webhook"},
    {route_id::remove_webhook, http::method::delete_, "/v1/webhook"},
    {route_id::status_page, http::method::get, "/"},
    {route_id::openapi, http::method::get, "/openapi.json"},
    {route_id::magic, http::method::get, "/sandbox/magic"},
    {route_id::requests, http::method::get, "/sandbox/requests"},
    {route_id::advance_clock, http::method::post, "/sandbox/clock/advance"},
    {route_id::reset, http::method::post, "/sandbox/reset"},
    {route_id::add_fault, http::method::post, "/sandbox/faults"},
    {route_id::faults, http::method::get, "/sandbox/faults"},
    {route_id::clear_faults, http::method::delete_, "/sandbox/faults"},
}};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_ROUTE_TABLE_HPP
