// SPDX-License-Identifier: Apache-2.0
//
// The connections of a client, and one exchange over one of them.
//
// What waits for nothing but ourselves waits on a timer that never fires, and is woken by its
// cancellation; then it looks again. All but counts() is for the strand.

#ifndef PARLEY_LIB_BEAST_CLIENT_POOL_HPP
#define PARLEY_LIB_BEAST_CLIENT_POOL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "beast/client_connection.hpp"
#include "beast/client_response.hpp"
#include "beast/client_url.hpp"
#include "parley/beast/client.hpp"

namespace parley::beast {

template <class T>
using client_task = boost::asio::awaitable<T, client_executor>;

// Errors as values: a peer that goes away is no exception.
constexpr auto client_as_values =
    boost::asio::as_tuple(boost::asio::use_awaitable_t<client_executor>());

using exchange_outcome = result<client::response, client::transport_failure>;

/// One user's call into the client, over all its attempts: what can be ended from outside.
class call : public std::enable_shared_from_this<call> {
 public:
  explicit call(const client_executor& executor)
      : signal_(executor), attempt_end_(executor), connect_end_(executor) {}

  /// Ends what is under way, and at once whatever would follow.
  void cancel();
  bool is_cancelled() const noexcept { return is_cancelled_; }
  /// Waits; shorter where the call is cancelled.
  client_task<void> pause(std::chrono::milliseconds time);

 private:
  friend class client_pool;

  void begin_attempt(std::chrono::milliseconds timeout);
  void end_attempt();
  void interrupt(client::transport_errc why);
  void interrupt_after(client_timer& timer, std::chrono::milliseconds time,
                       client::transport_errc why);
  bool is_interrupted() const noexcept { return interrupted_by_.has_value(); }
  void wake() { signal_.cancel(); }
  client_task<void> wait();

  client_timer signal_;
  client_timer attempt_end_;
  client_timer connect_end_;
  std::uint64_t attempt_ = 0;
  std::optional<client::transport_errc> interrupted_by_;  // of this attempt
  bool is_cancelled_ = false;
  // What is under way.
  std::shared_ptr<dialer> dialing_;
  std::shared_ptr<connection> over_;
  struct {
    bool is_done = false;
    std::size_t bytes = 0;
    boost::system::error_code error;
  } write_;
};

class client_pool : public std::enable_shared_from_this<client_pool> {
 public:
  /// Checks the options and reads their files.
  static result<std::shared_ptr<client_pool>, client_failure> make(
      const boost::asio::any_io_executor& executor, const transport_options& options);

  const client_executor& strand() const noexcept { return strand_; }
  boost::asio::any_io_executor inner_executor() const { return strand_.get_inner_executor(); }

  /// `what` outlives it.
  client_task<exchange_outcome> exchange(call& by, const client::request& what,
                                         std::chrono::milliseconds timeout);

  /// A call that ends with the pool: cancelled at once where that was before.
  void add(call& one);
  void remove(call& one) { calls_.erase(&one); }
  /// Cancels all calls and closes what is idle. Nothing new begins.
  void shut_down();

  connection_counts counts() const;

 private:
  using clock = std::chrono::steady_clock;
  using connection_ptr = std::shared_ptr<connection>;
  struct waiter {
    call& of;
    bool is_granted = false;
    connection_ptr connection = {};  // where none: the right to open one
  };
  class lease;

  client_pool(const boost::asio::any_io_executor& executor, transport_options options, origin to,
              std::shared_ptr<boost::asio::ssl::context> tls);

  client_task<std::optional<client::transport_failure>> acquire(call& by, lease& place);
  client_task<std::optional<client::transport_failure>> connect(call& by, lease& place);
  client_task<exchange_outcome> talk(call& by, lease& place, std::string head,
                                     const client::request& what);
  void pass_on(connection_ptr connection);
  void close_idle(connection& one, std::uint64_t connection_counts::*why);
  bool is_usable(const connection_ptr& candidate);
  void watch_idle();
  void close_old();
  void count(std::uint64_t connection_counts::*what, int of_open = 0);
  void count_now();

  const client_executor strand_;
  const transport_options options_;
  const origin to_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;  // null: none
  std::vector<connection_ptr> idle_;                      // the longest first
  std::size_t places_ = 0;  // taken of connections_max: idle, in use, or being opened
  std::list<waiter*> waiters_;
  std::unordered_set<call*> calls_;
  client_timer idle_end_;
  bool is_watching_idle_ = false;
  bool is_shut_down_ = false;

  mutable std::mutex counts_mutex_;
  connection_counts counts_;
};

}  // namespace parley::beast

#endif  // PARLEY_LIB_BEAST_CLIENT_POOL_HPP
