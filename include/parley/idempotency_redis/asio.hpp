// SPDX-License-Identifier: Apache-2.0
//
// The store on an executor of Boost.Asio: no thread of its own.
//
//   asio::io_context context;
//   auto records = idempotency_redis::make_redis_store(context.get_executor(), {.url = url});

#ifndef PARLEY_IDEMPOTENCY_REDIS_ASIO_HPP
#define PARLEY_IDEMPOTENCY_REDIS_ASIO_HPP

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "parley/core/result.hpp"
#include "parley/idempotency_redis/export.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// As make_redis_store(options). Any number of threads may run the executor's context, which
/// outlives the store; nothing happens while none does. As long as the store lives, the context has
/// work.
PARLEY_IDEMPOTENCY_REDIS_EXPORT result<std::unique_ptr<redis_store>, std::string> make_redis_store(
    boost::asio::any_io_executor executor, redis_store_options options = {});

}  // namespace parley::idempotency_redis

#endif  // PARLEY_IDEMPOTENCY_REDIS_ASIO_HPP
