// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/idempotency.md.

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "parley/idempotency/await.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace {

using namespace parley::idempotency;

int runs = 0;
std::span<const std::byte> run_the_handler() {
  ++runs;
  constexpr static std::array<std::byte, 2> body{std::byte{'o'}, std::byte{'k'}};
  return body;
}
std::size_t answer(const begin_op& begin) { return begin.response().size(); }

// 0 where it ran, else the bytes of the replay.
std::size_t serve(engine& made, const digester& digests) {
  engine* const engine = &made;
  const std::string_view credential_id = "credential-1", method = "POST", path = "/v1/calls",
                         query = "", media_type = "", request_id = "request-1";
  const std::span<const std::byte> body;
  const std::array<std::string_view, 1> header_values{"key-1"};

  blocking_op<begin_op> begin;  // or awaitable_op, or one whose done() you write
  begin.scope = digests.scope({credential_id});
  begin.key = digests.key(begin.scope, **parse_key(header_values));
  begin.fingerprint = digests.fingerprint({method, path, query, media_type}, body);
  begin.request_id = request_id;
  begin.run(*engine);
  if (begin.status != begin_status::proceed) return answer(begin);
  blocking_op<complete_step> complete;
  complete.body = run_the_handler();
  complete.run(begin.held);

  return 0;
}

TEST(Idempotency, RunsOnce) {
  const auto records = make_memory_store();
  const auto timer = make_thread_timer();
  const auto digests = digester::random();
  ASSERT_TRUE(records && timer && digests);
  const auto made = make_engine(**records, **timer);
  ASSERT_TRUE(made);
  EXPECT_EQ(serve(**made, *digests), 0u);
  EXPECT_EQ(serve(**made, *digests), 2u);
  EXPECT_EQ(runs, 1);
}

}  // namespace
