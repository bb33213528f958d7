// SPDX-License-Identifier: Apache-2.0
//
// The client's way to a server, on Boost.Asio: HTTP/1.1 over TCP or TLS, on connections that are
// kept and used again.
//
//   auto api = beast::async_client::make(context.get_executor(),
//                                        {.transport = {.base_url = "https://api.example"},
//                                         .send = {.headers = {{"Authorization", bearer}}}});
//   if (!api) return report(api.error().what);
//   // in a coroutine:
//   auto dial = client::operation::post("/v1/calls/dial", body);
//   const client::answer a = co_await api->async_send(*dial, asio::use_awaitable);
//
// blocking_transport is the same for client::blocking_client, with a thread of its own.
//
// All functions may be called from any thread, but for moves and destructors.

#ifndef PARLEY_BEAST_CLIENT_HPP
#define PARLEY_BEAST_CLIENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include "parley/beast/export.hpp"
#include "parley/client/message.hpp"
#include "parley/client/operation.hpp"
#include "parley/client/sending.hpp"
#include "parley/core/result.hpp"

namespace parley::beast {

/// Of https. At least TLS 1.2, and the server's certificate is verified for the URL's host: by its
/// subjectAltName, never by its subject (RFC 9525).
struct tls_options {
  // Who is trusted: both of these, or the system's authorities where both are empty.
  std::string ca_file = {};  ///< certificates in PEM
  std::string ca_pem = {};   ///< the same as text
  // What we are known by, where the server asks: PEM files, both or none.
  std::string certificate_file = {};  ///< with its chain
  std::string private_key_file = {};
  /// For tests alone: with it anybody in between can read and change everything.
  bool insecure_skip_verification = false;
};

struct transport_options {
  /// "https://api.example", "http://[::1]:8080": scheme, host and port, nothing else.
  std::string base_url;
  /// Connections open at once, 1 to 65,536. What finds none free waits for one, in order.
  std::size_t connections_max = 16;
  // 1 ms to 24 h each.
  /// For a connection's address, its TCP and its TLS, within the attempt's own timeout.
  std::chrono::milliseconds connect_timeout{10'000};
  /// After this a connection that nobody uses is closed. Less than the server's own bound.
  std::chrono::milliseconds idle_timeout{30'000};
  // Of a response; above them it is too_large. A head is at most 16 MiB.
  std::size_t head_bytes_max = std::size_t{64} << 10;
  std::size_t headers_max = 256;
  std::size_t body_bytes_max = std::size_t{16} << 20;
  tls_options tls = {};
};

struct client_options {
  transport_options transport;
  client::send_options send = {};
  std::uint32_t budget_capacity = client::retry_budget::default_capacity;
  std::uint32_t budget_cost = client::retry_budget::default_cost;
  /// What decisions see; timers are real. Callable from any thread. Empty: the system's clocks.
  std::function<client::instant()> clock = {};
};

/// Why there is no client. The values are ABI: append, never reorder.
enum class client_errc : std::uint8_t {
  bad_url = 1,
  bad_option,  ///< a number out of its range
  bad_tls,     ///< a file that cannot be used, or text that holds no certificate
  no_thread,   ///< the system gives none
};

struct client_failure {
  client_errc why;
  std::string what;  ///< "tls: cannot use the file ca.pem"
};

/// What became of connections so far. `opened` is the sum of `open` and all that were closed.
struct connection_counts {
  std::uint64_t opened = 0;
  std::uint64_t not_opened = 0;  ///< no address, refused, no TLS, or not in time
  std::uint64_t reused = 0;      ///< requests on a connection that had served another
  // Why they were closed.
  std::uint64_t closed_idle = 0;      ///< not used for idle_timeout
  std::uint64_t closed_by_peer = 0;   ///< found ended, or with bytes that answer no request
  std::uint64_t closed_as_asked = 0;  ///< a whole response said so, or ended with it
  /// Where the next response might not be the next request's: timed out, cancelled, broken off,
  /// malformed, or with bytes behind it.
  std::uint64_t closed_in_doubt = 0;
  // Now.
  std::size_t open = 0;
  std::size_t idle = 0;     ///< of the open ones
  std::size_t waiting = 0;  ///< requests that wait for a connection
};

namespace detail {

// A handler whose result is not there yet.
template <class Result>
class waiting {
 public:
  waiting() = default;
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;
  virtual ~waiting() = default;
  // Has `cancel` called when the handler's cancellation slot says so.
  virtual void watch(std::function<void()> cancel) = 0;
  // Once.
  virtual void post(Result made) = 0;
};

template <class Result, class Handler>
class waiting_handler final : public waiting<Result> {
  // Not executor_work_guard, which lets go of the work before the executor: the state of a strand
  // does not outlive its context.
  using tracked = std::decay_t<decltype(boost::asio::prefer(
      std::declval<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>>(),
      boost::asio::execution::outstanding_work.tracked))>;

 public:
  waiting_handler(Handler&& handler, const boost::asio::any_io_executor& otherwise)
      : handler_(std::move(handler)),
        work_(boost::asio::prefer(boost::asio::get_associated_executor(handler_, otherwise),
                                  boost::asio::execution::outstanding_work.tracked)) {}

  void watch(std::function<void()> cancel) override {
    auto slot = boost::asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([cancel = std::move(cancel)](boost::asio::cancellation_type) { cancel(); });
  }

  // By post, also on the executor's own thread: a handler must not hold up the client.
  void post(Result made) override {
    // The work ends here: the handler may run, and the context be out of work and destroyed, while
    // Asio is still waking its thread.
    const tracked to = std::move(work_);
    boost::asio::post(to, [handler = std::move(handler_), made = std::move(made)]() mutable {
      auto slot = boost::asio::get_associated_cancellation_slot(handler);
      if (slot.is_connected()) slot.clear();
      std::move(handler)(std::move(made));
    });
  }

 private:
  Handler handler_;
  tracked work_;
};

}  // namespace detail

/// Sends on an executor of Boost.Asio. Any number of threads may run its context, which outlives
/// the client; nothing happens while none does. A connection is work for the context, an idle one
/// up to idle_timeout.
///
/// Where a handler has a cancellation slot, any emission to it ends the operation, with `cancelled`
/// if nothing else has ended it. To destroy the client does so to all that is under way; their
/// handlers are called all the same, once each, by asio::post() to their executor, or to the
/// client's where they have none.
class PARLEY_BEAST_EXPORT async_client {
 public:
  using outcome = result<client::response, client::transport_failure>;
  using executor_type = boost::asio::any_io_executor;

  /// Connects to nobody yet.
  static result<async_client, client_failure> make(boost::asio::any_io_executor executor,
                                                   client_options options);
  async_client(async_client&&) noexcept;
  async_client& operator=(async_client&&) noexcept;
  async_client(const async_client&) = delete;
  async_client& operator=(const async_client&) = delete;
  ~async_client();

  /// Attempts and pauses until there is an answer: see client::sending. `of` lives, and belongs to
  /// this send, until the handler is called.
  template <boost::asio::completion_token_for<void(client::answer)> CompletionToken>
  auto async_send(client::operation& of, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(client::answer)>(
        [impl = impl_](auto handler, client::operation* what) {
          start_send(impl, *what, wrap<client::answer>(impl, std::move(handler)));
        },
        token, &of);
  }

  /// One attempt: as client::transport::exchange(). Nothing is retried.
  template <boost::asio::completion_token_for<void(outcome)> CompletionToken>
  auto async_exchange(client::request what, std::chrono::milliseconds timeout,
                      CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(outcome)>(
        [impl = impl_](auto handler, client::request of, std::chrono::milliseconds in) {
          start_exchange(impl, std::move(of), in, wrap<outcome>(impl, std::move(handler)));
        },
        token, std::move(what), timeout);
  }

  executor_type get_executor() const noexcept;
  const client_options& options() const noexcept;
  const client::retry_budget& budget() const noexcept;
  connection_counts counts() const;

 private:
  class PARLEY_BEAST_NO_EXPORT impl;
  explicit async_client(std::shared_ptr<impl> made) noexcept;
  template <class Result>
  using waiting_ptr = std::unique_ptr<detail::waiting<Result>>;
  template <class Result, class Handler>
  static waiting_ptr<Result> wrap(const std::shared_ptr<impl>& by, Handler handler) {
    return std::make_unique<detail::waiting_handler<Result, Handler>>(std::move(handler),
                                                                      executor_of(*by));
  }
  static executor_type executor_of(const impl& of);
  static void start_send(const std::shared_ptr<impl>& by, client::operation& of,
                         waiting_ptr<client::answer> done);
  static void start_exchange(const std::shared_ptr<impl>& by, client::request what,
                             std::chrono::milliseconds timeout, waiting_ptr<outcome> done);
  std::shared_ptr<impl> impl_;
};

/// The same connections for callers that block, on a thread of its own.
class PARLEY_BEAST_EXPORT blocking_transport final : public client::transport {
 public:
  static result<std::unique_ptr<blocking_transport>, client_failure> make(
      const transport_options& options);
  /// No exchange is under way.
  ~blocking_transport() override;

  result<client::response, client::transport_failure> exchange(const client::request& what,
                                                               std::chrono::milliseconds timeout,
                                                               std::stop_token stop) override;

  connection_counts counts() const;

 private:
  class PARLEY_BEAST_NO_EXPORT impl;
  explicit blocking_transport(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

/// The lower-case name of `e`: "bad_url". Any other value: "unknown".
PARLEY_BEAST_EXPORT std::string_view to_string(client_errc e) noexcept;

}  // namespace parley::beast

#endif  // PARLEY_BEAST_CLIENT_HPP
