// SPDX-License-Identifier: Apache-2.0
#include "beast/head.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "http/text.hpp"

namespace parley::beast {
namespace {

using http::is_control;
using http::is_token_char;
using http::to_lower;

bool is_name(std::string_view name, std::string_view lower) noexcept {
  return std::ranges::equal(name, lower, {}, to_lower);
}

// RFC 9112, 3.2: a path, or a URL with a host, or an asterisk, of visible ASCII and without a
// fragment. What is none of these has a path for one reader and another for the next.
bool is_target(std::string_view target, std::string_view method) noexcept {
  const bool is_visible =
      std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!is_visible) return false;
  if (target.starts_with('/')) return true;
  if (target == "*") return method == "OPTIONS";
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() && is_name(target.substr(0, scheme.size()), scheme)) {
      return std::string_view("/?").find(target[scheme.size()]) == std::string_view::npos;
    }
  }
  return false;
}

// RFC 9110, 7.2, and RFC 3986, 3.2.2: the characters of a host and port.
bool is_host(std::string_view value) noexcept {
  return std::ranges::all_of(value, [](char c) {
    return http::is_alphanumeric(c) ||
           std::string_view("-._~%!$&'()*+,;=:[]").find(c) != std::string_view::npos;
  });
}

// RFC 9112, 3: method SP target SP version, one blank each.
bool is_request_line(std::string_view line) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  return http::is_token(method) && is_target(target, method) &&
         (version == "HTTP/1.1" || version == "HTTP/1.0");
}

// Takes the next line off `rest`, without its CRLF.
std::string_view take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  return line;
}

struct counts {
  std::size_t headers = 0;
  std::size_t host = 0;
  std::size_t content_length = 0;
  std::size_t transfer_encoding = 0;
  std::size_t expect = 0;
  std::size_t expect_continue = 0;
};

}  // namespace

head_scanner::state head_scanner::scan(std::string_view seen) noexcept {
  if (!seen.empty() && !is_token_char(seen.front())) return state::malformed;
  while (scanned_ < seen.size()) {
    const void* found = std::memchr(seen.data() + scanned_, '\n', seen.size() - scanned_);
    if (found == nullptr) {
      scanned_ = seen.size();
      return state::more;
    }
    const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - seen.data());
    if (line_end == line_begin_ || seen[line_end - 1] != '\r') return state::malformed;
    const bool empty_line = line_end - line_begin_ == 1;
    scanned_ = line_begin_ = line_end + 1;
    if (empty_line) return state::complete;
  }
  return state::more;
}

head_facts check_head(std::string_view head, const head_limits& limits) noexcept {
  constexpr head_facts malformed = {.error = head_errc::malformed};
  std::string_view rest = head;
  const std::string_view request_line = take_line(rest);
  if (!is_request_line(request_line)) return malformed;
  const bool http_1_0 = request_line.ends_with("HTTP/1.0");

  head_facts facts;
  counts seen;
  std::size_t content_length = 0;
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    // A blank first is a folded line (RFC 9112, 5.2); one before the colon is a name that some
    // readers trim and others do not (5.1). Neither is a token.
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed;
    const std::string_view name = line.substr(0, colon);
    if (!http::is_token(name)) return malformed;
    const std::string_view value = http::trim_blanks(line.substr(colon + 1));
    if (std::ranges::any_of(value, [](char c) { return c != '\t' && is_control(c); })) {
      return malformed;
    }
    ++seen.headers;

    if (is_name(name, "host")) {
      ++seen.host;
      if (!is_host(value)) return malformed;
    } else if (is_name(name, "content-length")) {
      ++seen.content_length;
      const char* end = value.data() + value.size();
      const auto [parsed_to, error] = std::from_chars(value.data(), end, content_length);
      // Digits and nothing else: from_chars would take a minus sign for a signed type only.
      if (value.empty() || parsed_to != end || error != std::errc()) {
        if (error != std::errc::result_out_of_range || parsed_to != end) return malformed;
        facts.error = head_errc::body_too_large;
      }
    } else if (is_name(name, "transfer-encoding")) {
      ++seen.transfer_encoding;
      // Exactly this coding: a list, a parameter or another name is read differently elsewhere.
      if (!is_name(value, "chunked")) return malformed;
      facts.chunked = true;
    } else if (is_name(name, "expect")) {
      ++seen.expect;
      if (is_name(value, "100-continue")) ++seen.expect_continue;
    }
  }

  if (seen.headers > limits.headers_max) return {.error = head_errc::too_many_headers};
  // RFC 9112, 3.2: one Host in HTTP/1.1. We want exactly one in 1.0 too: two are as ambiguous
  // there.
  if (seen.host != 1) return malformed;
  if (seen.content_length > 1 || seen.transfer_encoding > 1) return malformed;
  if (facts.chunked && (http_1_0 || seen.content_length != 0)) return malformed;
  if (content_length > limits.body_bytes_max) facts.error = head_errc::body_too_large;
  facts.content_length = content_length;
  facts.has_body = facts.chunked || content_length != 0;
  if (facts.error == head_errc::none && seen.expect != seen.expect_continue) {
    facts.error = head_errc::unknown_expectation;
  }
  // RFC 9110, 10.1.1: an HTTP/1.0 client cannot wait for an interim response.
  facts.expects_continue = seen.expect != 0 && !http_1_0;
  return facts;
}

}  // namespace parley::beast
