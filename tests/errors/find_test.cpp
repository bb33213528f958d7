// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cctype>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "parley/errors/catalogue.hpp"

namespace parley::errors {
namespace {

std::set<std::string_view> all_names() {
  std::set<std::string_view> names;
  for (const row& each : catalogue()) names.insert(each.name);
  return names;
}

// A block of exactly the size of the name, so that AddressSanitizer sees a read past either end.
code find_exact(std::string_view name) {
  const std::unique_ptr<char[]> exact(new char[name.size()]);
  name.copy(exact.get(), name.size());
  return find_code({exact.get(), name.size()});
}

TEST(FindCode, FindsEachNameAndNamesItBack) {
  for (const row& each : catalogue()) {
    EXPECT_EQ(find_exact(each.name), each.code) << each.name;
    EXPECT_EQ(to_string(each.code), each.name);
  }
}

// Every name that differs from one of ours in one byte is ours only if it is another of ours.
TEST(FindCode, RefusesEveryChangeOfOneByte) {
  const auto names = all_names();
  std::size_t tried = 0;
  for (const std::string_view name : names) {
    std::string changed(name);
    for (char& c : changed) {
      const char kept = c;
      for (int value = 0; value < 256; ++value) {
        c = static_cast<char>(value);
        if (!names.contains(changed)) {
          ASSERT_EQ(find_exact(changed), code::unknown) << changed;
          ++tried;
        }
      }
      c = kept;
    }
  }
  EXPECT_GT(tried, 100'000u);
}

TEST(FindCode, RefusesTruncatedAndExtendedNames) {
  const auto names = all_names();
  for (const std::string_view name : names) {
    for (std::size_t size = 0; size < name.size(); ++size) {
      EXPECT_EQ(find_exact(name.substr(0, size)), code::unknown) << name << ' ' << size;
      EXPECT_EQ(find_exact(name.substr(name.size() - size)), code::unknown) << name << ' ' << size;
    }
    for (int value = 0; value < 256; ++value) {
      const char c = static_cast<char>(value);
      EXPECT_EQ(find_exact(std::string(name).append(1, c)), code::unknown) << name << ' ' << value;
      EXPECT_EQ(find_exact(std::string(1, c).append(name)), code::unknown) << name << ' ' << value;
    }
  }
}

TEST(FindCode, DoesNotFoldCase) {
  for (const std::string_view name : all_names()) {
    std::string upper(name);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(find_exact(upper), code::unknown) << upper;
  }
}

TEST(FindCode, RefusesWhatIsNoNameAtAll) {
  EXPECT_EQ(find_code({}), code::unknown);
  EXPECT_EQ(find_exact(""), code::unknown);
  EXPECT_EQ(find_exact("unknown"), code::unknown);
  EXPECT_EQ(find_exact("scope_missing"), code::unknown);
  EXPECT_EQ(find_exact(std::string(10'000'000, 'a')), code::unknown);
  EXPECT_EQ(find_exact(std::string("busy").append(10'000'000, '\0')), code::unknown);
}

TEST(FindCode, RefusesEachTextOfOneAndTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    std::string text(1, static_cast<char>(first));
    ASSERT_EQ(find_exact(text), code::unknown);
    text.push_back('\0');
    for (int second = 0; second < 256; ++second) {
      text.back() = static_cast<char>(second);
      ASSERT_EQ(find_exact(text), code::unknown);
    }
  }
}

TEST(FindCategory, FindsEachAndNothingElse) {
  std::set<category> seen;
  for (const row& each : catalogue()) {
    if (each.category == category::none) continue;
    seen.insert(each.category);
    const std::string name(to_string(each.category));
    EXPECT_EQ(find_category(name), each.category);
    EXPECT_EQ(find_category(name + "s"), category::none);
    EXPECT_EQ(find_category(name.substr(1)), category::none);
    EXPECT_EQ(find_category(std::string("X").append(name, 1)), category::none);
  }
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(find_category(""), category::none);
  EXPECT_EQ(find_category("none"), category::none);
  EXPECT_EQ(find_category("unknown"), category::none);
}

}  // namespace
}  // namespace parley::errors
