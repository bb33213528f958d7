// SPDX-License-Identifier: Apache-2.0
//
// What lies in Redis after each operation, to the byte; and what the store does about a key that
// somebody else has been at.

#include <chrono>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/record.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_status;
using idempotency::record_state;
using idempotency::store_errc;
using idempotency::write_status;
namespace ops = idempotency::ops;

struct RedisStore : testing::Test {
  redis_server server{{.has_manual_clock = true}};
  observed_store store{patient(server.url())};

  std::string value(std::uint64_t key = 1) const {
    return server.command({"GET", key_name(key)}).text;
  }
  std::int64_t ttl(std::uint64_t key = 1) const {
    return server.command({"PTTL", key_name(key)}).integer;
  }
  void set(const std::string& text, const char* ttl_ms = "60000") const {
    server.command({"SET", key_name(1), text, "PX", ttl_ms});
  }
};

record running(const ops::attempt& by) {
  record made;
  made.state = record_state::running;
  made.owner = ops::named<idempotency::nonce>(by.nonce);
  made.fence = by.unix_ms;
  made.lease_ms = static_cast<std::uint32_t>(by.lease.count());
  made.retention_ms = static_cast<std::uint32_t>(by.retention.count());
  made.fingerprint = ops::named<idempotency::digest>(by.fingerprint);
  made.operation_id = by.id;
  return made;
}

