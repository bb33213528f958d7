// SPDX-License-Identifier: Apache-2.0
//
// What the header promises about allocations.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "parley/cursor/codec.hpp"
#include "support/allocations.hpp"

namespace parley::cursor {
namespace {

template <class Function>
std::size_t allocations_of(Function function) {
  const std::size_t before = testing_support::allocations();
  function();
  return testing_support::allocations() - before;
}

using calls_cursor = codec<timestamp_us, uuid>;
using texts_cursor = codec<key_text, key_text>;

TEST(Allocations, AreCounted) {
  std::string text;
  EXPECT_EQ(allocations_of([&] { text.assign(100, 'a'); }), 1u);
}

// By OpenSSL too, unless it is the build on its EVP functions: those are not counted here.
TEST(Allocations, NoneToIssueAndVerify) {
  constexpr std::array<std::byte, 32> secret{};
  const auto keys = key_set::make({{.id = 1, .state = key_state::active, .secret = secret}});
  ASSERT_TRUE(keys.has_value());
  const key_ring ring(*key_set::make({{.id = 1, .state = key_state::active, .secret = secret}}));
  const seconds_time now{std::chrono::seconds(1'800'000'000)};
  const std::string long_text(text_bytes_max, 'x');
  const std::string much(10'000'000, 'A');
  bool all_right = true;
  ring.current();  // the first time it takes a share
  EXPECT_EQ(
      allocations_of([&] {
        const scope bound = scope_of({"GET /v1/calls", "tenant-7"}, {{"status", "ended"}});
        const auto text = calls_cursor::issue(*keys, bound, {}, now);
        all_right &=
            calls_cursor::verify(*keys, bound, text.view(), now, order::descending).has_value();
        all_right &=
            calls_cursor::verify(ring.current(), bound, text.view(), now, order::descending)
                .has_value();
        // Above one block.
        const auto large = texts_cursor::issue(
            *keys, bound, {*key_text::from(long_text), *key_text::from(long_text)}, now);
        all_right &=
            texts_cursor::verify(*keys, bound, large.view(), now, order::descending).has_value();
        all_right &= !calls_cursor::verify(*keys, bound, much, now, order::descending);
        all_right &= !calls_cursor::verify(*keys, bound, "AQ", now, order::descending);
      }),
      0u);
  EXPECT_TRUE(all_right);
}

}  // namespace
}  // namespace parley::cursor
