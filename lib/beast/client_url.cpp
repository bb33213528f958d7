// SPDX-License-Identifier: Apache-2.0
#include "beast/client_url.hpp"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

#include "http/text.hpp"

namespace parley::beast {
namespace {

// RFC 1035, 2.3.4, as text without the root's dot.
constexpr std::size_t name_bytes_max = 253;

failure<std::string> bad(std::string_view what) {
  return failure{std::string("url: ").append(what)};
}

bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
  if (!http::equal_ignoring_case(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

template <class Address>
bool is_address(const std::string& text, Address (*read)(const char*, boost::system::error_code&)) {
  if (text.find('\0') != text.npos) return false;  // `read` would stop there
  boost::system::error_code error;
  read(text.c_str(), error);
  return !error;
}

// Letters, digits, hyphens and underscores between dots: what a resolver and a certificate can
// have. No percent escapes, which these would not undo.
bool is_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > name_bytes_max) return false;
  if (text.starts_with('.') || text.ends_with('.') || text.find("..") != text.npos) return false;
  return std::ranges::all_of(
      text, [](char c) { return http::is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

}  // namespace

result<origin, std::string> parse_base_url(std::string_view url) {
  origin made;
  if (take_prefix(url, "https://")) {
    made.is_tls = true;
  } else if (!take_prefix(url, "http://")) {
    return bad("does not begin with http:// or https://");
  }
  if (url.find('@') != url.npos) return bad("has a user; use the header Authorization");
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#") != url.npos) return bad("has a path, a query or a fragment");

  std::string_view port;
  bool has_port = false;
  const bool has_brackets = url.starts_with('[');
  if (has_brackets) {
    const std::size_t close = url.find(']');
    if (close == url.npos) return bad("has a bracket that is not closed");
    port = url.substr(close + 1);
    url = url.substr(1, close - 1);
    has_port = !port.empty();
    if (has_port && port.front() != ':') return bad("has something between host and port");
  } else if (const std::size_t colon = url.find(':'); colon != url.npos) {
    port = url.substr(colon);
    url = url.substr(0, colon);
    has_port = true;
  }

  std::ranges::transform(url, std::back_inserter(made.host), http::to_lower);
  if (has_brackets) {
    // Without a zone: it means something on this machine alone, and no certificate has one.
    made.is_address =
        url.find('%') == url.npos && is_address(made.host, boost::asio::ip::make_address_v6);
    if (!made.is_address) return bad("has brackets around what is no IPv6 address");
  } else {
    if (!is_name(url)) return bad("has a host that is no name and no address");
    made.is_address = is_address(made.host, boost::asio::ip::make_address_v4);
  }

  const std::uint16_t default_port = made.is_tls ? 443 : 80;
  made.port = default_port;
  if (has_port) {
    port.remove_prefix(1);
    const char* const end = port.data() + port.size();
    const auto [read_to, error] = std::from_chars(port.data(), end, made.port);
    if (error != std::errc() || read_to != end || made.port == 0) {
      return bad("has a port that is not 1 to 65535");
    }
  }
  made.authority = has_brackets ? "[" + made.host + "]" : made.host;
  if (made.port != default_port) made.authority += ":" + std::to_string(made.port);
  return made;
}

}  // namespace parley::beast
