// SPDX-License-Identifier: Apache-2.0
#include "cursor/base64url.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "cursor/reference.hpp"

namespace parley::cursor {
namespace {

using reference::buffer;

std::string encoded(const buffer& bytes) {
  std::string text(base64url::text_size(bytes.size()), '\0');
  const char* const end = base64url::encode(std::as_bytes(std::span(bytes)), text.data());
  EXPECT_EQ(end, text.data() + text.size());
  return text;
}

// From and into blocks of the exact size, so that a sanitizer sees one byte too many.
std::optional<buffer> decoded(std::string_view text) {
  const std::unique_ptr<char[]> from(new char[text.size()]);
  std::copy(text.begin(), text.end(), from.get());
  const std::unique_ptr<std::byte[]> out(new std::byte[base64url::room_for(text.size())]);
  const auto size = base64url::decode({from.get(), text.size()}, out.get());
  if (!size) return std::nullopt;
  const auto* const begin = reinterpret_cast<const unsigned char*>(out.get());
  return buffer(begin, begin + *size);
}

TEST(Base64url, EveryThreeBytesComeBack) {
  std::array<char, 4> text{};
  std::array<std::byte, base64url::room_for(4)> out{};
  for (unsigned value = 0; value < 1u << 24; ++value) {
    const std::byte bytes[] = {static_cast<std::byte>(value >> 16),
                               static_cast<std::byte>(value >> 8 & 0xFF),
                               static_cast<std::byte>(value & 0xFF)};
    base64url::encode(bytes, text.data());
    const bool is_right = text[0] == reference::alphabet[value >> 18] &&
                          text[1] == reference::alphabet[value >> 12 & 63] &&
                          text[2] == reference::alphabet[value >> 6 & 63] &&
                          text[3] == reference::alphabet[value & 63] &&
                          base64url::decode({text.data(), 4}, out.data()) == 3u &&
                          std::equal(bytes, bytes + 3, out.data());
    ASSERT_TRUE(is_right) << value;
  }
}

TEST(Base64url, EveryTextUpToTwoCharactersIsJudged) {
  EXPECT_EQ(decoded(""), buffer());
  for (unsigned first = 0; first < 256; ++first) {
    EXPECT_EQ(decoded(std::string(1, static_cast<char>(first))), std::nullopt);
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      ASSERT_EQ(decoded(text), reference::decode(text)) << first << ' ' << second;
    }
  }
}

// All of the alphabet, and beside each character one that is not of it.
TEST(Base64url, EveryTextOfThreeCharactersIsJudged) {
  std::string characters(reference::alphabet);
  characters += "+/=. ";
  std::size_t accepted = 0;
  for (const char a : characters) {
    for (const char b : characters) {
      for (const char c : characters) {
        const std::string text = {a, b, c};
        const auto got = decoded(text);
        ASSERT_EQ(got, reference::decode(text)) << text;
        if (got) ++accepted;
      }
    }
  }
  EXPECT_EQ(accepted, 65536u);
}

TEST(Base64url, EveryByteAtEveryPlaceIsJudged) {
  for (std::size_t size = 2; size <= 70; ++size) {
    if (size % 4 == 1) continue;
    std::string text(size, 'A');
    for (std::size_t i = 0; i < size; ++i) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        text[i] = static_cast<char>(byte);
        ASSERT_EQ(decoded(text), reference::decode(text)) << byte << " at " << i << " of " << size;
      }
      text[i] = 'A';
    }
  }
}

TEST(Base64url, AgreesOverEverySize) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= 200; ++size) {
    for (int turn = 0; turn < 50; ++turn) {
      buffer bytes(size);
      for (unsigned char& each : bytes) each = static_cast<unsigned char>(random());
      const std::string text = encoded(bytes);
      ASSERT_EQ(text, reference::encode(bytes));
      ASSERT_EQ(decoded(text), bytes);
      if (size == 0) continue;
      std::string changed = text;
      changed[random() % changed.size()] = static_cast<char>(random());
      ASSERT_EQ(decoded(changed), reference::decode(changed));
      changed = text.substr(0, random() % text.size());
      ASSERT_EQ(decoded(changed), reference::decode(changed));
    }
    EXPECT_EQ(decoded(std::string(4 * size + 1, 'A')), std::nullopt);
  }
}

}  // namespace
}  // namespace parley::cursor
