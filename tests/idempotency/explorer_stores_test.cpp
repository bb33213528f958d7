// SPDX-License-Identifier: Apache-2.0
//
// Long walks of the explorer, in which the stores of the library must answer as its record does.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "idempotency/explorer.hpp"
#include "idempotency/ops.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency_testing/model_store.hpp"

namespace parley::idempotency::explorer {
namespace {

class both_stores final : public observer {
 public:
  both_stores() {
    auto made = make_memory_store({.clock = [this] { return now_; }});
    EXPECT_TRUE(made) << made.error();
    memory_ = std::move(*made);
  }

  std::uint64_t operations() const { return operations_; }

 private:
  void advanced(std::chrono::milliseconds by) override {
    now_ += by;
    model_.advance(by);
  }

  void carried_out(const request& asked, const reply& said) override {
    ++operations_;
    const ops::attempt by = {.nonce = asked.nonce,
                             .fingerprint = asked.fingerprint + 1u,
                             .id = "request-" + std::to_string(asked.nonce),
                             .lease = lease,
                             .retention = retention,
                             .unix_ms = asked.unix_ms,
                             .rerun_marked = asked.rerun_marked};
    if (asked.kind == request_kind::claim) {
      const auto memory = ops::claim(*memory_, by);
      const auto model = ops::claim(model_, by);
      for (const auto& each : {memory, model}) {
        EXPECT_EQ(each.status, said.claim);
        if (said.claim == claim_status::claimed) {
          EXPECT_EQ(each.fence, said.fence);
        }
        if (said.claim == claim_status::failed) {
          EXPECT_EQ(each.failure.why, said.why);
        }
        if (said.claim == claim_status::completed) {
          EXPECT_EQ(ops::text_of(each.response), std::to_string(said.response));
        }
      }
      EXPECT_EQ(memory.id, model.id);
      EXPECT_EQ(memory.note, model.note);
      EXPECT_EQ(memory.lease_left, model.lease_left);
      return;
    }
    for (store* each : {static_cast<store*>(memory_.get()), static_cast<store*>(&model_)}) {
      EXPECT_EQ(write(*each, by, asked), said.write);
    }
  }

  static write_status write(store& records, const ops::attempt& by, const request& asked) {
    switch (asked.kind) {
      case request_kind::claim: break;
      case request_kind::complete:
        return ops::complete(records, by,
                             {.response = ops::response(std::to_string(asked.response)),
                              .lease_holds = asked.lease_holds,
                              .fence = asked.fence})
            .status;
      case request_kind::release: return ops::release(records, by, asked.fence).status;
      case request_kind::renew: return ops::renew(records, by).status;
      case request_kind::mark: return ops::mark(records, by, "note of " + by.id).status;
    }
    return write_status::failed;
  }

  std::chrono::steady_clock::time_point now_{};
  std::unique_ptr<memory_store> memory_;
  idempotency_testing::model_store model_;
  std::uint64_t operations_ = 0;
};

TEST(Walk, FindsTheStoresOfOneMind) {
  const char* text = std::getenv("PARLEY_EXPLORER_WALKS");
  const std::uint64_t walks = text == nullptr ? 2'000 : std::strtoull(text, nullptr, 10);
  std::uint64_t operations = 0;
  for (std::uint64_t seed = 1; seed <= walks && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto flag = [seed](unsigned place) { return (seed >> place & 1) != 0; };
    config of{.clients = {},
              .budget = {.ticks = 30,
                         .leases = 4,
                         .retentions = 2,
                         .eternities = 1,
                         .losses = 6,
                         .copies = 4,
                         .crashes = 2,
                         .refusals = 3}};
    for (unsigned i = 0; i < 3; ++i) {
      of.clients.push_back({.fingerprint = static_cast<std::uint8_t>(i == 2 && flag(0)),
                            .rerun_marked = flag(1 + i),
                            .attempts = 3,
                            .polls = 2,
                            .marks = 2});
    }
    of.poll_keeps_nonce = flag(4);
    both_stores stores;
    const auto found = walk(of, seed, &stores);
    EXPECT_FALSE(found) << to_text(*found);
    operations += stores.operations();
  }
  EXPECT_GT(operations, 5 * walks);
}

}  // namespace
}  // namespace parley::idempotency::explorer
