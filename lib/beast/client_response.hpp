// SPDX-License-Identifier: Apache-2.0
//
// Reads one response, strictly: where two readers may see two ends of it, there is no saying which
// bytes answer the next request. Folded lines, line ends without CR, a Content-Length beside
// another or beside a Transfer-Encoding, and a Transfer-Encoding that is not exactly `chunked` are
// malformed (RFC 9112, 5.2, 6.1 and 6.3).
//
// Pure: fed with what was received, in pieces of any size.

#ifndef PARLEY_LIB_BEAST_CLIENT_RESPONSE_HPP
#define PARLEY_LIB_BEAST_CLIENT_RESPONSE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "beast/chunked.hpp"
#include "beast/head.hpp"
#include "parley/client/message.hpp"

namespace parley::beast {

class response_reader {
 public:
  struct limits {
    std::size_t head_bytes_max;
    std::size_t headers_max;
    std::size_t body_bytes_max;
  };
  enum class state : std::uint8_t { more, done, malformed, too_large };

  /// Responses of 1xx in front of the one that counts; they are skipped.
  static constexpr std::size_t interim_max = 16;

  response_reader(bool is_to_head, const limits& bounds) noexcept;

  /// Gives how much of `input` was used: all of it while there is more to come, none after that.
  std::size_t feed(std::string_view input);
  /// The connection has ended as its protocol ends: a body without a length is whole.
  void end_of_input() noexcept;

  state state_now() const noexcept { return state_; }
  /// Once done: whether the server lets the connection serve another request, and this response had
  /// an end that nobody can doubt.
  bool can_keep_alive() const noexcept { return can_keep_alive_; }
  client::response take() { return std::move(response_); }

 private:
  enum class step : std::uint8_t { head, length, chunks, until_end };

  std::size_t feed_head(std::string_view input);
  void read_head();
  bool read_status_line(std::string_view line);

  const limits limits_;
  const bool is_to_head_;
  bool can_keep_alive_ = false;
  bool is_http_1_0_ = false;
  state state_ = state::more;
  step step_ = step::head;
  std::size_t interims_ = 0;
  std::size_t left_ = 0;  // of a body with a length
  std::string head_;
  head_scanner scanner_;
  chunked_decoder chunks_;
  client::response response_;
};

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_RESPONSE_HPP
