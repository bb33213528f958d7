// SPDX-License-Identifier: Apache-2.0
#include "parley/beast/server.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "beast/head.hpp"
#include "parley/beast/adapter.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {
namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds timeout_max = std::chrono::hours(24);

// The one executor there is, by its type: asio's any_io_executor costs a copy with a virtual call
// at every step.
using executor = asio::io_context::executor_type;
template <class T>
using task = asio::awaitable<T, executor>;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;
using timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor>;

// Errors as values: a peer that goes away is no exception.
constexpr auto as_values = asio::as_tuple(asio::use_awaitable_t<executor>());

// One event loop and what belongs to its thread alone.
struct loop;
class session;

// What the sessions share. Outlived by none of them: drain() waits for the last.
struct shared_state {
  shared_state(const http::service& service, const server_options& server)
      : api(service), options(server) {}

  const http::service& api;
  const server_options& options;
  std::atomic<bool> draining = false;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t connections = 0;
};

struct loop {
  asio::io_context context{1};
  asio::executor_work_guard<executor> work{context.get_executor()};
  std::unordered_set<session*> sessions;
  std::time_t date_second = 0;
  std::string date;

  // RFC 9110, 5.6.7, made once a second.
  std::string_view http_date() {
    const std::time_t now = std::time(nullptr);
    if (now != date_second || date.empty()) {
      std::tm utc{};
      gmtime_r(&now, &utc);
      // Not by strftime's %a and %b: those follow the locale.
      constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
      constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
      char digits[32];
      date = std::string(days[utc.tm_wday]) + ", ";
      std::strftime(digits, sizeof digits, "%d ", &utc);
      date += std::string(digits) + months[utc.tm_mon];
      std::strftime(digits, sizeof digits, " %Y %H:%M:%S GMT", &utc);
      date += digits;
      date_second = now;
    }
    return date;
  }
};

// A request and, between the threads, its answer.
class pending final : public http::exchange {
 public:
  using wake = void (*)(const std::shared_ptr<session>&);

  request_message message;
  std::vector<http::header_view> headers;

  // The answer, if it is there; else the session is woken when it comes.
  std::optional<http::response> take_or_wait(const std::shared_ptr<session>& waiter) {
    const std::lock_guard lock(mutex_);
    if (!answer_) waiter_ = waiter;
    return std::exchange(answer_, std::nullopt);
  }

  // The session no longer waits. From here on nothing touches its event loop, which may be gone.
  void detach() noexcept {
    const std::lock_guard lock(mutex_);
    waiter_.reset();
  }

 private:
  void send(http::response&& r) noexcept override;

  std::mutex mutex_;
  std::optional<http::response> answer_;
  std::shared_ptr<session> waiter_;
};

