// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/core.md.

#include <string_view>

#include <gtest/gtest.h>

#include "parley/core/result.hpp"

namespace {

enum class errc { empty = 1 };

parley::result<int, errc> parse(std::string_view text) {
  if (text.empty()) return parley::failure{errc::empty};
  return 42;
}

int used = 0;
errc reported{};
void use(int number) { used = number; }
void report(errc why) { reported = why; }

void read(std::string_view text) {
  if (const auto number = parse(text))
    use(*number);
  else
    report(number.error());
}

TEST(Core, AValueOrTheReason) {
  read("forty-two");
  EXPECT_EQ(used, 42);
  read("");
  EXPECT_EQ(reported, errc::empty);
}

}  // namespace
