// SPDX-License-Identifier: Apache-2.0
#include "beast/chunked.hpp"

#include <algorithm>
#include <charconv>

#include "http/text.hpp"

namespace parley::beast {
namespace {

// A reader that looks for the line's end behind the closing quote would go on into the data.
bool closes_its_quotes(std::string_view extension) noexcept {
  bool is_quoted = false;
  for (std::size_t i = 0; i < extension.size(); ++i) {
    if (extension[i] == '"') is_quoted = !is_quoted;
    if (is_quoted && extension[i] == '\\') ++i;
  }
  return !is_quoted;
}

}  // namespace

std::size_t chunked_decoder::feed(std::string_view input, std::string& body) {
  std::size_t used = 0;
  while (state_ == state::more && used < input.size()) {
    if (step_ == step::data) {
      const std::size_t taken = std::min(data_left_, input.size() - used);
      body.append(input.substr(used, taken));
      used += taken;
      data_left_ -= taken;
      if (data_left_ == 0) step_ = step::data_end;
      continue;
    }
    const char c = input[used++];
    if (++framing_bytes_ > framing_bytes_max + framing_factor * body.size()) {
      state_ = state::too_large;
    } else if (saw_cr_) {
      saw_cr_ = false;
      if (c == '\n') {
        end_of_line(body);
      } else {
        state_ = state::malformed;
      }
    } else if (c == '\r') {
      saw_cr_ = true;
    } else if ((http::is_control(c) && c != '\t') || line_.size() == line_bytes_max) {
      state_ = state::malformed;
    } else {
      line_.push_back(c);
    }
  }
  return used;
}

void chunked_decoder::end_of_line(const std::string& body) {
  switch (step_) {
    case step::size_line:
      if (!take_size_line()) {
        state_ = state::malformed;
      } else if (data_left_ > limits_.body_bytes_max - body.size()) {
        state_ = state::too_large;
      } else {
        step_ = data_left_ == 0 ? step::trailer_line : step::data;
      }
      break;
    case step::data: break;
    case step::data_end:
      if (!line_.empty()) state_ = state::malformed;
      step_ = step::size_line;
      break;
    case step::trailer_line:
      // Checked as the headers are, and dropped: what comes after the checks of the request must
      // not change it.
      if (line_.empty()) {
        state_ = state::done;
      } else if (++trailer_fields_ > limits_.trailer_fields_max) {
        state_ = state::too_large;
      } else if (!http::is_token(std::string_view(line_).substr(0, line_.find(':'))) ||
                 line_.find(':') == std::string::npos) {
        state_ = state::malformed;
      }
      break;
  }
  line_.clear();
}

// chunk-size [ chunk-ext ]: the extension begins with a semicolon, blanks before it, and is
// skipped.
bool chunked_decoder::take_size_line() {
  const std::string_view line = line_;
  const std::size_t digits = std::min(line.find_first_of(" \t;"), line.size());
  const char* end = line.data() + digits;
  const auto [parsed_to, error] = std::from_chars(line.data(), end, data_left_, 16);
  // Too large for the type is too large for the body: both are sizes.
  if (error == std::errc::result_out_of_range && parsed_to == end) {
    data_left_ = static_cast<std::size_t>(-1);
  } else if (error != std::errc() || parsed_to != end) {
    return false;
  }
  const std::string_view rest = line.substr(digits);
  return rest.empty() || (http::trim_blanks(rest).starts_with(';') && closes_its_quotes(rest));
}

}  // namespace parley::beast