class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp_socket socket, loop& home, shared_state& shared)
      : socket_(std::move(socket)),
        watch_(socket_.get_executor()),
        answered_(socket_.get_executor()),
        home_(home),
        shared_(shared),
        buffer_(shared.api.limits().head_bytes_max + read_bytes) {}

  task<void> run();

  // These are called on the loop's thread.
  void drain() {
    if (is_idle_) socket_.cancel(ignored_);
  }
  void abort() {
    is_aborted_ = true;
    socket_.close(ignored_);
    answered_.cancel();
  }
  void wake() { answered_.cancel(); }
  executor loop_executor() { return socket_.get_executor(); }

 private:
  static constexpr std::size_t read_bytes = std::size_t{16} << 10;
  // What is read and thrown away so that a client which is still sending gets to read a refusal.
  static constexpr std::size_t linger_bytes_max = std::size_t{8} << 20;

  enum class read_outcome : std::uint8_t { complete, closed, timed_out, malformed, too_large };

  task<void> serve();
  task<read_outcome> read_head(std::size_t& head_bytes);
  task<bool> read_body(bhttp::request_parser<bhttp::string_body>& parser);
  task<http::response> answer_of(std::shared_ptr<pending> exchange);
  task<bool> write(http::response r, message_options options);
  task<void> refuse(envelope::error why);
  task<void> linger();
  static envelope::error refusal(std::uint16_t status, const char* message) {
    return envelope::error(errors::code::validation_error)
        .with_http_status(status)
        .with_message(message);
  }

  // One timer for all the deadlines of a connection. It is moved only when a deadline comes nearer;
  // one that moves away is noticed when the timer fires.
  void expires_after(std::chrono::milliseconds timeout) {
    deadline_ = clock::now() + timeout;
    is_expired_ = false;
    if (!is_watching_ || deadline_ < watch_.expiry()) watch();
  }
  void never_expires() { deadline_ = clock::time_point::max(); }
  void watch() {
    is_watching_ = true;
    watch_.expires_at(deadline_);
    watch_.async_wait([self = shared_from_this()](error_code error) {
      if (error) return;  // moved or ended
      self->is_watching_ = false;
      if (self->deadline_ == clock::time_point::max()) return;
      if (clock::now() < self->deadline_) return self->watch();
      self->is_expired_ = true;
      self->socket_.cancel(self->ignored_);
    });
  }

  tcp_socket socket_;
  timer watch_;
  timer answered_;
  loop& home_;
  shared_state& shared_;
  boost::beast::flat_buffer buffer_;
  clock::time_point deadline_ = clock::time_point::max();
  error_code ignored_;
  bool is_watching_ = false;
  bool is_expired_ = false;
  bool is_idle_ = false;
  bool is_aborted_ = false;
};

void pending::send(http::response&& r) noexcept {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(r);
  // Posted under the lock: detach() then waits, and with it the end of the event loop.
  if (waiter_) {
    const auto waiter = std::exchange(waiter_, nullptr);
    asio::post(waiter->loop_executor(), [waiter] { waiter->wake(); });
  }
}

task<void> session::run() {
  home_.sessions.insert(this);
  socket_.set_option(tcp::no_delay(true), ignored_);
  try {
    co_await serve();
  } catch (...) {
    // Out of memory, say: this connection ends, the others go on.
  }
  socket_.close(ignored_);
  watch_.cancel();
  home_.sessions.erase(this);
}

task<void> session::serve() {
  const http::limits& limits = shared_.api.limits();
  for (bool keep_alive = true; keep_alive;) {
    std::size_t head_bytes = 0;
    switch (co_await read_head(head_bytes)) {
      case read_outcome::complete: break;
      case read_outcome::closed: co_return;
      case read_outcome::timed_out:
        co_return co_await refuse(refusal(408, "The request headers took too long."));
      case read_outcome::malformed:
        co_return co_await refuse(refusal(400, "The request is not well-formed HTTP/1.1."));
      case read_outcome::too_large:
        co_return co_await refuse(refusal(431, "The request headers are too large."));
    }

    const std::string_view head(static_cast<const char*>(buffer_.data().data()), head_bytes);
    const head_facts facts = check_head(head, {limits.headers_max, limits.body_bytes_max});
    switch (facts.error) {
      case head_errc::none: break;
      case head_errc::malformed:
        co_return co_await refuse(refusal(400, "The request is not well-formed HTTP/1.1."));
      case head_errc::too_many_headers:
        co_return co_await refuse(refusal(431, "The request has too many headers."));
      case head_errc::body_too_large:
        co_return co_await refuse(refusal(413, "The request body is too large."));
      case head_errc::unknown_expectation:
        co_return co_await refuse(refusal(417, "Only 100-continue can be expected."));
    }

    bhttp::request_parser<bhttp::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.head_bytes_max) + 1);
    parser.body_limit(limits.body_bytes_max);
    error_code error;
    const std::size_t parsed = parser.put(asio::buffer(head.data(), head.size()), error);
    if (error || parsed != head_bytes || !parser.is_header_done()) {
      co_return co_await refuse(refusal(400, "The request is not well-formed HTTP/1.1."));
    }
    buffer_.consume(head_bytes);

    // The views are made before the body is read: Beast adds a trailer's fields to the headers, and
    // none of those (an Authorization, say) may pass for one. The message keeps its strings where
    // they are when it moves, but for the body.
    const auto exchange = std::make_shared<pending>();
    exchange->request() = to_request_view(parser.get(), exchange->headers);
    const unsigned version = parser.get().version();
    const bool is_head = exchange->request().method == http::method::head;
    keep_alive = parser.get().keep_alive();
    if (facts.expects_continue && facts.has_body && buffer_.size() == 0) {
      constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      expires_after(shared_.options.write_timeout);
      const auto [failed, written] =
          co_await asio::async_write(socket_, asio::buffer(go_on), as_values);
      if (failed) co_return;
    }
    if (facts.has_body && !co_await read_body(parser)) co_return;
    exchange->message = parser.release();
    exchange->request().body = exchange->message.body();

    never_expires();
    shared_.api.handle(exchange);
    http::response response = co_await answer_of(exchange);
    if (is_aborted_) co_return;
    keep_alive = keep_alive && !shared_.draining.load(std::memory_order_relaxed);
    keep_alive = co_await write(std::move(response),
                                {.version = version, .keep_alive = keep_alive, .is_head = is_head});
  }
}

