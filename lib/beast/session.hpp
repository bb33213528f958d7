// SPDX-License-Identifier: Apache-2.0
//
// One connection of the server, and what it shares with the others.

#ifndef PARLEY_LIB_BEAST_SESSION_HPP
#define PARLEY_LIB_BEAST_SESSION_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "beast/chunked.hpp"
#include "beast/head.hpp"
#include "parley/beast/adapter.hpp"
#include "parley/beast/server.hpp"

namespace parley::beast {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

// The one executor there is, by its type: asio's any_io_executor costs a copy with a virtual call
// at every step.
using executor = asio::io_context::executor_type;
template <class T>
using task = asio::awaitable<T, executor>;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor>;

// Errors as values: a peer that goes away is no exception.
constexpr auto as_values = asio::as_tuple(asio::use_awaitable_t<executor>());

// Keeps sums with the clock's time from overflowing.
constexpr std::chrono::milliseconds timeout_max = std::chrono::hours(24);

// Of a step that cannot go on for want of descriptors or memory, until it is tried again.
constexpr std::chrono::milliseconds retry_pause{50};

class session;

// An event loop and what belongs to its thread alone.
struct loop {
  // First, as frames of coroutines may die with the context.
  std::unordered_set<session*> sessions;
  asio::io_context context{1};
  asio::executor_work_guard<executor> work{context.get_executor()};
  // Its first timer makes the loop's descriptors: here, where a failure can still be reported.
  timer first{context};

  /// The Date header (RFC 9110, 5.6.7), made once a second.
  std::string_view http_date();

 private:
  std::time_t date_second_ = 0;
  std::string date_;
};

// What the connections share. Outlives them: drain() waits for the last.
struct shared_state {
  shared_state(const http::service& service, const server_options& server)
      : api(service), options(server) {}

  const http::service& api;
  const server_options& options;
  std::atomic<bool> draining = false;
  std::function<void()> on_room;  // a connection has ended; not called while draining

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t connections = 0;  // under the mutex
};

// Counts a connection as long as it lives.
class connection_count {
 public:
  explicit connection_count(shared_state& shared) : shared_(shared) {
    const std::lock_guard lock(shared_.mutex);
    ++shared_.connections;
  }
  connection_count(const connection_count&) = delete;
  connection_count& operator=(const connection_count&) = delete;
  ~connection_count() {
    {
      const std::lock_guard lock(shared_.mutex);
      --shared_.connections;
      shared_.changed.notify_all();
    }
    if (!shared_.draining) shared_.on_room();
  }

 private:
  shared_state& shared_;
};

class pending;

class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp_socket socket, loop& home, shared_state& shared);

  /// Serves the connection to its end. On the loop's thread, as are drain() and abort().
  static task<void> run(std::shared_ptr<session> self);
  /// Ends the connection if it waits for a request.
  void drain();
  /// Ends the connection.
  void abort();
  /// The answer that it waits for is there.
  void wake() { answered_.cancel(); }
  executor loop_executor() { return socket_.get_executor(); }

 private:
  static constexpr std::size_t read_bytes = std::size_t{16} << 10;
  // What is read and thrown away so that a client which is still sending gets to read a refusal.
  static constexpr std::size_t linger_bytes_max = std::size_t{8} << 20;
  // For the rest of a head that is half read when the server drains.
  static constexpr std::chrono::milliseconds drain_head_timeout{1'000};
  // For a client to read the last response then.
  static constexpr std::chrono::milliseconds drain_linger_timeout{200};

  enum class read_outcome : std::uint8_t { complete, closed, timed_out, malformed, too_large };

  task<void> serve();
  task<bool> serve_one();
  task<read_outcome> read_head(std::size_t& head_bytes);
  task<bool> send_continue();
  task<bool> read_body(const head_facts& facts, std::string& body);
  bool take_body(const head_facts& facts, chunked_decoder& chunks, std::string& body);
  task<http::response> answer_of(std::shared_ptr<pending> exchange);
  task<bool> deliver(http::response r, message_options options, delivery as);
  task<bool> write(http::response r, message_options options);
  task<void> write_cut(http::response r, message_options options, std::size_t body_bytes);
  task<void> hang();
  task<void> refuse(std::uint16_t status, std::string_view message);
  task<void> linger();

  std::string_view buffered() const noexcept {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  }
  void expires_after(std::chrono::milliseconds timeout);
  void shorten_deadline(std::chrono::milliseconds timeout);
  bool is_draining() const noexcept { return shared_.draining.load(std::memory_order_relaxed); }
  task<bool> read_more();
  void never_expires() { deadline_ = clock::time_point::max(); }
  void watch(clock::time_point until);

  tcp_socket socket_;
  timer watch_;
  timer answered_;
  loop& home_;
  shared_state& shared_;
  connection_count count_;
  boost::beast::flat_buffer buffer_;
  clock::time_point deadline_ = clock::time_point::max();
  error_code ignored_;
  bool is_watching_ = false;
  bool is_expired_ = false;
  bool is_idle_ = false;          // waits for the first byte of a request
  bool is_reading_head_ = false;  // or for the rest of its head
  bool is_lingering_ = false;
  bool is_hanging_ = false;
  bool is_head_ = false;  // the request's method is HEAD
  bool is_aborted_ = false;
};

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_SESSION_HPP
