// SPDX-License-Identifier: Apache-2.0
//
// Cursors of (timestamp, uuid), beside the floor: the two blocks of SHA-256 that an HMAC over at
// most 55 bytes is when the key has been hashed before. `floor/transform` makes them by two calls
// of SHA256_Transform, `floor/bulk` is what two blocks cost in a long message.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <benchmark/benchmark.h>

#include "parley/cursor/codec.hpp"
#include "support/allocations.hpp"

#ifdef PARLEY_BENCH_PEERS
#include <boost/json.hpp>
#endif

namespace {

using namespace parley::cursor;
using calls_cursor = codec<timestamp_us, uuid>;
using parley::bench::allocation_counter;

const std::vector<std::byte> secret(32, std::byte{7});
const seconds_time now{std::chrono::seconds(1'800'000'000)};

key_set make_keys() {
  return std::move(*key_set::make({{.id = 1, .state = key_state::active, .secret = secret}}));
}

calls_cursor::position position_of(std::uint64_t i) {
  calls_cursor::position at;
  at.key = timestamp_us(std::chrono::microseconds(1'800'000'000'000'000 + i));
  at.id.bytes[3] = static_cast<std::byte>(i);
  return at;
}

const scope bound = scope_of({"GET /v1/calls", "tenant-7"});

void floor_transform(benchmark::State& state) {
  SHA256_CTX context;
  SHA256_Init(&context);
  std::array<unsigned char, 64> block{};
  for (auto _ : state) {
    SHA256_Transform(&context, block.data());
    SHA256_Transform(&context, block.data());
    benchmark::DoNotOptimize(context.h[0]);
  }
}
BENCHMARK(floor_transform)->Name("cursor/floor/transform")->ThreadRange(1, 2);

void floor_bulk(benchmark::State& state) {
  constexpr std::size_t pairs = 512;
  SHA256_CTX context;
  SHA256_Init(&context);
  const std::vector<unsigned char> message(pairs * 128);
  while (state.KeepRunningBatch(pairs)) {
    SHA256_Update(&context, message.data(), message.size());
    benchmark::DoNotOptimize(context.h[0]);
  }
}
BENCHMARK(floor_bulk)->Name("cursor/floor/bulk");

void issue(benchmark::State& state) {
  const key_set keys = make_keys();
  std::uint64_t i = 0;
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto text = calls_cursor::issue(keys, bound, position_of(++i), now);
    benchmark::DoNotOptimize(text.view().data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(issue)->Name("cursor/issue")->ThreadRange(1, 2);

void verify(benchmark::State& state) {
  const key_set keys = make_keys();
  std::array<cursor_text, 64> texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] = calls_cursor::issue(keys, bound, position_of(i), now);
  }
  std::size_t i = 0;
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto at =
        calls_cursor::verify(keys, bound, texts[++i % texts.size()].view(), now, order::descending);
    if (!at) state.SkipWithError("refused");
    benchmark::DoNotOptimize(&*at);
  }
}
BENCHMARK(verify)->Name("cursor/verify")->ThreadRange(1, 2);

void verify_from_ring(benchmark::State& state) {
  static key_ring ring(make_keys());
  const auto text = calls_cursor::issue(ring.current(), bound, position_of(1), now);
  for (auto _ : state) {
    const auto at =
        calls_cursor::verify(ring.current(), bound, text.view(), now, order::descending);
    benchmark::DoNotOptimize(&*at);
  }
}
BENCHMARK(verify_from_ring)->Name("cursor/verify_from_ring")->ThreadRange(1, 2);

void refuse(benchmark::State& state, const char* what) {
  const key_set keys = make_keys();
  std::string text(calls_cursor::issue(keys, bound, position_of(1), now).view());
  const std::string_view how = what;
  if (how == "character") text[40] = '=';
  if (how == "version") text[0] = 'B';
  if (how == "length") text += "AAAA";
  if (how == "too_long") text = std::string(10'000'000, 'A');
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto at = calls_cursor::verify(keys, bound, text, now, order::descending);
    if (at) state.SkipWithError("accepted");
    benchmark::DoNotOptimize(&at);
  }
}
BENCHMARK_CAPTURE(refuse, character, "character")->Name("cursor/refuse/character");
BENCHMARK_CAPTURE(refuse, version, "version")->Name("cursor/refuse/version");
BENCHMARK_CAPTURE(refuse, length, "length")->Name("cursor/refuse/length");
BENCHMARK_CAPTURE(refuse, too_long, "too_long")->Name("cursor/refuse/too_long");

void scopes(benchmark::State& state) {
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(scope_of({"GET /v1/calls", "tenant-7"}));
}
BENCHMARK(scopes)->Name("cursor/scope");

void hmac_one_shot(benchmark::State& state) {
  std::array<unsigned char, 48> message{};
  std::array<unsigned char, 32> mac;
  unsigned size = 0;
  for (auto _ : state) {
    HMAC(EVP_sha256(), secret.data(), 32, message.data(), message.size(), mac.data(), &size);
    benchmark::DoNotOptimize(mac);
  }
}
BENCHMARK(hmac_one_shot)->Name("cursor/peer/HMAC");

void evp_mac(benchmark::State& state) {
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(algorithm);
  char name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                   OSSL_PARAM_construct_end()};
  EVP_MAC_init(context, reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
               parameters);
  std::array<unsigned char, 48> message{};
  std::array<unsigned char, 32> mac;
  std::size_t size = 0;
  for (auto _ : state) {
    EVP_MAC_init(context, nullptr, 0, nullptr);
    EVP_MAC_update(context, message.data(), message.size());
    EVP_MAC_final(context, mac.data(), &size, mac.size());
    benchmark::DoNotOptimize(mac);
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(algorithm);
}
BENCHMARK(evp_mac)->Name("cursor/peer/EVP_MAC");

#ifdef PARLEY_BENCH_PEERS
// As one would write it: an object of JSON, base64url of it, a dot, and the HMAC of that.
void json_hmac(benchmark::State& state) {
  std::uint64_t i = 0;
  for (auto _ : state) {
    const boost::json::value value = {{"created_at", 1'800'000'000'000'000 + ++i},
                                      {"id", "6ad5c1a8-7d9f-4b0e-9f43-5f2d0c4a7b11"},
                                      {"scope", "GET /v1/calls tenant-7"},
                                      {"issued_at", 1'800'000'000}};
    const std::string json = boost::json::serialize(value);
    std::string text(json.size() * 2 + 64, '\0');
    auto size = static_cast<std::size_t>(EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(text.data()),
        reinterpret_cast<const unsigned char*>(json.data()), static_cast<int>(json.size())));
    std::array<unsigned char, 32> mac;
    unsigned mac_size = 0;
    HMAC(EVP_sha256(), secret.data(), 32, reinterpret_cast<const unsigned char*>(text.data()), size,
         mac.data(), &mac_size);
    text[size++] = '.';
    size += static_cast<std::size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data() + size), mac.data(), 32));
    text.resize(size);
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(json_hmac)->Name("cursor/peer/boost_json_and_HMAC");
#endif

}  // namespace
