// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

#include <parley/cursor/codec.hpp>
#include <parley/cursor/key_ring.hpp>

int main() {
  namespace cursor = parley::cursor;
  using calls_cursor = cursor::codec<cursor::timestamp_us, cursor::uuid>;
  constexpr std::array<std::byte, 32> secret{};
  auto keys = cursor::key_set::make({{1, cursor::key_state::active, secret}});
  if (!keys) return 1;
  const cursor::key_ring ring(*std::move(keys));
  const cursor::seconds_time now{std::chrono::seconds(1'767'225'600)};
  const auto order = cursor::order::descending;
  const auto mine = cursor::scope_of({"GET /v1/calls", "t-1"}, {});
  const auto other = cursor::scope_of({"GET /v1/calls", "t-2"}, {});
  const auto made = calls_cursor::issue(ring.current(), mine, {{}, {}, order}, now);
  return calls_cursor::verify(ring.current(), mine, made.view(), now, order) &&
                 !calls_cursor::verify(ring.current(), other, made.view(), now, order)
             ? 0
             : 1;
}
