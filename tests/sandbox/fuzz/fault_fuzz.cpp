// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the header that asks for a fault: what is read is one that can be told again, in
// words and on a response.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sandbox/faults.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley;
  using namespace parley::sandbox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_fault(text);
  if (read) {
    require(static_cast<bool>(*read));
    std::string said(read->name());
    if (read->tier) said += *read->tier == errors::tier::call ? ";tier=call" : ";tier=http";
    const auto again = parse_fault(said);
    require(again && *again == *read);

    const std::chrono::milliseconds delay(size);
    http::response r;
    mark(r, *read, delay);
    require(http::is_sendable(r));
    const fault_mark marked = mark_of(r);
    require(marked.name == read->name() && marked.behaviour == read->behaviour);
    require(marked.delay == delay);
  } else {
    require(!read.error().empty());
  }
  return 0;
}
