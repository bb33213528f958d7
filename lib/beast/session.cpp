// SPDX-License-Identifier: Apache-2.0
#include "beast/session.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include "http/text.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {

namespace bhttp = boost::beast::http;

std::string_view loop::http_date() {
  const std::time_t now = std::time(nullptr);
  if (now == date_second_ && !date_.empty()) return date_;
  std::tm utc{};
  gmtime_r(&now, &utc);
  // Not by strftime's %a and %b: those follow the locale.
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char digits[32];
  date_ = std::string(days[utc.tm_wday]) + ", ";
  std::strftime(digits, sizeof digits, "%d ", &utc);
  date_ += std::string(digits) + months[utc.tm_mon];
  std::strftime(digits, sizeof digits, " %Y %H:%M:%S GMT", &utc);
  date_ += digits;
  date_second_ = now;
  return date_;
}

// A request and, between the threads, its answer.
class pending final : public http::exchange {
 public:
  boost::beast::http::request<boost::beast::http::empty_body> message;
  std::vector<http::header_view> headers;
  std::string body;

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
  void send(http::response&& r) noexcept override {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(r);
    if (!waiter_) return;
    const auto waiter = std::exchange(waiter_, nullptr);
    // Posted under the lock: detach() then waits, and with it the end of the event loop.
    try {
      asio::post(waiter->loop_executor(), [waiter] { waiter->wake(); });
    } catch (...) {
      // No memory to wake it with: it looks by itself before long.
    }
  }

  std::mutex mutex_;
  std::optional<http::response> answer_;
  std::shared_ptr<session> waiter_;
};

namespace {

// Beast looks for keep-alive first in HTTP/1.0; where both are asked for, close is the safe one.
bool asks_to_close(const std::vector<http::header_view>& headers) noexcept {
  for (const http::header_view& each : headers) {
    if (!http::equal_ignoring_case(each.name, "Connection")) continue;
    for (std::string_view rest = each.value; !rest.empty();) {
      const std::string_view token = rest.substr(0, rest.find(','));
      if (http::equal_ignoring_case(http::trim_blanks(token), "close")) return true;
      rest.remove_prefix(std::min(rest.size(), token.size() + 1));
    }
  }
  return false;
}

}  // namespace

session::session(tcp_socket socket, loop& home, shared_state& shared)
    : socket_(std::move(socket)),
      watch_(socket_.get_executor()),
      answered_(socket_.get_executor()),
      home_(home),
      shared_(shared),
      count_(shared),
      buffer_(shared.api.limits().head_bytes_max + read_bytes) {}

void session::drain() {
  if (is_idle_ || is_hanging_) socket_.cancel(ignored_);
  if (is_reading_head_) shorten_deadline(drain_head_timeout);
  if (is_lingering_) shorten_deadline(drain_linger_timeout);
}

void session::abort() {
  is_aborted_ = true;
  socket_.close(ignored_);
  answered_.cancel();
}

// One timer for all the deadlines of a connection. It is moved only when a deadline comes nearer;
// one that moves away is noticed when the timer fires.
void session::expires_after(std::chrono::milliseconds timeout) {
  deadline_ = clock::now() + timeout;
  is_expired_ = false;
  if (!is_watching_ || deadline_ < watch_.expiry()) watch(deadline_);
}

void session::shorten_deadline(std::chrono::milliseconds timeout) {
  if (!is_expired_ && deadline_ - clock::now() > timeout) expires_after(timeout);
}

void session::watch(clock::time_point until) {
  watch_.expires_at(until);
  watch_.async_wait([self = shared_from_this()](error_code error) {
    if (error) return;  // moved or ended
    self->is_watching_ = false;
    if (self->deadline_ == clock::time_point::max()) return;
    const auto now = clock::now();
    try {
      if (now < self->deadline_) return self->watch(self->deadline_);
      self->is_expired_ = true;
      self->socket_.cancel(self->ignored_);
      // Again soon, until somebody sets another deadline: cancel() does nothing to a read that has
      // ended but was not yet told so, and the session may by now be about to start the next.
      self->watch(now + retry_pause);
    } catch (...) {
      self->abort();  // without memory for a deadline there is to be no connection
    }
  });
  is_watching_ = true;
}

