// SPDX-License-Identifier: Apache-2.0
//
// A request that is sent twice runs once: the engine in coroutines of Boost.Asio, without HTTP.

#include <cstdio>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency_asio/async.hpp"
#include "parley/idempotency_asio/timer.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace asio = boost::asio;
namespace idempotency = parley::idempotency;
using parley::idempotency_asio::asio_op;
using parley::idempotency_asio::asio_timer;

namespace {

asio::awaitable<void> serve(idempotency::engine& engine, const idempotency::digester& digests,
                            std::string request_id) {
  asio_op<idempotency::begin_op> begin;
  begin.scope = digests.scope({"credential-1"});
  begin.key = digests.key(begin.scope, "key-1");
  begin.fingerprint = digests.fingerprint(
      {.method = "POST", .path = "/v1/calls", .query = "", .media_type = ""}, {});
  begin.request_id = request_id;
  co_await begin.async_start(engine, asio::use_awaitable);

  if (begin.status == idempotency::begin_status::replay) {
    const auto bytes = begin.response();
    std::printf("%s: replay of %.*s\n", request_id.c_str(), static_cast<int>(bytes.size()),
                reinterpret_cast<const char*>(bytes.data()));
    co_return;
  }
  if (begin.status != idempotency::begin_status::proceed) co_return;

  asio_op<idempotency::mark_step> mark;
  mark.note = "answering";
  co_await mark.async_start(begin.held, asio::use_awaitable);
  if (!mark.is_done()) co_return;  // the claim is abandoned, and nothing happened

  const std::string body = "the answer to " + request_id;
  asio_op<idempotency::complete_step> complete;
  complete.body = std::as_bytes(std::span(body));
  co_await complete.async_start(begin.held, asio::use_awaitable);
  std::printf("%s: ran\n", request_id.c_str());
}

asio::awaitable<void> serve_twice(asio::io_context& context, idempotency::engine& engine,
                                  const idempotency::digester& digests) {
  co_await serve(engine, digests, "request-1");
  co_await serve(engine, digests, "request-2");
  context.stop();  // the engine's timer is still armed, for a renewal that nobody needs now
}

}  // namespace

int main() {
  const auto records = idempotency::make_memory_store();
  const auto digests = idempotency::digester::random();
  if (!records || !digests) return 1;
  asio::io_context context;
  asio_timer timer(context.get_executor());
  const auto engine = idempotency::make_engine(**records, timer);
  if (!engine) return 1;
  asio::co_spawn(context, serve_twice(context, **engine, *digests), asio::detached);
  context.run();
}
