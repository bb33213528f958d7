// SPDX-License-Identifier: Apache-2.0
//
// The rules once more, written from their description alone and on OpenSSL's one-shot calls: what
// the signature of a delivery is, and how one has to be judged.

#ifndef PARLEY_TESTS_WEBHOOK_REFERENCE_HPP
#define PARLEY_TESTS_WEBHOOK_REFERENCE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "parley/webhook/secret.hpp"
#include "parley/webhook/signer.hpp"
#include "parley/webhook/verifier.hpp"

namespace parley::webhook::reference {

using buffer = std::vector<unsigned char>;

inline std::string base64(const buffer& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

// What has just one spelling: decoded and encoded again it is the same.
inline std::optional<buffer> decode(const std::string& text) {
  buffer bytes(text.size());
  const int size = EVP_DecodeBlock(
      bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), int(text.size()));
  if (size < 0 || text.size() % 4 != 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));  // OpenSSL counts the padding as zeros
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '=' && !bytes.empty(); --i) {
    bytes.pop_back();
  }
  if (base64(bytes) != text) return std::nullopt;
  return bytes;
}

inline std::string mac(const buffer& secret, const std::string& message) {
  buffer made(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), made.data(), &size);
  made.resize(size);
  return base64(made);
}

struct delivery {
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string body;
};

inline std::string sign(const buffer& secret, const delivery& of) {
  return "v1," + mac(secret, of.id + "." + of.timestamp + "." + of.body);
}

// The error, or "accepted".
inline std::string verdict(const std::vector<buffer>& secrets, const delivery& got,
                           std::int64_t now, std::int64_t tolerance) {
  if (got.id.empty() || got.timestamp.empty() || got.signature.empty()) return "missing_header";
  for (const char c : got.id) {
    if (c < '!' || c > '~' || c == '.') return "bad_id";
  }
  if (got.id.size() > 256) return "bad_id";

  if (got.timestamp.size() > 12) return "bad_timestamp";
  for (const char c : got.timestamp) {
    if (c < '0' || c > '9') return "bad_timestamp";
  }
  const std::int64_t at = std::stoll(got.timestamp);
  if (std::to_string(at) != got.timestamp) return "bad_timestamp";
  if (now - at > tolerance) return "too_old";
  if (at - now > tolerance) return "too_new";

  std::vector<std::string> signatures(1);
  for (const char c : got.signature) {
    if (c == ' ') {
      signatures.emplace_back();
    } else {
      signatures.back() += c;
    }
  }
  std::erase(signatures, "");
  if (signatures.size() > 16) return "too_many_signatures";
  std::erase_if(signatures, [](const std::string& each) { return each.rfind("v1,", 0) != 0; });
  if (signatures.empty()) return "no_v1_signature";
  for (const buffer& each : secrets) {
    if (std::ranges::count(signatures, sign(each, got)) > 0) return "accepted";
  }
  return "mismatch";
}

inline secret secret_of(const buffer& bytes) {
  return *secret::from_bytes(std::as_bytes(std::span(bytes)));
}

inline std::vector<secret> secrets_of(const std::vector<buffer>& all) {
  std::vector<secret> made;
  for (const buffer& each : all) made.push_back(secret_of(each));
  return made;
}

inline seconds_time at_second(std::int64_t seconds) {
  return seconds_time(std::chrono::seconds(seconds));
}

// Of what is tested, in the same words.
inline std::string judge(const verifier& by, const delivery& got, std::int64_t now) {
  const auto found =
      by.verify({.id = got.id, .timestamp = got.timestamp, .signature = got.signature}, got.body,
                at_second(now));
  return found ? "accepted" : std::string(to_string(found.error()));
}

}  // namespace parley::webhook::reference

#endif  // PARLEY_TESTS_WEBHOOK_REFERENCE_HPP
