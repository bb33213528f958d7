// SPDX-License-Identifier: Apache-2.0
//
// One thing that is to happen once: a request with its Idempotency-Key, which stays the same over
// all attempts, sends and processes.
//
//   auto dial = operation::post("/v1/calls/dial", body);
//   file.write(dial->save());            // before the first byte is sent, where a crash matters
//   const answer a = api.send(*dial);
//
//   auto again = operation::restore(file.read());   // in the next process
//   const answer b = api.send(*again);   // the same call, placed now or then
//
// An operation is a value that belongs to one thread at a time. Two of equal content are two
// operations: nothing here compares bodies. A copy has the same key, and knows nothing of what the
// other does from then on.

#ifndef PARLEY_CLIENT_OPERATION_HPP
#define PARLEY_CLIENT_OPERATION_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "parley/client/export.hpp"
#include "parley/client/message.hpp"
#include "parley/core/result.hpp"

namespace parley::client {

/// Wall-clock time: it is saved, and read by another process.
using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

/// How long after the first send a request may be sent again. The server forgets a key 24 hours
/// after the first success (E8), and would then place a second call; an hour is for clocks.
inline constexpr std::chrono::hours send_window{23};

inline constexpr std::size_t key_bytes_max = 255;

/// Why there is no operation. The values are ABI: append, never reorder.
enum class operation_errc : std::uint8_t {
  no_random = 1,  ///< the system gave no random bytes for a key
  bad_method,     ///< no token (RFC 9110, 9.1), or CONNECT
  bad_target,     ///< no path that begins with a slash, a byte that is not visible ASCII, or a
                  ///< number sign: fragments are not sent (RFC 9112, 3.2.1)
  bad_header,     ///< a name that is no token, a control character in a value, or a name that is
                  ///< not the caller's: Idempotency-Key, Host, Content-Length, Expect, and those of
                  ///< the connection (Connection, Transfer-Encoding, TE, Trailer, Upgrade, ..)
  bad_key,        ///< not 1 to key_bytes_max bytes of visible ASCII, or with comma, quotation mark
                  ///< or backslash; or a key for a method that takes none
  damaged,        ///< restore() was not given what save() made
};

struct operation_options {
  /// The caller's own key; empty: a UUID is made.
  std::string key = {};
  /// Of version 7 instead of 4: keys sort by time, and tell it.
  bool is_key_ordered = false;
  /// Empty: the system's.
  std::function<time_point()> clock = {};
};

class PARLEY_CLIENT_EXPORT operation {
 public:
  /// POST, PUT, PATCH and DELETE get a key (E1, E11), other methods none.
  static result<operation, operation_errc> make(request what, operation_options options = {});
  /// The same for a body of JSON.
  static result<operation, operation_errc> post(std::string target, std::string json,
                                                operation_options options = {});
  static result<operation, operation_errc> get(std::string target);

  /// All of it as bytes that restore() reads, in this version of the library and later ones. The
  /// body and the key are in there as they are. A digest at the end tells a damaged copy, as a key
  /// with one bit changed would be another call.
  std::string save() const;
  /// The operation as it was saved. Nobody can know whether it was sent after that: it
  /// may_have_happened(), and where it was saved before its first send, its making counts as that.
  static result<operation, operation_errc> restore(std::string_view saved);

  const request& what() const noexcept { return what_; }
  /// Empty: the method takes none.
  std::string_view key() const noexcept { return key_; }
  time_point made_at() const noexcept { return made_at_; }
  /// std::nullopt: it was not sent.
  std::optional<time_point> first_sent_at() const noexcept { return first_sent_at_; }
  /// Where the window begins: made_at() until the first send.
  time_point window_begin() const noexcept { return first_sent_at_.value_or(made_at_); }

  /// Whether to send it twice is to do it once: it has a key, or a method that RFC 9110, 9.2.2
  /// calls idempotent.
  bool is_repeatable() const noexcept;
  /// Whether the server may have carried it out, as far as this object knows: an attempt was begun
  /// that was not refused for certain, or the operation was restored.
  bool may_have_happened() const noexcept { return may_have_happened_; }

 private:
  friend class sending;
  operation() = default;

  request what_;
  std::string key_;
  time_point made_at_{};
  std::optional<time_point> first_sent_at_;
  std::optional<std::chrono::steady_clock::time_point> first_sent_here_;  // in this process
  bool may_have_happened_ = false;
};

/// The lower-case name of `e`: "bad_target". Any other value: "unknown".
PARLEY_CLIENT_EXPORT std::string_view to_string(operation_errc e) noexcept;

}  // namespace parley::client

#endif  // PARLEY_CLIENT_OPERATION_HPP
