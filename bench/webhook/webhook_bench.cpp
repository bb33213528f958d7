// SPDX-License-Identifier: Apache-2.0
//
// Webhooks of 258 bytes, as a call's end is told, and of 64 KiB, beside OpenSSL over the same
// bytes, which lie joined already, and its base64 of the MAC: `HMAC` is the one-shot call,
// `EVP_MAC` has its key and context kept. `written_out` is what one writes with them: join, sign,
// compare.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include "parley/webhook/signer.hpp"
#include "parley/webhook/verifier.hpp"
#include "support/allocations.hpp"

namespace {

using namespace parley::webhook;
using parley::bench::allocation_counter;

const std::vector<std::byte> key(32, std::byte{7});
const seconds_time now{std::chrono::seconds(1'700'000'000)};
constexpr std::string_view id = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

// `count` secrets, of which the last is the one that deliveries are signed with.
std::vector<secret> make_secrets(std::size_t count) {
  std::vector<secret> made;
  const std::vector<std::byte> other(32, std::byte{8});
  while (made.size() + 1 < count) made.push_back(*secret::from_bytes(other));
  made.push_back(*secret::from_bytes(key));
  return made;
}

signed_headers signed_by_us(std::string_view body) {
  return *signer::make(make_secrets(1))->sign(id, now, body);
}

std::string body_of(const benchmark::State& state) {
  return std::string(static_cast<std::size_t>(state.range(0)), 'b');
}

void sizes(benchmark::internal::Benchmark* of) { of->Arg(258)->Arg(65'536); }

void sign(benchmark::State& state, std::size_t secrets) {
  const auto by = signer::make(make_secrets(secrets));
  const std::string body = body_of(state);
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto made = by->sign(id, now, body);
    benchmark::DoNotOptimize(&*made);
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(sign, one_secret, 1)->Name("webhook/sign")->Apply(sizes);
BENCHMARK_CAPTURE(sign, two_secrets, 2)->Name("webhook/sign_two_secrets")->Apply(sizes);

void verify(benchmark::State& state, std::size_t secrets) {
  const auto by = verifier::make(make_secrets(secrets));
  const std::string body = body_of(state);
  const signed_headers made = signed_by_us(body);
  const delivery_headers got = {
      .id = made.id(), .timestamp = made.timestamp(), .signature = made.signature()};
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto found = by->verify(got, body, now);
    if (!found) state.SkipWithError("refused");
    benchmark::DoNotOptimize(&found);
  }
}
BENCHMARK_CAPTURE(verify, one_secret, 1)->Name("webhook/verify")->Apply(sizes);
BENCHMARK_CAPTURE(verify, two_secrets, 2)->Name("webhook/verify_second_secret")->Apply(sizes);

void verify_headers(benchmark::State& state) {
  const auto by = verifier::make(make_secrets(1));
  const std::string body = body_of(state);
  const signed_headers made = signed_by_us(body);
  std::vector<header_view> headers(9, {"Accept-Encoding", "gzip, deflate"});
  for (const header_view& each : made.all()) headers.push_back(each);
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto found = by->verify(headers, body, now);
    if (!found) state.SkipWithError("refused");
    benchmark::DoNotOptimize(&found);
  }
}
BENCHMARK(verify_headers)->Name("webhook/verify_of_12_headers")->Arg(258);

void refuse(benchmark::State& state, std::string_view how) {
  const auto by = verifier::make(make_secrets(1));
  const std::string body(65'536, 'b');
  const signed_headers made = signed_by_us(body);
  std::string signature(made.signature());
  std::string timestamp(made.timestamp());
  if (how == "forged") signature[10] = signature[10] == 'A' ? 'B' : 'A';
  if (how == "old") timestamp = "1600000000";
  if (how == "version") signature = "v1a," + signature;
  if (how == "too_many") {
    while (signature.size() < 1'000'000) signature += " v1,A";
  }
  const delivery_headers got = {.id = made.id(), .timestamp = timestamp, .signature = signature};
  const allocation_counter count(state);
  for (auto _ : state) {
    const auto found = by->verify(got, body, now);
    if (found) state.SkipWithError("taken");
    benchmark::DoNotOptimize(&found);
  }
}
BENCHMARK_CAPTURE(refuse, forged, "forged")->Name("webhook/refuse/forged_64_KiB");
BENCHMARK_CAPTURE(refuse, old, "old")->Name("webhook/refuse/old");
BENCHMARK_CAPTURE(refuse, version, "version")->Name("webhook/refuse/other_version");
BENCHMARK_CAPTURE(refuse, too_many, "too_many")->Name("webhook/refuse/1_MB_of_signatures");

void make_signer(benchmark::State& state) {
  const std::vector<secret> secrets = make_secrets(1);
  const allocation_counter count(state);
  for (auto _ : state) benchmark::DoNotOptimize(signer::make(secrets));
}
BENCHMARK(make_signer)->Name("webhook/make_signer");

using mac = std::array<unsigned char, 32>;
using mac_text = std::array<unsigned char, 45>;

const unsigned char* data_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string joined(std::string_view body) {
  std::string made(id);
  made += ".1700000000.";
  made += body;
  return made;
}

mac_text hmac_of(std::string_view message) {
  mac made;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data_of(message), message.size(),
       made.data(), &size);
  mac_text text;
  EVP_EncodeBlock(text.data(), made.data(), static_cast<int>(made.size()));
  return text;
}

void hmac(benchmark::State& state) {
  const std::string message = joined(body_of(state));
  for (auto _ : state) benchmark::DoNotOptimize(hmac_of(message));
}
BENCHMARK(hmac)->Name("webhook/peer/HMAC_and_base64")->Apply(sizes);

void evp_mac(benchmark::State& state) {
  const std::string message = joined(body_of(state));
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(algorithm);
  char name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                   OSSL_PARAM_construct_end()};
  EVP_MAC_init(context, reinterpret_cast<const unsigned char*>(key.data()), key.size(), parameters);
  for (auto _ : state) {
    mac made;
    std::size_t size = 0;
    EVP_MAC_init(context, nullptr, 0, nullptr);
    EVP_MAC_update(context, data_of(message), message.size());
    EVP_MAC_final(context, made.data(), &size, made.size());
    mac_text text;
    EVP_EncodeBlock(text.data(), made.data(), static_cast<int>(made.size()));
    benchmark::DoNotOptimize(text);
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(algorithm);
}
BENCHMARK(evp_mac)->Name("webhook/peer/EVP_MAC_and_base64")->Apply(sizes);

void written_out(benchmark::State& state) {
  const std::string body = body_of(state);
  const signed_headers made = signed_by_us(body);
  const std::string_view received = made.signature().substr(3);
  const allocation_counter count(state);
  for (auto _ : state) {
    const mac_text expected = hmac_of(joined(body));
    if (CRYPTO_memcmp(expected.data(), received.data(), received.size()) != 0) {
      state.SkipWithError("refused");
    }
  }
}
BENCHMARK(written_out)->Name("webhook/peer/written_out")->Apply(sizes);

}  // namespace