// Reads until an empty line ends the head. An idle connection waits here, and ends without a word.
task<session::read_outcome> session::read_head(std::size_t& head_bytes) {
  head_scanner scanner;
  bool may_skip_line = true;
  const auto seen = [this] {
    return std::string_view(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  };
  if (seen().empty()) {
    if (shared_.draining.load(std::memory_order_relaxed)) co_return read_outcome::closed;
    expires_after(shared_.options.idle_timeout);
  } else {
    expires_after(shared_.options.head_timeout);
  }
  for (;;) {
    // RFC 9112, 2.2: one empty line before the request line is ignored.
    if (may_skip_line && seen().starts_with("\r\n")) {
      buffer_.consume(2);
      may_skip_line = false;
    }
    if (seen() != "\r" || !may_skip_line) {
      switch (scanner.scan(seen())) {
        case head_scanner::state::complete:
          head_bytes = scanner.size();
          co_return head_bytes > shared_.api.limits().head_bytes_max ? read_outcome::too_large
                                                                     : read_outcome::complete;
        case head_scanner::state::malformed: co_return read_outcome::malformed;
        case head_scanner::state::more: break;
      }
    }
    if (seen().size() > shared_.api.limits().head_bytes_max) co_return read_outcome::too_large;

    is_idle_ = seen().empty();
    const auto [error, bytes] =
        co_await socket_.async_read_some(buffer_.prepare(read_bytes), as_values);
    const bool was_idle = std::exchange(is_idle_, false);
    if (error) {
      const bool timed_out = is_expired_ && !is_aborted_ && !was_idle;
      co_return timed_out ? read_outcome::timed_out : read_outcome::closed;
    }
    buffer_.commit(bytes);
    if (was_idle) expires_after(shared_.options.head_timeout);
  }
}

// False: the connection has been dealt with.
task<bool> session::read_body(bhttp::request_parser<bhttp::string_body>& parser) {
  expires_after(shared_.options.body_timeout);
  parser.eager(true);
  const auto [error, bytes] = co_await bhttp::async_read(socket_, buffer_, parser, as_values);
  if (!error) co_return true;
  if (is_aborted_) co_return false;
  if (is_expired_) {
    co_await refuse(refusal(408, "The request body took too long."));
  } else if (error == bhttp::error::body_limit) {
    co_await refuse(refusal(413, "The request body is too large."));
  } else if (error.category() == make_error_code(bhttp::error::body_limit).category() &&
             error != bhttp::error::partial_message && error != bhttp::error::end_of_stream) {
    co_await refuse(refusal(400, "The request body is not well-formed HTTP/1.1."));
  }
  co_return false;
}

task<http::response> session::answer_of(std::shared_ptr<pending> exchange) {
  answered_.expires_at(clock::time_point::max());
  std::optional<http::response> answer = exchange->take_or_wait(shared_from_this());
  while (!answer && !is_aborted_) {
    co_await answered_.async_wait(as_values);
    answer = exchange->take_or_wait(shared_from_this());
  }
  exchange->detach();
  if (!answer) answer.emplace();
  co_return std::move(*answer);
}

// Whether the connection can take another request.
task<bool> session::write(http::response r, message_options options) {
  options.date = home_.http_date();
  const bool keep_alive = options.keep_alive;
  response_message message = to_message(std::move(r), options);
  expires_after(shared_.options.write_timeout);
  const auto [error, bytes] = co_await bhttp::async_write(socket_, message, as_values);
  co_return !error && keep_alive;
}

task<void> session::refuse(envelope::error why) {
  co_await write(shared_.api.refuse(why), {.keep_alive = false});
  if (!is_expired_) co_await linger();
}

// A socket closed with unread bytes resets the connection, and the client may lose the refusal
// before it read it. So: say that we are done, then read until the client is, within bounds.
task<void> session::linger() {
  socket_.shutdown(tcp_socket::shutdown_send, ignored_);
  expires_after(shared_.options.linger_timeout);
  buffer_.clear();
  for (std::size_t total = 0; total < linger_bytes_max;) {
    const auto [error, bytes] =
        co_await socket_.async_read_some(buffer_.prepare(read_bytes), as_values);
    if (error) co_return;
    total += bytes;
  }
}

}  // namespace

