// SPDX-License-Identifier: Apache-2.0
#include "beast/head.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace parley::beast {
namespace {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_token_char(char c) noexcept {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_name(std::string_view name, std::string_view lower) noexcept {
  return std::ranges::equal(name, lower, {}, to_lower);
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// RFC 9112, 3: method SP target SP version, one blank each, and no control character in the target.
bool is_request_line(std::string_view line) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  return !method.empty() && std::ranges::all_of(method, is_token_char) && !target.empty() &&
         std::ranges::none_of(target, is_control) &&
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
    if (colon == std::string_view::npos || colon == 0) return malformed;
    const std::string_view name = line.substr(0, colon);
    if (!std::ranges::all_of(name, is_token_char)) return malformed;
    const std::string_view value = trim(line.substr(colon + 1));
    if (std::ranges::any_of(value, [](char c) { return c != '\t' && is_control(c); })) {
      return malformed;
    }
    ++seen.headers;

    if (is_name(name, "host")) {
      ++seen.host;
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
      facts.expects_continue = is_name(value, "100-continue");
    }
  }

  if (seen.headers > limits.headers_max) return {.error = head_errc::too_many_headers};
  // RFC 9112, 3.2: one Host in HTTP/1.1. We want exactly one in 1.0 too: two are as ambiguous
  // there.
  if (seen.host != 1) return malformed;
  if (seen.content_length > 1 || seen.transfer_encoding > 1) return malformed;
  if (facts.chunked && (http_1_0 || seen.content_length != 0)) return malformed;
  if (content_length > limits.body_bytes_max) facts.error = head_errc::body_too_large;
  facts.has_body = facts.chunked || content_length != 0;
  if (facts.error == head_errc::none && seen.expect != 0 && !facts.expects_continue) {
    facts.error = head_errc::unknown_expectation;
  }
  // RFC 9110, 10.1.1: an HTTP/1.0 client cannot wait for an interim response.
  if (http_1_0) facts.expects_continue = false;
  return facts;
}

}  // namespace parley::beast