task<void> session::run(std::shared_ptr<session> self) {
  // Asio may end this coroutine by destroying its frame (no memory to start an operation with):
  // then the connection ends all the same.
  struct ending {
    session& of;
    ~ending() {
      of.never_expires();
      of.socket_.close(of.ignored_);
      of.watch_.cancel();
      of.home_.sessions.erase(&of);
    }
  } const end{*self};
  try {
    self->home_.sessions.insert(self.get());
    self->socket_.set_option(tcp::no_delay(true), self->ignored_);
    co_await self->serve();
  } catch (...) {
    // Out of memory, say: this connection ends, the others go on.
  }
}

task<void> session::serve() {
  // Not as the condition of an empty loop: g++ 12 makes an illegal instruction of that.
  for (bool goes_on = true; goes_on;) goes_on = co_await serve_one();
}

// Whether the connection can take another request.
task<bool> session::serve_one() {
  const http::limits& limits = shared_.api.limits();
  constexpr std::string_view malformed = "The request is not well-formed HTTP/1.1.";
  std::size_t head_bytes = 0;
  const read_outcome outcome = co_await read_head(head_bytes);
  is_head_ = buffered().starts_with("HEAD ");
  switch (outcome) {
    case read_outcome::complete: break;
    case read_outcome::closed: co_return false;
    case read_outcome::timed_out:
      co_await refuse(408, "The request headers took too long.");
      co_return false;
    case read_outcome::malformed: co_await refuse(400, malformed); co_return false;
    case read_outcome::too_large:
      co_await refuse(431, "The request headers are too large.");
      co_return false;
  }

  const std::string_view head = buffered().substr(0, head_bytes);
  const head_facts facts = check_head(head, {limits.headers_max, limits.body_bytes_max});
  switch (facts.error) {
    case head_errc::none: break;
    case head_errc::malformed: co_await refuse(400, malformed); co_return false;
    case head_errc::too_many_headers:
      co_await refuse(431, "The request has too many headers.");
      co_return false;
    case head_errc::body_too_large:
      co_await refuse(413, "The request body is too large.");
      co_return false;
    case head_errc::unknown_expectation:
      co_await refuse(417, "Only 100-continue can be expected.");
      co_return false;
  }

  bhttp::request_parser<bhttp::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.head_bytes_max) + 1);
  parser.body_limit(boost::none);  // check_head() has seen to it
  error_code error;
  const std::size_t parsed = parser.put(asio::buffer(head.data(), head.size()), error);
  if (error || parsed != head_bytes || !parser.is_header_done()) {
    co_await refuse(400, malformed);
    co_return false;
  }
  buffer_.consume(head_bytes);

  const auto exchange = std::make_shared<pending>();
  exchange->message = parser.release();
  exchange->request() = to_request_view(exchange->message, exchange->headers);
  message_options options = {
      .version = exchange->message.version(),
      .keep_alive = exchange->message.keep_alive() && !asks_to_close(exchange->headers),
      .is_head = is_head_,
      .date = {}};
  if (facts.expects_continue && facts.has_body && buffer_.size() == 0) {
    if (!co_await send_continue()) co_return false;
  }
  if (facts.has_body && !co_await read_body(facts, exchange->body)) co_return false;
  exchange->request().body = exchange->body;

  never_expires();
  shared_.api.handle(exchange);
  http::response response = co_await answer_of(exchange);
  if (is_aborted_) co_return false;
  if (shared_.options.deliver) {
    const delivery as = shared_.options.deliver(exchange->request(), response);
    co_return co_await deliver(std::move(response), options, as);
  }
  if (is_draining()) options.keep_alive = false;
  co_return co_await write(std::move(response), options);
}

