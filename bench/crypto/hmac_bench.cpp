// SPDX-License-Identifier: Apache-2.0
//
// An HMAC-SHA256 under a key that is known beforehand. crypto/<operation>/<bytes>/<backend or
// peer>; 55 bytes are the longest message that fits into one block. Counters: `allocs` by operator
// new, `openssl_allocs` by OpenSSL itself, per iteration.
//
// An HMAC over at most 55 bytes with a known key is two blocks, so that its floor is
//   crypto/floor/two_blocks      SHA-256 of 64 kB in one call, for each 128 bytes of it
//   crypto/floor/two_transforms  two calls of SHA256_Transform, as transform makes them

#include <array>
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>
#define OPENSSL_SUPPRESS_DEPRECATED  // the peers
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "crypto/sha256.hpp"
#include "support/allocations.hpp"

namespace {

namespace crypto = parley::crypto;
using bytes = std::array<std::byte, 65'536>;

thread_local std::size_t openssl_calls = 0;

[[maybe_unused]] const bool counting = [] {
  const auto allocate = [](std::size_t size, const char*, int) -> void* {
    ++openssl_calls;
    return std::malloc(size);
  };
  const auto reallocate = [](void* block, std::size_t size, const char*, int) -> void* {
    ++openssl_calls;
    return std::realloc(block, size);
  };
  const auto release = [](void* block, const char*, int) { std::free(block); };
  return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}();

bytes counted_bytes() {
  bytes made;
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::byte>(i & 0xFF);
  return made;
}

const bytes key_bytes = counted_bytes();
constexpr std::size_t key_size = 32;

// Each iteration has another message, with the same time to make it for all.
template <class Function>
void run(benchmark::State& state, std::size_t size, Function function) {
  static bytes message = counted_bytes();
  const std::span<const std::byte> used = std::span(message).first(size);
  benchmark::DoNotOptimize(function(used));
  std::size_t openssl_made = 0;
  {
    const parley::bench::allocation_counter count(state);
    const std::size_t before = openssl_calls;
    for (auto _ : state) {
      message[0] ^= std::byte{1};
      benchmark::DoNotOptimize(function(used));
    }
    openssl_made = openssl_calls - before;
  }
  state.counters["openssl_allocs"] =
      static_cast<double>(openssl_made) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations());
}

const unsigned char* data_of(crypto::bytes_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

unsigned char* data_of(crypto::digest& digest) {
  return reinterpret_cast<unsigned char*>(digest.data());
}

crypto::bytes_view key_view() { return std::span(key_bytes).first(key_size); }

template <class Backend>
void register_backend(const std::string& name) {
  const auto add = [&](const std::string& operation, std::size_t size, auto function) {
    const std::string full = "crypto/" + operation + "/" + std::to_string(size) + "/" + name;
    benchmark::RegisterBenchmark(
        full.c_str(), [size, function](benchmark::State& state) { run(state, size, function); });
  };
  static const typename Backend::hmac_key key(key_view());
  for (const std::size_t size : {16u, 55u, 56u, 1'024u, 65'536u}) {
    add("hmac", size,
        [](crypto::bytes_view message) { return Backend::hmac_sha256(key, message); });
  }
  add("hmac_two_parts", 48, [](crypto::bytes_view message) {
    return Backend::hmac_sha256(key, {message.first(32), message.subspan(32)});
  });
  for (const std::size_t size : {55u, 1'024u}) {
    add("sha256", size, [](crypto::bytes_view message) { return Backend::sha256(message); });
  }
  add("hmac_stream", 1'024, [](crypto::bytes_view message) {
    typename Backend::hmac_stream stream(key);
    stream.update(message);
    return stream.finish();
  });
  add("make_key", 32,
      [](crypto::bytes_view message) { return typename Backend::hmac_key(message); });
  add("hkdf", 32, [](crypto::bytes_view message) {
    crypto::digest out;
    static_cast<void>(Backend::hkdf_sha256({}, message, {}, out));
    return out;
  });
}

void register_peers() {
  const auto add = [&](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [function](benchmark::State& state) { run(state, 55, function); });
  };
  add("crypto/hmac/55/one_shot_HMAC", [](crypto::bytes_view message) {
    crypto::digest made;
    HMAC(EVP_sha256(), data_of(key_view()), key_size, data_of(message), message.size(),
         data_of(made), nullptr);
    return made;
  });
  static EVP_MAC_CTX* const context = [] {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* const made = EVP_MAC_CTX_new(mac);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_init(made, data_of(key_view()), key_size, params);
    EVP_MAC_free(mac);
    return made;
  }();
  add("crypto/hmac/55/EVP_MAC_reinit", [](crypto::bytes_view message) {
    crypto::digest made;
    std::size_t size = 0;
    EVP_MAC_init(context, nullptr, 0, nullptr);
    EVP_MAC_update(context, data_of(message), message.size());
    EVP_MAC_final(context, data_of(made), &size, made.size());
    return made;
  });
  add("crypto/sha256/55/one_shot_SHA256", [](crypto::bytes_view message) {
    crypto::digest made;
    SHA256(data_of(message), message.size(), data_of(made));
    return made;
  });
}

[[maybe_unused]] const bool registered = [] {
#ifdef PARLEY_HAS_SHA256_TRANSFORM
  register_backend<crypto::transform>("transform");
#endif
  register_backend<crypto::evp>("evp");
  register_peers();
  return true;
}();

void two_blocks(benchmark::State& state) {
  const bytes message = counted_bytes();
  constexpr std::size_t pairs = sizeof message / (2 * crypto::block_bytes);
  SHA256_CTX context;
  SHA256_Init(&context);
  while (state.KeepRunningBatch(pairs)) {
    SHA256_Update(&context, message.data(), message.size());
  }
  benchmark::DoNotOptimize(context.h);
}
BENCHMARK(two_blocks)->Name("crypto/floor/two_blocks");

#ifdef PARLEY_HAS_SHA256_TRANSFORM
void two_transforms(benchmark::State& state) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (auto _ : state) {
    SHA256_Transform(&context, data_of(key_bytes));
    SHA256_Transform(&context, data_of(key_bytes));
    benchmark::DoNotOptimize(context.h);
  }
}
BENCHMARK(two_transforms)->Name("crypto/floor/two_transforms");
#endif

}  // namespace
