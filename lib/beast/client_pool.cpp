// SPDX-License-Identifier: Apache-2.0
#include "beast/client_pool.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "beast/client_request.hpp"
#include "beast/client_tls.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {
namespace {

namespace asio = boost::asio;
using client::transport_errc;
using client::transport_failure;
using std::chrono::milliseconds;

// The upper bound keeps sums with the clock's time from overflowing.
constexpr milliseconds timeout_max = std::chrono::hours(24);
constexpr std::size_t connections_limit = 65'536;
constexpr std::size_t head_bytes_limit = std::size_t{1} << 24;

constexpr std::size_t read_bytes = std::size_t{16} << 10;
// A body of at most this many bytes is copied behind its head: one write, and one TLS record.
constexpr std::size_t body_copied_max = std::size_t{16} << 10;

std::string describe(transport_errc interruption) {
  if (interruption == transport_errc::timed_out) return "the attempt took too long";
  if (interruption == transport_errc::not_connected) return "connecting took too long";
  return std::string(to_string(interruption));
}

std::optional<std::string> find_mistake(const transport_options& options) {
  if (options.connections_max < 1 || options.connections_max > connections_limit) {
    return "connections_max must be 1 to 65536";
  }
  if (options.head_bytes_max < 1 || options.head_bytes_max > head_bytes_limit) {
    return "head_bytes_max must be 1 to 16777216";
  }
  for (const milliseconds each : {options.connect_timeout, options.idle_timeout}) {
    if (each < milliseconds(1) || each > timeout_max) return "a timeout must be 1 ms to 24 h";
  }
  return std::nullopt;
}

}  // namespace

void call::cancel() {
  is_cancelled_ = true;
  interrupt(transport_errc::cancelled);
}

client_task<void> call::pause(milliseconds time) {
  if (is_cancelled_) co_return;
  signal_.expires_after(std::min(time, timeout_max));
  co_await signal_.async_wait(client_as_values);
}

void call::begin_attempt(milliseconds timeout) {
  ++attempt_;
  interrupted_by_.reset();
  write_ = {};
  if (is_cancelled_) interrupted_by_ = transport_errc::cancelled;
  interrupt_after(attempt_end_, timeout, transport_errc::timed_out);
}

void call::end_attempt() {
  ++attempt_;
  attempt_end_.cancel();
  connect_end_.cancel();
  if (dialing_) dialing_->stop();
  dialing_.reset();
  over_.reset();
}

void call::interrupt(transport_errc why) {
  if (!interrupted_by_) interrupted_by_ = why;
  if (dialing_) dialing_->stop();
  if (over_) over_->close();
  wake();
}

void call::interrupt_after(client_timer& timer, milliseconds time, transport_errc why) {
  timer.expires_after(std::clamp(time, milliseconds(0), timeout_max));
  timer.async_wait(
      [self = shared_from_this(), attempt = attempt_, why](const boost::system::error_code& error) {
        // A timer that has fired already is told so by its attempt's number.
        if (!error && self->attempt_ == attempt) self->interrupt(why);
      });
}

client_task<void> call::wait() {
  signal_.expires_at(client_timer::time_point::max());
  co_await signal_.async_wait(client_as_values);
}

// A place among the connections, and the connection once there is one. What is not given back is
// closed.
class client_pool::lease {
 public:
  explicit lease(client_pool& of) noexcept : of_(of) {}
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  ~lease() {
    close(&connection_counts::closed_in_doubt);
    if (has_place) of_.pass_on(nullptr);
  }

  void give_back() {
    has_place = false;
    of_.pass_on(std::move(over));
  }
  void close(std::uint64_t connection_counts::*why) {
    if (!over) return;
    of_.count(why, -1);
    over->close();
    over.reset();
  }

  connection_ptr over;
  bool has_place = false;

 private:
  client_pool& of_;
};

client_pool::client_pool(const asio::any_io_executor& executor, transport_options options,
                         origin to, std::shared_ptr<asio::ssl::context> tls)
    : strand_(asio::make_strand(executor)),
      options_(std::move(options)),
      to_(std::move(to)),
      tls_(std::move(tls)),
      idle_end_(strand_) {}

result<std::shared_ptr<client_pool>, client_failure> client_pool::make(
    const asio::any_io_executor& executor, const transport_options& options) {
  auto to = parse_base_url(options.base_url);
  if (!to) return failure{client_failure{client_errc::bad_url, to.error()}};
  if (auto mistake = find_mistake(options)) {
    return failure{client_failure{client_errc::bad_option, *std::move(mistake)}};
  }
  std::shared_ptr<asio::ssl::context> tls;
  if (to->is_tls) {
    auto made = make_tls_context(options.tls);
    if (!made) return failure{client_failure{client_errc::bad_tls, made.error()}};
    tls = *std::move(made);
  }
  return std::shared_ptr<client_pool>(
      new client_pool(executor, options, *std::move(to), std::move(tls)));
}

