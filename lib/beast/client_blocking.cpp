// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "beast/client_pool.hpp"
#include "parley/beast/client.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {
namespace {

namespace asio = boost::asio;

// An exchange that a thread waits for.
class waited_call : public call {
 public:
  using call::call;

  void finish(exchange_outcome made) {
    // Under the lock to the end: the thread that waits may let go of all this then.
    const std::lock_guard lock(mutex_);
    made_.emplace(std::move(made));
    finished_.notify_one();
  }
  exchange_outcome wait_for_outcome() {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return made_.has_value(); });
    return *std::move(made_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable finished_;
  std::optional<exchange_outcome> made_;
};

}  // namespace

class blocking_transport::impl {
 public:
  ~impl() {
    try {
      if (pool) asio::post(pool->strand(), [this] { pool->shut_down(); });
    } catch (...) {
      // No memory to say so with: what is under way ends by itself.
    }
    work.reset();
    if (thread.joinable()) thread.join();
  }

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::shared_ptr<client_pool> pool;
  std::thread thread;
};

result<std::unique_ptr<blocking_transport>, client_failure> blocking_transport::make(
    const transport_options& options) {
  auto made = std::make_unique<impl>();
  auto pool = client_pool::make(made->context.get_executor(), options);
  if (!pool) return failure{pool.error()};
  made->pool = *std::move(pool);
  try {
    made->thread = std::thread([&context = made->context] {
      for (;;) {
        try {
          context.run();
          return;
        } catch (...) {
          // Out of memory in a step of Asio's. What was under way ends by its timeout.
        }
      }
    });
  } catch (const std::system_error& e) {
    return failure{client_failure{client_errc::no_thread, e.what()}};
  }
  return std::unique_ptr<blocking_transport>(new blocking_transport(std::move(made)));
}

blocking_transport::blocking_transport(std::unique_ptr<impl> made) noexcept
    : impl_(std::move(made)) {}

blocking_transport::~blocking_transport() = default;

exchange_outcome blocking_transport::exchange(const client::request& what,
                                              std::chrono::milliseconds timeout,
                                              std::stop_token stop) {
  if (stop.stop_requested()) {
    return failure{
        client::transport_failure{client::transport_errc::cancelled, false, "cancelled"}};
  }
  client_pool& pool = *impl_->pool;
  const auto waited = std::make_shared<waited_call>(pool.strand());
  asio::co_spawn(
      pool.strand(),
      [](client_pool& by, std::shared_ptr<waited_call> self, const client::request& request,
         std::chrono::milliseconds within) -> client_task<void> {
        self->finish(co_await by.exchange(*self, request, within));
      }(pool, waited, what, timeout),
      [](std::exception_ptr) {});
  const std::stop_callback cancel(std::move(stop), [&pool, &waited] {
    asio::post(pool.strand(), [waited] { waited->cancel(); });
  });
  return waited->wait_for_outcome();
}

connection_counts blocking_transport::counts() const { return impl_->pool->counts(); }

}  // namespace parley::beast
