// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/position.hpp"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace parley::cursor {
namespace {

static_assert(key_field<std::optional<uuid>> && key_field<null> && id_field<key_text>);
static_assert(!key_field<int> && !key_field<std::string> && !key_field<std::optional<null>>);
static_assert(!key_field<std::optional<std::optional<uuid>>>);
static_assert(!id_field<null> && !id_field<std::optional<uuid>>);
static_assert(sizeof(uuid) == 16 && sizeof(key_text) == 65);

std::string text_of(const uuid& id) {
  const auto text = to_text(id);
  return std::string(text.begin(), text.end());
}

constexpr std::string_view example = "0190163d-8694-739b-aea5-966c26f8ad91";

TEST(Uuid, IsReadAndWrittenInOrder) {
  uuid counted;
  for (unsigned i = 0; i < 16; ++i) counted.bytes[i] = static_cast<std::byte>(17 * i);
  EXPECT_EQ(text_of(counted), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(parse_uuid("00112233-4455-6677-8899-aabbccddeeff"), counted);
  EXPECT_EQ(parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF"), counted);
  EXPECT_EQ(text_of(uuid()), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(parse_uuid("00000000-0000-0000-0000-000000000000"), uuid());
}

TEST(Uuid, EveryByteComesBackAtEveryPlace) {
  for (std::size_t place = 0; place < 16; ++place) {
    for (unsigned value = 0; value < 256; ++value) {
      uuid id;
      id.bytes[place] = static_cast<std::byte>(value);
      ASSERT_EQ(parse_uuid(text_of(id)), id);
    }
  }
}

TEST(Uuid, HasOneLength) {
  const std::string longer = std::string(example) + std::string(example);
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    EXPECT_EQ(parse_uuid(longer.substr(0, size)).has_value(), size == 36) << size;
  }
}

TEST(Uuid, EveryOtherCharacterIsRefused) {
  for (std::size_t i = 0; i < example.size(); ++i) {
    const bool is_dash = example[i] == '-';
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string text(example);
      text[i] = static_cast<char>(byte);
      constexpr std::string_view digits = "0123456789abcdefABCDEF";
      const bool is_right = is_dash ? byte == '-' : digits.find(text[i]) != std::string_view::npos;
      ASSERT_EQ(parse_uuid(text).has_value(), is_right) << text;
    }
  }
}

TEST(Uuid, OtherFormsAreRefused) {
  for (const std::string_view text :
       {"0190163d8694739baea5966c26f8ad91", "{0190163d-8694-739b-aea5-966c26f8ad91}",
        "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91", "0190163d8694-739b-aea5-966c26f8-ad91",
        " 190163d-8694-739b-aea5-966c26f8ad91", "0190163d-8694-739b-aea5-966c26f8ad9 "}) {
    EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
  }
}

TEST(Uuid, SortsAsItsText) {
  std::mt19937 random(1);
  for (int turn = 0; turn < 1000; ++turn) {
    uuid a;
    for (std::byte& each : a.bytes) each = static_cast<std::byte>(random() & 0xFF);
    uuid b = a;
    b.bytes[random() % 16] = static_cast<std::byte>(random() & 0xFF);
    EXPECT_EQ(a <=> b, text_of(a) <=> text_of(b));
  }
}

TEST(KeyText, CutsNothing) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const std::string text(size, '\xE9');
    const auto made = key_text::from(text);
    ASSERT_EQ(made.has_value(), size <= 64) << size;
    EXPECT_EQ(made ? made->view() : text, text);
  }
  EXPECT_EQ(key_text().view(), "");
  EXPECT_EQ(key_text::from(std::string_view())->view(), "");
}

TEST(KeyText, IsComparedAsText) {
  const auto text = [](std::string_view from) { return *key_text::from(from); };
  EXPECT_EQ(text("a"), text("a"));
  EXPECT_NE(text("a"), text(std::string_view("a\0", 2)));
  EXPECT_LT(text(""), text(std::string_view("\0", 1)));
  EXPECT_LT(text("a"), text("b"));
  EXPECT_LT(text("ab"), text("b"));
  EXPECT_LT(text("z"), text("\xE9"));
}

TEST(Position, IsTheWholeOfIt) {
  using calls = position<std::int64_t, std::int64_t>;
  const calls at = {1, 2};
  EXPECT_EQ(at.order, order::descending);
  EXPECT_EQ(at.direction, direction::forward);
  EXPECT_EQ(at, (calls{1, 2}));
  EXPECT_NE(at, (calls{2, 2}));
  EXPECT_NE(at, (calls{1, 1}));
  EXPECT_NE(at, (calls{1, 2, order::ascending}));
  EXPECT_NE(at, (calls{1, 2, order::descending, direction::backward}));
  EXPECT_EQ((position<null, std::int64_t>{{}, 1}), (position<null, std::int64_t>{{}, 1}));
}

}  // namespace
}  // namespace parley::cursor