client_task<exchange_outcome> client_pool::exchange(call& by, const client::request& what,
                                                    milliseconds timeout) {
  const auto keep = shared_from_this();
  auto head = write_head(what, to_.authority);
  if (!head) {
    co_return failure{transport_failure{transport_errc::bad_request, false, head.error()}};
  }
  struct attempt {
    call& of;
    ~attempt() { of.end_attempt(); }
  } const while_here{by};
  by.begin_attempt(timeout);
  bool has_begun = false;
  try {
    lease place(*this);
    if (auto why = co_await acquire(by, place)) co_return failure{*std::move(why)};
    has_begun = true;
    co_return co_await talk(by, place, *std::move(head), what);
  } catch (const std::exception& e) {  // out of memory, say
    co_return failure{transport_failure{transport_errc::connection_lost, has_begun, e.what()}};
  }
}

// Takes a place among the connections, and in it one that is open.
client_task<std::optional<transport_failure>> client_pool::acquire(call& by, lease& place) {
  const auto ended = [&by] {
    return transport_failure{*by.interrupted_by_, false, describe(*by.interrupted_by_)};
  };
  if (by.is_interrupted()) co_return ended();
  if (!idle_.empty()) {
    place.over = std::move(idle_.back());
    idle_.pop_back();
    place.has_place = true;
  } else if (places_ < options_.connections_max) {
    idle_.reserve(places_ + 1);  // so that to give it back needs no memory
    ++places_;
    place.has_place = true;
  } else {
    waiter self{by};
    // cppcheck-suppress danglingLifetime ; `leaving` takes it out again
    const auto at = waiters_.insert(waiters_.end(), &self);
    count_now();
    // However this ends, a throw included: nobody is to find it there.
    struct leaving {
      client_pool& pool;
      std::list<waiter*>::iterator at;
      waiter& self;
      ~leaving() {
        if (!self.is_granted) pool.waiters_.erase(at);
      }
    } const while_here{*this, at, self};
    while (!self.is_granted && !by.is_interrupted()) co_await by.wait();
    place.has_place = self.is_granted;
    place.over = std::move(self.connection);
    if (by.is_interrupted()) {
      if (place.over) place.give_back();
      co_return ended();
    }
  }
  count_now();

  while (place.over) {
    if (is_usable(place.over)) {
      count(&connection_counts::reused);
      co_return std::nullopt;
    }
    const bool is_old = clock::now() - place.over->idle_since >= options_.idle_timeout;
    place.close(is_old ? &connection_counts::closed_idle : &connection_counts::closed_by_peer);
    if (idle_.empty()) break;
    // Its place comes with it.
    --places_;
    place.over = std::move(idle_.back());
    idle_.pop_back();
    count_now();
  }
  co_return co_await connect(by, place);
}

client_task<std::optional<transport_failure>> client_pool::connect(call& by, lease& place) {
  by.interrupt_after(by.connect_end_, options_.connect_timeout, transport_errc::not_connected);
  const auto fail = [&](std::string what) {
    count(&connection_counts::not_opened);
    if (!by.is_interrupted()) {
      return transport_failure{transport_errc::not_connected, false, std::move(what)};
    }
    return transport_failure{*by.interrupted_by_, false, describe(*by.interrupted_by_)};
  };
  by.dialing_ = std::make_shared<dialer>(strand_, to_);
  by.dialing_->start([self = by.shared_from_this()] { self->wake(); });
  while (!by.dialing_->is_done() && !by.is_interrupted()) co_await by.wait();
  if (by.is_interrupted() || !by.dialing_->socket()) co_return fail(by.dialing_->why());

  auto made = std::make_shared<connection>(*std::move(by.dialing_->socket()), tls_.get());
  by.dialing_.reset();
  if (made->is_tls()) {
    if (!set_server_name(made->native_tls(), to_)) co_return fail("tls: out of memory");
    by.over_ = made;
    const auto [error] = co_await made->async_handshake(client_as_values);
    by.over_.reset();
    if (error || by.is_interrupted()) {
      const std::string of_certificate = certificate_error(made->native_tls());
      co_return fail("tls: " + (of_certificate.empty() ? error.message() : of_certificate));
    }
  }
  by.connect_end_.cancel();
  place.over = std::move(made);
  count(&connection_counts::opened, 1);
  co_return std::nullopt;
}

