// SPDX-License-Identifier: Apache-2.0
//
// A connection's bytes, as those see it who make something of them. Whoever does the I/O implements
// it: Asio in a store, a simulated network in tests.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_CHANNEL_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_CHANNEL_HPP

#include <memory>
#include <string>
#include <string_view>

#include "idempotency_redis/node_address.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// Told one thing at a time, and nothing from within connect() and write().
class channel_user {
 public:
  virtual void on_connected() noexcept = 0;
  virtual void on_bytes(std::string_view bytes) noexcept = 0;
  /// What write() took is sent; it may be called again.
  virtual void on_written() noexcept = 0;
  /// It could not be made, or is at its end. The last that is told.
  virtual void on_closed(disconnect_reason why, std::string_view what) noexcept = 0;

 protected:
  ~channel_user() = default;
};

class channel {
 public:
  /// Closes it; its user is told nothing more. Not from within what the user is told.
  virtual ~channel() = default;
  /// Takes `bytes`, leaves them empty, and tells on_written(). Throws std::bad_alloc.
  virtual void write(std::string& bytes) = 0;
};

class connector {
 public:
  /// Begins to connect. `user` outlives the channel. Throws std::bad_alloc.
  virtual std::unique_ptr<channel> connect(const node_address& where, channel_user& user) = 0;

 protected:
  ~connector() = default;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_CHANNEL_HPP
