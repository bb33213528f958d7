// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869), and what else keys need: a buffer that
// wipes itself, a comparison in constant time, random bytes. Rooms that use this room include this
// header in their sources, never in theirs that are installed.
//
//   const crypto::hmac_key key(secret.bytes());           // once
//   const auto mac = crypto::hmac_sha256(key, {body, scope});
//   if (!crypto::equal_constant_time(mac, received)) return failure{errc::forged};
//
// Two backends do the same work, and PARLEY_SHA256 says in CMake which of them the names above
// mean. `transform` cannot fail and never allocates. `evp` goes through OpenSSL's providers, for
// builds that must (FIPS): OpenSSL allocates there, and whatever it refuses, for want of memory or
// because a module is in its error state, is std::bad_alloc, never a wrong digest. Write callers
// for both.
//
// A const hmac_key may be used by many threads at once; a stream belongs to one. What holds key
// material wipes it, and neither compares nor prints. Keys, streams and HKDF also wipe what they
// worked on; sha256() and hmac_sha256() are for messages that are no secret, and do not.

#ifndef PARLEY_LIB_CRYPTO_SHA256_HPP
#define PARLEY_LIB_CRYPTO_SHA256_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "parley/core/result.hpp"

// OpenSSL's EVP_MD_CTX and EVP_MAC_CTX.
struct evp_md_ctx_st;
struct evp_mac_ctx_st;

namespace parley::crypto {

inline constexpr std::size_t digest_bytes = 32;
inline constexpr std::size_t block_bytes = 64;
/// A message of so many bytes shares one block with its padding (FIPS 180-4, 5.1.1).
inline constexpr std::size_t one_block_max = block_bytes - 9;

/// RFC 5869, 2.3: the counter of HKDF is one byte.
inline constexpr std::size_t hkdf_bytes_max = 255 * digest_bytes;

enum class errc : std::uint8_t {
  output_too_long = 1,  ///< HKDF was asked for more than hkdf_bytes_max
  no_random,            ///< OpenSSL's generator has no entropy
};

using digest = std::array<std::byte, digest_bytes>;
using bytes_view = std::span<const std::byte>;
using parts = std::initializer_list<bytes_view>;

/// Overwrites; no optimiser removes it.
void wipe(std::span<std::byte> bytes) noexcept;

/// Whether both are the same; the time depends on the sizes alone. Different sizes: false.
[[nodiscard]] bool equal_constant_time(bytes_view a, bytes_view b) noexcept;

/// Fills `out` from OpenSSL's generator. On failure its bytes must not be used.
[[nodiscard]] result<void, errc> random_bytes(std::span<std::byte> out) noexcept;

/// Bytes that are wiped before their memory is given back. Moving leaves the source empty.
class secret_bytes {
 public:
  secret_bytes() noexcept = default;
  /// `size` zeros.
  explicit secret_bytes(std::size_t size);
  explicit secret_bytes(bytes_view copied);
  secret_bytes(secret_bytes&& other) noexcept;
  secret_bytes& operator=(secret_bytes&& other) noexcept;
  secret_bytes(const secret_bytes&) = delete;
  secret_bytes& operator=(const secret_bytes&) = delete;
  ~secret_bytes();

  std::size_t size() const noexcept { return size_; }
  /// Valid until *this is destroyed, moved from or assigned to.
  bytes_view bytes() const noexcept { return {data_.get(), size_}; }
  std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

// What the two backends declare alike:
//   sha256_stream  update() any number of times; finish() gives the digest and starts anew.
//   hmac_key       a key of any size, as the two states after its first block: it is hashed once.
//                  Copies are independent; moving copies, so that no moved-from key can be used.
//   hmac_stream    as sha256_stream, under a key. It keeps a copy of the key.
//   hmac_sha256    the MAC of the parts, one after the other as if they were joined.
//   hmac_sha256_in_place
//                  the MAC of the first `size` bytes of a block, at most one_block_max; what
//                  follows them in it is overwritten. Nothing is copied.
//   hkdf_sha256    extract and expand. `out` may not overlap `info`. Error: output_too_long.

/// On OpenSSL's SHA256_Transform, which OpenSSL 3.0 deprecates.
struct transform {
  class sha256_stream {
   public:
    sha256_stream() noexcept;
    sha256_stream(const sha256_stream&) = delete;
    sha256_stream& operator=(const sha256_stream&) = delete;
    ~sha256_stream();

    void update(bytes_view message) noexcept;
    digest finish() noexcept;

