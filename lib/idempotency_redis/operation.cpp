// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/operation.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <span>

#include "parley/idempotency/record.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency::claim_status;
using idempotency::claim_verdict;
using idempotency::store_errc;
using idempotency::write_status;
using std::chrono::milliseconds;

std::uint32_t to_ms(milliseconds time) noexcept { return static_cast<std::uint32_t>(time.count()); }

std::string_view text_of(const idempotency::nonce& n) noexcept {
  return {reinterpret_cast<const char*>(n.bytes.data()), n.bytes.size()};
}

template <class Number>
std::array<char, sizeof(Number)> big_endian(Number value) noexcept {
  std::array<char, sizeof(Number)> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * (bytes.size() - 1 - i))));
  }
  return bytes;
}

// How a record begins whose attempt runs.
std::array<char, 18> running_head(const idempotency::nonce& owner) noexcept {
  std::array<char, 18> head;
  head[0] = static_cast<char>(idempotency::record_state::running);
  std::ranges::copy(text_of(owner), head.begin() + 1);
  head[17] = record_version;
  return head;
}

std::string_view view_of(std::span<const char> bytes) noexcept {
  return {bytes.data(), bytes.size()};
}

// The record of a claim that is being made.
record running_record(const idempotency::claim_op& op, std::uint64_t fence,
                      std::string_view operation_id) noexcept {
  return {idempotency::record_state::running,
          op.nonce,
          fence,
          to_ms(op.lease),
          to_ms(op.retention),
          op.fingerprint,
          operation_id,
          {},
          {}};
}

}  // namespace

idempotency::write_op& operation::write() const noexcept {
  switch (kind_) {
    case operation_kind::complete: return static_cast<idempotency::complete_op&>(*op_);
    case operation_kind::release: return static_cast<idempotency::release_op&>(*op_);
    case operation_kind::renew: return static_cast<idempotency::renew_op&>(*op_);
    case operation_kind::mark:
    case operation_kind::claim: break;
  }
  return static_cast<idempotency::mark_op&>(*op_);
}

const idempotency::digest& operation::key() const noexcept {
  return kind_ == operation_kind::claim ? claim().key : write().key;
}

void operation::write_script(script which, std::size_t arguments, operation_context& context,
                             std::string& to, auto&& add_arguments) {
  command made(to, 4 + arguments);
  if (use_eval_) {
    made.word("EVAL").word(text_of(which));
  } else {
    made.word("EVALSHA").word(context.scripts[which]);
  }
  made.word("1").word(context.key_prefix.size() + key_hex_bytes, [&](std::string& name) {
    name += context.key_prefix;
    append_hex(key(), name);
  });
  add_arguments(made);
}

void operation::write_command(operation_context& context, std::string& to) {
  const auto add_key = [&](command& made) {
    made.word(context.key_prefix.size() + key_hex_bytes, [&](std::string& name) {
      name += context.key_prefix;
      append_hex(key(), name);
    });
  };
  const auto add_record = [&](command& made, const record& r) {
    made.word(encoded_bytes(r), [&](std::string& value) { encode(r, value); });
  };

  if (step_ == step::touch) {
    write_script(script::touch, 1, context, to, [&](command& made) {
      made.word(17, [&](std::string& head) { (head += touch_state_) += text_of(touch_owner_); });
    });
    return;
  }
  switch (kind_) {
    case operation_kind::claim: {
      const idempotency::claim_op& op = claim();
      if (step_ == step::get) {
        command made(to, 2);
        made.word("GET");
        add_key(made);
      } else if (step_ == step::take_over) {
        write_script(script::take_over, 4, context, to, [&](command& made) {
          made.word(found_);
          add_record(made, running_record(op, op.fence, op.operation_id.view()));
          made.word(to_ms(op.retention)).word(op.rerun_marked ? "1" : "0");
        });
      } else {
        command made(to, 7);
        made.word("SET");
        add_key(made);
        add_record(made, running_record(op, op.unix_ms, op.request_id));
        made.word("NX").word("GET").word("PX").word(to_ms(op.retention));
      }
      return;
    }
    case operation_kind::complete: {
      const auto& op = static_cast<const idempotency::complete_op&>(*op_);
      write_script(script::complete, op.lease_holds ? 3 : 4, context, to, [&](command& made) {
        made.word(view_of(running_head(op.nonce)));
        add_record(made, {idempotency::record_state::completed,
                          op.nonce,
                          op.fence,
                          0,
                          to_ms(op.retention),
                          op.fingerprint,
                          op.operation_id,
                          {},
                          op.response.bytes()});
        made.word(to_ms(op.retention));
        if (!op.lease_holds) made.word("gone");
      });
      return;
    }
    case operation_kind::release: {
      const auto& op = static_cast<const idempotency::release_op&>(*op_);
      const std::uint32_t retention = to_ms(idempotency::released_retention);
      write_script(script::release, 3, context, to, [&](command& made) {
        made.word(view_of(running_head(op.nonce)));
        add_record(made, {idempotency::record_state::released,
                          op.nonce,
                          op.fence,
                          0,
                          retention,
                          {},
                          {},
                          {},
                          {}});
        made.word(retention);
      });
      return;
    }
    case operation_kind::renew: {
      const auto& op = static_cast<const idempotency::renew_op&>(*op_);
      write_script(script::renew, 2, context, to, [&](command& made) {
        made.word(text_of(op.nonce)).word(view_of(big_endian(to_ms(op.lease))));
      });
      return;
    }
    case operation_kind::mark: {
      const auto& op = static_cast<const idempotency::mark_op&>(*op_);
      write_script(script::mark, 3, context, to, [&](command& made) {
        made.word(text_of(op.nonce))
            .word(view_of(big_endian(static_cast<std::uint16_t>(op.note.size()))))
            .word(op.note);
      });
      return;
    }
  }
}

