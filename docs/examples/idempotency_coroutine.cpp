// SPDX-License-Identifier: Apache-2.0
//
// A request that is sent twice runs once: the store's operations in a coroutine of Boost.Asio.

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency_asio/async.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace asio = boost::asio;
namespace idempotency = parley::idempotency;
using parley::idempotency_asio::asio_op;

namespace {

asio::awaitable<void> serve(idempotency::store& records, const idempotency::digester& digests,
                            std::string_view request_id) {
  const auto nonce = idempotency::random_nonce();
  if (!nonce) co_return;

  asio_op<idempotency::claim_op> claim;
  claim.scope = digests.scope({"credential-1"});
  claim.key = digests.key(claim.scope, "key-1");
  claim.fingerprint = digests.fingerprint(
      {.method = "POST", .path = "/v1/calls", .query = "", .media_type = ""}, {});
  claim.nonce = *nonce;
  claim.request_id = request_id;
  co_await claim.async_start(records, asio::use_awaitable);

  const std::string id(request_id);
  if (claim.status == idempotency::claim_status::completed) {
    const auto bytes = claim.response.bytes();
    std::printf("%s: replay of %.*s\n", id.c_str(), static_cast<int>(bytes.size()),
                reinterpret_cast<const char*>(bytes.data()));
    co_return;
  }
  if (claim.status != idempotency::claim_status::claimed) co_return;

  const std::string body = "the answer to " + id;
  asio_op<idempotency::complete_op> complete;
  complete.key = claim.key;
  complete.scope = claim.scope;
  complete.fingerprint = claim.fingerprint;
  complete.nonce = claim.nonce;
  complete.fence = claim.fence;
  complete.operation_id = claim.operation_id.view();
  complete.response = idempotency::response_ref::copy_of(std::as_bytes(std::span(body)));
  co_await complete.async_start(records, asio::use_awaitable);
  std::printf("%s: ran\n", id.c_str());
}

asio::awaitable<void> serve_twice(idempotency::store& records,
                                  const idempotency::digester& digests) {
  co_await serve(records, digests, "request-1");
  co_await serve(records, digests, "request-2");
}

}  // namespace

int main() {
  const auto records = idempotency::make_memory_store({});
  const auto digests = idempotency::digester::random();
  if (!records || !digests) return 1;
  asio::io_context context;
  asio::co_spawn(context, serve_twice(**records, *digests), asio::detached);
  context.run();
}