   private:
    alignas(std::uint64_t) std::array<std::byte, 112> context_;  // SHA256_CTX
  };

  class hmac_key {
   public:
    explicit hmac_key(bytes_view key) noexcept;
    hmac_key(const hmac_key&) noexcept = default;
    hmac_key& operator=(const hmac_key&) noexcept = default;
    ~hmac_key();

   private:
    friend transform;
    using state = std::array<std::uint32_t, 8>;
    state inner_;
    state outer_;
  };
  static_assert(sizeof(hmac_key) == 64);

  class hmac_stream {
   public:
    explicit hmac_stream(const hmac_key& key) noexcept;
    hmac_stream(const hmac_stream&) = delete;
    hmac_stream& operator=(const hmac_stream&) = delete;
    ~hmac_stream();

    void update(bytes_view message) noexcept;
    digest finish() noexcept;

   private:
    hmac_key key_;
    alignas(std::uint64_t) std::array<std::byte, 112> context_;  // SHA256_CTX
  };

  static digest sha256(bytes_view message) noexcept;
  static digest hmac_sha256(const hmac_key& key, bytes_view message) noexcept;
  static digest hmac_sha256(const hmac_key& key, parts message) noexcept;
  static digest hmac_sha256_in_place(const hmac_key& key, std::span<std::byte, block_bytes> message,
                                     std::size_t size) noexcept;
  [[nodiscard]] static result<void, errc> hkdf_sha256(bytes_view salt, bytes_view ikm,
                                                      bytes_view info,
                                                      std::span<std::byte> out) noexcept;
};

/// On OpenSSL's EVP_MD and EVP_MAC.
struct evp {
  class sha256_stream {
   public:
    sha256_stream();
    sha256_stream(const sha256_stream&) = delete;
    sha256_stream& operator=(const sha256_stream&) = delete;
    ~sha256_stream();

    void update(bytes_view message);
    digest finish();

   private:
    evp_md_ctx_st* context_;
  };

  class hmac_key {
   public:
    explicit hmac_key(bytes_view key);
    hmac_key(const hmac_key&) noexcept = default;
    hmac_key& operator=(const hmac_key&) noexcept = default;
    ~hmac_key();

   private:
    friend evp;
    struct contexts;
    std::shared_ptr<contexts> contexts_;  // shared by copies; wiped with the last
  };

  class hmac_stream {
   public:
    explicit hmac_stream(const hmac_key& key);
    hmac_stream(const hmac_stream&) = delete;
    hmac_stream& operator=(const hmac_stream&) = delete;
    ~hmac_stream();

    void update(bytes_view message);
    digest finish();

   private:
    evp_mac_ctx_st* context_;
  };

  static digest sha256(bytes_view message);
  static digest hmac_sha256(const hmac_key& key, bytes_view message);
  static digest hmac_sha256(const hmac_key& key, parts message);
  static digest hmac_sha256_in_place(const hmac_key& key, std::span<std::byte, block_bytes> message,
                                     std::size_t size);
  [[nodiscard]] static result<void, errc> hkdf_sha256(bytes_view salt, bytes_view ikm,
                                                      bytes_view info, std::span<std::byte> out);
};

#ifdef PARLEY_SHA256_EVP
using backend = evp;
#else
using backend = transform;
#endif

using hmac_key = backend::hmac_key;
using hmac_stream = backend::hmac_stream;
using sha256_stream = backend::sha256_stream;

inline constexpr bool never_throws = noexcept(backend::sha256(bytes_view()));

inline digest sha256(bytes_view message) noexcept(never_throws) { return backend::sha256(message); }

inline digest hmac_sha256(const hmac_key& key, bytes_view message) noexcept(never_throws) {
  return backend::hmac_sha256(key, message);
}

inline digest hmac_sha256(const hmac_key& key, parts message) noexcept(never_throws) {
  return backend::hmac_sha256(key, message);
}

inline digest hmac_sha256_in_place(const hmac_key& key, std::span<std::byte, block_bytes> message,
                                   std::size_t size) noexcept(never_throws) {
  return backend::hmac_sha256_in_place(key, message, size);
}

[[nodiscard]] inline result<void, errc> hkdf_sha256(
    bytes_view salt, bytes_view ikm, bytes_view info,
    std::span<std::byte> out) noexcept(never_throws) {
  return backend::hkdf_sha256(salt, ikm, info, out);
}

}  // namespace parley::crypto

#endif  // PARLEY_LIB_CRYPTO_SHA256_HPP