TEST_F(RedisStore, WritesTheRecordThatIsDocumented) {
  const ops::attempt by{.nonce = 0x5151,
                        .fingerprint = 0x2121,
                        .id = "first",
                        .lease = 1'000ms,
                        .retention = 5'000ms,
                        .unix_ms = 77};
  EXPECT_EQ(server.command({"EXISTS", key_name(1)}).integer, 0);

  ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed);
  record expected = running(by);
  EXPECT_EQ(value(), encoded(expected));
  EXPECT_EQ(ttl(), 5'000);

  server.advance_clock(400ms);
  ops::attempt longer = by;
  longer.lease = 2'000ms;
  ASSERT_EQ(ops::renew(*store, longer).status, write_status::applied);
  expected.lease_ms = 2'000;
  EXPECT_EQ(value(), encoded(expected));
  EXPECT_EQ(ttl(), 5'000) << "a lease begins anew with its retention";

  server.advance_clock(100ms);
  ASSERT_EQ(ops::mark(*store, by, "placed").status, write_status::applied);
  expected.state = record_state::marked;
  expected.note = "placed";
  EXPECT_EQ(value(), encoded(expected));
  EXPECT_EQ(ttl(), 4'900) << "a mark is no renewal";

  ASSERT_EQ(ops::complete(*store, by, ops::completion{ops::response("done"), true, 77}).status,
            write_status::applied);
  expected.state = record_state::completed;
  expected.lease_ms = 0;
  expected.note = {};
  const std::string response = "done";
  expected.response = std::as_bytes(std::span(response));
  EXPECT_EQ(value(), encoded(expected));
  EXPECT_EQ(ttl(), 5'000);
}

TEST_F(RedisStore, ReleaseWritesARecordToo) {
  record expected;
  expected.state = record_state::released;
  expected.owner = ops::named<idempotency::nonce>(5);
  expected.fence = 1'000;
  expected.retention_ms = 600'000;
  for (const bool is_claimed : {true, false}) {
    const ops::attempt by{.key = is_claimed ? 1u : 2u, .nonce = 5};
    if (is_claimed) {
      ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed);
    }
    ASSERT_EQ(ops::release(*store, by).status, write_status::applied);
    EXPECT_EQ(value(by.key), encoded(expected));
    EXPECT_EQ(ttl(by.key), 600'000);
  }
}

TEST_F(RedisStore, TakeoverKeepsTheOperationId) {
  ASSERT_EQ(ops::claim(*store, {.id = "first", .lease = 100ms}).status, claim_status::claimed);
  server.advance_clock(100ms);
  const ops::attempt second{.nonce = 2, .id = "second", .lease = 7ms, .retention = 3'000ms};
  const auto taken = ops::claim(*store, second);
  EXPECT_EQ(taken.status, claim_status::claimed);
  EXPECT_EQ(taken.fence, 1'001u);
  EXPECT_EQ(taken.id, "first");
  record expected = running(second);
  expected.fence = 1'001;
  expected.operation_id = "first";
  EXPECT_EQ(value(), encoded(expected));
  EXPECT_EQ(ttl(), 3'000);
}

TEST_F(RedisStore, ReadsWhatAnotherProcessWrote) {
  const ops::attempt theirs{.nonce = 9, .id = "theirs"};
  record there = running(theirs);
  there.state = record_state::completed;
  there.lease_ms = 0;
  const std::string response = "their response";
  there.response = std::as_bytes(std::span(response));
  set(encoded(there));
  const auto said = ops::claim(*store, {});
  EXPECT_EQ(said.status, claim_status::completed);
  EXPECT_EQ(said.id, "theirs");
  EXPECT_EQ(ops::text_of(said.response), response);
}

TEST_F(RedisStore, ScriptsAreSentAgainWhenTheServerForgetsThem) {
  const auto exercise = [&](std::uint64_t key) {
    const ops::attempt by{.key = key};
    server.command({"SCRIPT", "FLUSH"});
    ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed);
    EXPECT_EQ(ops::claim(*store, {.key = key, .nonce = 2}).status, claim_status::running);
    server.command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(ops::renew(*store, by).status, write_status::applied);
    server.command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(ops::mark(*store, by, "note").status, write_status::applied);
    server.command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(ops::complete(*store, by, "done").status, write_status::applied);
    const ops::attempt other{.key = key + 100};
    ASSERT_EQ(ops::claim(*store, other).status, claim_status::claimed);
    server.command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(ops::release(*store, other).status, write_status::applied);
  };
  ASSERT_TRUE(store.wait_until_ready());
  const std::size_t told = store.told().events().size();
  exercise(1);
  exercise(2);
  EXPECT_EQ(store.told().events().size(), told) << "nobody need look at that";
}

// The whole of a batch meets NOSCRIPT at once.
TEST_F(RedisStore, ManyAtOnceMeetAServerThatForgets) {
  for (std::uint64_t key = 1; key <= 50; ++key) {
    ASSERT_EQ(ops::claim(*store, {.key = key}).status, claim_status::claimed);
  }
  server.command({"SCRIPT", "FLUSH"});
  std::vector<std::thread> threads;
  for (std::uint64_t key = 1; key <= 50; ++key) {
    threads.emplace_back([&, key] {
      EXPECT_EQ(ops::complete(*store, {.key = key}, "done").status, write_status::applied);
    });
  }
  for (std::thread& each : threads) each.join();
}

// ---- Somebody else's values.

struct foreign_case {
  const char* name;
  std::string value;
};
void PrintTo(const foreign_case& of, std::ostream* to) { *to << of.name; }

std::string changed(std::size_t at, char byte) {
  std::string made = encoded(running({}));
  made[at] = byte;
  return made;
}

const foreign_case foreign_cases[] = {
    {"Empty", ""},
    {"Text", "hello"},
    {"Number", "1"},
    {"Json", R"({"state":"running","fingerprint":"0123456789abcdef","response":null,"more":1})"},
    {"NewerVersion", changed(17, 2)},
    {"NoVersion", changed(17, 0)},
    {"NoState", changed(0, 0)},
    {"UnknownState", changed(0, 5)},
    {"Cut", encoded(running({})).substr(0, record_header_bytes - 1)},
    {"CutAfterTheNonce", encoded(running({})).substr(0, 17)},
    {"CutId", encoded(running({})).substr(0, record_header_bytes + 1)},
};

class RedisStoreForeignValue : public RedisStore,
                               public testing::WithParamInterface<foreign_case> {};

// Ours by its nonce or not: no operation takes it for a record, and none touches it.
TEST_P(RedisStoreForeignValue, IsCorruptAndStaysAsItIs) {
  set(GetParam().value);
  for (const std::uint64_t nonce : {1u, 2u}) {
    const ops::attempt by{.nonce = nonce, .rerun_marked = true};
    const auto claimed = ops::claim(*store, by);
    EXPECT_EQ(claimed.status, claim_status::failed);
    EXPECT_EQ(claimed.failure.why, store_errc::corrupt_record);
    EXPECT_FALSE(claimed.failure.is_retryable);
    EXPECT_TRUE(claimed.failure.is_outcome_known);
    EXPECT_EQ(value(), GetParam().value) << "claim";
    // What reads only the head of a record that is cut off behind it finds nothing wrong.
    if (GetParam().name == std::string_view("Cut") ||
        GetParam().name == std::string_view("CutId")) {
      continue;
    }
    const auto is_corrupt = [&](const char* what, const ops::write_answer& said) {
      EXPECT_EQ(said.status, write_status::failed) << what;
      EXPECT_EQ(said.failure.why, store_errc::corrupt_record) << what;
      EXPECT_FALSE(said.failure.is_retryable) << what;
      EXPECT_TRUE(said.failure.is_outcome_known) << what;
      EXPECT_EQ(value(), GetParam().value) << what;
    };
    is_corrupt("complete", ops::complete(*store, by, ops::completion{ops::response("x"), true}));
    is_corrupt("complete late", ops::complete(*store, by, "x"));
    is_corrupt("release", ops::release(*store, by));
    is_corrupt("renew", ops::renew(*store, by));
    is_corrupt("mark", ops::mark(*store, by, "note"));
  }
  EXPECT_EQ(ttl(), 60'000);
}

INSTANTIATE_TEST_SUITE_P(, RedisStoreForeignValue, testing::ValuesIn(foreign_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(RedisStore, KeyOfAnotherTypeIsCorruptAndStaysAsItIs) {
  server.command({"RPUSH", key_name(1), "one"});
  const ops::attempt by;
  EXPECT_EQ(ops::claim(*store, by).failure.why, store_errc::corrupt_record);
  for (const auto& said : {ops::complete(*store, by, "x"), ops::release(*store, by),
                           ops::renew(*store, by), ops::mark(*store, by, "note")}) {
    EXPECT_EQ(said.status, write_status::failed);
    EXPECT_EQ(said.failure.why, store_errc::corrupt_record);
  }
  EXPECT_EQ(server.command({"LRANGE", key_name(1), "0", "-1"}).elements.size(), 1u);
}

// Without a TTL nobody knows when the lease began.
TEST_F(RedisStore, RecordWithoutATtlIsNeverTakenOver) {
  ASSERT_EQ(ops::claim(*store, {.lease = 100ms}).status, claim_status::claimed);
  server.command({"PERSIST", key_name(1)});
  const std::string before = value();
  server.advance_clock(1h);
  for (const bool rerun_marked : {false, true}) {
    const auto said = ops::claim(*store, {.nonce = 2, .rerun_marked = rerun_marked});
    EXPECT_EQ(said.status, claim_status::failed);
    EXPECT_EQ(said.failure.why, store_errc::corrupt_record);
  }
  EXPECT_EQ(ops::claim(*store, {.nonce = 2, .fingerprint = 2}).status, claim_status::conflict);
  EXPECT_EQ(value(), before);
  EXPECT_EQ(ttl(), -1);
  // Its holder can still end it.
  EXPECT_EQ(ops::complete(*store, {}, "done").status, write_status::applied);
  EXPECT_GT(ttl(), 0);
}

// The margin of a holder excludes a step of the server's clock; beyond it two may hold. Shown, not
// promised: the one assumption of the store.
TEST_F(RedisStore, StepOfTheServersClockEndsALease) {
  ASSERT_EQ(ops::claim(*store, {.lease = 10'000ms}).status, claim_status::claimed);
  server.advance_clock(9'999ms);
  EXPECT_EQ(ops::claim(*store, {.nonce = 2}).status, claim_status::running);
  server.advance_clock(1ms);
  EXPECT_EQ(ops::claim(*store, {.nonce = 2}).status, claim_status::claimed);
  EXPECT_EQ(ops::complete(*store, {}, "late").status, write_status::lost);
}

// A step back lengthens the lease, and the record's life with it.
TEST_F(RedisStore, StepBackOfTheServersClockOnlyDelays) {
  ASSERT_EQ(ops::claim(*store, {.lease = 1'000ms}).status, claim_status::claimed);
  server.advance_clock(-5'000ms);
  const auto said = ops::claim(*store, {.nonce = 2});
  EXPECT_EQ(said.status, claim_status::running);
  EXPECT_EQ(said.lease_left, 6'000ms);
  server.advance_clock(6'000ms);
  EXPECT_EQ(ops::claim(*store, {.nonce = 2}).status, claim_status::claimed);
}

// A TTL of Redis ends when its last millisecond is over.
TEST_F(RedisStore, RecordsLiveAsLongAsTheyShall) {
  const ops::attempt by{.retention = 31'000ms};
  const auto expect_life = [&](const char* what, std::chrono::milliseconds life) {
    server.advance_clock(life);
    EXPECT_NE(ops::claim(*store, {.nonce = 2, .fingerprint = 2}).status, claim_status::claimed)
        << what;
    server.advance_clock(1ms);
    EXPECT_EQ(ops::renew(*store, by).status, write_status::gone) << what;
    ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed) << what;
  };
  ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed);
  expect_life("running", 31'000ms);
  server.advance_clock(500ms);
  ASSERT_EQ(ops::renew(*store, by).status, write_status::applied);
  expect_life("renewed", 31'000ms);
  ASSERT_EQ(ops::mark(*store, by, "note").status, write_status::applied);
  expect_life("marked", 31'000ms);
  server.advance_clock(500ms);
  ops::attempt longer = by;
  longer.retention = idempotency::retention_max;
  ASSERT_EQ(ops::complete(*store, longer, "done").status, write_status::applied);
  expect_life("completed", idempotency::retention_max);
  server.advance_clock(500ms);
  ASSERT_EQ(ops::release(*store, by).status, write_status::applied);
  server.advance_clock(idempotency::released_retention);
  EXPECT_EQ(ops::claim(*store, by).failure.why, store_errc::spent_nonce);
  server.advance_clock(1ms);
  EXPECT_EQ(ops::claim(*store, by).status, claim_status::claimed);
}

TEST_F(RedisStore, PrefixesAreWorldsOfTheirOwn) {
  redis_store_options options = patient(server.url());
  options.key_prefix = "other:";
  const observed_store other(options);
  EXPECT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  EXPECT_EQ(ops::claim(*other, {.nonce = 2, .fingerprint = 2}).status, claim_status::claimed);
  EXPECT_EQ(server.command({"EXISTS", key_name(1), key_name(1, "other:")}).integer, 2);
}

TEST_F(RedisStore, CarriesEveryByteOfLargeResponses) {
  std::string response(3'000'000, '\0');
  for (std::size_t i = 0; i < response.size(); ++i) response[i] = static_cast<char>(i * i >> 3);
  ASSERT_EQ(ops::claim(*store, {}).status, claim_status::claimed);
  ASSERT_EQ(ops::complete(*store, {}, response).status, write_status::applied);
  const auto said = ops::claim(*store, {.nonce = 2});
  ASSERT_EQ(said.status, claim_status::completed);
  EXPECT_TRUE(ops::text_of(said.response) == response);
  EXPECT_EQ(store->stats().disconnections, 0u);
}

}  // namespace
}  // namespace parley::idempotency_redis
