// SPDX-License-Identifier: Apache-2.0
//
// Any value of Retry-After is nothing, or a wait between nothing and its bound.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/retry_after.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::chrono_literals;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const std::int64_t now : {0LL, 784111777LL, 1793577600LL, 253402300799LL}) {
    const auto wait = parley::client::parse_retry_after(
        text, std::chrono::sys_seconds(std::chrono::seconds(now)), 60s);
    if (wait && (*wait < 0ms || *wait > 60s)) std::abort();
  }
  return 0;
}
