// SPDX-License-Identifier: Apache-2.0
//
// One operation of a store: the commands that it is made of, and what their replies mean. No I/O
// and no clock: commands go into a buffer, replies come as they are.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_OPERATION_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_OPERATION_HPP

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "idempotency_redis/record.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/scripts.hpp"
#include "idempotency_redis/server.hpp"
#include "parley/idempotency/store.hpp"

namespace parley::idempotency_redis {

enum class operation_kind : std::uint8_t { claim, complete, release, renew, mark };

/// What all operations of a store have in common.
struct operation_context {
  std::string key_prefix;
  script_names scripts;
  bool waits = false;  ///< WAIT follows what writes
};

class operation {
 public:
  /// What comes next.
  enum class next : std::uint8_t {
    send = 1,   ///< write_command() has one more
    finished,   ///< the answer is in the op
    reconnect,  ///< the server will not do; send again to another or later
  };

  void begin(operation_kind kind, idempotency::op_base& op) noexcept {
    kind_ = kind;
    op_ = &op;
    is_in_doubt_ = false;
    restart();
  }
  idempotency::op_base* op() const noexcept { return op_; }
  /// The op has ended in another way; replies that come are thrown away.
  void forget() noexcept { op_ = nullptr; }

  /// From the beginning, on another connection: the last one may have carried out what it was sent.
  void send_again() noexcept {
    restart();
    is_in_doubt_ = true;
  }

  /// Appends the command of the step that is next. Throws std::bad_alloc.
  void write_command(operation_context& context, std::string& to);
  /// Whether a server that carries the command out may have changed the record by it.
  bool writes() const noexcept { return step_ != step::get; }

  /// The command written last was turned away and not carried out, and there is nobody else to send
  /// it to. An operation that was sent before may have been carried out then, and says so.
  next refuse(idempotency::store_failure failure) noexcept;
  /// Of the command written last. Where it was turned away to another server (MOVED, ASK) or may
  /// be sent again later, the same command is written again instead: the nonce is the op's.
  next on_reply(const reply& r, const operation_context& context) noexcept;

  /// What was sent before the command written last may have been carried out, or was.
  bool may_be_done() const noexcept;
  const idempotency::digest& key() const noexcept;

  /// Ends it so. The op must be there.
  void fail(const idempotency::store_failure& failure) noexcept;
  /// It failed, and the server may have carried it out.
  bool is_outcome_unknown() const noexcept;
  /// Whether its answer says that something is stored: with WAIT, not before the replicas have it.
  bool is_acknowledged() const noexcept;

  /// Not empty after an error reply that was not expected: its code, until the next reply.
  std::string_view unexpected() const noexcept { return unexpected_; }

 private:
  enum class step : std::uint8_t { first, take_over, get, touch };

  void restart() noexcept {
    step_ = step::first;
    use_eval_ = false;
  }
  idempotency::claim_op& claim() const noexcept {
    return static_cast<idempotency::claim_op&>(*op_);
  }
  idempotency::write_op& write() const noexcept;

  void write_script(script which, std::size_t arguments, operation_context& context,
                    std::string& to, auto&& add_arguments);
  next finish(idempotency::claim_status status) noexcept;
  next finish(idempotency::write_status status) noexcept;
  next on_error(std::string_view text) noexcept;
  next on_claim(const reply& r, bool touches) noexcept;
  next on_found(std::string_view value, bool touches) noexcept;
  next on_taken_over(const reply& r, bool touches) noexcept;
  next on_written(const reply& r, bool touches) noexcept;
  next touch_then_finish(char state, const idempotency::nonce& owner) noexcept;
  next malformed() noexcept;

  operation_kind kind_ = operation_kind::claim;
  step step_ = step::first;
  bool use_eval_ = false;
  bool is_in_doubt_ = false;
  char touch_state_ = 0;  // with touch_owner_: how the record begins that is touched
  idempotency::nonce touch_owner_;
  idempotency::op_base* op_ = nullptr;
  idempotency::store_failure read_only_;  // why a claim falls back to reading
  std::string_view unexpected_;
  std::string found_;  // the value that a take-over compares with
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_OPERATION_HPP
