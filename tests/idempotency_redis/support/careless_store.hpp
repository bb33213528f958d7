// SPDX-License-Identifier: Apache-2.0
//
// A store that is right but for one mistake, so that a test can show that it would be seen.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CARELESS_STORE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CARELESS_STORE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "idempotency_redis/record.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "parley/idempotency/await.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::testing_support {

enum class mistake : std::uint8_t {
  complete_without_compare = 1,  ///< SET, whoever holds the claim
  takeover_within_the_lease,     ///< SET over a claim that is running
  release_deletes,               ///< DEL
};

/// Every operation ends at once, when the store behind it is through.
class careless_store final : public idempotency::store {
 public:
  careless_store(idempotency::store& right, const redis_server& server, mistake made)
      : right_(right), server_(server), mistake_(made) {}

 private:
  using store = idempotency::store;

  bool do_claim(idempotency::claim_op& op) noexcept override {
    idempotency::blocking_op<idempotency::claim_op> asked;
    asked.key = op.key;
    asked.fingerprint = op.fingerprint;
    asked.scope = op.scope;
    asked.nonce = op.nonce;
    asked.request_id = op.request_id;
    asked.lease = op.lease;
    asked.retention = op.retention;
    asked.unix_ms = op.unix_ms;
    asked.rerun_marked = op.rerun_marked;
    asked.run(right_);
    op.status = asked.status;
    op.fence = asked.fence;
    op.operation_id.assign(asked.operation_id.view());
    op.note.assign(asked.note.view());
    op.response = asked.response;
    op.lease_left = asked.lease_left;
    op.failure = asked.failure;
    if (mistake_ == mistake::takeover_within_the_lease &&
        op.status == idempotency::claim_status::running) {
      const auto found = server_.command({"GET", name_of(op.key)});
      const auto old = idempotency_redis::decode(found.text);
      if (!old) return true;
      op.status = idempotency::claim_status::claimed;
      op.fence = std::max(old->fence + 1, op.unix_ms);
      idempotency_redis::record made;
      made.owner = op.nonce;
      made.fence = op.fence;
      made.lease_ms = static_cast<std::uint32_t>(op.lease.count());
      made.retention_ms = static_cast<std::uint32_t>(op.retention.count());
      made.fingerprint = op.fingerprint;
      made.operation_id = op.operation_id.view();
      set(op.key, made);
    }
    return true;
  }

  bool do_complete(idempotency::complete_op& op) noexcept override {
    if (mistake_ == mistake::complete_without_compare) {
      idempotency_redis::record made;
      made.state = idempotency::record_state::completed;
      made.owner = op.nonce;
      made.fence = op.fence;
      made.retention_ms = static_cast<std::uint32_t>(op.retention.count());
      made.fingerprint = op.fingerprint;
      made.operation_id = op.operation_id;
      made.response = op.response.bytes();
      set(op.key, made);
      op.status = idempotency::write_status::applied;
      return true;
    }
    idempotency::blocking_op<idempotency::complete_op> asked;
    asked.fingerprint = op.fingerprint;
    asked.scope = op.scope;
    asked.operation_id = op.operation_id;
    asked.fence = op.fence;
    asked.lease_holds = op.lease_holds;
    asked.response = op.response;
    asked.retention = op.retention;
    return ask(asked, op);
  }

  bool do_release(idempotency::release_op& op) noexcept override {
    if (mistake_ == mistake::release_deletes) {
      server_.command({"DEL", name_of(op.key)});
      op.status = idempotency::write_status::applied;
      return true;
    }
    idempotency::blocking_op<idempotency::release_op> asked;
    asked.scope = op.scope;
    asked.fence = op.fence;
    return ask(asked, op);
  }

  bool do_renew(idempotency::renew_op& op) noexcept override {
    idempotency::blocking_op<idempotency::renew_op> asked;
    asked.lease = op.lease;
    return ask(asked, op);
  }

  bool do_mark(idempotency::mark_op& op) noexcept override {
    idempotency::blocking_op<idempotency::mark_op> asked;
    asked.note = op.note;
    return ask(asked, op);
  }

  void do_cancel(idempotency::op_base&) noexcept override {}
  void do_shutdown() noexcept override { right_.shutdown(); }

  template <class Op>
  bool ask(idempotency::blocking_op<Op>& asked, Op& op) {
    asked.key = op.key;
    asked.nonce = op.nonce;
    asked.run(right_);
    op.status = asked.status;
    op.failure = asked.failure;
    return true;
  }

  static std::string name_of(const idempotency::digest& key) {
    std::string made = "parley:";
    idempotency_redis::append_hex(key, made);
    return made;
  }
  void set(const idempotency::digest& key, const idempotency_redis::record& made) const {
    std::string value;
    encode(made, value);
    server_.command({"SET", name_of(key), value, "PX", std::to_string(made.retention_ms)});
  }

  store& right_;
  const redis_server& server_;
  const mistake mistake_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_CARELESS_STORE_HPP
