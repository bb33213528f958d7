// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/key_slot.hpp"

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "idempotency_redis/record.hpp"

namespace parley::idempotency_redis {
namespace {

// As the definition of CRC-16/XMODEM has it, a bit at a time.
std::uint16_t crc16_of_bits(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = ((crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021u : 0u)) & 0xffff;
    }
  }
  return static_cast<std::uint16_t>(crc);
}

// The check value of the Redis Cluster specification, appendix A.
TEST(Crc, HasTheCheckValueOfTheSpecification) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(crc16(""), 0);
}

TEST(Crc, IsThatOfTheDefinitionForEveryLength) {
  std::mt19937 random(1);
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(crc16(bytes), crc16_of_bits(bytes)) << bytes.size();
    for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, bytes.size() / 2}) {
      if (cut > bytes.size()) continue;
      const std::string_view all = bytes;
      EXPECT_EQ(crc16(all.substr(cut), crc16(all.substr(0, cut))), crc16(all)) << bytes.size();
    }
    bytes += static_cast<char>(random());
  }
}

// Slots as Redis 7.0.15 gives them: CLUSTER KEYSLOT.
struct slot_case {
  const char* name;
  std::string_view key;
  std::uint16_t slot;
};
void PrintTo(const slot_case& of, std::ostream* to) { *to << of.name; }

constexpr slot_case slot_cases[] = {
    {"Nothing", "", 0},
    {"Digits", "123456789", 12'739},
    {"Plain", "foo", 12'182},
    {"Bar", "bar", 5'061},
    {"Tag", "foo{bar}", 5'061},
    {"TagOfSeveralWords", "foo{hash_tag}", 2'515},
    {"EmptyTagInFront", "{}foo", 9'500},
    {"EmptyTagThenAnother", "foo{}{bar}", 8'363},
    {"TagBeginsAtTheFirstBrace", "foo{{bar}}zap", 4'015},
    {"FirstTagOfTwo", "foo{bar}{zap}", 5'061},
    {"OpenAlone", "{", 4'092},
    {"CloseAlone", "}", 12'090},
    {"NeverClosed", "{a", 10'276},
    {"NeverOpened", "a}", 5'921},
    {"ClosedBeforeItIsOpened", "}{a}", 15'495},
    {"TagAlone", "{a}", 15'495},
    {"OfAStore", "parley:7f0c5c7a6f6d4f0b8a1e2d3c4b5a6978", 15'946},
    {"OfAStoreZeros", "parley:00000000000000000000000000000000", 7'774},
    {"OfAStoreWithATag", "{parley}:7f0c5c7a6f6d4f0b8a1e2d3c4b5a6978", 11'367},
};

class KeySlot : public testing::TestWithParam<slot_case> {};

TEST_P(KeySlot, IsThatOfTheServer) { EXPECT_EQ(slot_of(GetParam().key), GetParam().slot); }

INSTANTIATE_TEST_SUITE_P(, KeySlot, testing::ValuesIn(slot_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(KeySlots, AreThoseOfTheWholeName) {
  std::mt19937 random(1);
  for (const std::string_view prefix :
       {"", "parley:", "{parley}:", "a{b}c{d}", "{", "}", "{}", "x{}{y}", "x{y"}) {
    const key_slots slots(prefix);
    for (int i = 0; i < 100; ++i) {
      idempotency::digest key;
      for (std::byte& b : key.bytes) b = static_cast<std::byte>(random());
      std::string name(prefix);
      append_hex(key, name);
      ASSERT_EQ(slots[key], slot_of(name)) << name;
      ASSERT_LT(slots[key], slot_count);
    }
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
