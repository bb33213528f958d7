// SPDX-License-Identifier: Apache-2.0
#include "sandbox/foreign.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <boost/asio/ip/address.hpp>

namespace parley::sandbox {
namespace {

constexpr std::string_view scheme = "http://";
constexpr std::array<std::string_view, 3> local_domains = {"localhost", "test", "internal"};

envelope::error refuse(std::string_view header, std::string_view expected) {
  return envelope::error(errors::code::forbidden)
      .with_message("This looks like a request of another site's page.")
      .with_field(std::string(header), std::string(expected));
}

bool is_port(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         http::equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

}  // namespace

bool is_loopback(std::string_view address) {
  // No NUL, behind which Asio would not look, and no zone (RFC 6874), whatever it says.
  if (address.find_first_not_of("0123456789abcdefABCDEF.:") != address.npos) return false;
  boost::system::error_code error;
  const auto read = boost::asio::ip::make_address(std::string(address), error);
  return !error && read.is_loopback();
}

bool is_local_host(std::string_view host) {
  const bool is_bracketed = host.starts_with('[');
  const std::size_t end = is_bracketed ? host.find(']') : host.find(':');
  if (end != host.npos) {
    const std::string_view behind = host.substr(is_bracketed ? end + 1 : end);
    if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1)))) return false;
  } else if (is_bracketed) {
    return false;
  }
  if (is_bracketed) return is_loopback(host.substr(1, end - 1));
  const std::string_view name = host.substr(0, end);
  return http::equal_ignoring_case(name, "localhost") || is_loopback(name) ||
         std::ranges::any_of(local_domains, [name](std::string_view domain) {
           return ends_with_ignoring_case(name, "." + std::string(domain));
         });
}

std::optional<envelope::error> refuse_foreign(const http::request_view& request, bool on_loopback) {
  const std::string_view host = request.header("Host").value_or("");
  if (on_loopback && !host.empty() && !is_local_host(host)) {
    return refuse("Host", "Expected localhost, 127.0.0.1 or [::1]");
  }
  const bool is_safe = request.method == http::method::get ||
                       request.method == http::method::head ||
                       request.method == http::method::options;  // RFC 9110, 9.2.1
  if (is_safe) return std::nullopt;
  for (const http::header_view& each : request.headers) {
    if (http::equal_ignoring_case(each.name, "Origin")) {
      const bool is_ours = http::equal_ignoring_case(each.value.substr(0, scheme.size()), scheme) &&
                           http::equal_ignoring_case(each.value.substr(scheme.size()), host);
      if (!is_ours) return refuse("Origin", "Expected none, or the one that is asked for");
    }
    // "none" is what a person asked for, by a bookmark or by typing it.
    if (http::equal_ignoring_case(each.name, "Sec-Fetch-Site") && each.value != "same-origin" &&
        each.value != "none") {
      return refuse("Sec-Fetch-Site", "Expected none or same-origin");
    }
  }
  return std::nullopt;
}

}  // namespace parley::sandbox
