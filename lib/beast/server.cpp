// SPDX-License-Identifier: Apache-2.0
#include "parley/beast/server.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "beast/session.hpp"

namespace parley::beast {
namespace {

using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;

}  // namespace

class server::impl {
 public:
  impl(const http::service& api, server_options options)
      : options_(std::move(options)), shared_(api, options_) {
    shared_.on_room = [this] {
      try {
        asio::post(room_->get_executor(), [this] { room_->cancel(); });
      } catch (...) {
        // No memory: accept_one() looks by itself before long.
      }
    };
  }

  ~impl() { drain(std::chrono::milliseconds(0)); }

  result<void, start_failure> start();
  bool drain(std::chrono::milliseconds deadline);
  std::uint16_t port() const noexcept { return port_.load(std::memory_order_relaxed); }

 private:
  std::optional<start_failure> check_options() const;
  error_code listen(const tcp::endpoint& endpoint);
  void run_threads();
  void join_threads();
  task<void> accept();
  task<bool> accept_one(loop& home);
  void each_session(void (session::*action)());
  void pause();
  template <class Action>
  void post_surely(loop& home, Action action);

  server_options options_;
  shared_state shared_;
  std::vector<std::unique_ptr<loop>> loops_;
  std::optional<tcp_acceptor> acceptor_;
  std::optional<timer> room_;  // what accept() waits with; cancelled when a connection ends
  std::vector<std::thread> threads_;
  // Of the first loop's thread.
  bool is_accepting_ = false;
  bool must_accept_anew_ = false;
  std::atomic<std::uint16_t> port_ = 0;
  bool started_ = false;
};

std::optional<start_failure> server::impl::check_options() const {
  if (options_.threads < 1 || options_.threads > 1024) {
    return start_failure{"threads must be 1 to 1024"};
  }
  if (options_.connections_max == 0) {
    return start_failure{"connections_max must be at least 1"};
  }
  const std::size_t head_bytes = shared_.api.limits().head_bytes_max;
  if (head_bytes < 256 || head_bytes > std::size_t{1} << 24) {
    return start_failure{"head_bytes_max must be 256 to 16777216"};
  }
  for (const auto timeout : {options_.idle_timeout, options_.head_timeout, options_.body_timeout,
                             options_.write_timeout, options_.linger_timeout}) {
    if (timeout < std::chrono::milliseconds(1) || timeout > timeout_max) {
      return start_failure{"a timeout must be 1 ms to 24 h"};
    }
  }
  return std::nullopt;
}

error_code server::impl::listen(const tcp::endpoint& endpoint) {
  error_code error;
  const auto unless_failed = [&error](auto step) {
    if (!error) step();
  };
  unless_failed([&] { acceptor_->open(endpoint.protocol(), error); });
  unless_failed([&] { acceptor_->set_option(tcp_acceptor::reuse_address(true), error); });
  unless_failed([&] { acceptor_->bind(endpoint, error); });
  unless_failed([&] { acceptor_->listen(tcp_acceptor::max_listen_connections, error); });
  unless_failed([&] { acceptor_->non_blocking(true, error); });
  unless_failed([&] { port_ = acceptor_->local_endpoint(error).port(); });
  return error;
}

result<void, start_failure> server::impl::start() {
  if (started_) return failure{start_failure{"the server was started before"}};
  if (auto why = check_options()) return failure{*std::move(why)};
  error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) return failure{start_failure{"not an IP address: " + options_.address}};

  // What throws here is the want of a thread, of descriptors or of memory.
  try {
    loops_.clear();
    for (unsigned i = 0; i < options_.threads; ++i) loops_.push_back(std::make_unique<loop>());
    acceptor_.emplace(loops_.front()->context);
    room_.emplace(loops_.front()->context);
    if (const auto failed = listen({address, options_.port})) {
      const std::string where = options_.address + ":" + std::to_string(options_.port);
      acceptor_.reset();
      room_.reset();
      return failure{start_failure{"cannot listen on " + where + ": " + failed.message()}};
    }
    run_threads();
  } catch (const std::exception& e) {
    shared_.draining = true;
    for (const auto& each : loops_) each->context.stop();
    join_threads();
    acceptor_.reset();
    room_.reset();
    loops_.clear();
    port_ = 0;
    shared_.draining = false;
    return failure{start_failure{std::string("cannot start: ") + e.what()}};
  }
  started_ = true;
  return {};
}

