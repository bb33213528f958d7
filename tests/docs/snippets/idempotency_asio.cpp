// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/idempotency_asio.md.

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

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
namespace idempotency_asio = parley::idempotency_asio;
using idempotency_asio::asio_op;

namespace {

int ran = 0;
void run() { ++ran; }

asio::awaitable<void> claim_one(idempotency::store* records, idempotency::digest key,
                                idempotency::digest fingerprint, idempotency::nonce nonce) {
  asio_op<idempotency::claim_op> claim;  // stays where it is until it has completed
  claim.key = key;
  claim.fingerprint = fingerprint;
  claim.nonce = nonce;
  claim.request_id = "request-1";
  co_await claim.async_start(*records, asio::use_awaitable);
  if (claim.status == idempotency::claim_status::claimed) run();
}

TEST(IdempotencyAsio, AClaim) {
  const auto records = idempotency::make_memory_store();
  const auto digests = idempotency::digester::random();
  const auto nonce = idempotency::random_nonce();
  ASSERT_TRUE(records && digests && nonce);
  const auto scope = digests->scope({"credential-1"});
  const auto key = digests->key(scope, "key-1");
  const auto fingerprint = digests->fingerprint(
      {.method = "POST", .path = "/v1/calls", .query = "", .media_type = ""}, {});
  asio::io_context context;

  idempotency_asio::asio_timer timer(context.get_executor());

  asio::co_spawn(context, claim_one(records->get(), key, fingerprint, *nonce), asio::detached);
  context.run();
  EXPECT_EQ(ran, 1);
}

}  // namespace
