// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cursor/reference.hpp"

namespace parley::cursor {
namespace {

using reference::buffer;

// RFC 4648, section 4, by way of OpenSSL.
std::string base64(const buffer& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

buffer secret_of_size(std::size_t size) {
  buffer made;
  for (std::size_t i = 0; i < size; ++i) made.push_back((0xF8 + 7 * i) & 0xFF);
  return made;
}
const std::string good = base64(secret_of_size(32));

std::string issue(const key_set& keys) {
  return std::string(codec<null, std::int64_t>::issue(keys, {}, {{}, 5}, at_second(1)).view());
}
std::string expected(unsigned id, const buffer& secret) {
  return reference::sign(reference::body_of(position<null, std::int64_t>{{}, 5}, id, 1),
                         reference::signing_key(secret), {});
}

struct good_case {
  const char* name;
  std::string text;
  unsigned id;
};
std::vector<good_case> good_cases() {
  return {
      {"OneLine", "1 active " + good + "\n", 1},
      {"NoLineEnd", "1 active " + good, 1},
      {"Crlf", "# keys\r\n\r\n1 active " + good + "\r\n2 retired\r\n", 1},
      {"CommentsAndEmptyLines", "\n#1 active x\n \t\n  # 2\n3 active " + good + "\n\n", 3},
      {"Blanks", "\t 255  active\t\t" + good + " \t\n", 255},
      {"ZerosInFront", "007 active " + good, 7},
      {"Retired", "1 retired\n0 active " + good + "\n2 retired " + good, 0},
      {"RetiredOfAnySize", "1 retired AA==\n0 active " + good, 0},
      {"CommentOfBytes", std::string("#\0\xFF\n1 active ", 13) + good, 1},
  };
}

class KeyFileTakes : public testing::TestWithParam<good_case> {};

TEST_P(KeyFileTakes, TheKeys) {
  const auto keys = parse_key_file(GetParam().text);
  ASSERT_TRUE(keys.has_value()) << keys.error();
  EXPECT_EQ(keys->active_id(), GetParam().id);
  EXPECT_EQ(issue(*keys), expected(GetParam().id, secret_of_size(32)));
}

INSTANTIATE_TEST_SUITE_P(, KeyFileTakes, testing::ValuesIn(good_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(KeyFile, TakesSecretsOfEverySize) {
  for (const std::size_t size : {32u, 33u, 34u, 35u, 47u, 48u, 1023u, 1024u}) {
    const auto keys = parse_key_file("1 active " + base64(secret_of_size(size)));
    ASSERT_TRUE(keys.has_value()) << size;
    EXPECT_EQ(issue(*keys), expected(1, secret_of_size(size))) << size;
  }
}

TEST(KeyFile, TakesEveryId) {
  std::string text;
  for (int i = 0; i < 256; ++i) {
    text += std::to_string(i) + (i == 9 ? " active " : " verify_only ") + good + "\n";
  }
  const auto keys = parse_key_file(text);
  ASSERT_TRUE(keys.has_value()) << keys.error();
  EXPECT_EQ(keys->active_id(), 9);
}

constexpr const char* no_id = "the key id is not a number from 0 to 255";
constexpr const char* no_state = "the state is not active, verify_only or retired";
constexpr const char* no_base64 = "the secret is not base64";

struct bad_case {
  const char* name;
  std::string line;
  const char* message;
};
std::vector<bad_case> bad_cases() {
  const auto active = [](const std::string& secret) { return "1 active " + secret; };
  const std::string body = good.substr(0, 42);  // 43 characters and '=' are 32 bytes
  return {
      {"IdOf256", "256 active " + good, no_id},
      {"IdBelow0", "-1 active " + good, no_id},
      {"IdWithPlus", "+1 active " + good, no_id},
      {"IdOfLetters", "x active " + good, no_id},
      {"IdWithLetter", "1x active " + good, no_id},
      {"IdInHex", "0x1 active " + good, no_id},
      {"IdOfTwentyDigits", "11111111111111111111 active " + good, no_id},
      {"IdIsTheSecret", good, no_id},
      {"ByteOrderMark",
       "\xEF\xBB\xBF"
       "1 active " +
           good,
       no_id},
      {"NoState", "1", no_state},
      {"StateMissing", "1 " + good, no_state},
      {"StateInCapitals", "1 Active " + good, no_state},
      {"StateUnknown", "1 signing " + good, no_state},
      {"StateCut", "1 activ " + good, no_state},
      {"NoSecret", "1 active", "the secret has 0 bytes, not 32 to 1024"},
      {"NoSecretToVerify", "1 verify_only ", "the secret has 0 bytes, not 32 to 1024"},
      {"Short", active(base64(secret_of_size(31))), "the secret has 31 bytes, not 32 to 1024"},
      {"Long", active(base64(secret_of_size(1025))), "the secret has 1025 bytes, not 32 to 1024"},
      {"More", active(good + " x"), "there is something behind the secret"},
      {"MoreBehindRetired", "1 retired " + good + " #", "there is something behind the secret"},
      {"Twice", "3 verify_only " + good, "the key id is given twice"},
      {"NoPadding", active(good.substr(0, 43)), no_base64},
      {"PaddingTwice", active(body + "=="), no_base64},
      {"PaddingThrice", active(good.substr(0, 41) + "==="), no_base64},
      {"PaddingAlone", active("===="), no_base64},
      {"PaddingInside", active(good.substr(0, 20) + "=" + good.substr(21)), no_base64},
      {"PaddingMore", active(good + "===="), no_base64},
      {"BitsAtTheEnd", active(body + "B="), no_base64},
      {"UrlAlphabet", active("-_-_" + good.substr(4)), no_base64},
      {"OtherCharacter", active(good.substr(0, 10) + "!" + good.substr(11)), no_base64},
      {"AboveAscii", active(good.substr(0, 10) + "\xE9" + good.substr(11)), no_base64},
      {"Zero", active(good.substr(0, 10) + std::string(1, '\0') + good.substr(11)), no_base64},
      {"RetiredNotBase64", "1 retired *", no_base64},
  };
}

class KeyFileRefuses : public testing::TestWithParam<bad_case> {};

// The third line, and none of its secret.
TEST_P(KeyFileRefuses, WithTheLineAndNoSecret) {
  const std::string text = "3 active " + good + "\r\n# comment\n" + GetParam().line + "\n4 x\n";
  const auto keys = parse_key_file(text);
  ASSERT_FALSE(keys.has_value());
  EXPECT_EQ(keys.error(), "line 3: " + std::string(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(, KeyFileRefuses, testing::ValuesIn(bad_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(KeyFile, OneKeyIsActive) {
  constexpr const char* none = "0 keys are active, and one must be";
  EXPECT_EQ(parse_key_file("").error(), none);
  EXPECT_EQ(parse_key_file("\n\n# 1 active\n").error(), none);
  EXPECT_EQ(parse_key_file("1 verify_only " + good).error(), none);
  EXPECT_EQ(parse_key_file("1 active " + good + "\n2 active " + good).error(),
            "2 keys are active, and one must be");
}

// Of each group of bits at the end, one spelling is taken.
TEST(KeyFile, SecretsHaveOneSpelling) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const auto& [size, padding, accepted] :
       {std::tuple(32u, 1u, 16), std::tuple(34u, 2u, 4), std::tuple(33u, 0u, 64)}) {
    std::string text = base64(secret_of_size(size));
    int taken = 0;
    for (const char c : alphabet) {
      text[text.size() - padding - 1] = c;
      if (parse_key_file("1 active " + text)) ++taken;
    }
    EXPECT_EQ(taken, accepted) << size;
  }
}

class KeyFileOnDisk : public testing::Test {
 protected:
  KeyFileOnDisk() {
    std::string name = testing::TempDir() + "parley_key_file_XXXXXX";
    folder_ = mkdtemp(name.data());
    path = folder_ + "/keys";
  }
  ~KeyFileOnDisk() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path, std::ios::binary) << text;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  std::string verdict() const {
    const auto keys = read_key_file(path);
    if (keys) return "accepted";
    EXPECT_EQ(keys.error().substr(0, path.size() + 2), path + ": ");
    return keys.error().substr(path.size() + 2);
  }

  std::string path;

 private:
  std::string folder_;
};

TEST_F(KeyFileOnDisk, IsRead) {
  write("1 active " + good + "\n");
  const auto keys = read_key_file(path);
  ASSERT_TRUE(keys.has_value()) << keys.error();
  EXPECT_EQ(issue(*keys), expected(1, secret_of_size(32)));
}

TEST_F(KeyFileOnDisk, NamesTheLine) {
  write("\n1 active " + good + "x\n");
  EXPECT_EQ(verdict(), "line 2: the secret is not base64");
  write("");
  EXPECT_EQ(verdict(), "0 keys are active, and one must be");
}

TEST_F(KeyFileOnDisk, IsItsOwnersAlone) {
  write("1 active " + good);
  for (mode_t others = 0; others < 0100; ++others) {
    for (const mode_t owners : {0400u, 0600u, 0700u}) {
      ASSERT_EQ(::chmod(path.c_str(), owners | others), 0);
      EXPECT_EQ(verdict(), others == 0 ? "accepted" : "others than its owner may use it: chmod 600")
          << std::oct << (owners | others);
    }
  }
}

TEST_F(KeyFileOnDisk, MustBeThere) { EXPECT_EQ(verdict(), "No such file or directory"); }

TEST_F(KeyFileOnDisk, MustBeARegularFile) {
  ASSERT_TRUE(std::filesystem::create_directory(path));
  EXPECT_EQ(verdict(), "it is not a regular file");
  path = "/dev/null";
  EXPECT_EQ(verdict(), "it is not a regular file");
}

// To open one that nobody writes would wait for ever.
TEST_F(KeyFileOnDisk, FifosAreNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(verdict(), "it is not a regular file");
}

TEST_F(KeyFileOnDisk, HasAtMostOneMebibyte) {
  const std::string line = "1 active " + good + "\n#";
  std::string text = line + std::string((std::size_t{1} << 20) - line.size(), 'x');
  write(text);
  EXPECT_EQ(verdict(), "accepted");
  text += 'x';
  write(text);
  EXPECT_EQ(verdict(), "it is above 1 MiB");
}

}  // namespace
}  // namespace parley::cursor
