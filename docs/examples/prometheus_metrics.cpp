// SPDX-License-Identifier: Apache-2.0
//
// A service that shows what it counts. It takes calls, hands each one on to the call API under the
// key of its own attempt, lists them in pages, and answers Prometheus.
//
//   example_prometheus_metrics 8080 http://127.0.0.1:9090 test_valid      # records in memory
//   example_prometheus_metrics 8080 http://127.0.0.1:9090 test_valid redis://127.0.0.1:6379
//   curl http://127.0.0.1:8080/metrics

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "parley/beast/client.hpp"
#include "parley/beast/server.hpp"
#include "parley/client/client.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/offload.hpp"
#include "parley/http/page.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "parley/idempotency_redis/store.hpp"
#include "prometheus_metrics.hpp"

namespace asio = boost::asio;
namespace beast = parley::beast;
namespace client = parley::client;
namespace cursor = parley::cursor;
namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace http = parley::http;
namespace idempotency = parley::idempotency;
namespace idempotency_redis = parley::idempotency_redis;
using prometheus_example::prometheus_metrics;

namespace {

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

http::authentication authenticate(const http::request_view& request) {
  const auto token = http::bearer_token(request);
  if (!token) return parley::failure{token.error()};
  if (!http::is_same_token(*token, "s3cret")) {
    return parley::failure{envelope::error(errors::code::unauthorized)};
  }
  return std::string("credential-7");
}

// The calls that were placed: the body of each answer, and its number for an id.
class call_list {
 public:
  using codec = cursor::codec<std::int64_t, std::int64_t>;

  void add(std::string_view call) {
    const std::lock_guard lock(mutex_);
    calls_.emplace_back(call);
  }

  http::response page(const http::pager& pager, const http::request_view& request) {
    const auto asked = pager.read<codec>(request, "GET /v1/calls");
    if (!asked) return http::to_response(asked.error());
    const std::lock_guard lock(mutex_);
    auto next = asked->after ? asked->after->id : static_cast<std::int64_t>(calls_.size());
    cursor::page_writer page;
    std::uint32_t taken = 0;
    for (; taken < asked->limit && next > 0; ++taken) {
      page.add(calls_[static_cast<std::size_t>(--next)]);
    }
    cursor::cursor_text more;
    if (next > 0) more = pager.next(*asked, {next, next});
    return http::json_response(
        200, std::move(page).finish(
                 {.next = more.view(), .total_results = calls_.size(), .page_size = asked->limit}));
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> calls_;
};

// Places the call under the id of the first attempt, so that a takeover places it no second time.
http::response place_call(client::blocking_client& upstream, call_list& calls,
                          const http::request_view& request, const http::attempt& attempt) {
  auto dial = client::operation::post("/v1/calls/dial", std::string(request.body),
                                      {.key = std::string(attempt.operation_id())});
  if (!dial || !attempt.mark("dialling")) {
    return http::to_response(envelope::error(errors::code::internal_error));
  }
  const client::answer got = upstream.send(*dial);
  if (got.is_success()) {
    calls.add(got.body());
    return http::json_response(202, std::string(got.body()));
  }
  if (got.error && *got.error) return http::to_response(**got.error);
  return http::to_response(envelope::error(errors::code::provider_api_error));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail("usage: example_prometheus_metrics PORT CALL_API KEY [REDIS]");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  prometheus_metrics metrics;

  std::unique_ptr<idempotency::store> records;
  const idempotency_redis::redis_store* redis = nullptr;
  if (argc > 4) {
    auto made =
        idempotency_redis::make_redis_store({.url = argv[4], .observer = &metrics.of_redis});
    if (!made) return fail(made.error());
    redis = made->get();
    records = *std::move(made);
  } else {
    auto made = idempotency::make_memory_store({.entries_max = 100'000});
    if (!made) return fail(made.error());
    records = *std::move(made);
  }
  const auto timer = idempotency::make_thread_timer();
  auto digests = idempotency::digester::random();  // of one process: from_key() where they are more
  if (!timer || !digests) return 1;
  const auto engine =
      idempotency::make_engine(*records, **timer, {.observer = &metrics.of_idempotency});
  if (!engine) return fail(engine.error());
  const http::guard guard(**engine, *std::move(digests));

  auto transport = beast::blocking_transport::make({.base_url = argv[2]});
  if (!transport) return fail(transport.error().what);
  client::blocking_client upstream(
      **transport, {.send = {.headers = {{"Authorization", "Bearer " + std::string(argv[3])}},
                             .observer = &metrics.of_client}});

  // A key of one process, too: read_key_file() where they are more.
  std::vector<std::byte> secret;
  while (secret.size() < cursor::secret_bytes_min) {
    const auto random = idempotency::random_nonce();
    if (!random) return 1;
    secret.insert(secret.end(), random->bytes.begin(), random->bytes.end());
  }
  auto keys = cursor::key_set::make({{1, cursor::key_state::active, secret}});
  if (!keys) return fail(keys.error());
  const cursor::key_ring ring(*std::move(keys));
  const http::pager pager(ring, {.observer = &metrics.of_cursor});

  asio::thread_pool pool(4);  // for handlers that wait for the call API
  const auto on_pool = [&pool](std::function<void()> work) { asio::post(pool, std::move(work)); };
  call_list calls;
  http::routes routes;
  routes.post("/v1/calls",
              guard.wrap(http::offload(on_pool,
                                       [&](const http::request_view& r, http::attempt a) {
                                         return place_call(upstream, calls, r, a);
                                       }),
                         http::abandoned::indeterminate, {.is_key_required = true}));
  routes.get("/v1/calls", [&](const http::request_view& r) { return calls.page(pager, r); });
  // Without a key, as Prometheus has none: let no stranger reach it.
  routes.get("/metrics",
             [&](const http::request_view&) {
               return http::response{.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
                                     .body = metrics.text(redis)};
             },
             {.is_public = true});
  const http::service service(std::move(routes), authenticate, {.observer = &metrics.of_http});

  beast::server server(service,
                       {.port = static_cast<std::uint16_t>(std::atoi(argv[1])), .threads = 2});
  if (const auto started = server.start(); !started) return fail(started.error().what);
  std::printf("listening on http://127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  const bool is_answered = server.drain(std::chrono::seconds(10));
  pool.join();
  const bool is_stored = (*engine)->drain(std::chrono::seconds(5));
  records->shutdown();
  return is_answered && is_stored ? 0 : 1;
}
