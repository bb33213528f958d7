// SPDX-License-Identifier: Apache-2.0
//
// A connection to one server and the operations that are under way on it: the greeting, commands in
// a row, their replies in the same order, and a WAIT behind each batch that writes.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_LINK_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_LINK_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "idempotency_redis/channel.hpp"
#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/pending.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/ring.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

class link;

/// What comes of what a link was given. None of it ends the link.
class link_owner {
 public:
  /// INFO was answered: is_ready() or give_up().
  virtual void on_greeting(link& from, const reply& info) noexcept = 0;
  /// `of` is the link's no more; hold() gives it back.
  virtual void on_answer(link& from, pending& of, const reply& r) noexcept = 0;
  /// Of what was held: whether the replicas have it. `of` is the link's no more.
  virtual void on_replicated(pending& of, bool is_enough) noexcept = 0;
  /// It had ended before, and no reply to it is to come any more.
  virtual void on_unused(pending& of) noexcept = 0;

 protected:
  ~link_owner() = default;
};

struct link_settings {
  std::string user;
  std::string password;
  std::uint32_t database = 0;
  std::size_t reply_bytes_max = 0;
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds silence_timeout;
  unsigned wait_replicas = 0;
  std::chrono::milliseconds wait_timeout;
};

class link final : public channel_user, reply_sink {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// All of them outlive it. `now` is read whenever something happens.
  link(link_owner& owner, const link_settings& settings, const time& now)
      : owner_(owner),
        settings_(settings),
        now_(now),
        opened_(now),
        reader_(*this, settings.reply_bytes_max) {}

  /// Once. Throws std::bad_alloc.
  void open(connector& by, const node_address& where) { channel_ = by.connect(where, *this); }

  bool is_usable() const noexcept { return is_ready_ && !failed_; }
  bool was_ready() const noexcept { return is_ready_; }
  void set_ready() noexcept { is_ready_ = true; }

  /// With ASKING before it if `is_asking`. Throws std::bad_alloc, and has then done nothing.
  void send(pending& of, operation_context& context, bool is_asking);
  /// Keeps what was answered until the reply of the next WAIT. Throws std::bad_alloc.
  void hold(pending& of);
  /// Writes what has come together, if it may. Throws std::bad_alloc.
  void flush();
  /// Nothing is under way.
  bool is_idle() const noexcept { return in_flight_.empty() && held_.empty() && output_.empty(); }

  /// It is at its end and does nothing more. The first reason stands.
  void give_up(disconnect_reason why, std::string_view what) noexcept;
  std::optional<disconnect_reason> failed() const noexcept { return failed_; }
  std::string_view failed_text() const noexcept { return failed_text_; }
  /// All that is under way, in its order; it is the link's no more.
  template <class Each>
  void take_back(Each each) noexcept {
    for (; !held_.empty(); held_.pop_front()) each(*held_.front());
    for (; !in_flight_.empty(); in_flight_.pop_front()) {
      if (pending* const of = in_flight_.front().of; of != nullptr) each(*of);
    }
  }

  /// When it has been silent for too long.
  time deadline() const noexcept;
  /// Gives up if it has.
  void look_at_time() noexcept;

  void on_connected() noexcept override;
  void on_bytes(std::string_view bytes) noexcept override;
  void on_written() noexcept override { is_writing_ = false; }
  void on_closed(disconnect_reason why, std::string_view what) noexcept override {
    give_up(why, what);
  }

 private:
  // What a reply is the answer of.
  enum class asked : std::uint8_t { operation, asking, wait, auth, select, info };
  struct expected {
    asked what = asked::operation;
    pending* of = nullptr;
    time sent;
  };

  void on_reply(const reply& r) noexcept override;
  void on_wait(const reply& r) noexcept;

  link_owner& owner_;
  const link_settings& settings_;
  const time& now_;
  const time opened_;
  reply_reader reader_;
  std::string output_;  // to be written
  ring<expected> in_flight_;
  ring<pending*> held_;        // answered, and held until the replicas have it
  bool is_connected_ = false;  // the channel is
  bool is_ready_ = false;      // and the server was found fit
  bool is_writing_ = false;
  bool needs_wait_ = false;  // what was written since the last WAIT may change records
  std::optional<disconnect_reason> failed_;
  std::string failed_text_;
  std::unique_ptr<channel> channel_;  // the first to go: it tells us things
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_LINK_HPP
