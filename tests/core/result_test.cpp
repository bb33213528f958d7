// SPDX-License-Identifier: Apache-2.0
#include "parley/core/result.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace parley {
namespace {

enum class errc : unsigned char { empty = 1, too_long };

// Counts what lives, so that a missing or doubled destructor shows.
struct counted {
  explicit counted(int v) noexcept : value(v) { ++alive; }
  counted(const counted& other) : value(other.value) {
    if (copies_left == 0) throw std::runtime_error("no copy left");
    if (copies_left > 0) --copies_left;
    ++alive;
  }
  counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  counted& operator=(const counted&) = delete;  // a result must get along without
  counted& operator=(counted&&) = delete;
  ~counted() { --alive; }

  int value;
  static inline int alive = 0;
  static inline int copies_left = -1;  // negative: any number
};

struct with_const_member {
  const int value;
};

struct trivial_copy_only {
  explicit trivial_copy_only(int v) noexcept : value(v) {}
  trivial_copy_only(const trivial_copy_only&) = default;
  trivial_copy_only(trivial_copy_only&& other) noexcept : value(std::exchange(other.value, -1)) {}
  trivial_copy_only& operator=(const trivial_copy_only&) = default;
  ~trivial_copy_only() = default;
  int value;
};

// What a result of small types costs: nothing but the flag, in registers.
static_assert(std::is_trivially_copyable_v<result<int, errc>>);
static_assert(std::is_trivially_copyable_v<result<void, errc>>);
static_assert(std::is_trivially_destructible_v<result<int, errc>>);
static_assert(sizeof(result<int, errc>) == 8);
static_assert(sizeof(result<void, errc>) == 2);

static_assert(!std::is_trivially_copyable_v<result<std::string, errc>>);
static_assert(!std::is_trivially_destructible_v<result<int, std::string>>);
static_assert(std::is_copy_constructible_v<result<std::string, errc>>);
static_assert(std::is_copy_assignable_v<result<std::string, errc>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string, std::string>>);
static_assert(std::is_nothrow_move_assignable_v<result<std::string, std::string>>);

using move_only = result<std::unique_ptr<int>, errc>;
static_assert(!std::is_copy_constructible_v<move_only>);
static_assert(!std::is_copy_assignable_v<move_only>);
static_assert(std::is_nothrow_move_constructible_v<move_only>);
static_assert(std::is_nothrow_move_assignable_v<move_only>);
static_assert(!std::is_copy_constructible_v<result<int, std::unique_ptr<int>>>);

static_assert(std::is_default_constructible_v<result<void, errc>>);
static_assert(!std::is_default_constructible_v<result<int, errc>>);
static_assert(!std::is_constructible_v<bool, result<void, errc>> ||
              !std::is_convertible_v<result<void, errc>, bool>);
// An error is never taken for a value by itself.
static_assert(!std::is_convertible_v<errc, result<int, errc>>);
static_assert(!std::is_convertible_v<const char*, result<int, errc>>);
static_assert(std::is_convertible_v<const char*, result<std::string, errc>>);
static_assert(std::is_same_v<result<int, errc>::value_type, int>);
static_assert(std::is_same_v<result<int, errc>::error_type, errc>);

constexpr result<int, errc> parse_digit(char c) {
  if (c == '\0') return failure{errc::empty};
  if (c < '0' || c > '9') return failure{errc::too_long};
  return c - '0';
}

constexpr bool works_at_compile_time() {
  result<int, errc> number = parse_digit('7');
  if (!number || *number != 7) return false;
  number = parse_digit('x');
  if (number.has_value() || number.error() != errc::too_long) return false;
  const result<int, errc> copy = number;
  number = parse_digit('3');
  return !copy && *number == 3 && copy.value_or(9) == 9 && number.value_or(9) == 3;
}
static_assert(works_at_compile_time());

constexpr bool works_at_compile_time_for_types_that_own() {
  result<std::vector<char>, std::vector<int>> held = std::vector<char>{'a', 'b'};
  const result<std::vector<char>, std::vector<int>> other = failure{std::vector<int>{1, 2, 3}};
  held = other;
  if (held || held.error().size() != 3) return false;
  held = std::vector<char>{'c'};
  return held->size() == 1 && (*std::move(held)).front() == 'c';
}
static_assert(works_at_compile_time_for_types_that_own());

TEST(Result, HoldsItsValue) {
  result<std::string, errc> held = "text";
  ASSERT_TRUE(held.has_value());
  EXPECT_TRUE(static_cast<bool>(held));
  EXPECT_EQ(*held, "text");
  EXPECT_EQ(held->size(), 4u);
  held->push_back('s');
  EXPECT_EQ(*std::as_const(held), "texts");
  EXPECT_EQ(std::as_const(held)->size(), 5u);
}

TEST(Result, HoldsItsError) {
  result<int, std::string> held = failure{"why"};
  ASSERT_FALSE(held.has_value());
  EXPECT_FALSE(static_cast<bool>(held));
  held.error() += " not";
  EXPECT_EQ(std::as_const(held).error(), "why not");
  const std::string taken = std::move(held).error();
  EXPECT_EQ(taken, "why not");
}

TEST(Result, KeepsValueAndErrorOfTheSameTypeApart) {
  const result<int, int> value = 1;
  const result<int, int> error = failure{1};
  EXPECT_TRUE(value.has_value());
  EXPECT_FALSE(error.has_value());
}

TEST(Result, OfBoolTellsFalseFromFailure) {
  const result<bool, errc> no = false;
  EXPECT_TRUE(no.has_value());
  EXPECT_FALSE(*no);
}

TEST(Result, OfVoidIsSuccessByDefault) {
  result<void, errc> done;
  EXPECT_TRUE(done.has_value());
  done = failure{errc::too_long};
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error(), errc::too_long);
  done = {};
  EXPECT_TRUE(done.has_value());
}

