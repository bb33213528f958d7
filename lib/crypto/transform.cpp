// SPDX-License-Identifier: Apache-2.0
#include "crypto/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>

// OpenSSL 3.0 deprecates what this file is for, and no release has removed it.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "crypto/hkdf.hpp"

namespace parley::crypto {
namespace {

using state = std::array<std::uint32_t, 8>;
static_assert(sizeof(state) == sizeof(SHA256_CTX::h));

const unsigned char* data_of(bytes_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

template <std::size_t Size>
SHA256_CTX& context_in(std::array<std::byte, Size>& storage) noexcept {
  static_assert(sizeof(SHA256_CTX) <= Size && alignof(SHA256_CTX) <= alignof(std::uint64_t));
  return *std::launder(reinterpret_cast<SHA256_CTX*>(storage.data()));
}

void update(SHA256_CTX& context, bytes_view message) noexcept {
  SHA256_Update(&context, message.data(), message.size());
}

// As after the first block, the padded key. The context was finished, or is new.
void resume(SHA256_CTX& context, const state& keyed) noexcept {
  std::memcpy(context.h, keyed.data(), sizeof context.h);
  context.Nl = 8 * block_bytes;
  context.Nh = 0;
}

void finish(SHA256_CTX& context, std::byte* to) noexcept {
  SHA256_Final(reinterpret_cast<unsigned char*>(to), &context);
}

// Four words at a time, in what every target of g++ and clang has or imitates: the loads of
// SHA256_Transform are 16 bytes wide and would wait for narrower stores.
using four_words [[gnu::vector_size(16)]] = std::uint32_t;

four_words big_endian(four_words value) noexcept {
  if constexpr (std::endian::native == std::endian::big) return value;
  return value << 24 | (value << 8 & 0xFF0000) | (value >> 8 & 0xFF00) | value >> 24;
}

struct alignas(four_words) block {
  std::array<std::byte, block_bytes> bytes{};
};

// Pads a message of `size` bytes that comes after the block of the key; zeros follow it.
void end_message(std::span<std::byte, block_bytes> message, std::size_t size) noexcept {
  const std::size_t bits = 8 * (block_bytes + size);
  message[size] = std::byte{0x80};
  message[block_bytes - 2] = static_cast<std::byte>(bits >> 8);
  message[block_bytes - 1] = static_cast<std::byte>(bits & 0xFF);
}

// The same where words are free to their end, which are then stored as wide as they are read.
void pad_by_words(std::span<std::byte, block_bytes> message, std::size_t size) noexcept {
  constexpr std::size_t width = sizeof(four_words);
  const auto bits = static_cast<std::uint32_t>(8 * (block_bytes + size));
  four_words words = {0x80000000, 0, 0, 0};
  for (; size < block_bytes - width; size += width) {
    const four_words stored = big_endian(words);
    std::memcpy(message.data() + size, &stored, width);
    words = four_words{};
  }
  words[3] = bits;
  words = big_endian(words);
  std::memcpy(message.data() + size, &words, width);
}

void compress(SHA256_CTX& context, const block& next) noexcept {
  SHA256_Transform(&context, data_of(next.bytes));
}

// The state as a digest, in memory order. By way of registers: an array would stay on the stack.
void store_digest(std::byte* to, const SHA256_CTX& context) noexcept {
  for (std::size_t i = 0; i < 2; ++i) {
    four_words words;
    std::memcpy(&words, context.h + 4 * i, sizeof words);
    words = big_endian(words);
    std::memcpy(to + sizeof words * i, &words, sizeof words);
  }
}

// The outer hash, over the inner digest, with which `last` begins: one block. Its digest is the
// state of `context` then.
void compress_outer(SHA256_CTX& context, const state& outer, block& last) noexcept {
  constexpr four_words end[] = {{0x80000000, 0, 0, 0}, {0, 0, 0, 8 * (block_bytes + digest_bytes)}};
  const std::array words = {big_endian(end[0]), big_endian(end[1])};
  std::memcpy(last.bytes.data() + digest_bytes, words.data(), sizeof words);
  std::memcpy(context.h, outer.data(), sizeof context.h);
  compress(context, last);
}

// Sets the state after the key's block, each byte of which is changed by `pad` (RFC 2104, 2). In
// place: what a function returns may leave a copy behind.
void set_keyed(state& keyed, const block& key, std::byte pad) noexcept {
  block padded;
  std::ranges::transform(key.bytes, padded.bytes.begin(),
                         [pad](std::byte each) { return each ^ pad; });
  SHA256_CTX context;
  SHA256_Init(&context);
  compress(context, padded);
  std::memcpy(keyed.data(), context.h, sizeof context.h);
  wipe(padded.bytes);
  OPENSSL_cleanse(&context, sizeof context);
}

}  // namespace

transform::sha256_stream::sha256_stream() noexcept {
  SHA256_Init(::new (context_.data()) SHA256_CTX);
}

transform::sha256_stream::~sha256_stream() { wipe(context_); }

void transform::sha256_stream::update(bytes_view message) noexcept {
  crypto::update(context_in(context_), message);
}

digest transform::sha256_stream::finish() noexcept {
  SHA256_CTX& context = context_in(context_);
  digest made;
  crypto::finish(context, made.data());
  SHA256_Init(&context);
  return made;
}

transform::hmac_key::hmac_key(bytes_view key) noexcept {
  block padded;
  if (key.size() <= block_bytes) {
    std::ranges::copy(key, padded.bytes.begin());
  } else {
    sha256_stream stream;  // unlike sha256(), it wipes
    stream.update(key);
    const detail::secret_digest hashed{stream.finish()};
    std::ranges::copy(hashed.bytes, padded.bytes.begin());
  }
  set_keyed(inner_, padded, std::byte{0x36});
  set_keyed(outer_, padded, std::byte{0x5C});
  wipe(padded.bytes);
}

transform::hmac_key::~hmac_key() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

transform::hmac_stream::hmac_stream(const hmac_key& key) noexcept : key_(key) {
  SHA256_CTX& context = *::new (context_.data()) SHA256_CTX;
  SHA256_Init(&context);
  resume(context, key_.inner_);
}

transform::hmac_stream::~hmac_stream() { wipe(context_); }

void transform::hmac_stream::update(bytes_view message) noexcept {
  crypto::update(context_in(context_), message);
}

digest transform::hmac_stream::finish() noexcept {
  SHA256_CTX& context = context_in(context_);
  // What is hashed may be secret, and with an empty key the inner digest is as good (HKDF).
  block last;
  crypto::finish(context, last.bytes.data());
  compress_outer(context, key_.outer_, last);
  wipe(last.bytes);
  // The result may be a key, too: no call follows for which it would be put aside on the stack.
  digest made;
  store_digest(made.data(), context);
  resume(context, key_.inner_);
  return made;
}

digest transform::sha256(bytes_view message) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  crypto::update(context, message);
  digest made;
  finish(context, made.data());
  return made;
}

digest transform::hmac_sha256(const hmac_key& key, bytes_view message) noexcept {
  return hmac_sha256(key, {message});
}

digest transform::hmac_sha256(const hmac_key& key, parts message) noexcept {
  SHA256_CTX context;
  block only;
  std::size_t size = 0;
  bool is_short = true;
  for (const bytes_view part : message) {
    is_short = part.size() <= one_block_max - size;  // a sum could wrap
    if (!is_short) break;
    std::copy(part.begin(), part.end(), only.bytes.data() + size);
    size += part.size();
  }
  if (is_short) {
    // It shares one block with its padding, as a cursor does: SHA256_Final would copy it once more.
    end_message(only.bytes, size);
    std::memcpy(context.h, key.inner_.data(), sizeof context.h);
    compress(context, only);
    store_digest(only.bytes.data(), context);
  } else {
    SHA256_Init(&context);
    resume(context, key.inner_);
    for (const bytes_view part : message) crypto::update(context, part);
    finish(context, only.bytes.data());
  }
  compress_outer(context, key.outer_, only);
  digest made;
  store_digest(made.data(), context);
  return made;
}

digest transform::hmac_sha256_in_place(const hmac_key& key,
                                       std::span<std::byte, block_bytes> message,
                                       std::size_t size) noexcept {
  assert(size <= one_block_max);
  SHA256_CTX context;
  if (size % sizeof(four_words) == 0) {
    pad_by_words(message, size);
  } else {
    std::memset(message.data() + size, 0, message.size() - size);
    end_message(message, size);
  }
  std::memcpy(context.h, key.inner_.data(), sizeof context.h);
  SHA256_Transform(&context, data_of(message));
  block last;
  store_digest(last.bytes.data(), context);
  compress_outer(context, key.outer_, last);
  digest made;
  store_digest(made.data(), context);
  return made;
}

result<void, errc> transform::hkdf_sha256(bytes_view salt, bytes_view ikm, bytes_view info,
                                          std::span<std::byte> out) noexcept {
  return detail::hkdf_sha256<transform>(salt, ikm, info, out);
}

}  // namespace parley::crypto