class server::impl {
 public:
  impl(const http::service& api, server_options options)
      : options_(std::move(options)), shared_(api, options_) {}

  ~impl() { drain(std::chrono::milliseconds(0)); }

  result<void, start_failure> start();
  bool drain(std::chrono::milliseconds deadline);
  std::uint16_t port() const noexcept { return port_.load(std::memory_order_relaxed); }

 private:
  task<void> accept();
  void each_session(void (session::*action)());

  server_options options_;
  shared_state shared_;
  std::vector<std::unique_ptr<loop>> loops_;
  std::optional<tcp_acceptor> acceptor_;
  std::optional<timer> room_;  // cancelled when a connection ends
  std::vector<std::thread> threads_;
  std::atomic<std::uint16_t> port_ = 0;
  bool started_ = false;
};

result<void, start_failure> server::impl::start() {
  if (started_) return failure{start_failure{"the server was started before"}};
  if (options_.threads < 1 || options_.threads > 1024) {
    return failure{start_failure{"threads must be 1 to 1024"}};
  }
  if (options_.connections_max == 0) {
    return failure{start_failure{"connections_max must be at least 1"}};
  }
  const std::size_t head_bytes = shared_.api.limits().head_bytes_max;
  if (head_bytes < 256 || head_bytes > std::size_t{1} << 24) {
    return failure{start_failure{"head_bytes_max must be 256 to 16777216"}};
  }
  for (const auto timeout : {options_.idle_timeout, options_.head_timeout, options_.body_timeout,
                             options_.write_timeout, options_.linger_timeout}) {
    // The upper bound keeps sums with the clock's time from overflowing.
    if (timeout < std::chrono::milliseconds(1) || timeout > timeout_max) {
      return failure{start_failure{"a timeout must be 1 ms to 24 h"}};
    }
  }
  error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) return failure{start_failure{"not an IP address: " + options_.address}};

  for (unsigned i = 0; i < options_.threads; ++i) loops_.push_back(std::make_unique<loop>());
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.emplace(loops_.front()->context);
  room_.emplace(loops_.front()->context, clock::time_point::max());
  const auto unless_failed = [&](auto step) {
    if (!error) step();
  };
  unless_failed([&] { acceptor_->open(endpoint.protocol(), error); });
  unless_failed([&] { acceptor_->set_option(tcp_acceptor::reuse_address(true), error); });
  unless_failed([&] { acceptor_->bind(endpoint, error); });
  unless_failed([&] { acceptor_->listen(tcp_acceptor::max_listen_connections, error); });
  if (error) {
    acceptor_.reset();
    const std::string where = options_.address + ":" + std::to_string(options_.port);
    return failure{start_failure{"cannot listen on " + where + ": " + error.message()}};
  }
  port_ = acceptor_->local_endpoint(error).port();
  started_ = true;
  asio::co_spawn(loops_.front()->context, accept(), [](std::exception_ptr) {});
  for (const auto& each : loops_) {
    threads_.emplace_back([&context = each->context] {
      for (;;) {
        try {
          context.run();
          return;
        } catch (...) {
          // Out of memory in the loop itself: what it was doing is lost, the loop goes on.
        }
      }
    });
  }
  return {};
}