TEST(Result, MovesWhatCannotBeCopied) {
  move_only first = std::make_unique<int>(5);
  move_only second = std::move(first);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(**second, 5);
  second = failure{errc::empty};
  EXPECT_FALSE(second.has_value());
  second = std::make_unique<int>(6);
  const std::unique_ptr<int> taken = *std::move(second);
  EXPECT_EQ(*taken, 6);
}

// From each state into each state, by copy and by move: nothing leaks, nothing dies twice.
TEST(Result, AssignsFromEachStateIntoEachState) {
  using held = result<counted, std::string>;
  const std::string why(40, 'e');
  for (const bool from_value : {true, false}) {
    for (const bool into_value : {true, false}) {
      for (const bool by_move : {true, false}) {
        held into = into_value ? held(counted(1)) : held(failure{std::string("old")});
        held from = from_value ? held(counted(2)) : held(failure{why});
        if (by_move) {
          into = std::move(from);
        } else {
          into = from;
          ASSERT_EQ(from.has_value(), from_value);
          if (from_value) {
            EXPECT_EQ(from->value, 2);
          } else {
            EXPECT_EQ(from.error(), why);
          }
        }
        ASSERT_EQ(into.has_value(), from_value);
        if (from_value) {
          EXPECT_EQ(into->value, 2);
        } else {
          EXPECT_EQ(into.error(), why);
        }
        EXPECT_EQ(counted::alive, (into_value && from_value) || from_value ? 2 : 0);
      }
    }
  }
  EXPECT_EQ(counted::alive, 0);
}

TEST(Result, SelfAssignmentKeepsTheValue) {
  result<std::string, std::string> held = std::string(40, 'v');
  auto& same = held;
  held = same;
  EXPECT_EQ(*held, std::string(40, 'v'));
  held = std::move(same);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(*held, std::string(40, 'v'));
  held = failure{std::string(40, 'e')};
  held = same;
  EXPECT_EQ(held.error(), std::string(40, 'e'));
  held = std::move(same);
  EXPECT_EQ(held.error(), std::string(40, 'e'));
}

TEST(Result, ACopyThatThrowsLeavesTheOldState) {
  using held = result<counted, std::string>;
  const held from = counted(2);
  held into = failure{std::string("kept")};
  counted::copies_left = 0;
  EXPECT_THROW(into = from, std::runtime_error);
  EXPECT_THROW(static_cast<void>(held(from)), std::runtime_error);
  counted::copies_left = -1;
  ASSERT_FALSE(into.has_value());
  EXPECT_EQ(into.error(), "kept");
  EXPECT_EQ(counted::alive, 1);
}