void server::impl::run_threads() {
  for (const auto& each : loops_) {
    threads_.emplace_back([this, &home = *each] {
      const bool accepts = &home == loops_.front().get();
      for (;;) {
        try {
          if (accepts && !is_accepting_ && !shared_.draining) {
            asio::co_spawn(home.context, accept(), [](std::exception_ptr) {});
          }
          home.context.run();
          if (!accepts || !std::exchange(must_accept_anew_, false)) return;
          home.context.restart();
        } catch (...) {
          // Out of memory inside Asio: what was being started is lost, and the coroutine with it.
          // The loop goes on, and the one coroutine that must not end begins anew.
        }
        pause();
      }
    });
  }
}

// Of a thread that waits for memory.
void server::impl::pause() {
  std::unique_lock lock(shared_.mutex);
  shared_.changed.wait_for(lock, retry_pause);
}

template <class Action>
void server::impl::post_surely(loop& home, Action action) {
  for (;;) {
    try {
      asio::post(home.context, action);
      return;
    } catch (const std::bad_alloc&) {
      pause();
    }
  }
}

void server::impl::join_threads() {
  for (const auto& each : loops_) each->work.reset();
  for (std::thread& each : threads_) each.join();
  threads_.clear();
}

task<void> server::impl::accept() {
  // Asio may end this coroutine by destroying its frame, at any time: then the loop's thread is
  // told.
  struct running {
    impl& of;
    ~running() {
      of.is_accepting_ = false;
      if (of.shared_.draining) return;
      of.must_accept_anew_ = true;
      of.loops_.front()->context.stop();
    }
  } const while_here{*this};
  is_accepting_ = true;
  bool must_pause = false;
  for (std::size_t turn = 0; !shared_.draining; ++turn) {
    // Out of descriptors or memory, say: to try again at once would spin, to give up would leave a
    // server that listens and never answers.
    try {
      if (std::exchange(must_pause, false)) {
        room_->expires_after(retry_pause);
        co_await room_->async_wait(as_values);
      }
      must_pause = !co_await accept_one(*loops_[turn % loops_.size()]);
    } catch (...) {
      must_pause = true;
    }
  }
}

// False, or a throw: the connection cannot be accepted or served just now.
task<bool> server::impl::accept_one(loop& home) {
  const auto is_full = [this] {
    const std::lock_guard lock(shared_.mutex);
    return shared_.connections >= options_.connections_max;
  };
  while (!shared_.draining && is_full()) {
    // The bound is for a connection that ends and finds no memory to tell us with.
    room_->expires_after(std::chrono::seconds(1));
    co_await room_->async_wait(as_values);
  }
  // Not async_accept: where that finds no memory for the new socket the connection is lost, and
  // this coroutine with it.
  const auto [failed] = co_await acceptor_->async_wait(tcp_acceptor::wait_read, as_values);
  if (shared_.draining) co_return true;
  if (failed) co_return false;
  tcp_socket socket(home.context);
  error_code error;
  acceptor_->accept(socket, error);
  if (error == asio::error::would_block || error == asio::error::connection_aborted) co_return true;
  if (error) co_return false;
  auto accepted = std::make_shared<session>(std::move(socket), home, shared_);
  asio::co_spawn(home.context, session::run(std::move(accepted)), [](std::exception_ptr) {});
  co_return true;
}

void server::impl::each_session(void (session::*action)()) {
  for (const auto& each : loops_) {
    post_surely(*each, [&home = *each, action] {
      for (session* one : home.sessions) (one->*action)();
    });
  }
}

bool server::impl::drain(std::chrono::milliseconds deadline) {
  if (!started_ || threads_.empty()) return true;
  const auto allowed = std::clamp(deadline, std::chrono::milliseconds(0), timeout_max);
  shared_.draining = true;
  post_surely(*loops_.front(), [this] {
    error_code ignored;
    acceptor_->close(ignored);
    room_->cancel();
  });
  each_session(&session::drain);

  bool finished = true;
  {
    std::unique_lock lock(shared_.mutex);
    const auto none_left = [this] { return shared_.connections == 0; };
    finished = shared_.changed.wait_for(lock, allowed, none_left);
    while (!none_left()) {
      lock.unlock();
      // Again and again: a connection accepted a moment ago may not be in its loop's list yet.
      each_session(&session::abort);
      lock.lock();
      shared_.changed.wait_for(lock, std::chrono::milliseconds(50), none_left);
    }
  }
  join_threads();
  return finished;
}

server::server(const http::service& api, server_options options)
    : impl_(std::make_unique<impl>(api, std::move(options))) {}

server::~server() = default;

result<void, start_failure> server::start() { return impl_->start(); }

std::uint16_t server::port() const noexcept { return impl_->port(); }

bool server::drain(std::chrono::milliseconds deadline) { return impl_->drain(deadline); }

}  // namespace parley::beast
