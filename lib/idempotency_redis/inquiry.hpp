// SPDX-License-Identifier: Apache-2.0
//
// A short connection that asks a server something about others, or a long one on which a sentinel
// tells what happens. It has nothing to do with operations: what is asked here is asked when theirs
// do not answer.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_INQUIRY_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_INQUIRY_HPP

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "idempotency_redis/channel.hpp"
#include "idempotency_redis/reply_tree.hpp"
#include "idempotency_redis/resp.hpp"

namespace parley::idempotency_redis {

class inquiry final : public channel_user, reply_sink {
 public:
  /// `commands`: what is sent, behind AUTH if there is a password. Throws std::bad_alloc.
  inquiry(std::string_view user, std::string_view password, std::string_view commands);

  /// Once. Throws std::bad_alloc.
  void open(connector& by, const node_address& where) { channel_ = by.connect(where, *this); }
  /// One more command. Throws std::bad_alloc.
  void send(std::string_view command);

  bool is_connected() const noexcept { return is_connected_; }
  bool has_failed() const noexcept { return has_failed_; }
  /// Why. For people.
  std::string_view failed_text() const noexcept { return failed_text_; }
  /// What came whole and was not taken yet; an error reply is one, too.
  std::deque<reply_tree>& answers() noexcept { return answers_; }

  void on_connected() noexcept override;
  void on_bytes(std::string_view bytes) noexcept override;
  void on_written() noexcept override;
  void on_closed(disconnect_reason, std::string_view what) noexcept override { give_up(what); }

 private:
  void on_reply(const reply& r) noexcept override;
  void on_part(const reply& r) noexcept override;
  void flush() noexcept;
  void keep_whole() noexcept;
  void give_up(std::string_view why) noexcept;

  std::string output_;
  reply_reader reader_;
  bool awaits_auth_ = false;
  bool is_connected_ = false;
  bool is_writing_ = false;
  bool has_failed_ = false;
  std::string failed_text_;
  reply_tree incoming_;
  std::deque<reply_tree> answers_;
  std::unique_ptr<channel> channel_;  // the first to go: it tells us things
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_INQUIRY_HPP
