// SPDX-License-Identifier: Apache-2.0
//
// Operations with short spellings, for the tests of this room.

#ifndef PARLEY_TESTS_IDEMPOTENCY_OPS_HPP
#define PARLEY_TESTS_IDEMPOTENCY_OPS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/idempotency/await.hpp"
#include "parley/idempotency/memory_store.hpp"

namespace parley::idempotency::ops {

using std::chrono::milliseconds;

/// Digests and nonces named by numbers.
template <class T>
T named(std::uint64_t number) {
  T made;
  std::memcpy(made.bytes.data(), &number, sizeof(number));
  return made;
}

inline response_ref response(std::string_view text) {
  return response_ref::copy_of(std::as_bytes(std::span(text)));
}
inline std::string text_of(const response_ref& from) {
  return {reinterpret_cast<const char*>(from.bytes().data()), from.bytes().size()};
}

/// An attempt at a key: who claims what.
struct attempt {
  std::uint64_t key = 1;
  std::uint64_t nonce = 1;
  std::uint64_t fingerprint = 1;
  std::uint64_t scope = 1;
  std::string id = "request-1";
  milliseconds lease{30'000};
  milliseconds retention{86'400'000};
  std::uint64_t unix_ms = 1000;
  bool rerun_marked = false;
};

inline void set(claim_op& op, const attempt& by) {
  op.key = named<digest>(by.key);
  op.fingerprint = named<digest>(by.fingerprint);
  op.scope = named<digest>(by.scope);
  op.nonce = named<idempotency::nonce>(by.nonce);
  op.request_id = by.id;
  op.lease = by.lease;
  op.retention = by.retention;
  op.unix_ms = by.unix_ms;
  op.rerun_marked = by.rerun_marked;
}
inline void set(write_op& op, const attempt& by) {
  op.key = named<digest>(by.key);
  op.nonce = named<idempotency::nonce>(by.nonce);
}

/// What a claim was answered, in values.
struct claim_answer {
  claim_status status;
  std::uint64_t fence;
  std::string id;
  std::string note;
  response_ref response;
  milliseconds lease_left;
  store_failure failure;
};

inline claim_answer claim(store& records, const attempt& by) {
  blocking_op<claim_op> op;
  set(op, by);
  op.run(records);
  return {op.status,
          op.fence,
          std::string(op.operation_id.view()),
          std::string(op.note.view()),
          op.response,
          op.lease_left,
          op.failure};
}

struct write_answer {
  write_status status;
  store_failure failure;
};

struct completion {
  response_ref response;
  bool lease_holds = false;
  std::uint64_t fence = 1000;
};

inline write_answer complete(store& records, const attempt& by, completion with) {
  blocking_op<complete_op> op;
  set(op, by);
  op.fingerprint = named<digest>(by.fingerprint);
  op.scope = named<digest>(by.scope);
  op.operation_id = by.id;
  op.fence = with.fence;
  op.lease_holds = with.lease_holds;
  op.response = std::move(with.response);
  op.retention = by.retention;
  op.run(records);
  return {op.status, op.failure};
}
inline write_answer complete(store& records, const attempt& by, std::string_view text) {
  return complete(records, by, completion{.response = response(text)});
}
inline write_answer release(store& records, const attempt& by, std::uint64_t fence = 1000) {
  blocking_op<release_op> op;
  set(op, by);
  op.scope = named<digest>(by.scope);
  op.fence = fence;
  op.run(records);
  return {op.status, op.failure};
}
inline write_answer renew(store& records, const attempt& by) {
  blocking_op<renew_op> op;
  set(op, by);
  op.lease = by.lease;
  op.run(records);
  return {op.status, op.failure};
}
inline write_answer mark(store& records, const attempt& by, std::string_view note) {
  blocking_op<mark_op> op;
  set(op, by);
  op.note = note;
  op.run(records);
  return {op.status, op.failure};
}

}  // namespace parley::idempotency::ops

#endif  // PARLEY_TESTS_IDEMPOTENCY_OPS_HPP
