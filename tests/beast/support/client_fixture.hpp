// SPDX-License-Identifier: Apache-2.0
//
// A client on threads of the test.

#ifndef PARLEY_TESTS_BEAST_SUPPORT_CLIENT_FIXTURE_HPP
#define PARLEY_TESTS_BEAST_SUPPORT_CLIENT_FIXTURE_HPP

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// g++ 12 doubts Asio's use_future, where it is optimised and sanitized. Before it is included.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "parley/beast/client.hpp"

namespace parley::testing_support {

namespace asio = boost::asio;

/// What one waits for is there, or the test fails: no test hangs.
template <class T>
T get(std::future<T> of) {
  if (of.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
    ADD_FAILURE() << "it does not end";
    std::abort();
  }
  return of.get();
}

/// Opened once; others wait for that.
class gate {
 public:
  void open() { promise_.set_value(); }
  void wait() { opened_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> opened_{promise_.get_future()};
};

class client_fixture : public testing::Test {
 protected:
  explicit client_fixture(unsigned threads = 1) {
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }
  ~client_fixture() override {
    client_.reset();
    work_.reset();
    // Nothing of a client is left to run: this returns.
    for (std::thread& each : threads_) each.join();
  }

  void make(beast::client_options options) {
    auto made = beast::async_client::make(context_.get_executor(), std::move(options));
    ASSERT_TRUE(made.has_value()) << made.error().what;
    client_.emplace(*std::move(made));
  }
  /// Sends to `url`; nothing is retried in a hurry.
  void make_for(const std::string& url) { make({.transport = {.base_url = url}}); }

  std::future<beast::async_client::outcome> start(
      client::request what, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return client_->async_exchange(std::move(what), timeout, asio::use_future);
  }
  beast::async_client::outcome exchange(
      client::request what, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return get(start(std::move(what), timeout));
  }
  client::answer send(client::operation& of) {
    return get(client_->async_send(of, asio::use_future));
  }

  /// The body of the response, or the name of the failure with a star where it may have arrived.
  static std::string text_of(const beast::async_client::outcome& of) {
    if (of) return of->body;
    return std::string(to_string(of.error().why)) + (of.error().may_have_arrived ? "*" : "");
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::optional<beast::async_client> client_;

 private:
  std::vector<std::thread> threads_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_BEAST_SUPPORT_CLIENT_FIXTURE_HPP
