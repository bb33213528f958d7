// SPDX-License-Identifier: Apache-2.0
//
// Looks at the bytes of a request's head before Beast does, for what its parser (Boost 1.81) lets
// pass or hides: folded lines, line ends without CR, a Transfer-Encoding of another name, repeated
// Host and Content-Length. A proxy in front of us may read each of these in another way than we do,
// and the bytes in between would become a second request (RFC 9112, 11.2).
//
// Pure: nothing is read but the text, and nothing allocates.

#ifndef PARLEY_LIB_BEAST_HEAD_HPP
#define PARLEY_LIB_BEAST_HEAD_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::beast {

/// Finds the end of a head in a buffer that grows, without looking at a byte twice.
class head_scanner {
 public:
  enum class state : std::uint8_t { more, complete, malformed };

  /// `seen` is all that was received so far. A first byte that cannot begin a method (a TLS hello,
  /// say) and a line that ends without CR are malformed at once: no such head can become good.
  state scan(std::string_view seen) noexcept;

  /// Of the head with its empty line, once complete.
  std::size_t size() const noexcept { return line_begin_; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_begin_ = 0;
};

/// Why a head is refused.
enum class head_errc : std::uint8_t {
  none = 0,
  malformed,            ///< 400
  too_many_headers,     ///< 431
  body_too_large,       ///< 413
  unknown_expectation,  ///< 417
};

/// What the head says of the body that follows.
struct head_facts {
  head_errc error = head_errc::none;
  bool chunked = false;
  bool expects_continue = false;
  bool has_body = false;
  std::size_t content_length = 0;  ///< where the body is not chunked
};

struct head_limits {
  std::size_t headers_max;
  std::size_t body_bytes_max;
};

/// `head` is complete: it ends with an empty line.
head_facts check_head(std::string_view head, const head_limits& limits) noexcept;

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_HEAD_HPP
