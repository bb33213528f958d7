// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/store.hpp"

namespace parley::idempotency {
namespace {

constexpr store_failure invalid = {.why = store_errc::invalid};

bool is_lease(std::chrono::milliseconds lease) noexcept {
  return lease >= std::chrono::milliseconds(1) && lease <= retention_max - retention_margin;
}

bool is_retention(std::chrono::milliseconds retention) noexcept {
  return retention >= std::chrono::milliseconds(1) && retention <= retention_max;
}

bool is_operation_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= operation_id_bytes_max;
}

bool refuse(claim_op& op) noexcept {
  op.status = claim_status::failed;
  op.failure = invalid;
  return true;
}

bool refuse(write_op& op) noexcept {
  op.status = write_status::failed;
  op.failure = invalid;
  return true;
}

}  // namespace

store::~store() = default;

bool store::claim(claim_op& op) noexcept {
  const bool is_valid = is_operation_id(op.request_id) && is_lease(op.lease) &&
                        is_retention(op.retention) && op.retention - op.lease >= retention_margin;
  return is_valid ? do_claim(op) : refuse(op);
}

bool store::complete(complete_op& op) noexcept {
  const bool is_valid =
      op.response && is_operation_id(op.operation_id) && is_retention(op.retention);
  return is_valid ? do_complete(op) : refuse(op);
}

bool store::release(release_op& op) noexcept { return do_release(op); }

bool store::renew(renew_op& op) noexcept { return is_lease(op.lease) ? do_renew(op) : refuse(op); }

bool store::mark(mark_op& op) noexcept {
  return op.note.size() <= note_bytes_max ? do_mark(op) : refuse(op);
}

std::string_view to_string(store_errc e) noexcept {
  switch (e) {
    case store_errc::full: return "full";
    case store_errc::scope_full: return "scope_full";
    case store_errc::out_of_memory: return "out_of_memory";
    case store_errc::unavailable: return "unavailable";
    case store_errc::timed_out: return "timed_out";
    case store_errc::busy: return "busy";
    case store_errc::canceled: return "canceled";
    case store_errc::corrupt_record: return "corrupt_record";
    case store_errc::spent_nonce: return "spent_nonce";
    case store_errc::invalid: return "invalid";
    case store_errc::shut_down: return "shut_down";
  }
  return "unknown";  // a value from a newer peer
}

}  // namespace parley::idempotency
