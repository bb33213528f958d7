// SPDX-License-Identifier: Apache-2.0
#include <parley/idempotency/await.hpp>
#include <parley/idempotency/engine.hpp>
#include <parley/idempotency/key.hpp>
#include <parley/idempotency/memory_store.hpp>
#include <parley/idempotency/timer.hpp>

namespace idempotency = parley::idempotency;

int main() {
  const auto records = idempotency::make_memory_store();
  const auto timer = idempotency::make_thread_timer();
  const auto digests = idempotency::digester::random();
  if (!records || !timer || !digests) return 1;
  const auto engine = idempotency::make_engine(**records, **timer);
  if (!engine) return 1;

  idempotency::blocking_op<idempotency::begin_op> begin;
  begin.scope = digests->scope({"tenant"});
  begin.key = digests->key(begin.scope, "key-1");
  begin.request_id = "request-1";
  begin.run(**engine);
  if (begin.status != idempotency::begin_status::proceed) return 1;
  idempotency::blocking_op<idempotency::complete_step> complete;
  complete.run(begin.held);

  begin.run(**engine);
  return begin.status == idempotency::begin_status::replay && (*records)->stats().entries == 1 ? 0
                                                                                               : 1;
}