task<void> server::impl::accept() {
  for (std::size_t turn = 0; !shared_.draining; ++turn) {
    const auto is_full = [this] {
      const std::lock_guard lock(shared_.mutex);
      return shared_.connections >= options_.connections_max;
    };
    while (!shared_.draining && is_full()) co_await room_->async_wait(as_values);

    loop& home = *loops_[turn % loops_.size()];
    auto [error, socket] = co_await acceptor_->async_accept(home.context, as_values);
    if (shared_.draining) co_return;
    if (error) {
      // Out of descriptors, say: to try again at once would spin.
      timer pause(acceptor_->get_executor(), std::chrono::milliseconds(50));
      co_await pause.async_wait(as_values);
      continue;
    }
    {
      const std::lock_guard lock(shared_.mutex);
      ++shared_.connections;
    }
    const auto accepted = std::make_shared<session>(std::move(socket), home, shared_);
    asio::co_spawn(home.context, accepted->run(), [this, accepted](std::exception_ptr) {
      {
        const std::lock_guard lock(shared_.mutex);
        --shared_.connections;
        shared_.changed.notify_all();
      }
      asio::post(room_->get_executor(), [this] { room_->cancel(); });
    });
  }
}

void server::impl::each_session(void (session::*action)()) {
  for (const auto& each : loops_) {
    asio::post(each->context, [&home = *each, action] {
      for (session* one : home.sessions) (one->*action)();
    });
  }
}

bool server::impl::drain(std::chrono::milliseconds deadline) {
  if (!started_ || threads_.empty()) return true;
  shared_.draining = true;
  asio::post(loops_.front()->context, [this] {
    error_code ignored;
    acceptor_->close(ignored);
    room_->cancel();
  });
  each_session(&session::drain);

  bool finished = true;
  {
    std::unique_lock lock(shared_.mutex);
    const auto none_left = [this] { return shared_.connections == 0; };
    finished = shared_.changed.wait_for(lock, std::min(deadline, timeout_max), none_left);
    while (!none_left()) {
      lock.unlock();
      // Again and again: a connection accepted a moment ago may not be in its loop's list yet.
      each_session(&session::abort);
      lock.lock();
      shared_.changed.wait_for(lock, std::chrono::milliseconds(50), none_left);
    }
  }
  for (const auto& each : loops_) each->work.reset();
  for (std::thread& each : threads_) each.join();
  threads_.clear();
  return finished;
}

server::server(const http::service& api, server_options options)
    : impl_(std::make_unique<impl>(api, std::move(options))) {}

server::~server() = default;

result<void, start_failure> server::start() { return impl_->start(); }

std::uint16_t server::port() const noexcept { return impl_->port(); }

bool server::drain(std::chrono::milliseconds deadline) { return impl_->drain(deadline); }

}  // namespace parley::beast