TEST(Result, AssignsTypesThatCannotBeAssigned) {
  result<with_const_member, errc> held = with_const_member{1};
  held = result<with_const_member, errc>(with_const_member{2});
  EXPECT_EQ(held->value, 2);
  const result<with_const_member, errc> other = with_const_member{3};
  held = other;
  EXPECT_EQ(held->value, 3);
}

TEST(Result, MovesByTheMoveConstructorOfATypeWithATrivialCopy) {
  using held = result<trivial_copy_only, errc>;
  held first = trivial_copy_only(4);
  const held copy = first;
  EXPECT_EQ(first->value, 4);
  const held second = std::move(first);
  EXPECT_EQ(copy->value, 4);
  EXPECT_EQ(second->value, 4);
  EXPECT_EQ(first->value, -1);  // NOLINT(bugprone-use-after-move): the moved-from state is meant
}

TEST(Result, ValueOrTakesTheFallbackOnlyWithoutAValue) {
  const result<std::string, errc> value = "value";
  const result<std::string, errc> none = failure{errc::empty};
  EXPECT_EQ(value.value_or("fallback"), "value");
  EXPECT_EQ(none.value_or("fallback"), "fallback");
  EXPECT_EQ((result<std::string, errc>("value").value_or("fallback")), "value");
  EXPECT_EQ((result<std::string, errc>(failure{errc::empty}).value_or("fallback")), "fallback");
  EXPECT_EQ(*move_only(failure{errc::empty}).value_or(std::make_unique<int>(7)), 7);
}

TEST(Result, AndThenRunsOnlyOnAValue) {
  int runs = 0;
  const auto next = [&runs](const std::string& text) -> result<std::size_t, errc> {
    ++runs;
    if (text.empty()) return failure{errc::empty};
    return text.size();
  };
  const result<std::string, errc> value = "text";
  const result<std::string, errc> empty = "";
  const result<std::string, errc> none = failure{errc::too_long};
  EXPECT_EQ(*value.and_then(next), 4u);
  EXPECT_EQ(empty.and_then(next).error(), errc::empty);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(none.and_then(next).error(), errc::too_long);
  EXPECT_EQ(runs, 2);
}

TEST(Result, AndThenHandsOverWhatCanOnlyBeMoved) {
  const auto next = [](std::unique_ptr<int> owned) -> result<int, errc> { return *owned + 1; };
  EXPECT_EQ(*move_only(std::make_unique<int>(1)).and_then(next), 2);
  EXPECT_EQ(move_only(failure{errc::empty}).and_then(next).error(), errc::empty);
}

TEST(Result, MapErrorChangesTheErrorAlone) {
  const auto name = [](errc e) { return std::string(e == errc::empty ? "empty" : "too_long"); };
  static_assert(
      std::is_same_v<decltype(parse_digit('1').map_error(name)), result<int, std::string>>);
  EXPECT_EQ(*parse_digit('1').map_error(name), 1);
  EXPECT_EQ(parse_digit('\0').map_error(name).error(), "empty");
  const result<int, errc> kept = failure{errc::too_long};
  EXPECT_EQ(kept.map_error(name).error(), "too_long");
  EXPECT_EQ(kept.error(), errc::too_long);
  EXPECT_TRUE((result<void, errc>().map_error(name)).has_value());
  EXPECT_EQ((result<void, errc>(failure{errc::empty}).map_error(name)).error(), "empty");
  EXPECT_EQ(**move_only(std::make_unique<int>(8)).map_error(name), 8);
}

TEST(Result, MapErrorCopiesWhatTheFunctionRefersTo) {
  static const std::string text = "a name that lives elsewhere";
  const auto name = [](errc) -> const std::string& { return text; };
  const auto mapped = parse_digit('x').map_error(name);
  static_assert(std::is_same_v<decltype(mapped), const result<int, std::string>>);
  EXPECT_EQ(mapped.error(), text);
}

#if !defined(NDEBUG) && GTEST_HAS_DEATH_TEST
TEST(ResultDeathTest, ReadingWhatIsNotThereIsCaught) {
  const result<int, errc> none = failure{errc::empty};
  const result<int, errc> value = 1;
  EXPECT_DEATH(static_cast<void>(*none), "has_value_");
  EXPECT_DEATH(static_cast<void>(value.error()), "has_value_");
}
#endif

}  // namespace
}  // namespace parley
