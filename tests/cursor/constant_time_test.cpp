// SPDX-License-Identifier: Apache-2.0
//
// No branch and no address depends on a key of cursors, or on the MAC of what is verified, but the
// one branch on whether it is genuine. That is no secret: it is what the client is told.

#include <cstddef>
#include <string>
#include <vector>

#include "parley/cursor/codec.hpp"
#include "support/memcheck.hpp"

namespace parley::cursor {
namespace {

using at_number = codec<std::uint64_t, std::uint64_t>;

constexpr seconds_time now{std::chrono::seconds(1'700'000'000)};
const std::vector<std::byte> secret(secret_bytes_min, std::byte{0x5a});

key_set make_keys(const std::vector<std::byte>& from) {
  return *key_set::make({{.id = 1, .state = key_state::active, .secret = from}});
}

class ConstantTime : public memcheck::test {};

TEST_F(ConstantTime, KeysAreDerived) {
  const std::vector<std::byte> hidden = secret;
  memcheck::hide(hidden);
  EXPECT_EQ(memcheck::uses([&] { make_keys(hidden); }), 0u);
}

TEST_F(ConstantTime, CursorsAreVerified) {
  const std::vector<std::byte> hidden = secret;
  memcheck::hide(hidden);
  const key_set keys = make_keys(hidden);
  const auto verdict = [&](std::string_view text) {
    std::string said;
    EXPECT_EQ(memcheck::uses([&] {
                const auto got = at_number::verify(keys, {}, text, now, order::descending);
                said = got ? "accepted" : to_string(got.error());
              }),
              1u)
        << text;
    return said;
  };

  const auto issued = at_number::issue(make_keys(secret), {}, {.key = 7, .id = 9}, now);
  const std::string genuine(issued.view());
  EXPECT_EQ(verdict(genuine), "accepted");
  // The 16 bytes at the end; the last character has two bits of them, and others mean nothing
  // there.
  constexpr std::size_t mac_characters = 22;
  for (std::size_t i = genuine.size() - mac_characters; i < genuine.size() - 1; ++i) {
    std::string forged = genuine;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verdict(forged), "forged") << i;
  }
}

}  // namespace
}  // namespace parley::cursor
