// SPDX-License-Identifier: Apache-2.0
//
// The keys that sign cursors, and their rotation.
//
//   auto keys = cursor::key_set::make({{.id = 1, .state = key_state::active, .secret = secret}});
//   if (!keys) return fail(keys.error());
//   cursor::key_ring ring(*std::move(keys));
//   ...
//   ring.publish(*std::move(next));   // while others sign and verify
//
// To rotate: the new key everywhere as verify_only, then as active (the old one verify_only), and
// 24 hours and 5 minutes later the old one as retired. Secrets are wiped, and nothing prints them.

#ifndef PARLEY_CURSOR_KEY_RING_HPP
#define PARLEY_CURSOR_KEY_RING_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/cursor/export.hpp"

namespace parley::cursor {

/// 256 bits.
inline constexpr std::size_t secret_bytes_min = 32;
inline constexpr std::size_t secret_bytes_max = 1024;

enum class key_state : std::uint8_t {
  active = 1,   ///< signs and verifies; exactly one is
  verify_only,  ///< verifies
  retired,      ///< does neither: its cursors are told from forged ones in events alone
};

PARLEY_CURSOR_EXPORT std::string_view to_string(key_state s) noexcept;

struct key_entry {
  std::uint8_t id = 0;
  key_state state = key_state::verify_only;
  /// secret_bytes_min to secret_bytes_max bytes; not looked at where the key is retired.
  std::span<const std::byte> secret = {};
};

/// Keys that do not change. Const members may be called from any thread.
class PARLEY_CURSOR_EXPORT key_set {
 public:
  key_set(key_set&&) noexcept;
  key_set& operator=(key_set&&) noexcept;
  key_set(const key_set&) = delete;
  key_set& operator=(const key_set&) = delete;
  ~key_set();

  /// Derives a signing key from each secret (HKDF-SHA256, no salt, info "parley/cursor/v1"). Fails
  /// with a sentence, which names the id of a key and nothing else of it: an id given twice, not
  /// exactly one active key, a secret of a wrong length.
  static result<key_set, std::string> make(std::span<const key_entry> keys);
  static result<key_set, std::string> make(std::initializer_list<key_entry> keys) {
    return make(std::span(keys.begin(), keys.size()));
  }

  std::uint8_t active_id() const noexcept;

 private:
  friend class signer;
  class PARLEY_CURSOR_NO_EXPORT impl;
  explicit key_set(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

/// Holds the current key_set. Thread-safe: current() takes no lock unless the keys have changed.
class PARLEY_CURSOR_EXPORT key_ring {
 public:
  explicit key_ring(key_set keys);
  key_ring(const key_ring&) = delete;
  key_ring& operator=(const key_ring&) = delete;
  ~key_ring();

  /// From its return on nobody is given the old keys. Their memory is wiped when no thread uses
  /// them, and at the latest when each that did has called current() again or has ended.
  void publish(key_set keys);

  /// Lives until this thread calls current() or publish() again, of whatever ring. Not to be called
  /// by destructors of thread-local or static objects.
  const key_set& current() const;
  /// For those who keep it: across a suspension, or beside that of another ring. Takes a lock.
  std::shared_ptr<const key_set> snapshot() const;

 private:
  const std::uint64_t id_;
  std::atomic<std::uint64_t> version_{1};
  mutable std::mutex mutex_;
  std::shared_ptr<const key_set> keys_;  // under the mutex
};

/// A file for programs: a line a key, `<id> <active|verify_only|retired> <secret in base64>`; lines
/// that are empty or begin with # do not count, a retired key needs no secret. Fails with a
/// sentence that names the line and never a secret: the file cannot be read, is not a regular file,
/// is above 1 MiB, may be read or written by others than its owner, who is neither
/// this user nor root, or make() refuses it.
PARLEY_CURSOR_EXPORT result<key_set, std::string> read_key_file(const std::string& path);

/// The text of such a file.
PARLEY_CURSOR_EXPORT result<key_set, std::string> parse_key_file(std::string_view text);

}  // namespace parley::cursor

#endif  // PARLEY_CURSOR_KEY_RING_HPP
