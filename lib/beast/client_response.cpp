// SPDX-License-Identifier: Apache-2.0
#include "beast/client_response.hpp"

#include <algorithm>
#include <charconv>

#include "http/text.hpp"

namespace parley::beast {
namespace {

constexpr std::string_view version_prefix = "HTTP/1.";

// A body is not believed to be as long as its head says until it comes.
constexpr std::size_t reserve_max = std::size_t{64} << 10;

// Takes the next line off `rest`, without its CRLF.
std::string_view take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  return line;
}

bool has_token(std::string_view list, std::string_view wanted) noexcept {
  while (!list.empty()) {
    const std::string_view token = list.substr(0, list.find(','));
    if (http::equal_ignoring_case(http::trim_blanks(token), wanted)) return true;
    list.remove_prefix(std::min(list.size(), token.size() + 1));
  }
  return false;
}

}  // namespace

response_reader::response_reader(bool is_to_head, const limits& bounds) noexcept
    : limits_(bounds),
      is_to_head_(is_to_head),
      chunks_({.body_bytes_max = bounds.body_bytes_max, .trailer_fields_max = bounds.headers_max}) {
}

std::size_t response_reader::feed(std::string_view input) {
  std::size_t used = 0;
  while (state_ == state::more && used < input.size()) {
    const std::string_view rest = input.substr(used);
    std::string& body = response_.body;
    switch (step_) {
      case step::head: used += feed_head(rest); break;
      case step::length: {
        const std::size_t taken = std::min(left_, rest.size());
        body.append(rest.substr(0, taken));
        used += taken;
        left_ -= taken;
        if (left_ == 0) state_ = state::done;
        break;
      }
      case step::chunks:
        used += chunks_.feed(rest, body);
        switch (chunks_.state_now()) {
          case chunked_decoder::state::more: break;
          case chunked_decoder::state::done: state_ = state::done; break;
          case chunked_decoder::state::malformed: state_ = state::malformed; break;
          case chunked_decoder::state::too_large: state_ = state::too_large; break;
        }
        break;
      case step::until_end:
        used += rest.size();
        if (rest.size() > limits_.body_bytes_max - body.size()) {
          state_ = state::too_large;
        } else {
          body.append(rest);
        }
        break;
    }
  }
  return used;
}

void response_reader::end_of_input() noexcept {
  if (state_ == state::more && step_ == step::until_end) state_ = state::done;
}

std::size_t response_reader::feed_head(std::string_view input) {
  const std::size_t before = head_.size();
  head_.append(input.substr(0, limits_.head_bytes_max + 1 - before));
  // What speaks another protocol is told by its first bytes, not waited for.
  const std::size_t compared = std::min(head_.size(), version_prefix.size());
  if (head_.compare(0, compared, version_prefix, 0, compared) != 0) {
    state_ = state::malformed;
    return head_.size() - before;
  }
  switch (scanner_.scan(head_)) {
    case head_scanner::state::malformed: state_ = state::malformed; break;
    case head_scanner::state::more:
      if (head_.size() > limits_.head_bytes_max) state_ = state::too_large;
      break;
    case head_scanner::state::complete: {
      head_.resize(scanner_.size());
      const std::size_t used = head_.size() - before;
      if (head_.size() > limits_.head_bytes_max) {
        state_ = state::too_large;
      } else {
        read_head();
      }
      return used;
    }
  }
  return head_.size() - before;
}

// RFC 9112, 4: version SP 3DIGIT SP [reason]. Some servers leave out the last blank with the
// reason; where the line ends is not in doubt.
bool response_reader::read_status_line(std::string_view line) {
  constexpr std::size_t code_at = version_prefix.size() + 2;
  if (line.size() < code_at + 3 || line[code_at - 1] != ' ') return false;
  const char minor = line[version_prefix.size()];
  if (minor != '0' && minor != '1') return false;
  is_http_1_0_ = minor == '0';
  const char* const end = line.data() + code_at + 3;
  std::uint16_t status = 0;
  const auto [read_to, error] = std::from_chars(line.data() + code_at, end, status);
  if (error != std::errc() || read_to != end || status < 100) return false;
  response_.status = status;
  const std::string_view rest = line.substr(code_at + 3);
  return (rest.empty() || rest.front() == ' ') &&
         std::ranges::none_of(rest, [](char c) { return c != '\t' && http::is_control(c); });
}

void response_reader::read_head() {
  const auto refuse = [this] { state_ = state::malformed; };
  std::string_view rest = head_;
  if (!read_status_line(take_line(rest))) return refuse();

  std::size_t lengths = 0;
  std::size_t length = 0;
  bool is_length_too_large = false;
  std::size_t encodings = 0;
  bool asks_to_close = is_http_1_0_;
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    // A folded line begins with a blank, which is in no name (RFC 9112, 5.2).
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == line.npos || !http::is_token(name)) return refuse();
    const std::string_view value = http::trim_blanks(line.substr(colon + 1));
    if (!http::is_field_value(value)) return refuse();
    if (response_.headers.size() == limits_.headers_max) {
      state_ = state::too_large;
      return;
    }
    response_.headers.push_back({std::string(name), std::string(value)});

    if (http::equal_ignoring_case(name, "Content-Length")) {
      ++lengths;
      const char* const end = value.data() + value.size();
      const auto [read_to, error] = std::from_chars(value.data(), end, length);
      is_length_too_large = error == std::errc::result_out_of_range;
      // Digits and nothing else: from_chars would take a minus sign for a signed type only.
      if (value.empty() || read_to != end || (error != std::errc() && !is_length_too_large)) {
        return refuse();
      }
    } else if (http::equal_ignoring_case(name, "Transfer-Encoding")) {
      ++encodings;
      if (!http::equal_ignoring_case(value, "chunked")) return refuse();
    } else if (http::equal_ignoring_case(name, "Connection")) {
      asks_to_close = asks_to_close || has_token(value, "close");
    }
  }
  if (lengths > 1 || encodings > 1 || (lengths != 0 && encodings != 0)) return refuse();
  if (encodings != 0 && is_http_1_0_) return refuse();
  const bool has_framing = lengths != 0 || encodings != 0;

  const std::uint16_t status = response_.status;
  if (status < 200) {
    // What comes after 101 is another protocol, which nobody asked for. No body: RFC 9110, 8.6.
    if (status == 101 || has_framing || ++interims_ > interim_max) return refuse();
    head_.clear();
    scanner_ = {};
    response_ = {};
    return;
  }
  can_keep_alive_ = !asks_to_close;
  if (is_to_head_ || status == 204 || status == 304) {
    // A 204 has no length; one that names a body may well send it.
    if (status == 204 && (encodings != 0 || length != 0 || is_length_too_large)) {
      can_keep_alive_ = false;
    }
    state_ = state::done;
  } else if (encodings != 0) {
    step_ = step::chunks;
  } else if (lengths == 0) {
    can_keep_alive_ = false;
    step_ = step::until_end;
  } else if (is_length_too_large || length > limits_.body_bytes_max) {
    state_ = state::too_large;
  } else {
    left_ = length;
    response_.body.reserve(std::min(length, reserve_max));
    step_ = step::length;
    if (length == 0) state_ = state::done;
  }
}

}  // namespace parley::beast
