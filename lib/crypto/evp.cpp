// SPDX-License-Identifier: Apache-2.0
#include "crypto/sha256.hpp"

#include <atomic>
#include <cassert>
#include <memory>
#include <new>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/hkdf.hpp"

namespace parley::crypto {
namespace {

const unsigned char* data_of(bytes_view bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* data_of(digest& made) noexcept {
  return reinterpret_cast<unsigned char*>(made.data());
}

// What OpenSSL refuses ends here, and leaves the caller's own queue of errors as it was.
class checked {
 public:
  checked() noexcept { ERR_set_mark(); }
  checked(const checked&) = delete;
  checked& operator=(const checked&) = delete;
  ~checked() { ERR_pop_to_mark(); }

  void operator()(bool done) const {
    if (!done) throw std::bad_alloc();
  }
};

// Fetched once, for a fetch costs more than a digest, and never freed, so that what is destroyed
// late in a program can still use them.
EVP_MD* fetched_md() {
  static EVP_MD* const fetched = [] {
    EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (md == nullptr) throw std::bad_alloc();
    return md;
  }();
  return fetched;
}

EVP_MAC* fetched_mac() {
  static EVP_MAC* const fetched = [] {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (mac == nullptr) throw std::bad_alloc();
    return mac;
  }();
  return fetched;
}

struct free_context {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
using md_context = std::unique_ptr<EVP_MD_CTX, free_context>;
using mac_context = std::unique_ptr<EVP_MAC_CTX, free_context>;

digest final_of(EVP_MAC_CTX* context, const checked& check) {
  digest made;
  std::size_t size = 0;
  check(EVP_MAC_final(context, data_of(made), &size, made.size()) == 1 && size == made.size());
  return made;
}

}  // namespace

evp::sha256_stream::sha256_stream() {
  const checked check;
  md_context made(EVP_MD_CTX_new());
  check(made != nullptr);
  check(EVP_DigestInit_ex2(made.get(), fetched_md(), nullptr) == 1);
  context_ = made.release();
}

evp::sha256_stream::~sha256_stream() { EVP_MD_CTX_free(context_); }

void evp::sha256_stream::update(bytes_view message) {
  const checked check;
  check(EVP_DigestUpdate(context_, message.data(), message.size()) == 1);
}

digest evp::sha256_stream::finish() {
  const checked check;
  digest made;
  check(EVP_DigestFinal_ex(context_, data_of(made), nullptr) == 1);
  check(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1);
  return made;
}

// A context is for one thread at a time. One that was used waits in `spare` for the next call; a
// call that finds none, since another thread has it, copies `first`, which is only read.
struct evp::hmac_key::contexts {
  mac_context first;
  std::atomic<EVP_MAC_CTX*> spare{nullptr};

  explicit contexts(mac_context keyed) noexcept : first(std::move(keyed)) {}
  contexts(const contexts&) = delete;
  contexts& operator=(const contexts&) = delete;
  ~contexts() { EVP_MAC_CTX_free(spare.load(std::memory_order_acquire)); }
};

evp::hmac_key::hmac_key(bytes_view key) {
  const checked check;
  mac_context keyed(EVP_MAC_CTX_new(fetched_mac()));
  check(keyed != nullptr);
  char name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
      OSSL_PARAM_construct_end(),
  };
  // A null pointer would mean the key that is already set, of which there is none.
  const unsigned char none = 0;
  check(EVP_MAC_init(keyed.get(), key.empty() ? &none : data_of(key), key.size(), params) == 1);
  contexts_ = std::make_shared<contexts>(std::move(keyed));
}

evp::hmac_key::~hmac_key() = default;

evp::hmac_stream::hmac_stream(const hmac_key& key) {
  const checked check;
  context_ = EVP_MAC_CTX_dup(key.contexts_->first.get());
  check(context_ != nullptr);
}

evp::hmac_stream::~hmac_stream() { EVP_MAC_CTX_free(context_); }

void evp::hmac_stream::update(bytes_view message) {
  const checked check;
  check(EVP_MAC_update(context_, data_of(message), message.size()) == 1);
}

digest evp::hmac_stream::finish() {
  const checked check;
  const digest made = final_of(context_, check);
  check(EVP_MAC_init(context_, nullptr, 0, nullptr) == 1);
  return made;
}

digest evp::sha256(bytes_view message) {
  const checked check;
  digest made;
  check(EVP_Digest(message.data(), message.size(), data_of(made), nullptr, fetched_md(), nullptr) ==
        1);
  return made;
}

digest evp::hmac_sha256(const hmac_key& key, bytes_view message) {
  return hmac_sha256(key, {message});
}

digest evp::hmac_sha256(const hmac_key& key, parts message) {
  const checked check;
  hmac_key::contexts& contexts = *key.contexts_;
  mac_context context(contexts.spare.exchange(nullptr, std::memory_order_acquire));
  if (context == nullptr) context.reset(EVP_MAC_CTX_dup(contexts.first.get()));
  check(context != nullptr);
  check(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1);
  for (const bytes_view part : message) {
    check(EVP_MAC_update(context.get(), data_of(part), part.size()) == 1);
  }
  const digest made = final_of(context.get(), check);
  context.reset(contexts.spare.exchange(context.release(), std::memory_order_acq_rel));
  return made;
}

digest evp::hmac_sha256_in_place(const hmac_key& key, std::span<std::byte, block_bytes> message,
                                 std::size_t size) {
  assert(size <= one_block_max);
  return hmac_sha256(key, bytes_view(message).first(size));
}

result<void, errc> evp::hkdf_sha256(bytes_view salt, bytes_view ikm, bytes_view info,
                                    std::span<std::byte> out) {
  return detail::hkdf_sha256<evp>(salt, ikm, info, out);
}

}  // namespace parley::crypto