task<bool> session::send_continue() {
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  expires_after(shared_.options.write_timeout);
  const auto [error, bytes] = co_await asio::async_write(socket_, asio::buffer(go_on), as_values);
  co_return !error;
}

// Reads until an empty line ends the head. An idle connection waits here, and ends without a word.
task<session::read_outcome> session::read_head(std::size_t& head_bytes) {
  head_scanner scanner;
  bool may_skip_line = true;
  bool has_begun = false;  // which of the two deadlines runs
  for (bool is_first_round = true;; is_first_round = false) {
    // RFC 9112, 2.2: one empty line before the request line is ignored.
    if (may_skip_line && buffered().starts_with("\r\n")) {
      buffer_.consume(2);
      may_skip_line = false;
    }
    if (buffered().empty() && (is_first_round || has_begun)) {
      if (is_draining()) co_return read_outcome::closed;
      has_begun = false;
      expires_after(shared_.options.idle_timeout);
    } else if (!buffered().empty() && !has_begun) {
      has_begun = true;
      expires_after(shared_.options.head_timeout);
      if (is_draining()) shorten_deadline(drain_head_timeout);
    }
    if (buffered() != "\r" || !may_skip_line) {
      switch (scanner.scan(buffered())) {
        case head_scanner::state::complete:
          head_bytes = scanner.size();
          co_return head_bytes > shared_.api.limits().head_bytes_max ? read_outcome::too_large
                                                                     : read_outcome::complete;
        case head_scanner::state::malformed: co_return read_outcome::malformed;
        case head_scanner::state::more: break;
      }
    }
    if (buffered().size() > shared_.api.limits().head_bytes_max) co_return read_outcome::too_large;

    is_idle_ = buffered().empty();
    is_reading_head_ = !is_idle_;
    const bool has_more = co_await read_more();
    const bool was_idle = std::exchange(is_idle_, false);
    is_reading_head_ = false;
    if (!has_more) {
      const bool timed_out = is_expired_ && !is_aborted_ && !was_idle;
      co_return timed_out ? read_outcome::timed_out : read_outcome::closed;
    }
  }
}

// False: the connection has been dealt with.
task<bool> session::read_body(const head_facts& facts, std::string& body) {
  const http::limits& limits = shared_.api.limits();
  chunked_decoder chunks({limits.body_bytes_max, limits.headers_max});
  expires_after(shared_.options.body_timeout);
  while (!take_body(facts, chunks, body)) {
    if (co_await read_more()) continue;
    if (is_expired_ && !is_aborted_) co_await refuse(408, "The request body took too long.");
    co_return false;
  }
  switch (chunks.state_now()) {
    case chunked_decoder::state::more:  // not chunked
    case chunked_decoder::state::done: co_return true;
    case chunked_decoder::state::too_large:
      co_await refuse(413, "The request body is too large.");
      break;
    case chunked_decoder::state::malformed:
      co_await refuse(400, "The request body is not well-formed HTTP/1.1.");
      break;
  }
  co_return false;
}

// Moves what was received of the body there; whether that was all, or as much as will be looked at.
bool session::take_body(const head_facts& facts, chunked_decoder& chunks, std::string& body) {
  if (facts.chunked) {
    buffer_.consume(chunks.feed(buffered(), body));
    return chunks.state_now() != chunked_decoder::state::more;
  }
  const std::size_t taken = std::min(facts.content_length - body.size(), buffer_.size());
  body.append(buffered().substr(0, taken));
  buffer_.consume(taken);
  return body.size() == facts.content_length;
}

// Waits for bytes. False: none will come, or the deadline has passed, also where bytes came with
// it.
task<bool> session::read_more() {
  const auto [error, bytes] =
      co_await socket_.async_read_some(buffer_.prepare(read_bytes), as_values);
  buffer_.commit(bytes);
  if (clock::now() >= deadline_) is_expired_ = true;
  co_return !error && !is_expired_;
}

