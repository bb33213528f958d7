// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cursor/reference.hpp"

namespace parley::cursor {
namespace {

using named = std::pair<std::string, std::string>;

scope to_scope(std::string_view route, std::string_view tenant, const std::vector<named>& filters) {
  std::vector<filter> views;
  for (const auto& [name, value] : filters) views.push_back({name, value});
  return scope_of({route, tenant}, views);
}

std::string hex(const scope& bound) {
  std::string made;
  for (const unsigned char each : reference::bytes_of(bound)) {
    made += "0123456789abcdef"[each >> 4];
    made += "0123456789abcdef"[each & 15];
  }
  return made;
}

// SHA-256 over each part behind its length in eight bytes, filters by name and then by value.
std::string expected(std::string_view route, std::string_view tenant, std::vector<named> filters) {
  std::sort(filters.begin(), filters.end());
  reference::buffer message;
  const auto add = [&message](std::string_view part) {
    reference::append(message, reference::big_endian(part.size(), 8));
    reference::append(message, reference::bytes_of(part));
  };
  add(route);
  add(tenant);
  for (const auto& [name, value] : filters) {
    add(name);
    add(value);
  }
  scope made;
  unsigned char whole[32];
  SHA256(message.data(), message.size(), whole);
  for (std::size_t i = 0; i < 16; ++i) made.bytes[i] = static_cast<std::byte>(whole[i]);
  return hex(made);
}

TEST(Scope, IsWhatItsDescriptionSays) {
  std::vector<named> filters;
  for (int i = 0; i <= 100; ++i) {
    EXPECT_EQ(hex(to_scope("GET /v1/calls", "acct_1", filters)),
              expected("GET /v1/calls", "acct_1", filters))
        << i;
    filters.emplace_back("name" + std::to_string(37 * i % 101),
                         std::string(static_cast<std::size_t>(i % 5), 'v'));
  }
  EXPECT_EQ(hex(to_scope("", "", {})), expected("", "", {}));
  const std::string large(100'000, 'x');
  EXPECT_EQ(hex(to_scope(large, large, {{large, large}})),
            expected(large, large, {{large, large}}));
}

// Made by another program, in another language, from the description.
TEST(Scope, Stays) {
  EXPECT_EQ(hex(scope_of({"GET /v1/calls", "acct_1"})), "5034c72b36beb0514e17dee33e4423a3");
  EXPECT_EQ(hex(scope_of({"GET /v1/calls", "acct_1"}, {{"status", "ended"}, {"from", "+1"}})),
            "c48774997341d559f0d950f2213f55d2");
}

TEST(Scope, TellsPartsApart) {
  const std::string zero(8, '\0');
  const std::vector<std::tuple<std::string, std::string, std::vector<named>>> cases = {
      {"", "", {}},
      {"a", "", {}},
      {"", "a", {}},
      {"ab", "c", {}},
      {"a", "bc", {}},
      {"abc", "", {}},
      {"", "abc", {}},
      {"a", "b", {{"c", ""}}},
      {"a", "b", {{"", "c"}}},
      {"a", "b", {{"", ""}}},
      {"a", "b", {{"", ""}, {"", ""}}},
      {"a", "b", {}},
      {"a", "b", {{"c", "d"}}},
      {"a", "b", {{"d", "c"}}},
      {"a", "b", {{"cd", ""}}},
      {"a", "b", {{"c", "d"}, {"c", "d"}}},
      {"a", "b", {{"c", "d"}, {"e", "f"}}},
      {"a", "b", {{"c", "f"}, {"e", "d"}}},
      {"a", "b", {{"c", "de"}, {"", "f"}}},
      {"a", "b", {{"C", "d"}}},
      {zero, "", {}},
      {"", zero, {}},
      {"", "", {{"", zero}}},
      {"", "", {{zero, ""}}},
      {"a" + zero, "b", {}},
      {std::string("a\0b", 3), "", {}},
  };
  std::set<std::string> seen;
  for (const auto& [route, tenant, filters] : cases) {
    EXPECT_TRUE(seen.insert(hex(to_scope(route, tenant, filters))).second)
        << route << '|' << tenant << '|' << filters.size();
  }
}

TEST(Scope, TakesFiltersInAnyOrder) {
  std::vector<named> filters = {{"a", "1"}, {"a", "2"}, {"a", "1"}, {"b", ""}, {"", "b"}};
  const scope first = to_scope("r", "t", filters);
  std::sort(filters.begin(), filters.end());
  int orders = 0;
  do {
    EXPECT_EQ(to_scope("r", "t", filters), first);
    ++orders;
  } while (std::next_permutation(filters.begin(), filters.end()));
  EXPECT_EQ(orders, 60);

  std::vector<named> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(std::to_string(i % 10), std::to_string(i));
  const scope of_many = to_scope("r", "t", many);
  std::shuffle(many.begin(), many.end(), std::mt19937(1));
  EXPECT_EQ(to_scope("r", "t", many), of_many);
  many.pop_back();
  EXPECT_NE(to_scope("r", "t", many), of_many);
}

TEST(Scope, BracesAndSpansAreTheSame) {
  const filter one[] = {{"status", "ended"}};
  EXPECT_EQ(scope_of({"r", "t"}, {{"status", "ended"}}), scope_of({"r", "t"}, one));
  EXPECT_EQ(scope_of({"r", "t"}, {}), scope_of({"r", "t"}));
  const filter two[] = {{"a", "b"}, {"c", "d"}};
  EXPECT_EQ(scope_of({"r", "t"}, {{"c", "d"}, {"a", "b"}}), scope_of({"r", "t"}, two));
}

}  // namespace
}  // namespace parley::cursor
