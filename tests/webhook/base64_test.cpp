// SPDX-License-Identifier: Apache-2.0
#include "webhook/base64.hpp"

#include <string>

#include <gtest/gtest.h>

#include "webhook/reference.hpp"

namespace parley::webhook {
namespace {

using reference::buffer;

std::string encoded(const buffer& bytes) {
  std::string text(base64::text_size(bytes.size()), '\0');
  base64::encode(std::as_bytes(std::span(bytes)), text.data());
  return text;
}

std::optional<buffer> decoded(std::string_view text) {
  const auto size = base64::decoded_size(text);
  if (!size) return std::nullopt;
  buffer bytes(*size);
  if (!base64::decode(text, std::as_writable_bytes(std::span(bytes)))) return std::nullopt;
  return bytes;
}

struct vector_row {
  std::string_view plain;
  std::string_view text;
};
// RFC 4648, section 10.
constexpr vector_row vector_rows[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

TEST(Base64, IsThatOfTheRfc) {
  for (const vector_row& each : vector_rows) {
    const buffer plain(each.plain.begin(), each.plain.end());
    EXPECT_EQ(encoded(plain), each.text);
    EXPECT_EQ(decoded(each.text), plain);
  }
}

TEST(Base64, IsThatOfOpenSsl) {
  buffer bytes;
  for (unsigned i = 0; i < 200; ++i) {
    const std::string text = reference::base64(bytes);
    EXPECT_EQ(encoded(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
    bytes.push_back(static_cast<unsigned char>(0xF8 + 7 * i));
  }
}

// Each text of one group that has two characters of all kinds before the padding, and after them.
TEST(Base64, TakesOneSpellingOfEach) {
  std::size_t taken = 0;
  const auto judge = [&taken](const std::string& text) {
    const auto got = decoded(text);
    EXPECT_EQ(got, reference::decode(text)) << text;
    taken += got ? 1 : 0;
  };
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string both = {static_cast<char>(a), static_cast<char>(b)};
      for (const char* rest : {"==", "=", "", "A=", "AA", "=A", "E=", "B="}) {
        // OpenSSL passes over blanks and line ends around a text, and stops at a hyphen.
        judge("AAAA" + both + rest);
      }
    }
  }
  // One byte: 256. Two, the last of them 0 or 16: 64 * 64 each. Three: 64 * 64.
  EXPECT_EQ(taken, 256u + 2 * 4096 + 4096 + 0u);
}

}  // namespace
}  // namespace parley::webhook
