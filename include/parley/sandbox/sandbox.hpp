// SPDX-License-Identifier: Apache-2.0
//
// The call API, emulated over a real socket: to develop against, and to start inside a test.
//
//   auto api = sandbox::start();
//   ASSERT_TRUE(api) << api.error().what;
//   my_client client(api->url(), "test_valid");
//
// Bearer keys: "test_valid" and any "test_valid_*" (each sees its own calls), "test_forbidden"
// (403), "test_limited" (429). Destinations +1 202 555 0101 to 0133 give row 1 to 33 of
// errors::catalogue(), as the response or as the call's outcome, 0140 to 0149 what can happen to a
// connection; every other valid number succeeds. The guide has the rest.
//
// A server may be used from any thread; start(), drain() and the destructor by one.

#ifndef PARLEY_SANDBOX_SANDBOX_HPP
#define PARLEY_SANDBOX_SANDBOX_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "parley/beast/server.hpp"
#include "parley/core/result.hpp"
#include "parley/http/message.hpp"
#include "parley/sandbox/export.hpp"
#include "parley/sandbox/fault_rule.hpp"

namespace parley::sandbox {

using time_point = std::chrono::sys_time<std::chrono::microseconds>;

/// A call is in_progress from the first of these on, and ended from the second on.
inline constexpr std::chrono::milliseconds answered_after{50};
inline constexpr std::chrono::milliseconds ended_after{150};

/// Kept at most; the oldest go first.
inline constexpr std::size_t calls_max = 100'000;
inline constexpr std::size_t journal_max = 1'000;

inline constexpr std::uint32_t rate_limit_max = 1'000'000;

/// Before the name of every record in Redis.
inline constexpr std::string_view store_key_prefix = "parley-sandbox:";

struct options {
  beast::server_options server = {};
  http::limits limits = {};
  /// Where the idempotency records are: "memory", or the URL of a Redis server 7.0 or later, as in
  /// idempotency_redis::redis_store_options. Sandboxes on one server share records, and nothing
  /// else. A server that is not there is no failure to start; requests with a key are.
  std::string store = "memory";
  /// At least 32 bytes, under which requests are known to the store: the same for all sandboxes
  /// that share it. Empty: in Redis one that everybody knows, in memory a random one.
  std::string digest_key = {};
  /// The real time, to which the manual clock's offset is added; callable from any thread, and does
  /// not throw. Empty: the system's at the start, going on steadily. Records in Redis keep the
  /// server's time instead: no clock of ours moves them.
  std::function<time_point()> clock = {};
  /// Requests a second that each API key may send, by the sandbox's clock, and at once after a
  /// pause; more get 429 rate_limited without a category. 0: no limit. At most rate_limit_max.
  std::uint32_t rate_limit = 0;
  /// Calls that each API key may have in progress; one more gets 429 rate_limited with
  /// account_limit. 0: no limit.
  std::uint32_t calls_at_once = 0;
  /// Call ids and request ids follow from it, in the order of creation and of arrival, and begin
  /// anew at a reset. None: call ids follow the time, request ids are random.
  std::optional<std::uint64_t> seed = {};
  /// How late a response is that the fault "latency" hits; at most fault_delay_max.
  std::chrono::milliseconds latency{2'000};
};

class PARLEY_SANDBOX_EXPORT server {
 public:
  server(server&&) noexcept;
  server& operator=(server&&) noexcept;
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  /// "http://127.0.0.1:40123", without a slash at the end.
  std::string url() const;
  std::uint16_t port() const noexcept;

  /// As POST /sandbox/clock/advance. False, and nothing changed: negative, or above ten years in
  /// all.
  bool advance(std::chrono::seconds by);
  /// As POST /sandbox/reset. Blocks for the store. False: the records in Redis could not be
  /// cleared; all else is.
  bool reset();
  /// Calls placed since the start or the last reset, forgotten ones too.
  std::uint64_t calls_placed() const;

  /// As POST /sandbox/faults: the rule's number, from 1 on, or a sentence on what is wrong with it.
  result<std::uint64_t, std::string> add_fault(fault_rule rule);
  /// As DELETE /sandbox/faults.
  void clear_faults();

  /// See beast::server::drain; then lets what is still to be stored be stored, in what is left of
  /// the time. Webhooks that are still to be delivered are not waited for.
  bool drain(std::chrono::milliseconds deadline);

 private:
  friend PARLEY_SANDBOX_EXPORT result<server, beast::start_failure> start(options options);
  class PARLEY_SANDBOX_NO_EXPORT impl;
  explicit server(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

/// Starts a sandbox; by default on a free port of 127.0.0.1.
PARLEY_SANDBOX_EXPORT result<server, beast::start_failure> start(options options = {});

}  // namespace parley::sandbox

#endif  // PARLEY_SANDBOX_SANDBOX_HPP
