// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/operations.md.

#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "parley/cursor/key_ring.hpp"

namespace cursor = parley::cursor;

namespace {

bool keep_the_old_ones(const std::string&) { return false; }

bool read_again(cursor::key_ring& ring, const std::string& path) {
  auto keys = cursor::read_key_file(path);
  if (!keys) return keep_the_old_ones(keys.error());  // a sentence, without a secret
  ring.publish(*std::move(keys));

  return true;
}

TEST(Operations, AFileOfKeysIsReadAgain) {
  constexpr std::array<std::byte, 32> secret{};
  auto first = cursor::key_set::make({{1, cursor::key_state::active, secret}});
  ASSERT_TRUE(first);
  cursor::key_ring ring(*std::move(first));
  const std::string path = testing::TempDir() + "keys." + std::to_string(::getpid());
  EXPECT_FALSE(read_again(ring, path));
  EXPECT_EQ(ring.current().active_id(), 1);

  std::ofstream(path) << "2 active " << std::string(43, 'A') << "=\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  EXPECT_TRUE(read_again(ring, path));
  EXPECT_EQ(ring.current().active_id(), 2);
  std::filesystem::remove(path);
}

}  // namespace