operation::next operation::on_reply(const reply& r, const operation_context& context) noexcept {
  unexpected_ = {};
  if (r.what == reply::kind::error) return on_error(r.text);
  if (r.what == reply::kind::status || r.what == reply::kind::array ||
      r.what == reply::kind::other) {
    return malformed();
  }
  // What was done before, under this nonce, is not what WAIT waits for.
  const bool touches = context.waits;
  if (step_ == step::touch) {
    if (r.what != reply::kind::integer) return malformed();
    if (r.integer == static_cast<std::int64_t>(script_answer::applied)) return next::finished;
    restart();  // the record has changed since
    return next::send;
  }
  if (kind_ != operation_kind::claim) return on_written(r, touches);
  return step_ == step::take_over ? on_taken_over(r, touches) : on_claim(r, touches);
}

operation::next operation::on_error(std::string_view text) noexcept {
  const judged_error judged = judge_error(text);
  if (!judged.is_expected) unexpected_ = error_word(text);
  switch (judged.action) {
    case error_action::use_eval:
      if (use_eval_) return malformed();
      use_eval_ = true;
      return next::send;
    case error_action::reconnect: return next::reconnect;
    case error_action::read_only:
      // SET is refused even where it would not have written: a replay needs only to be read.
      if (kind_ == operation_kind::claim && step_ == step::first) {
        read_only_ = judged.failure;
        step_ = step::get;
        return next::send;
      }
      break;
    case error_action::fail: break;
  }
  return refuse(judged.failure);
}

bool operation::may_be_done() const noexcept {
  if (is_in_doubt_) return true;
  // What is touched is there already: by this op, or of another's attempt only to be replayed.
  return step_ == step::touch &&
         (kind_ != operation_kind::claim || text_of(touch_owner_) == text_of(claim().nonce));
}

operation::next operation::refuse(idempotency::store_failure failure) noexcept {
  if (may_be_done()) failure.is_outcome_known = false;
  fail(failure);
  return next::finished;
}

operation::next operation::on_claim(const reply& r, bool touches) noexcept {
  if (r.what == reply::kind::bulk) return on_found(r.text, touches);
  if (r.what != reply::kind::nil) return malformed();
  if (step_ == step::get) return refuse(read_only_);
  idempotency::claim_op& op = claim();
  op.fence = op.unix_ms;
  op.operation_id.assign(op.request_id);
  return finish(claim_status::claimed);
}

