// SPDX-License-Identifier: Apache-2.0
#include "parley/beast/client.hpp"

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "beast/client_pool.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace parley::beast {
namespace {

namespace asio = boost::asio;

// A call whose handler is called once, when it has ended.
template <class Result>
class pending_call : public call {
 public:
  using waiting_ptr = std::unique_ptr<detail::waiting<Result>>;

  pending_call(std::shared_ptr<client_pool> pool, waiting_ptr done)
      : call(pool->strand()), pool_(std::move(pool)), done_(std::move(done)) {}

  client_pool& pool() noexcept { return *pool_; }

  /// Runs `steps` on the strand, and then the handler with what they made.
  template <class Self, class Steps>
  static void start(const std::shared_ptr<Self>& self, Steps steps) {
    self->done_->watch([weak = std::weak_ptr<Self>(self)] {
      const auto of = weak.lock();
      if (of) asio::post(of->pool_->strand(), [of] { of->cancel(); });
    });
    asio::co_spawn(self->pool_->strand(), run(self, std::move(steps)), [](std::exception_ptr) {});
  }

 private:
  template <class Self, class Steps>
  static client_task<void> run(std::shared_ptr<Self> self, Steps steps) {
    struct joined {
      Self& of;
      explicit joined(Self& one) : of(one) { of.pool_->add(of); }
      ~joined() { of.pool_->remove(of); }
    };
    std::optional<Result> made;
    try {
      const joined while_here(*self);
      made.emplace(co_await steps(*self));
    } catch (const std::exception& e) {  // out of memory, say
      made.emplace(Self::broken_off({client::transport_errc::connection_lost, true, e.what()}));
    }
    std::exchange(self->done_, nullptr)->post(*std::move(made));
  }

  const std::shared_ptr<client_pool> pool_;
  waiting_ptr done_;
};

}  // namespace

class async_client::impl {
 public:
  impl(std::shared_ptr<client_pool> connections, client_options given)
      : pool(std::move(connections)),
        options(std::move(given)),
        budget(options.budget_capacity, options.budget_cost) {}

  client::instant now() const { return options.clock ? options.clock() : client::now(); }

  const std::shared_ptr<client_pool> pool;
  const client_options options;
  client::retry_budget budget;
};

result<async_client, client_failure> async_client::make(asio::any_io_executor executor,
                                                        client_options options) {
  auto pool = client_pool::make(executor, options.transport);
  if (!pool) return failure{pool.error()};
  return async_client(std::make_shared<impl>(*std::move(pool), std::move(options)));
}

async_client::async_client(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}
async_client::async_client(async_client&&) noexcept = default;

async_client& async_client::operator=(async_client&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

async_client::~async_client() {
  if (!impl_) return;
  try {
    asio::post(impl_->pool->strand(), [pool = impl_->pool] { pool->shut_down(); });
  } catch (...) {
    // No memory to say so with: what is under way ends by itself.
  }
}

void async_client::start_send(const std::shared_ptr<impl>& by, client::operation& of,
                              waiting_ptr<client::answer> done) {
  struct pending_send : pending_call<client::answer> {
    pending_send(std::shared_ptr<impl> client, client::operation& what, waiting_ptr handler)
        : pending_call(client->pool, std::move(handler)),
          owner(std::move(client)),
          steps(what, owner->options.send, owner->budget) {}
    static client::answer broken_off(client::transport_failure why) {
      return {.failure = std::move(why)};
    }
    const std::shared_ptr<impl> owner;
    client::sending steps;
  };
  pending_send::start(
      std::make_shared<pending_send>(by, of, std::move(done)),
      [](pending_send& self) -> client_task<client::answer> {
        using step = client::sending::step;
        client::sending& steps = self.steps;
        step next = self.is_cancelled() ? steps.cancel() : steps.begin(self.owner->now());
        while (next != step::done) {
          if (next == step::attempt) {
            auto outcome =
                co_await self.pool().exchange(self, steps.wire_request(), steps.timeout());
            next = steps.attempted(std::move(outcome), self.owner->now());
          } else {
            co_await self.pause(steps.pause());
            next = self.is_cancelled() ? steps.cancel() : steps.paused(self.owner->now());
          }
        }
        co_return steps.take_answer();
      });
}

void async_client::start_exchange(const std::shared_ptr<impl>& by, client::request what,
                                  std::chrono::milliseconds timeout, waiting_ptr<outcome> done) {
  struct pending_exchange : pending_call<outcome> {
    pending_exchange(std::shared_ptr<client_pool> of, waiting_ptr handler, client::request request,
                     std::chrono::milliseconds within)
        : pending_call(std::move(of), std::move(handler)),
          what(std::move(request)),
          timeout(within) {}
    static outcome broken_off(client::transport_failure why) { return failure{std::move(why)}; }
    const client::request what;
    const std::chrono::milliseconds timeout;
  };
  pending_exchange::start(
      std::make_shared<pending_exchange>(by->pool, std::move(done), std::move(what), timeout),
      [](pending_exchange& self) -> client_task<outcome> {
        co_return co_await self.pool().exchange(self, self.what, self.timeout);
      });
}

asio::any_io_executor async_client::executor_of(const impl& of) {
  return of.pool->inner_executor();
}
asio::any_io_executor async_client::get_executor() const noexcept {
  return impl_->pool->inner_executor();
}
const client_options& async_client::options() const noexcept { return impl_->options; }
const client::retry_budget& async_client::budget() const noexcept { return impl_->budget; }
connection_counts async_client::counts() const { return impl_->pool->counts(); }

std::string_view to_string(client_errc e) noexcept {
  switch (e) {
    case client_errc::bad_url: return "bad_url";
    case client_errc::bad_option: return "bad_option";
    case client_errc::bad_tls: return "bad_tls";
    case client_errc::no_thread: return "no_thread";
  }
  return "unknown";
}

}  // namespace parley::beast
