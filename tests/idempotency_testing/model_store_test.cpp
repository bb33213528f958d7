// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_testing/model_store.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "parley/idempotency/await.hpp"
#include "parley/idempotency_testing/suite.hpp"

namespace parley::idempotency_testing {
namespace {

using idempotency::blocking_op;
using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::release_op;
using idempotency::store_errc;
using idempotency::write_status;

class model_harness final : public store_harness {
 public:
  idempotency::store& records() override { return records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(std::chrono::milliseconds by) override { records_.advance(by); }

 private:
  model_store records_;
};

// PARLEY_SEED=<number> asks for other random histories, and for longer ones.
conformance_options options_from_environment() {
  conformance_options options;
  if (const char* seed = std::getenv("PARLEY_SEED")) {
    options.seed = std::strtoull(seed, nullptr, 10);
    options.random_operations = 20'000;
  }
  return options;
}

PARLEY_IDEMPOTENCY_CONFORMANCE(
    ModelStore, [] { return std::make_unique<model_harness>(); }, options_from_environment());

void fill(claim_op& op) {
  op.request_id = "request-1";
  op.nonce.bytes.fill(std::byte{1});
}

TEST(ModelStore, CountsWhatHasNotExpired) {
  model_store records;
  EXPECT_EQ(records.size(), 0U);
  blocking_op<claim_op> claim;
  fill(claim);
  claim.run(records);
  ASSERT_EQ(claim.status, claim_status::claimed);
  EXPECT_EQ(records.size(), 1U);
  records.advance(claim.retention - std::chrono::milliseconds(1));
  EXPECT_EQ(records.size(), 1U);
  records.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(records.size(), 0U);
}

TEST(ModelStore, FailsAsItIsToldAndChangesNothing) {
  model_store records;
  records.fail_all({{.why = store_errc::unavailable, .is_retryable = true}});
  blocking_op<claim_op> claim;
  fill(claim);
  claim.run(records);
  ASSERT_EQ(claim.status, claim_status::failed);
  EXPECT_EQ(claim.failure.why, store_errc::unavailable);
  EXPECT_TRUE(claim.failure.is_retryable);
  EXPECT_EQ(records.size(), 0U);
  blocking_op<release_op> release;
  release.run(records);
  EXPECT_EQ(release.status, write_status::failed);

  records.fail_all({});
  claim.run(records);
  EXPECT_EQ(claim.status, claim_status::claimed);
}

}  // namespace
}  // namespace parley::idempotency_testing
