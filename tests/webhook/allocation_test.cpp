// SPDX-License-Identifier: Apache-2.0
//
// What the headers promise about allocations.

#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "webhook/reference.hpp"

namespace parley::webhook {
namespace {

using reference::buffer;

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

// By OpenSSL too, unless it is the build on its EVP functions: those are not counted here.
TEST(Allocations, NoneToParseSignAndVerify) {
  const auto by = signer::make(reference::secrets_of({buffer(24, 'a'), buffer(64, 'b')}));
  const auto receiver = verifier::make(reference::secrets_of({buffer(64, 'b'), buffer(24, 'c')}));
  const auto now = reference::at_second(1'700'000'000);
  const std::string large(1 << 20, 'x');
  const std::string id(id_bytes_max, 'm');
  bool all_right = true;
  EXPECT_EQ(allocations_of([&] {
              all_right &= secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").has_value();
              for (const std::string_view body : {std::string_view(""), std::string_view(large)}) {
                const auto made = by->sign(id, now, body);
                const auto headers = made->all();
                all_right &= receiver->verify(headers, body, now).has_value();
                all_right &= receiver->verify(headers, "", now).has_value() == body.empty();
                const delivery_headers forged = {
                    .id = "m", .timestamp = made->timestamp(), .signature = made->signature()};
                all_right &= !receiver->verify(forged, body, now);
                all_right &= !receiver->verify({.id = large, .timestamp = "1", .signature = large},
                                               body, now);
              }
              all_right &= !by->sign("a.b", now, large);
            }),
            0u);
  EXPECT_TRUE(all_right);
}

}  // namespace
}  // namespace parley::webhook
