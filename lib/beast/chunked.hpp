// SPDX-License-Identifier: Apache-2.0
//
// Decodes a chunked body (RFC 9112, 7.1), strictly: a reader in front of us that ends a chunk's
// line elsewhere than we do would see other requests than we do. Beast's parser (Boost 1.81) takes
// any byte inside a quoted chunk extension, a line feed too, folded lines in a trailer, and framing
// without end.
//
// Pure: fed with what was received, in pieces of any size.

#ifndef PARLEY_LIB_BEAST_CHUNKED_HPP
#define PARLEY_LIB_BEAST_CHUNKED_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::beast {

class chunked_decoder {
 public:
  struct limits {
    std::size_t body_bytes_max;
    std::size_t trailer_fields_max;
  };
  enum class state : std::uint8_t { more, done, malformed, too_large };

  /// Of a chunk's line or a line of the trailer.
  static constexpr std::size_t line_bytes_max = 4096;
  /// Of what is not body: this much, and framing_factor times the body so far. One-byte chunks fit,
  /// extensions without end do not.
  static constexpr std::size_t framing_bytes_max = std::size_t{64} << 10;
  static constexpr std::size_t framing_factor = 8;

  explicit chunked_decoder(const limits& bounds) noexcept : limits_(bounds) {}

  /// Appends what `input` holds of the body to `body` and gives how much of `input` was used: all
  /// of it while there is more to come. Not to be called again after any state but `more`.
  std::size_t feed(std::string_view input, std::string& body);
  state state_now() const noexcept { return state_; }

 private:
  enum class step : std::uint8_t { size_line, data, data_end, trailer_line };

  void end_of_line(const std::string& body);
  bool take_size_line();

  limits limits_;
  state state_ = state::more;
  step step_ = step::size_line;
  std::string line_;  // so far, without its CRLF
  bool saw_cr_ = false;
  std::size_t data_left_ = 0;
  std::size_t framing_bytes_ = 0;
  std::size_t trailer_fields_ = 0;
};

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CHUNKED_HPP
