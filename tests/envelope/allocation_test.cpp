// SPDX-License-Identifier: Apache-2.0
//
// What the header promises about allocations. allocations.cpp counts them.

#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"
#include "support/allocations.hpp"

namespace parley::envelope {
namespace {

using errors::code;

template <class Function>
std::size_t allocations_of(Function function) {
  const std::size_t before = testing_support::allocations();
  function();
  return testing_support::allocations() - before;
}

TEST(Allocations, AreCounted) {
  std::string text;
  EXPECT_EQ(allocations_of([&] { text.assign(100, 'a'); }), 1u);
}

TEST(Allocations, NoneToMakeWhatTheCatalogueSays) {
  EXPECT_EQ(allocations_of([] {
              for (const errors::row& row : errors::catalogue()) {
                const error made(row.code, row.tier);
                EXPECT_FALSE(made.message().empty());
              }
            }),
            0u);
}

TEST(Allocations, NoneToWriteIntoABuffer) {
  const error made = error(code::destination_invalid)
                         .with_message("a message of its own with a \"quote\" and a \xFF")
                         .with_field("to_number", "Expected +<country><number>");
  std::array<char, 1000> buffer;
  EXPECT_EQ(allocations_of([&] {
              EXPECT_LE(write_json(made, buffer), buffer.size());
              EXPECT_LE(write_json(view_of(errors::row_of(code::busy)), buffer), buffer.size());
              EXPECT_GT(write_json(made, std::span(buffer).first(10)), 10u);
            }),
            0u);
}

TEST(Allocations, OneToMakeAString) {
  const error small(code::busy);
  const error large = error(code::busy).with_message(std::string(100'000, '\n'));
  std::string text;
  EXPECT_EQ(allocations_of([&] { text = to_json(small); }), 1u);
  EXPECT_EQ(allocations_of([&] { text = to_json(large); }), 1u);
}

TEST(Allocations, NoneToWriteAProblemIntoABuffer) {
  const error made = error(code::destination_invalid)
                         .with_message("a message of its own with a \"quote\" and a \xFF")
                         .with_field("to_number", "Expected +<country><number>");
  const problem_options options{.type_base = "https://api.example/problems/",
                                .instance = "/calls/1"};
  std::array<char, 1000> buffer;
  EXPECT_EQ(allocations_of([&] {
              EXPECT_LE(write_problem(made, buffer), buffer.size());
              EXPECT_LE(write_problem(made, buffer, options), buffer.size());
              EXPECT_GT(write_problem(made, std::span(buffer).first(10), options), 10u);
            }),
            0u);
}

TEST(Allocations, OneToMakeAProblemAString) {
  const error small(code::busy);
  const error large = error(code::busy).with_message(std::string(100'000, '\n'));
  std::string text;
  EXPECT_EQ(allocations_of([&] { text = to_problem(small); }), 1u);
  EXPECT_EQ(allocations_of([&] { text = to_problem(large); }), 1u);
}

TEST(Allocations, NoneToParseAProblemThatTheCatalogueSays) {
  const problem_options options{.type_base = "https://api.example/problems/"};
  for (const errors::row& row : errors::catalogue()) {
    const std::string body = to_problem(error(row.code, row.tier), options);
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(parse_problem(body, options).has_value()); }), 0u)
        << row.name;
  }
}

TEST(Allocations, NoneToParseWhatTheCatalogueSays) {
  for (const errors::row& row : errors::catalogue()) {
    const std::string body = to_json(error(row.code, row.tier));
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(parse(body).has_value()); }), 0u) << row.name;
  }
}

TEST(Allocations, OneToParseAMessageOfItsOwn) {
  for (const char* message : {"A message that is longer than a small string.",
                              "An \"escaped\" message, which passes in parts\n."}) {
    const std::string body = to_json(error(code::agent_dispatch_failed).with_message(message));
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(parse(body).has_value()); }), 1u) << message;
  }
}

TEST(Allocations, NoneToRefuseABody) {
  const std::string html = "<html><body>502 Bad Gateway</body></html>";
  const std::string other = R"({"data":{"id":"a text that is longer than a small string"}})";
  EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(parse(html).has_value()); }), 0u);
  EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(parse(other).has_value()); }), 0u);
}

}  // namespace
}  // namespace parley::envelope
