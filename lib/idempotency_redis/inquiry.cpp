// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/inquiry.hpp"

#include <new>
#include <utility>

#include "idempotency_redis/server.hpp"

namespace parley::idempotency_redis {

inquiry::inquiry(std::string_view user, std::string_view password, std::string_view commands)
    : reader_(*this, reply_tree::text_bytes_max), awaits_auth_(!password.empty()) {
  if (awaits_auth_) {
    command made(output_, user.empty() ? 2 : 3);
    made.word("AUTH");
    if (!user.empty()) made.word(user);
    made.word(password);
  }
  output_ += commands;
}

void inquiry::send(std::string_view command) {
  output_ += command;
  flush();
}

void inquiry::give_up(std::string_view why) noexcept {
  if (std::exchange(has_failed_, true)) return;
  try {
    failed_text_ = why;
  } catch (const std::bad_alloc&) {
    // It fails without a word.
  }
}

void inquiry::flush() noexcept {
  if (!is_connected_ || is_writing_ || has_failed_ || output_.empty()) return;
  try {
    channel_->write(output_);
    is_writing_ = true;
  } catch (...) {
    give_up("out of memory");
  }
}

void inquiry::on_connected() noexcept {
  is_connected_ = true;
  flush();
}

void inquiry::on_written() noexcept {
  is_writing_ = false;
  flush();
}

void inquiry::on_bytes(std::string_view bytes) noexcept {
  if (has_failed_) return;
  switch (reader_.feed(bytes)) {
    case reply_reader::status::ok: break;
    case reply_reader::status::protocol: give_up("what came is not Redis"); break;
    case reply_reader::status::too_large: give_up("a reply that is too large"); break;
    case reply_reader::status::out_of_memory: give_up("out of memory"); break;
  }
}

void inquiry::on_reply(const reply& r) noexcept {
  if (has_failed_) return;
  if (std::exchange(awaits_auth_, false)) {
    if (r.what == reply::kind::error) give_up(error_word(r.text));
    return;
  }
  incoming_.clear();
  incoming_.add(r);
  keep_whole();
}

void inquiry::on_part(const reply& r) noexcept {
  if (has_failed_) return;
  incoming_.add(r);
  keep_whole();
}

void inquiry::keep_whole() noexcept {
  if (!incoming_.is_whole()) return;
  try {
    answers_.push_back(std::exchange(incoming_, {}));
  } catch (const std::bad_alloc&) {
    give_up("out of memory");
  }
}

}  // namespace parley::idempotency_redis