operation::next operation::on_found(std::string_view value, bool touches) noexcept {
  idempotency::claim_op& op = claim();
  const std::optional<record> found = decode(value);
  if (!found) {
    fail({.why = store_errc::corrupt_record});
    return next::finished;
  }
  const idempotency::record_view view = {found->state, found->fingerprint, found->owner,
                                         found->fence, false};
  op.operation_id.assign(found->operation_id);
  switch (judge_claim(&view, op.fingerprint, op.nonce, op.rerun_marked)) {
    case claim_verdict::resume:
      op.fence = found->fence;
      finish(claim_status::claimed);
      return touches ? touch_then_finish(value[0], found->owner) : next::finished;
    case claim_verdict::replay:
      op.response = idempotency::response_ref::copy_of(found->response);
      if (!op.response) {
        fail({.why = store_errc::out_of_memory, .is_retryable = true});
        return next::finished;
      }
      finish(claim_status::completed);
      // Also of another's: its holder may not know yet whether the replicas have it, and what is
      // replayed once must be replayed for ever.
      return touches ? touch_then_finish(value[0], found->owner) : next::finished;
    case claim_verdict::conflict: return finish(claim_status::conflict);
    case claim_verdict::spent: fail({.why = store_errc::spent_nonce}); return next::finished;
    // Another's record that is released, or whose lease only the server can judge.
    case claim_verdict::take:
    case claim_verdict::running:
    case claim_verdict::take_over:
    case claim_verdict::abandoned: break;
  }
  if (step_ == step::get) return refuse(read_only_);
  op.fence = next_fence(&view, op.unix_ms);
  op.note.assign(found->note);
  if (found->state == idempotency::record_state::released) op.operation_id.assign(op.request_id);
  try {
    found_.assign(value);
  } catch (const std::bad_alloc&) {
    fail({.why = store_errc::out_of_memory, .is_retryable = true});
    return next::finished;
  }
  step_ = step::take_over;
  return next::send;
}

operation::next operation::on_taken_over(const reply& r, bool touches) noexcept {
  if (r.what == reply::kind::bulk) {
    step_ = step::first;
    return on_found(r.text, touches);
  }
  if (r.what == reply::kind::nil) {  // gone in between
    restart();
    return next::send;
  }
  if (r.what != reply::kind::integer) return malformed();
  if (r.integer == answer_taken) return finish(claim_status::claimed);
  if (r.integer == answer_abandoned) return finish(claim_status::abandoned);
  if (r.integer == answer_corrupt) {
    fail({.why = store_errc::corrupt_record});
    return next::finished;
  }
  if (r.integer < 0) return malformed();
  claim().lease_left = milliseconds(r.integer);
  return finish(claim_status::running);
}

operation::next operation::on_written(const reply& r, bool touches) noexcept {
  if (r.what != reply::kind::integer) return malformed();
  switch (static_cast<script_answer>(r.integer)) {
    case script_answer::applied: return finish(write_status::applied);
    case script_answer::already: {
      finish(write_status::already_applied);
      if (!touches) return next::finished;
      return touch_then_finish(kind_ == operation_kind::complete  ? '\3'
                               : kind_ == operation_kind::release ? '\4'
                                                                  : '\2',
                               write().nonce);
    }
    case script_answer::lost: return finish(write_status::lost);
    case script_answer::gone: return finish(write_status::gone);
    case script_answer::corrupt: fail({.why = store_errc::corrupt_record}); return next::finished;
  }
  return malformed();
}

operation::next operation::touch_then_finish(char state, const idempotency::nonce& owner) noexcept {
  touch_state_ = state;
  touch_owner_ = owner;
  step_ = step::touch;
  use_eval_ = false;
  return next::send;
}

// An answer that no command of ours has.
operation::next operation::malformed() noexcept {
  unexpected_ = "malformed";
  fail({.why = store_errc::unavailable, .is_outcome_known = false});
  return next::finished;
}

operation::next operation::finish(claim_status status) noexcept {
  claim().status = status;
  return next::finished;
}

operation::next operation::finish(write_status status) noexcept {
  write().status = status;
  return next::finished;
}

void operation::fail(const idempotency::store_failure& failure) noexcept {
  if (kind_ == operation_kind::claim) {
    claim().status = claim_status::failed;
    claim().response = {};
    claim().failure = failure;
  } else {
    write().status = write_status::failed;
    write().failure = failure;
  }
}

bool operation::is_outcome_unknown() const noexcept {
  if (kind_ == operation_kind::claim) {
    return claim().status == claim_status::failed && !claim().failure.is_outcome_known;
  }
  return write().status == write_status::failed && !write().failure.is_outcome_known;
}

bool operation::is_acknowledged() const noexcept {
  if (kind_ == operation_kind::claim) {
    return claim().status == claim_status::claimed ||
           (step_ == step::touch && claim().status == claim_status::completed);
  }
  return write().status == write_status::applied || write().status == write_status::already_applied;
}

}  // namespace parley::idempotency_redis
