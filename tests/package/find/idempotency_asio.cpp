// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <parley/idempotency/memory_store.hpp>
#include <parley/idempotency_asio/async.hpp>
#include <parley/idempotency_asio/timer.hpp>

int main() {
  namespace idempotency = parley::idempotency;
  boost::asio::io_context context;
  const auto records = idempotency::make_memory_store();
  if (!records) return 1;
  parley::idempotency_asio::asio_timer timer(context.get_executor());
  parley::idempotency_asio::asio_op<idempotency::claim_op> claim;
  claim.request_id = "request-1";
  claim.async_start(**records, boost::asio::bind_executor(context, [] {}));
  context.run();
  return claim.status == idempotency::claim_status::claimed ? 0 : 1;
}
