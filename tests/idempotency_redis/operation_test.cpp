// SPDX-License-Identifier: Apache-2.0
//
// What an operation sends and what it makes of the replies, where the replicas are waited for.

#include "idempotency_redis/operation.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "idempotency_redis/record.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency::claim_status;
using idempotency::store_errc;

template <class T>
T named(unsigned number) {
  T made;
  std::memcpy(made.bytes.data(), &number, sizeof number);
  return made;
}

template <class Op>
struct quiet final : Op {
  void done() noexcept override {}
};

reply bulk_reply(std::string_view text) {
  reply made;
  made.what = reply::kind::bulk;
  made.text = text;
  return made;
}
reply integer_reply(std::int64_t number) {
  reply made;
  made.what = reply::kind::integer;
  made.integer = number;
  return made;
}
reply error_reply(std::string_view text) {
  reply made;
  made.what = reply::kind::error;
  made.text = text;
  return made;
}

class OperationTest : public testing::Test {
 protected:
  OperationTest() {
    context.waits = true;
    claim.key = named<idempotency::digest>(1);
    claim.nonce = named<idempotency::nonce>(2);
    claim.request_id = "request";
    stored.state = idempotency::record_state::completed;
    stored.owner = named<idempotency::nonce>(3);
    stored.operation_id = "first";
    encode(stored, value);
    what.begin(operation_kind::claim, claim);
    sent();
  }
  std::string sent() {
    std::string made;
    what.write_command(context, made);
    return made;
  }

  operation_context context;
  quiet<idempotency::claim_op> claim;
  record stored;
  std::string value;
  operation what;
};

// What is replayed must still be there after a failover, and whoever completed it may not know yet
// whether the replicas have it.
TEST_F(OperationTest, ReplayOfAnothersIsTouchedBeforeItIsWaitedFor) {
  ASSERT_EQ(what.on_reply(bulk_reply(value), context), operation::next::send);
  const std::string touch = sent();
  EXPECT_NE(touch.find(context.scripts[script::touch]), std::string::npos);
  EXPECT_NE(touch.find("$17\r\n" + value.substr(0, 17) + "\r\n"), std::string::npos);
  EXPECT_EQ(what.on_reply(integer_reply(1), context), operation::next::finished);
  EXPECT_EQ(claim.status, claim_status::completed);
  EXPECT_TRUE(what.is_acknowledged());
}

TEST_F(OperationTest, ReplayIsFinishedWhereNobodyWaits) {
  context.waits = false;
  EXPECT_EQ(what.on_reply(bulk_reply(value), context), operation::next::finished);
  EXPECT_EQ(claim.status, claim_status::completed);
}

TEST_F(OperationTest, ReplayThatCannotBeTouchedIsNone) {
  ASSERT_EQ(what.on_reply(bulk_reply(value), context), operation::next::send);
  EXPECT_EQ(what.on_reply(error_reply("NOREPLICAS Not enough good replicas to write."), context),
            operation::next::finished);
  EXPECT_EQ(claim.status, claim_status::failed);
  EXPECT_EQ(claim.failure.why, store_errc::unavailable);
  EXPECT_TRUE(claim.failure.is_retryable);
  EXPECT_TRUE(claim.failure.is_outcome_known);
}

TEST_F(OperationTest, ReplayThatHasChangedIsClaimedAgain) {
  ASSERT_EQ(what.on_reply(bulk_reply(value), context), operation::next::send);
  ASSERT_EQ(what.on_reply(integer_reply(3), context), operation::next::send);
  EXPECT_NE(sent().find("SET"), std::string::npos);
}

TEST_F(OperationTest, SentAgainAfterARedirectIsTheSameCommand) {
  const std::string first = sent();
  EXPECT_EQ(sent(), first);
  what.send_again();
  EXPECT_EQ(sent(), first);
}

TEST_F(OperationTest, RefusedIsUnknownOnlyIfItMayHaveBeenCarriedOut) {
  const idempotency::store_failure turned_away{.why = store_errc::unavailable,
                                               .is_retryable = true};
  EXPECT_EQ(what.refuse(turned_away), operation::next::finished);
  EXPECT_EQ(claim.status, claim_status::failed);
  EXPECT_TRUE(claim.failure.is_outcome_known);
  what.begin(operation_kind::claim, claim);
  what.send_again();
  what.refuse(turned_away);
  EXPECT_FALSE(claim.failure.is_outcome_known);
}

TEST_F(OperationTest, ArrayIsNoAnswer) {
  reply array;
  array.what = reply::kind::array;
  array.elements = 1;
  EXPECT_EQ(what.on_reply(array, context), operation::next::finished);
  EXPECT_EQ(claim.status, claim_status::failed);
  EXPECT_FALSE(claim.failure.is_outcome_known);
}

}  // namespace
}  // namespace parley::idempotency_redis
