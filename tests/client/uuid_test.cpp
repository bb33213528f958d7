// SPDX-License-Identifier: Apache-2.0
#include "parley/client/uuid.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::client {
namespace {

using testing::MatchesRegex;
using time_ms = std::chrono::sys_time<std::chrono::milliseconds>;

random_block_type all(unsigned value) {
  random_block_type made;
  made.fill(static_cast<std::byte>(value));
  return made;
}

TEST(UuidV4, HasItsVersionAndVariantWhateverTheBits) {  // RFC 9562, 4.1, 4.2
  EXPECT_EQ(to_string(uuid_v4(all(0x00))), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(to_string(uuid_v4(all(0xff))), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(UuidV4, KeepsAllOtherBits) {
  random_block_type random;
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::byte>(i * 17);
  EXPECT_EQ(to_string(uuid_v4(random)), "00112233-4455-4677-8899-aabbccddeeff");
}

TEST(UuidV7, ExampleOfTheRfc) {  // A.6: the bits behind the time are those of the example
  random_block_type random = all(0);
  random[6] = std::byte{0x0c};
  random[7] = std::byte{0xc3};
  const unsigned tail[] = {0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
  for (std::size_t i = 0; i < 8; ++i) random[8 + i] = static_cast<std::byte>(tail[i]);
  const time_ms now(std::chrono::milliseconds(1'645'557'742'000));
  EXPECT_EQ(to_string(uuid_v7(now, random)), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(UuidV7, SortsByTime) {
  std::string before;
  for (const std::int64_t milliseconds : {0LL, 1LL, 255LL, 256LL, 1LL << 32, (1LL << 48) - 1}) {
    const std::string text =
        to_string(uuid_v7(time_ms(std::chrono::milliseconds(milliseconds)), all(0xff)));
    EXPECT_LT(before, text);
    before = text;
  }
  EXPECT_EQ(before, "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

TEST(RandomBlock, DiffersEachTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto random = random_block();
    ASSERT_TRUE(random);
    const std::string text = to_string(uuid_v4(*random));
    EXPECT_THAT(text, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                   "[0-9a-f]{12}"));
    EXPECT_TRUE(seen.insert(text).second);
  }
}

}  // namespace
}  // namespace parley::client
