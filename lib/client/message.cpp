// SPDX-License-Identifier: Apache-2.0
#include "parley/client/message.hpp"

#include "core/http_text.hpp"

namespace parley::client {

std::optional<std::string_view> response::header(std::string_view name) const noexcept {
  for (const client::header& each : headers) {
    if (http_text::equal_ignoring_case(each.name, name)) return each.value;
  }
  return std::nullopt;
}

transport::~transport() = default;

std::string_view to_string(transport_errc e) noexcept {
  switch (e) {
    case transport_errc::not_connected: return "not_connected";
    case transport_errc::connection_lost: return "connection_lost";
    case transport_errc::timed_out: return "timed_out";
    case transport_errc::bad_response: return "bad_response";
    case transport_errc::too_large: return "too_large";
    case transport_errc::cancelled: return "cancelled";
    case transport_errc::bad_request: return "bad_request";
  }
  return "unknown";
}

}  // namespace parley::client