client_task<exchange_outcome> client_pool::talk(call& by, lease& place, std::string head,
                                                const client::request& what) {
  const connection_ptr over = place.over;
  by.over_ = over;
  std::string_view body = what.body;
  if (body.size() <= body_copied_max) {
    head += body;
    body = {};
  }
  const std::size_t size = head.size() + body.size();
  response_reader reader(what.method == "HEAD", {.head_bytes_max = options_.head_bytes_max,
                                                 .headers_max = options_.headers_max,
                                                 .body_bytes_max = options_.body_bytes_max});

  // The response is read while the request is written: a server may refuse a large body before it
  // has come, and then close.
  bool may_have_arrived = over->is_tls();
  const connection::buffers all = {asio::buffer(head), asio::buffer(body.data(), body.size())};
  const std::size_t at_once = over->write_now(all);
  by.write_.is_done = at_once == size;
  if (!by.write_.is_done) {
    const std::size_t of_head = std::min(at_once, head.size());
    over->async_write({all[0] + of_head, all[1] + (at_once - of_head)},
                      [self = by.shared_from_this(), attempt = by.attempt_, over](
                          const auto& error, std::size_t bytes) {
                        if (self->attempt_ != attempt) return;
                        self->write_ = {.is_done = true, .bytes = bytes, .error = error};
                        self->wake();
                      });
  }

  std::string lost;
  bool has_more = false;  // behind the response
  over->input.resize(read_bytes);
  while (reader.state_now() == response_reader::state::more) {
    const auto [error, bytes] =
        co_await over->async_read_some(asio::buffer(over->input), client_as_values);
    has_more = reader.feed({over->input.data(), bytes}) < bytes;
    if (error == asio::error::eof) reader.end_of_input();
    if (error) {
      lost = error == asio::error::eof ? "closed before the response was whole" : error.message();
      break;
    }
    if (by.is_interrupted()) break;
  }
  const bool was_written = by.write_.is_done && !by.write_.error;
  if (!by.write_.is_done) {
    // Until it has ended it looks at the request.
    over->close();
    while (!by.write_.is_done) co_await by.wait();
  }
  may_have_arrived = may_have_arrived || at_once + by.write_.bytes > 0;
  by.over_.reset();

  const auto fail = [&](transport_errc why, std::string text) {
    return failure{transport_failure{why, may_have_arrived, std::move(text)}};
  };
  switch (reader.state_now()) {
    case response_reader::state::done: break;
    case response_reader::state::malformed:
      co_return fail(transport_errc::bad_response, "the response is not well-formed HTTP/1.1");
    case response_reader::state::too_large:
      co_return fail(transport_errc::too_large, "the response is above the bounds");
    case response_reader::state::more:
      if (by.is_interrupted()) co_return fail(*by.interrupted_by_, describe(*by.interrupted_by_));
      co_return fail(transport_errc::connection_lost, std::move(lost));
  }
  if (has_more || !was_written || by.is_interrupted()) {
    place.close(&connection_counts::closed_in_doubt);
  } else if (!lost.empty() || !reader.can_keep_alive()) {
    over->say_goodbye();
    place.close(&connection_counts::closed_as_asked);
  } else {
    place.give_back();
  }
  co_return reader.take();
}

// To who waits longest; a connection else becomes idle, and a place free. Where `connection` is
// null the place alone is passed on.
void client_pool::pass_on(connection_ptr connection) {
  if (connection) connection->idle_since = clock::now();
  if (!waiters_.empty()) {
    waiter& next = *waiters_.front();
    waiters_.pop_front();
    next.is_granted = true;
    next.connection = std::move(connection);
    next.of.wake();
  } else if (!connection) {
    --places_;
  } else if (is_shut_down_) {
    --places_;
    close_idle(*connection, &connection_counts::closed_idle);
  } else {
    idle_.push_back(std::move(connection));
    watch_idle();
  }
  count_now();
}

void client_pool::close_idle(connection& one, std::uint64_t connection_counts::*why) {
  count(why, -1);
  one.say_goodbye();
}

bool client_pool::is_usable(const connection_ptr& candidate) {
  return clock::now() - candidate->idle_since < options_.idle_timeout && candidate->is_quiet();
}

// One timer for all: it is set for the connection that has been idle longest, and looks anew when
// it fires.
void client_pool::watch_idle() {
  if (is_watching_idle_ || idle_.empty()) return;
  idle_end_.expires_at(idle_.front()->idle_since + options_.idle_timeout);
  try {
    idle_end_.async_wait([self = shared_from_this()](const boost::system::error_code&) {
      self->is_watching_idle_ = false;
      self->close_old();
      self->count_now();
      self->watch_idle();
    });
    is_watching_idle_ = true;
  } catch (const std::bad_alloc&) {
    // The next one that becomes idle tries again; an old one is not used in any case.
  }
}

void client_pool::close_old() {
  const auto now = clock::now();
  while (!idle_.empty() && idle_.front()->idle_since + options_.idle_timeout <= now) {
    const auto old = idle_.front();
    idle_.erase(idle_.begin());
    --places_;
    close_idle(*old, &connection_counts::closed_idle);
  }
}

void client_pool::add(call& one) {
  calls_.insert(&one);
  if (is_shut_down_) one.cancel();
}

void client_pool::shut_down() {
  is_shut_down_ = true;
  for (call* const each : calls_) each->cancel();
  for (connection_ptr& each : std::exchange(idle_, {})) {
    --places_;
    close_idle(*each, &connection_counts::closed_idle);
  }
  idle_end_.cancel();
  count_now();
}

void client_pool::count(std::uint64_t connection_counts::*what, int of_open) {
  const std::lock_guard lock(counts_mutex_);
  ++(counts_.*what);
  counts_.open += static_cast<std::size_t>(of_open);
}

void client_pool::count_now() {
  const std::lock_guard lock(counts_mutex_);
  counts_.idle = idle_.size();
  counts_.waiting = waiters_.size();
}

connection_counts client_pool::counts() const {
  const std::lock_guard lock(counts_mutex_);
  return counts_;
}

}  // namespace parley::beast