task<http::response> session::answer_of(std::shared_ptr<pending> exchange) {
  // However this ends, a throw included, a late answer must not look for the event loop.
  struct detacher {
    pending& of;
    ~detacher() { of.detach(); }
  } const detach_at_end{*exchange};
  std::optional<http::response> answer = exchange->take_or_wait(shared_from_this());
  while (!answer && !is_aborted_) {
    // The bound is for an answer that found no memory to wake us with.
    answered_.expires_after(std::chrono::seconds(1));
    co_await answered_.async_wait(as_values);
    answer = exchange->take_or_wait(shared_from_this());
  }
  if (!answer) answer.emplace();
  co_return std::move(*answer);
}

// Whether the connection can take another request.
task<bool> session::deliver(http::response r, message_options options, delivery as) {
  const auto until = clock::now() + std::clamp(as.delay, std::chrono::milliseconds(0), timeout_max);
  // More than once: a wake() for the answer may still be on its way.
  while (!is_aborted_ && clock::now() < until) {
    answered_.expires_at(until);
    co_await answered_.async_wait(as_values);
  }
  if (is_aborted_) co_return false;
  if (is_draining()) options.keep_alive = false;
  switch (as.how) {
    case delivery::way::whole: break;
    case delivery::way::cut:
      options.keep_alive = false;
      co_await write_cut(std::move(r), options, as.body_bytes);
      co_return false;
    case delivery::way::drop: co_await linger(); co_return false;
    case delivery::way::reset:
      socket_.set_option(tcp_socket::linger(true, 0), ignored_);
      socket_.close(ignored_);
      co_return false;
    case delivery::way::hang: co_await hang(); co_return false;
  }
  co_return co_await write(std::move(r), options);
}

task<void> session::write_cut(http::response r, message_options options, std::size_t body_bytes) {
  options.date = home_.http_date();
  const response_message message = to_message(std::move(r), options);
  bhttp::response_serializer<bhttp::string_body> serializer(message);
  expires_after(shared_.options.write_timeout);
  const auto [head_error, head] =
      co_await bhttp::async_write_header(socket_, serializer, as_values);
  if (head_error) co_return;
  const auto part = asio::buffer(message.body(), body_bytes);
  const auto [error, bytes] = co_await asio::async_write(socket_, part, as_values);
  if (!error) co_await linger();
}

// What the client sends meanwhile is dropped.
task<void> session::hang() {
  never_expires();
  is_hanging_ = true;
  for (bool goes_on = !is_draining(); goes_on;) {
    buffer_.clear();
    goes_on = co_await read_more() && !is_draining();
  }
  is_hanging_ = false;
}

// Whether the connection can take another request.
task<bool> session::write(http::response r, message_options options) {
  options.date = home_.http_date();
  response_message message = to_message(std::move(r), options);
  expires_after(shared_.options.write_timeout);
  const auto [error, bytes] = co_await bhttp::async_write(socket_, message, as_values);
  if (error) co_return false;
  if (!options.keep_alive) co_await linger();
  co_return options.keep_alive;
}

// The last response of the connection.
task<void> session::refuse(std::uint16_t status, std::string_view message) {
  co_await write(shared_.api.refuse(status, message), {.keep_alive = false, .is_head = is_head_});
}

// A socket closed with unread bytes resets the connection, and the client may lose the last
// response before it has read it. So: say that we are done, then read until the client is, within
// bounds.
task<void> session::linger() {
  socket_.shutdown(tcp_socket::shutdown_send, ignored_);
  is_lingering_ = true;
  expires_after(shared_.options.linger_timeout);
  if (is_draining()) shorten_deadline(drain_linger_timeout);
  for (std::size_t total = 0; total < linger_bytes_max; total += buffer_.size()) {
    buffer_.clear();
    if (!co_await read_more()) co_return;
  }
}

}  // namespace parley::beast
