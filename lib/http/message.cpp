// SPDX-License-Identifier: Apache-2.0
#include "parley/http/message.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "http/text.hpp"

namespace parley::http {
namespace {

constexpr std::array<std::string_view, 8> method_names = {"",    "GET",   "HEAD",   "POST",
                                                          "PUT", "PATCH", "DELETE", "OPTIONS"};

// Framing and routing of the message itself: a handler that set one of these would contradict the
// adapter, and two Content-Lengths are how a response is split.
constexpr std::array<std::string_view, 5> adapter_headers = {"Connection", "Content-Length", "Date",
                                                             "Transfer-Encoding", "Upgrade"};

template <class Headers>
std::optional<std::string_view> find_header(const Headers& headers,
                                            std::string_view name) noexcept {
  for (const auto& each : headers) {
    if (equal_ignoring_case(each.name, name)) return std::string_view(each.value);
  }
  return std::nullopt;
}

}  // namespace

method parse_method(std::string_view name) noexcept {
  for (std::size_t i = 1; i < method_names.size(); ++i) {
    if (method_names[i] == name) return static_cast<method>(i);
  }
  return method::other;
}

std::string_view to_string(method m) noexcept {
  const auto i = static_cast<std::size_t>(m);
  return i < method_names.size() ? method_names[i] : std::string_view();
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return http_text::equal_ignoring_case(a, b);
}

std::optional<std::string_view> request_view::header(std::string_view name) const noexcept {
  return find_header(headers, name);
}

std::size_t request_view::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [name](const header_view& each) { return equal_ignoring_case(each.name, name); }));
}

std::string_view request_view::parameter(std::string_view name) const noexcept {
  for (const path_parameter& each : parameters) {
    if (each.name == name) return each.value;
  }
  return {};
}

std::optional<std::string_view> response::header(std::string_view name) const noexcept {
  return find_header(headers, name);
}

response json_response(std::uint16_t status, std::string body) {
  response r;
  r.status = status;
  r.headers.push_back({"Content-Type", "application/json"});
  r.body = std::move(body);
  return r;
}

response to_response(const envelope::error& error) {
  if (error.http_status() == 0) {
    return to_response(envelope::error(errors::code::internal_error, errors::tier::http));
  }
  response r = json_response(error.http_status(), envelope::to_json(error));
  r.error_code = error.code();
  return r;
}

bool is_sendable(const response& r) noexcept {
  if (r.status < 200 || r.status > 999) return false;
  return std::ranges::all_of(r.headers, [](const header& each) {
    return is_token(each.name) && is_field_value(each.value) &&
           each.name.size() + each.value.size() <= header_bytes_max &&
           std::ranges::none_of(adapter_headers, [&](std::string_view name) {
             return equal_ignoring_case(name, each.name);
           });
  });
}

}  // namespace parley::http
