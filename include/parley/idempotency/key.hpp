// SPDX-License-Identifier: Apache-2.0
//
// The Idempotency-Key of a request, and the digests under which a store knows it.
//
//   const auto key = idempotency::parse_key(values_of("Idempotency-Key"));
//   if (!key) return refuse(to_string(key.error()));
//   if (*key) {
//     op.scope = digests.scope({tenant, credential_id});
//     op.key = digests.key(op.scope, **key);
//     op.fingerprint = digests.fingerprint({method, path, query, media_type}, body);
//   }
//
// A store sees digests alone: no key, no phone number, and nobody can aim two requests at one
// record.

#ifndef PARLEY_IDEMPOTENCY_KEY_HPP
#define PARLEY_IDEMPOTENCY_KEY_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/idempotency/export.hpp"
#include "parley/idempotency/record.hpp"

namespace parley::idempotency {

inline constexpr std::string_view key_header = "Idempotency-Key";
inline constexpr std::size_t key_bytes_max = 255;

/// Why a header is no key. The values are ABI: append, never reorder.
enum class key_errc : std::uint8_t {
  empty = 1,
  too_long,           ///< more than key_bytes_max bytes, the quotes not counted
  control_character,  ///< a byte below 0x20, or 0x7f
  list,               ///< a comma: two keys that somebody joined, perhaps
  repeated,           ///< more than one header
  quotes,             ///< a quotation mark or, between two, a backslash where none may be
};

/// Reads the values of all Idempotency-Key headers of a request, none of which gives std::nullopt.
/// A quoted key ("abc", a string of RFC 8941) and a bare one (abc) are the same; blanks around
/// either do not count. The key lives in `values`. Every byte that is no control character stands
/// for itself.
PARLEY_IDEMPOTENCY_EXPORT result<std::optional<std::string_view>, key_errc> parse_key(
    std::span<const std::string_view> values) noexcept;

/// The lower-case name of `e`: "too_long". Any other value: "unknown".
PARLEY_IDEMPOTENCY_EXPORT std::string_view to_string(key_errc e) noexcept;

/// What makes two requests under one key the same (requirement G11), but for the body.
struct request_identity {
  std::string_view method;
  std::string_view path;        ///< as received
  std::string_view query;       ///< as received, without the question mark
  std::string_view media_type;  ///< Content-Type; parameters are left off and case is folded
};

enum class digester_errc : std::uint8_t {
  key_too_short = 1,  ///< less than digest_key_bytes_min
  no_random,          ///< the system gave no random bytes
};

/// A nonce for one attempt, from the system's random bytes. Fails with no_random.
PARLEY_IDEMPOTENCY_EXPORT result<nonce, digester_errc> random_nonce() noexcept;

/// 256 bits.
inline constexpr std::size_t digest_key_bytes_min = 32;

/// Makes the digests, under keys of its own for keys, fingerprints and scopes (HKDF-SHA256 of the
/// digest key). Processes that share a store share the digest key. Const members may be called from
/// any thread; std::bad_alloc may come out of them. Wipes its keys.
class PARLEY_IDEMPOTENCY_EXPORT digester {
 public:
  digester(digester&&) noexcept;
  digester& operator=(digester&&) noexcept;
  digester(const digester&) = delete;
  digester& operator=(const digester&) = delete;
  ~digester();

  static result<digester, digester_errc> from_key(std::span<const std::byte> digest_key);
  /// For records that end with this process.
  static result<digester, digester_errc> random();

  /// Of whom the request is for: ids, never a secret. Parts are told apart: {"ab", "c"} is another
  /// scope than {"a", "bc"}.
  digest scope(std::initializer_list<std::string_view> parts) const;

  digest key(const digest& scope, std::string_view key) const;

  /// Bytes are compared: canonicalise a body before, where two spellings of it shall be one.
  digest fingerprint(const request_identity& request, std::span<const std::byte> body) const;

  /// The same in pieces, for a body that is not in one place.
  class PARLEY_IDEMPOTENCY_EXPORT fingerprint_stream {
   public:
    fingerprint_stream(fingerprint_stream&&) noexcept;
    fingerprint_stream& operator=(fingerprint_stream&&) = delete;
    ~fingerprint_stream();
    void update(std::span<const std::byte> piece);
    /// Once.
    digest finish();

   private:
    friend class digester;
    class PARLEY_IDEMPOTENCY_NO_EXPORT impl;
    explicit fingerprint_stream(std::unique_ptr<impl> made) noexcept;
    std::unique_ptr<impl> impl_;
  };
  /// Outlived by *this.
  fingerprint_stream start_fingerprint(const request_identity& request) const;

 private:
  class PARLEY_IDEMPOTENCY_NO_EXPORT impl;
  explicit digester(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_KEY_HPP
