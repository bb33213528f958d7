// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/link.hpp"

#include <algorithm>
#include <cstdint>
#include <new>

#include "idempotency_redis/server.hpp"

namespace parley::idempotency_redis {

void link::give_up(disconnect_reason why, std::string_view what) noexcept {
  if (failed_) return;
  failed_ = why;
  try {
    failed_text_ = what;
  } catch (const std::bad_alloc&) {
    // It fails without a word.
  }
}

void link::send(pending& of, operation_context& context, bool is_asking) {
  const std::size_t before = output_.size();
  try {
    in_flight_.reserve(is_asking ? 2 : 1);
    if (is_asking) command(output_, 1).word("ASKING");
    of.what.write_command(context, output_);
  } catch (const std::bad_alloc&) {
    output_.resize(before);
    throw;
  }
  if (is_asking) in_flight_.push_back({asked::asking, nullptr, now_});
  in_flight_.push_back({asked::operation, &of, now_});
  of.in_flight = true;
  needs_wait_ = needs_wait_ || (settings_.wait_replicas > 0 && of.what.writes());
}

void link::hold(pending& of) {
  held_.push_back(&of);
  of.in_flight = true;
}

void link::flush() {
  if (!is_connected_ || is_writing_ || failed_ || output_.empty()) return;
  if (needs_wait_) {
    in_flight_.reserve(1);
    command(output_, 3)
        .word("WAIT")
        .word(settings_.wait_replicas)
        .word(static_cast<std::uint64_t>(settings_.wait_timeout.count()));
    in_flight_.push_back({asked::wait, nullptr, now_});
    needs_wait_ = false;
  }
  channel_->write(output_);
  is_writing_ = true;
}

link::time link::deadline() const noexcept {
  if (failed_) return time::max();
  const time opening = is_ready_ ? time::max() : opened_ + settings_.connect_timeout;
  if (in_flight_.empty()) return opening;
  return std::min(opening, in_flight_.front().sent + settings_.silence_timeout);
}

void link::look_at_time() noexcept {
  if (now_ < deadline()) return;
  if (!is_ready_ && now_ >= opened_ + settings_.connect_timeout) {
    give_up(disconnect_reason::connect, "not in time");
  } else {
    give_up(disconnect_reason::silence, "no reply");
  }
}

void link::on_connected() noexcept {
  is_connected_ = true;
  try {
    in_flight_.reserve(3);
    if (!settings_.password.empty()) {
      command made(output_, settings_.user.empty() ? 2 : 3);
      made.word("AUTH");
      if (!settings_.user.empty()) made.word(settings_.user);
      made.word(settings_.password);
      in_flight_.push_back({asked::auth, nullptr, now_});
    }
    if (settings_.database != 0) {
      command(output_, 2).word("SELECT").word(settings_.database);
      in_flight_.push_back({asked::select, nullptr, now_});
    }
    command(output_, 1).word("INFO");
    in_flight_.push_back({asked::info, nullptr, now_});
  } catch (const std::bad_alloc&) {
    give_up(disconnect_reason::closed, "out of memory");
  }
}

void link::on_bytes(std::string_view bytes) noexcept {
  if (failed_) return;
  switch (reader_.feed(bytes)) {
    case reply_reader::status::ok: break;
    case reply_reader::status::protocol:
      give_up(disconnect_reason::protocol, "what came is not Redis");
      break;
    case reply_reader::status::too_large:
      give_up(disconnect_reason::protocol, "a reply above reply_bytes_max");
      break;
    case reply_reader::status::out_of_memory:
      give_up(disconnect_reason::closed, "out of memory");
      break;
  }
}

void link::on_reply(const reply& r) noexcept {
  if (failed_) return;
  if (in_flight_.empty()) {
    give_up(disconnect_reason::protocol, "a reply to nothing");
    return;
  }
  const expected front = in_flight_.front();
  in_flight_.pop_front();
  switch (front.what) {
    case asked::operation:
      front.of->in_flight = false;
      if (front.of->what.op() == nullptr) {
        owner_.on_unused(*front.of);
      } else {
        owner_.on_answer(*this, *front.of, r);
      }
      return;
    case asked::asking: return;  // without it the command behind it is sent elsewhere
    case asked::wait: on_wait(r); return;
    case asked::auth:
    case asked::select:
      if (r.what == reply::kind::error) give_up(disconnect_reason::auth, error_word(r.text));
      return;
    case asked::info: {
      const bool is_error = r.what == reply::kind::error;
      if (is_error && (error_word(r.text) == "NOAUTH" || error_word(r.text) == "WRONGPASS")) {
        give_up(disconnect_reason::auth, error_word(r.text));
      } else if (!is_error && r.what != reply::kind::bulk) {
        give_up(disconnect_reason::protocol, "what came is not the reply to INFO");
      } else {
        owner_.on_greeting(*this, r);
      }
      return;
    }
  }
}

// Of all that was answered before it.
void link::on_wait(const reply& r) noexcept {
  const bool is_enough = r.what == reply::kind::integer && r.integer >= 0 &&
                         static_cast<std::uint64_t>(r.integer) >= settings_.wait_replicas;
  while (!held_.empty()) {
    pending& each = *held_.front();
    held_.pop_front();
    each.in_flight = false;
    if (each.what.op() == nullptr) {
      owner_.on_unused(each);
    } else {
      owner_.on_replicated(each, is_enough);
    }
  }
}

}  // namespace parley::idempotency_redis
