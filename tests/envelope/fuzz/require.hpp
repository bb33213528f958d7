// SPDX-License-Identifier: Apache-2.0

#ifndef PARLEY_TESTS_ENVELOPE_FUZZ_REQUIRE_HPP
#define PARLEY_TESTS_ENVELOPE_FUZZ_REQUIRE_HPP

#include <cstdlib>

// What a fuzzer says of an input that breaks a promise.
inline void require(bool holds) {
  if (!holds) std::abort();
}

#endif  // PARLEY_TESTS_ENVELOPE_FUZZ_REQUIRE_HPP
